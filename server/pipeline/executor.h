#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "server/pipeline/fair_queue.h"
#include "server/pipeline/waiting_bytes.h"

namespace poold {

class Call;

// A bounded queue between the endpoints, whose threads must not block, and workers, which wait for the database. It
// serves accounts in turn (FairQueue). Thread-safe.
class Executor {
 public:
  // Each of `workers` takes the calls that are next in turn, up to `most`, but leaves their share to workers who have
  // nothing to do. `run` executes them to their end on the worker's thread; it must not throw. `waiting` may be shared
  // with other executors and must outlive this one.
  Executor(int workers, std::size_t capacity, std::size_t most, WaitingBytes& waiting,
           std::function<void(std::span<Call* const>)> run);

  // Runs what is still queued, then ends the workers.
  ~Executor();

  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // False if there is no room, or none for the call's account: the caller must refuse the call. Never blocks.
  bool Submit(Call& call);

  // Whether Submit would take no call at all at this moment, or none of this account. (Except for the memory of waiting
  // requests, which only Submit looks at.) Nearly free as long as few wait.
  bool IsFull() const;
  bool IsFullFor(const std::string& account) const;

  // Calls that wait for a worker at this moment.
  std::size_t queued() const;

 private:
  void Work();

  const std::size_t most_;
  WaitingBytes& waiting_;
  const std::function<void(std::span<Call* const>)> run_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  FairQueue queue_;
  std::atomic<std::size_t> size_ = 0;  // of queue_, for a look without the lock
  std::size_t idle_ = 0;               // workers who wait for calls
  bool closing_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace poold
