#include "server/transport/http_body_room.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace poold {

namespace net = boost::asio;

struct BodyRoom::Waiter {
  const std::int64_t bytes;
  net::steady_timer patience;  // on the executor of the one that waits only
  bool served = false;         // guarded by mutex_
};

std::size_t BodyRoom::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiters_.size();
}

bool BodyRoom::TryTake(std::int64_t bytes) {
  const std::lock_guard lock(mutex_);
  return waiters_.empty() && budget_.TryTake(bytes);
}

void BodyRoom::Return(std::int64_t bytes) {
  if (bytes == 0) return;
  budget_.Return(bytes);
  const std::lock_guard lock(mutex_);
  ServeWaiters();
}

void BodyRoom::ServeWaiters() {
  while (!waiters_.empty() && budget_.TryTake(waiters_.front()->bytes)) {
    const std::shared_ptr<Waiter> waiter = waiters_.front();
    waiters_.pop_front();
    waiter->served = true;
    net::post(waiter->patience.get_executor(), [waiter] { waiter->patience.cancel(); });
  }
}

bool BodyShare::TryTake(std::int64_t bytes) {
  if (!room_.TryTake(bytes)) return false;
  taken_ += bytes;
  return true;
}

net::awaitable<bool> BodyShare::Take(std::int64_t bytes, std::chrono::milliseconds patience) {
  const auto executor = co_await net::this_coro::executor;
  bool served = false;
  {
    const std::lock_guard lock(room_.mutex_);
    served = room_.waiters_.empty() && room_.budget_.TryTake(bytes);
    if (!served && room_.waiters_.size() < BodyRoom::kWaiters) {
      waiter_.reset(new BodyRoom::Waiter{bytes, net::steady_timer(executor, patience)});
      room_.waiters_.push_back(waiter_);
    }
  }
  if (waiter_ != nullptr) {
    // Whoever gives room cancels the wait through the executor, so not before it has begun.
    co_await waiter_->patience.async_wait(net::as_tuple(net::use_awaitable));
    const std::lock_guard lock(room_.mutex_);
    served = waiter_->served;
    std::erase(room_.waiters_, waiter_);
    waiter_ = nullptr;
    // It may have stood in front of others that need less.
    if (!served) room_.ServeWaiters();
  }
  if (served) taken_ += bytes;
  co_return served;
}

void BodyShare::StopWaiting() {
  if (waiter_ != nullptr) waiter_->patience.cancel();
}

void BodyShare::ReturnAll() {
  room_.Return(taken_);
  taken_ = 0;
}

}  // namespace poold
