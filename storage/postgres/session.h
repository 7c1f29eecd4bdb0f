#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/postgres/connection_parameters.h"
#include "storage/postgres/failure.h"
#include "storage/postgres/file_descriptor.h"
#include "storage/postgres/round_trip.h"
#include "storage/postgres/transaction.h"
#include "storage/values/work_log.h"

// Private to storage/: one connection, by libpq. Everybody else goes through Database.
namespace poold::storage {

struct Rows::Data {
  explicit Data(PgResult answer) : result(std::move(answer)) {}
  const PgResult result;
};

struct FinishPgConnection {
  void operator()(pg_conn* connection) const;
};
using PgConnection = std::unique_ptr<pg_conn, FinishPgConnection>;

// A statement that is to be run together with others.
struct Waiting {
  Statement statement;
  Params params = {};
  std::function<void(const Rows&)> then = {};  // as Transaction::Later says; maybe none
  bool prepared = true;                        // or sent as text each time
  std::string text = {};                       // of a composed statement, in place of its `sql`
};

// Writes to the log and nowhere else. A commit after this one is answered when everything before it is as safe as
// commits are in this database: on disk, and on as many standbys as it waits for.
inline constexpr Statement kFollowCommits{"follow commit", "SELECT pg_logical_emit_message(true, 'poold', '')"};

// A connection. One thread at a time uses it; Cut() alone may be called by any thread while the object lives.
//
// The functions that run SQL throw StorageFailure. After one, broken() tells whether the connection is of any more use:
// if it isn't, the server has undone or will undo the open transaction, and the object can only be destroyed. A session
// never connects anew by itself: the next statement would then run outside its transaction.
class Session {
 public:
  // Who is told of each statement, as DatabaseOptions and WorkLog say; either may be nullptr.
  struct Listeners {
    const std::function<void(std::string_view name, std::chrono::nanoseconds took, bool ok)>* observe = nullptr;
    WorkLog* log = nullptr;

    // Of one that ended now.
    void Tell(std::string_view name, std::chrono::steady_clock::time_point began, bool ok, std::string sqlstate) const;
  };

  // Waits at most until `deadline` and while `stop` isn't triggered, but for the look-up of the host's name, which
  // libpq does in one blocking call. Throws StorageFailure: kDeadline, kCancelled, or kUnavailable for anything else,
  // since a wrong password and a server that isn't up yet call for the same: trying again later.
  //
  // Of several hosts the first that will do is taken, beginning with number `first_host` and going round; each gets an
  // equal part of the time that is left.
  static std::unique_ptr<Session> Connect(const ConnectionParameters& parameters, bool prepare,
                                          std::chrono::steady_clock::time_point deadline, const std::stop_token& stop,
                                          std::size_t first_host = 0);

  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // One statement with parameters, prepared on first use (the first 256 texts; more are sent unprepared each time).
  Rows Run(const Statement& statement, const Params& params);

  // What came of statements that were run together.
  struct Together {
    std::vector<Rows> answers;              // of those that went well, in order
    std::optional<StorageFailure> failure;  // of the next, with which it ended
  };

  // Runs the statements in order, in one round trip. After one that fails the server leaves out the rest. With
  // `only_last_is_left`, that is called as soon as all but the last have been answered. Doesn't throw.
  Together RunTogether(std::span<const Waiting> statements, const std::function<void()>& only_last_is_left = {});

  // SQL as it is, maybe several statements: one round trip. Returns the rows of the last.
  Rows RunText(std::string_view name, const std::string& sql);

  // Whether statements can wait for others, to be run together: not behind a pooler.
  bool can_wait() const { return prepare_; }

  // From now on they are told of every statement.
  void set_listeners(const Listeners& listeners) { listeners_ = listeners; }

  // A transaction that has begun.
  struct Begun {
    // Its number, by which its commit can be looked up if the answer is lost: the 64-bit one, never used twice within
    // one history of the database.
    std::string xid;
    // Which history that is: the server's timeline, which changes when a standby takes over, and since when it counts
    // its statistics, which it begins anew after a crash: then a number that was not on disk yet is given out again.
    // "hidden" where a PostgreSQL-like service keeps its log to itself.
    std::string history;
  };

  // Begins a READ COMMITTED transaction that may write, in one round trip. Throws on a standby. The history is asked
  // for each time, since the server behind a pooler may be another one than a moment ago.
  Begun Begin();

  // The same as statements to be run together with others, the answer of the last of which ReadBegun reads. Only if
  // CanBeginLater: after a Begin has found out how this server wants to be asked, and not behind a pooler.
  bool CanBeginLater() const { return can_wait() && began_before_; }
  void BeginLater(std::vector<Waiting>& waiting, std::function<void(const Rows&)> begun) const;
  static Begun ReadBegun(const Rows& rows);

  bool broken() const;

  // Whether the server had something to warn of during the last round trip, whose statements it ran. What it says when
  // it ends its process, because it was shut down or another one crashed, does not count: that is no word about them.
  bool warned() const { return warned_; }
  // All that it warned of during the last round trip, in its own words; empty if nothing.
  const std::string& warning() const { return warning_; }

  // Which of the hosts it is connected to.
  std::size_t host() const { return host_; }

  // Whether a transaction is open that could be committed, as the server said with its last answer.
  bool InTransaction() const;
  // Whether none is open, not even a failed one.
  bool Idle() const;

  // Ends the statement that runs, or the next to be run, by shutting down the socket: the blocked thread returns at
  // once with a failure of this kind, and the server stops the statement when it sees that the client is gone. Only the
  // first call counts.
  //
  // Why not PQcancel: its signal is for a connection, not for a statement, so one that arrives late stops the next
  // statement, of another caller; and sending it means connecting to the server, which blocks when the server hangs,
  // the very case that deadlines are for. A new connection costs milliseconds, and cuts are rare.
  void Cut(StorageFailure::Kind why);
  bool cut() const { return cut_.load() != kNotCut; }

 private:
  Session(PgConnection connection, FileDescriptor socket, bool prepare, std::string begin_settings);
  static std::unique_ptr<Session> ConnectToOne(const ConnectionParameters& parameters, bool prepare,
                                               std::chrono::steady_clock::time_point deadline,
                                               const std::stop_token& stop);

  Together RunSteps(std::span<const Step> steps, const std::function<void()>& only_last_is_left);
  static Rows RowsOf(PgResult answer);
  StorageFailure FailureOf(std::string_view name, const std::string& sqlstate, const std::string& what);
  void Note(const pg_result* notice);
  void ForgetWarnings();

  static constexpr int kNotCut = -1;

  const PgConnection connection_;

  // A descriptor of our own for libpq's socket. libpq closes its descriptor by itself when the connection breaks, and
  // the number may at once be that of somebody else's new socket: Cut() would shut down a stranger. This one stays
  // ours.
  const FileDescriptor socket_;

  const bool prepare_;
  const std::string begin_settings_;
  PreparedStatements prepared_;
  bool failed_ = false;            // the connection is of no more use
  std::atomic<int> cut_{kNotCut};  // else a StorageFailure::Kind
  bool warned_ = false;            // see warned()
  std::string warning_;            // see warning()
  bool history_hidden_ = false;
  bool began_before_ = false;
  std::size_t host_ = 0;
  Listeners listeners_;
};

// What Database keeps of one attempt of a body.
struct Transaction::State {
  Session& session;
  bool can_wait;                          // Later waits; else it runs at once
  std::vector<Waiting> waiting;           // in the order in which they are to be run; perhaps BEGIN first
  std::optional<StorageFailure> failure;  // the first; there is no second
};

}  // namespace poold::storage
