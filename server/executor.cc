#include "server/executor.h"

#include <algorithm>
#include <utility>

namespace poold {

namespace {

// How far behind the first call its like are looked for: the queue is locked meanwhile.
constexpr std::ptrdiff_t kReach = 256;

}  // namespace

Executor::Executor(int workers, std::size_t capacity, std::function<void(std::span<Call* const>)> run,
                   bool (*alike)(const Call&, const Call&))
    : capacity_(capacity), run_(std::move(run)), alike_(alike) {
  for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { Work(); });
}

Executor::~Executor() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  ready_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool Executor::Submit(Call& call) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= capacity_) return false;
    queue_.push_back(&call);
  }
  ready_.notify_one();
  return true;
}

std::size_t Executor::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void Executor::Take(std::vector<Call*>& calls) {
  calls.push_back(queue_.front());
  queue_.pop_front();
  if (!alike_(*calls[0], *calls[0])) return;
  const auto end = queue_.begin() + std::min(kReach, std::ssize(queue_));
  const auto rest = std::remove_if(queue_.begin(), end, [&](Call* call) {
    if (calls.size() >= kMostTogether || !alike_(*calls[0], *call)) return false;
    calls.push_back(call);
    return true;
  });
  queue_.erase(rest, end);
}

void Executor::Work() {
  std::vector<Call*> calls;
  while (true) {
    calls.clear();
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      Take(calls);
    }
    run_(calls);
  }
}

}  // namespace poold
