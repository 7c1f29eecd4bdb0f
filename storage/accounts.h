#pragma once

#include <cstdint>

#include "storage/scope.h"
#include "storage/transaction.h"

namespace poold {

// What is counted per account and region.
enum class Counter { kPools, kPhoneNumbers, kSenderIds, kOptOutLists };

// Makes sure that the account exists in this region, with its opt-out list `Default`. Idempotent; two at once make one.
void EnsureAccount(Transaction& tx, const Scope& scope, Time now);

// Counts one more, unless that would exceed `limit`: then false, and nothing changed. Exact under concurrency: the
// account's row stays locked until the transaction ends, so call it as late as the rules allow.
bool CountOne(Transaction& tx, const Scope& scope, Counter counter, std::int64_t limit);

// Counts one less.
void UncountOne(Transaction& tx, const Scope& scope, Counter counter);

}  // namespace poold
