#include "server/transport/listening_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>

namespace poold {
namespace {

// How often a name with several addresses is tried with another free port, if one of them has it in use.
constexpr int kPortsToTry = 16;

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

[[noreturn]] void Fail(int error) { throw std::system_error(error, std::generic_category()); }

// An address to bind to.
struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;

  int family() const { return storage.ss_family; }
  const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&storage); }
  in_port_t& port() {
    return family() == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(storage).sin6_port
                                : reinterpret_cast<sockaddr_in&>(storage).sin_port;
  }
  bool IsWildcard() const {
    if (family() == AF_INET6) {
      const auto& address = reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
      return IN6_IS_ADDR_UNSPECIFIED(&address) != 0;
    }
    return reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr == htonl(INADDR_ANY);
  }
};

Endpoint WildcardOfBothFamilies() {
  Endpoint any;
  any.size = sizeof(sockaddr_in6);
  auto& address = reinterpret_cast<sockaddr_in6&>(any.storage);
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_any;
  return any;
}

std::vector<Endpoint> Resolve(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int problem = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (problem != 0) throw std::runtime_error(gai_strerror(problem));
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  std::vector<Endpoint> endpoints;
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
    Endpoint& endpoint = endpoints.emplace_back();
    std::memcpy(&endpoint.storage, each->ai_addr, each->ai_addrlen);
    endpoint.size = each->ai_addrlen;
  }
  return endpoints;
}

// The error number instead of a socket if that fails.
UniqueFd Listen(const Endpoint& endpoint, int& error) {
  error = 0;
  UniqueFd made(socket(endpoint.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  const int only_ipv6 = endpoint.IsWildcard() ? 0 : 1;
  const auto set = [&](int level, int option, const int& value) {
    return setsockopt(made.get(), level, option, &value, sizeof(value)) == 0;
  };
  // SO_REUSEADDR: a restart need not wait for old connections to be forgotten. It shares the port with nobody.
  if (!made || !set(SOL_SOCKET, SO_REUSEADDR, on) ||
      (endpoint.family() == AF_INET6 && !set(IPPROTO_IPV6, IPV6_V6ONLY, only_ipv6)) ||
      bind(made.get(), endpoint.address(), endpoint.size) != 0 || listen(made.get(), SOMAXCONN) != 0) {
    error = errno;
    return UniqueFd();
  }
  return made;
}

in_port_t PortOf(const UniqueFd& socket) {
  Endpoint own;
  own.size = sizeof(own.storage);
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.size) != 0) Fail(errno);
  return own.port();
}

// An address that the machine does not have, of a name that has others, is left out.
bool IsMissingHere(int error) { return error == EADDRNOTAVAIL || error == EAFNOSUPPORT; }

// nullopt: a port that was picked for one address is in use at another.
std::optional<std::vector<UniqueFd>> ListenOnAll(const std::vector<Endpoint>& endpoints) {
  std::vector<UniqueFd> sockets;
  in_port_t picked = 0;
  int missing = EADDRNOTAVAIL;
  for (Endpoint endpoint : endpoints) {
    const bool pick = endpoint.port() == 0;
    if (pick) endpoint.port() = picked;
    int error = 0;
    UniqueFd socket = Listen(endpoint, error);
    if (error == EADDRINUSE && pick && picked != 0) return std::nullopt;
    if (error != 0 && !IsMissingHere(error)) Fail(error);
    if (error != 0) {
      missing = error;
      continue;
    }
    if (picked == 0) picked = PortOf(socket);
    sockets.push_back(std::move(socket));
  }
  if (sockets.empty()) Fail(missing);
  return sockets;
}

std::vector<UniqueFd> ListenOn(std::vector<Endpoint> endpoints) {
  if (!endpoints.empty() && endpoints.front().IsWildcard()) {
    Endpoint both = WildcardOfBothFamilies();
    both.port() = endpoints.front().port();
    int error = 0;
    UniqueFd socket = Listen(both, error);
    if (error == 0) {
      std::vector<UniqueFd> sockets;
      sockets.push_back(std::move(socket));
      return sockets;
    }
    if (!IsMissingHere(error)) Fail(error);
  }
  for (int i = 0; i < kPortsToTry; ++i) {
    if (auto sockets = ListenOnAll(endpoints)) return std::move(*sockets);
  }
  Fail(EADDRINUSE);
}

}  // namespace

ListeningSocket::ListeningSocket(const std::string& listen, const std::string& setting) {
  const std::size_t colon = listen.rfind(':');
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  try {
    sockets_ = ListenOn(Resolve(host, listen.substr(colon + 1)));
    address_ = listen.substr(0, colon + 1) + std::to_string(ntohs(PortOf(sockets_.front())));
  } catch (const std::runtime_error& problem) {
    throw std::runtime_error("cannot listen on " + listen + " (" + problem.what() +
                             "): is the address right and the port free? Choose another with " + setting + ".");
  }
}

}  // namespace poold
