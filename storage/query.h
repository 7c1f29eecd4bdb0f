#pragma once

// Statements put together from constant pieces: listings with filters. Private to storage/.

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/condition.h"
#include "storage/sharing.h"
#include "storage/transaction.h"

namespace poold {

// Text and parameters that grow together. In a piece with a value, '?' becomes the value's parameter, so pieces are
// written without counting. Pieces are constants; only values come from callers.
class Query {
 public:
  explicit Query(std::string_view name) : name_(name) {}

  Query& Add(std::string_view piece);

  template <typename T>
  Query& Add(std::string_view piece, const T& value) {
    params_.Add(value);
    return AddWithParameter(piece);
  }

  Rows Run(Transaction& tx) const { return tx.Run({name_, text_, /*composed=*/true}, params_); }
  void Later(Transaction& tx, std::function<void(const Rows&)> then = {}) const {
    tx.Later({name_, text_, /*composed=*/true}, params_, std::move(then));
  }

 private:
  Query& AddWithParameter(std::string_view piece);

  std::string_view name_;
  std::string text_;
  Params params_;
};

// Runs all of them, in one round trip if they can wait for each other. What `read` makes of each one's rows, in order.
template <typename Read>
auto RunTogether(Transaction& tx, const std::vector<Query>& queries, Read read) {
  using Answer = decltype(read(Rows()));
  const auto answers = std::make_shared<std::vector<Answer>>(queries.size());
  for (std::size_t i = 0; i < queries.size(); ++i) {
    queries[i].Later(tx, [answers, i, read](const Rows& rows) { (*answers)[i] = read(rows); });
  }
  tx.RunWaiting();
  return std::move(*answers);
}

// What a filter of the API means in SQL: a predicate with one '?', which takes the values as text[].
struct FilterColumn {
  std::string_view filter;
  std::string_view predicate;
};

// Adds " AND (predicate)" for each condition. Throws StorageFailure kBug for a condition that `columns` doesn't have.
void AddConditions(Query& query, std::span<const FilterColumn> columns, const std::vector<Condition>& conditions);

// Where to find a kind of resource: its type in ARNs, its table's key columns after the account, and what they are in
// terms of resource_grants.resource_id.
struct ResourceKey {
  std::string_view type;
  std::string_view columns;
  std::string_view from_resource_id;
};

// Adds the predicate that a row is the viewer's own, or is shared with it.
void AddVisibleTo(Query& query, const Viewer& viewer, const ResourceKey& key);

// Adds the predicate that a row is one of these; `columns` are the account and the id.
void AddNamed(Query& query, const std::vector<OwnedId>& ids, std::string_view columns);

}  // namespace poold
