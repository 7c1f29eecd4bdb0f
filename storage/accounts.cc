#include "storage/accounts.h"

#include <utility>

namespace poold::storage {
namespace {

struct CounterRow {
  std::string_view quota;
  Statement up;
  Statement down;
};

#define COUNT_UP(column, quota)                                                                          \
  "WITH counted AS ("                                                                                    \
  "  SELECT * FROM unnest($1::text[], $2::text[], $3::integer[]) AS counted (account, region_, more)),"  \
  " locked AS ("                                                                                         \
  "  SELECT account_id, region FROM accounts JOIN counted ON account_id = account AND region = region_"  \
  "  ORDER BY account_id, region FOR NO KEY UPDATE OF accounts)"                                         \
  " UPDATE accounts SET " column " = " column                                                            \
  " + more FROM locked JOIN counted"                                                                     \
  "   ON locked.account_id = account AND locked.region = region_"                                        \
  " WHERE accounts.account_id = account AND accounts.region = region_ AND " column                       \
  " + more <= coalesce("                                                                                 \
  "   (SELECT amount FROM account_quotas AS own WHERE own.account_id = account AND own.region = region_" \
  "    AND quota = '" quota "'), $4)"

// By Counter. A column cannot be a parameter, hence a statement for each.
constexpr CounterRow kCounters[] = {
    {"POOLS_PER_ACCOUNT",
     {"accounts.count_pools", COUNT_UP("pools", "POOLS_PER_ACCOUNT")},
     {"accounts.uncount_pools", "UPDATE accounts SET pools = pools - 1 WHERE account_id = $1 AND region = $2"}},
    {"PHONE_NUMBERS_PER_ACCOUNT",
     {},  // CountPhoneNumber
     {"accounts.uncount_phone_numbers",
      "UPDATE accounts SET phone_numbers = phone_numbers - 1 WHERE account_id = $1 AND region = $2"}},
    {"SENDER_IDS_PER_ACCOUNT",
     {"accounts.count_sender_ids", COUNT_UP("sender_ids", "SENDER_IDS_PER_ACCOUNT")},
     {"accounts.uncount_sender_ids",
      "UPDATE accounts SET sender_ids = sender_ids - 1 WHERE account_id = $1 AND region = $2"}},
    {"OPT_OUT_LISTS_PER_ACCOUNT",
     {"accounts.count_opt_out_lists", COUNT_UP("opt_out_lists", "OPT_OUT_LISTS_PER_ACCOUNT")},
     {"accounts.uncount_opt_out_lists",
      "UPDATE accounts SET opt_out_lists = opt_out_lists - 1 WHERE account_id = $1 AND region = $2"}},
};

#undef COUNT_UP

const CounterRow& Of(Counter counter) { return kCounters[static_cast<int>(counter)]; }

}  // namespace

bool EnsureAccount(Transaction& tx, const Scope& scope, Time now) {
  static constexpr Statement kEnsure{
      "accounts.ensure",
      "WITH account AS ("
      "  INSERT INTO accounts (account_id, region, created_at, opt_out_lists) VALUES ($1, $2, $3, 1)"
      "  ON CONFLICT DO NOTHING RETURNING account_id, region, created_at)"
      " INSERT INTO opt_out_lists (account_id, region, opt_out_list_name, created_at)"
      " SELECT account_id, region, 'Default', created_at FROM account"};
  return tx.Run(kEnsure, Params(scope.account, scope.region, now)).affected() > 0;
}

std::string_view QuotaOf(Counter counter) { return Of(counter).quota; }

void Count(Transaction& tx, Counter counter, const std::map<Scope, std::int64_t>& more, std::int64_t limit,
           std::function<void()> full) {
  if (more.empty()) return;
  Params params = Params::Columns(
      more, [](const auto& counted) { return std::tie(counted.first.account, counted.first.region, counted.second); });
  params.Add(limit);
  tx.Later(Of(counter).up, std::move(params), [full = std::move(full), accounts = more.size()](const Rows& rows) {
    if (rows.affected() < static_cast<std::int64_t>(accounts)) full();
  });
}

void CountOne(Transaction& tx, const Scope& scope, Counter counter, std::int64_t limit, std::function<void()> full) {
  Count(tx, counter, {{scope, 1}}, limit, std::move(full));
}

void CountPhoneNumber(Transaction& tx, const Scope& scope, std::int64_t limit, std::int64_t limit_in_all_regions,
                      std::function<void()> full) {
  // A statement of its own: the one that counts then sees what others had committed before it got the locks. Of two
  // transactions of an account at least one sees the rows of both regions, so they have a row in common to wait for,
  // even if both regions have just been made.
  static constexpr Statement kLock{
      "accounts.lock_regions",
      "SELECT FROM accounts WHERE account_id = $1 ORDER BY account_id, region FOR NO KEY UPDATE"};
  static constexpr Statement kCount{
      "accounts.count_phone_number",
      "WITH own AS ("
      "  SELECT region, amount FROM account_quotas WHERE account_id = $1 AND quota = 'PHONE_NUMBERS_PER_ACCOUNT')"
      " UPDATE accounts SET phone_numbers = phone_numbers + 1 WHERE account_id = $1 AND region = $2"
      " AND phone_numbers < coalesce((SELECT amount FROM own WHERE own.region = $2), $3)"
      " AND ($2 IN (SELECT region FROM own) OR $4 > ("
      "   SELECT sum(phone_numbers) FROM accounts AS others WHERE others.account_id = $1"
      "   AND others.region NOT IN (SELECT region FROM own)))"};
  tx.Later(kLock, Params(scope.account));
  tx.Later(kCount, Params(scope.account, scope.region, limit, limit_in_all_regions),
           [full = std::move(full)](const Rows& rows) {
             if (rows.affected() == 0) full();
           });
}

void FindRoomForPools(Transaction& tx, const std::set<Scope>& accounts,
                      std::function<void(std::map<Scope, RoomForPools>)> then) {
  static constexpr Statement kFind{
      "accounts.room_for_pools",
      "SELECT account_id, region, pools,"
      " (SELECT amount FROM account_quotas AS own WHERE own.account_id = accounts.account_id"
      "  AND own.region = accounts.region AND quota = 'POOLS_PER_ACCOUNT'),"
      " (SELECT amount FROM account_quotas AS own WHERE own.account_id = accounts.account_id"
      "  AND own.region = accounts.region AND quota = 'TAGS_PER_RESOURCE')"
      " FROM accounts WHERE (account_id, region) IN (SELECT * FROM unnest($1::text[], $2::text[]))"};
  if (accounts.empty()) return;
  const auto columns =
      Params::Columns(accounts, [](const Scope& scope) { return std::tie(scope.account, scope.region); });
  tx.Later(kFind, columns, [then = std::move(then)](const Rows& rows) {
    std::map<Scope, RoomForPools> rooms;
    for (const Row row : rows) {
      Scope scope;
      RoomForPools room;
      row.Read(scope.account, scope.region, room.pools, room.pools_quota, room.tags_quota);
      rooms[scope] = room;
    }
    then(std::move(rooms));
  });
}

void UncountOne(Transaction& tx, const Scope& scope, Counter counter) {
  // Not together with COMMIT: it may wait for the account's row, and a deadline that passes then must not leave in
  // doubt whether the commit has happened.
  tx.Later(Of(counter).down, Params(scope.account, scope.region), [](const Rows&) {});
}

Usage FindUsage(Transaction& tx, const Scope& scope) {
  static constexpr Statement kFind{"accounts.usage",
                                   "SELECT pools, phone_numbers, sender_ids, opt_out_lists FROM accounts"
                                   " WHERE account_id = $1 AND region = $2"};
  Usage usage;
  const Rows rows = tx.Run(kFind, Params(scope.account, scope.region));
  if (!rows.empty()) rows[0].Read(usage.pools, usage.phone_numbers, usage.sender_ids, usage.opt_out_lists);
  return usage;
}

std::map<Counter, CountedUse> FindUsageAndQuotas(Transaction& tx, const Scope& scope) {
#define QUOTA(name) \
  ", (SELECT amount FROM account_quotas AS own WHERE own.account_id = $1 AND own.region = $2 AND quota = '" name "')"
  static constexpr Statement kFind{"accounts.usage_and_quotas",
                                   "SELECT pools" QUOTA("POOLS_PER_ACCOUNT")
                                   ", phone_numbers" QUOTA("PHONE_NUMBERS_PER_ACCOUNT")
                                   ", sender_ids" QUOTA("SENDER_IDS_PER_ACCOUNT")
                                   ", opt_out_lists" QUOTA("OPT_OUT_LISTS_PER_ACCOUNT")
                                   " FROM accounts WHERE account_id = $1 AND region = $2"};
#undef QUOTA
  CountedUse pools, phone_numbers, sender_ids, opt_out_lists;
  const Rows rows = tx.Run(kFind, Params(scope.account, scope.region));
  if (!rows.empty()) {
    rows[0].Read(pools.used, pools.quota, phone_numbers.used, phone_numbers.quota, sender_ids.used, sender_ids.quota,
                 opt_out_lists.used, opt_out_lists.quota);
  }
  return {{Counter::kPools, pools},
          {Counter::kPhoneNumbers, phone_numbers},
          {Counter::kSenderIds, sender_ids},
          {Counter::kOptOutLists, opt_out_lists}};
}

void LockAccount(Transaction& tx, std::string_view account, AccountLock lock) {
  static constexpr Statement kShared{"accounts.lock_shared", "SELECT pg_advisory_xact_lock_shared($1::bigint)"};
  static constexpr Statement kAlone{"accounts.lock_alone", "SELECT pg_advisory_xact_lock($1::bigint)"};
  tx.Later(lock == AccountLock::kShared ? kShared : kAlone, Params(account));
}

std::optional<ListUsedByAnother> FindListUsedByAnother(Transaction& tx, std::string_view account) {
  static constexpr Statement kLock{"opt_out_lists.lock_all",
                                   "SELECT FROM opt_out_lists WHERE account_id = $1"
                                   " ORDER BY region, opt_out_list_name FOR UPDATE"};
  tx.Run(kLock, Params(account));
  static constexpr Statement kFind{
      "opt_out_lists.used_by_another",
      "SELECT opt_out_list_name, account_id FROM ("
      "  SELECT opt_out_list_account_id, opt_out_list_name, account_id FROM pools"
      "  UNION ALL SELECT opt_out_list_account_id, opt_out_list_name, account_id FROM phone_numbers) AS users"
      " WHERE opt_out_list_account_id = $1 AND account_id <> $1 AND opt_out_list_name <> 'Default'"
      " ORDER BY opt_out_list_name, account_id LIMIT 1"};
  const Rows rows = tx.Run(kFind, Params(account));
  if (rows.empty()) return std::nullopt;
  ListUsedByAnother used;
  rows[0].Read(used.opt_out_list_name, used.user);
  return used;
}

Usage EmptyAccount(Transaction& tx, std::string_view account, std::string_view operation) {
  const auto run = [&](const Statement& statement) { return tx.Run(statement, Params(account)).affected(); };
  // What refers to others goes before them. Pools go before what hangs on them without a foreign key, and deleted lists
  // before their numbers: the order in which housekeeping takes them, so that neither waits for the other in a circle.
  Usage had;
  run({"accounts.empty_pool_members", "DELETE FROM pool_members WHERE account_id = $1"});
  run({"accounts.return_numbers",
       "UPDATE inventory_numbers SET held_by = NULL, released_at = NULL FROM phone_numbers"
       " WHERE phone_numbers.account_id = $1 AND inventory_numbers.phone_number = phone_numbers.phone_number"
       "   AND held_by = $1"});
  had.phone_numbers = run({"accounts.empty_phone_numbers", "DELETE FROM phone_numbers WHERE account_id = $1"});
  had.pools = run({"accounts.empty_pools", "DELETE FROM pools WHERE account_id = $1"});
  had.sender_ids = run({"accounts.empty_sender_ids", "DELETE FROM sender_ids WHERE account_id = $1"});
  had.opt_out_lists = run({"accounts.empty_opt_out_lists",
                           "DELETE FROM opt_out_lists WHERE account_id = $1 AND opt_out_list_name <> 'Default'"});
  run({"accounts.empty_deleted_opt_out_lists", "DELETE FROM deleted_opt_out_lists WHERE account_id = $1"});
  run({"accounts.empty_opted_out_numbers", "DELETE FROM opted_out_numbers WHERE account_id = $1"});
  run({"accounts.empty_opted_in_numbers", "DELETE FROM opted_in_numbers WHERE account_id = $1"});
  run({"accounts.empty_tags", "DELETE FROM tags WHERE account_id = $1"});
  run({"accounts.empty_resource_policies", "DELETE FROM resource_policies WHERE account_id = $1"});
  run({"accounts.empty_quotas", "DELETE FROM account_quotas WHERE account_id = $1"});
  run({"accounts.reset_counters",
       "UPDATE accounts SET pools = 0, phone_numbers = 0, sender_ids = 0, opt_out_lists = 1 WHERE account_id = $1"});
  tx.Run({"accounts.empty_client_tokens", "DELETE FROM client_tokens WHERE account_id = $1 AND operation <> $2"},
         Params(account, operation));
  return had;
}

}  // namespace poold::storage
