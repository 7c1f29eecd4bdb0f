#pragma once

#include <cstdint>
#include <string_view>

#include "storage/scope.h"
#include "storage/transaction.h"

namespace poold {

// What is counted per account and region.
enum class Counter { kPools, kPhoneNumbers, kSenderIds, kOptOutLists };

// Makes sure that the account exists in this region, with its opt-out list `Default`. Idempotent; two at once make one.
void EnsureAccount(Transaction& tx, const Scope& scope, Time now);

// The quota of a counter, by the Reason of its refusal: "POOLS_PER_ACCOUNT".
std::string_view QuotaOf(Counter counter);

// Counts one more, unless that would exceed the account's own quota or, if it has none, `limit`: then false, and
// nothing changed. Exact under concurrency: the account's row stays locked until the transaction ends, so call it as
// late as the rules allow.
bool CountOne(Transaction& tx, const Scope& scope, Counter counter, std::int64_t limit);

// Counts one less.
void UncountOne(Transaction& tx, const Scope& scope, Counter counter);

// What is counted at this moment.
struct Usage {
  std::int64_t pools = 0;
  std::int64_t phone_numbers = 0;
  std::int64_t sender_ids = 0;
  std::int64_t opt_out_lists = 0;
};
Usage FindUsage(Transaction& tx, const Scope& scope);

}  // namespace poold
