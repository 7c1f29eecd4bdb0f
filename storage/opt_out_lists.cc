#include "storage/opt_out_lists.h"

#include <algorithm>
#include <cctype>

#include "storage/postgres/query.h"
#include "storage/resource_policies.h"
#include "storage/tags.h"
#include "storage/visibility.h"

namespace poold::storage {
namespace {

#define OPT_OUT_LIST_COLUMNS "account_id, opt_out_list_name, list_id, created_at"

// The list of the name $3, or, if there is none, of the name $4.
#define OPT_OUT_LIST_NAMED                                                   \
  "SELECT " OPT_OUT_LIST_COLUMNS                                             \
  " FROM opt_out_lists"                                                      \
  " WHERE account_id = $1 AND region = $2 AND opt_out_list_name IN ($3, $4)" \
  " ORDER BY opt_out_list_name = $3 DESC LIMIT 1"

// Of pools or phone_numbers: the rows that use the list $3 of the account $1 in the region $2.
#define USES_LIST "opt_out_list_account_id = $1 AND region = $2 AND opt_out_list_name = $3"

// Whether the account of a row of `users` may use that list: the owner, or who is granted one of the actions $4. What a
// policy says of one account counts instead of what it says of everybody.
#define MAY_USE_LIST                                                                               \
  "(users.account_id = $1 OR coalesce((SELECT actions && $4::text[] FROM resource_grants AS given" \
  "  WHERE given.account_id = $1 AND given.region = $2 AND given.resource_type = 'opt-out-list'"   \
  "  AND given.resource_id = $3 AND given.consumer IN (users.account_id, '*')"                     \
  "  ORDER BY given.consumer = '*' LIMIT 1), false))"

char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

template <typename... Further>
OptOutList ReadList(const Row& row, Further&... further) {
  OptOutList list;
  row.Read(list.account, list.name, list.list_id, list.created, further...);
  return list;
}

std::optional<OptOutList> ReadOne(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return ReadList(rows[0]);
}

std::vector<OptOutList> ReadAll(const Rows& rows) {
  std::vector<OptOutList> lists;
  for (const Row row : rows) lists.push_back(ReadList(row));
  return lists;
}

}  // namespace

std::string_view OtherMeaningOf(std::string_view list_name) {
  const bool is_default = std::ranges::equal(list_name, kDefaultOptOutList, {}, &Lower, &Lower);
  return is_default && list_name != kDefaultOptOutList ? kDefaultOptOutList : std::string_view();
}

std::optional<OptOutList> FindOptOutList(Transaction& tx, const Scope& scope, std::string_view name,
                                         std::string_view otherwise) {
  static constexpr Statement kFind{"opt_out_lists.find", OPT_OUT_LIST_NAMED};
  return ReadOne(tx.Run(kFind, Params(scope.account, scope.region, name, otherwise)));
}

std::optional<OptOutList> LockOptOutList(Transaction& tx, const Scope& scope, std::string_view name,
                                         OptOutListLock lock, std::string_view otherwise) {
  static constexpr Statement kForUse{"opt_out_lists.lock_for_use", OPT_OUT_LIST_NAMED " FOR KEY SHARE"};
  static constexpr Statement kForDeletion{"opt_out_lists.lock_for_deletion", OPT_OUT_LIST_NAMED " FOR UPDATE"};
  const Statement& statement = lock == OptOutListLock::kForUse ? kForUse : kForDeletion;
  return ReadOne(tx.Run(statement, Params(scope.account, scope.region, name, otherwise)));
}

std::vector<OptOutList> ListOptOutLists(Transaction& tx, const Viewer& viewer,
                                        const std::optional<OptOutListPosition>& after, int limit) {
  Query query("opt_out_lists.list");
  query.Add("SELECT " OPT_OUT_LIST_COLUMNS " FROM opt_out_lists WHERE ");
  AddVisibleTo(query, viewer, kOptOutListTable);
  // Names may be the same in several accounts, so the owner is part of the position.
  if (after) {
    query.Add(" AND (created_at, opt_out_list_name, account_id) > (?::timestamptz", after->created)
        .Add(", ?", after->name)
        .Add(", ?)", after->account);
  }
  query.Add(" ORDER BY created_at, opt_out_list_name, account_id LIMIT ?", limit);
  return ReadAll(query.Run(tx));
}

std::vector<NamedOptOutList> FindOptOutLists(Transaction& tx, const Viewer& viewer,
                                             const std::vector<OptOutListName>& names) {
  std::vector<std::string> accounts;
  std::vector<std::string> texts;
  std::vector<std::string> others;
  for (const OptOutListName& name : names) {
    accounts.push_back(name.account);
    texts.push_back(name.name);
    others.push_back(name.otherwise);
  }
  Query query("opt_out_lists.find_named");
  query.Add("SELECT DISTINCT found.* FROM unnest(?::text[]", accounts)
      .Add(", ?::text[]", texts)
      .Add(", ?::text[]) AS wanted (account, name, otherwise)", others)
      .Add(" CROSS JOIN LATERAL (SELECT " OPT_OUT_LIST_COLUMNS ", ");
  AddGranted(query, viewer, kOptOutListTable);
  query.Add(" AS granted FROM opt_out_lists WHERE account_id = account AND region = ?", viewer.scope.region)
      .Add(" AND opt_out_list_name IN (name, otherwise) ORDER BY opt_out_list_name = name DESC LIMIT 1) AS found")
      .Add(" ORDER BY created_at, opt_out_list_name, account_id");

  std::vector<NamedOptOutList> lists;
  for (const Row row : query.Run(tx)) {
    NamedOptOutList& named = lists.emplace_back();
    named.list = ReadList(row, named.granted);
  }
  return lists;
}

bool InsertOptOutList(Transaction& tx, const Scope& scope, OptOutList& list) {
  static constexpr Statement kInsert{
      "opt_out_lists.insert",
      "INSERT INTO opt_out_lists (account_id, region, opt_out_list_name, created_at) VALUES ($1, $2, $3, $4)"
      " ON CONFLICT ON CONSTRAINT opt_out_lists_pkey DO NOTHING RETURNING list_id"};
  const Rows rows = tx.Run(kInsert, Params(scope.account, scope.region, list.name, list.created));
  if (rows.empty()) return false;
  rows[0].Read(list.list_id);
  return true;
}

OptOutListUsers FindOptOutListUsers(Transaction& tx, const Scope& scope, std::string_view name,
                                    const std::vector<std::string>& of_use, int limit) {
  static constexpr Statement kFind{"opt_out_lists.users",
                                   "SELECT account_id, count(*) OVER () FROM ("
                                   "  SELECT account_id FROM pools WHERE " USES_LIST
                                   "  UNION SELECT account_id FROM phone_numbers WHERE " USES_LIST
                                   ") AS users WHERE " MAY_USE_LIST " ORDER BY account_id <> $1, account_id LIMIT $5"};
  OptOutListUsers users;
  for (const Row row : tx.Run(kFind, Params(scope.account, scope.region, name, of_use, limit))) {
    row.Read(users.accounts.emplace_back(), users.count);
  }
  return users;
}

void LockWithdrawnUses(Transaction& tx, const Scope& scope, std::string_view name,
                       const std::vector<std::string>& of_use) {
  static constexpr Statement kPools{"opt_out_lists.lock_withdrawn_pools",
                                    "SELECT 1 FROM pools AS users WHERE " USES_LIST " AND NOT " MAY_USE_LIST
                                    " ORDER BY account_id, pool_id FOR NO KEY UPDATE OF users"};
  // In the order of LockPhoneNumbers: a batch may name them too.
  static constexpr Statement kNumbers{"opt_out_lists.lock_withdrawn_numbers",
                                      "SELECT 1 FROM phone_numbers AS users WHERE " USES_LIST " AND NOT " MAY_USE_LIST
                                      " ORDER BY phone_number_id FOR NO KEY UPDATE OF users"};
  tx.Later(kPools, Params(scope.account, scope.region, name, of_use));
  tx.Later(kNumbers, Params(scope.account, scope.region, name, of_use));
}

void DeleteOptOutList(Transaction& tx, const Scope& scope, const OptOutList& list) {
  DeleteTags(tx, scope, {"opt-out-list", list.name});
  DeletePolicy(tx, scope, {"opt-out-list", list.name});
  static constexpr Statement kTakeFromPools{"opt_out_lists.take_from_pools",
                                            "UPDATE pools SET opt_out_list_account_id = account_id,"
                                            " opt_out_list_name = 'Default', revision = revision + 1 WHERE " USES_LIST};
  static constexpr Statement kTakeFromNumbers{"opt_out_lists.take_from_numbers",
                                              "UPDATE phone_numbers SET opt_out_list_account_id = account_id,"
                                              " opt_out_list_name = 'Default' WHERE " USES_LIST};
  tx.Later(kTakeFromPools, Params(scope.account, scope.region, list.name));
  tx.Later(kTakeFromNumbers, Params(scope.account, scope.region, list.name));
  static constexpr Statement kDelete{
      "opt_out_lists.delete",
      "WITH list AS ("
      "  DELETE FROM opt_out_lists WHERE account_id = $1 AND region = $2 AND opt_out_list_name = $3"
      "  RETURNING account_id, region, list_id)"
      " INSERT INTO deleted_opt_out_lists (account_id, region, list_id) SELECT account_id, region, list_id FROM list"};
  tx.Later(kDelete, Params(scope.account, scope.region, list.name));
}

#undef MAY_USE_LIST
#undef USES_LIST
#undef OPT_OUT_LIST_NAMED
#undef OPT_OUT_LIST_COLUMNS

}  // namespace poold::storage
