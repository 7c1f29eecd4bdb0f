#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace poold {

// How slowly the body of a request may arrive. A body holds memory and a connection while it arrives, so it must come
// at a least rate after a while, and be complete in a given time. Pure; any thread.
class BodyPace {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Bytes per second, on average since the beginning. Less than a slow mobile network sends; at this rate the largest
  // body would take a minute.
  static constexpr std::int64_t kLeastRate = 16 << 10;
  // The part of `longest` in which a body may come as slowly as it likes, since networks pause: a quarter.
  static constexpr int kGracePart = 4;

  // `began`: when the headers were complete. `longest`: how long the whole body may take.
  BodyPace(TimePoint began, std::chrono::milliseconds longest) : began_(began), longest_(longest) {}

  // When the body must be complete.
  TimePoint End() const { return began_ + longest_; }

  // When more must have arrived than these bytes.
  TimePoint Until(std::int64_t arrived) const {
    const std::chrono::milliseconds earned(arrived * 1000 / kLeastRate);
    return std::min(began_ + longest_ / kGracePart + earned, End());
  }

 private:
  const TimePoint began_;
  const std::chrono::milliseconds longest_;
};

}  // namespace poold
