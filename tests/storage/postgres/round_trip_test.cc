// What goes together in one round trip: Transaction::Later, and the commit.

#include "storage/postgres/round_trip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "storage/postgres/database.h"
#include "storage/postgres/failure.h"
#include "tests/storage/postgres/commit_proxy.h"
#include "tests/storage/postgres/failure_of.h"
#include "tests/support/test_database.h"

namespace poold::storage {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Clock = std::chrono::steady_clock;
using Kind = StorageFailure::Kind;
using Mode = Database::Mode;
using Plan = CommitProxy::Plan;
using Body = std::function<void(Transaction&)>;

// Far more than anything takes that doesn't hang.
constexpr auto kPromptly = 5s;

constexpr Statement kInsert{"insert", "INSERT INTO notes (id) VALUES ($1)"};
constexpr Statement kCount{"count", "SELECT count(*) FROM notes"};
constexpr Statement kDivide{"divide", "SELECT 1 / $1::integer"};
constexpr Statement kSleep{"sleep", "SELECT pg_sleep(60)"};

struct Refusal {
  std::string text;
};

// A database with one connection, behind a proxy that counts.
class Later : public testing::Test {
 protected:
  Later() {
    Outside([](Transaction& tx) {
      tx.Run({"create", "CREATE TABLE notes (id integer CONSTRAINT notes_pkey PRIMARY KEY, note text)"});
    });
    // The first transaction of a connection finds out how to begin one; the statements are prepared at first use.
    Write([](Transaction& tx) {
      tx.Run(kInsert, Params(0));
      tx.Run(kCount);
    });
    Outside([](Transaction& tx) { tx.Run({"delete", "DELETE FROM notes"}); });
  }

  void Write(const Body& body, milliseconds time = 20s, std::stop_token stop = {}) {
    tested_.Run(Mode::kWrite, {Clock::now() + time, std::move(stop)}, body);
  }
  std::optional<StorageFailure> FailureOfWrite(const Body& body, milliseconds time = 20s, std::stop_token stop = {}) {
    return FailureOf([&] { Write(body, time, std::move(stop)); });
  }
  std::string RefusalOfWrite(const Body& body) {
    try {
      Write(body);
    } catch (const Refusal& refusal) {
      return refusal.text;
    }
    return "none";
  }

  int RoundTripsOf(const Body& body) {
    const int before = proxy_.RoundTrips();
    Write(body);
    return proxy_.RoundTrips() - before;
  }

  void Outside(const Body& body) { admin_.Run(Mode::kWrite, {Clock::now() + 20s, {}}, body); }
  int Ask(const std::string& sql) {
    int answer = -1;
    Outside([&](Transaction& tx) { tx.Run({"ask", sql})[0].Read(answer); });
    return answer;
  }
  int Notes() { return Ask("SELECT count(*) FROM notes"); }
  std::string AskText(const std::string& sql) {
    std::string answer;
    Outside([&](Transaction& tx) { tx.Run({"ask", sql})[0].Read(answer); });
    return answer;
  }
  bool EventuallyIs(const std::string& sql, int value) {
    for (const auto end = Clock::now() + kPromptly; Clock::now() < end;) {
      if (Ask(sql) == value) return true;
    }
    return false;
  }

  // Nothing is left open, and the connection is as good as before.
  void ExpectSameConnection() {
    const auto connects = tested_.stats().connects;
    Write([](Transaction& tx) { tx.Run(kInsert, Params(1000)); });
    EXPECT_EQ(tested_.stats().connects, connects);
    EXPECT_EQ(Ask("SELECT count(*) FROM notes WHERE id = 1000"), 1);
  }

