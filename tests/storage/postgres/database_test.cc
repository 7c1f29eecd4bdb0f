#include "storage/postgres/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <string>
#include <thread>

#include "tests/storage/postgres/database_fixture.h"

namespace poold::storage {
namespace {

using testing::HasSubstr;

// --- Committing and undoing

TEST_F(DatabaseTest, CommitsWhatTheBodyWrote) {
  db().Run(Mode::kWrite, In(20s), [](Transaction& tx) { Insert(tx, 1); });
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(db().stats().writes, 1U);
  EXPECT_EQ(db().connections(), 4);
}

TEST_F(DatabaseTest, UndoesEverythingWhenTheBodyThrowsAndPassesItsExceptionOn) {
  struct Refusal {
    int number;
  };
  int runs = 0;
  int caught = 0;
  try {
    db().Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
      ++runs;
      Insert(tx, 1);
      throw Refusal{42};
    });
  } catch (const Refusal& refusal) {
    caught = refusal.number;
  }
  EXPECT_EQ(caught, 42);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(Notes(), 0);
  EXPECT_EQ(Active("state <> 'idle'"), 0);
  EXPECT_EQ(db().stats().open, 1);  // the connection is as good as before
}

TEST_F(DatabaseTest, PassesOnAFailureOfAnotherDatabaseWithoutTryingAgain) {
  int runs = 0;
  EXPECT_EQ(Result([&] {
              db().Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
                ++runs;
                Insert(tx, 1);
                throw StorageFailure(Kind::kContended, "from elsewhere");
              });
            }),
            "contended");
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(Notes(), 0);
}

TEST_F(DatabaseTest, NeverCommitsAfterAFailureThatTheBodySwallowed) {
  int runs = 0;
  const auto failure = FailureOf([&] {
    db().Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
      ++runs;
      Insert(tx, 1);
      EXPECT_EQ(Result([&] { tx.Run({"bad", "SELECT 1/0"}); }), "bug");
      EXPECT_EQ(Result([&] { Insert(tx, 2); }), "bug");  // dead
    });
  });
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->sqlstate(), "22012");  // the one that was swallowed
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(Notes(), 0);
}

TEST_F(DatabaseTest, RefusesABodyThatEndsItsTransactionByItself) {
  EXPECT_EQ(Result([&] { db().Run(Mode::kWrite, In(20s), [](Transaction& tx) {
                           tx.Run({"end", "COMMIT"});
                         }); }),
            "bug");
  EXPECT_EQ(Result([&] { db().Run(Mode::kRead, In(20s), [](Transaction& tx) {
                           tx.Run({"begin", "BEGIN"});
                         }); }),
            "bug");
  db().Run(Mode::kWrite, In(20s), [](Transaction& tx) { Insert(tx, 1); });
  EXPECT_EQ(Notes(), 1);
}

TEST_F(DatabaseTest, LetsAReadBodyWriteNothing) {
  EXPECT_EQ(Result([&] { db().Run(Mode::kRead, In(20s), [](Transaction& tx) { Insert(tx, 1); }); }), "bug");
  EXPECT_EQ(Notes(), 0);
}

TEST_F(DatabaseTest, GivesEachStatementOfAReadItsOwnSnapshot) {
  int before = -1;
  int after = -1;
  db().Run(Mode::kRead, In(20s), [&](Transaction& tx) {
    tx.Run({"count", "SELECT count(*) FROM notes"})[0].Read(before);
    Execute("INSERT INTO notes VALUES (1)");
    tx.Run({"count", "SELECT count(*) FROM notes"})[0].Read(after);
  });
  EXPECT_EQ(before, 0);
  EXPECT_EQ(after, 1);
}

TEST_F(DatabaseTest, KeepsItsSettingsWhenTheUrlSetsOthers) {
  Database database({.url = url_ + "&options=-c%20TimeZone%3DAsia%2FTokyo%20-c%20lock_timeout%3D1234",
                     .connections = 1,
                     .statement_backstop = 7000ms,
                     .observe = {}});
  std::string zone;
  std::string lock;
  std::string statement;
  std::string check;
  std::string encoding;
  database.Run(Mode::kRead, In(20s), [&](Transaction& tx) {
    tx.Run(
          {"settings",
           "SELECT current_setting('TimeZone'), current_setting('lock_timeout'), current_setting('statement_timeout'), "
           "current_setting('client_connection_check_interval'), current_setting('client_encoding')"})[0]
        .Read(zone, lock, statement, check, encoding);
  });
  EXPECT_EQ(zone, "UTC");      // reading times depends on it
  EXPECT_EQ(lock, "1234ms");   // the url's
  EXPECT_EQ(statement, "7s");  // ours
  EXPECT_EQ(check, "250ms");
  EXPECT_EQ(encoding, "UTF8");
}

TEST_F(DatabaseTest, TakesKeyValueUrlsAndRefusesWhatIsNoneWithoutQuotingIt) {
  const auto failure = FailureOf([] { Database({.url = "postgres//me:secret@host", .observe = {}}); });
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind(), Kind::kBug);
  EXPECT_THAT(failure->what(), testing::Not(HasSubstr("secret")));

  std::string socket;
  admin().Run(Mode::kRead, In(20s), [&](Transaction& tx) {
    tx.Run({"socket", "SELECT current_setting('unix_socket_directories')"})[0].Read(socket);
  });
  const std::string name = url_.substr(url_.find(":///") + 4, url_.find('?') - url_.find(":///") - 4);
  Database database({.url = "host='" + socket + "' user=poold dbname=" + name, .observe = {}});
  database.Run(Mode::kWrite, In(20s), [](Transaction& tx) { Insert(tx, 1); });
  EXPECT_EQ(Notes(), 1);
}

