#include "server/program/self_check.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "server/base/settings.h"
#include "server/transport/tls_context.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

using boost::asio::ip::tcp;
using namespace std::chrono_literals;

// An endpoint that does with connections what the test says.
class Endpoint {
 public:
  enum class Manner {
    kAnswers,     // sends the beginning of SETTINGS, by TLS if there are contexts
    kTurnsAway,   // closes them, as if there were too many
    kIsSilent,    // accepts them, and that is all
    kAcceptsNone  // the kernel takes them, but nobody does
  };

  explicit Endpoint(TlsContexts* tls = nullptr, const char* host = "127.0.0.1") : tls_(tls) {
    const tcp::endpoint any(boost::asio::ip::make_address(host), 0);
    acceptor_.open(any.protocol());
    acceptor_.bind(any);
    acceptor_.listen();
    acceptor_.non_blocking(true);
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }

  std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }
  std::string address() const { return "127.0.0.1:" + port(); }
  // From now on; `first`: so many connections are left without an answer before.
  void Be(Manner manner, int first = 0) {
    silent_first_ = first;
    manner_ = manner;
  }
  void WaitForConnections(int count) {
    for (int seen = accepted_; seen < count; seen = accepted_) accepted_.wait(seen);
  }
  bool spoke_http2() const { return spoke_http2_; }

 private:
  void Run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd wanted{manner_ == Manner::kAcceptsNone ? -1 : acceptor_.native_handle(), POLLIN, 0};
      poll(&wanted, 1, 10);
      if (wanted.revents == 0) continue;
      boost::system::error_code none;
      tcp::socket socket(io_);
      acceptor_.accept(socket, none);
      if (none) continue;
      if (manner_ == Manner::kIsSilent || silent_first_-- > 0) {
        silent_.push_back(std::move(socket));
      } else if (manner_ == Manner::kAnswers) {
        Answer(socket);
      }
      ++accepted_;
      accepted_.notify_all();
    }
  }

  void Answer(tcp::socket& socket) {
    static constexpr char kSettings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    char hello[33];
    boost::system::error_code gone;
    if (tls_ == nullptr) {
      boost::asio::read(socket, boost::asio::buffer(hello), gone);
      boost::asio::write(socket, boost::asio::buffer(kSettings), gone);
      return;
    }
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(tls_->current().get()), SSL_free);
    SSL_set_fd(ssl.get(), socket.native_handle());
    if (SSL_accept(ssl.get()) != 1) return;
    spoke_http2_ = SelectedProtocol(ssl.get()) == "h2";
    SSL_read(ssl.get(), hello, sizeof(hello));
    SSL_write(ssl.get(), kSettings, sizeof(kSettings));
  }

  TlsContexts* const tls_;
  std::atomic<Manner> manner_{Manner::kAnswers};
  std::atomic<int> silent_first_{0};
  std::atomic<int> accepted_{0};
  std::atomic<bool> spoke_http2_{false};
  boost::asio::io_context io_;
  tcp::acceptor acceptor_{io_};
  std::list<tcp::socket> silent_;
  std::jthread thread_;
};

// What a check reports, one report after the other.
class Reports {
 public:
  std::function<void(bool)> Take() {
    return [this](bool answers) {
      const std::lock_guard lock(mutex_);
      reports_.push_back(answers);
      changed_.notify_all();
    };
  }
  // The next one; waits for half a minute at most.
  std::string Next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, 30s, [this] { return !reports_.empty(); })) return "nothing was reported";
    const bool answers = reports_.front();
    reports_.pop_front();
    return answers ? "answers" : "is silent";
  }
  bool Any() {
    const std::lock_guard lock(mutex_);
    return !reports_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<bool> reports_;
};

// Long enough for whoever answers at all.
constexpr auto kPatience = 20s;
// What an endpoint that is silent costs the test, three times.
constexpr auto kImpatience = 100ms;

