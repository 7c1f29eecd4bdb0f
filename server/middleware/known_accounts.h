#pragma once

#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_set>

#include "storage/values/scope.h"

namespace poold {

// The accounts that this process has seen in the database, so that the check costs a round trip once and not on every
// call. Accounts are never removed, so a remembered one is never wrong. Bounded: when full it forgets all and learns
// again. Thread-safe.
class KnownAccounts {
 public:
  bool Knows(const storage::Scope& scope);

  // The account is in the database: that is committed.
  void Remember(const storage::Scope& scope);

 private:
  static constexpr std::size_t kCapacity = 100'000;

  std::shared_mutex mutex_;
  std::unordered_set<std::string> known_;
};

}  // namespace poold