  Database admin_{{.url = FreshDatabase(false), .connections = 2, .observe = {}}};
  CommitProxy proxy_{
      AskText("SELECT current_setting('unix_socket_directories') || '/.s.PGSQL.' || current_setting('port')")};
  Database tested_{{.url = proxy_.Url(AskText("SELECT current_database()")) + "&application_name=tested",
                    .connections = 1,
                    .max_tries = 2,
                    .observe = {}}};
};

// --- Together
// ---------------------------------------------------------------------------------------------------------

TEST_F(Later, GoesWithTheNextStatementWhichIsOneRoundTripWithTheBegin) {
  EXPECT_EQ(RoundTripsOf([](Transaction& tx) {
              tx.Later(kInsert, Params(1));
              tx.Later(kInsert, Params(2));
              std::int64_t count = 0;
              tx.Run(kCount)[0].Read(count);
              EXPECT_EQ(count, 2);
            }),
            2)
      << "and the commit";
  EXPECT_EQ(Notes(), 2);
}

TEST_F(Later, GoesWithTheCommit) {
  EXPECT_EQ(RoundTripsOf([](Transaction& tx) {
              tx.Run(kCount);
              tx.Later(kInsert, Params(1));
              tx.Later(kInsert, Params(2));
            }),
            2);
  EXPECT_EQ(Notes(), 2);
}

TEST_F(Later, GoesBeforeTheCommitIfItMayObject) {
  EXPECT_EQ(RoundTripsOf([](Transaction& tx) {
              tx.Run(kCount);
              tx.Later(kInsert, Params(1), [](const Rows& rows) { EXPECT_EQ(rows.affected(), 1); });
              tx.Later(kInsert, Params(2));
            }),
            3);
  EXPECT_EQ(Notes(), 2);
}

// A commit whose number isn't known could not be looked up.
TEST_F(Later, GoesBeforeTheCommitIfTheTransactionHasNoNumberYet) {
  EXPECT_EQ(RoundTripsOf([](Transaction& tx) { tx.Later(kInsert, Params(1)); }), 2);
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(RoundTripsOf([](Transaction&) {}), 2);
}

TEST_F(Later, GoesAtOnceWhenItIsAskedFor) {
  Write([&](Transaction& tx) {
    tx.Later(kInsert, Params(1));
    const int before = proxy_.RoundTrips();
    tx.RunWaiting();
    EXPECT_EQ(proxy_.RoundTrips() - before, 1);
    tx.RunWaiting();
    EXPECT_EQ(proxy_.RoundTrips() - before, 1) << "nothing waits";
  });
  EXPECT_EQ(Notes(), 1);
}

TEST_F(Later, KeepsTheOrderOfStatementsAndAnswers) {
  Write([](Transaction& tx) { tx.Run(kInsert, Params(1)); });
  std::vector<std::string> notes;
  Write([&](Transaction& tx) {
    const Statement add{"add", "UPDATE notes SET note = concat(note, $1::text) RETURNING note"};
    const auto seen = [&](const Rows& rows) { rows[0].Read(notes.emplace_back()); };
    tx.Later(add, Params("a"), seen);
    tx.Later(add, Params("b"), seen);
    seen(tx.Run(add, Params("c")));
    tx.Later(add, Params("d"), seen);
  });
  EXPECT_THAT(notes, ElementsAre("a", "ab", "abc", "abcd"));
}

TEST_F(Later, TakesAnyNumberOfAnySize) {
  const std::string large(100'000, 'x');
  Write(
      [&](Transaction& tx) {
        const Statement insert{"insert", "INSERT INTO notes VALUES ($1, $2) RETURNING note"};
        for (int i = 0; i < 200; ++i) {
          tx.Later(insert, Params(i, large), [&](const Rows& rows) {
            std::string note;
            rows[0].Read(note);
            EXPECT_EQ(note, large);
          });
        }
      },
      60s);  // 40 MB through the proxy
  EXPECT_EQ(Notes(), 200);
}

TEST_F(Later, MayAskFurtherWhenItIsAnswered) {
  std::int64_t count = 0;
  bool last = false;
  Write([&](Transaction& tx) {
    tx.Later(kInsert, Params(1), [&](const Rows&) {
      tx.Later(kInsert, Params(2));
      tx.Run(kCount)[0].Read(count);
      tx.Later(kInsert, Params(3), [&](const Rows&) { last = true; });
    });
  });
  EXPECT_EQ(count, 2);
  EXPECT_TRUE(last);
  EXPECT_EQ(Notes(), 3);
}

TEST_F(Later, OfABodyThatReadsIsOneRoundTripWithAllThatWaits) {
  int answers = 0;
  const int before = proxy_.RoundTrips();
  tested_.Run(Mode::kRead, {Clock::now() + 20s, {}}, [&](Transaction& tx) {
    for (int i = 0; i < 3; ++i) tx.Later(kCount, Params(), [&](const Rows&) { ++answers; });
    EXPECT_EQ(answers, 0);
    tx.Run(kCount);
    EXPECT_EQ(answers, 3);
    tx.Later(kCount, Params(), [&](const Rows&) { ++answers; });
    tx.Later(kCount, Params());
  });
  EXPECT_EQ(answers, 4) << "what waits when it returns is run";
  EXPECT_EQ(proxy_.RoundTrips() - before, 2);
  ExpectSameConnection();
}

TEST_F(Later, OfABodyThatReadsCannotWriteEither) {
  const auto failure = FailureOf([&] {
    tested_.Run(Mode::kRead, {Clock::now() + 20s, {}}, [&](Transaction& tx) {
      tx.Later(kCount, Params());
      tx.Later(kInsert, Params(1));
    });
  });
  EXPECT_EQ(failure->kind(), Kind::kBug);
  EXPECT_EQ(Notes(), 0);
}

TEST_F(Later, RunsAtOnceBehindAPooler) {
  Database pooled(
      {.url = proxy_.Url(AskText("SELECT current_database()")), .connections = 1, .prepare = false, .observe = {}});
  for (int i = 0; i < 2; ++i) {
    int answers = 0;
    pooled.Run(Mode::kWrite, {Clock::now() + 20s, {}}, [&](Transaction& tx) {
      tx.Later(kInsert, Params(i), [&](const Rows&) { ++answers; });
      EXPECT_EQ(answers, 1);
    });
  }
  EXPECT_EQ(Notes(), 2);
}

TEST_F(Later, IsWrittenDownStatementByStatement) {
  WorkLog log;
  tested_.Run(
      Mode::kWrite, {Clock::now() + 20s, {}},
      [](Transaction& tx) {
        tx.Later(kInsert, Params(1));
        tx.Run(kCount);
        tx.Later(kInsert, Params(2));
      },
      &log);
  std::vector<std::string_view> names;
  for (const auto& statement : log.statements) names.push_back(statement.name);
  EXPECT_THAT(names, ElementsAre("begin", "transaction id", "insert", "count", "insert", "commit"));
  EXPECT_EQ(log.statements[0].began, log.statements[3].began) << "they left together";
  EXPECT_EQ(log.statements[4].began, log.statements[5].began);
}

// --- Refusals
// ---------------------------------------------------------------------------------------------------------

TEST_F(Later, UndoesEverythingWhenItObjectsToTheNextStatement) {
  bool went_on = false;
  EXPECT_EQ(RefusalOfWrite([&](Transaction& tx) {
              tx.Later(kInsert, Params(1), [](const Rows&) { throw Refusal{"no"}; });
              tx.Later(kInsert, Params(2));
              tx.Run(kCount);
              went_on = true;
            }),
            "no");
  EXPECT_FALSE(went_on);
  EXPECT_EQ(Notes(), 0);
  EXPECT_EQ(tested_.stats().rolled_back, 1U);
  ExpectSameConnection();
}

TEST_F(Later, UndoesEverythingWhenItObjectsToTheCommit) {
  EXPECT_EQ(RefusalOfWrite([](Transaction& tx) {
              tx.Run(kInsert, Params(1));
              tx.Later(kInsert, Params(2), [](const Rows&) { throw Refusal{"no"}; });
              tx.Later(kInsert, Params(3));
            }),
            "no");
  EXPECT_EQ(Notes(), 0);
  ExpectSameConnection();
}

TEST_F(Later, ComesBeforeARefusalThatCameAfterIt) {
  EXPECT_EQ(RefusalOfWrite([](Transaction& tx) {
              tx.Later(kCount, Params(), [](const Rows&) { throw Refusal{"first"}; });
              throw Refusal{"second"};
            }),
            "first");
  EXPECT_EQ(RefusalOfWrite([](Transaction& tx) {
              tx.Later(kCount, Params(), [](const Rows&) {});
              throw Refusal{"second"};
            }),
            "second");
  EXPECT_EQ(FailureOfWrite([](Transaction& tx) {
              tx.Later(kDivide, Params(0));
              throw Refusal{"second"};
            })->sqlstate(),
            "22012");
  ExpectSameConnection();
}

TEST_F(Later, ComesBeforeAFailureThatCameAfterIt) {
  EXPECT_EQ(RefusalOfWrite([](Transaction& tx) {
              tx.Later(kInsert, Params(1), [](const Rows&) { throw Refusal{"first"}; });
              tx.Run(kDivide, Params(0));
            }),
            "first");
  EXPECT_EQ(Notes(), 0);
  ExpectSameConnection();
}

TEST_F(Later, CostsNothingWhenTheBodyRefusesBeforeItAskedAnything) {
  const int before = proxy_.RoundTrips();
  EXPECT_EQ(RefusalOfWrite([](Transaction&) { throw Refusal{"no"}; }), "no");
  EXPECT_EQ(proxy_.RoundTrips(), before);
  ExpectSameConnection();
}

// --- Failures
// ---------------------------------------------------------------------------------------------------------

TEST_F(Later, FailsAsTheStatementThatFailedAndUndoesTheRest) {
  int answers = 0;
  const auto answered = [&](const Rows&) { ++answers; };
  const auto failure = FailureOfWrite([&](Transaction& tx) {
    tx.Later(kInsert, Params(1), answered);
    tx.Later(kDivide, Params(0), answered);
    tx.Later(kInsert, Params(3), answered);
    tx.Run(kCount);
  });
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind(), Kind::kBug);
  EXPECT_EQ(failure->sqlstate(), "22012");
  EXPECT_THAT(failure->what(), StartsWith("divide: "));
  EXPECT_EQ(answers, 1) << "what came before it went well";
  EXPECT_EQ(Notes(), 0);
  ExpectSameConnection();
}

TEST_F(Later, MakesTheTransactionDead) {
  const auto failure = FailureOfWrite([](Transaction& tx) {
    tx.Later(kDivide, Params(0));
    EXPECT_TRUE(FailureOf([&] { tx.Run(kCount); }));
    EXPECT_EQ(FailureOf([&] { tx.Run(kCount); })->sqlstate(), "22012");
    EXPECT_EQ(FailureOf([&] { tx.Later(kInsert, Params(1)); })->sqlstate(), "22012");
  });
  ASSERT_TRUE(failure) << "swallowed by the body, but never committed";
  EXPECT_EQ(Notes(), 0);
}

TEST_F(Later, FailsWithTheCommitWhichThenDoesNotHappen) {
  const auto failure = FailureOfWrite([](Transaction& tx) {
    tx.Run(kInsert, Params(1));
    tx.Later(kInsert, Params(2));
    tx.Later(kDivide, Params(0));
  });
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->sqlstate(), "22012");
  EXPECT_EQ(Notes(), 0);
  EXPECT_EQ(tested_.stats().in_doubt_aborted, 0U) << "it is known";
  ExpectSameConnection();
}

