#include "server/transport/connection_counts.h"

#include <algorithm>
#include <cstddef>

#include "server/transport/fair_share.h"

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
  const ClientAddress address = AddressOf(peer);
  const Clock::time_point now = now_();
  const std::lock_guard lock(mutex_);
  while (!recent_.empty() && recent_.begin()->first <= now) EraseRecent(recent_.begin());
  const int left = limits_.in_all - in_all_;
  if (left <= 0 || limits_.per_address <= 0) return std::nullopt;
  Places& places = by_address_[address];  // a new entry is kept: its limits are not reached
  if (places.open >= limits_.per_address || !IsFairShare(places.open, left, limits_.in_all)) return std::nullopt;
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

void ConnectionCounts::Release(const ClientAddress& address) {
  const std::lock_guard lock(mutex_);
  --in_all_;
  const auto entry = by_address_.find(address);
  --entry->second.open;
  EraseIfNone(entry);
}

void ConnectionCounts::AddRecent(const ClientAddress& address, Clock::time_point until) {
  if (limits_.new_per_address <= 0) return;
  recent_.emplace(until, address);
  ++by_address_[address].recent;
  if (recent_.size() > kRecentOfEach * static_cast<std::size_t>(limits_.in_all)) EraseRecent(recent_.begin());
}

void ConnectionCounts::EraseRecent(std::multimap<Clock::time_point, ClientAddress>::iterator recent) {
  const auto entry = by_address_.find(recent->second);
  recent_.erase(recent);
  --entry->second.recent;
  EraseIfNone(entry);
}

void ConnectionCounts::EraseIfNone(std::map<ClientAddress, Places>::iterator entry) {
  if (entry->second.open == 0 && entry->second.recent == 0) by_address_.erase(entry);
}

}  // namespace poold
