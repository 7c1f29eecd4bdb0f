// Both sides of an HTTP/2 connection, as in tests/support/conversation.h. However the bytes are cut, the guard says the
// same, and what it took of the budget comes back.

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string_view>

#include "server/transport/http2_guard.h"
#include "tests/support/conversation.h"

namespace {

using namespace poold;  // NOLINT

const Http2Limits kLimits;

// A guard with a budget of its own, which is small: its limit is met as well.
struct Guarded {
  ByteBudget budget{1 << 20};
  std::optional<Http2Guard> guard{std::in_place, kLimits, budget, Http2Guard::TimePoint{}};

  std::optional<Http2Violation> Take(const ConversationPiece& piece, std::string_view bytes,
                                     Http2Guard::TimePoint now) {
    if (const auto late = guard->CheckTime(now)) return late;
    const auto data = std::as_bytes(std::span(bytes));
    return piece.from_server ? guard->FromServer(data, now) : guard->FromClient(data, now);
  }
};

void Require(bool kept) {
  if (!kept) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Guarded whole;
  Guarded cut;
  Http2Guard::TimePoint now{};
  for (const ConversationPiece& piece : ReadConversation({reinterpret_cast<const char*>(data), size})) {
    now += piece.pause;
    const auto verdict = whole.Take(piece, piece.bytes, now);
    auto same = cut.Take(piece, {}, now);
    for (std::size_t i = 0; i < piece.bytes.size() && !same; ++i) same = cut.Take(piece, piece.bytes.substr(i, 1), now);
    Require(verdict == same);
    if (verdict) {
      Require(!whole.guard->Goaway(*verdict).empty());
      break;
    }
    Require(whole.guard->next_check() > now && whole.guard->next_check() == cut.guard->next_check());
    Require(whole.budget.taken() == cut.budget.taken() &&
            whole.guard->server_between_frames() == cut.guard->server_between_frames());
  }
  whole.guard.reset();
  cut.guard.reset();
  Require(whole.budget.taken() == 0 && cut.budget.taken() == 0);
  return 0;
}
