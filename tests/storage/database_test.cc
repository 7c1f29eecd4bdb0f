#include "storage/database.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "storage/embedded_postgres.h"
#include "storage/failure.h"
#include "storage/session.h"
#include "tests/storage/commit_proxy.h"
#include "tests/storage/failure_of.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;
using Kind = StorageFailure::Kind;
using Mode = Database::Mode;
using Plan = CommitProxy::Plan;

// Far more than anything takes that doesn't hang, also on a slow machine, and less than the server's own limits (15 s
// for a lock), so that what only they would end counts as hanging.
constexpr auto kPromptly = 5s;

Bounds In(milliseconds time, std::stop_token stop = {}) { return {Clock::now() + time, std::move(stop)}; }

std::string KindName(Kind kind) {
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
std::string Result(const std::function<void()>& call) {
  const auto failure = FailureOf(call);
  return failure ? KindName(failure->kind()) : "none";
}

// Waits until the condition is true, at most `kPromptly`.
bool Eventually(const std::function<bool()>& condition) {
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

  Database::Options Options(int connections) {
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

// --- Committing and undoing
// -------------------------------------------------------------------------------------------

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

// --- Lost connections
// -------------------------------------------------------------------------------------------------

TEST_F(DatabaseTest, SurvivesTheDeathOfItsIdleConnections) {
  std::barrier all_at_once(4);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      db().Run(Mode::kRead, In(20s), [&](Transaction& tx) {
        Pid(tx);
        all_at_once.arrive_and_wait();
      });
    });
  }
  threads.clear();
  EXPECT_EQ(db().stats().open, 4);
  KillAll();

  // Each of the four is found dead at its next use, and no call needs more than a second try for it.
  Database::Stats before = db().stats();
  for (int i = 0; i < 5; ++i) {
    int runs = 0;
    db().Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
      ++runs;
      Insert(tx, i);
    });
    EXPECT_EQ(runs, 1);  // BEGIN found out, before the body ran
  }
  EXPECT_EQ(Notes(), 5);
  EXPECT_LE(db().stats().retries_connection - before.retries_connection, 4U);
}

TEST_F(DatabaseTest, RunsNothingOutsideItsTransactionAfterTheConnectionIsLost) {
  int runs = 0;
  db().Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
    Insert(tx, ++runs);
    if (runs == 1) {
      Kill(Pid(tx));
      EXPECT_EQ(Result([&] { Insert(tx, 100); }), "unavailable");
      EXPECT_EQ(Result([&] { Insert(tx, 101); }), "unavailable");  // libpqxx would have a new connection by now
      EXPECT_EQ(Result([&] { Insert(tx, 102); }), "unavailable");
    }
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(Count("SELECT id FROM notes"), 2);
  EXPECT_EQ(db().stats().retries_connection, 1U);
}

// One layer below, where a Transaction doesn't stand guard: libpqxx by itself connects anew.
TEST_F(DatabaseTest, NeverConnectsASessionAnew) {
  const auto session = Session::Connect(ConnectionParameters::Parse(Options(1).url, {}), true, Clock::now() + 20s, {});
  session->RunText("begin", "BEGIN");
  const Statement insert{"insert", "INSERT INTO notes VALUES (1)"};
  session->Run(insert, Params());
  KillAll();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Result([&] { session->Run(insert, Params()); }), "unavailable");
    EXPECT_EQ(Result([&] { session->RunText("insert", "INSERT INTO notes VALUES (2)"); }), "unavailable");
    EXPECT_TRUE(session->broken());
  }
  EXPECT_EQ(Result([&] { session->RunText("commit", "COMMIT"); }), "unavailable");
  EXPECT_EQ(Active("true"), 0);
  EXPECT_EQ(Notes(), 0);
}

TEST_F(DatabaseTest, RunsAReadAgainAfterTheConnectionIsLost) {
  int runs = 0;
  db().Run(Mode::kRead, In(20s), [&](Transaction& tx) {
    const int pid = Pid(tx);
    if (++runs == 1) Kill(pid);
    Pid(tx);
  });
  EXPECT_EQ(runs, 2);
}

