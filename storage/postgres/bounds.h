#pragma once

#include <chrono>
#include <stop_token>

namespace poold::storage {

// How often Database::Run may run a body. It runs a body again only if the run before is known to have left nothing
// behind.
enum class Tries {
  kOne,
  kSome,          // at most max_tries times, an option of the database
  kUntilDeadline  // the same after conflicts with others; but until the deadline if the link to the database breaks, or
                  // if the database cannot be reached
};

// How long a call may take, and how it is called off.
struct Bounds {
  std::chrono::steady_clock::time_point deadline;
  std::stop_token stop;
  // If it is later: how long a commit that was begun by the deadline is waited for.
  std::chrono::steady_clock::time_point commit_deadline = {};
  Tries tries = Tries::kSome;
};

}  // namespace poold::storage
