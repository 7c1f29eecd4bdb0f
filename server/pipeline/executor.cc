#include "server/pipeline/executor.h"

#include <algorithm>
#include <utility>

#include "server/rpc/call.h"

namespace poold {

Executor::Executor(int workers, std::size_t capacity, std::size_t most, WaitingBytes& waiting,
                   std::function<void(std::span<Call* const>)> run)
    : most_(most), waiting_(waiting), run_(std::move(run)), queue_(capacity) {
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
  if (!waiting_.Add(call)) return false;
  bool submitted = false;
  {
    const std::lock_guard lock(mutex_);
    submitted = queue_.Push(call.scope().account, call);
    size_ = queue_.size();
  }
  if (submitted) {
    ready_.notify_one();
  } else {
    waiting_.Remove(call);
  }
  return submitted;
}

bool Executor::IsFull() const { return size_ == queue_.capacity(); }

bool Executor::IsFullFor(const std::string& account) const {
  if (FairQueue::HasPlaceForEach(size_, queue_.capacity())) return false;
  const std::lock_guard lock(mutex_);
  return !queue_.HasPlace(account);
}

std::size_t Executor::queued() const { return size_; }

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
      calls.resize(std::min(most_, share));
      for (Call*& call : calls) call = &queue_.Take();
      size_ = queue_.size();
    }
    for (const Call* call : calls) waiting_.Remove(*call);
    run_(calls);
  }
}

}  // namespace poold