TEST_F(Later, IsTriedAgainAfterADuplicateThatCameWithTheCommit) {
  Outside([](Transaction& tx) { tx.Run(kInsert, Params(1)); });
  int runs = 0;
  Write([&](Transaction& tx) {
    tx.Run(kCount);
    tx.Later(kInsert, Params(++runs));
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(Notes(), 2);
  EXPECT_EQ(tested_.stats().retries_other, 1U);
}

TEST_F(Later, LetsBothSidesOfADeadlockSucceed) {
  Outside([](Transaction& tx) { tx.Run({"fill", "INSERT INTO notes VALUES (1, ''), (2, '')"}); });
  Database other({.url = proxy_.Url(AskText("SELECT current_database()")), .connections = 1, .observe = {}});
  std::barrier both(2);
  const auto lock_both = [&](Database& database, int first, int second) {
    int runs = 0;
    database.Run(Mode::kWrite, {Clock::now() + 20s, {}}, [&](Transaction& tx) {
      const Statement update{"update", "UPDATE notes SET note = note || 'x' WHERE id = $1"};
      tx.Later({"soon", "SET LOCAL deadlock_timeout = '20ms'"}, Params());
      tx.Later(update, Params(first));
      tx.RunWaiting();
      if (++runs == 1) both.arrive_and_wait();
      tx.Later(update, Params(second));
    });
  };
  std::jthread thread([&] { lock_both(other, 2, 1); });
  lock_both(tested_, 1, 2);
  thread.join();
  EXPECT_EQ(Ask("SELECT sum(length(note))::integer FROM notes"), 4);
  EXPECT_EQ(tested_.stats().retries_deadlock + other.stats().retries_deadlock, 1U);
}

// What is prepared at its first use is so only if the server got that far.
TEST_F(Later, PreparesWhatItLeftOutBehindAFailure) {
  const Statement fresh{"fresh", "SELECT 'never seen before'"};
  const Statement broken{"broken", "SELEC nonsense"};
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(FailureOfWrite([&](Transaction& tx) {
                tx.Later(kDivide, Params(0));
                tx.Later(fresh, Params());
                tx.Run(fresh);
              })->sqlstate(),
              "22012");
    EXPECT_EQ(FailureOfWrite([&](Transaction& tx) {
                tx.Later(broken, Params());
                tx.Run(fresh);
              })->sqlstate(),
              "42601");
  }
  const auto connects = tested_.stats().connects;
  Write([&](Transaction& tx) {
    tx.Later(fresh, Params());
    tx.Later(fresh, Params());
    EXPECT_EQ(tx.Run(fresh).size(), 1U);
  });
  EXPECT_EQ(tested_.stats().connects, connects);
}

TEST_F(Later, PlansAnewWhenAMigrationChangedATableUnderAPreparedStatement) {
  const Statement read{"read", "SELECT id FROM notes"};
  std::string id;
  const auto body = [&](Transaction& tx) {
    tx.Later(kCount, Params());
    tx.Run(read)[0].Read(id);
  };
  Outside([](Transaction& tx) { tx.Run(kInsert, Params(7)); });
  Write(body);
  Outside([](Transaction& tx) { tx.Run({"alter", "ALTER TABLE notes ALTER id TYPE text USING 'number ' || id"}); });
  Write(body);
  EXPECT_EQ(id, "number 7");
}

// --- Lost connections
// -------------------------------------------------------------------------------------------------

constexpr const char* kEndTested =
    "SELECT count(pg_terminate_backend(pid, 5000))::integer FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'tested'";

TEST_F(Later, FindsOutThatItsConnectionDiedWhileItIdled) {
  EXPECT_EQ(Ask(kEndTested), 1);
  int runs = 0;
  Write([&](Transaction& tx) {
    ++runs;
    tx.Later(kInsert, Params(runs));
    tx.Run(kCount);
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(tested_.stats().retries_connection, 1U);
}

TEST_F(Later, IsDoneExactlyOnceWhereverTheLinkIsCut) {
  for (const Plan plan : {Plan::kCutBefore, Plan::kCutAfter}) {
    for (int round_trip = 0; round_trip < 3; ++round_trip) {
      const int before = Notes();
      proxy_.NextAt(round_trip, plan);
      Write([&](Transaction& tx) {
        const Statement add{"add", "INSERT INTO notes SELECT count(*) FROM notes"};
        tx.Later(add, Params());
        tx.Run(kCount);
        tx.Later(add, Params(), [](const Rows&) {});
        tx.Run(kCount);
        tx.Later(add, Params());
      });
      EXPECT_FALSE(proxy_.Waiting());
      EXPECT_EQ(Notes() - before, 3) << "round trip " << round_trip;
    }
  }
}

TEST_F(Later, WithACommitInDoubtIsLookedUp) {
  struct Case {
    Plan plan;
    int runs;
    std::uint64_t committed;
  };
  DatabaseStats before = tested_.stats();
  for (const auto& [plan, expected_runs, committed] :
       {Case{Plan::kCutAfter, 1, 1}, Case{Plan::kCutBefore, 2, 0}, Case{Plan::kCutThenLookedUp, 1, 1}}) {
    const int notes = Notes();
    int runs = 0;
    proxy_.Next(plan);
    Write([&](Transaction& tx) {
      ++runs;
      tx.Run(kCount);
      tx.Later({"add", "INSERT INTO notes SELECT count(*) FROM notes"}, Params());
    });
    EXPECT_EQ(runs, expected_runs);
    EXPECT_EQ(Notes() - notes, 1);
    const auto after = tested_.stats();
    EXPECT_EQ(after.in_doubt_committed - before.in_doubt_committed, committed);
    EXPECT_EQ(after.in_doubt_aborted - before.in_doubt_aborted, 1 - committed);
    before = after;
  }
}

// --- Deadlines
// --------------------------------------------------------------------------------------------------------

TEST_F(Later, IsCutOffAtTheDeadline) {
  const auto start = Clock::now();
  const auto failure = FailureOfWrite(
      [](Transaction& tx) {
        tx.Later(kInsert, Params(1));
        tx.Later(kSleep, Params());
        tx.Run(kCount);
      },
      200ms);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind(), Kind::kDeadline);
  EXPECT_THAT(failure->what(), HasSubstr("sleep"));
  EXPECT_LT(Clock::now() - start, 200ms + kPromptly);
  EXPECT_EQ(Notes(), 0);
  Write([](Transaction& tx) { tx.Run(kInsert, Params(2)); });
}

// Only the COMMIT itself may run over the deadline: what goes with it is cut, and then it is known what became of it.
TEST_F(Later, WithTheCommitIsCutOffAtTheDeadlineToo) {
  const auto failure = FailureOfWrite(
      [](Transaction& tx) {
        tx.Run(kInsert, Params(1));
        tx.Later({"sleep", "SELECT pg_sleep(0.45)"}, Params());  // shorter than the COMMIT may run over
      },
      100ms);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind(), Kind::kDeadline);
  EXPECT_EQ(Notes(), 0);
}

TEST_F(Later, WithTheCommitIsCutOffWhenTheCallIsCalledOff) {
  std::stop_source source;
  const auto start = Clock::now();
  auto failure = std::async(std::launch::async, [&] {
    return FailureOfWrite(
        [](Transaction& tx) {
          tx.Run(kInsert, Params(1));
          tx.Later(kSleep, Params());
        },
        20s, source.get_token());
  });
  EXPECT_TRUE(EventuallyIs("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 1));
  source.request_stop();
  const auto outcome = failure.get();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->kind(), Kind::kCancelled);
  EXPECT_LT(Clock::now() - start, 2 * kPromptly);
  EXPECT_EQ(Notes(), 0);
}

TEST_F(Later, LetsTheCommitRunOverTheDeadlineByItsGrace) {
  Outside([](Transaction& tx) {
    tx.Run({"function",
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(0.45); RETURN NULL; END $$"});
    tx.Run({"trigger",
            "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION wait()"});
  });
  Write(
      [](Transaction& tx) {
        tx.Run(kCount);
        tx.Later(kInsert, Params(1));
      },
      200ms);
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(tested_.stats().in_doubt_committed, 0U) << "it was waited for";
}

}  // namespace
}  // namespace poold::storage