// libpqxx by itself loses 2.3 KB with each. (The address sanitizer counts no bytes here, but reports leaks at exit.)
TEST_F(DatabaseTest, KeepsNoMemoryOfLostConnections) {
  const auto parameters = ConnectionParameters::Parse(Options(1).url, {});
  const auto lose = [&](int times) {
    for (int i = 0; i < times; ++i) {
      const auto session = Session::Connect(parameters, true, Clock::now() + 20s, {});
      session->Cut(Kind::kDeadline);
      EXPECT_EQ(Result([&] { session->Run({"one", "SELECT 1"}, Params()); }), "deadline");
    }
  };
  lose(20);
  const auto before = mallinfo2().uordblks;
  lose(200);
  EXPECT_LT(mallinfo2().uordblks, before + 100'000);
}

TEST_F(DatabaseTest, GivesUpAfterItsTries) {
  Database::Options options = Options(1);
  options.max_tries = 3;
  Database database(options);
  int runs = 0;
  EXPECT_EQ(Result([&] {
              database.Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
                ++runs;
                Kill(Pid(tx));
                Insert(tx, 1);
              });
            }),
            "unavailable");
  EXPECT_EQ(runs, 3);
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

// --- Deadlines and cancelling
// -----------------------------------------------------------------------------------------

TEST_F(DatabaseTest, EndsAStatementAtTheDeadlineHereAndInTheServer) {
  const auto start = Clock::now();
  EXPECT_EQ(Result([&] {
              db().Run(Mode::kWrite, In(200ms), [](Transaction& tx) {
                Insert(tx, 1);
                tx.Run({"sleep", "SELECT pg_sleep(60)"});
              });
            }),
            "deadline");
  EXPECT_GE(Clock::now() - start, 200ms);
  EXPECT_LT(Clock::now() - start, kPromptly);
  EXPECT_TRUE(Eventually([&] { return Active("true") == 0; }));
  EXPECT_EQ(Notes(), 0);
  EXPECT_EQ(db().stats().cuts, 1U);
  EXPECT_EQ(db().stats().open, 0);
}

TEST_F(DatabaseTest, CutsEachCallAtItsOwnDeadline) {
  std::barrier started(2);
  std::chrono::steady_clock::duration took{};
  std::jthread longer([&] {
    db().Run(Mode::kRead, In(20s), [&](Transaction& tx) {
      Pid(tx);
      started.arrive_and_wait();
      tx.Run({"sleep", "SELECT pg_sleep(0.5)"});
    });
  });
  started.arrive_and_wait();
  const auto start = Clock::now();
  EXPECT_EQ(Result([&] {
              db().Run(Mode::kRead, In(100ms), [](Transaction& tx) { tx.Run({"sleep", "SELECT pg_sleep(60)"}); });
            }),
            "deadline");
  took = Clock::now() - start;
  EXPECT_LT(took, kPromptly);  // the watch was asleep until the other's deadline
}

TEST_F(DatabaseTest, EndsAWaitForALockAtTheDeadline) {
  Execute("INSERT INTO notes VALUES (1)");
  admin().Run(Mode::kWrite, In(20s), [&](Transaction& holder) {
    holder.Run({"lock", "SELECT id FROM notes FOR UPDATE"});
    const auto start = Clock::now();
    EXPECT_EQ(Result([&] {
                db().Run(Mode::kWrite, In(200ms), [](Transaction& tx) {
                  tx.Run({"lock", "SELECT id FROM notes FOR UPDATE"});
                });
              }),
              "deadline");
    EXPECT_LT(Clock::now() - start, kPromptly);
  });
  EXPECT_TRUE(Eventually([&] { return Active("true") == 0; }));
}

TEST_F(DatabaseTest, EndsAWaitForAConnectionAtTheDeadlineOrWhenStopped) {
  Database database(Options(1));
  database.Run(Mode::kRead, In(20s), [&](Transaction& tx) {
    Pid(tx);
    auto start = Clock::now();
    EXPECT_EQ(Result([&] { database.Run(Mode::kRead, In(100ms), [](Transaction&) { FAIL(); }); }), "deadline");
    EXPECT_LT(Clock::now() - start, kPromptly);

    std::stop_source source;
    auto waiting = std::async(std::launch::async, [&] {
      return Result([&] { database.Run(Mode::kRead, In(20s, source.get_token()), [](Transaction&) { FAIL(); }); });
    });
    start = Clock::now();
    source.request_stop();
    EXPECT_EQ(waiting.get(), "cancelled");
    EXPECT_LT(Clock::now() - start, kPromptly);
  });
  EXPECT_EQ(database.stats().in_use, 0);
}

