#include "server/known_accounts.h"

namespace poold {
namespace {

std::string KeyOf(const Scope& scope) { return scope.account + "/" + scope.region; }

}  // namespace

bool KnownAccounts::Knows(const Scope& scope) {
  const std::shared_lock lock(mutex_);
  return known_.contains(KeyOf(scope));
}

void KnownAccounts::Ensure(const Scope& scope, const std::function<void()>& ensure) {
  if (Knows(scope)) return;
  ensure();
  const std::unique_lock lock(mutex_);
  if (known_.size() >= kCapacity) known_.clear();
  known_.insert(KeyOf(scope));
}

bool KnownAccounts::IsFirstOfRegion(const std::string& region) {
  const std::unique_lock lock(mutex_);
  return regions_.size() < kRegions && regions_.insert(region).second;
}

}  // namespace poold
