#include "storage/accounts.h"

namespace poold {
namespace {

struct CounterStatements {
  Statement up;
  Statement down;
};

// A column cannot be a parameter, hence a statement for each counter.
constexpr CounterStatements kCounters[] = {
    {{"accounts.count_pool",
      "UPDATE accounts SET pools = pools + 1 WHERE account_id = $1 AND region = $2 AND pools < $3"},
     {"accounts.uncount_pool", "UPDATE accounts SET pools = pools - 1 WHERE account_id = $1 AND region = $2"}},
    {{"accounts.count_phone_number",
      "UPDATE accounts SET phone_numbers = phone_numbers + 1"
      " WHERE account_id = $1 AND region = $2 AND phone_numbers < $3"},
     {"accounts.uncount_phone_number",
      "UPDATE accounts SET phone_numbers = phone_numbers - 1 WHERE account_id = $1 AND region = $2"}},
    {{"accounts.count_sender_id",
      "UPDATE accounts SET sender_ids = sender_ids + 1"
      " WHERE account_id = $1 AND region = $2 AND sender_ids < $3"},
     {"accounts.uncount_sender_id",
      "UPDATE accounts SET sender_ids = sender_ids - 1 WHERE account_id = $1 AND region = $2"}},
    {{"accounts.count_opt_out_list",
      "UPDATE accounts SET opt_out_lists = opt_out_lists + 1"
      " WHERE account_id = $1 AND region = $2 AND opt_out_lists < $3"},
     {"accounts.uncount_opt_out_list",
      "UPDATE accounts SET opt_out_lists = opt_out_lists - 1 WHERE account_id = $1 AND region = $2"}},
};

const CounterStatements& Of(Counter counter) { return kCounters[static_cast<int>(counter)]; }

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

bool CountOne(Transaction& tx, const Scope& scope, Counter counter, std::int64_t limit) {
  return tx.Run(Of(counter).up, Params(scope.account, scope.region, limit)).affected() == 1;
}

void UncountOne(Transaction& tx, const Scope& scope, Counter counter) {
  tx.Run(Of(counter).down, Params(scope.account, scope.region));
}

}  // namespace poold
