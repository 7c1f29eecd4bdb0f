#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/phone_numbers.h"
#include "storage/postgres/transaction.h"
#include "storage/sender_ids.h"
#include "storage/sharing.h"
#include "storage/values/condition.h"
#include "storage/values/scope.h"

namespace poold::storage {

// An identity in a pool. Whoever adds or takes away members holds the pool's lock (LockPool), then the identity's.
struct PoolMember {
  std::int64_t position = 0;  // grows in the order of association
  std::optional<std::string> phone_number_id;
  std::optional<std::string> phone_number;
  std::optional<std::string> sender_id;
  std::string iso_country_code;
  std::vector<std::string> capabilities;  // of a sender ID: SMS
};

struct MemberCount {
  int phone_numbers = 0;
  int sender_ids = 0;
  // The account's own quota, if it has one.
  std::optional<std::int64_t> quota;
};

MemberCount CountMembers(Transaction& tx, const Scope& scope, std::string_view pool_id);

// What decides, with their settings, whether a phone number may join a pool.
struct PoolToJoin {
  MemberCount count;
  std::optional<std::vector<std::string>>
      capabilities;            // that all numbers of the pool have, sorted; nullopt: no number
  bool same_keywords = false;  // with the same messages and actions
};

// For each of the numbers, in their order. The pools are there.
std::vector<PoolToJoin> FindPoolsToJoin(Transaction& tx, const std::vector<NumberInPool>& joining);

// The capabilities that all numbers of the pool have, sorted; nullopt if there is no number in it.
std::optional<std::vector<std::string>> CapabilitiesOfNumbersIn(Transaction& tx, const Scope& scope,
                                                                std::string_view pool_id);

// Whether a member of the pool can't be reached; with `numbers_only`, whether a phone number in it can't.
bool HasMemberBeyond(Transaction& tx, const Scope& scope, std::string_view pool_id, const Reach& reach,
                     bool numbers_only);

bool IsSenderIdInPool(Transaction& tx, const Scope& scope, std::string_view pool_id, const SenderIdName& name);
bool IsSenderIdInAnyPool(Transaction& tx, const Scope& scope, const SenderIdName& name);

// Adds identities to pools that they are not in (and numbers that are in no other).
void AddPhoneNumbersToPools(Transaction& tx, const std::vector<NumberInPool>& numbers);
struct SenderIdInPool {
  Scope scope;
  std::string pool_id;
  SenderIdName name;
};
void AddSenderIdsToPools(Transaction& tx, const std::vector<SenderIdInPool>& sender_ids);

// Takes a member out.
void RemovePhoneNumberFromPool(Transaction& tx, const Scope& scope, std::string_view pool_id,
                               std::string_view phone_number_id);
void RemoveSenderIdFromPool(Transaction& tx, const Scope& scope, std::string_view pool_id, const SenderIdName& name);
void RemoveAllFromPool(Transaction& tx, const Scope& scope, std::string_view pool_id);

// The first `limit` members of a pool after the position that meet the conditions, in the order of association, as the
// viewer may see them.
struct MemberListing {
  Viewer viewer;
  Scope scope;  // of the pool
  std::string pool_id;
  std::vector<Condition> conditions = {};
  std::int64_t after = 0;
  int limit = 0;
};
Contents<PoolMember> ListMembers(Transaction& tx, const MemberListing& listing);

// Each of the listings, by a statement of its own, all in one round trip.
std::vector<Contents<PoolMember>> ListMembers(Transaction& tx, const std::vector<MemberListing>& listings);

}  // namespace poold::storage
