#pragma once

#include <functional>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_set>

#include "storage/scope.h"

namespace poold {

// The accounts that this process has seen in the database, so that the check costs a round trip once and not on every
// call. Accounts are never removed, so a remembered one is never wrong. Bounded: when full it forgets all and learns
// again. Thread-safe.
class KnownAccounts {
 public:
  // Calls `ensure` unless the account is known, then remembers it. Two threads may both call it; it must be idempotent.
  void Ensure(const Scope& scope, const std::function<void()>& ensure);

  // Whether it would not call it.
  bool Knows(const Scope& scope);

  // True once for each region, so that something can be said about a region once. After the first 1,000 regions: false.
  bool IsFirstOfRegion(const std::string& region);

 private:
  static constexpr std::size_t kCapacity = 100'000;
  static constexpr std::size_t kRegions = 1000;

  std::shared_mutex mutex_;
  std::unordered_set<std::string> known_;
  std::unordered_set<std::string> regions_;
};

}  // namespace poold
