#pragma once

// Statements put together from constant pieces: listings with filters. Private to storage/.

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/postgres/transaction.h"
#include "storage/values/condition.h"

namespace poold::storage {

// The text of a query whose pieces are always the same ones: the first of its queries puts it together, the others add
// their parameters only. Static. Any thread.
class ConstantText {
 public:
  bool is_known() const { return known_; }

  // Keeps the text if none is kept yet, and returns the one that is kept.
  std::string_view Know(const std::string& text) {
    std::call_once(once_, [&] {
      text_ = text;
      known_ = true;
    });
    return text_;
  }

 private:
  std::once_flag once_;
  std::string text_;
  std::atomic<bool> known_{false};
};

// Text and parameters that grow together. In a piece with a value, '?' becomes the value's parameter, so pieces are
// written without counting. Pieces are constants; only values come from callers.
class Query {
 public:
  // `constant`: the text of all queries that are made like this one; nullptr: it depends on what callers ask for.
  explicit Query(std::string_view name, ConstantText* constant = nullptr)
      : name_(name), constant_(constant), has_text_(constant == nullptr || !constant->is_known()) {
    if (has_text_) text_.reserve(kUsualLength);
  }

  Query& Add(std::string_view piece) {
    if (has_text_) text_ += piece;
    return *this;
  }

  template <typename T>
  Query& Add(std::string_view piece, const T& value) {
    params_.Add(value);
    return AddWithParameter(piece);
  }

  // The value is an array: a field of each thing.
  template <typename Things, typename FieldOf>
  Query& AddEach(std::string_view piece, const Things& things, const FieldOf& field_of) {
    params_.AddArray(things, field_of);
    return AddWithParameter(piece);
  }

  Rows Run(Transaction& tx) const { return tx.Run(statement(), params_); }
  void Later(Transaction& tx, std::function<void(const Rows&)> then = {}) const {
    tx.Later(statement(), params_, std::move(then));
  }

 private:
  static constexpr std::size_t kUsualLength = 1500;  // at most

  Query& AddWithParameter(std::string_view piece);
  Statement statement() const {
    return constant_ == nullptr ? Statement{name_, text_, /*composed=*/true} : Statement{name_, constant_->Know(text_)};
  }

  std::string_view name_;
  ConstantText* constant_;
  bool has_text_;  // else it is known
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

}  // namespace poold::storage
