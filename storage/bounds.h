#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "storage/failure.h"

namespace poold {

// How long a call may take, and how it is called off.
struct Bounds {
  std::chrono::steady_clock::time_point deadline;
  std::stop_token stop;
  // If it is later: how long a commit that was begun by the deadline is waited for.
  std::chrono::steady_clock::time_point commit_deadline = {};
  bool once = false;  // the body is not run again, whatever comes between
};

bool Over(const Bounds& bounds);

// What became of a call that is over: kCancelled or kDeadline. `where` goes on from "the deadline passed".
StorageFailure Exceeded(const Bounds& bounds, const std::string& where);

// False when the pause would not end in time, or was called off.
bool Pause(const Bounds& bounds, std::chrono::milliseconds pause);

// Pauses between attempts: a random one of these, so that those who collided don't meet again ...
std::chrono::milliseconds Jitter(std::chrono::milliseconds least, std::chrono::milliseconds most);

// ... and the base, so many times doubled, but at most the cap.
std::chrono::milliseconds Doubled(std::chrono::milliseconds base, std::chrono::milliseconds cap, int times);

}  // namespace poold
