#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace poold {

class Call;

// A bounded queue between the doors, whose threads must not block, and workers, which wait for the database. First
// come, first served. Thread-safe.
class Executor {
 public:
  // Each of `workers` takes the first call, and with it what waits behind it, up to `most` calls, but leaves their
  // share to workers who have nothing to do. `run` executes them to their end on the worker's thread; it must not
  // throw.
  Executor(int workers, std::size_t capacity, std::size_t most, std::function<void(std::span<Call* const>)> run);

  // Runs what is still queued, then ends the workers.
  ~Executor();

  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // False if the queue is full: the caller must refuse the call. Never blocks.
  bool Submit(Call& call);

  // Calls that wait for a worker at this moment.
  std::size_t queued() const;

 private:
  void Work();

  const std::size_t capacity_;
  const std::size_t most_;
  const std::function<void(std::span<Call* const>)> run_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Call*> queue_;
  std::size_t idle_ = 0;  // workers who wait for calls
  bool closing_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace poold
