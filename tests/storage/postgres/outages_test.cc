// What a Database does when the server goes, or the answer of a commit.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "tests/storage/postgres/outage_fixture.h"

namespace poold::storage {
namespace {

using testing::HasSubstr;

// --- Commits in doubt

TEST_F(InDoubtTest, ACommitWhoseAnswerIsLostIsASuccessAndNotDoneTwice) {
  EXPECT_EQ(RunWith(Plan::kCutAfter), 1);
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(tested_.stats().in_doubt_committed, 1U);
}

TEST_F(InDoubtTest, ACommitThatNeverArrivedIsDoneAgain) {
  EXPECT_EQ(RunWith(Plan::kCutBefore), 2);
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(Count("SELECT id FROM notes"), 2);
  EXPECT_EQ(tested_.stats().in_doubt_aborted, 1U);
}

TEST_F(InDoubtTest, ACommitStillUnderWayIsAskedForAgain) {
  EXPECT_EQ(RunWith(Plan::kCutThenLookedUp), 1);
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(tested_.stats().in_doubt_committed, 1U);
}

TEST_F(InDoubtTest, AnOutcomeThatCannotBeLearntIsUnavailableAndSaysSo) {
  proxy_.Next(Plan::kCutAfterAndHold);
  int runs = 0;
  const auto start = Clock::now();
  const auto failure =
      FailureOf([&] { tested_.Run(Mode::kWrite, In(500ms), [&](Transaction& tx) { Insert(tx, ++runs); }); });
  EXPECT_LT(Clock::now() - start, 500ms + Database::kCommitGrace + kPromptly);
  proxy_.Open();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind(), Kind::kUnavailable);
  EXPECT_THAT(failure->what(), HasSubstr("outcome unknown"));
  EXPECT_THAT(failure->what(), HasSubstr("the database could not be asked about it: "));
  EXPECT_EQ(runs, 1);  // never guessed
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(tested_.stats().in_doubt_unknown, 1U);
}

TEST_F(InDoubtTest, ACommitIsAskedAboutUntilItsOwnDeadline) {
  proxy_.Next(Plan::kCutAfterAndHold);
  const auto deadline = Clock::now() + 1s;
  auto done = std::async(std::launch::async, [&] {
    tested_.Run(Mode::kWrite, {deadline, {}, Clock::now() + 20s}, [&](Transaction& tx) { Insert(tx, 1); });
  });
  ASSERT_TRUE(proxy_.WaitForCut());
  EXPECT_EQ(done.wait_until(deadline + Database::kCommitGrace + 100ms), std::future_status::timeout);
  proxy_.Open();
  EXPECT_NO_THROW(done.get());
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(tested_.stats().in_doubt_committed, 1U);
}

TEST_F(DatabaseTest, DoesAgainWhatWasKilledBeforeTheCommit) {
  int runs = 0;
  db().Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
    Insert(tx, ++runs);
    if (runs == 1) Kill(Pid(tx));
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(db().stats().in_doubt_aborted, 1U);
}

// The commit runs a deferred trigger that waits, and is killed there.
TEST_F(DatabaseTest, DoesAgainWhatWasKilledDuringTheCommit) {
  Execute(
      "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN IF NEW.id = 1 THEN PERFORM pg_sleep(60); END IF; RETURN NULL; END $$");
  Execute(
      "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED "
      "FOR EACH ROW EXECUTE FUNCTION wait()");
  std::jthread killer([&] {
    EXPECT_TRUE(Promptly([&] { return Active("query = 'COMMIT' AND wait_event = 'PgSleep'") == 1; }));
    KillAll();
  });
  int runs = 0;
  db().Run(Mode::kWrite, In(20s), [&](Transaction& tx) { Insert(tx, ++runs); });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(db().stats().in_doubt_aborted, 1U);
}

// The commit runs a deferred trigger that waits for the gate.
TEST_F(DatabaseTest, LetsACommitRunOverTheDeadlineByItsGraceOnly) {
  Execute(
      "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN PERFORM pg_advisory_xact_lock(NEW.id); RETURN NULL; END $$");
  Execute(
      "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED "
      "FOR EACH ROW EXECUTE FUNCTION wait()");
  const auto deadline = Clock::now() + 1s;
  std::future<std::string> result;
  admin().Run(Mode::kWrite, In(20s), [&](Transaction& gate) {
    gate.Run({"close", "SELECT pg_advisory_xact_lock(1)"});
    result = std::async(std::launch::async, [&] {
      return Result([&] { db().Run(Mode::kWrite, {deadline, {}}, [](Transaction& tx) { Insert(tx, 1); }); });
    });
    ASSERT_TRUE(Promptly([&] { return Active("query = 'COMMIT' AND wait_event = 'advisory'") == 1; }));
    // Long enough over the deadline for the server to have ended a commit whose client was cut off.
    std::this_thread::sleep_until(deadline + 350ms);
  });
  EXPECT_EQ(result.get(), "none");
  EXPECT_EQ(db().stats().in_doubt_committed, 0U);
  EXPECT_EQ(Notes(), 1);

  admin().Run(Mode::kWrite, In(20s), [&](Transaction& gate) {
    gate.Run({"close", "SELECT pg_advisory_xact_lock(2)"});
    const auto start = Clock::now();
    EXPECT_EQ(Result([&] { db().Run(Mode::kWrite, In(200ms), [](Transaction& tx) { Insert(tx, 2); }); }), "deadline");
    EXPECT_LT(Clock::now() - start, 200ms + Database::kCommitGrace + 1s);
  });
  EXPECT_EQ(Notes(), 1);  // looked up: it did not happen
}

// --- Outages: a server of their own
// ------------------------------------------------------------------------------------

TEST_F(OutageTest, IsUnavailableInTimeWhenTheDatabaseIsDownAndBackSoonAfterIt) {
  KillServer();
  auto start = Clock::now();
  EXPECT_EQ(Result([&] { Write(Insert, 4s); }), "unavailable");
  EXPECT_LT(Clock::now() - start, 4s);
  start = Clock::now();
  EXPECT_EQ(Result([&] { Write(Insert, 100ms); }), "unavailable");  // not "deadline": why counts more
  EXPECT_LT(Clock::now() - start, kPromptly);

  server_->Restart();
  start = Clock::now();
  Write(Insert);
  EXPECT_LT(Clock::now() - start, 2s);  // the longest pause between attempts is one
  EXPECT_EQ(Notes(), 1);
}

TEST_F(OutageTest, DoesNotHammerADatabaseThatIsDown) {
  KillServer();
  const auto end = Clock::now() + 1500ms;
  std::vector<std::jthread> threads;
  std::atomic<int> calls{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (Clock::now() < end) {
        EXPECT_EQ(Result([&] { Write(Insert, 100ms); }), "unavailable");
        ++calls;
      }
    });
  }
  threads.clear();
  EXPECT_GE(calls, 20);
  EXPECT_LE(db_->stats().connect_failures, 15U);
  server_->Restart();
}