TEST_F(DatabaseTest, HandsAConnectionToTheOneWhoWaits) {
  Database database(Options(1));
  std::atomic<int> at_once{0};
  std::atomic<bool> shared{false};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 10; ++j) {
        database.Run(Mode::kWrite, In(20s), [&](Transaction& tx) {
          if (++at_once > 1) shared = true;
          Insert(tx, i);
          --at_once;
        });
      }
    });
  }
  threads.clear();
  EXPECT_FALSE(shared);
  EXPECT_EQ(Notes(), 60);
  EXPECT_EQ(database.stats().connects, 1U);
}

TEST_F(DatabaseTest, HandsConnectionsOnInTheOrderInWhichTheyAreWaitedFor) {
  Database database(Options(1));
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::jthread> threads;
  const auto wait = [&](int who) {
    threads.emplace_back([&, who] {
      database.Run(Mode::kRead, In(20s), [&](Transaction&) {
        const std::lock_guard lock(mutex);
        order.push_back(who);
      });
    });
    EXPECT_TRUE(Eventually([&] { return database.stats().waiting == who; }));
  };
  database.Run(Mode::kRead, In(20s), [&](Transaction&) {
    for (int i = 1; i <= 3; ++i) wait(i);
  });
  database.Run(Mode::kRead, In(20s), [&](Transaction&) {
    const std::lock_guard lock(mutex);
    order.push_back(4);  // who comes back at once comes last
  });
  EXPECT_THAT(order, testing::ElementsAre(1, 2, 3, 4));
}

TEST_F(DatabaseTest, DoesNothingAfterTheDeadlineOrWhenStopped) {
  std::stop_source stopped;
  stopped.request_stop();
  const auto touch = [](Transaction&) { FAIL(); };
  EXPECT_EQ(Result([&] { db().Run(Mode::kWrite, In(-1ms), touch); }), "deadline");
  EXPECT_EQ(Result([&] { db().Run(Mode::kWrite, In(20s, stopped.get_token()), touch); }), "cancelled");
  EXPECT_EQ(db().stats().connects, 0U);
}

TEST_F(DatabaseTest, EndsAStatementAtOnceWhenStoppedHereAndInTheServer) {
  std::stop_source source;
  auto running = std::async(std::launch::async, [&] {
    return Result([&] {
      db().Run(Mode::kWrite, In(20s, source.get_token()), [](Transaction& tx) {
        Insert(tx, 1);
        tx.Run({"sleep", "SELECT pg_sleep(60)"});
      });
    });
  });
  ASSERT_TRUE(Eventually([&] { return Active("wait_event = 'PgSleep'") == 1; }));
  const auto start = Clock::now();
  source.request_stop();
  EXPECT_EQ(running.get(), "cancelled");
  EXPECT_LT(Clock::now() - start, kPromptly);
  EXPECT_TRUE(Eventually([&] { return Active("true") == 0; }));
  EXPECT_EQ(Notes(), 0);
}

// Or else who calls and hangs up, again and again, costs everybody their connections.
TEST_F(DatabaseTest, LetsAStatementOfACallThatIsStoppedGoOnForTheGrace) {
  auto options = Options(1);
  options.stop_grace = 200ms;
  Database database(options);
  const auto sleep_and_stop = [&](const std::string& seconds) {
    std::stop_source source;
    auto running = std::async(std::launch::async, [&] {
      return Result([&] {
        database.Run(Mode::kWrite, In(20s, source.get_token()), [&](Transaction& tx) {
          Insert(tx, 1);
          tx.Run({"sleep", "SELECT pg_sleep(" + seconds + ")"});
        });
      });
    });
    EXPECT_TRUE(Eventually([&] { return Active("wait_event = 'PgSleep'") == 1; }));
    source.request_stop();
    return running.get();
  };
  EXPECT_EQ(sleep_and_stop("0.1"), "cancelled");
  EXPECT_EQ(database.stats().cuts, 0U);
  EXPECT_EQ(sleep_and_stop("60"), "cancelled");
  EXPECT_EQ(database.stats().cuts, 1U);
  EXPECT_EQ(database.stats().connects, 1U);
  EXPECT_EQ(Notes(), 0);
  EXPECT_EQ(Result([&] { database.Run(Mode::kRead, In(20s), [](Transaction& tx) { Pid(tx); }); }), "none");
}

