#include "storage/postgres/migrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "storage/postgres/database.h"
#include "tests/support/test_database.h"

namespace poold::storage {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Mode = Database::Mode;

constexpr Migration kOne{1, "one", "CREATE TABLE one (id integer PRIMARY KEY); INSERT INTO one VALUES (1);"};
constexpr Migration kTwo{2, "two", "CREATE TABLE two (id integer PRIMARY KEY)"};
constexpr Migration kThree{3, "three", "INSERT INTO one VALUES (3)"};

Bounds Soon() { return {std::chrono::steady_clock::now() + 20s, {}}; }

int Count(Database& database, const std::string& sql) {
  int count = -1;
  database.Run(Mode::kRead, Soon(), [&](Transaction& tx) { tx.Run({"count", sql})[0].Read(count); });
  return count;
}

void Execute(Database& database, const std::string& sql) {
  database.Run(Mode::kWrite, Soon(), [&](Transaction& tx) { tx.Run({"execute", sql}); });
}

std::optional<StorageFailure> FailureOf(const std::string& url, const std::vector<Migration>& migrations) {
  try {
    Migrate(url, migrations);
  } catch (const StorageFailure& failure) {
    return failure;
  }
  return std::nullopt;
}

class MigrateTest : public testing::Test {
 protected:
  SchemaStatus Status(const std::vector<Migration>& migrations) { return CheckSchema(database_, Soon(), migrations); }

  const std::string url_ = FreshDatabase(false);
  Database database_{{.url = url_, .connections = 2, .observe = {}}};
};

TEST_F(MigrateTest, AppliesEverythingOnceAndThenNothing) {
  const std::vector<Migration> migrations = {kOne, kTwo, kThree};
  std::vector<std::string> told;
  EXPECT_EQ(Migrate(url_, migrations, [&](const std::string& sentence) { told.push_back(sentence); }), 3);
  EXPECT_THAT(told, ElementsAre("Applying 0001_one.", "Applying 0002_two.", "Applying 0003_three."));
  EXPECT_EQ(Migrate(url_, migrations), 0);
  EXPECT_EQ(Count(database_, "SELECT count(*) FROM one"), 2);
  EXPECT_EQ(Count(database_, "SELECT count(*) FROM schema_migrations WHERE applied_at <= now()"), 3);
}

TEST_F(MigrateTest, AppliesWhatIsBuiltInOnceAndThenNothing) {
  EXPECT_EQ(Migrate(url_), static_cast<int>(BuiltInMigrations().size()));
  EXPECT_EQ(Migrate(url_), 0);
  EXPECT_EQ(CheckSchema(database_, Soon()).state, SchemaState::kReady);
}

TEST_F(MigrateTest, GoesOnWhereItStopped) {
  EXPECT_EQ(Migrate(url_, std::vector{kOne}), 1);
  EXPECT_EQ(Migrate(url_, std::vector{kOne, kTwo, kThree}), 2);
}

TEST_F(MigrateTest, LeavesNothingOfAMigrationThatFails) {
  const Migration broken{2, "broken", "CREATE TABLE two (id integer); INSERT INTO two VALUES (1/0);"};
  const auto failure = FailureOf(url_, {kOne, broken});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind(), StorageFailure::Kind::kBug);
  EXPECT_THAT(failure->what(), HasSubstr("0002_broken"));
  EXPECT_EQ(Count(database_, "SELECT count(*) FROM pg_class WHERE relname = 'two'"), 0);
  EXPECT_EQ(Count(database_, "SELECT max(number) FROM schema_migrations"), 1);
  EXPECT_EQ(Migrate(url_, std::vector{kOne, kTwo}), 1);  // mended
}

TEST_F(MigrateTest, RefusesAMigrationThatWasEditedAfterwards) {
  Migrate(url_, std::vector{kOne});
  const Migration edited{1, "one", "CREATE TABLE one (id bigint PRIMARY KEY)"};
  const auto failure = FailureOf(url_, {edited, kTwo});
  ASSERT_TRUE(failure);
  EXPECT_THAT(failure->what(), HasSubstr("0001_one was edited"));
  EXPECT_EQ(Count(database_, "SELECT count(*) FROM schema_migrations"), 1);
}

