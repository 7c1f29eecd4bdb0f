#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/postgres/transaction.h"
#include "storage/sharing.h"
#include "storage/values/condition.h"
#include "storage/values/scope.h"

namespace poold::storage {

// A recipient on an opt-out list.
struct OptedOutNumber {
  std::string number;  // E.164 with `+`
  Time opted_out;
  bool by_end_user = false;
};

// A list that is there; lists hold millions of numbers, so each of these reads or writes by key.
struct OptOutListRef {
  Scope owner;
  std::int64_t list_id = 0;
};

// Puts the number on the list unless it is there already; answers the entry that is on the list then.
OptedOutNumber PutOptedOutNumber(Transaction& tx, const OptOutListRef& list, const OptedOutNumber& entry);

// Takes the number off the list: the entry that was there, or nullopt.
std::optional<OptedOutNumber> DeleteOptedOutNumber(Transaction& tx, const OptOutListRef& list, std::string_view number);

// When the number was last taken off the list, as far as it is remembered.
std::optional<Time> LastOptIn(Transaction& tx, const OptOutListRef& list, std::string_view number);
void RecordOptIn(Transaction& tx, const OptOutListRef& list, std::string_view number, Time now);

// A number on a list, and whether it meets the conditions.
struct NamedOptedOutNumber {
  OptedOutNumber entry;
  bool meets_conditions = false;
};

// What a viewer asks for of the numbers on a list.
struct OptedOutNumberListing {
  Viewer viewer;
  Scope owner;
  std::string list;  // by its name
  std::vector<Condition> conditions;
  std::vector<std::string> named;  // these, whether they meet the conditions or not; none: all that do, by page
  std::string after;               // a page begins after this number …
  int limit = 0;                   // … and has so many at most
  std::string otherwise = {};      // the list's other name, as FindOptOutList has it
};

// In the order of their digits.
Contents<NamedOptedOutNumber> ReadOptedOutNumbers(Transaction& tx, const OptedOutNumberListing& listing);

// Removes at most `limit` rows that lists left behind when they were deleted. Returns how many; fewer than `limit`
// means that none is left but those that another call is removing.
std::int64_t PurgeNumbersOfDeletedLists(Transaction& tx, int limit);

// Forgets at most `limit` of the numbers taken off before `before`. Returns how many.
std::int64_t PurgeOptIns(Transaction& tx, Time before, int limit);

}  // namespace poold::storage
