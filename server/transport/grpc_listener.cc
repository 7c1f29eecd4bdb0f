#include "server/transport/grpc_listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <deque>
#include <exception>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "server/base/loopback.h"
#include "server/telemetry/metrics.h"
#include "server/transport/connection_counts.h"
#include "server/transport/cut_log.h"
#include "server/transport/event_loop.h"
#include "server/transport/listening_socket.h"
#include "server/transport/relayed_connection.h"
#include "server/transport/tls_context.h"

namespace poold {
namespace {

// Connections that are accepted before others get their turn.
constexpr int kAcceptedInARow = 32;

ConnectionCounts::Limits CountLimits(const GrpcListener::Options& options) {
  ConnectionCounts::Limits limits{.in_all = options.connections, .per_address = options.connections_per_address};
  // Where no stranger can connect, nothing limits how often one does.
  if (options.guarded && options.new_time.count() > 0) limits.BoundNew(options.new_time);
  return limits;
}

// "192.0.2.7"; an IPv4 address in IPv6 form without that form.
std::string TextOf(const sockaddr_storage& peer) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (peer.ss_family == AF_INET6) {
    const in6_addr& address = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&address) != 0) {
      inet_ntop(AF_INET, &address.s6_addr[12], text.data(), text.size());
    } else {
      inet_ntop(AF_INET6, &address, text.data(), text.size());
    }
  } else {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, text.data(), text.size());
  }
  return text.data();
}

// A connection that gRPC has to itself: counts it until it ends.
class DirectConnection final : public EventLoop::Member {
 public:
  // `copy`: another descriptor of the connection's socket. gRPC shuts the socket down before it closes its own.
  DirectConnection(EventLoop& loop, UniqueFd copy, ConnectionCounts::Ticket ticket)
      : loop_(loop), copy_(std::move(copy)), ticket_(std::move(ticket)) {}
  ~DirectConnection() override { loop_.Unwatch(copy_.get()); }

  void OnStart() override { loop_.Watch(*this, copy_.get(), 0); }  // EPOLLHUP and EPOLLERR come all the same
  void OnReady(int, std::uint32_t) override {
    loop_.Unwatch(copy_.get());
    loop_.Remove(*this);
  }

 private:
  EventLoop& loop_;
  const UniqueFd copy_;
  const ConnectionCounts::Ticket ticket_;
};

}  // namespace

class GrpcListener::Impl {
 public:
  Impl(const Options& options, Metrics& metrics)
      : guarded_(options.guarded),
        metrics_(metrics),
        socket_(options.listen, options.setting),
        counts_(CountLimits(options)),
        loops_(options.threads) {
    if (options.tls != nullptr) contexts_.emplace(*options.tls, TlsContexts::Protocol::kHttp2);
    relay_.guarded = options.guarded;
    relay_.handshake_limit = options.handshake_limit;
    metrics.ConnectionCut(RelayedConnection::kHandshakeCause, 0);
    for (int i = 0; i < kHttp2Violations; ++i) metrics.ConnectionCut(NameOf(static_cast<Http2Violation>(i)), 0);
    relay_.on_cut = [this](const std::string& address, std::string_view cause) {
      metrics_.ConnectionCut(cause);
      log_.Write(address, cause, CutLog::Clock::now());
    };
  }

  ~Impl() { Stop(); }

  const std::string& address() const { return socket_.address(); }
  const GrpcPeers& peers() const { return relay_.peers; }
  int count() const { return counts_.count(); }

  void Start(HandOver hand_over) {
    relay_.hand_over = std::move(hand_over);
    loops_[0].Add(std::make_unique<Acceptor>(*this));
  }

  void Stop() {
    relay_.stopping = true;
    loops_[0].RunAndWait([this] {
      if (acceptor_ != nullptr) acceptor_->Stop();
      socket_.Close();
    });
  }

