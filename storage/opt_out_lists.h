#pragma once

#include <optional>
#include <string_view>

#include "storage/scope.h"
#include "storage/transaction.h"

namespace poold {

struct OptOutList {
  std::string name;
  Time created;
};

// The list of that name (case counts), or nullopt.
std::optional<OptOutList> FindOptOutList(Transaction& tx, const Scope& scope, std::string_view name);

// Locks it against deletion until the transaction ends.
std::optional<OptOutList> LockOptOutList(Transaction& tx, const Scope& scope, std::string_view name);

}  // namespace poold
