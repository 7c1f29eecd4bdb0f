#include "server/transport/relayed_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <future>
#include <random>
#include <thread>

#include "server/transport/listening_socket.h"
#include "tests/support/http2_frames.h"
#include "tests/support/tcp_client.h"

namespace poold {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

constexpr milliseconds kPatience{20'000};
constexpr std::size_t kMuch = 4 << 20;

std::string RandomText(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// gRPC's end, which the relay has handed over: a socket that does not block, waited for by poll.
class ServerEnd {
 public:
  explicit ServerEnd(UniqueFd socket) : socket_(std::move(socket)) {}

  // What has come; "" if nothing more will.
  std::string ReadSome(std::size_t most = 64 << 10) {
    std::string bytes(most, '\0');
    while (true) {
      const ssize_t size = recv(socket_.get(), bytes.data(), bytes.size(), 0);
      if (size >= 0) return bytes.substr(0, static_cast<std::size_t>(size));
      if (errno == ECONNRESET) return {};
      Wait(POLLIN);
    }
  }
  std::string ReadToEnd() {
    std::string all;
    for (std::string some = ReadSome(); !some.empty(); some = ReadSome()) all += some;
    return all;
  }
  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        Wait(POLLOUT);
      } else {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
  }
  std::string Peer() const {
    sockaddr_un peer{};
    socklen_t size = sizeof(peer);
    EXPECT_EQ(getpeername(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &size), 0);
    return "unix-abstract:" + std::string(peer.sun_path + 1, size - offsetof(sockaddr_un, sun_path) - 1);
  }
  void Close() { socket_.Close(); }

 private:
  void Wait(short events) const {
    pollfd watched{socket_.get(), events, 0};
    if (poll(&watched, 1, static_cast<int>(kPatience.count())) != 1) throw std::runtime_error("nothing happens");
  }

  UniqueFd socket_;
};

class RelayedConnectionTest : public testing::Test {
 protected:
  RelayedConnectionTest() {
    relay.guarded = false;
    relay.hand_over = [this](UniqueFd socket) { handed_over.set_value(std::move(socket)); };
    relay.on_cut = [this](const std::string& address, std::string_view cause) {
      cut.set_value(address + " " + std::string(cause));
    };
  }

  // Relays what comes from `client`, and gives gRPC's end.
  ServerEnd Relayed() {
    client.Connect(listening.address());
    UniqueFd accepted;
    while (!accepted) {
      accepted = UniqueFd(accept4(listening.sockets()[0].get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    }
    const sockaddr none{.sa_family = AF_UNIX, .sa_data = {}};
    loop.Add(std::make_unique<RelayedConnection>(loop, relay, ClientStream(std::move(accepted), nullptr), "192.0.2.7",
                                                 *counts.Admit(&none)));
    return ServerEnd(handed_over.get_future().get());
  }

  bool Ended() { return loop.WaitUntilEmpty(kPatience); }

  const ListeningSocket listening{"127.0.0.1:0", "--grpc-listen"};
  TcpClient client;
  std::promise<UniqueFd> handed_over;
  std::promise<std::string> cut;
  ConnectionCounts counts{{.in_all = 1, .per_address = 1}};
  Relay relay;
  EventLoop loop;  // last: its members use the others
};

TEST_F(RelayedConnectionTest, KeepsBytesWholeBothWaysAtOnce) {
  ServerEnd server = Relayed();
  const std::string question = RandomText(kMuch, 1);
  const std::string answer = RandomText(kMuch, 2);
  const auto send_in_pieces = [](auto& end, const std::string& text, unsigned seed) {
    std::mt19937 random(seed);
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view piece = rest.substr(0, random() % (100 << 10) + 1);
      end.Send(piece);
      rest.remove_prefix(piece.size());
    }
  };
  std::jthread from_client([&] {
    send_in_pieces(client, question, 3);
    client.CloseHalf();
  });
  std::jthread from_server([&] { send_in_pieces(server, answer, 4); });
  std::string at_client;
  std::jthread to_client([&] {
    while (at_client.size() < kMuch) at_client += client.ReadSome();
  });
  EXPECT_TRUE(server.ReadToEnd() == question);
  to_client.join();
  EXPECT_TRUE(at_client == answer);
}

TEST_F(RelayedConnectionTest, LetsAnswersPassAfterTheClientHasSaidAll) {
  ServerEnd server = Relayed();
  client.Send("question");
  client.CloseHalf();
  EXPECT_EQ(server.ReadToEnd(), "question");
  server.Send("answer");
  server.Close();
  EXPECT_EQ(client.ReadToEnd(), "answer");
  EXPECT_TRUE(Ended());
  EXPECT_EQ(counts.count(), 0);
}

TEST_F(RelayedConnectionTest, DeliversAllThatWasSaidBeforeGrpcClosed) {
  ServerEnd server = Relayed();
  const std::string answer = RandomText(kMuch, 5);
  std::jthread from_server([&] {
    server.Send(answer);
    server.Close();
  });
  EXPECT_TRUE(client.ReadToEnd() == answer);
  from_server.join();
  EXPECT_TRUE(Ended()) << "though the client has not closed its own half";
}

TEST_F(RelayedConnectionTest, HoldsAFewBytesForASideThatTakesNone) {
  // The kernel keeps some for the client as well; that is not ours to bound.
  const int buffer = 64 << 10;
  setsockopt(client.file(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
  setsockopt(client.file(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
  ServerEnd server = Relayed();
  const auto send_until_stuck = [](int socket) {
    const std::string bytes(16 << 10, 'x');
    std::size_t sent = 0;
    pollfd watched{socket, POLLOUT, 0};
    while (poll(&watched, 1, 300) == 1 && sent < kMuch * 8) {
      const ssize_t count = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) sent += static_cast<std::size_t>(count);
    }
    return sent;
  };
  EXPECT_LT(send_until_stuck(client.file()), kMuch * 2) << "the kernel's own buffers for TCP are most of it";
  EXPECT_TRUE(client.TrySend("")) << "it waits, and has not been cut";
}

TEST_F(RelayedConnectionTest, TellsWhoTheClientIsAsLongAsItIsThere) {
  ServerEnd server = Relayed();
  const std::string name = server.Peer();
  ASSERT_NE(relay.peers.Find(name), nullptr);
  EXPECT_EQ(relay.peers.Find(name)->address, "192.0.2.7");
  EXPECT_TRUE(relay.peers.Find(name)->certificate.names.empty());
  EXPECT_EQ(relay.peers.Find("unix-abstract:poold-grpc-forged-1"), nullptr);
  server.Close();
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_EQ(relay.peers.Find(name), nullptr);
}

TEST_F(RelayedConnectionTest, TellsGrpcWhenTheClientIsReset) {
  ServerEnd server = Relayed();
  client.Send("question");
  EXPECT_EQ(server.ReadSome(), "question");
  client.Reset();
  EXPECT_EQ(server.ReadToEnd(), "");
  EXPECT_TRUE(Ended());
}

TEST_F(RelayedConnectionTest, CutsAViolationWithItsReasonAndTellsGrpcNothingOfIt) {
  relay.guarded = true;
  ServerEnd server = Relayed();
  client.Send(http2::Hello());
  EXPECT_EQ(server.ReadSome(), http2::Hello());
  server.Send(http2::Settings());
  EXPECT_EQ(client.Read(http2::Settings().size()), http2::Settings());
  std::string flood;
  for (int i = 0; i < 20'000; ++i) flood += http2::Ping();
  std::jthread from_client([&] { client.TrySend(flood); });
  const std::string end = client.ReadToEnd();
  from_client.join();
  EXPECT_EQ(cut.get_future().get(), "192.0.2.7 pings");
  EXPECT_EQ(end.substr(3, 1), std::string(1, static_cast<char>(http2::Type::kGoaway)));
  EXPECT_EQ(end.substr(13, 4), http2::Number(0xb)) << "ENHANCE_YOUR_CALM";
  EXPECT_THAT(end, HasSubstr("pings"));
  EXPECT_LT(server.ReadToEnd().size(), flood.size());
  EXPECT_TRUE(Ended());
  EXPECT_EQ(relay.unfinished.taken(), 0);
}

TEST_F(RelayedConnectionTest, SpeaksHttp2AlsoToAClientThatIsCutFirst) {
  relay.guarded = true;
  ServerEnd server = Relayed();
  client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.ReadToEnd(), StartsWith(http2::Settings()));
  EXPECT_EQ(cut.get_future().get(), "192.0.2.7 preface");
  EXPECT_EQ(server.ReadToEnd(), "");
}

TEST_F(RelayedConnectionTest, PutsNothingIntoAFrameThatTheClientHasInParts) {
  relay.guarded = true;
  ServerEnd server = Relayed();
  client.Send(http2::Hello());
  EXPECT_EQ(server.ReadSome(), http2::Hello());
  const std::string half = http2::Frame(http2::Type::kData, 0, 1, std::string(100, 'x')).substr(0, 50);
  server.Send(half);
  EXPECT_EQ(client.Read(half.size()), half);
  client.Send(http2::Frame(http2::Type::kPushPromise, 0, 1, "1234"));
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_THAT(cut.get_future().get(), StartsWith("192.0.2.7 "));
}

// A client whose calls were refused: more of them than it may have in the time of the test, or for a short time only.
class RelayedConnectionOfAStranger : public RelayedConnectionTest {
 protected:
  static constexpr std::uint32_t kCalls = 100;

  static std::string CallNumber(std::uint32_t number) {
    return http2::Headers(2 * number + 1, "fields", http2::kEndHeaders | http2::kEndStream);
  }

  // The client has read all refusals when it returns.
  void RefuseCalls(ServerEnd& server, std::uint32_t calls) {
    std::string sent = http2::Hello();
    std::string refusals;
    for (std::uint32_t i = 0; i < calls; ++i) sent += CallNumber(i);
    for (std::uint32_t i = 0; i < calls; ++i) refusals += CallNumber(i);  // trailers alone look the same
    client.Send(sent);
    std::string came;
    while (came.size() < sent.size()) came += server.ReadSome();
    server.Send(refusals);
    EXPECT_EQ(client.Read(refusals.size()), refusals);
  }

  ServerEnd RelayedWith(FrameRate refusals) {
    relay.guarded = true;
    relay.limits.refusals = refusals;
    return Relayed();
  }
};

TEST_F(RelayedConnectionOfAStranger, IsNotReadFromForAWhile) {
  // Eight calls more than it may have at once. At most two of them are made up for by the time before.
  ServerEnd server = RelayedWith({2, 10});
  const auto begin = std::chrono::steady_clock::now();
  RefuseCalls(server, 10);
  client.Send(CallNumber(10));
  server.Send(http2::Ping());
  EXPECT_EQ(client.Read(http2::Ping().size()), http2::Ping()) << "the server is still heard";
  EXPECT_EQ(server.ReadSome(), CallNumber(10));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(500));
}

TEST_F(RelayedConnectionOfAStranger, IsReadFromAtOnceIfOtherCallsWereAnswered) {
  ServerEnd server = RelayedWith({2, 1});
  RefuseCalls(server, 1);
  for (std::uint32_t i = 1; i < 50; ++i) {
    const bool refused = i % 2 == 0;
    client.Send(CallNumber(i));
    EXPECT_EQ(server.ReadSome(), CallNumber(i));
    server.Send((refused ? "" : http2::Data(2 * i + 1, "answer")) + CallNumber(i));
    client.Read(CallNumber(i).size() + (refused ? 0 : http2::Data(1, "answer").size()));
  }
}

TEST_F(RelayedConnectionOfAStranger, EndsMeanwhileWhenTheServerEndsIt) {
  ServerEnd server = RelayedWith({2, 1});
  RefuseCalls(server, kCalls);
  client.Send(CallNumber(kCalls));
  server.Close();
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_TRUE(Ended());
}

TEST_F(RelayedConnectionOfAStranger, EndsMeanwhileWhenTheClientIsReset) {
  ServerEnd server = RelayedWith({2, 1});
  RefuseCalls(server, kCalls);
  client.Reset();
  EXPECT_EQ(server.ReadToEnd(), "");
  EXPECT_TRUE(Ended());
}

TEST_F(RelayedConnectionOfAStranger, MustStillBeInTime) {
  relay.limits.message_time = milliseconds(100);
  ServerEnd server = RelayedWith({2, 1});
  client.Send(http2::Hello() + http2::Headers(1, "fields"));
  std::string refusals;
  std::string sent;
  for (std::uint32_t i = 1; i < kCalls; ++i) sent += CallNumber(i);
  client.Send(sent);
  server.Send(sent);
  EXPECT_EQ(cut.get_future().get(), "192.0.2.7 late_message");
  EXPECT_TRUE(Ended());
}

}  // namespace
}  // namespace poold
