#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/postgres/transaction.h"
#include "storage/sharing.h"
#include "storage/values/condition.h"
#include "storage/values/scope.h"

namespace poold::storage {

struct SenderId {
  std::string account;    // the owner
  std::string sender_id;  // in upper case (SenderIdText)
  std::string iso_country_code;
  std::vector<std::string> message_types;  // sorted, no duplicates
  std::string monthly_leasing_price;
  bool deletion_protected = false;
  bool registered = false;
  std::optional<std::string> registration_id;
  Time created;
};

// What names a sender ID. The case of the text does not count.
struct SenderIdName {
  std::string sender_id;
  std::string iso_country_code;
};

// Where a page of sender IDs begins: after this one, by text without case, country, and owner.
struct SenderIdPosition {
  SenderIdName name;
  std::string account;
};

std::optional<SenderId> FindSenderId(Transaction& tx, const Scope& scope, const SenderIdName& name);

// The same, locked until the transaction ends: against release only (kForUse), so that many pools can take it at once,
// or against every other change. Pools are locked before sender IDs.
enum class SenderIdLock { kForUse, kForChange };
std::optional<SenderId> LockSenderId(Transaction& tx, const Scope& scope, const SenderIdName& name, SenderIdLock lock);

// The sender IDs that are there and that nobody is releasing or changing at this moment, locked kForUse; nullopt for
// the others. Doesn't wait.
struct ScopedSenderId {
  Scope scope;
  SenderIdName name;
};
std::vector<std::optional<SenderId>> TryLockSenderIds(Transaction& tx, const std::vector<ScopedSenderId>& wanted);

// The first `limit` of the viewer's sender IDs after the given one that meet the conditions, by text without case, then
// country.
std::vector<SenderId> ListSenderIds(Transaction& tx, const Viewer& viewer, const std::vector<Condition>& conditions,
                                    const std::optional<SenderIdPosition>& after, int limit);

// A sender ID of some account.
struct OwnedSenderId {
  std::string account;
  SenderIdName name;
};

// A sender ID that was asked for by name, and whether it meets the conditions.
struct NamedSenderId {
  SenderId sender_id;
  bool meets_conditions = false;
  Granted granted = std::nullopt;
};

// Those of the sender IDs that are there, in the order of ListSenderIds, also those that the viewer may not see.
std::vector<NamedSenderId> FindSenderIds(Transaction& tx, const Viewer& viewer, const std::vector<OwnedSenderId>& names,
                                         const std::vector<Condition>& conditions);

// False, and nothing done, if the account has this sender ID in this country already.
bool InsertSenderId(Transaction& tx, const Scope& scope, const SenderId& sender_id);

// Writes the deletion protection.
void UpdateSenderId(Transaction& tx, const Scope& scope, const SenderId& sender_id);

// Removes it with its tags and policy. It must be in no pool.
void DeleteSenderId(Transaction& tx, const Scope& scope, const SenderIdName& name);

}  // namespace poold::storage
