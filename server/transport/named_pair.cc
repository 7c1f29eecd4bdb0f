#include "server/transport/named_pair.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <system_error>

#include "server/base/digest.h"

namespace poold {
namespace {

// What the kernel keeps for bytes on their way through a pair, in each direction; it doubles the figure for its own
// bookkeeping. Without it a pair could take several hundred KiB.
constexpr int kBytesUnderWay = 64 << 10;

// In the names, so that no other program has or guesses them.
constexpr std::size_t kRandomBytes = 16;

// Names that other programs have bound already are passed over, so often.
constexpr int kNamesToTry = 64;

[[noreturn]] void Fail() { throw std::system_error(errno, std::generic_category(), "cannot make a pair of sockets"); }

bool Bind(int socket, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());  // a first byte of zero makes it abstract
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0;
}

}  // namespace

NamedPairs::NamedPairs() : prefix_("poold-grpc-" + Hex(RandomBytes(kRandomBytes)) + "-") {}

NamedPair NamedPairs::Make() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) Fail();
  NamedPair pair{UniqueFd(ends[0]), UniqueFd(ends[1]), {}};
  for (const int end : ends) setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kBytesUnderWay, sizeof(kBytesUnderWay));
  for (int i = 0; i < kNamesToTry; ++i) {
    const std::string name = prefix_ + std::to_string(next_++);
    if (Bind(pair.named.get(), name)) {
      pair.address = "unix-abstract:" + name;
      return pair;
    }
    if (errno != EADDRINUSE) Fail();
  }
  Fail();
}

}  // namespace poold
