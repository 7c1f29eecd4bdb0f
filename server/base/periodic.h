#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace poold {

// A thread that does something again and again, until this object is destroyed.
class Periodic {
 public:
  // Calls `work` at once and then again after the pause that it returned. `work` must not throw, and should give up
  // soon once the token is triggered.
  explicit Periodic(std::function<std::chrono::milliseconds(std::stop_token)> work)
      : thread_([this, work = std::move(work)](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            const auto pause = work(stop);
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, stop, pause, [] { return false; });
          }
        }) {}

  // Ends the thread and waits for it. Again is harmless.
  void Stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last, so that it ends before what it uses
};

}  // namespace poold