TEST(SelfCheck, NoticesAnEndpointThatNoLongerAnswers) {
  for (const auto manner : {Endpoint::Manner::kAcceptsNone, Endpoint::Manner::kIsSilent}) {
    Reports reports;
    Endpoint endpoint;
    endpoint.Be(manner);
    const SelfCheck check({.address = endpoint.address(), .pause = 1ms, .patience = kImpatience}, reports.Take());
    EXPECT_EQ(reports.Next(), "is silent");
    endpoint.Be(Endpoint::Manner::kAnswers);
    EXPECT_EQ(reports.Next(), "answers");
  }
}

TEST(SelfCheck, NoticesThatNobodyListensAnyMore) {
  Reports reports;
  std::string address;
  { address = Endpoint().address(); }
  const SelfCheck check({.address = address, .pause = 1ms, .patience = kPatience}, reports.Take());
  EXPECT_EQ(reports.Next(), "is silent");
}

TEST(SelfCheck, FindsNothingWrongWithAnEndpointThatAnswersOrTurnsConnectionsAway) {
  for (const auto manner : {Endpoint::Manner::kAnswers, Endpoint::Manner::kTurnsAway}) {
    Reports reports;
    Endpoint endpoint;
    endpoint.Be(manner);
    const SelfCheck check({.address = endpoint.address(), .pause = 1ms, .patience = kPatience}, reports.Take());
    endpoint.WaitForConnections(10);
    EXPECT_FALSE(reports.Any());
  }
}

TEST(SelfCheck, DoesNotTakeASilentMomentForAFailure) {
  Reports reports;
  Endpoint endpoint;
  endpoint.Be(Endpoint::Manner::kAnswers, SelfCheck::kFailuresThatCount - 1);
  const SelfCheck check({.address = endpoint.address(), .pause = 1ms, .patience = 500ms}, reports.Take());
  endpoint.WaitForConnections(SelfCheck::kFailuresThatCount + 1);
  EXPECT_FALSE(reports.Any());
}

TEST(SelfCheck, AsksByTlsWhereTheEndpointSpeaksIt) {
  const TemporaryDirectory directory;
  const Authority authority(directory.path(), "authority");
  const CertificateFiles server = authority.Issue("server", "DNS:of-another-name.example");
  TlsSettings settings;
  settings.certificate = server.certificate;
  settings.key = server.key;
  settings.client_ca = authority.certificate();
  const Tls tls(settings);
  TlsContexts contexts(tls, TlsContexts::Protocol::kHttp2);
  {
    Reports reports;
    Endpoint endpoint(&contexts);
    const SelfCheck check({.address = endpoint.address(), .tls = true, .pause = 1ms, .patience = kPatience},
                          reports.Take());
    endpoint.WaitForConnections(5);
    EXPECT_FALSE(reports.Any());
    EXPECT_TRUE(endpoint.spoke_http2());
  }
  Reports reports;
  Endpoint endpoint(&contexts);
  endpoint.Be(Endpoint::Manner::kIsSilent);
  const SelfCheck check({.address = endpoint.address(), .tls = true, .pause = 1ms, .patience = kImpatience},
                        reports.Take());
  EXPECT_EQ(reports.Next(), "is silent");
}

TEST(SelfCheck, AsksByLoopbackWhatListensOnAllAddresses) {
  Endpoint ipv4;
  Reports reports;
  const SelfCheck first({.address = "0.0.0.0:" + ipv4.port(), .pause = 1ms, .patience = kPatience}, reports.Take());
  ipv4.WaitForConnections(2);
  // Without IPv6, which answers for [::] is at 127.0.0.1.
  Endpoint fallback;
  const SelfCheck second({.address = "[::]:" + fallback.port(), .pause = 1ms, .patience = kPatience}, reports.Take());
  fallback.WaitForConnections(5);
  EXPECT_FALSE(reports.Any());
}

TEST(SelfCheck, EndsAtOnceWhenItIsTold) {
  Reports reports;
  Endpoint endpoint;
  endpoint.Be(Endpoint::Manner::kIsSilent);
  SelfCheck check({.address = endpoint.address(), .pause = 1ms, .patience = 24h}, reports.Take());
  endpoint.WaitForConnections(1);
  check.Stop();
  check.Stop();
  EXPECT_FALSE(reports.Any());
}

}  // namespace
}  // namespace poold
