#include "storage/visibility.h"

#include <string>

#include "storage/postgres/failure.h"

namespace poold::storage {

const ResourceTable& TableOf(std::string_view type) {
  for (const ResourceTable* table : {&kPoolTable, &kPhoneNumberTable, &kSenderIdTable, &kOptOutListTable}) {
    if (table->type == type) return *table;
  }
  throw StorageFailure(StorageFailure::Kind::kBug, "no table for resources of the type " + std::string(type));
}

void AddVisibleTo(Query& query, const Viewer& viewer, const ResourceTable& table) {
  query.Add("region = ?", viewer.scope.region);
  if (!viewer.shared) {
    query.Add(" AND account_id = ?", viewer.scope.account);
    return;
  }
  // What a policy says of one account counts instead of what it says of everybody.
  query.Add(" AND (account_id, ")
      .Add(table.columns)
      .Add(") IN (SELECT account_id, ")
      .Add(table.from_resource_id)
      .Add(" FROM resource_grants AS given WHERE region = ?", viewer.scope.region)
      .Add(" AND resource_type = ?", table.type)
      .Add(
          " AND account_id <> ? AND (consumer = ? OR consumer = '*' AND NOT EXISTS (SELECT FROM resource_grants AS own"
          " WHERE own.account_id = given.account_id AND own.region = given.region"
          " AND own.resource_type = given.resource_type AND own.resource_id = given.resource_id"
          " AND own.consumer = ?))",
          viewer.scope.account)
      .Add(" AND ? = ANY(actions))", viewer.action);
}

void AddGranted(Query& query, const Viewer& viewer, const ResourceTable& table) {
  // The collation of resource_grants, for its index.
  query.Add("CASE WHEN ").Add(table.name).Add(".account_id = ? THEN true ELSE (SELECT ", viewer.scope.account);
  query.Add("? = ANY(nullif(actions, '{}')) FROM resource_grants AS given WHERE given.account_id = ", viewer.action)
      .Add(table.name)
      .Add(".account_id AND given.region = ")
      .Add(table.name)
      .Add(".region AND given.resource_type = ?", table.type)
      .Add(" AND given.resource_id = (")
      .Add(table.resource_id)
      .Add(") COLLATE \"default\" AND given.consumer IN (?, '*')", viewer.scope.account)
      // What a policy says of one account counts instead of what it says of everybody.
      .Add(" ORDER BY given.consumer = '*' LIMIT 1) END");
}

void AddPoolReached(Query& query, const Reach& reach, std::string_view account, std::string_view pool_id) {
  query.Add("(? || 'pool/' || ", reach.arn_start + std::string(account) + ":")
      .Add(pool_id)
      .Add(") LIKE ANY(?::text[])", reach.patterns);
}

void AddIdentityReached(Query& query, const Reach& reach, std::string_view account, const IdentityColumns& columns) {
  const std::string arn_start = reach.arn_start + std::string(account) + ":";
  query.Add("CASE WHEN ")
      .Add(columns.phone_number_id)
      .Add(" IS NOT NULL THEN (? || 'phone-number/' || ", arn_start)
      .Add(columns.phone_number_id)
      .Add(") LIKE ANY(?::text[])", reach.patterns)
      .Add(" ELSE (? || 'sender-id/' || ", arn_start)
      .Add(columns.sender_id)
      .Add(" || '/' || ")
      .Add(columns.iso_country_code)
      .Add(") COLLATE \"C\" ILIKE ANY(?::text[]) END", reach.patterns);
}

void AddOwner(Query& query, const Viewer& viewer, const ResourceTable& table, const Scope& scope,
              std::string_view resource_id, std::string_view further, std::string_view otherwise) {
  query.Add(" FROM (SELECT ").Add(table.arn_tail).Add(" AS name").Add(further).Add(", ");
  AddGranted(query, viewer, table);
  query.Add(" AS granted FROM ")
      .Add(table.name)
      .Add(" WHERE account_id = ?", scope.account)
      .Add(" AND region = ?", scope.region)
      .Add(" AND (")
      .Add(table.has_resource_id, resource_id);
  if (!otherwise.empty()) query.Add(" OR ").Add(table.has_resource_id, otherwise);
  query.Add(")");
  if (!otherwise.empty()) query.Add(" ORDER BY (").Add(table.has_resource_id, resource_id).Add(") DESC");
  query.Add(" LIMIT 1) AS owner");
}

void AddNamed(Query& query, const std::vector<OwnedId>& ids, std::string_view columns) {
  query.Add("(")
      .Add(columns)
      .AddEach(") IN (SELECT account, id FROM unnest(?::text[]", ids, &OwnedId::account)
      .AddEach(", ?::text[]) AS wanted (account, id))", ids, &OwnedId::id);
}

}  // namespace poold::storage
