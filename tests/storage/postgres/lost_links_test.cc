// What a Database does when the link to the server breaks again and again, or the server is away for long.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <limits>
#include <optional>
#include <stop_token>
#include <string>

#include "tests/storage/postgres/outage_fixture.h"

namespace poold::storage {
namespace {

using testing::HasSubstr;

Bounds UntilDeadlineIn(milliseconds time, std::stop_token stop = {}) {
  return {Clock::now() + time, std::move(stop), {}, Tries::kUntilDeadline};
}

constexpr int kForEver = std::numeric_limits<int>::max();

// Far more often than max_tries says. The body has several round trips, and each of them is cut.
TEST_F(InDoubtTest, ALinkThatIsCutTenTimesIsNoticedByNoCaller) {
  int calls = 0;
  const auto run = [&](int message, Plan plan) {
    SCOPED_TRACE(message);
    proxy_.NextAt(message, plan, 10);
    tested_.Run(Mode::kWrite, UntilDeadlineIn(60s), [&](Transaction& tx) {
      tx.Run({"look", "SELECT count(*) FROM notes"});
      Insert(tx, calls);
      tx.Run({"look again", "SELECT count(*) FROM notes"});
    });
    EXPECT_EQ(Notes(), ++calls);
    return 10 - proxy_.CutsLeft();
  };
  int message = 0;
  while (run(message, Plan::kCutBefore) == 10) ++message;
  EXPECT_GE(message, 3) << "BEGIN with the first statement, the others, COMMIT";
  EXPECT_GE(run(message - 1, Plan::kCutAfter), 1) << "the COMMIT";
  EXPECT_GE(tested_.stats().retries_connection, 30U);
}

TEST_F(InDoubtTest, ALinkThatIsCutForEverIsGivenUpAtTheDeadlineAndNotTriedAllTheTime) {
  proxy_.NextAt(0, Plan::kCutBefore, kForEver);
  const auto start = Clock::now();
  const auto result =
      Result([&] { tested_.Run(Mode::kWrite, UntilDeadlineIn(3s), [](Transaction& tx) { Insert(tx, 1); }); });
  EXPECT_THAT(result, testing::AnyOf("unavailable", "deadline"));
  EXPECT_GE(Clock::now() - start, 2900ms) << "as long as there is time for another attempt";
  EXPECT_LT(Clock::now() - start, 3s + kPromptly);
  const int cuts = kForEver - proxy_.CutsLeft();
  EXPECT_GT(cuts, 5) << "more than there were tries";
  EXPECT_LT(cuts, 60) << "one in 250 ms, on average, after the first few";
  EXPECT_EQ(Notes(), 0);
}

// Of two callers and one connection, the one whose link breaks each time: the other one has it meanwhile.
TEST_F(DatabaseTest, LendsItsConnectionToOthersBetweenTheTriesOfACallWhoseLinkBreaks) {
  Database database(Options(1));
  std::stop_source source;
  auto breaking = std::async(std::launch::async, [&] {
    return Result([&] {
      database.Run(Mode::kWrite, UntilDeadlineIn(60s, source.get_token()), [&](Transaction& tx) {
        Kill(Pid(tx));
        Insert(tx, 1);
      });
    });
  });
  ASSERT_TRUE(Promptly([&] { return database.stats().retries_connection >= 5; }));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Result([&] { database.Run(Mode::kRead, In(kPromptly), [](Transaction& tx) { Pid(tx); }); }), "none");
  }
  EXPECT_EQ(breaking.wait_for(0s), std::future_status::timeout) << "it still has time";
  source.request_stop();
  EXPECT_EQ(breaking.get(), "cancelled");
  EXPECT_EQ(Notes(), 0);
}

// A server that answers and says no will say so in a moment, too; and conflicts with others are not mended by more
// tries.
TEST_F(DatabaseTest, TakesNoForAnAnswerHoweverMuchTimeThereIs) {
  for (const std::string state : {"53100", "25006", "58030", "40001", "40P01"}) {
    int runs = 0;
    const std::string sql = "DO $$ BEGIN RAISE EXCEPTION 'for the test' USING ERRCODE = '" + state + "'; END $$";
    const auto failure = FailureOf([&] {
      db().Run(Mode::kWrite, UntilDeadlineIn(60s), [&](Transaction& tx) {
        ++runs;
        tx.Run({"raise", sql});
      });
    });
    ASSERT_TRUE(failure) << state;
    EXPECT_EQ(failure->sqlstate(), state);
    EXPECT_EQ(runs, 5) << state;
  }
}

