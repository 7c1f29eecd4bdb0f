#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "storage/postgres/bounds.h"
#include "storage/postgres/failure.h"
#include "storage/postgres/options.h"
#include "storage/postgres/transaction.h"
#include "storage/values/stats.h"
#include "storage/values/work_log.h"

namespace poold::storage {

// A database url as it may be shown: passwords in it are `***`. One that cannot be read is not shown at all.
std::string WithoutPasswords(const std::string& url);

// What makes a database url mean something else than it seems to: a sentence without any part of the url, or nothing.
// An unescaped `@` or `/` in a password ends it early, so that the rest of it would be shown as host, port or database.
std::string MistakeInUrl(const std::string& url);

// Whether a database url has a password in it. False for one that cannot be read.
bool HasPassword(const std::string& url);

// The database, as a pool of connections that runs functions in transactions. Thread-safe. Must outlive its calls.
class Database {
 public:
  enum class Mode {
    kRead,  // each statement sees a snapshot of its own; writing is refused by the server
    kWrite  // one READ COMMITTED transaction: BEGIN, which goes with the body's first statement, the body, COMMIT
  };

  // Does not connect. Throws StorageFailure kBug for a url that cannot be read.
  explicit Database(DatabaseOptions options);

  // No call may be running.
  ~Database();

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs `body` on a connection, in the thread of the caller, and in kWrite commits what it did.
  //
  // Body may run several times, each time from the top after everything before was undone, so it must have no effect
  // outside its Transaction but for overwriting its results. It is run again, at most max_tries times in all and with
  // random pauses, when the database reports a conflict with others (serialization failure, deadlock, lock not
  // available; also a duplicate key: then its own checks see the other's row and can refuse kindly) and when the
  // connection was lost and the transaction is known not to have been committed. With Tries::kUntilDeadline a lost
  // connection, and a database that cannot be reached, are no reason to give up while there is time for another
  // attempt; from the sixth on the connection is lent to others during the pauses.
  //
  // An exception of body's own undoes the transaction and passes through unchanged; body is not run again.
  //
  // A commit whose answer was lost is looked up on another connection, never guessed. Returning means committed.
  //
  // Throws StorageFailure:
  //   kDeadline     bounds.deadline passed. Nothing was committed.
  //   kCancelled    bounds.stop was triggered. Nothing was committed.
  //   kContended    still in conflict at the last try. Nothing was committed.
  //   kUnavailable  no connection in time, or the server could not serve; nothing was committed, unless it is an
  //                 OutcomeUnknown: then the answer of a commit was lost and the look-up did not succeed.
  //   kBug          a statement or its data is wrong.
  //
  // Time: a statement still running at the deadline, or stop_grace after stop was triggered, is cut off at once by
  // closing its connection. Only COMMIT is not cut at once (though what goes with it is): a known outcome is worth more
  // than punctuality, so that a call may last up to kCommitGrace longer than its deadline (or than
  // commit_deadline, if that is later), when it is already committing then.
  //
  // `log`, if there is one, is told what was done.
  void Run(Mode mode, const Bounds& bounds, const std::function<void(Transaction&)>& body, WorkLog* log = nullptr);

  static constexpr std::chrono::milliseconds kCommitGrace{1000};

  // The limit of the options: how many calls can run at once without waiting for one another.
  int connections() const;

  DatabaseStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace poold::storage
