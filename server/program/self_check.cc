#include "server/program/self_check.h"

#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace poold {
namespace {

enum class Outcome { kAnswers, kSilent, kUnknown };

// What a client says first (RFC 9113, 3.4), with empty SETTINGS.
constexpr std::string_view kHello("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 24 + 9);

// A file that is closed in the end.
class Socket {
 public:
  explicit Socket(int family) : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// This process has no means to ask: no file, no port, no such address family.
bool IsOurOwnTrouble(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return true;
    default:
      return false;
  }
}

bool HasRunOutOfTime(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINPROGRESS; }

std::vector<std::string> HostsToAsk(std::string host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "0.0.0.0") return {"127.0.0.1"};
  // On a machine without IPv6, all addresses are those of IPv4.
  if (host.empty() || host == "::") return {"::1", "127.0.0.1"};
  return {host};
}

Outcome Greet(int fd) {
  if (send(fd, kHello.data(), kHello.size(), MSG_NOSIGNAL) < 0) {
    return HasRunOutOfTime(errno) ? Outcome::kSilent : Outcome::kAnswers;
  }
  char first = 0;
  return recv(fd, &first, 1, 0) < 0 && HasRunOutOfTime(errno) ? Outcome::kSilent : Outcome::kAnswers;
}

Outcome GreetByTls(SSL_CTX* context, int fd) {
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context), SSL_free);
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) return Outcome::kUnknown;
  const auto outcome_of = [&](int result) {
    const bool out_of_time = result <= 0 && SSL_get_error(ssl.get(), result) == SSL_ERROR_WANT_READ;
    ERR_clear_error();
    return out_of_time ? Outcome::kSilent : Outcome::kAnswers;
  };
  if (const int result = SSL_connect(ssl.get()); result != 1) return outcome_of(result);
  SSL_write(ssl.get(), kHello.data(), static_cast<int>(kHello.size()));
  char first = 0;
  return outcome_of(SSL_read(ssl.get(), &first, 1));
}

Outcome Ask(const addrinfo& address, SSL_CTX* tls, std::chrono::milliseconds patience, const std::stop_token& stop) {
  const Socket connection(address.ai_family);
  if (connection.fd() < 0) return Outcome::kUnknown;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(patience);
  const timeval limit{seconds.count(), std::chrono::microseconds(patience - seconds).count()};
  setsockopt(connection.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(connection.fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  const std::stop_callback cut(stop, [&connection] { shutdown(connection.fd(), SHUT_RDWR); });
  if (connect(connection.fd(), address.ai_addr, address.ai_addrlen) != 0) {
    return IsOurOwnTrouble(errno) ? Outcome::kUnknown : Outcome::kSilent;
  }
  return tls == nullptr ? Greet(connection.fd()) : GreetByTls(tls, connection.fd());
}

// The first address that says something decides.
Outcome Ask(const SelfCheck::Options& options, SSL_CTX* tls, const std::stop_token& stop) {
  const std::size_t colon = options.address.rfind(':');
  Outcome outcome = Outcome::kUnknown;
  for (const std::string& host : HostsToAsk(options.address.substr(0, colon))) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), options.address.c_str() + colon + 1, &hints, &found) != 0) continue;
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
    for (const addrinfo* address = found; address != nullptr && !stop.stop_requested(); address = address->ai_next) {
      const Outcome of_address = Ask(*address, tls, options.patience, stop);
      if (of_address == Outcome::kAnswers) return Outcome::kAnswers;
      if (of_address == Outcome::kSilent) outcome = Outcome::kSilent;
    }
  }
  return outcome;
}

std::shared_ptr<SSL_CTX> MakeClient(bool tls) {
  if (!tls) return nullptr;
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) throw std::runtime_error("OpenSSL cannot make a client");
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  constexpr std::array<unsigned char, 3> kHttp2 = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context.get(), kHttp2.data(), kHttp2.size());
  return context;
}

// OpenSSL writes to sockets without MSG_NOSIGNAL. Of this thread alone.
void IgnoreBrokenPipes() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

SelfCheck::SelfCheck(Options options, std::function<void(bool)> report)
    : options_(std::move(options)),
      report_(std::move(report)),
      tls_(MakeClient(options_.tls)),
      checks_([this](const std::stop_token& stop) { return Check(stop); }) {}

std::chrono::milliseconds SelfCheck::Check(const std::stop_token& stop) {
  IgnoreBrokenPipes();
  const Outcome outcome = Ask(options_, tls_.get(), stop);
  if (stop.stop_requested() || outcome == Outcome::kUnknown) return options_.pause;
  failures_ = outcome == Outcome::kAnswers ? 0 : failures_ + 1;
  const bool answers = failures_ < kFailuresThatCount;
  if (answers != std::exchange(answers_, answers)) report_(answers);
  return options_.pause;
}

}  // namespace poold
