#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/resource.h"
#include "storage/scope.h"
#include "storage/transaction.h"

namespace poold {

// A resource's id together with whose it is.
struct OwnedId {
  std::string account;
  std::string id;
};

// Who looks at a listing, and what there is to see: the account's own resources, or those that others share with it.
struct Viewer {
  Scope scope;
  bool shared = false;
  std::string_view action;  // of shared ones, those whose policies allow this: "sms-voice:DescribePools"
};

// The actions that the owner's policy on this resource grants `consumer`: nullopt if the policy does not name it (nor
// everybody) or if there is none, in which case the consumer must not learn that the resource exists.
std::optional<std::vector<std::string>> FindGrant(Transaction& tx, const Scope& owner, const Resource& resource,
                                                  std::string_view consumer);

}  // namespace poold
