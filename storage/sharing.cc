#include "storage/sharing.h"

namespace poold::storage {

std::optional<std::vector<std::string>> FindGrant(Transaction& tx, const Scope& owner, const Resource& resource,
                                                  std::string_view consumer) {
  // What a policy says of one account counts instead of what it says of everybody.
  static constexpr Statement kFind{"resource_grants.find",
                                   "SELECT actions FROM resource_grants"
                                   " WHERE account_id = $1 AND region = $2 AND resource_type = $3 AND resource_id = $4"
                                   " AND consumer IN ($5, '*') ORDER BY consumer = '*' LIMIT 1"};
  const Rows rows = tx.Run(kFind, Params(owner.account, owner.region, resource.type, resource.id, consumer));
  if (rows.empty()) return std::nullopt;
  std::vector<std::string> actions;
  rows[0].Read(actions);
  if (actions.empty()) return std::nullopt;
  return actions;
}

}  // namespace poold::storage
