#pragma once

#include <chrono>
#include <string>

#include "storage/postgres/bounds.h"
#include "storage/postgres/failure.h"

// Private to storage/: when a call's time is over, and how attempts wait for the next one.
namespace poold::storage {

// With less time left than this no further attempt is begun: whoever asked is told in time why there was none.
inline constexpr std::chrono::milliseconds kLeastForAnAttempt{50};

bool Over(const Bounds& bounds);

// What became of a call whose time is over: kCancelled or kDeadline. `where` goes on from "the deadline passed".
StorageFailure Exceeded(const Bounds& bounds, const std::string& where);

// Waits so long, in the thread of the caller. False, at once, if that would not end before the deadline; false, too, if
// it was called off.
bool Pause(const Bounds& bounds, std::chrono::milliseconds pause);

// At random from `least` to `most`, so that those who collided don't meet again.
std::chrono::milliseconds Jitter(std::chrono::milliseconds least, std::chrono::milliseconds most);

// The base, so many times doubled, but at most the cap.
std::chrono::milliseconds Doubled(std::chrono::milliseconds base, std::chrono::milliseconds cap, int times);

}  // namespace poold::storage
