#include "server/pipeline/full_queue_log.h"

#include <spdlog/spdlog.h>

namespace poold {

std::int64_t FullQueueLog::Count(std::string_view account, Clock::time_point now) {
  ++refused_;
  Clock::time_point next = next_;
  // Of several threads whose time has come one writes the line.
  if (now < next || !next_.compare_exchange_strong(next, now + kPause)) return 0;
  const std::int64_t refused = refused_.exchange(0);
  spdlog::warn("refused {} {} for a full queue, the last {}; more are counted, and logged once a second", refused,
               refused == 1 ? "call" : "calls",
               account.empty() ? "before its account was known" : fmt::format("of account {}", account));
  return refused;
}

}  // namespace poold
