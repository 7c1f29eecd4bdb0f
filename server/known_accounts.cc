#include "server/known_accounts.h"

namespace poold {

void KnownAccounts::Ensure(const Scope& scope, const std::function<void()>& ensure) {
  const std::string key = scope.account + "/" + scope.region;
  {
    const std::shared_lock lock(mutex_);
    if (known_.contains(key)) return;
  }
  ensure();
  const std::unique_lock lock(mutex_);
  if (known_.size() >= kCapacity) known_.clear();
  known_.insert(key);
}

}  // namespace poold
