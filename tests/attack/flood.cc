#include "tests/attack/flood.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <stdexcept>
#include <system_error>

namespace poold {
namespace {

using Clock = std::chrono::steady_clock;

// How often each connection may send.
constexpr std::chrono::milliseconds kTick{10};
constexpr std::int64_t kBytesPerTick = kFloodBytesPerSecond / (1'000 / kTick.count());

sockaddr_in SocketAddress(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  if (inet_pton(AF_INET, address.substr(0, colon).c_str(), &result.sin_addr) != 1) {
    throw std::invalid_argument(address + " is no address");
  }
  return result;
}

// One connection of the attacker, which connects again when it is cut.
class Link {
 public:
  Link(const AttackGroup& group, const sockaddr_in& server, int epoll, FloodResult& result)
      : group_(group), server_(server), epoll_(epoll), result_(result) {}
  ~Link() { Close(); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void Send() {
    if (fd_ < 0) Connect();
    for (std::int64_t left = kBytesPerTick; fd_ >= 0 && left > 0;) {
      if (begin_ == out_.size()) {
        out_ = peer_->Next();
        begin_ = 0;
        if (out_.empty()) return;
      }
      const ssize_t sent = send(fd_, out_.data() + begin_, out_.size() - begin_, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno != EAGAIN) BeCut();
        return;
      }
      begin_ += static_cast<std::size_t>(sent);
      left -= sent;
      result_.sent += sent;
    }
  }

  void Receive() {
    std::array<char, 65'536> bytes;  // NOLINT: filled below
    while (fd_ >= 0) {
      const ssize_t count = recv(fd_, bytes.data(), bytes.size(), 0);
      if (count > 0) {
        peer_->Receive({bytes.data(), static_cast<std::size_t>(count)});
      } else {
        if (count == 0 || errno != EAGAIN) BeCut();
        return;
      }
    }
  }

 private:
  void Connect() {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "socket");
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    // So that neither end keeps closed connections for a minute.
    const linger reset{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&own), sizeof(own)) != 0 ||
        (connect(fd_, reinterpret_cast<const sockaddr*>(&server_), sizeof(server_)) != 0 && errno != EINPROGRESS)) {
      Close();
      return;
    }
    ++result_.connected;
    peer_ = group_.make_peer();
    out_.clear();
    begin_ = 0;
    epoll_event event{};
    // Who does not read still notices the end.
    event.events = (group_.reads ? EPOLLIN : 0U) | EPOLLRDHUP;
    event.data.ptr = this;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event);
  }

  void BeCut() {
    ++result_.cut;
    Close();
  }

  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  const AttackGroup& group_;
  const sockaddr_in server_;
  const int epoll_;
  FloodResult& result_;
  int fd_ = -1;
  std::unique_ptr<AttackPeer> peer_;
  std::string out_;
  std::size_t begin_ = 0;
};

// Connections need files.
void AllowManyFiles() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

FloodResult Flood(const Attack& attack, const std::string& grpc_address, const std::string& http_address,
                  std::chrono::milliseconds duration, const std::atomic<bool>& stop) {
  AllowManyFiles();
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  FloodResult result;
  {
    std::deque<Link> links;
    for (const AttackGroup& group : attack.groups) {
      const auto server = SocketAddress(group.endpoint == AttackedEndpoint::kGrpc ? grpc_address : http_address);
      for (int i = 0; i < group.connections; ++i) links.emplace_back(group, server, epoll, result);
    }
    std::array<epoll_event, 64> events{};
    const auto end = Clock::now() + duration;
    for (auto tick = Clock::now(); tick < end && !stop; tick = std::max(tick + kTick, Clock::now())) {
      for (Link& link : links) link.Send();
      for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(tick + kTick - Clock::now()).count();
        const int count = epoll_wait(epoll, events.data(), events.size(), static_cast<int>(std::max<long>(left, 0)));
        for (int i = 0; i < count; ++i) static_cast<Link*>(events[static_cast<std::size_t>(i)].data.ptr)->Receive();
        if (left <= 0) break;
      }
    }
  }
  close(epoll);
  return result;
}

}  // namespace poold
