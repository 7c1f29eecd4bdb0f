#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "server/transport/client_address.h"

namespace poold {

// How many connections an endpoint has, in all and from each address, against limits. Any thread may call any function.
// Memory: an entry for each address that has a connection, and one for each new connection; all of it is bounded by the
// limit in all.
class ConnectionCounts {
 public:
  using Clock = std::chrono::steady_clock;

  // What both endpoints use: within how long an address opens a quarter of its connections, and for how long a
  // connection that broke a limit, or did not get through its handshake, counts as one more new one of its address.
  static constexpr std::chrono::milliseconds kNewTime{4'000};
  static constexpr std::chrono::seconds kPenalty{10};

  struct Limits {
    int in_all;
    // Besides, an address has a fair share at most (fair_share.h): three eighths of all if it is alone, and however
    // many addresses take what they can get, something is left for the next one.
    int per_address;
    // How many connections an address may have opened within the last new_time, also if they have ended, but for those
    // that were forgiven. An attacker who connects again and again could otherwise do with each connection what a new
    // one may do.
    int new_per_address = 0;  // 0: as many as it likes
    std::chrono::milliseconds new_time{0};

    // Lets an address open a quarter of its connections within so long.
    void BoundNew(std::chrono::milliseconds time) {
      new_per_address = std::max(per_address / 4, 1);
      new_time = time;
    }
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
    const ClientAddress& address() const { return address_; }

   private:
    friend class ConnectionCounts;
    Ticket(ConnectionCounts& counts, ClientAddress address, Clock::time_point new_until)
        : counts_(&counts), address_(address), new_until_(new_until) {}

    ConnectionCounts* counts_;  // nullptr: moved from
    ClientAddress address_;
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
  struct Places {
    int open = 0;
    int recent = 0;  // entries of recent_
  };

  void Release(const ClientAddress& address);
  void AddRecent(const ClientAddress& address, Clock::time_point until);
  void EraseRecent(std::multimap<Clock::time_point, ClientAddress>::iterator recent);
  void EraseIfNone(std::map<ClientAddress, Places>::iterator entry);

  const Limits limits_;
  const std::function<Clock::time_point()> now_;
  mutable std::mutex mutex_;  // guards what follows
  int in_all_ = 0;
  std::map<ClientAddress, Places> by_address_;
  std::multimap<Clock::time_point, ClientAddress> recent_;  // new connections and punishments, until then
};

}  // namespace poold
