#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/phone_numbers.h"
#include "storage/postgres/transaction.h"
#include "storage/sender_ids.h"
#include "storage/sharing.h"
#include "storage/values/condition.h"
#include "storage/values/configuration.h"
#include "storage/values/scope.h"

namespace poold::storage {

struct Pool {
  std::string account;  // the owner
  std::string id;
  std::string status;  // "CREATING", "ACTIVE" or "DELETING"
  Configuration configuration;
  bool shared_routes = false;
  bool deletion_protected = false;
  Time created;
  std::int64_t revision = 1;  // grows with every change of the pool or its membership

  bool operator==(const Pool&) const = default;
};

// Where a page of pools begins: after this one, in the order of creation and then id.
struct PoolPosition {
  Time created;
  std::string id;
};

// The pool, or nullopt.
std::optional<Pool> FindPool(Transaction& tx, const Scope& scope, std::string_view pool_id);

// The same, locked against every other change until the transaction ends. Whoever changes a pool or its members locks
// the pool first, before any identity: that order keeps membership rules exact and free of deadlocks.
std::optional<Pool> LockPool(Transaction& tx, const Scope& scope, std::string_view pool_id);

// The first `limit` of the viewer's pools after the position that meet the conditions, oldest first.
struct PoolListing {
  Viewer viewer;
  std::vector<Condition> conditions;
  std::optional<PoolPosition> after;
  int limit = 0;
};
std::vector<Pool> ListPools(Transaction& tx, const PoolListing& listing);

// Each of the listings, by a statement of its own, all in one round trip.
std::vector<std::vector<Pool>> ListPools(Transaction& tx, const std::vector<PoolListing>& listings);

// The first `limit` pools after the position that hold a phone number or a sender ID of the viewer's own, and that the
// viewer may reach, oldest first; nullopt if the number or sender ID isn't there.
struct PoolsOfIdentity {
  std::string iso_country_code;  // of the identity
  std::vector<Pool> pools;
};
std::optional<PoolsOfIdentity> ListPoolsOfPhoneNumber(Transaction& tx, const Viewer& viewer,
                                                      const PhoneNumberName& name,
                                                      const std::optional<PoolPosition>& after, int limit);
std::optional<PoolsOfIdentity> ListPoolsOfSenderId(Transaction& tx, const Viewer& viewer, const SenderIdName& name,
                                                   const std::optional<PoolPosition>& after, int limit);

// A pool that was asked for by id, and whether it meets the conditions.
struct NamedPool {
  Pool pool;
  bool meets_conditions = false;
  Granted granted = std::nullopt;
};

// Those of the pools that are there, oldest first, also those that the viewer may not see.
std::vector<NamedPool> FindPools(Transaction& tx, const Viewer& viewer, const std::vector<OwnedId>& pool_ids,
                                 const std::vector<Condition>& conditions);

// A pool that one of several asks for.
struct WantedPool {
  int asker;  // from 0
  Scope scope;
  std::string id;
};

// What each of the `askers` wants (nothing twice) and there is, in the order of FindPools, by one statement. No asker
// sees what another asked for.
std::vector<std::vector<NamedPool>> FindPoolsTogether(Transaction& tx, const std::vector<WantedPool>& wanted,
                                                      std::size_t askers);

// The pools that are there and that no other transaction holds at this moment, locked as LockPool does it; nullopt for
// the others. Doesn't wait.
std::vector<std::optional<Pool>> TryLockPools(Transaction& tx, const std::vector<ScopedId>& wanted);

struct NewPool {
  Scope scope;
  Pool pool;
};
void InsertPools(Transaction& tx, const std::vector<NewPool>& pools);

// Writes everything that can change but the status and raises the revision, in `pool` too, which must be locked. The
// pool's phone numbers take its configuration over.
void UpdatePool(Transaction& tx, const Scope& scope, Pool& pool);

// Raises the revision of a pool that is locked because of a change elsewhere: of members or keywords.
void TouchPool(Transaction& tx, const Scope& scope, Pool& pool);

// The same for several.
void TouchPools(Transaction& tx, const std::vector<ScopedId>& pools);

// Marks the pool as being deleted and raises its revision. Its members must be gone.
void MarkPoolDeleting(Transaction& tx, const Scope& scope, std::string_view pool_id, Time now);

// Removes the pool with its keywords, tags and policy. Its members must be gone.
void DeletePool(Transaction& tx, const Scope& scope, std::string_view pool_id);

// Removes at most `limit` pools whose deletion began before `before`, of any account. Returns how many.
std::int64_t FinishPoolDeletions(Transaction& tx, Time before, int limit);

}  // namespace poold::storage
