#include "server/middleware/known_accounts.h"

namespace poold {
namespace {

std::string KeyOf(const storage::Scope& scope) { return scope.account + "/" + scope.region; }

}  // namespace

bool KnownAccounts::Knows(const storage::Scope& scope) {
  const std::shared_lock lock(mutex_);
  return known_.contains(KeyOf(scope));
}

void KnownAccounts::Remember(const storage::Scope& scope) {
  const std::unique_lock lock(mutex_);
  if (known_.size() >= kCapacity) known_.clear();
  known_.insert(KeyOf(scope));
}

}  // namespace poold
