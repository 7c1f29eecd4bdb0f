#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "smsvoice/v2/pools.grpc.pb.h"

namespace poold {

// A good caller with one connection, which calls DescribePools twenty times a second.
class Bystander {
 public:
  // Begins at once, on a thread of its own.
  Bystander(const std::string& address, const std::string& key);

  // Ends it; then the rest can be asked.
  void Stop();
  int calls() const { return static_cast<int>(times_.size()); }
  int failed() const { return failed_; }
  // Of all its calls, those that failed included: how long 99 of a hundred took at most.
  std::chrono::microseconds p99() const;

  // Whether a call on a new connection is answered. It waits for five seconds at most.
  static bool IsServed(const std::string& address, const std::string& key);

 private:
  std::vector<std::chrono::microseconds> times_;
  int failed_ = 0;
  std::jthread thread_;
};

}  // namespace poold