TEST_F(OutageTest, RidesOutARestartOfTheDatabase) {
  std::jthread restarter([&] { server_->Restart(); });
  for (int i = 0; i < 50; ++i) Write(Insert);
  restarter.join();
  Write(Insert);
  EXPECT_EQ(Notes(), 51);  // none lost, none twice, whatever the restart hit
}

TEST_F(OutageTest, EndsInTimeWhenTheServerTakesConnectionsButSaysNothing) {
  db_ = std::make_unique<Database>(DatabaseOptions{.url = server_->url(), .connections = 4, .observe = {}});
  ASSERT_EQ(::kill(server_->pid(), SIGSTOP), 0);
  auto start = Clock::now();
  EXPECT_EQ(Result([&] { Write(Insert, 300ms); }), "deadline");
  EXPECT_LT(Clock::now() - start, kPromptly);

  std::stop_source source;
  auto running = std::async(
      std::launch::async, [&] { return Result([&] { db_->Run(Mode::kWrite, In(20s, source.get_token()), Insert); }); });
  start = Clock::now();
  source.request_stop();
  EXPECT_EQ(running.get(), "cancelled");
  EXPECT_LT(Clock::now() - start, kPromptly);
  ASSERT_EQ(::kill(server_->pid(), SIGCONT), 0);
  Write(Insert);
  EXPECT_EQ(Notes(), 1);
}