TEST_F(DatabaseTest, NeverCommitsWhatWasStoppedBeforeTheCommit) {
  std::stop_source source;
  EXPECT_EQ(Result([&] {
              db().Run(Mode::kWrite, In(20s, source.get_token()), [&](Transaction& tx) {
                Insert(tx, 1);
                source.request_stop();
              });
            }),
            "cancelled");
  EXPECT_EQ(Notes(), 0);
}

// A late PQcancel would have stopped somebody else's statement.
TEST_F(DatabaseTest, NeverStopsAnotherCallsStatement) {
  Database database(Options(1));
  for (int i = 0; i < 30; ++i) {
    std::stop_source source;
    std::jthread stopper([&] { source.request_stop(); });
    Result([&] { database.Run(Mode::kRead, In(20s, source.get_token()), [](Transaction& tx) { Pid(tx); }); });
    EXPECT_EQ(Result([&] { database.Run(Mode::kRead, In(20s), [](Transaction& tx) { Pid(tx); }); }), "none");
  }
}

TEST_F(DatabaseTest, EndsInTimeWhenTheServerHangs) {
  pid_t pid = 0;
  const auto start = Clock::now();
  EXPECT_EQ(Result([&] {
              db().Run(Mode::kWrite, In(300ms), [&](Transaction& tx) {
                pid = Pid(tx);
                ASSERT_EQ(::kill(pid, SIGSTOP), 0);
                Insert(tx, 1);
              });
            }),
            "deadline");
  EXPECT_LT(Clock::now() - start, kPromptly);
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  EXPECT_TRUE(Eventually([&] { return Active("true") == 0; }));
  EXPECT_EQ(Notes(), 0);
}

// How often the thread that watches deadlines has slept so far.
long WatchNaps() {
  long naps = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm") >> std::ws, name);
    if (name != "db-deadlines") continue;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("voluntary_ctxt_switches:")) naps += std::stol(line.substr(line.find(':') + 1));
    }
  }
  return naps;
}

TEST_F(DatabaseTest, WakesNobodyWhenNothingRuns) {
  Result([&] { db().Run(Mode::kRead, In(50ms), [](Transaction& tx) { tx.Run({"sleep", "SELECT pg_sleep(60)"}); }); });
  db().Run(Mode::kRead, In(20s), [](Transaction& tx) { Pid(tx); });
  // The only thing that happens meanwhile is a statement of half a second, somewhere else.
  long before = 0;
  long after = 0;
  admin().Run(Mode::kRead, In(20s), [&](Transaction& tx) {
    Pid(tx);
    before = WatchNaps();
    tx.Run({"sleep", "SELECT pg_sleep(0.5)"});
    after = WatchNaps();
  });
  EXPECT_GT(before, 0);
  EXPECT_LE(after - before, 2);
}

// --- Commits in doubt
// -------------------------------------------------------------------------------------------------

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
    EXPECT_TRUE(Eventually([&] { return Active("query = 'COMMIT' AND wait_event = 'PgSleep'") == 1; }));
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
    ASSERT_TRUE(Eventually([&] { return Active("query = 'COMMIT' AND wait_event = 'advisory'") == 1; }));
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

class OutageTest : public testing::Test {
 protected:
  OutageTest() {
    std::string dir = (std::filesystem::temp_directory_path() / ("poold-test-" + std::to_string(getpid()) + "-XXXXXX"));
    if (mkdtemp(dir.data()) == nullptr || chmod(dir.c_str(), 0711) != 0) throw std::runtime_error("mkdtemp");
    dir_ = dir;
    server_ = std::make_unique<EmbeddedPostgres>(EmbeddedPostgres::Options{
        .data_dir = dir, .durable = false, .max_connections = 20, .progress = nullptr, .settings = {}});
    db_ = std::make_unique<Database>(Database::Options{.url = server_->url(), .connections = 4, .observe = {}});
    Write([](Transaction& tx) { tx.Run({"create", "CREATE TABLE notes (id integer)"}); });
  }
  ~OutageTest() override {
    db_.reset();
    server_.reset();
    std::error_code none;
    std::filesystem::remove_all(dir_, none);
  }

