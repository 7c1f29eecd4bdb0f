#pragma once

#include <optional>
#include <string_view>

#include "storage/scope.h"
#include "storage/transaction.h"

namespace poold {

// The list that every account has from the start, and that numbers use unless told otherwise.
inline constexpr std::string_view kDefaultOptOutList = "Default";

struct OptOutList {
  std::string name;
  Time created;
};

// The list of that name (case counts), or nullopt.
std::optional<OptOutList> FindOptOutList(Transaction& tx, const Scope& scope, std::string_view name);

// Locks it against deletion until the transaction ends.
std::optional<OptOutList> LockOptOutList(Transaction& tx, const Scope& scope, std::string_view name);

}  // namespace poold
