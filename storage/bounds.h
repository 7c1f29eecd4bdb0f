#pragma once

#include <chrono>
#include <stop_token>

namespace poold {

// How long a call may take, and how it is called off.
struct Bounds {
  std::chrono::steady_clock::time_point deadline;
  std::stop_token stop;
  // If it is later: how long a commit that was begun by the deadline is waited for.
  std::chrono::steady_clock::time_point commit_deadline = {};
  bool once = false;  // the body is not run again, whatever comes between
};

}  // namespace poold
