#include "server/middleware/rate_limiter.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace poold {

std::optional<std::chrono::milliseconds> RateLimiter::Take(std::string_view account, std::string_view operation,
                                                           double calls_per_second, storage::Time now) {
  const std::uint64_t key = std::hash<std::string>()(std::string(account).append("/").append(operation));
  const auto interval = std::chrono::microseconds(static_cast<std::int64_t>(1e6 / calls_per_second));
  const double bucket = std::max(1.0, calls_per_second);
  const auto depth = std::chrono::microseconds(static_cast<std::int64_t>((bucket - 1) * 1e6 / calls_per_second));
  const Clock moment = now;

  Shard& shard = shards_[key % kShards];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.full_at.find(key);
  // An empty bucket is full again after depth + interval; more than that means that the clock was set back.
  const Clock full_at =
      found == shard.full_at.end() ? moment : std::clamp(found->second, moment, moment + depth + interval);
  if (full_at - moment > depth) {
    found->second = full_at;
    const auto wait = full_at - moment - depth;
    return std::chrono::ceil<std::chrono::milliseconds>(wait);
  }
  if (found != shard.full_at.end()) {
    found->second = full_at + interval;
  } else {
    if (shard.full_at.size() >= kCapacity / kShards) MakeRoom(shard, moment);
    shard.full_at.emplace(key, full_at + interval);
  }
  return std::nullopt;
}

std::size_t RateLimiter::size() const {
  std::size_t size = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    size += shard.full_at.size();
  }
  return size;
}

void RateLimiter::MakeRoom(Shard& shard, Clock now) {
  std::erase_if(shard.full_at, [now](const auto& bucket) { return bucket.second <= now; });
  if (shard.full_at.size() < kCapacity / kShards) return;
  std::vector<Clock> moments;
  for (const auto& [key, full_at] : shard.full_at) moments.push_back(full_at);
  const auto middle = moments.begin() + static_cast<std::ptrdiff_t>(moments.size() / 2);
  std::ranges::nth_element(moments, middle);
  std::erase_if(shard.full_at, [&](const auto& bucket) { return bucket.second <= *middle; });
}

}  // namespace poold
