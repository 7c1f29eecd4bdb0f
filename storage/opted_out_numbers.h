#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/condition.h"
#include "storage/scope.h"
#include "storage/transaction.h"

namespace poold {

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

// The first `limit` numbers after the given one that meet the conditions, in the order of their digits.
std::vector<OptedOutNumber> ListOptedOutNumbers(Transaction& tx, const OptOutListRef& list,
                                                const std::vector<Condition>& conditions, const std::string& after,
                                                int limit);

// A number that was asked for, and whether it meets the conditions.
struct NamedOptedOutNumber {
  OptedOutNumber entry;
  bool meets_conditions = false;
};

// Those of the numbers that are on the list, in the order of their digits.
std::vector<NamedOptedOutNumber> FindOptedOutNumbers(Transaction& tx, const OptOutListRef& list,
                                                     const std::vector<std::string>& numbers,
                                                     const std::vector<Condition>& conditions);

// Removes at most `limit` rows that lists left behind when they were deleted. Returns how many; fewer than `limit`
// means that none is left but those that another call is removing.
std::int64_t PurgeNumbersOfDeletedLists(Transaction& tx, int limit);

// Forgets at most `limit` of the numbers taken off before `before`. Returns how many.
std::int64_t PurgeOptIns(Transaction& tx, Time before, int limit);

}  // namespace poold
