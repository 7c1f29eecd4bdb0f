#include "server/transport/tls_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <filesystem>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

#include "server/base/settings.h"
#include "server/transport/client_certificate.h"
#include "tests/support/certificates.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tls_client.h"

namespace poold {
namespace {

namespace fs = std::filesystem;
using Protocol = TlsContexts::Protocol;
using testing::HasSubstr;

// What the server saw of a connection.
struct Seen {
  std::string protocol;
  ClientCertificate certificate;
  bool resumed = false;
};

// An endpoint that says hello to one connection after the other, until each of them ends.
class Greeter {
 public:
  explicit Greeter(TlsContexts& contexts) : contexts_(contexts) {
    listener_.listen();
    address_ = "127.0.0.1:" + std::to_string(listener_.local_endpoint().port());
    thread_ = std::thread([this] { Run(); });
  }
  ~Greeter() {
    stopping_ = true;
    boost::asio::ip::tcp::socket last(io_);
    last.connect(listener_.local_endpoint());
    thread_.join();
  }

  // What both sides make of a connection. Throws std::runtime_error if the handshake fails.
  Seen Connect(const TlsConnection::Options& options = {}) {
    TlsConnection connection(address_, options);
    connection.ReadUntil("hello");
    return seen_;
  }

  const std::string& address() const { return address_; }

 private:
  void Run() {
    while (true) {
      boost::asio::ip::tcp::socket socket(io_);
      listener_.accept(socket);
      if (stopping_) return;
      const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(contexts_.current().get()), SSL_free);
      SSL_set_fd(ssl.get(), socket.native_handle());
      if (SSL_accept(ssl.get()) == 1) {
        // Before the hello, so that who has read it may look.
        seen_ = {std::string(SelectedProtocol(ssl.get())), CertificateOf(ssl.get()),
                 SSL_session_reused(ssl.get()) == 1};
        SSL_write(ssl.get(), "hello", 5);
        for (char byte = 0; SSL_read(ssl.get(), &byte, 1) > 0;) continue;
      }
      ERR_clear_error();
    }
  }

  TlsContexts& contexts_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor listener_{io_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::string address_;
  std::atomic<bool> stopping_{false};
  Seen seen_;
  std::thread thread_;
};

class TlsContextTest : public testing::Test {
 protected:
  TlsContextTest() { Use(authority.IssueForServer("server")); }

  void Use(const CertificateFiles& files) {
    settings.certificate = files.certificate;
    settings.key = files.key;
  }

  // Ciphers whose keys are exchanged by RSA need it.
  CertificateFiles RsaCertificate() {
    CertificateFiles files{directory.path() / "rsa.crt", directory.path() / "rsa.key"};
    const Ran ran = RunToEnd({{"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=rsa",
                               "-keyout", files.key, "-out", files.certificate},
                              {},
                              {}});
    EXPECT_EQ(ran.exit_code, 0) << ran.errors;
    return files;
  }

  TemporaryDirectory directory;
  const Authority authority{directory.path(), "authority"};
  TlsSettings settings;
};

std::string Outcome(Greeter& greeter, const TlsConnection::Options& options) {
  try {
    greeter.Connect(options);
    return "connected";
  } catch (const std::runtime_error& failure) {
    return failure.what();
  }
}

TEST_F(TlsContextTest, SpeaksTls12WithForwardSecrecyAndAuthenticatedEncryptionOnly) {
  for (const bool rsa : {false, true}) {
    if (rsa) Use(RsaCertificate());
    const Tls tls(settings);
    TlsContexts contexts(tls, Protocol::kHttp11);
    Greeter greeter(contexts);
    const std::string kind = rsa ? "ECDHE-RSA-" : "ECDHE-ECDSA-";
    for (const std::string& cipher :
         {kind + "AES128-GCM-SHA256", kind + "AES256-GCM-SHA384", kind + "CHACHA20-POLY1305"}) {
      EXPECT_EQ(Outcome(greeter, {.ciphers = cipher, .version = TLS1_2_VERSION}), "connected") << cipher;
    }
    for (const std::string& cipher :
         {std::string("AES128-GCM-SHA256"), std::string("AES256-SHA"), kind + "AES128-SHA256", kind + "AES256-SHA",
          std::string("DHE-RSA-AES128-GCM-SHA256"), std::string("ADH-AES128-GCM-SHA256")}) {
      EXPECT_THAT(Outcome(greeter, {.ciphers = cipher, .version = TLS1_2_VERSION}), HasSubstr("handshake failure"))
          << cipher;
    }
    for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
      EXPECT_THAT(Outcome(greeter, {.version = version}), HasSubstr("protocol version"));
    }
    EXPECT_EQ(Outcome(greeter, {.version = TLS1_3_VERSION}), "connected");
  }
}

TEST_F(TlsContextTest, DoesNotRenegotiate) {
  const Tls tls(settings);
  TlsContexts contexts(tls, Protocol::kHttp11);
  Greeter greeter(contexts);
  TlsConnection connection(greeter.address(), {.version = TLS1_2_VERSION});
  connection.ReadUntil("hello");
  SSL_renegotiate(connection.ssl());
  EXPECT_NE(SSL_do_handshake(connection.ssl()), 1);
  EXPECT_THAT(ERR_reason_error_string(ERR_peek_error()), HasSubstr("no renegotiation"));
  ERR_clear_error();
}

TEST_F(TlsContextTest, AgreesOnItsOwnProtocolOnly) {
  const Tls tls(settings);
  for (const auto& [protocol, own, other] :
       {std::tuple(Protocol::kHttp2, "h2", "http/1.1"), {Protocol::kHttp11, "http/1.1", "h2"}}) {
    TlsContexts contexts(tls, protocol);
    Greeter greeter(contexts);
    EXPECT_EQ(greeter.Connect({.alpn = {own}}).protocol, own);
    EXPECT_EQ(greeter.Connect({.alpn = {other, own}}).protocol, own) << "the client prefers the other one";
    EXPECT_EQ(greeter.Connect().protocol, "") << "a client that says nothing is let through";
    EXPECT_THAT(Outcome(greeter, {.alpn = {other}}), HasSubstr("no application protocol"));
  }
}

TEST_F(TlsContextTest, ShowsANewCertificateToConnectionsThatBeginAfterTheChange) {
  settings.client_ca = authority.certificate();
  Tls tls(settings);
  TlsContexts contexts(tls, Protocol::kHttp2);
  const auto first = contexts.current();
  EXPECT_EQ(contexts.current(), first);
  const CertificateFiles renewed = authority.IssueForServer("renewed");
  fs::rename(renewed.certificate, settings.certificate);
  fs::rename(renewed.key, settings.key);
  tls.Reload();
  const auto second = contexts.current();
  EXPECT_NE(second, first);
  EXPECT_EQ(contexts.current(), second);
  EXPECT_NE(X509_cmp(SSL_CTX_get0_certificate(first.get()), SSL_CTX_get0_certificate(second.get())), 0);
}

// A session would let somebody in whose certificate has expired or lost its authority meanwhile.
TEST_F(TlsContextTest, ResumesSessionsOnlyWhereNobodyIsAskedForACertificate) {
  for (const bool asks : {false, true}) {
    settings.client_ca = asks ? authority.certificate().string() : "";
    const Tls tls(settings);
    TlsContexts contexts(tls, Protocol::kHttp2);
    Greeter greeter(contexts);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      TlsConnection::Options options{.version = version};
      if (asks) options.own = authority.Issue("client", "DNS:client.example");
      std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(nullptr, SSL_SESSION_free);
      {
        TlsConnection connection(greeter.address(), options);
        connection.ReadUntil("hello");
        session = connection.session();
      }
      options.session = session.get();
      EXPECT_EQ(greeter.Connect(options).resumed, !asks) << version;
    }
  }
}

