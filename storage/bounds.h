#pragma once

#include <chrono>
#include <stop_token>

namespace poold {

// How often Database::Run may run a body, as long as each run before is known to have left nothing behind.
enum class Tries {
  kOne,
  kSome,          // as the database's options say (max_tries)
  kUntilDeadline  // the same after conflicts with others; without limit while the database cannot be reached or the
                  // link to it breaks
};

// How long a call may take, and how it is called off.
struct Bounds {
  std::chrono::steady_clock::time_point deadline;
  std::stop_token stop;
  // If it is later: how long a commit that was begun by the deadline is waited for.
  std::chrono::steady_clock::time_point commit_deadline = {};
  Tries tries = Tries::kSome;
};

}  // namespace poold
