#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace poold {

// Logs connections that were cut: once for each address in a minute, and for so many addresses at most, so that an
// attack fills neither the log nor the memory. Any thread.
class CutLog {
 public:
  using Clock = std::chrono::steady_clock;

  // `cause` as in the metric poold_connections_cut_total. Says whether it was logged.
  bool Write(const std::string& address, std::string_view cause, Clock::time_point now);

  static constexpr std::chrono::minutes kPause{1};
  static constexpr std::size_t kAddresses = 64;

 private:
  std::mutex mutex_;
  std::map<std::string, Clock::time_point> last_;  // guarded by mutex_
};

}  // namespace poold
