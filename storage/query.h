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

#include "storage/condition.h"
#include "storage/sharing.h"
#include "storage/transaction.h"

namespace poold {

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

// Where a kind of resource is kept. Its resource_id is that of Resource, tags and policies.
struct ResourceTable {
  std::string_view type;              // in ARNs
  std::string_view name;              // of the table
  std::string_view columns;           // its key after the account and the region
  std::string_view from_resource_id;  // these columns in terms of a column resource_id
  std::string_view has_resource_id;   // predicate with '?' for a resource_id
  std::string_view resource_id;       // the resource_id in terms of these columns
  std::string_view arn_tail;          // how its ARN ends
};
inline constexpr ResourceTable kPoolTable{"pool",        "pools",   "pool_id", "resource_id",
                                          "pool_id = ?", "pool_id", "pool_id"};
inline constexpr ResourceTable kPhoneNumberTable{"phone-number",   "phone_numbers",       "phone_number_id",
                                                 "resource_id",    "phone_number_id = ?", "phone_number_id",
                                                 "phone_number_id"};
inline constexpr ResourceTable kSenderIdTable{
    "sender-id",
    "sender_ids",
    "sender_id_key, iso_country_code",
    "split_part(resource_id, '/', 1), split_part(resource_id, '/', 2)",
    "sender_id_key = split_part(?, '/', 1) AND iso_country_code = split_part(?, '/', 2)",
    "sender_id_key || '/' || iso_country_code",
    "upper(sender_id COLLATE \"C\") || '/' || iso_country_code"};
inline constexpr ResourceTable kOptOutListTable{"opt-out-list",     "opt_out_lists",         "opt_out_list_name",
                                                "resource_id",      "opt_out_list_name = ?", "opt_out_list_name",
                                                "opt_out_list_name"};

// Throws StorageFailure kBug for a type that has none.
const ResourceTable& TableOf(std::string_view type);

// Adds the predicate that a row is the viewer's own, or is shared with it.
void AddVisibleTo(Query& query, const Viewer& viewer, const ResourceTable& table);

// Adds an expression: Granted, of a row of the table, which goes by its own name.
void AddGranted(Query& query, const Viewer& viewer, const ResourceTable& table);

// Adds the predicate that the viewer may reach a pool of the account, or an identity: a phone number, or else a sender
// ID in a country, whose case does not count. `pool_id` and IdentityColumns are names of columns; the phone number is
// NULL where the identity is a sender ID.
void AddPoolReached(Query& query, const Reach& reach, std::string_view account, std::string_view pool_id);
struct IdentityColumns {
  std::string_view phone_number_id;
  std::string_view sender_id;
  std::string_view iso_country_code;
};
void AddIdentityReached(Query& query, const Reach& reach, std::string_view account, const IdentityColumns& columns);

// Adds the beginning of a FROM that reads what belongs to one resource: a row with `granted`, how its ARN ends as
// `name`, and `further` columns, if the resource is there. What follows is joined to it by LEFT JOIN LATERAL (… WHERE
// granted …) ON true, so that there is a row whether or not the resource has any of it. Where it isn't there, that of
// the id `otherwise` is taken, if that isn't empty.
void AddOwner(Query& query, const Viewer& viewer, const ResourceTable& table, const Scope& scope,
              std::string_view resource_id, std::string_view further = {}, std::string_view otherwise = {});

// What a statement with AddOwner found. Its columns are granted, the name (Contents) or NULL, and those of an item, of
// which the first is NULL only where there is none; `read` reads these.
template <typename Read>
auto ReadContents(const Rows& rows, const Read& read) {
  Contents<decltype(read(rows[0]))> contents;
  contents.items.reserve(rows.size());
  for (const Row row : rows) {
    row.Read(contents.granted, contents.name);
    const Row item = row.From(2);
    if (!item.IsNull(0)) contents.items.push_back(read(item));
  }
  return contents;
}

// Adds the predicate that a row is one of these; `columns` are the account and the id.
void AddNamed(Query& query, const std::vector<OwnedId>& ids, std::string_view columns);

}  // namespace poold