TEST_F(TlsContextTest, LetsClientsWithoutACertificateThroughAndNoneOfAnotherAuthority) {
  settings.client_ca = authority.certificate();
  const Tls tls(settings);
  TlsContexts contexts(tls, Protocol::kHttp2);
  Greeter greeter(contexts);
  EXPECT_THAT(greeter.Connect().certificate.names, testing::IsEmpty());
  const auto own = authority.Issue("client", "URI:spiffe://example/a,DNS:a.example,email:a@a.example");
  EXPECT_THAT(greeter.Connect({.own = own}).certificate.names,
              testing::ElementsAre("uri:spiffe://example/a", "dns:a.example"));
  const Authority stranger(directory.path(), "stranger");
  EXPECT_NE(Outcome(greeter, {.own = stranger.Issue("forged", "DNS:a.example")}), "connected");
}

// ---- ClientCertificate

TEST_F(TlsContextTest, CertificatesSayNothingFromTheirEndOn) {
  settings.client_ca = authority.certificate();
  const Tls tls(settings);
  TlsContexts contexts(tls, Protocol::kHttp2);
  Greeter greeter(contexts);
  const auto shown = greeter.Connect({.own = authority.Issue("client", "DNS:a.example")}).certificate;
  const auto now = std::chrono::system_clock::now();
  EXPECT_GT(shown.not_after, now + std::chrono::hours(47)) << "it was issued for two days";
  EXPECT_LT(shown.not_after, now + std::chrono::hours(49));
  EXPECT_THAT(shown.NamesAt(now), testing::ElementsAre("dns:a.example"));
  EXPECT_THAT(shown.NamesAt(shown.not_after - std::chrono::milliseconds(1)), testing::ElementsAre("dns:a.example"));
  EXPECT_THAT(shown.NamesAt(shown.not_after), testing::IsEmpty());
  EXPECT_THAT(ClientCertificate().NamesAt(now), testing::IsEmpty());
}

TEST_F(TlsContextTest, CertificatesEndWithTheirAuthorityAtTheLatest) {
  settings.client_ca = authority.certificate();
  const Tls tls(settings);
  TlsContexts contexts(tls, Protocol::kHttp2);
  Greeter greeter(contexts);
  const auto now = std::chrono::system_clock::now();
  const auto later = now + std::chrono::hours(240);
  const auto shown = greeter.Connect({.own = authority.IssueUntil("client", "DNS:a.example", later)}).certificate;
  EXPECT_GT(shown.not_after, now + std::chrono::hours(47)) << "the authority's two days";
  EXPECT_LT(shown.not_after, now + std::chrono::hours(49));
}

// Further than a count of nanoseconds goes.
TEST_F(TlsContextTest, CertificatesMayLastForCenturies) {
  constexpr int kThousandYears = 365'000;
  const Authority lasting(directory.path(), "lasting", kThousandYears);
  settings.client_ca = lasting.certificate();
  const Tls tls(settings);
  TlsContexts contexts(tls, Protocol::kHttp2);
  Greeter greeter(contexts);
  const auto own = lasting.Issue("client", "DNS:a.example", kThousandYears);
  const auto shown = greeter.Connect({.own = own}).certificate;
  EXPECT_FALSE(shown.NamesAt(std::chrono::system_clock::now() + std::chrono::hours(100'000)).empty());
}

}  // namespace
}  // namespace poold