TEST_F(DatabaseTest, PlansAnewWhenAMigrationChangedATableUnderAPreparedStatement) {
  const auto read = [&] {
    std::string id;
    db().Run(Mode::kRead, In(20s), [&](Transaction& tx) { tx.Run({"read", "SELECT id FROM notes"})[0].Read(id); });
    return id;
  };
  Execute("INSERT INTO notes VALUES (7)");
  EXPECT_EQ(read(), "7");
  Execute("ALTER TABLE notes ALTER COLUMN id TYPE text USING 'number ' || id");
  EXPECT_EQ(read(), "number 7");
}

// --- Conflicts
// --------------------------------------------------------------------------------------------------------

TEST_F(DatabaseTest, LetsBothSidesOfADeadlockSucceed) {
  Execute("INSERT INTO notes VALUES (1, ''), (2, '')");
  std::barrier both(2);
  const auto lock_both = [&](int first, int second) {
    int runs = 0;
    db().Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
      tx.Run({"soon", "SET LOCAL deadlock_timeout = '20ms'"});
      const Statement update{"update", "UPDATE notes SET note = note || 'x' WHERE id = $1"};
      tx.Run(update, Params(first));
      if (++runs == 1) both.arrive_and_wait();
      tx.Run(update, Params(second));
    });
  };
  std::jthread other([&] { lock_both(2, 1); });
  lock_both(1, 2);
  other.join();
  EXPECT_EQ(Count("SELECT count(*) FROM notes WHERE note = 'xx'"), 2);
  EXPECT_GE(db().stats().retries_contended(), 1U);
}

TEST_F(DatabaseTest, RunsTheBodyAgainAfterASerializationFailure) {
  int runs = 0;
  db().Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
    Insert(tx, ++runs);
    if (runs < 3) tx.Run({"fail", "DO $$ BEGIN RAISE serialization_failure; END $$"});
  });
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(Count("SELECT id FROM notes"), 3);
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(db().stats().retries_contended(), 2U);
}

TEST_F(DatabaseTest, LetsTheLoserOfARaceForAKeySeeTheWinner) {
  Execute("CREATE UNIQUE INDEX one_note_per_id ON notes (id)");
  std::barrier both(2);
  std::atomic<int> winners{0};
  std::atomic<int> refused{0};
  const auto take = [&] {
    int runs = 0;
    bool was_taken = false;
    db().Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
      int taken = 0;
      tx.Run({"check", "SELECT count(*) FROM notes WHERE id = 1"})[0].Read(taken);
      if (++runs == 1) both.arrive_and_wait();
      was_taken = taken > 0;
      if (!was_taken) Insert(tx, 1);
    });
    ++(was_taken ? refused : winners);
  };
  std::jthread other(take);
  take();
  other.join();
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(Notes(), 1);
}

TEST_F(DatabaseTest, RunsTheBodyAgainWhenADeferredConstraintFailsAtTheCommit) {
  Execute("ALTER TABLE notes ADD CONSTRAINT one_note_per_id UNIQUE (id) DEFERRABLE INITIALLY DEFERRED");
  Execute("INSERT INTO notes VALUES (1)");
  int runs = 0;
  db().Run(Mode::kWrite, In(20s), [&](Transaction& tx) { Insert(tx, ++runs); });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(Notes(), 2);
  EXPECT_EQ(db().stats().in_doubt_aborted, 0U);  // the server's answer left no doubt
}

TEST_F(DatabaseTest, ReportsAConflictThatDoesNotGoAway) {
  Execute("CREATE UNIQUE INDEX one_note_per_id ON notes (id)");
  Execute("INSERT INTO notes VALUES (1)");
  int runs = 0;
  const auto failure = FailureOf([&] {
    db().Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
      ++runs;
      Insert(tx, 1);
    });
  });
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind(), Kind::kContended);
  EXPECT_EQ(failure->sqlstate(), "23505");
  EXPECT_EQ(runs, 5);
}

// --- Behind a pooler
// --------------------------------------------------------------------------------------------------

TEST_F(DatabaseTest, SetsItsLimitsForEachTransactionBehindAPooler) {
  DatabaseOptions options = Options(1);
  options.prepare = false;
  Database pooled(options);
  const Statement settings{
      "settings",
      "SELECT current_setting('statement_timeout') || ' ' || current_setting('lock_timeout') || ' ' "
      "|| current_setting('idle_in_transaction_session_timeout') || ' ' || "
      "current_setting('client_connection_check_interval')"};
  std::string inside;
  std::string outside;
  pooled.Run(Mode::kWrite, In(20s), [&](Transaction& tx) { tx.Run(settings)[0].Read(inside); });
  pooled.Run(Mode::kRead, In(20s), [&](Transaction& tx) { tx.Run(settings)[0].Read(outside); });
  EXPECT_EQ(inside, "30s 15s 5s 250ms");
  EXPECT_EQ(outside, "0 0 0 0") << "whose connection that is next is the pooler's business";
}

}  // namespace
}  // namespace poold::storage
