#pragma once

#include <sys/socket.h>

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace poold {

// How many connections an endpoint has, in all and from each address, against limits. Any thread may call any function.
// Memory: an entry for each address that has a connection, and one for each new connection; all of it is bounded by the
// limit in all.
class ConnectionCounts {
 public:
  using Clock = std::chrono::steady_clock;

  struct Limits {
    int in_all;
    // An IPv6 host has a whole /64 to itself, so that counts as one address. An IPv4 address in IPv6 form
    // (::ffff:192.0.2.1) is the same as without.
    int per_address;
    // How many connections an address may have opened within the last new_time, also if they have ended, but for those
    // that were forgiven. An attacker who connects again and again could otherwise do with each connection what a new
    // one may do.
    int new_per_address = 0;  // 0: as many as it likes
    std::chrono::milliseconds new_time{0};
  };

  // A connection that is counted, until it is destroyed.
  class Ticket {
   public:
    Ticket(Ticket&& other) noexcept : counts_(other.counts_), address_(other.address_), new_until_(other.new_until_) {
      other.counts_ = nullptr;
    }
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(counts_, other.counts_);
      std::swap(address_, other.address_);
      std::swap(new_until_, other.new_until_);
      return *this;
    }
    ~Ticket();

    // The connection did what it should not do: it counts as one more new connection of its address for so long.
    void Punish(std::chrono::milliseconds time);
    // The connection did only good: it no longer counts as a new one.
    void Forgive();

   private:
    friend class ConnectionCounts;
    struct Address {
      int family = 0;            // AF_INET, AF_INET6; 0: all others, such as Unix sockets
      std::uint64_t prefix = 0;  // the address, or the first half of it
      auto operator<=>(const Address&) const = default;
    };
    Ticket(ConnectionCounts& counts, Address address, Clock::time_point new_until)
        : counts_(&counts), address_(address), new_until_(new_until) {}

    ConnectionCounts* counts_;  // nullptr: moved from
    Address address_;
    Clock::time_point new_until_;
  };

  explicit ConnectionCounts(Limits limits, std::function<Clock::time_point()> now = &Clock::now)
      : limits_(limits), now_(std::move(now)) {}
  ConnectionCounts(const ConnectionCounts&) = delete;
  ConnectionCounts& operator=(const ConnectionCounts&) = delete;

  // Counts a connection that comes from `peer`, which is as long as its family says. Nothing if that would exceed a
  // limit. The ticket must not outlive this object.
  std::optional<Ticket> Admit(const sockaddr* peer);

  // How many there are now.
  int count() const;

 private:
  static Ticket::Address AddressOf(const sockaddr* peer);
  struct Places {
    int open = 0;
    int recent = 0;  // entries of recent_
  };

  void Release(const Ticket::Address& address);
  void AddRecent(const Ticket::Address& address, Clock::time_point until);
  void EraseRecent(std::multimap<Clock::time_point, Ticket::Address>::iterator recent);
  void EraseIfNone(std::map<Ticket::Address, Places>::iterator entry);

  const Limits limits_;
  const std::function<Clock::time_point()> now_;
  mutable std::mutex mutex_;  // guards what follows
  int in_all_ = 0;
  std::map<Ticket::Address, Places> by_address_;
  std::multimap<Clock::time_point, Ticket::Address> recent_;  // new connections and punishments, until then
};

}  // namespace poold
