#include "server/transport/http.h"

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/base/loopback.h"
#include "server/base/settings.h"
#include "server/telemetry/metrics.h"
#include "server/transport/http_connection.h"
#include "server/transport/tls_context.h"

namespace poold {
namespace {

namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

// An operation's outcome as a value: the peer going away is no exception to us.
// (g++ 12 miscompiles co_await inside conditions: each stands in a statement of its own.)
constexpr auto kOutcome = net::as_tuple(net::use_awaitable);

constexpr int kThreads = 2;
constexpr milliseconds kPauseWhenOutOfFiles{100};

ConnectionCounts::Limits CountLimits(const HttpSettings& settings, const Tls* tls) {
  ConnectionCounts::Limits limits{.in_all = settings.connections, .per_address = settings.connections_per_address};
  // Where no stranger can connect, nothing limits how often one does.
  if (tls != nullptr || !IsLoopback(settings.listen)) limits.BoundNew(ConnectionCounts::kNewTime);
  return limits;
}

}  // namespace

class HttpDoor::Impl {
 public:
  Impl(const HttpSettings& settings, const Service& service, Pipeline& pipeline, const Tls* tls)
      : counts_(CountLimits(settings, tls)),
        room_(settings.body_bytes),
        endpoint_{settings, service, pipeline, room_},

        acceptor_(net::make_strand(context_)) {
    if (tls != nullptr) tls_.emplace(*tls, TlsContexts::Protocol::kHttp11);
    Listen();
    net::co_spawn(acceptor_.get_executor(), Accept(), net::detached);
    for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { context_.run(); });
  }

  ~Impl() {
    Shutdown(milliseconds(0));
    for (std::thread& thread : threads_) thread.join();
  }

  const std::string& address() const { return address_; }

  void Shutdown(milliseconds limit) {
    const auto deadline = Steady::now() + limit;
    stopping_ = true;
    net::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
    std::unique_lock lock(mutex_);
    for (const auto& connection : connections_) connection->Stop();
    if (!none_.wait_until(lock, deadline, [this] { return connections_.empty(); })) {
      for (const auto& connection : connections_) connection->Cancel();
      none_.wait(lock, [this] { return connections_.empty(); });
    }
  }

 private:
  // With the certificate of the moment. Connections keep the one that they began with.
  net::ssl::context& TlsContext() {
    const auto context = tls_->current();
    if (!tls_context_ || tls_context_->native_handle() != context.get()) {
      SSL_CTX_up_ref(context.get());  // Asio frees what it is given
      tls_context_.emplace(context.get());
    }
    return *tls_context_;
  }

  void Listen() {
    const std::string& listen = endpoint_.settings.listen;
    const std::size_t colon = listen.rfind(':');
    std::string host = listen.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    try {
      tcp::resolver resolver(context_);
      const tcp::endpoint endpoint =
          *resolver.resolve(host, listen.substr(colon + 1), tcp::resolver::passive | tcp::resolver::numeric_service);
      acceptor_.open(endpoint.protocol());
      acceptor_.set_option(tcp::acceptor::reuse_address(true));
      acceptor_.bind(endpoint);
      acceptor_.listen();
    } catch (const boost::system::system_error& error) {
      throw std::runtime_error("cannot listen on " + listen + " (" + error.code().message() +
                               "): is the address right and the port free? Choose another with --http-listen.");
    }
    address_ = listen.substr(0, colon + 1) + std::to_string(acceptor_.local_endpoint().port());
  }

  net::awaitable<void> Accept() {
    while (!stopping_) {
      auto [problem, socket] = co_await acceptor_.async_accept(net::make_strand(context_), kOutcome);
      if (!problem) {
        Admit(std::move(socket));
      } else if (!stopping_) {
        // Out of files, most likely: others will be closed.
        net::steady_timer pause(acceptor_.get_executor(), kPauseWhenOutOfFiles);
        co_await pause.async_wait(kOutcome);
      }
    }
  }

  void Admit(tcp::socket socket) {
    error_code problem;
    const tcp::endpoint peer = socket.remote_endpoint(problem);
    if (problem) return;
    socket.set_option(tcp::no_delay(true), problem);
    auto place = counts_.Admit(peer.data());
    if (!place) return TurnAway(socket);
    const auto executor = socket.get_executor();
    const auto connection = tls_ ? ServeTls(endpoint_, std::move(socket), std::move(*place), TlsContext())
                                 : ServePlain(endpoint_, std::move(socket), std::move(*place));
    {
      const std::lock_guard lock(mutex_);
      connections_.insert(connection);
    }
    if (stopping_) connection->Stop();
    net::co_spawn(
        executor, [connection] { return connection->Run(); },
        [this, connection](const std::exception_ptr&) { Forget(connection); });
  }

  void Forget(const std::shared_ptr<ServedConnection>& connection) {
    const std::lock_guard lock(mutex_);
    connections_.erase(connection);
    if (connections_.empty()) none_.notify_all();
  }

  // Says so as far as that goes without waiting.
  void TurnAway(tcp::socket& socket) const {
    endpoint_.service.metrics.Refused(RefusalCause::kConnections);
    static constexpr std::string_view kTooMany =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
        "Too many connections; try again soon\n";  // that it closes ends it
    error_code ignored;
    socket.non_blocking(true, ignored);
    if (!tls_) socket.write_some(net::buffer(kTooMany), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  ConnectionCounts counts_;
  BodyRoom room_;
  const HttpEndpoint endpoint_;
  std::optional<TlsContexts> tls_;  // nothing: no TLS
  std::string address_;
  std::atomic<bool> stopping_{false};

  net::io_context context_{kThreads};
  tcp::acceptor acceptor_;
  std::optional<net::ssl::context> tls_context_;  // that of tls_ for Asio; on the acceptor's executor only
  std::vector<std::thread> threads_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable none_;
  std::set<std::shared_ptr<ServedConnection>> connections_;
};

HttpDoor::HttpDoor(const HttpSettings& settings, const Service& service, Pipeline& pipeline, const Tls* tls)
    : impl_(std::make_unique<Impl>(settings, service, pipeline, tls)) {}
HttpDoor::~HttpDoor() = default;
const std::string& HttpDoor::address() const { return impl_->address(); }
void HttpDoor::Shutdown(milliseconds limit) { impl_->Shutdown(limit); }

}  // namespace poold
