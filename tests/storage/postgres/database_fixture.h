#pragma once

// What the tests of Database have in common: a database of their own, and words for what comes of a run.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "storage/postgres/database.h"
#include "storage/postgres/failure.h"
#include "tests/storage/postgres/commit_proxy.h"
#include "tests/storage/postgres/failure_of.h"
#include "tests/support/test_database.h"

namespace poold::storage {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Kind = StorageFailure::Kind;
using Mode = Database::Mode;
using Plan = CommitProxy::Plan;

// Far more than anything takes that doesn't hang, also on a slow machine, and less than the server's own limits (15 s
// for a lock), so that what only they would end counts as hanging.
inline constexpr auto kPromptly = 5s;

inline Bounds In(milliseconds time, std::stop_token stop = {}) { return {Clock::now() + time, std::move(stop)}; }

inline std::string KindName(Kind kind) {
  switch (kind) {
    case Kind::kUnavailable:
      return "unavailable";
    case Kind::kDeadline:
      return "deadline";
    case Kind::kCancelled:
      return "cancelled";
    case Kind::kContended:
      return "contended";
    case Kind::kBug:
      return "bug";
  }
  return "?";
}

// The kind of failure, or "none"; one word, so that a failed expectation reads well.
inline std::string Result(const std::function<void()>& call) {
  const auto failure = FailureOf(call);
  return failure ? KindName(failure->kind()) : "none";
}

// Waits until the condition is true, at most `kPromptly`.
inline bool Promptly(const std::function<bool()>& condition) {
  for (const auto end = Clock::now() + kPromptly; Clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return condition();
}

// A database of its own on the shared server; `db()` is the one under test, `admin()` looks at it from outside.
class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() {
    Execute("CREATE TABLE notes (id integer, note text)");
    // What the server is set to must not be what makes the tests pass.
    Execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET client_connection_check_interval = 0', current_database()); "
        "END $$");
  }

  Database& db() { return db_; }
  Database& admin() { return admin_; }

  DatabaseOptions Options(int connections) {
    return {.url = url_ + "&application_name=tested", .connections = connections, .observe = {}};
  }

  void Execute(const std::string& sql) {
    admin_.Run(Mode::kWrite, In(20s), [&](Transaction& tx) { tx.Run({"execute", sql}); });
  }

  int Count(const std::string& sql) {
    int count = -1;
    admin_.Run(Mode::kRead, In(20s), [&](Transaction& tx) { tx.Run({"count", sql})[0].Read(count); });
    return count;
  }

  int Notes() { return Count("SELECT count(*) FROM notes"); }

  static void Insert(Transaction& tx, int id) { tx.Run({"insert", "INSERT INTO notes (id) VALUES ($1)"}, Params(id)); }

  static int Pid(Transaction& tx) {
    int pid = 0;
    tx.Run({"pid", "SELECT pg_backend_pid()"})[0].Read(pid);
    return pid;
  }

  // Ends server processes, and returns when they are gone.
  void Kill(int pid) { EXPECT_EQ(Count("SELECT pg_terminate_backend(" + std::to_string(pid) + ", 5000)::integer"), 1); }
  void KillAll() {
    Count(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'tested' "
        "AND datname = current_database()");
  }

  // How many sessions of db() are at this.
  int Active(const std::string& condition) {
    return Count(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tested' "
        "AND datname = current_database() AND " +
        condition);
  }

  const std::string url_ = FreshDatabase(false);
  Database admin_{{.url = url_, .connections = 4, .observe = {}}};
  Database db_{Options(4)};
};

// Its commits go through a proxy that may mistreat them.
class InDoubtTest : public DatabaseTest {
 protected:
  static std::string SocketOf(Database& admin) {
    std::string socket;
    admin.Run(Mode::kRead, In(20s), [&](Transaction& tx) {
      tx.Run({"socket",
              "SELECT current_setting('unix_socket_directories') || '/.s.PGSQL.' || current_setting('port')"})[0]
          .Read(socket);
    });
    return socket;
  }
  static std::string NameOf(Database& admin) {
    std::string name;
    admin.Run(Mode::kRead, In(20s), [&](Transaction& tx) {
      tx.Run({"name", "SELECT current_database()"})[0].Read(name);
    });
    return name;
  }

  // Runs a transaction whose COMMIT is mistreated; returns how often the body ran.
  int RunWith(Plan plan) {
    int runs = 0;
    proxy_.Next(plan);
    tested_.Run(Mode::kWrite, In(20s), [&](Transaction& tx) { Insert(tx, ++runs); });
    return runs;
  }

  CommitProxy proxy_{SocketOf(admin_)};
  Database tested_{{.url = proxy_.Url(NameOf(admin_)), .connections = 2, .observe = {}}};
};

}  // namespace poold::storage
