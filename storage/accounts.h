#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "storage/postgres/transaction.h"
#include "storage/values/scope.h"

namespace poold::storage {

// What is counted per account and region.
enum class Counter { kPools, kPhoneNumbers, kSenderIds, kOptOutLists };

// Makes sure that the account exists in this region, with its opt-out list `Default`; true if it did not before.
// Idempotent; two at once make one: the second waits for the first one's transaction.
bool EnsureAccount(Transaction& tx, const Scope& scope, Time now);

// The quota of a counter, by the Reason of its refusal: "POOLS_PER_ACCOUNT".
std::string_view QuotaOf(Counter counter);

// Counts one more, together with the next statement or before the commit (Transaction::Later), unless that would exceed
// the account's own quota or, if it has none, `limit`: then nothing is changed and `full` is called, which may throw.
// Exact under concurrency: the account's row stays locked until the transaction ends, so call it as late as the rules
// allow. Not of phone numbers.
void CountOne(Transaction& tx, const Scope& scope, Counter counter, std::int64_t limit, std::function<void()> full);

// The same for several accounts, so many more in each; `full` is called if any of them would have too many. The
// accounts are locked in one order, so that nobody waits in a circle.
void Count(Transaction& tx, Counter counter, const std::map<Scope, std::int64_t>& more, std::int64_t limit,
           std::function<void()> full);

// How many pools an account has at this moment, and its own quotas of what a new one needs: those that it has.
struct RoomForPools {
  std::int64_t pools = 0;
  std::optional<std::int64_t> pools_quota;
  std::optional<std::int64_t> tags_quota;  // of a resource
};

// Given to `then` together with the next statement (Transaction::Later).
void FindRoomForPools(Transaction& tx, const std::set<Scope>& accounts,
                      std::function<void(std::map<Scope, RoomForPools>)> then);

// Counts one more phone number, likewise, with a limit for the region and one for all regions together, in which those
// do not count where the account has a quota of its own. Exact under concurrency: it locks the account in all its
// regions.
void CountPhoneNumber(Transaction& tx, const Scope& scope, std::int64_t limit, std::int64_t limit_in_all_regions,
                      std::function<void()> full);

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

// The same, with the account's own quotas, for each of the counters.
struct CountedUse {
  std::int64_t used = 0;
  std::optional<std::int64_t> quota;
};
std::map<Counter, CountedUse> FindUsageAndQuotas(Transaction& tx, const Scope& scope);

// A lock on an account in all its regions, for servers that empty accounts: held by all that change something in it, so
// that whoever works on the account as a whole can wait until they are through, and then is alone in it. Held until the
// transaction ends; taken before any other lock, so that it closes no circle of waiting.
enum class AccountLock { kShared, kAlone };
void LockAccount(Transaction& tx, std::string_view account, AccountLock lock);

// An opt-out list of the account that another account's pool or phone number uses.
struct ListUsedByAnother {
  std::string opt_out_list_name;
  std::string user;  // the other account
};

// The first of them but for `Default`, or nullopt. Locks the account's lists, so that none comes into use any more.
std::optional<ListUsedByAnother> FindListUsedByAnother(Transaction& tx, std::string_view account);

// Removes everything that the account has, in every region, and gives its numbers back to the inventory as if they had
// never been handed out. What stays is its row and its list `Default` in each region, and the client tokens of
// `operation`, the one that empties accounts: its repetitions must not empty them again. Returns what there was,
// `Default` not counted. The account must be locked (kAlone), and no other account may use its lists.
Usage EmptyAccount(Transaction& tx, std::string_view account, std::string_view operation);

}  // namespace poold::storage
