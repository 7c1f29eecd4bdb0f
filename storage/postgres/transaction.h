#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "storage/values/time.h"

namespace poold::storage {

class Session;

// A bytea value: any bytes, NUL included. Text is std::string, must be UTF-8 and cannot hold NUL.
struct Bytes {
  std::string data;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

// A statement of ours, usually a constant beside the function that runs it. The name is what logs, metrics and traces
// call it: short, few, never made from data. SQL is constant too, or composed from constant pieces: values always
// travel as parameters. Each distinct text is prepared once per connection.
struct Statement {
  std::string_view name;
  std::string_view sql;
  bool composed = false;  // put together by Query: there are many such texts, and callers choose which
};

// The values of $1, $2, ... in order, in PostgreSQL's text form. Owns copies of them.
//
//   Params(account, pool.id, std::optional<std::string>(), ids)
//
// Takes text (std::string, std::string_view, const char*), bool, integers, Time (timestamptz), Bytes (bytea),
// std::vector of std::string or std::optional<std::string> (text[]), std::optional of any of those (absent is NULL) and
// std::nullopt (NULL). Where SQL cannot tell a parameter's type by itself, cast there: $1::text[].
// Throws StorageFailure kBug for text with a NUL character, which PostgreSQL cannot store: callers' text is checked
// for it long before.
class Params {
 public:
  Params() = default;

  template <typename First, typename... Rest>
  requires(sizeof...(Rest) > 0 || !std::same_as<First, Params>) explicit Params(const First& first,
                                                                                const Rest&... rest) {
    Reserve(1 + sizeof...(rest));
    Add(first);
    (Add(rest), ...);
  }

  // The columns of several rows, each as an array: for `FROM unnest($1::text[], $2::bigint[])`. `row_of` makes a tuple
  // of the fields of one thing, of which none is an array itself. It is called for each field: let it copy none
  // (std::tie).
  template <typename Things, typename RowOf>
  static Params Columns(const Things& things, const RowOf& row_of) {
    using Fields = decltype(row_of(*std::begin(things)));
    constexpr std::size_t kFields = std::tuple_size_v<Fields>;
    Params columns;
    columns.Reserve(kFields * std::size(things));
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (columns.AddArray(
           things, [&](const auto& thing) -> std::tuple_element_t<I, Fields> { return std::get<I>(row_of(thing)); }),
       ...);
    }
    (std::make_index_sequence<kFields>());
    return columns;
  }

  template <typename T>
  void Add(const T& value) {
    starts_.push_back(text_.size());
    Write(value);
    text_ += '\0';
  }
  template <typename T>
  void Add(const std::optional<T>& value) {
    if (value) {
      Add(*value);
    } else {
      Add(std::nullopt);
    }
  }
  void Add(std::nullopt_t) { starts_.push_back(kNull); }

  // One array: a field of each thing, which may be std::optional.
  template <typename Things, typename FieldOf>
  void AddArray(const Things& things, const FieldOf& field_of) {
    starts_.push_back(text_.size());
    WriteArray(things, field_of);
    text_ += '\0';
  }

  // The values of `further` behind these.
  void Append(const Params& further);

  int size() const { return static_cast<int>(starts_.size()); }

  // The text forms, each ended by a NUL character, and nullptr for NULL. They are valid until something is added.
  std::vector<const char*> values() const;

 private:
  static constexpr std::size_t kNull = std::string::npos;

  void Reserve(std::size_t values);

  void Write(std::string_view text);
  void Write(Time value);
  void Write(const Bytes& value);
  void Write(const std::vector<std::string>& texts) { WriteArray(texts, std::identity()); }
  void Write(const std::vector<std::optional<std::string>>& texts) { WriteArray(texts, std::identity()); }
  template <std::integral T>
  void Write(T value) {
    if constexpr (std::same_as<T, bool>) {
      text_ += value ? 't' : 'f';
    } else {
      text_ += std::to_string(value);
    }
  }

  template <typename Things, typename FieldOf>
  void WriteArray(const Things& things, const FieldOf& field_of) {
    text_ += '{';
    for (const auto& thing : things) {
      if (text_.back() != '{') text_ += ',';  // no element ends like this
      WriteElement(std::invoke(field_of, thing));
    }
    text_ += '}';
  }

  // Always quoted, so that neither separators nor the word NULL nor an empty text need a rule of their own.
  template <typename T>
  void WriteElement(const T& value) {
    text_ += '"';
    if constexpr (std::convertible_to<const T&, std::string_view>) {
      WriteEscaped(value);
    } else {
      if constexpr (std::same_as<T, Bytes>) text_ += '\\';  // for the one that they begin with
      Write(value);
    }
    text_ += '"';
  }
  template <typename T>
  void WriteElement(const std::optional<T>& value) {
    if (value) {
      WriteElement(*value);
    } else {
      text_ += "NULL";
    }
  }
  void WriteEscaped(std::string_view text);