// A number that wasn't on disk when the server crashed is given out again.
TEST_F(OutageTest, ACommitFoundAfterACrashIsNotTakenForOurs) {
  {
    pqxx::connection admin(server_->url());
    pqxx::nontransaction(admin).exec("ALTER SYSTEM SET wal_writer_delay = '10s'");
  }
  server_->Restart();

  const Statement number{"number", "SELECT pg_current_xact_id()::text::bigint, pg_backend_pid()"};
  Database tested({.url = server_->url(), .connections = 1, .max_tries = 1, .observe = {}});
  std::int64_t ours = 0;
  std::int64_t strangers = 0;
  const auto failure = FailureOf([&] {
    tested.Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
      int pid = 0;
      tx.Run(number)[0].Read(ours, pid);
      Insert(tx);
      ASSERT_EQ(::kill(pid, SIGKILL), 0);
      while (strangers < ours) {
        Write([&](Transaction& stranger) {
          stranger.Run(number)[0].Read(strangers, pid);
          stranger.Run({"create", "CREATE TABLE IF NOT EXISTS others (id integer)"});
        });
      }
    });
  });
  ASSERT_EQ(strangers, ours);
  ASSERT_TRUE(failure) << "it isn't there";
  EXPECT_THAT(failure->what(), HasSubstr("outcome unknown"));
  EXPECT_THAT(failure->what(), HasSubstr("the server has crashed since"));
  EXPECT_EQ(Notes(), 0);
}

// Makes a standby of the server, and later promotes it: what a failover looks like from outside.
class FailoverTest : public OutageTest {
 protected:
  void BecomeStandby() {
    std::ofstream(std::filesystem::path(server_->cluster_dir()) / "standby.signal").close();
    server_->Restart();
  }
  void Promote() {
    bool promoted = false;
    Database admin({.url = server_->url(), .connections = 1, .observe = {}});
    admin.Run(Mode::kRead, In(20s), [&](Transaction& tx) {
      tx.Run({"promote", "SELECT pg_promote(true, 10)"})[0].Read(promoted);
    });
    EXPECT_TRUE(promoted);
  }
};

TEST_F(FailoverTest, AStandbyIsUnavailableForWritingUntilItIsPromoted) {
  BecomeStandby();
  EXPECT_EQ(Result([&] { Write(Insert, 2s); }), "unavailable");
  EXPECT_EQ(Notes(), 0);  // reads are served
  Promote();
  Write(Insert);
  EXPECT_EQ(Notes(), 1);
}

// The new primary has the transaction's number, but it may have given it to another transaction.
TEST_F(FailoverTest, ACommitFoundAfterAFailoverIsNotTakenForOurs) {
  CommitProxy proxy(Socket());
  Database tested({.url = proxy.Url("poold"), .connections = 1, .observe = {}});

  proxy.Next(Plan::kCutAfterAndHold);
  auto failure =
      std::async(std::launch::async, [&] { return FailureOf([&] { tested.Run(Mode::kWrite, In(20s), Insert); }); });
  ASSERT_TRUE(proxy.WaitForCut());
  BecomeStandby();
  Promote();
  proxy.Open();
  const auto outcome = failure.get();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->kind(), Kind::kUnavailable);
  EXPECT_THAT(outcome->what(), HasSubstr("outcome unknown"));
  EXPECT_THAT(outcome->what(), HasSubstr("the server has been replaced by another one since"));
}

TEST_F(FailoverTest, ACommitThatAFailoverLostIsDoneAgain) {
  CommitProxy proxy(Socket());
  Database tested({.url = proxy.Url("poold"), .connections = 1, .observe = {}});

  proxy.Next(Plan::kCutBeforeAndHold);
  auto result =
      std::async(std::launch::async, [&] { return Result([&] { tested.Run(Mode::kWrite, In(20s), Insert); }); });
  ASSERT_TRUE(proxy.WaitForCut());
  BecomeStandby();
  Promote();
  proxy.Open();
  EXPECT_EQ(result.get(), "none");
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(tested.stats().in_doubt_aborted, 1U);
}

