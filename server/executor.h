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

// The bounded queue between the doors, whose threads must not block, and the workers, which wait for the database. As
// many workers as database connections: more would only wait for one. First come, first served, but for calls that can
// be answered together: who takes the first of them takes those behind it, too. Thread-safe.
class Executor {
 public:
  static constexpr std::size_t kMostTogether = 64;

  // `run` executes calls to their end on a worker's thread; it must not throw. It is given one, or several of which
  // each two are `alike`.
  Executor(int workers, std::size_t capacity, std::function<void(std::span<Call* const>)> run,
           bool (*alike)(const Call&, const Call&));

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
  void Take(std::vector<Call*>& calls);

  const std::size_t capacity_;
  const std::function<void(std::span<Call* const>)> run_;
  bool (*const alike_)(const Call&, const Call&);
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Call*> queue_;
  bool closing_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace poold