TEST_F(OutageTest, ACallThatHasTimeWaitsUntilTheDatabaseIsBack) {
  KillServer();
  const auto before = db_->stats().connect_failures;
  auto result = std::async(std::launch::async,
                           [&] { return Result([&] { db_->Run(Mode::kWrite, UntilDeadlineIn(60s), Insert); }); });
  EXPECT_TRUE(Promptly([&] { return db_->stats().connect_failures >= before + 4; }));
  EXPECT_EQ(result.wait_for(0s), std::future_status::timeout);
  server_->Restart();
  EXPECT_EQ(result.get(), "none");
  EXPECT_EQ(Notes(), 1);
}

TEST_F(OutageTest, ACallIsToldOfADatabaseThatStaysAwayShortlyBeforeItsDeadline) {
  KillServer();
  const auto before = db_->stats().connect_failures;
  const auto start = Clock::now();
  EXPECT_EQ(Result([&] { db_->Run(Mode::kWrite, UntilDeadlineIn(3s), Insert); }), "unavailable");
  EXPECT_GE(Clock::now() - start, 1900ms) << "the longest pause between attempts to connect is a second";
  EXPECT_LT(Clock::now() - start, 3s + kPromptly);
  EXPECT_LE(db_->stats().connect_failures - before, 15U);
  server_->Restart();
}

// --- What is known of a commit whose answer was lost

// The server process ended, since another one had crashed, when it had answered the COMMIT: it says why, and that is no
// word about the commit.
TEST_F(OutageTest, ACommitThatWasAnsweredBeforeACrashIsASuccess) {
  CommitProxy proxy(Socket());
  Database tested({.url = proxy.Url("poold"), .connections = 1, .observe = {}});
  proxy.Next(Plan::kLoseTheEnd);
  auto failure =
      std::async(std::launch::async, [&] { return FailureOf([&] { tested.Run(Mode::kWrite, In(20s), Insert); }); });
  ASSERT_TRUE(Promptly([&] { return Notes() == 1; }));
  CrashOneProcess();
  const auto outcome = failure.get();
  EXPECT_FALSE(outcome) << outcome->what();
  EXPECT_EQ(tested.stats().in_doubt_unknown, 0U);
  EXPECT_EQ(Notes(), 1);
}

TEST_F(OutageTest, ACommitInDoubtAfterACrashIsLoggedAsThat) {
  CommitProxy proxy(Socket());
  Database tested({.url = proxy.Url("poold"), .connections = 1, .observe = {}});
  proxy.Next(Plan::kCutAfterAndHold);
  auto failure =
      std::async(std::launch::async, [&] { return FailureOf([&] { tested.Run(Mode::kWrite, In(20s), Insert); }); });
  ASSERT_TRUE(proxy.WaitForCut());
  CrashOneProcess();
  proxy.Open();
  const auto outcome = failure.get();
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->what(), HasSubstr("outcome unknown: commit: the connection was lost"));
  EXPECT_THAT(outcome->what(), HasSubstr("the server has crashed since"));
  EXPECT_THAT(outcome->what(), testing::Not(HasSubstr("standby"))) << "there is none";
}

// The transaction is cut short when it waits for another one, by the end of its server process.
TEST_F(OutageTest, AStatementThatACrashEndsIsLoggedWithWhatTheServerSaid) {
  Database tested({.url = server_->url(), .connections = 1, .max_tries = 1, .observe = {}});
  auto failure = std::async(std::launch::async, [&] {
    return FailureOf([&] {
      tested.Run(Mode::kRead, In(20s), [](Transaction& tx) { tx.Run({"sleep", "SELECT pg_sleep(60)"}); });
    });
  });
  ASSERT_TRUE(Promptly([&] {
    int sleeping = 0;
    db_->Run(Mode::kRead, In(20s), [&](Transaction& tx) {
      tx.Run({"look", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"})[0].Read(sleeping);
    });
    return sleeping == 1;
  }));
  CrashOneProcess();
  const auto outcome = failure.get();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->kind(), Kind::kUnavailable);
  EXPECT_THAT(outcome->what(), HasSubstr("the server had warned: terminating connection because of crash of another"));
}

}  // namespace
}  // namespace poold::storage
