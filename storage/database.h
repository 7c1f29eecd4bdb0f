#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "storage/bounds.h"
#include "storage/failure.h"
#include "storage/transaction.h"
#include "storage/work_log.h"

namespace poold {

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

  struct Options {
    // postgresql://… or key=value …; what it sets wins over our own defaults (see storage/session.h). libpq's
    // environment variables (PGPASSWORD, PGSSLROOTCERT, …) work too.
    std::string url;
    // A file with the password, read anew for each connection, so that it can change; empty: what the url says.
    std::string password_file = {};
    int connections = 8;                              // at most so many at once; opened on first use
    std::chrono::milliseconds connect_timeout{2000};  // for one attempt to connect
    std::chrono::milliseconds statement_backstop{
        30000};           // the server's own limit for one statement, whatever the deadline
    bool prepare = true;  // false behind a pooler that mixes transactions of clients
    int max_tries = 5;    // how often a body is run, and connecting is tried; Bounds::tries can say otherwise

    // How long a statement may go on once the stop token is triggered, before its connection is cut. Nobody should be
    // able to spend connections by calling and hanging up; most statements end by themselves in less.
    std::chrono::milliseconds stop_grace{0};

    // Told of every statement after it ended, on the thread that ran it, with the time since it was sent; also of
    // "connect", "begin", "commit", "rollback" and the like. Must be quick and must not throw.
    std::function<void(std::string_view name, std::chrono::nanoseconds took, bool ok)> observe;
  };

  // Counted since construction, but for the first three, which are of this moment. Read one by one: not a snapshot.
  struct Stats {
    int open = 0;     // connections
    int in_use = 0;   // connections at work
    int waiting = 0;  // runs that wait for one

    std::uint64_t reads = 0;        // kRead runs that ended well
    std::uint64_t writes = 0;       // kWrite runs that ended well, so committed
    std::uint64_t rolled_back = 0;  // runs that ended in an exception of the body's own
    std::uint64_t failures = 0;     // runs that ended in a StorageFailure

    std::uint64_t connects = 0;
    std::uint64_t connect_failures = 0;
    std::uint64_t cuts = 0;  // connections cut off at a deadline or by a stop token

    std::uint64_t retries_serialization = 0;  // further attempts, by what ended the one before
    std::uint64_t retries_deadlock = 0;
    std::uint64_t retries_connection = 0;
    std::uint64_t retries_other = 0;  // a lock not to be had in time, a duplicate key

    std::uint64_t in_doubt_committed = 0;  // commits whose answer was lost, by what the look-up said
    std::uint64_t in_doubt_aborted = 0;
    std::uint64_t in_doubt_unknown = 0;

    // Those after a conflict with others.
    std::uint64_t retries_contended() const { return retries_serialization + retries_deadlock + retries_other; }
  };

  // Does not connect. Throws StorageFailure kBug for a url that cannot be read.
  explicit Database(Options options);

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

  Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace poold
