#pragma once

// Statements put together from constant pieces: listings with filters. Private to storage/.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/condition.h"
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

  Rows Run(Transaction& tx) const { return tx.Run({name_, text_}, params_); }

 private:
  Query& AddWithParameter(std::string_view piece);

  std::string_view name_;
  std::string text_;
  Params params_;
};

// What a filter of the API means in SQL: a predicate with one '?', which takes the values as text[].
struct FilterColumn {
  std::string_view filter;
  std::string_view predicate;
};

// Adds " AND (predicate)" for each condition. Throws StorageFailure kBug for a condition that `columns` doesn't have.
void AddConditions(Query& query, std::span<const FilterColumn> columns, const std::vector<Condition>& conditions);

}  // namespace poold
