#include "storage/postgres/backoff.h"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <random>

namespace poold::storage {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

bool Over(const Bounds& bounds) { return bounds.stop.stop_requested() || Clock::now() >= bounds.deadline; }

StorageFailure Exceeded(const Bounds& bounds, const std::string& where) {
  if (bounds.stop.stop_requested()) return {StorageFailure::Kind::kCancelled, "cancelled " + where};
  return {StorageFailure::Kind::kDeadline, "the deadline passed " + where};
}

bool Pause(const Bounds& bounds, milliseconds pause) {
  const auto until = Clock::now() + pause;
  if (until >= bounds.deadline) return false;
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_until(lock, bounds.stop, until, [] { return false; });
  return !bounds.stop.stop_requested();
}

milliseconds Jitter(milliseconds least, milliseconds most) {
  thread_local std::minstd_rand random(std::random_device{}());
  return milliseconds(std::uniform_int_distribution<milliseconds::rep>(least.count(), most.count())(random));
}

milliseconds Doubled(milliseconds base, milliseconds cap, int times) {
  return std::min(cap, base * (std::int64_t{1} << std::clamp(times, 0, 20)));
}

}  // namespace poold::storage