TEST_F(MigrateTest, RefusesGapsAndDuplicatesInTheNumbersBeforeItConnects) {
  for (const auto& migrations : {std::vector{kOne, kThree}, std::vector{kOne, kOne}, std::vector{kTwo}}) {
    const auto failure = FailureOf("postgresql://127.0.0.1:1/nobody_there", migrations);
    ASSERT_TRUE(failure);
    EXPECT_THAT(failure->what(), HasSubstr("numbered 1, 2, 3"));
  }
}

TEST_F(MigrateTest, RefusesAGapInWhatWasApplied) {
  Migrate(url_, std::vector{kOne, kTwo, kThree});
  Execute(database_, "DELETE FROM schema_migrations WHERE number = 2");
  const auto failure = FailureOf(url_, {kOne, kTwo, kThree});
  ASSERT_TRUE(failure);
  EXPECT_THAT(failure->what(), HasSubstr("no row for migration 2"));
}

TEST_F(MigrateTest, RefusesAMigrationThatCommitsByItself) {
  const Migration sly{1, "sly", "CREATE TABLE sly (id integer); COMMIT; BEGIN;"};
  const auto failure = FailureOf(url_, {sly});
  ASSERT_TRUE(failure);
  EXPECT_THAT(failure->what(), HasSubstr("must not say COMMIT"));
}

// The first holds the lock until the second has said that it waits; without the lock the second would not say so, and
// would fail on a table that exists or a row that does.
TEST_F(MigrateTest, TwoAtOnceWaitForEachOther) {
  Database gate({.url = url_, .connections = 1, .observe = {}});
  const Migration slow{1, "slow", "CREATE TABLE one (id integer PRIMARY KEY); SELECT pg_advisory_xact_lock(4711);"};
  const Migration next{2, "next", "INSERT INTO one VALUES (2)"};
  const std::vector<Migration> migrations = {slow, next};
  std::promise<void> second_waits;
  std::atomic<int> applied_by_first{-1};
  std::atomic<int> applied_by_second{-1};

  std::jthread first;
  std::jthread second;
  gate.Run(Mode::kWrite, Soon(), [&](Transaction& tx) {
    tx.Run({"close gate", "SELECT pg_advisory_xact_lock(4711)"});
    std::promise<void> first_started;
    first = std::jthread([&] {
      applied_by_first = Migrate(url_, migrations, [&](const std::string& sentence) {
        if (sentence == "Applying 0001_slow.") first_started.set_value();
      });
    });
    ASSERT_EQ(first_started.get_future().wait_for(20s), std::future_status::ready);
    second = std::jthread([&] {
      applied_by_second = Migrate(url_, migrations, [&](const std::string& sentence) {
        if (sentence.find("waiting") != std::string::npos) second_waits.set_value();
      });
    });
    // Time for the second to announce itself must stay below the gate's idle_in_transaction_session_timeout.
    EXPECT_EQ(second_waits.get_future().wait_for(4s), std::future_status::ready);
  });  // the gate opens
  first.join();
  second.join();
  EXPECT_EQ(applied_by_first, 2);
  EXPECT_EQ(applied_by_second, 0);
}

TEST_F(MigrateTest, SaysInWhichStateASchemaIsAndWhatMendsIt) {
  const std::vector<Migration> migrations = {kOne, kTwo};

  SchemaStatus status = Status(migrations);
  EXPECT_EQ(status.state, SchemaState::kEmpty);
  EXPECT_FALSE(status.usable());
  EXPECT_THAT(status.advice, HasSubstr("poold migrate"));

  Migrate(url_, std::vector{kOne});
  status = Status(migrations);
  EXPECT_EQ(status.state, SchemaState::kBehind);
  EXPECT_EQ(status.found, 1);
  EXPECT_EQ(status.newest_supported, 2);
  EXPECT_FALSE(status.usable());
  EXPECT_THAT(status.advice, HasSubstr("poold migrate"));

  Migrate(url_, migrations);
  status = Status(migrations);
  EXPECT_EQ(status.state, SchemaState::kReady);
  EXPECT_TRUE(status.usable());
  EXPECT_THAT(status.advice, IsEmpty());

  Migrate(url_, std::vector{kOne, kTwo, kThree});
  status = Status(migrations);
  EXPECT_EQ(status.state, SchemaState::kAhead);
  EXPECT_TRUE(status.usable());  // the previous release runs on the new schema
  EXPECT_EQ(status.found, 3);
  EXPECT_THAT(status.advice, HasSubstr("poold migrate"));

  const Migration edited{2, "two", "CREATE TABLE two (id bigint)"};
  status = Status({kOne, edited});
  EXPECT_EQ(status.state, SchemaState::kAltered);
  EXPECT_FALSE(status.usable());
  EXPECT_THAT(status.advice, HasSubstr("0002_two was edited"));
}