// A primary that waits for a standby with each commit, and has none just now. The parameter is what somebody does to
// the server process whose commit waits.
class NoStandbyTest : public OutageTest, public testing::WithParamInterface<const char*> {
 protected:
  NoStandbyTest() {
    Execute("ALTER SYSTEM SET synchronous_standby_names = 'somebody'");
    Execute("SELECT pg_reload_conf()");
    // SHOW knows it before commits do: those heed the checkpointer, which reads the settings when it gets round to it.
    EXPECT_TRUE(Promptly([&] {
      pqxx::connection other(server_->url());
      auto commit = std::async(std::launch::async, [&] {
        pqxx::nontransaction(other).exec("SELECT pg_logical_emit_message(true, 'test', '')");
      });
      const auto done = [&] { return commit.wait_for(0s) == std::future_status::ready; };
      const auto waits = [&] { return Waiting("pid = " + std::to_string(other.backendpid())) == "1"; };
      const bool waited = Promptly([&] { return done() || waits(); }) && !done();
      if (waited) Execute("SELECT pg_cancel_backend(" + std::to_string(other.backendpid()) + ")");
      return waited;
    }));
  }

  std::string Ask(const std::string& sql) {
    pqxx::nontransaction admin(admin_);
    const pqxx::result rows = admin.exec(sql);
    return rows.empty() ? "" : rows[0][0].c_str();
  }
  void Execute(const std::string& sql) { Ask(sql); }

  std::string Waiting(const std::string& condition) {
    return Ask("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND " + condition);
  }

  // Does it to the commit that waits for a standby.
  void DoItToTheWaiting() {
    EXPECT_TRUE(Promptly([&] {
      commit_ = Ask("SELECT " + Commit() + " FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query = 'COMMIT'");
      return !commit_.empty();
    }));
    Execute("SELECT " + std::string(GetParam()) + "(" + commit_.substr(0, commit_.find(' ')) + ")");
  }

  // A commit that waits, but not the one that it was done to, which still does until its process hears of it.
  bool AnotherWaits() { return Waiting("query = 'COMMIT' AND " + Commit() + " <> '" + commit_ + "'") == "1"; }

  static std::string Commit() { return "pid || ' ' || query_start"; }

  std::future<std::optional<StorageFailure>> InsertLater(milliseconds time) {
    return std::async(std::launch::async, [this, time] { return FailureOf([&] { Write(Insert, time); }); });
  }

  static void ExpectNotConfirmed(const std::optional<StorageFailure>& outcome) {
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->kind(), Kind::kUnavailable);
    EXPECT_THAT(outcome->what(), HasSubstr("outcome unknown"));
    EXPECT_THAT(outcome->what(), HasSubstr("not confirmed by a standby (synchronous_standby_names: somebody)"));
  }

  pqxx::connection admin_{server_->url()};
  std::string commit_;  // the one that it was done to
};

INSTANTIATE_TEST_SUITE_P(All, NoStandbyTest, testing::Values("pg_cancel_backend", "pg_terminate_backend"),
                         [](const auto& test) { return std::string(test.param); });

// It is on this server's disk, and nowhere else: a failover would lose it.
TEST_P(NoStandbyTest, ACommitThatNoStandbyConfirmedIsNoSuccess) {
  auto failure = InsertLater(1s);
  DoItToTheWaiting();
  ExpectNotConfirmed(failure.get());
}

TEST_P(NoStandbyTest, NorIsOneThatTookOtherStatementsAlong) {
  auto failure = std::async(std::launch::async, [this] {
    return FailureOf([&] {
      Write(
          [](Transaction& tx) {
            tx.Run({"one", "SELECT 1"});
            tx.Later({"insert", "INSERT INTO notes VALUES (1)"}, Params());
          },
          1s);
    });
  });
  DoItToTheWaiting();
  ExpectNotConfirmed(failure.get());
}

TEST_P(NoStandbyTest, ACommitThatIsConfirmedLaterIsASuccess) {
  auto failure = InsertLater(20s);
  DoItToTheWaiting();
  EXPECT_TRUE(Promptly([&] { return AnotherWaits(); })) << "the one that follows it";
  Execute("ALTER SYSTEM SET synchronous_standby_names = ''");
  Execute("SELECT pg_reload_conf()");
  EXPECT_FALSE(failure.get());
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(db_->stats().in_doubt_committed, 1U);
}

}  // namespace
}  // namespace poold::storage