  std::string text_;                 // all values, one behind the other
  std::vector<std::size_t> starts_;  // of each in `text_`, or kNull
};

class Rows;

// One row: a view into its Rows, valid as long as they live.
class Row {
 public:
  // Reads the columns, from the first and in order, into the fields: std::string, bool, int, std::int64_t, Time, Bytes,
  // std::vector of std::string or std::optional<std::string> (text[]), and std::optional of those (NULL is nullopt).
  // There may be fewer fields than columns. Throws StorageFailure kBug, naming the column, for a NULL that the field
  // cannot hold, a text that doesn't read as the field's type, or a column that isn't there: SQL and code disagree.
  template <typename... T>
  void Read(T&... fields) const {
    RequireColumns(first_ + static_cast<int>(sizeof...(fields)));
    int column = first_;
    (ReadColumn(column++, fields), ...);
  }

  bool IsNull(int column) const {
    RequireColumns(first_ + column + 1);
    return !Column(first_ + column).has_value();
  }

  // The same row without its first columns.
  Row From(int column) const {
    Row rest = *this;
    rest.first_ += column;
    return rest;
  }

 private:
  friend class Rows;
  Row(const Rows& rows, std::size_t index) : rows_(&rows), index_(index) {}

  // Throws unless the row is there and has so many columns. The others rely on it: asked once for all that is read.
  void RequireColumns(int count) const;
  std::optional<std::string_view> Column(int column) const;  // nullopt is NULL
  std::string_view Required(int column) const;

  template <typename T>
  void ReadColumn(int column, T& field) const {
    Parse(column, Required(column), field);
  }
  template <typename T>
  void ReadColumn(int column, std::optional<T>& field) const {
    if (const auto text = Column(column)) {
      Parse(column, *text, field.emplace());
    } else {
      field.reset();
    }
  }

  void Parse(int column, std::string_view text, std::string& field) const;
  void Parse(int column, std::string_view text, bool& field) const;
  void Parse(int column, std::string_view text, int& field) const;
  void Parse(int column, std::string_view text, std::int64_t& field) const;
  void Parse(int column, std::string_view text, Time& field) const;
  void Parse(int column, std::string_view text, Bytes& field) const;
  void Parse(int column, std::string_view text, std::vector<std::string>& field) const;
  void Parse(int column, std::string_view text, std::vector<std::optional<std::string>>& field) const;

  const Rows* rows_;
  std::size_t index_;
  int first_ = 0;  // column
};

// What a statement answered. Owns it, independent of the transaction and the connection; copies share it.
class Rows {
 public:
  class Iterator {
   public:
    Iterator(const Rows& rows, std::size_t index) : rows_(&rows), index_(index) {}
    Row operator*() const { return (*rows_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return index_ == other.index_; }

   private:
    const Rows* rows_;
    std::size_t index_;
  };

  struct Data;  // private to storage/

  Rows() = default;  // no rows

  std::size_t size() const;
  bool empty() const { return size() == 0; }
  Row operator[](std::size_t index) const { return Row(*this, index); }  // index < size()
  Iterator begin() const { return Iterator(*this, 0); }
  Iterator end() const { return Iterator(*this, size()); }

  // How many rows an INSERT, UPDATE or DELETE touched. 0 for other statements.
  std::int64_t affected() const;

 private:
  friend class Row;
  friend class Session;
  explicit Rows(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

// One attempt of a body at its work; see Database::Run. Belongs to the thread that runs the body and to that body's
// call: never keep it, never share it.
class Transaction {
 public:
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  // Runs the statement and waits for its whole answer. Throws the StorageFailure that Database::Run knows how to
  // handle: let it pass. After a failure the transaction is dead: each further Run throws that failure again, and
  // Database::Run never commits, even if the body swallows it.
  Rows Run(const Statement& statement, const Params& params = Params());

  // Runs a statement whose answer isn't needed to go on: it waits, and then goes together with the next Run, or with
  // the commit, in one round trip. All run in the order in which they were given, so that their effects and locks are
  // those of as many Runs.
  //
  // `then` is given the answer before the next Run returns its own, and before the commit. What it throws leaves that
  // Run, or Database::Run, as the body's own exception would, and also when the body has thrown something else since: a
  // refusal, put off, still comes before those that come after it. But the statements behind it have been run by then,
  // so whoever catches that must let the transaction be undone. It may be called after the body has returned, but no
  // later than Database::Run returns: it must own what it uses of the body. It may call Run.
  //
  // Throws the failure of a dead transaction, as Run does. When much waits already, that is run first, with all that
  // this can throw. Behind a pooler it runs at once.
  void Later(const Statement& statement, Params params, std::function<void(const Rows&)> then = {});

  // Runs what waits, now. Database does it when the body has returned, before a commit or a refusal; bodies need it to
  // learn of the answers earlier.
  void RunWaiting();

 private:
  friend class Database;
  struct State;
  explicit Transaction(State& state) : state_(state) {}

  void Wait(const Statement& statement, Params params, std::function<void(const Rows&)> then);

  State& state_;
};

// Makes each wait for another transaction's lock from here on fail after so long: StorageFailure kContended.
void LimitLockWaits(Transaction& tx, std::chrono::milliseconds longest);

// Makes each statement that waits behind this one fail after so long, which costs no connection: StorageFailure
// kDeadline. In a body that reads it holds until the next round trip has ended; behind a pooler not at all.
void LimitStatements(Transaction& tx, std::chrono::milliseconds longest);

}  // namespace poold::storage
