#include "storage/postgres/connections.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "storage/embedded/embedded_postgres.h"
#include "storage/postgres/session.h"
#include "tests/storage/postgres/database_fixture.h"
#include "tests/support/temporary_directory.h"

namespace poold::storage {
namespace {

// --- Lost connections

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
  DatabaseStats before = db().stats();
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
  DatabaseOptions options = Options(1);
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
  EXPECT_TRUE(Promptly([&] { return Active("true") == 0; }));
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
  EXPECT_TRUE(Promptly([&] { return Active("true") == 0; }));
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
    EXPECT_TRUE(Promptly([&] { return database.stats().waiting == who; }));
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
  ASSERT_TRUE(Promptly([&] { return Active("wait_event = 'PgSleep'") == 1; }));
  const auto start = Clock::now();
  source.request_stop();
  EXPECT_EQ(running.get(), "cancelled");
  EXPECT_LT(Clock::now() - start, kPromptly);
  EXPECT_TRUE(Promptly([&] { return Active("true") == 0; }));
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
    EXPECT_TRUE(Promptly([&] { return Active("wait_event = 'PgSleep'") == 1; }));
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
  EXPECT_TRUE(Promptly([&] { return Active("true") == 0; }));
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

// --- Passwords

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
  DatabaseOptions options;
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
}  // namespace poold::storage
