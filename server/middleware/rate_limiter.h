#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "storage/values/time.h"

namespace poold {

// Token buckets, one for each account and operation (in all regions: a caller chooses its region): each call takes a
// token, tokens come back at a steady rate, and a bucket holds as many as come back in a second (at least one).
// Thread-safe.
//
// Memory is bounded however many accounts call: a full bucket is the same as none, so full ones are dropped; if even
// that leaves too many, the fullest go, whose callers gain at most one bucketful.
class RateLimiter {
 public:
  // Takes a token of this rate's bucket, or says how long it takes until there is one.
  std::optional<std::chrono::milliseconds> Take(std::string_view account, std::string_view operation,
                                                double calls_per_second, storage::Time now);

  // Buckets remembered at this moment.
  std::size_t size() const;

  static constexpr std::size_t kCapacity = 65'536;

 private:
  using Clock = std::chrono::sys_time<std::chrono::microseconds>;
  static constexpr std::size_t kShards = 16;

  // Of each bucket the moment at which it will be full again (the "theoretical arrival time" of the generic cell rate
  // algorithm), by a hash of its name: two that share a hash share a bucket, which is rare and harmless.
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::uint64_t, Clock> full_at;
  };

  static void MakeRoom(Shard& shard, Clock now);

  std::array<Shard, kShards> shards_;
};

}  // namespace poold
