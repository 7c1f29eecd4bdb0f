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

}  // namespace poold
