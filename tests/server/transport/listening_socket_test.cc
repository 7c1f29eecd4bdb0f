#include "server/transport/listening_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>

#include "tests/support/tcp_client.h"

namespace poold {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

std::string PortIn(const std::string& address) { return address.substr(address.rfind(':') + 1); }

// Whether a client gets through to a port of 127.0.0.1.
bool Answers(const std::string& port) {
  try {
    const TcpClient client("127.0.0.1:" + port);
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

bool HasIpv6() {
  const UniqueFd socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 loopback{};
  loopback.sin6_family = AF_INET6;
  loopback.sin6_addr = in6addr_loopback;
  return socket && bind(socket.get(), reinterpret_cast<const sockaddr*>(&loopback), sizeof(loopback)) == 0;
}

TEST(ListeningSocket, PicksAPortAndTellsIt) {
  ListeningSocket socket("127.0.0.1:0", "--grpc-listen");
  EXPECT_THAT(socket.address(), StartsWith("127.0.0.1:"));
  const std::string port = PortIn(socket.address());
  EXPECT_NE(port, "0");
  EXPECT_TRUE(Answers(port));
  socket.Close();
  EXPECT_FALSE(Answers(port));
}

TEST(ListeningSocket, TakesNamesAndListensAtEachOfTheirAddresses) {
  const ListeningSocket socket("localhost:0", "--grpc-listen");
  EXPECT_THAT(socket.address(), StartsWith("localhost:"));
  EXPECT_TRUE(Answers(PortIn(socket.address())));
}

TEST(ListeningSocket, TakesBothFamiliesForAnyAddress) {
  for (const std::string any : {"0.0.0.0:0", "[::]:0"}) {
    const ListeningSocket socket(any, "--grpc-listen");
    EXPECT_THAT(socket.address(), StartsWith(any.substr(0, any.size() - 1)));
    EXPECT_TRUE(Answers(PortIn(socket.address()))) << any;
  }
}

TEST(ListeningSocket, TakesIpv6AddressesInBrackets) {
  if (!HasIpv6()) GTEST_SKIP() << "this machine has no IPv6";
  const ListeningSocket socket("[::1]:0", "--grpc-listen");
  EXPECT_THAT(socket.address(), StartsWith("[::1]:"));
  EXPECT_FALSE(Answers(PortIn(socket.address()))) << "IPv4";
}

TEST(ListeningSocket, SharesItsPortWithNobody) {
  const ListeningSocket first("127.0.0.1:0", "--grpc-listen");
  const std::string address = first.address();
  EXPECT_THAT([&] { ListeningSocket(address, "--grpc-listen"); },
              ThrowsMessage<std::runtime_error>(
                  AllOf(StartsWith("cannot listen on " + address), EndsWith("Choose another with --grpc-listen."))));
  EXPECT_THROW(ListeningSocket("0.0.0.0:" + PortIn(address), "--grpc-listen"), std::runtime_error);
}

TEST(ListeningSocket, RefusesWhatIsNoAddressOfThisMachine) {
  EXPECT_THAT([] { ListeningSocket("192.0.2.1:0", "--health-listen"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("cannot listen on 192.0.2.1:0 (")));
  EXPECT_THROW(ListeningSocket("no such name:0", "--grpc-listen"), std::runtime_error);
}

}  // namespace
}  // namespace poold
