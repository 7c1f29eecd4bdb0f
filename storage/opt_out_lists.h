#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/postgres/transaction.h"
#include "storage/sharing.h"
#include "storage/values/scope.h"

namespace poold::storage {

// The list that every account has from the start, and that numbers use unless told otherwise.
inline constexpr std::string_view kDefaultOptOutList = "Default";

struct OptOutList {
  std::string account;       // the owner
  std::string name;          // case counts
  std::int64_t list_id = 0;  // what the numbers on it refer to
  Time created;
};

// Where a page of lists begins: after this one, in the order of creation, then name, then owner.
struct OptOutListPosition {
  Time created;
  std::string name;
  std::string account;
};

// The list that a plain name means where no list has exactly that name: `Default`, if the name is `default` in any
// other case (behaviour 10). Empty if the name can mean no other list.
std::string_view OtherMeaningOf(std::string_view list_name);

// The list of exactly that name, else the one that is called `otherwise`, or nullopt.
std::optional<OptOutList> FindOptOutList(Transaction& tx, const Scope& scope, std::string_view name,
                                         std::string_view otherwise = {});

// The same, locked until the transaction ends: against deletion only, so that many can use it at once, or for it.
enum class OptOutListLock { kForUse, kForDeletion };
std::optional<OptOutList> LockOptOutList(Transaction& tx, const Scope& scope, std::string_view name,
                                         OptOutListLock lock, std::string_view otherwise = {});

// The first `limit` of the viewer's lists after the position, oldest first.
std::vector<OptOutList> ListOptOutLists(Transaction& tx, const Viewer& viewer,
                                        const std::optional<OptOutListPosition>& after, int limit);

// A list of some account, as FindOptOutList looks for it.
struct OptOutListName {
  std::string account;
  std::string name;
  std::string otherwise;
};

// A list that was asked for by name.
struct NamedOptOutList {
  OptOutList list;
  Granted granted = std::nullopt;
};

// Those of the lists that are there, each once, oldest first, also those that the viewer may not see.
std::vector<NamedOptOutList> FindOptOutLists(Transaction& tx, const Viewer& viewer,
                                             const std::vector<OptOutListName>& names);

// A filter's predicate (FilterColumn): the list that a row of `table` uses is among those that the values name.
#define USES_OPT_OUT_LIST(table)                                                                         \
  "opt_out_list_name = ANY(?::text[]) OR opt_out_list_name = 'Default' AND EXISTS ("                     \
  "SELECT FROM unnest(?::text[]) AS given WHERE lower(given COLLATE \"C\") = 'default' AND NOT EXISTS (" \
  "SELECT FROM opt_out_lists AS exact WHERE exact.account_id = " table                                   \
  ".opt_out_list_account_id"                                                                             \
  " AND exact.region = " table ".region AND exact.opt_out_list_name = given))"

// False, and nothing done, if the account has a list of this name. Sets the list's list_id.
bool InsertOptOutList(Transaction& tx, const Scope& scope, OptOutList& list);

// A use of a list by another account's pool or phone number is withdrawn if the list's policy grants that account none
// of the actions in `of_use` any more. The owner's own uses never are.
//
// The accounts that use the list otherwise: the first `limit` of them, the owner before all others, and how many there
// are.
struct OptOutListUsers {
  std::vector<std::string> accounts;
  std::int64_t count = 0;
};
OptOutListUsers FindOptOutListUsers(Transaction& tx, const Scope& scope, std::string_view name,
                                    const std::vector<std::string>& of_use, int limit);

// Locks the pools and then the numbers whose use of the list is withdrawn, together with the next statement
// (Transaction::Later): to be called before the list is locked.
void LockWithdrawnUses(Transaction& tx, const Scope& scope, std::string_view name,
                       const std::vector<std::string>& of_use);

// Removes the list with its tags and policy. It must be locked for deletion, and used by nobody but by uses that are
// withdrawn: these pools and numbers get the list `Default` of their own account. Its numbers are gone at once for
// every caller; PurgeNumbersOfDeletedLists takes them out of the tables.
void DeleteOptOutList(Transaction& tx, const Scope& scope, const OptOutList& list);

}  // namespace poold::storage