  void Finish() {
    const auto deadline = EventLoop::Clock::now() + kParting;
    for (EventLoop& loop : loops_) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - EventLoop::Clock::now());
      loop.WaitUntilEmpty(std::max(left, std::chrono::milliseconds(0)));
    }
  }

 private:
  // Never gives up: when files run out, it waits until some are closed.
  class Acceptor final : public EventLoop::Member {
   public:
    explicit Acceptor(Impl& home) : home_(home) { home_.acceptor_ = this; }
    ~Acceptor() override {
      Watch(false);
      home_.acceptor_ = nullptr;
    }

    void OnStart() override { Watch(true); }
    void OnReady(int file, std::uint32_t) override {
      for (int i = 0; i < kAcceptedInARow; ++i) {
        sockaddr_storage peer{};
        socklen_t size = sizeof(peer);
        UniqueFd client(accept4(file, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (client) {
          AdmitOrClose(std::move(client), peer);
        } else if (errno != ECONNABORTED && errno != EINTR) {
          if (errno == EAGAIN) return;
          // Out of files or memory, most likely: OnTick goes on.
          home_.metrics_.Refused(RefusalCause::kConnections);
          return Watch(false);
        }
      }
    }
    void OnTick() override { Watch(true); }

    void Stop() {
      Watch(false);
      home_.loops_[0].Remove(*this);
    }

   private:
    void AdmitOrClose(UniqueFd client, const sockaddr_storage& peer) noexcept {
      try {
        home_.Admit(std::move(client), peer);
      } catch (const std::exception&) {  // no memory, most likely
        home_.metrics_.Refused(RefusalCause::kConnections);
      }
    }

    // It may fail to watch; OnTick tries again.
    void Watch(bool on) noexcept {
      if (watches_ == on) return;
      EventLoop& loop = home_.loops_[0];
      watches_ = on;
      try {
        for (const UniqueFd& socket : home_.socket_.sockets()) {
          on ? loop.Watch(*this, socket.get(), EPOLLIN) : loop.Unwatch(socket.get());
        }
      } catch (const std::exception&) {
        Watch(false);
      }
    }

    Impl& home_;
    bool watches_ = false;
  };

  void Admit(UniqueFd client, const sockaddr_storage& peer) {
    auto ticket = counts_.Admit(reinterpret_cast<const sockaddr*>(&peer));
    if (!ticket) return metrics_.Refused(RefusalCause::kConnections);
    // Frames are small, and wait for nothing.
    const int on = 1;
    setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    EventLoop& loop = loops_[next_loop_++ % loops_.size()];
    if (!contexts_ && !guarded_) {
      UniqueFd copy(fcntl(client.get(), F_DUPFD_CLOEXEC, 0));
      if (!copy) return;
      loop.Add(std::make_unique<DirectConnection>(loop, std::move(copy), std::move(*ticket)));
      relay_.hand_over(std::move(client));
      return;
    }
    const auto context = contexts_ ? contexts_->current() : nullptr;
    loop.Add(std::make_unique<RelayedConnection>(loop, relay_, ClientStream(std::move(client), context.get()),
                                                 TextOf(peer), std::move(*ticket)));
  }

  const bool guarded_;
  Metrics& metrics_;
  ListeningSocket socket_;
  std::optional<TlsContexts> contexts_;  // nothing: no TLS
  ConnectionCounts counts_;
  CutLog log_;
  Relay relay_;
  // On the first loop's thread only:
  Acceptor* acceptor_ = nullptr;
  std::size_t next_loop_ = 0;
  std::deque<EventLoop> loops_;  // last: their members use everything else
};

bool IsGuarded(const std::string& guard, const std::string& listen, const Tls* tls) {
  if (guard != "auto") return guard == "on";
  return tls != nullptr || !IsLoopback(listen);
}

GrpcListener::GrpcListener(const Options& options, Metrics& metrics)
    : impl_(std::make_unique<Impl>(options, metrics)) {}
GrpcListener::~GrpcListener() = default;
const std::string& GrpcListener::address() const { return impl_->address(); }
const GrpcPeers& GrpcListener::peers() const { return impl_->peers(); }
int GrpcListener::count() const { return impl_->count(); }
void GrpcListener::Start(HandOver hand_over) { impl_->Start(std::move(hand_over)); }
void GrpcListener::Stop() { impl_->Stop(); }
void GrpcListener::Finish() { impl_->Finish(); }

}  // namespace poold
