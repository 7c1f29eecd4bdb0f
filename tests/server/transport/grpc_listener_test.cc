// Connections of a real gRPC server that come through GrpcListener.

#include "server/transport/grpc_listener.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>

#include "server/base/settings.h"
#include "server/telemetry/metrics.h"
#include "server/transport/grpc_acceptor.h"
#include "server/transport/tls.h"
#include "tests/support/certificates.h"
#include "tests/support/given.h"
#include "tests/support/grpc_client.h"
#include "tests/support/http2_frames.h"
#include "tests/support/prometheus_text.h"
#include "tests/support/tcp_client.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tls_client.h"

namespace poold {
namespace {

using smsvoice::v2::DescribePoolsRequest;
using testing::HasSubstr;
using testing::StartsWith;

// Answers every call, and says in the status whom gRPC takes the caller for.
class TellsPeers final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    class Reactor final : public grpc::ServerGenericBidiReactor {
     public:
      explicit Reactor(const std::string& peer) {
        StartWriteAndFinish(&answer_, {}, {grpc::StatusCode::UNIMPLEMENTED, peer});
      }
      void OnDone() override { delete this; }

     private:
      const grpc::Slice nothing_;
      const grpc::ByteBuffer answer_{&nothing_, 1};
    };
    return new Reactor(context->peer());
  }
};

class GrpcListenerTest : public testing::Test {
 protected:
  ~GrpcListenerTest() override { Shutdown(); }

  void Start(GrpcListener::Options options) {
    options.listen = "127.0.0.1:0";
    options.setting = "--grpc-listen";
    listener_.emplace(options, metrics_);
    grpc::ServerBuilder builder;
    service_ = std::make_unique<TellsPeers>();  // each can be of one server only
    builder.RegisterCallbackGenericService(service_.get());
    auto hand_over = AcceptOutside(builder);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    listener_->Start(std::move(hand_over));
  }

  void Shutdown() {
    if (!server_) return;
    listener_->Stop();
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_.reset();
    listener_->Finish();
  }

  const std::string& address() const { return listener_->address(); }

  // Whom a call over this channel seems to come from.
  static std::string PeerOf(const std::shared_ptr<grpc::Channel>& channel) {
    const auto reply = GrpcClient(channel, "").Call<DescribePoolsRequest>("");
    EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << reply.status.error_message();
    return reply.status.error_message();
  }
  // Of a connection of its own.
  std::string PeerOf(const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return PeerOf(grpc::CreateCustomChannel(address(), credentials, own));
  }
  std::string PeerOf() { return PeerOf(grpc::InsecureChannelCredentials()); }

  // gRPC speaks on the connection.
  static bool IsServed(TcpClient& client) {
    client.TrySend(http2::Hello());
    try {
      return client.Read(9).size() == 9;
    } catch (const std::system_error&) {
      return false;
    }
  }

  double Metric(const std::string& name) { return PrometheusText(metrics_.Text())[name]; }

