#include "storage/resource_policies.h"

#include "storage/postgres/query.h"
#include "storage/visibility.h"

namespace poold::storage {

std::optional<ResourcePolicy> FindPolicy(Transaction& tx, const Scope& scope, const Resource& resource) {
  static constexpr Statement kFind{
      "resource_policies.find",
      "SELECT policy, created_at FROM resource_policies"
      " WHERE account_id = $1 AND region = $2 AND resource_type = $3 AND resource_id = $4"};
  const Rows rows = tx.Run(kFind, Params(scope.account, scope.region, resource.type, resource.id));
  if (rows.empty()) return std::nullopt;
  ResourcePolicy policy;
  rows[0].Read(policy.text, policy.created);
  return policy;
}

Contents<ResourcePolicy> ReadPolicy(Transaction& tx, const Viewer& viewer, const Scope& scope,
                                    const Resource& resource) {
  Query query("resource_policies.read");
  query.Add("SELECT granted, name, policy, created_at");
  AddOwner(query, viewer, TableOf(resource.type), scope, resource.id);
  query
      .Add(" LEFT JOIN LATERAL (SELECT policy, created_at FROM resource_policies WHERE granted AND account_id = ?",
           scope.account)
      .Add(" AND region = ?", scope.region)
      .Add(" AND resource_type = ?", resource.type)
      .Add(" AND resource_id = ? LIMIT 1) AS found ON true", resource.id);
  return ReadContents(query.Run(tx), [](const Row& row) {
    ResourcePolicy policy;
    row.Read(policy.text, policy.created);
    return policy;
  });
}

void PutPolicy(Transaction& tx, const Scope& scope, const Resource& resource, const ResourcePolicy& policy,
               const std::vector<Grant>& grants) {
  DeletePolicy(tx, scope, resource);
  static constexpr Statement kInsert{
      "resource_policies.insert",
      "INSERT INTO resource_policies (account_id, region, resource_type, resource_id, policy, created_at)"
      " VALUES ($1, $2, $3, $4, $5, $6)"};
  tx.Later(kInsert, Params(scope.account, scope.region, resource.type, resource.id, policy.text, policy.created));
  static constexpr Statement kGrant{
      "resource_grants.insert",
      "INSERT INTO resource_grants (account_id, region, resource_type, resource_id, consumer, actions)"
      " VALUES ($1, $2, $3, $4, $5, $6)"};
  for (const Grant& grant : grants) {
    tx.Later(kGrant, Params(scope.account, scope.region, resource.type, resource.id, grant.consumer, grant.actions));
  }
}

void DeletePolicy(Transaction& tx, const Scope& scope, const Resource& resource) {
  static constexpr Statement kDelete{
      "resource_policies.delete",
      "DELETE FROM resource_policies"
      " WHERE account_id = $1 AND region = $2 AND resource_type = $3 AND resource_id = $4"};
  tx.Later(kDelete, Params(scope.account, scope.region, resource.type, resource.id));
}

}  // namespace poold::storage