TEST_F(MigrateTest, ABuildRunsOnSchemasThatLackOnlyWhatIsOptional) {
  const Migration two{2, "two", "-- poold: optional\nCREATE TABLE two (id integer)"};
  const Migration three{3, "three", "-- Faster.\n-- poold: optional\nCREATE TABLE three (id integer)"};
  EXPECT_EQ(Status({kOne, two, three}).state, SchemaState::kEmpty);
  for (const auto& applied : {std::vector{kOne}, {kOne, two}, {kOne, two, three}}) {
    Migrate(url_, applied);
    const SchemaStatus status = Status({kOne, two, three});
    EXPECT_EQ(status.state, SchemaState::kReady);
    EXPECT_EQ(status.oldest_supported, 1);
    EXPECT_EQ(status.newest_supported, 3);
    EXPECT_THAT(status.advice, IsEmpty());
  }
}

TEST_F(MigrateTest, ABuildNeedsWhatComesBeforeAMigrationThatIsNotOptional) {
  const Migration two{2, "two", "-- poold: optional\nCREATE TABLE two (id integer)"};
  Migrate(url_, std::vector{kOne});
  EXPECT_EQ(Status({kOne, two, kThree}).state, SchemaState::kBehind);
  EXPECT_EQ(Status({kOne, two, kThree}).oldest_supported, 3);
}

TEST_F(MigrateTest, ABuildRunsOnNewerSchemasUntilOneRequiresANewerBuild) {
  const Migration contracts{4, "contracts", "-- poold: requires 2\nDROP TABLE two"};
  Migrate(url_, std::vector{kOne, kTwo, kThree});
  EXPECT_EQ(Status({kOne}).state, SchemaState::kAhead);
  Migrate(url_, std::vector{kOne, kTwo, kThree, contracts});
  EXPECT_EQ(Status({kOne, kTwo}).state, SchemaState::kAhead);

  const SchemaStatus status = Status({kOne});
  EXPECT_EQ(status.state, SchemaState::kBeyond);
  EXPECT_FALSE(status.usable());
  EXPECT_THAT(status.advice, HasSubstr("requires builds that know migration 2"));
}

TEST_F(MigrateTest, RefusesAWordThatItDoesNotKnowBeforeItConnects) {
  for (const char* word : {"optinal", "requires", "requires 2", "requires 0", "requires one"}) {
    const std::string sql = "-- poold: " + std::string(word) + "\nSELECT 1";
    const auto failure = FailureOf("postgresql://127.0.0.1:1/nobody_there", {kOne, {2, "two", sql}});
    ASSERT_TRUE(failure) << word;
    EXPECT_THAT(failure->what(), HasSubstr("0002_two says")) << word;
  }
}

// What databases have that were migrated before migrations could require a build.
TEST_F(MigrateTest, KnowsTheTableOfItsEarlyDays) {
  Migrate(url_, std::vector{kOne});
  Execute(database_, "ALTER TABLE schema_migrations DROP COLUMN requires");
  EXPECT_EQ(Status({kOne}).state, SchemaState::kReady);
  EXPECT_EQ(Migrate(url_, std::vector{kOne, kTwo}), 1);
  EXPECT_EQ(Status({kOne, kTwo}).state, SchemaState::kReady);
}

TEST_F(MigrateTest, IsUnavailableWhenTheDatabaseIsNotThere) {
  const auto failure = FailureOf("postgresql://127.0.0.1:1/nobody_there", {kOne});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind(), StorageFailure::Kind::kUnavailable);
}

}  // namespace
}  // namespace poold::storage
