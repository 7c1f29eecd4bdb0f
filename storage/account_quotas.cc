#include "storage/account_quotas.h"

namespace poold {

std::optional<std::int64_t> FindAccountQuota(Transaction& tx, const Scope& scope, std::string_view quota) {
  static constexpr Statement kFind{
      "account_quotas.find", "SELECT amount FROM account_quotas WHERE account_id = $1 AND region = $2 AND quota = $3"};
  const Rows rows = tx.Run(kFind, Params(scope.account, scope.region, quota));
  if (rows.empty()) return std::nullopt;
  std::int64_t amount = 0;
  rows[0].Read(amount);
  return amount;
}

void SetAccountQuota(Transaction& tx, const Scope& scope, std::string_view quota, std::optional<std::int64_t> amount) {
  static constexpr Statement kDelete{"account_quotas.delete",
                                     "DELETE FROM account_quotas WHERE account_id = $1 AND region = $2 AND quota = $3"};
  static constexpr Statement kSet{
      "account_quotas.set",
      "INSERT INTO account_quotas (account_id, region, quota, amount) VALUES ($1, $2, $3, $4)"
      " ON CONFLICT ON CONSTRAINT account_quotas_pkey DO UPDATE SET amount = excluded.amount"};
  if (amount) {
    tx.Run(kSet, Params(scope.account, scope.region, quota, *amount));
  } else {
    tx.Run(kDelete, Params(scope.account, scope.region, quota));
  }
}

}  // namespace poold
