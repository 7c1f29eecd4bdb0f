#include "storage/account_quotas.h"

#include <utility>

namespace poold::storage {

namespace {

constexpr Statement kFind{"account_quotas.find",
                          "SELECT amount FROM account_quotas WHERE account_id = $1 AND region = $2 AND quota = $3"};

std::optional<std::int64_t> AmountIn(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  std::int64_t amount = 0;
  rows[0].Read(amount);
  return amount;
}

}  // namespace

std::optional<std::int64_t> FindAccountQuota(Transaction& tx, const Scope& scope, std::string_view quota) {
  return AmountIn(tx.Run(kFind, Params(scope.account, scope.region, quota)));
}

void FindAccountQuotaLater(Transaction& tx, const Scope& scope, std::string_view quota,
                           std::function<void(std::optional<std::int64_t>)> then) {
  tx.Later(kFind, Params(scope.account, scope.region, quota),
           [then = std::move(then)](const Rows& rows) { then(AmountIn(rows)); });
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

}  // namespace poold::storage
