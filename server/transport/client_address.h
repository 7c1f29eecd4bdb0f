#pragma once

#include <sys/socket.h>

#include <compare>
#include <cstdint>

namespace poold {

// Where a connection comes from, as far as limits for one address tell addresses apart. An IPv6 host has a whole /64 to
// itself, so that counts as one address. An IPv4 address in IPv6 form (::ffff:192.0.2.1) is the same as without.
struct ClientAddress {
  int family = 0;            // AF_INET, AF_INET6; 0: all others, such as Unix sockets
  std::uint64_t prefix = 0;  // the address, or the first half of it
  auto operator<=>(const ClientAddress&) const = default;
};

// `peer` is as long as its family says.
ClientAddress AddressOf(const sockaddr* peer);

}  // namespace poold
