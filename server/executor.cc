#include "server/executor.h"

#include <algorithm>
#include <utility>

namespace poold {

Executor::Executor(int workers, std::size_t capacity, std::size_t most, std::function<void(std::span<Call* const>)> run)
    : capacity_(capacity), most_(most), run_(std::move(run)) {
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

void Executor::Work() {
  std::vector<Call*> calls;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      ++idle_;
      ready_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      --idle_;
      if (queue_.empty()) return;
      const std::size_t takers = 1 + idle_;
      const std::size_t share = (queue_.size() + takers - 1) / takers;
      const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(most_, share));
      calls.assign(queue_.begin(), end);
      queue_.erase(queue_.begin(), end);
    }
    run_(calls);
  }
}

}  // namespace poold
