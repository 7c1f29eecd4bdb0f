#pragma once

#include <sys/socket.h>

#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace poold {

// How many connections an endpoint has, in all and from each address, against limits. Any thread may call any function.
// Memory: an entry for each address that has a connection now, so it is bounded by the limit in all.
class ConnectionCounts {
 public:
  struct Limits {
    int in_all;
    // An IPv6 host has a whole /64 to itself, so that counts as one address. An IPv4 address in IPv6 form
    // (::ffff:192.0.2.1) is the same as without.
    int per_address;
  };

  // A connection that is counted, until it is destroyed.
  class Ticket {
   public:
    Ticket(Ticket&& other) noexcept : counts_(other.counts_), address_(other.address_) { other.counts_ = nullptr; }
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(counts_, other.counts_);
      std::swap(address_, other.address_);
      return *this;
    }
    ~Ticket();

   private:
    friend class ConnectionCounts;
    struct Address {
      int family = 0;            // AF_INET, AF_INET6; 0: all others, such as Unix sockets
      std::uint64_t prefix = 0;  // the address, or the first half of it
      auto operator<=>(const Address&) const = default;
    };
    Ticket(ConnectionCounts& counts, Address address) : counts_(&counts), address_(address) {}

    ConnectionCounts* counts_;  // nullptr: moved from
    Address address_;
  };

  explicit ConnectionCounts(Limits limits) : limits_(limits) {}
  ConnectionCounts(const ConnectionCounts&) = delete;
  ConnectionCounts& operator=(const ConnectionCounts&) = delete;

  // Counts a connection that comes from `peer`, which is as long as its family says. Nothing if that would exceed a
  // limit. The ticket must not outlive this object.
  std::optional<Ticket> Admit(const sockaddr* peer);

  // How many there are now.
  int count() const;

 private:
  static Ticket::Address AddressOf(const sockaddr* peer);
  void Release(const Ticket::Address& address);

  const Limits limits_;
  mutable std::mutex mutex_;  // guards what follows
  int in_all_ = 0;
  std::map<Ticket::Address, int> by_address_;
};

}  // namespace poold
