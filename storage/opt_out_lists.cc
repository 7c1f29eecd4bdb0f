#include "storage/opt_out_lists.h"

namespace poold {
namespace {

std::optional<OptOutList> ReadOne(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  OptOutList list;
  rows[0].Read(list.name, list.created);
  return list;
}

}  // namespace

std::optional<OptOutList> FindOptOutList(Transaction& tx, const Scope& scope, std::string_view name) {
  static constexpr Statement kFind{"opt_out_lists.find",
                                   "SELECT opt_out_list_name, created_at FROM opt_out_lists"
                                   " WHERE account_id = $1 AND region = $2 AND opt_out_list_name = $3"};
  return ReadOne(tx.Run(kFind, Params(scope.account, scope.region, name)));
}

std::optional<OptOutList> LockOptOutList(Transaction& tx, const Scope& scope, std::string_view name) {
  static constexpr Statement kLock{"opt_out_lists.lock",
                                   "SELECT opt_out_list_name, created_at FROM opt_out_lists"
                                   " WHERE account_id = $1 AND region = $2 AND opt_out_list_name = $3"
                                   " FOR KEY SHARE"};
  return ReadOne(tx.Run(kLock, Params(scope.account, scope.region, name)));
}

}  // namespace poold
