#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/postgres/transaction.h"
#include "storage/sharing.h"
#include "storage/values/condition.h"
#include "storage/values/configuration.h"
#include "storage/values/scope.h"

namespace poold::storage {

struct PhoneNumber {
  std::string account;  // the owner
  std::string id;
  std::string number;  // E.164 with `+`, or a short code's digits
  std::string status;  // "PENDING", "ACTIVE", "ASSOCIATING", "DISASSOCIATING" or "DELETED"
  std::string iso_country_code;
  Configuration configuration;
  std::vector<std::string> capabilities;  // sorted, no duplicates
  std::string number_type;
  std::string monthly_leasing_price;
  bool international_sending = false;
  bool deletion_protected = false;
  std::optional<std::string> registration_id;
  std::optional<std::string> pool_id;
  Time created;
};

// Where a page of numbers begins: after this one, in the order of creation and then id.
struct PhoneNumberPosition {
  Time created;
  std::string id;
};

// How a caller names a number.
struct PhoneNumberName {
  enum class Kind { kId, kDigits } kind;
  std::string text;  // the id; or the digits of an E.164 number or a short code, without `+`
};

// A phone number and a pool of the same account.
struct NumberInPool {
  Scope scope;
  std::string pool_id;
  std::string phone_number_id;
};

// The parameters of a statement about them: accounts, regions, pools and numbers. Private to storage/.
Params ColumnsOf(const std::vector<NumberInPool>& numbers);

// The number, or nullopt.
std::optional<PhoneNumber> FindPhoneNumber(Transaction& tx, const Scope& scope, const PhoneNumberName& name);

// The same, locked against every other change until the transaction ends. Pools are locked before numbers.
std::optional<PhoneNumber> LockPhoneNumber(Transaction& tx, const Scope& scope, const PhoneNumberName& name);

// The numbers with these ids that are there and that no other transaction holds at this moment, locked as
// LockPhoneNumber does it; nullopt for the others. Doesn't wait.
std::vector<std::optional<PhoneNumber>> TryLockPhoneNumbers(Transaction& tx, const std::vector<ScopedId>& wanted);

// Locks those of the numbers that are there, in the order of their ids: calls that lock several numbers so never wait
// for each other in a circle.
void LockPhoneNumbers(Transaction& tx, const Scope& scope, const std::vector<PhoneNumberName>& names);

// The first `limit` of the viewer's numbers after the position that meet the conditions, oldest first.
std::vector<PhoneNumber> ListPhoneNumbers(Transaction& tx, const Viewer& viewer,
                                          const std::vector<Condition>& conditions,
                                          const std::optional<PhoneNumberPosition>& after, int limit);

// A number that was asked for by id, and whether it meets the conditions.
struct NamedPhoneNumber {
  PhoneNumber number;
  bool meets_conditions = false;
  Granted granted = std::nullopt;
};

// Those of the numbers that are there, oldest first, also those that the viewer may not see.
std::vector<NamedPhoneNumber> FindPhoneNumbers(Transaction& tx, const Viewer& viewer, const std::vector<OwnedId>& ids,
                                               const std::vector<Condition>& conditions);

void InsertPhoneNumber(Transaction& tx, const Scope& scope, const PhoneNumber& number);

// Writes the settings: everything that UpdatePhoneNumber can change.
void UpdatePhoneNumber(Transaction& tx, const Scope& scope, const PhoneNumber& number);

// Removes the number with its keywords, tags and policy. It must be in no pool.
void DeletePhoneNumber(Transaction& tx, const Scope& scope, std::string_view id);

// Makes numbers of any account that were created before `before` and are still PENDING active. Returns how many.
std::int64_t ActivatePhoneNumbers(Transaction& tx, Time before, int limit);

}  // namespace poold::storage
