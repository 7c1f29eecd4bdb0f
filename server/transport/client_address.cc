#include "server/transport/client_address.h"

#include <netinet/in.h>

#include <cstring>

namespace poold {

ClientAddress AddressOf(const sockaddr* peer) {
  ClientAddress address;
  if (peer->sa_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, peer, sizeof(ipv4));
    address = {AF_INET, ipv4.sin_addr.s_addr};
  } else if (peer->sa_family == AF_INET6) {
    sockaddr_in6 ipv6{};
    std::memcpy(&ipv6, peer, sizeof(ipv6));
    if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
      address = {AF_INET, ipv6.sin6_addr.s6_addr32[3]};
    } else {
      address.family = AF_INET6;
      std::memcpy(&address.prefix, &ipv6.sin6_addr, sizeof(address.prefix));
    }
  }
  return address;
}

}  // namespace poold
