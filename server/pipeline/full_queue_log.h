#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace poold {

// Logs that calls are refused because their queue is full: a line when it begins, then at most one each second with
// their number. A line for each call would cost as much as the refusal, when there is the least time for it. The last
// ones may stay unlogged; poold_refused_total counts them all. Any thread.
class FullQueueLog {
 public:
  using Clock = std::chrono::steady_clock;

  // One more was refused, of this account, which is empty if nobody asked who calls. The account is named in the line,
  // if it is the one whose refusal a line is written at. Returns how many the line is about; 0: none was written.
  std::int64_t Count(std::string_view account, Clock::time_point now);

  static constexpr std::chrono::seconds kPause{1};

 private:
  std::atomic<std::int64_t> refused_{0};  // since the last line
  std::atomic<Clock::time_point> next_{Clock::time_point::min()};
};

}  // namespace poold
