#include "server/middleware/record.h"

#include <spdlog/spdlog.h>

#include "server/method.h"

namespace poold {

void Record(const Call& call, const Error* error) noexcept {
  const auto level = error == nullptr || error->http_status() < 500 ? spdlog::level::debug
                     : error->fault() == Fault::kCancelled          ? spdlog::level::info
                     : error->fault() == Fault::kDeadline           ? spdlog::level::warn
                                                                    : spdlog::level::err;
  if (!spdlog::should_log(level)) return;
  try {
    const auto took = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - call.received());
    spdlog::log(level, "request_id={} method={} account={} region={} ms={:.3f} outcome={}", call.request_id(),
                call.method().name, call.scope().account, call.scope().region, took.count(),
                error == nullptr ? "ok" : error->what());
  } catch (...) {
    // A log line that cannot be written must not cost the caller the answer.
  }
}

}  // namespace poold
