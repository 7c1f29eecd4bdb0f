#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "storage/postgres/transaction.h"
#include "storage/values/scope.h"

namespace poold::storage {

// The account's own amount of this quota (named by its Reason: "POOLS_PER_ACCOUNT"), or nullopt if the deployment's
// counts.
std::optional<std::int64_t> FindAccountQuota(Transaction& tx, const Scope& scope, std::string_view quota);

// The same, given to `then` together with the next statement (Transaction::Later).
void FindAccountQuotaLater(Transaction& tx, const Scope& scope, std::string_view quota,
                           std::function<void(std::optional<std::int64_t>)> then);

// Gives the account an amount of its own, or with nullopt takes it away.
void SetAccountQuota(Transaction& tx, const Scope& scope, std::string_view quota, std::optional<std::int64_t> amount);

}  // namespace poold::storage
