#include "storage/query.h"

#include <algorithm>

#include "storage/failure.h"

namespace poold {

Query& Query::Add(std::string_view piece) {
  text_ += piece;
  return *this;
}

Query& Query::AddWithParameter(std::string_view piece) {
  const std::string parameter = "$" + std::to_string(params_.size());
  for (const char c : piece) {
    if (c == '?') {
      text_ += parameter;
    } else {
      text_ += c;
    }
  }
  return *this;
}

void AddConditions(Query& query, std::span<const FilterColumn> columns, const std::vector<Condition>& conditions) {
  for (const Condition& condition : conditions) {
    const auto column = std::ranges::find(columns, condition.name, &FilterColumn::filter);
    if (column == columns.end()) {
      throw StorageFailure(StorageFailure::Kind::kBug, "no column for the filter " + condition.name);
    }
    query.Add(" AND (").Add(column->predicate, condition.values).Add(")");
  }
}

void AddVisibleTo(Query& query, const Viewer& viewer, const ResourceKey& key) {
  query.Add("region = ?", viewer.scope.region);
  if (!viewer.shared) {
    query.Add(" AND account_id = ?", viewer.scope.account);
    return;
  }
  // What a policy says of one account counts instead of what it says of everybody.
  query.Add(" AND (account_id, ")
      .Add(key.columns)
      .Add(") IN (SELECT account_id, ")
      .Add(key.from_resource_id)
      .Add(" FROM resource_grants AS given WHERE region = ?", viewer.scope.region)
      .Add(" AND resource_type = ?", key.type)
      .Add(
          " AND account_id <> ? AND (consumer = ? OR consumer = '*' AND NOT EXISTS (SELECT FROM resource_grants AS own"
          " WHERE own.account_id = given.account_id AND own.region = given.region"
          " AND own.resource_type = given.resource_type AND own.resource_id = given.resource_id"
          " AND own.consumer = ?))",
          viewer.scope.account)
      .Add(" AND ? = ANY(actions))", viewer.action);
}

void AddNamed(Query& query, const std::vector<OwnedId>& ids, std::string_view columns) {
  std::vector<std::string> accounts;
  std::vector<std::string> texts;
  for (const OwnedId& owned : ids) {
    accounts.push_back(owned.account);
    texts.push_back(owned.id);
  }
  query.Add("(")
      .Add(columns)
      .Add(") IN (SELECT account, id FROM unnest(?::text[]", accounts)
      .Add(", ?::text[]) AS wanted (account, id))", texts);
}

}  // namespace poold
