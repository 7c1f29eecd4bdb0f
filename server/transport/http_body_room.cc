#include "server/transport/http_body_room.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>

#include "server/transport/fair_share.h"

namespace poold {

namespace net = boost::asio;

namespace {

constexpr double AsDouble(auto number) { return static_cast<double>(number); }

}  // namespace

struct BodyRoom::Waiter {
  const ClientAddress address;
  const std::int64_t bytes;
  net::steady_timer patience;  // on the executor of the one that waits only
  bool served = false;         // guarded by mutex_
};

std::int64_t BodyRoom::taken() const {
  const std::lock_guard lock(mutex_);
  return taken_;
}

std::size_t BodyRoom::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiters_.size();
}

bool BodyRoom::TryTake(const ClientAddress& address, std::int64_t bytes, std::int64_t of_this_body) {
  const auto found = by_address_.find(address);
  const std::int64_t own = found == by_address_.end() ? 0 : found->second;
  const std::int64_t left = capacity_ - taken_ - bytes;
  // The only body of an address may be as large as the room.
  if (left < 0) return false;
  if (own > of_this_body && !IsFairShare(AsDouble(own + bytes), AsDouble(left), AsDouble(capacity_))) return false;
  by_address_[address] += bytes;
  taken_ += bytes;
  return true;
}

void BodyRoom::Return(const ClientAddress& address, std::int64_t bytes) {
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) return;
  found->second -= bytes;
  if (found->second == 0) by_address_.erase(found);
  taken_ -= bytes;
  ServeWaiters();
}

bool BodyRoom::OthersComeFirst(const ClientAddress& address) const {
  return std::any_of(waiters_.begin(), waiters_.end(), [&](const auto& waiter) {
    return waiter->address == address || !by_address_.contains(waiter->address);
  });
}

bool BodyRoom::MayWait(const ClientAddress& address) const {
  const auto own =
      std::count_if(waiters_.begin(), waiters_.end(), [&](const auto& waiter) { return waiter->address == address; });
  return waiters_.size() < kWaiters && IsFairShare(AsDouble(own), AsDouble(kWaiters - waiters_.size()), kWaiters);
}

void BodyRoom::ServeWaiters() {
  std::set<ClientAddress> passed_over;  // they have too much
  for (auto next = waiters_.begin(); next != waiters_.end();) {
    const std::shared_ptr<Waiter> waiter = *next;
    if (!passed_over.contains(waiter->address) && TryTake(waiter->address, waiter->bytes, 0)) {
      next = waiters_.erase(next);
      waiter->served = true;
      net::post(waiter->patience.get_executor(), [waiter] { waiter->patience.cancel(); });
      continue;
    }
    // It has nothing yet and waits for room, as everybody after it does.
    if (!by_address_.contains(waiter->address)) return;
    passed_over.insert(waiter->address);
    ++next;
  }
}

bool BodyShare::TryTake(std::int64_t bytes) {
  const std::lock_guard lock(room_.mutex_);
  if (room_.OthersComeFirst(address_) || !room_.TryTake(address_, bytes, taken_)) return false;
  taken_ += bytes;
  return true;
}

net::awaitable<bool> BodyShare::Take(std::int64_t bytes, std::chrono::milliseconds patience) {
  const auto executor = co_await net::this_coro::executor;
  bool served = TryTake(bytes);
  if (served) co_return true;
  {
    const std::lock_guard lock(room_.mutex_);
    if (!room_.MayWait(address_)) co_return false;
    waiter_.reset(new BodyRoom::Waiter{address_, bytes, net::steady_timer(executor, patience)});
    room_.waiters_.push_back(waiter_);
    room_.ServeWaiters();  // something may have been given back since
  }
  // ServeWaiters cancels this wait by a task of the same executor. That task runs only after the wait has begun.
  co_await waiter_->patience.async_wait(net::as_tuple(net::use_awaitable));
  const std::lock_guard lock(room_.mutex_);
  served = waiter_->served;
  std::erase(room_.waiters_, waiter_);
  waiter_ = nullptr;
  if (served) {
    taken_ += bytes;
  } else {
    room_.ServeWaiters();  // it may have stood in front of others that need less
  }
  co_return served;
}

void BodyShare::StopWaiting() {
  if (waiter_ != nullptr) waiter_->patience.cancel();
}

void BodyShare::ReturnAll() {
  if (taken_ == 0) return;
  const std::lock_guard lock(room_.mutex_);
  room_.Return(address_, taken_);
  taken_ = 0;
}

}  // namespace poold