  void Write(const std::function<void(Transaction&)>& body, milliseconds time = 20s) {
    db_->Run(Mode::kWrite, In(time), body);
  }
  // A server process outlives its postmaster for a moment, and would go on serving.
  void KillServer() {
    server_->Kill();
    EXPECT_TRUE(Eventually([&] {
      return Result([&] {
               db_->Run(Mode::kRead, In(100ms), [](Transaction& tx) { tx.Run({"alive", "SELECT 1"}); });
             }) == "unavailable";
    }));
  }
  static void Insert(Transaction& tx) { tx.Run({"insert", "INSERT INTO notes VALUES (1)"}); }

  int Notes() {
    int count = -1;
    db_->Run(Mode::kRead, In(20s), [&](Transaction& tx) {
      tx.Run({"count", "SELECT count(*) FROM notes"})[0].Read(count);
    });
    return count;
  }

  std::filesystem::path dir_;
  std::unique_ptr<EmbeddedPostgres> server_;
  std::unique_ptr<Database> db_;
};

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
  db_ = std::make_unique<Database>(Database::Options{.url = server_->url(), .connections = 4, .observe = {}});
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
  std::string socket;
  db_->Run(Mode::kRead, In(20s), [&](Transaction& tx) {
    tx.Run(
          {"socket", "SELECT current_setting('unix_socket_directories') || '/.s.PGSQL.' || current_setting('port')"})[0]
        .Read(socket);
  });
  CommitProxy proxy(socket);
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
}

TEST_F(FailoverTest, ACommitThatAFailoverLostIsDoneAgain) {
  std::string socket;
  db_->Run(Mode::kRead, In(20s), [&](Transaction& tx) {
    tx.Run(
          {"socket", "SELECT current_setting('unix_socket_directories') || '/.s.PGSQL.' || current_setting('port')"})[0]
        .Read(socket);
  });
  CommitProxy proxy(socket);
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
    EXPECT_TRUE(Eventually([&] {
      pqxx::connection other(server_->url());
      auto commit = std::async(std::launch::async, [&] {
        pqxx::nontransaction(other).exec("SELECT pg_logical_emit_message(true, 'test', '')");
      });
      const auto done = [&] { return commit.wait_for(0s) == std::future_status::ready; };
      const auto waits = [&] { return Waiting("pid = " + std::to_string(other.backendpid())) == "1"; };
      const bool waited = Eventually([&] { return done() || waits(); }) && !done();
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
    EXPECT_TRUE(Eventually([&] {
      return Ask("SELECT " + std::string(GetParam()) +
                 "(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query = 'COMMIT'") == "t";
    }));
  }

  std::future<std::optional<StorageFailure>> InsertLater(milliseconds time) {
    return std::async(std::launch::async, [this, time] { return FailureOf([&] { Write(Insert, time); }); });
  }

  pqxx::connection admin_{server_->url()};
};

INSTANTIATE_TEST_SUITE_P(All, NoStandbyTest, testing::Values("pg_cancel_backend", "pg_terminate_backend"),
                         [](const auto& test) { return std::string(test.param); });

// It is on this server's disk, and nowhere else: a failover would lose it.
TEST_P(NoStandbyTest, ACommitThatNoStandbyConfirmedIsNoSuccess) {
  auto failure = InsertLater(1s);
  DoItToTheWaiting();
  const auto outcome = failure.get();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->kind(), Kind::kUnavailable);
  EXPECT_THAT(outcome->what(), HasSubstr("outcome unknown"));
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
  const auto outcome = failure.get();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->kind(), Kind::kUnavailable);
  EXPECT_THAT(outcome->what(), HasSubstr("outcome unknown"));
}

TEST_P(NoStandbyTest, ACommitThatIsConfirmedLaterIsASuccess) {
  auto failure = InsertLater(20s);
  DoItToTheWaiting();
  EXPECT_TRUE(Eventually([&] { return Waiting("query = 'COMMIT'") == "1"; })) << "the one that follows it";
  Execute("ALTER SYSTEM SET synchronous_standby_names = ''");
  Execute("SELECT pg_reload_conf()");
  EXPECT_FALSE(failure.get());
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(db_->stats().in_doubt_committed, 1U);
}

// --- Several hosts
// ----------------------------------------------------------------------------------------------------

