#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/postgres/transaction.h"
#include "storage/values/resource.h"
#include "storage/values/scope.h"

namespace poold::storage {

// A resource's id together with whose it is.
struct OwnedId {
  std::string account;
  std::string id;
};

// Which resources a caller may reach whose rights are limited: those whose ARN is LIKE one of the patterns.
struct Reach {
  std::string arn_start;  // of every ARN, up to its account: "arn:aws:sms-voice:us-east-1:"
  std::vector<std::string> patterns;
};

// Who reads, and by which operation: another account's resource can be read if its policy allows the operation.
struct Viewer {
  Scope scope;
  bool shared = false;      // of a listing: what others share with the account, instead of what it has itself
  std::string_view action;  // "sms-voice:DescribePools"
  // nullopt: everything. Of a listing of what belongs to a resource: what can't be reached is left out.
  std::optional<Reach> reach = std::nullopt;
};

// Whether the viewer may see a resource, as the statement found that reads the resource.
//   true: the resource is the viewer's own, or its policy grants the viewer this operation.
//   false: its policy grants the viewer other operations only.
//   nullopt: the resource is not there, or it is another account's and its policy does not name the viewer. The viewer
//     must not learn which of the two.
using Granted = std::optional<bool>;

// What one statement found of a resource and of what belongs to it: all of one moment.
template <typename Item>
struct Contents {
  Granted granted;
  std::optional<std::string> name;  // how its ARN ends, where that can differ from what was asked for
  std::vector<Item> items;          // none unless granted
};

// The actions that the owner's policy on this resource grants `consumer`: nullopt if the policy does not name it (nor
// everybody) or if there is none, in which case the consumer must not learn that the resource exists.
std::optional<std::vector<std::string>> FindGrant(Transaction& tx, const Scope& owner, const Resource& resource,
                                                  std::string_view consumer);

}  // namespace poold::storage
