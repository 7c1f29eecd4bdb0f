#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace poold::storage {

// Why the database could not do it. It speaks to the operator: what() names statements, states and the server's own
// words, so it belongs in the log and never in an answer to a caller. kind() is what a caller's answer is made from.
//
// A row that isn't there is no failure: functions of storage/ say so with std::optional or an empty list.
class StorageFailure : public std::runtime_error {
 public:
  enum class Kind {
    kUnavailable,  // no connection; server starting, stopping, read-only, full; or the outcome of a commit is unknown
    kDeadline,     // the deadline passed: queueing for a connection, waiting for a lock, running
    kCancelled,    // the stop token was triggered
    kContended,    // lost to others at every try: serialization, deadlock, duplicate key, lock not available
    kBug           // anything else: syntax, types, a constraint that the caller should have checked
  };

  StorageFailure(Kind kind, const std::string& what, std::string_view sqlstate = {})
      : std::runtime_error(what), kind_(kind), sqlstate_(sqlstate) {}

  Kind kind() const { return kind_; }

  // The five characters of SQLSTATE; empty when the failure isn't the server's own (a cut or broken connection, a
  // deadline, a value that cannot be sent or read).
  const std::string& sqlstate() const { return sqlstate_; }

 private:
  Kind kind_;
  std::string sqlstate_;
};

// The answer of a commit was lost, and what became of it could not be found out: it may have happened, so the work must
// not be done again without a token. A kUnavailable.
class OutcomeUnknown : public StorageFailure {
 public:
  // `known`: how the answer was lost, and what is known all the same.
  explicit OutcomeUnknown(const std::string& known) : StorageFailure(Kind::kUnavailable, "outcome unknown: " + known) {}
};

// Whether the link to the server broke, or the server ended it: in a moment, on another connection, it may go well. Not
// so of a server that goes on and says no, because it is read-only or out of disk.
bool IsLostLink(const StorageFailure& failure);

// What PostgreSQL says when a role may not do something: insufficient_privilege.
inline constexpr std::string_view kInsufficientPrivilege = "42501";

// What a SQLSTATE means to us. Total: a state that nobody thought of, and an empty one, is kBug.
StorageFailure::Kind KindOfSqlstate(std::string_view sqlstate);

}  // namespace poold::storage
