#include "server/transport/connection_counts.h"

#include <netinet/in.h>

#include <cstring>

namespace poold {

ConnectionCounts::Ticket::~Ticket() {
  if (counts_ != nullptr) counts_->Release(address_);
}

std::optional<ConnectionCounts::Ticket> ConnectionCounts::Admit(const sockaddr* peer) {
  const Ticket::Address address = AddressOf(peer);
  const std::lock_guard lock(mutex_);
  if (in_all_ >= limits_.in_all || limits_.per_address <= 0) return std::nullopt;
  int& from_there = by_address_[address];  // a new entry is kept: its limit is not reached
  if (from_there >= limits_.per_address) return std::nullopt;
  ++from_there;
  ++in_all_;
  return Ticket(*this, address);
}

int ConnectionCounts::count() const {
  const std::lock_guard lock(mutex_);
  return in_all_;
}

ConnectionCounts::Ticket::Address ConnectionCounts::AddressOf(const sockaddr* peer) {
  Ticket::Address address;
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

void ConnectionCounts::Release(const Ticket::Address& address) {
  const std::lock_guard lock(mutex_);
  --in_all_;
  const auto entry = by_address_.find(address);
  if (--entry->second == 0) by_address_.erase(entry);
}

}  // namespace poold
