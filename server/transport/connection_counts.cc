#include "server/transport/connection_counts.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace poold {
namespace {

// Of the limit in all: as many new connections and punishments are remembered.
constexpr std::size_t kRecentOfEach = 4;

}  // namespace

ConnectionCounts::Ticket::~Ticket() {
  if (counts_ != nullptr) counts_->Release(address_);
}

void ConnectionCounts::Ticket::Punish(std::chrono::milliseconds time) {
  const Clock::time_point until = counts_->now_() + time;
  const std::lock_guard lock(counts_->mutex_);
  counts_->AddRecent(address_, until);
}

void ConnectionCounts::Ticket::Forgive() {
  const std::lock_guard lock(counts_->mutex_);
  const auto [first, last] = counts_->recent_.equal_range(new_until_);
  const auto found = std::find_if(first, last, [this](const auto& recent) { return recent.second == address_; });
  if (found != last) counts_->EraseRecent(found);
}

std::optional<ConnectionCounts::Ticket> ConnectionCounts::Admit(const sockaddr* peer) {
  const Ticket::Address address = AddressOf(peer);
  const Clock::time_point now = now_();
  const std::lock_guard lock(mutex_);
  while (!recent_.empty() && recent_.begin()->first <= now) EraseRecent(recent_.begin());
  if (in_all_ >= limits_.in_all || limits_.per_address <= 0) return std::nullopt;
  Places& places = by_address_[address];  // a new entry is kept: its limits are not reached
  if (places.open >= limits_.per_address) return std::nullopt;
  if (limits_.new_per_address > 0) {
    if (places.recent >= limits_.new_per_address) return std::nullopt;
    AddRecent(address, now + limits_.new_time);
  }
  ++places.open;
  ++in_all_;
  return Ticket(*this, address, now + limits_.new_time);
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
  --entry->second.open;
  EraseIfNone(entry);
}

void ConnectionCounts::AddRecent(const Ticket::Address& address, Clock::time_point until) {
  if (limits_.new_per_address <= 0) return;
  recent_.emplace(until, address);
  ++by_address_[address].recent;
  if (recent_.size() > kRecentOfEach * static_cast<std::size_t>(limits_.in_all)) EraseRecent(recent_.begin());
}

void ConnectionCounts::EraseRecent(std::multimap<Clock::time_point, Ticket::Address>::iterator recent) {
  const auto entry = by_address_.find(recent->second);
  recent_.erase(recent);
  --entry->second.recent;
  EraseIfNone(entry);
}

void ConnectionCounts::EraseIfNone(std::map<Ticket::Address, Places>::iterator entry) {
  if (entry->second.open == 0 && entry->second.recent == 0) by_address_.erase(entry);
}

}  // namespace poold
