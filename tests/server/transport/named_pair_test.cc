#include "server/transport/named_pair.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace poold {
namespace {

constexpr std::string_view kScheme = "unix-abstract:";

// As gRPC would write it.
std::string PeerOf(int socket) {
  sockaddr_un peer{};
  socklen_t size = sizeof(peer);
  EXPECT_EQ(getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size), 0);
  return std::string(kScheme) + std::string(peer.sun_path + 1, size - offsetof(sockaddr_un, sun_path) - 1);
}

TEST(NamedPair, TellsTheOtherEndItsName) {
  NamedPairs pairs;
  const NamedPair first = pairs.Make();
  const NamedPair second = pairs.Make();
  EXPECT_NE(first.address, second.address);
  EXPECT_EQ(PeerOf(first.other.get()), first.address);
  EXPECT_EQ(PeerOf(second.other.get()), second.address);
}

TEST(NamedPair, CarriesBytesBothWaysWithoutBlocking) {
  const NamedPair pair = NamedPairs().Make();
  char byte = 0;
  EXPECT_EQ(recv(pair.named.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, EAGAIN);
  ASSERT_EQ(send(pair.named.get(), "a", 1, 0), 1);
  ASSERT_EQ(send(pair.other.get(), "b", 1, 0), 1);
  EXPECT_EQ(recv(pair.other.get(), &byte, 1, 0), 1);
  EXPECT_EQ(byte, 'a');
  EXPECT_EQ(recv(pair.named.get(), &byte, 1, 0), 1);
  EXPECT_EQ(byte, 'b');
}

TEST(NamedPair, HoldsAFewBytesOnly) {
  const NamedPair pair = NamedPairs().Make();
  const std::string bytes(4 << 10, 'x');
  std::size_t held = 0;
  for (ssize_t sent = 0; (sent = send(pair.named.get(), bytes.data(), bytes.size(), 0)) > 0;) {
    held += static_cast<std::size_t>(sent);
    ASSERT_LE(held, 256U << 10);
  }
  EXPECT_GE(held, 32U << 10) << "an event loop's round fits in";
}

TEST(NamedPair, CanBeReachedByNobodyElse) {
  const NamedPair pair = NamedPairs().Make();
  const std::string name = pair.address.substr(kScheme.size());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const UniqueFd stranger(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(stranger.get(), reinterpret_cast<const sockaddr*>(&address), size), -1);
  EXPECT_EQ(errno, ECONNREFUSED);
  EXPECT_EQ(bind(stranger.get(), reinterpret_cast<const sockaddr*>(&address), size), -1);
  EXPECT_EQ(errno, EADDRINUSE);
}

}  // namespace
}  // namespace poold
