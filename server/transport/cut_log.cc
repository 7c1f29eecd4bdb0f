#include "server/transport/cut_log.h"

#include <spdlog/spdlog.h>

namespace poold {

bool CutLog::Write(const std::string& address, std::string_view cause, Clock::time_point now) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(last_, [now](const auto& entry) { return now - entry.second >= kPause; });
    if (last_.size() >= kAddresses || !last_.emplace(address, now).second) return false;
  }
  spdlog::warn("cut a gRPC connection from {}: cause={}; more from there are only counted for a minute", address,
               cause);
  return true;
}

}  // namespace poold
