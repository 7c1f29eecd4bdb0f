#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/postgres/transaction.h"
#include "storage/sharing.h"
#include "storage/values/resource.h"
#include "storage/values/scope.h"

namespace poold::storage {

// What a policy grants one account, or `*`, everybody that it doesn't name. No actions: nothing.
struct Grant {
  std::string consumer;
  std::vector<std::string> actions;
};

struct ResourcePolicy {
  std::string text;  // as the owner wrote it
  Time created;
};

std::optional<ResourcePolicy> FindPolicy(Transaction& tx, const Scope& scope, const Resource& resource);

// The resource's policy, if it has one, as the viewer may see it.
Contents<ResourcePolicy> ReadPolicy(Transaction& tx, const Viewer& viewer, const Scope& scope,
                                    const Resource& resource);

// Sets the policy and what it grants, instead of what was there.
void PutPolicy(Transaction& tx, const Scope& scope, const Resource& resource, const ResourcePolicy& policy,
               const std::vector<Grant>& grants);

// Removes the policy, if there is one, with what it granted.
void DeletePolicy(Transaction& tx, const Scope& scope, const Resource& resource);

}  // namespace poold::storage