  Metrics metrics_;
  std::optional<GrpcListener> listener_;
  std::unique_ptr<TellsPeers> service_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(GrpcListenerTest, GivesGrpcTheSocketItselfWhereThereIsNoGuardAndNoTls) {
  Start({.guarded = false});
  EXPECT_THAT(PeerOf(), StartsWith("ipv4:127.0.0.1:"));
}

TEST_F(GrpcListenerTest, KnowsTheAddressBehindAGuardedConnection) {
  Start({.guarded = true});
  const auto channel = grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
  const auto peer = listener_->peers().Find(PeerOf(channel));
  ASSERT_NE(peer, nullptr);
  EXPECT_EQ(peer->address, "127.0.0.1");
  EXPECT_TRUE(peer->certificate.names.empty());
  EXPECT_NE(PeerOf(), PeerOf()) << "each connection has a name of its own";
}

constexpr std::chrono::milliseconds kNoTime{0};

class GrpcListenerCounts : public GrpcListenerTest, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(, GrpcListenerCounts, testing::Bool(),
                         [](const auto& guarded) { return guarded.param ? "Guarded" : "Direct"; });

TEST_P(GrpcListenerCounts, ClosesConnectionsTooManyFromOneAddress) {
  Start({.connections_per_address = 2, .new_time = kNoTime, .guarded = GetParam()});
  std::optional<TcpClient> first(address());
  TcpClient second(address());
  ASSERT_TRUE(IsServed(*first) && IsServed(second));
  TcpClient third(address());
  EXPECT_FALSE(IsServed(third));
  EXPECT_EQ(Metric("poold_refused_total{cause=\"connections\"}"), 1);
  TcpClient other(address(), "127.0.0.2");
  EXPECT_TRUE(IsServed(other)) << "of another address";

  first.reset();
  EXPECT_TRUE(Eventually([&] { return listener_->count() == 2; }));
  TcpClient next(address());
  EXPECT_TRUE(IsServed(next));
}

TEST_P(GrpcListenerCounts, ClosesConnectionsTooManyInAll) {
  Start({.connections = 3, .connections_per_address = 2, .new_time = kNoTime, .guarded = GetParam()});
  TcpClient first(address());
  TcpClient second(address());
  TcpClient third(address(), "127.0.0.2");
  ASSERT_TRUE(IsServed(first) && IsServed(second) && IsServed(third));
  TcpClient fourth(address(), "127.0.0.3");
  EXPECT_FALSE(IsServed(fourth));
  third.CloseHalf();  // gRPC then closes
  EXPECT_TRUE(Eventually([&] { return listener_->count() == 2; }));
  TcpClient next(address(), "127.0.0.3");
  EXPECT_TRUE(IsServed(next));
}

TEST_P(GrpcListenerCounts, GoesOnWhenThereAreFilesAgain) {
  Start({.guarded = GetParam()});
  TcpClient client;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;  // what is open already stays so
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  client.Connect(address());
  client.Send(http2::Hello());
  EXPECT_TRUE(Eventually([&] { return Metric("poold_refused_total{cause=\"connections\"}") > 0; }));
  EXPECT_EQ(listener_->count(), 0);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(client.Read(9).size(), 9U) << "accepted later";
  EXPECT_NE(PeerOf(), "");
}

TEST_P(GrpcListenerCounts, AcceptsNoMoreAfterStopButServesOnWhatIsThere) {
  Start({.guarded = GetParam()});
  const auto channel = grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
  const std::string peer = PeerOf(channel);
  listener_->Stop();
  EXPECT_THROW(TcpClient{address()}, std::system_error);
  EXPECT_EQ(PeerOf(channel), peer);
  Shutdown();
  EXPECT_EQ(listener_->count(), 0);
}

TEST_F(GrpcListenerTest, CutsAFloodAndCountsIt) {
  Start({.guarded = true});
  EXPECT_EQ(Metric("poold_connections_cut_total{cause=\"pings\"}"), 0);
  TcpClient client(address());
  std::string flood = http2::Hello();
  for (int i = 0; i < 20'000; ++i) flood += http2::Ping();
  std::jthread from_client([&] { client.TrySend(flood); });
  EXPECT_THAT(client.ReadToEnd(), HasSubstr(http2::Number(0xb)));
  from_client.join();
  EXPECT_EQ(Metric("poold_connections_cut_total{cause=\"pings\"}"), 1);
  EXPECT_TRUE(Eventually([&] { return listener_->count() == 0; }));
  EXPECT_NE(PeerOf(), "") << "others are served";
}

TEST_F(GrpcListenerTest, TakesAnyNumberOfGoodConnectionsOneAfterTheOther) {
  Start({.connections = 2, .connections_per_address = 2, .new_time = kNoTime, .guarded = true});
  for (int i = 0; i < 50; ++i) {
    TcpClient client(address());
    ASSERT_TRUE(IsServed(client)) << i;
    client.Reset();
    ASSERT_TRUE(Eventually([&] { return listener_->count() == 0; })) << i;
  }
}

// Also if each connection ends at once.
TEST_F(GrpcListenerTest, LetsAnAddressConnectAnewOnlySoOften) {
  Start({.connections_per_address = 8, .new_time = std::chrono::hours(1), .guarded = true});
  for (int i = 0; i < 2; ++i) {
    TcpClient client(address());
    ASSERT_TRUE(IsServed(client));
  }
  EXPECT_TRUE(Eventually([&] { return listener_->count() == 0; }));
  TcpClient third(address());
  EXPECT_FALSE(IsServed(third));
  TcpClient other(address(), "127.0.0.2");
  EXPECT_TRUE(IsServed(other));
}

TEST_F(GrpcListenerTest, LetsGoodClientsConnectForEachCall) {
  Start({.connections_per_address = 4, .new_time = std::chrono::hours(1), .guarded = true});
  for (int i = 0; i < 10; ++i) {
    EXPECT_NE(PeerOf(), "");
    ASSERT_TRUE(Eventually([&] { return listener_->count() == 0; })) << i;
  }
}

class GrpcListenerTls : public GrpcListenerTest {
 protected:
  GrpcListenerTls() {
    const CertificateFiles server = authority_.IssueForServer("server");
    TlsSettings settings;
    settings.certificate = server.certificate;
    settings.key = server.key;
    settings.client_ca = authority_.certificate();
    tls_.emplace(settings);
  }

  std::shared_ptr<grpc::ChannelCredentials> Credentials(const CertificateFiles& own) {
    return grpc::SslCredentials({Contents(authority_.certificate()), Contents(own.key), Contents(own.certificate)});
  }

  const TemporaryDirectory directory_;
  const Authority authority_{directory_.path(), "authority"};
  std::optional<Tls> tls_;
};

TEST_F(GrpcListenerTls, KnowsTheCertificateBehindAConnection) {
  for (const bool guarded : {false, true}) {
    Start({.guarded = guarded, .tls = &*tls_});
    const CertificateFiles own = authority_.Issue("billing", "URI:spiffe://example.org/billing");
    const auto channel = grpc::CreateChannel(address(), Credentials(own));
    const auto peer = listener_->peers().Find(PeerOf(channel));
    ASSERT_NE(peer, nullptr);
    EXPECT_EQ(peer->address, "127.0.0.1");
    EXPECT_THAT(peer->certificate.names, testing::ElementsAre("uri:spiffe://example.org/billing"));
    Shutdown();
  }
}

TEST_F(GrpcListenerTls, EndsHandshakesThatTakeTooLong) {
  Start({.guarded = true, .tls = &*tls_, .handshake_limit = std::chrono::milliseconds(1)});
  TcpClient silent(address());
  EXPECT_EQ(silent.ReadToEnd(), "");
  EXPECT_EQ(Metric("poold_connections_cut_total{cause=\"late_handshake\"}"), 1);
}

TEST_F(GrpcListenerTls, RefusesClientsThatDoNotNameHttp2) {
  Start({.guarded = true, .tls = &*tls_});
  EXPECT_THROW(TlsConnection(address(), {.alpn = {"http/1.1"}}), std::runtime_error);
  TlsConnection silent(address());
  EXPECT_THROW(silent.ReadSome(), std::runtime_error);
  TlsConnection good(address(), {.alpn = {"h2"}});
  good.Send(http2::Hello());
  EXPECT_GE(good.ReadSome().size(), 9U);
}

TEST_F(GrpcListenerTls, RefusesWeakCiphers) {
  Start({.guarded = true, .tls = &*tls_});
  EXPECT_THROW(
      TlsConnection(address(), {.ciphers = "ECDHE-ECDSA-AES128-SHA256", .version = TLS1_2_VERSION, .alpn = {"h2"}}),
      std::runtime_error);
  TlsConnection good(address(),
                     {.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256", .version = TLS1_2_VERSION, .alpn = {"h2"}});
  good.Send(http2::Hello());
  EXPECT_GE(good.ReadSome().size(), 9U);
}

TEST_F(GrpcListenerTls, CountsAHandshakeThatFailsTwice) {
  Start({.connections_per_address = 8, .new_time = std::chrono::hours(1), .guarded = true, .tls = &*tls_});
  TcpClient stranger(address());
  stranger.Send("GET / HTTP/1.1\r\n\r\n");
  stranger.ReadToEnd();
  ASSERT_TRUE(Eventually([&] { return listener_->count() == 0; }));
  EXPECT_THROW(TlsConnection(address(), {.alpn = {"h2"}}), std::runtime_error);
  EXPECT_EQ(Metric("poold_refused_total{cause=\"connections\"}"), 1);
}

// A resumed session would not show its certificate again, which may be out of date by then.
TEST_F(GrpcListenerTls, ResumesNoSessionWhereClientsShowCertificates) {
  Start({.guarded = true, .tls = &*tls_});
  const CertificateFiles own = authority_.Issue("billing", "URI:spiffe://example.org/billing");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsConnection first(address(), {.own = own, .version = version, .alpn = {"h2"}});
    first.Send(http2::Hello());
    first.ReadSome();
    const auto session = first.session();
    TlsConnection second(address(), {.own = own, .version = version, .alpn = {"h2"}, .session = session.get()});
    EXPECT_EQ(SSL_session_reused(second.ssl()), 0) << version;
  }
}

TEST_F(GrpcListenerTls, DoesNotWaitForHandshakesWhenItEnds) {
  Start({.guarded = true, .tls = &*tls_});
  TcpClient silent(address());
  ASSERT_TRUE(Eventually([&] { return listener_->count() == 1; }));
  Shutdown();
  EXPECT_EQ(listener_->count(), 0);
}

}  // namespace
}  // namespace poold
