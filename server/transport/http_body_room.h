#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "server/transport/client_address.h"

namespace poold {

// Room in memory for the bodies of HTTP requests: so many bytes for all of them together. An address that has a body
// gets room for more of them only as far as that is its fair share (fair_share.h): three eighths of all if it is alone.
// A body that finds no room waits: bodies of an address in their order, and nobody for an address that has too much.
// Any thread. Must outlive its shares.
class BodyRoom {
 public:
  // How long a body may wait. Clients wait longer for an answer than that, and repeat the call after the refusal.
  static constexpr std::chrono::milliseconds kPatience{5000};
  // How many wait; addresses share these places in the same way. More of them would hardly have their turn in time.
  static constexpr std::size_t kWaiters = 256;

  explicit BodyRoom(std::int64_t capacity) : capacity_(capacity) {}
  BodyRoom(const BodyRoom&) = delete;
  BodyRoom& operator=(const BodyRoom&) = delete;

  std::int64_t taken() const;
  std::size_t waiting() const;

 private:
  friend class BodyShare;
  struct Waiter;

  // All of them under mutex_.

  // Takes the bytes if there is room for the address. `of_this_body`: what the body that asks has already.
  bool TryTake(const ClientAddress& address, std::int64_t bytes, std::int64_t of_this_body);
  void Return(const ClientAddress& address, std::int64_t bytes);
  // Whether somebody waits whose turn is before that of a new one from `address`.
  bool OthersComeFirst(const ClientAddress& address) const;
  bool MayWait(const ClientAddress& address) const;
  // Gives room to those that wait, as long as there is any.
  void ServeWaiters();

  const std::int64_t capacity_;
  mutable std::mutex mutex_;  // guards what follows
  std::int64_t taken_ = 0;
  std::map<ClientAddress, std::int64_t> by_address_;  // of taken_; no entry: nothing
  std::deque<std::shared_ptr<Waiter>> waiters_;       // the first is the next
};

// What one body has of the room. It gives everything back when it is destroyed. On one executor that runs one thing at
// a time, that of a connection.
class BodyShare {
 public:
  // `address`: the client's.
  BodyShare(BodyRoom& room, const ClientAddress& address) : room_(room), address_(address) {}
  ~BodyShare() { ReturnAll(); }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

  // Takes the bytes now, or returns false.
  bool TryTake(std::int64_t bytes);

  // Takes the bytes, now or in turn. False if there was no room within `patience`, too many wait already, or
  // StopWaiting was called. At least 1, at most the room's capacity. Once, before anything else.
  boost::asio::awaitable<bool> Take(std::int64_t bytes, std::chrono::milliseconds patience);
  void StopWaiting();

  void ReturnAll();

 private:
  BodyRoom& room_;
  const ClientAddress address_;
  std::int64_t taken_ = 0;
  std::shared_ptr<BodyRoom::Waiter> waiter_;  // of Take; nullptr: doesn't wait
};

}  // namespace poold
