#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "server/transport/byte_budget.h"

namespace poold {

// Room in memory for the bodies of HTTP requests: so many bytes for all of them together. A body that finds no room
// waits in turn. Any thread. Must outlive its shares.
class BodyRoom {
 public:
  // How long a body may wait. Clients wait longer for an answer than that, and repeat the call after the refusal.
  static constexpr std::chrono::milliseconds kPatience{5000};
  // How many wait. More of them would hardly have their turn in time.
  static constexpr std::size_t kWaiters = 256;

  explicit BodyRoom(std::int64_t capacity) : budget_(capacity) {}

  std::int64_t taken() const { return budget_.taken(); }
  std::size_t waiting() const;

 private:
  friend class BodyShare;
  struct Waiter;

  // Takes the bytes if there is room and nobody waits; otherwise nothing.
  bool TryTake(std::int64_t bytes);
  void Return(std::int64_t bytes);
  // Gives room to those that wait, the first first, as long as there is any. Under mutex_.
  void ServeWaiters();

  ByteBudget budget_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<Waiter>> waiters_;  // guarded by mutex_; the first is the next
};

// What one body has of the room. It gives everything back when it is destroyed. On one executor that runs one thing at
// a time, that of a connection.
class BodyShare {
 public:
  explicit BodyShare(BodyRoom& room) : room_(room) {}
  ~BodyShare() { ReturnAll(); }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

  // Takes the bytes now, or returns false.
  bool TryTake(std::int64_t bytes);

  // Takes the bytes, now or in turn. False if there was no room within `patience`, too many wait already, or
  // StopWaiting was called. At least 1, at most the room's capacity.
  boost::asio::awaitable<bool> Take(std::int64_t bytes, std::chrono::milliseconds patience);
  void StopWaiting();

  void ReturnAll();

 private:
  BodyRoom& room_;
  std::int64_t taken_ = 0;
  std::shared_ptr<BodyRoom::Waiter> waiter_;  // of Take; nullptr: doesn't wait
};

}  // namespace poold