// Takes connections and never says a word, as a machine that hangs does.
class SilentHost {
 public:
  SilentHost() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket_, 16) != 0 ||
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(address.sin_port);
  }
  ~SilentHost() { ::close(socket_); }
  SilentHost(const SilentHost&) = delete;
  SilentHost& operator=(const SilentHost&) = delete;
  std::string port() const { return std::to_string(port_); }

 private:
  int socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
};

TEST_F(InDoubtTest, AHostThatSaysNothingDoesNotHideTheNext) {
  const SilentHost silent;
  const std::string proxy = proxy_.Url(NameOf(admin_));
  const std::string good = proxy.substr(proxy.find('@') + 1);
  Database database(
      {.url = "postgresql://poold@127.0.0.1:" + silent.port() + "," + good, .connections = 2, .observe = {}});
  const auto insert = [&] { database.Run(Mode::kWrite, In(20s), [](Transaction& tx) { Insert(tx, 1); }); };
  auto start = Clock::now();
  insert();
  EXPECT_LT(Clock::now() - start, 2s + kPromptly);
  EXPECT_EQ(database.stats().connect_failures, 0U) << "one attempt asks all of them";

  // Who comes second is not made to wait for the silent one again.
  start = Clock::now();
  database.Run(Mode::kRead, In(20s), [&](Transaction& tx) {
    Pid(tx);
    insert();
  });
  EXPECT_LT(Clock::now() - start, 500ms);
  EXPECT_EQ(Notes(), 2);
}

TEST(Hosts, AreTheUrlsOneByOne) {
  const auto hosts = [](const std::string& url) {
    std::string text;
    for (const auto& one : ConnectionParameters::Parse(url, {}).Hosts()) {
      for (const auto& [keyword, value] : one.values) {
        if (keyword == "host" || keyword == "hostaddr" || keyword == "port") text += keyword + "=" + value + " ";
      }
      text += "| ";
    }
    return text;
  };
  EXPECT_EQ(hosts("dbname=a"), "| ");
  EXPECT_EQ(hosts("postgresql://a:1/x"), "host=a port=1 | ");
  EXPECT_EQ(hosts("postgresql://a:1,b:2/x"), "host=a port=1 | host=b port=2 | ");
  EXPECT_EQ(hosts("host=a,b,c port=5433"), "host=a port=5433 | host=b port=5433 | host=c port=5433 | ");
  EXPECT_EQ(hosts("host=a,b hostaddr=127.0.0.1,127.0.0.2"), "host=a hostaddr=127.0.0.1 | host=b hostaddr=127.0.0.2 | ");
  EXPECT_EQ(hosts("host=a,b port=1,2,3"), "host=a,b port=1,2,3 | ") << "libpq says what is wrong with it";
  EXPECT_EQ(hosts("host=a,b target_session_attrs=prefer-standby"), "host=a,b | ");
}

// --- Behind a pooler
// --------------------------------------------------------------------------------------------------

