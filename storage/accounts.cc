#include "storage/accounts.h"

namespace poold {
namespace {

struct CounterRow {
  std::string_view quota;
  Statement up;
  Statement down;
};

#define COUNT_UP(column, quota)                                                                       \
  "UPDATE accounts SET " column " = " column " + 1 WHERE account_id = $1 AND region = $2 AND " column \
  " < coalesce((SELECT amount FROM account_quotas"                                                    \
  "   WHERE account_id = $1 AND region = $2 AND quota = '" quota "'), $3)"

// By Counter. A column cannot be a parameter, hence a statement for each.
constexpr CounterRow kCounters[] = {
    {"POOLS_PER_ACCOUNT",
     {"accounts.count_pools", COUNT_UP("pools", "POOLS_PER_ACCOUNT")},
     {"accounts.uncount_pools", "UPDATE accounts SET pools = pools - 1 WHERE account_id = $1 AND region = $2"}},
    {"PHONE_NUMBERS_PER_ACCOUNT",
     {"accounts.count_phone_numbers", COUNT_UP("phone_numbers", "PHONE_NUMBERS_PER_ACCOUNT")},
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

void EnsureAccount(Transaction& tx, const Scope& scope, Time now) {
  static constexpr Statement kEnsure{
      "accounts.ensure",
      "WITH account AS ("
      "  INSERT INTO accounts (account_id, region, created_at, opt_out_lists) VALUES ($1, $2, $3, 1)"
      "  ON CONFLICT DO NOTHING RETURNING account_id, region, created_at)"
      " INSERT INTO opt_out_lists (account_id, region, opt_out_list_name, created_at)"
      " SELECT account_id, region, 'Default', created_at FROM account"};
  tx.Run(kEnsure, Params(scope.account, scope.region, now));
}

std::string_view QuotaOf(Counter counter) { return Of(counter).quota; }

bool CountOne(Transaction& tx, const Scope& scope, Counter counter, std::int64_t limit) {
  return tx.Run(Of(counter).up, Params(scope.account, scope.region, limit)).affected() == 1;
}

void UncountOne(Transaction& tx, const Scope& scope, Counter counter) {
  tx.Run(Of(counter).down, Params(scope.account, scope.region));
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

}  // namespace poold
