#include "storage/postgres/query.h"

#include <algorithm>

#include "storage/postgres/failure.h"

namespace poold::storage {

Query& Query::AddWithParameter(std::string_view piece) {
  if (!has_text_) return *this;
  const std::string parameter = "$" + std::to_string(params_.size());
  for (std::size_t end; (end = piece.find('?')) != std::string_view::npos; piece.remove_prefix(end + 1)) {
    text_.append(piece, 0, end).append(parameter);
  }
  return Add(piece);
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

}  // namespace poold::storage