TEST_F(DatabaseTest, SetsItsLimitsForEachTransactionBehindAPooler) {
  Database::Options options = Options(1);
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

// --- What a SQLSTATE means
// --------------------------------------------------------------------------------------------

struct StateCase {
  const char* sqlstate;
  Kind kind;
};

TEST(Sqlstate, HasTheKindThatCallersCanActOn) {
  constexpr StateCase kCases[] = {
      {"08000", Kind::kUnavailable}, {"08003", Kind::kUnavailable},
      {"08006", Kind::kUnavailable}, {"08001", Kind::kUnavailable},
      {"08004", Kind::kUnavailable}, {"08P01", Kind::kBug},
      {"57P01", Kind::kUnavailable}, {"57P02", Kind::kUnavailable},
      {"57P03", Kind::kUnavailable}, {"57P04", Kind::kUnavailable},
      {"57P05", Kind::kUnavailable}, {"57014", Kind::kDeadline},
      {"53000", Kind::kUnavailable}, {"53100", Kind::kUnavailable},
      {"53200", Kind::kUnavailable}, {"53300", Kind::kUnavailable},
      {"53400", Kind::kUnavailable}, {"25006", Kind::kUnavailable},
      {"25P03", Kind::kUnavailable}, {"25P02", Kind::kBug},
      {"25001", Kind::kBug},         {"58000", Kind::kUnavailable},
      {"58030", Kind::kUnavailable}, {"28P01", Kind::kUnavailable},
      {"26000", Kind::kUnavailable}, {"42P05", Kind::kUnavailable},
      {"3D000", Kind::kUnavailable}, {"40000", Kind::kContended},
      {"40001", Kind::kContended},   {"40P01", Kind::kContended},
      {"40002", Kind::kBug},         {"40003", Kind::kUnavailable},
      {"55P03", Kind::kContended},   {"55006", Kind::kContended},
      {"55000", Kind::kBug},         {"23505", Kind::kContended},
      {"23P01", Kind::kContended},   {"23502", Kind::kBug},
      {"23503", Kind::kBug},         {"23514", Kind::kBug},
      {"22001", Kind::kBug},         {"22012", Kind::kBug},
      {"22P02", Kind::kBug},         {"42601", Kind::kBug},
      {"42P01", Kind::kBug},         {"42501", Kind::kBug},
      {"0A000", Kind::kBug},         {"P0001", Kind::kBug},
      {"XX000", Kind::kBug},         {"XX001", Kind::kBug},
      {"ZZZZZ", Kind::kBug},         {"", Kind::kBug},
  };
  for (const auto& [sqlstate, kind] : kCases) {
    EXPECT_EQ(KindName(KindOfSqlstate(sqlstate)), KindName(kind)) << sqlstate;
  }
}

// The server raises each of them for real: libpqxx gives some no SQLSTATE and makes others a lost connection.
TEST_F(DatabaseTest, ReportsEachStateAsTheServerRaisesIt) {
  Database::Options options = Options(1);
  options.max_tries = 1;
  Database database(options);
  for (const std::string state : {"40001", "40P01", "40003", "40000", "23505", "23P01", "23502", "23503", "23514",
                                  "53100", "53200", "53300", "53400", "55P03", "57014", "57P01", "58030", "25006",
                                  "08006", "22012", "42601", "42501", "0A000", "P0001", "XX000"}) {
    const std::string sql = "DO $$ BEGIN RAISE EXCEPTION 'for the test' USING ERRCODE = '" + state + "'; END $$";
    const auto failure = FailureOf([&] {
      database.Run(Mode::kWrite, In(20s), [&](Transaction& tx) { tx.Run({"raise", sql}); });
    });
    ASSERT_TRUE(failure) << state;
    EXPECT_EQ(KindName(failure->kind()), KindName(KindOfSqlstate(state))) << state << ": " << failure->what();
    EXPECT_EQ(failure->sqlstate(), state) << failure->what();
  }
}

// A password is read anew for each connection, so that it can change under a running server.
TEST(DatabasePassword, IsTheOneThatIsInTheFileNow) {
  const TemporaryDirectory directory;
  const std::filesystem::path rules = directory.path() / "hba.conf";
  std::ofstream(rules) << "local all app scram-sha-256\nlocal all all trust\n";
  const EmbeddedPostgres postgres({.data_dir = directory.path() / "data",
                                   .durable = false,
                                   .max_connections = 20,
                                   .progress = nullptr,
                                   .settings = {{"hba_file", rules.string()}}});
  Database::Options options;
  options.url = postgres.url();
  Database owner(options);
  const auto sql = [&](const char* text) {
    owner.Run(Mode::kWrite, In(20s), [&](Transaction& tx) { tx.Run(Statement{"set up", text}); });
  };
  sql("CREATE ROLE app LOGIN PASSWORD 'one'");

  const std::filesystem::path file = directory.path() / "password";
  std::ofstream(file) << "one\n";
  options.url = postgres.url() + (postgres.url().find('?') == std::string::npos ? "?" : "&") + "user=app";
  options.password_file = file;
  const auto connect = [&] {
    Database app(options);
    app.Run(Mode::kRead, In(1s), [](Transaction& tx) { tx.Run(Statement{"look", "SELECT 1"}); });
  };
  EXPECT_EQ(Result(connect), "none");
  sql("ALTER ROLE app PASSWORD 'two'");
  EXPECT_NE(Result(connect), "none");
  std::ofstream(file) << "two";
  EXPECT_EQ(Result(connect), "none");
  std::filesystem::remove(file);
  EXPECT_NE(Result(connect), "none");
}

}  // namespace
}  // namespace poold
