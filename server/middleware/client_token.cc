#include "server/middleware/client_token.h"

#include <algorithm>

#include "server/rpc/method.h"

namespace poold {
namespace {

constexpr std::string_view kHeader = "idempotency-key";
constexpr std::size_t kGreatestLength = 64;

bool IsToken(std::string_view text) {
  return !text.empty() && text.size() <= kGreatestLength &&
         std::ranges::all_of(text, [](char c) { return c >= '!' && c <= '~'; });
}

std::string Member(const Call& call) {
  const auto* field = call.method().client_token;
  if (field == nullptr) return {};
  return call.request().GetReflection()->GetString(call.request(), field);
}

}  // namespace

void ReadClientToken(Call& call) {
  if (!call.method().policy.writes()) return;
  const std::string member = Member(call);
  const auto header = call.Header(kHeader);
  if (header && !IsToken(*header)) {
    throw Error::Invalid(reason::kInvalidParameter, std::string(kHeader),
                         "must have 1 to 64 printable ASCII characters");
  }
  if (header && !member.empty() && *header != member) {
    throw Error::Invalid(reason::kParametersCannotBeUsedTogether,
                         {{"clientToken", "differs from the metadata idempotency-key; give one of them"},
                          {std::string(kHeader), "differs from clientToken"}});
  }
  call.set_client_token(header ? std::string(*header) : member);
}

}  // namespace poold
