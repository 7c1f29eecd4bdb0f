#include "storage/embedded/embedded_postgres.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace poold::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A directory of this test's own, gone with it.
class Scratch {
 public:
  explicit Scratch(mode_t mode = 0711) {
    std::string name = (fs::temp_directory_path() / "poold-embedded-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr || chmod(name.c_str(), mode) != 0) {
      throw std::runtime_error("no scratch directory");
    }
    path_ = name;
  }
  ~Scratch() { fs::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

EmbeddedPostgres::Options In(const fs::path& data_dir) {
  return {.data_dir = data_dir.string(), .durable = false, .max_connections = 20, .progress = nullptr, .settings = {}};
}

// The first column of the first row; "" when there is none. Throws what the server refuses.
std::string Ask(const std::string& url, const std::string& sql) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()), &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()), &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    throw std::runtime_error(PQerrorMessage(connection.get()));
  }
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

std::string RefusalOf(const EmbeddedPostgres::Options& options) {
  try {
    const EmbeddedPostgres postgres(options);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(EmbeddedPostgres, AnswersAsSetUp) {
  const Scratch scratch;
  const EmbeddedPostgres postgres(In(scratch / "data"));
  EXPECT_EQ(Ask(postgres.url(), "SELECT current_database() || ' ' || current_user"), "poold poold");
  EXPECT_EQ(Ask(postgres.url(), "SHOW listen_addresses"), "");
  EXPECT_EQ(Ask(postgres.url(), "SHOW server_encoding"), "UTF8");
  EXPECT_EQ(Ask(postgres.url(), "SELECT datcollate FROM pg_database WHERE datname = 'poold'"), "C");
  EXPECT_EQ(Ask(postgres.url(), "SHOW timezone"), "UTC");
  EXPECT_EQ(Ask(postgres.url(), "SHOW max_connections"), "20");
}

TEST(EmbeddedPostgres, TakesFurtherSettings) {
  const Scratch scratch;
  EmbeddedPostgres::Options options = In(scratch / "data");
  options.settings = {{"statement_timeout", "1234ms"}, {"max_connections", "17"}};
  const EmbeddedPostgres postgres(options);
  EXPECT_EQ(Ask(postgres.url(), "SHOW statement_timeout"), "1234ms");
  EXPECT_EQ(Ask(postgres.url(), "SHOW max_connections"), "17");
}

TEST(EmbeddedPostgres, IsDurableUnlessToldOtherwise) {
  const Scratch scratch;
  EmbeddedPostgres::Options options = In(scratch / "data");
  options.durable = true;
  const EmbeddedPostgres postgres(options);
  EXPECT_EQ(Ask(postgres.url(), "SHOW fsync"), "on");
  EXPECT_EQ(Ask(postgres.url(), "SHOW synchronous_commit"), "on");
  EXPECT_EQ(Ask(postgres.url(), "SHOW full_page_writes"), "on");
}

TEST(EmbeddedPostgres, LetsNobodyElseAtItsSocketOrData) {
  const Scratch scratch;
  const EmbeddedPostgres postgres(In(scratch / "data"));
  for (const fs::path& dir : {scratch / "data/socket", scratch / "data/postgres"}) {
    EXPECT_EQ(fs::status(dir).permissions(), fs::perms::owner_all) << dir;
  }
}

TEST(EmbeddedPostgres, KeepsItsDataAcrossAStopAndAStart) {
  const Scratch scratch;
  std::vector<std::string> said;
  EmbeddedPostgres::Options options = In(scratch / "data");
  options.progress = [&](const std::string& line) { said.push_back(line); };
  {
    const EmbeddedPostgres postgres(options);
    Ask(postgres.url(), "CREATE TABLE kept AS SELECT 'here' AS word");
  }
  EXPECT_EQ(said.size(), 1U);
  EXPECT_THAT(said.at(0), HasSubstr("creating a database"));
  const EmbeddedPostgres postgres(options);
  EXPECT_EQ(Ask(postgres.url(), "SELECT word FROM kept"), "here");
  EXPECT_EQ(said.size(), 1U) << said.back();
}

TEST(EmbeddedPostgres, StopsItsServerWhenItGoes) {
  const Scratch scratch;
  pid_t pid = 0;
  {
    const EmbeddedPostgres postgres(In(scratch / "data"));
    pid = postgres.pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_NE(kill(pid, 0), 0);
  EXPECT_FALSE(fs::exists(scratch / "data/postgres/postmaster.pid"));
}

TEST(EmbeddedPostgres, OutlivesTheThreadThatMadeIt) {
  const Scratch scratch;
  std::unique_ptr<EmbeddedPostgres> postgres;
  std::thread([&] { postgres = std::make_unique<EmbeddedPostgres>(In(scratch / "data")); }).join();
  // Had the end of the thread stopped the server, it would refuse one of these: it hears of that first.
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(Ask(postgres->url(), "SELECT 'answered'"), "answered");
  }
  EXPECT_TRUE(postgres->Running());
}

TEST(EmbeddedPostgres, RefusesASecondOwnerAndSaysWhoTheFirstIs) {
  const Scratch scratch;
  const EmbeddedPostgres first(In(scratch / "data"));
  EXPECT_THAT(RefusalOf(In(scratch / "data")),
              AllOf(HasSubstr("is in use by process " + std::to_string(getpid())), HasSubstr("stop that one")));
  EXPECT_EQ(Ask(first.url(), "SELECT 'unharmed'"), "unharmed");
}

TEST(EmbeddedPostgres, LosesNothingWhenTheServerIsKilled) {
  const Scratch scratch;
  EmbeddedPostgres::Options options = In(scratch / "data");
  options.durable = true;
  EmbeddedPostgres postgres(options);
  const std::string url = postgres.url();
  Ask(url, "CREATE TABLE kept AS SELECT 'here' AS word");
  postgres.Kill();
  EXPECT_FALSE(postgres.Running());
  EXPECT_THROW(Ask(url, "SELECT 1"), std::runtime_error);
  postgres.Restart();
  EXPECT_TRUE(postgres.Running());
  EXPECT_EQ(postgres.url(), url);
  EXPECT_EQ(Ask(url, "SELECT word FROM kept"), "here");
}

TEST(EmbeddedPostgres, LosesNothingWhenItsOwnerIsKilled) {
  const Scratch scratch;
  EmbeddedPostgres::Options options = In(scratch / "data");
  options.durable = true;
  int committed[2];
  ASSERT_EQ(pipe(committed), 0);
  const pid_t owner = fork();
  ASSERT_GE(owner, 0);
  if (owner == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      const EmbeddedPostgres postgres(options);
      Ask(postgres.url(), "CREATE TABLE kept (n int)");
      // Commits until it is killed, and says so after each.
      for (int n = 1;; ++n) {
        Ask(postgres.url(), "INSERT INTO kept VALUES (" + std::to_string(n) + ")");
        if (write(committed[1], &n, sizeof(n)) != sizeof(n)) {
          _exit(1);
        }
      }
    } catch (...) {
      _exit(1);
    }
  }
  close(committed[1]);
  int last = 0;
  while (last < 50 && read(committed[0], &last, sizeof(last)) == sizeof(last)) {
  }
  kill(owner, SIGKILL);
  while (read(committed[0], &last, sizeof(last)) == sizeof(last)) {
  }
  close(committed[0]);
  int status = 0;
  ASSERT_EQ(waitpid(owner, &status, 0), owner);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_GE(last, 50);

  // At once: the old server is likely to be still on its way down.
  const EmbeddedPostgres postgres(options);
  EXPECT_EQ(Ask(postgres.url(), "SELECT count(*) FROM kept WHERE n <= " + std::to_string(last)), std::to_string(last));
}

TEST(EmbeddedPostgres, StartsOverAPidFileThatNamesAStranger) {
  const Scratch scratch;
  EmbeddedPostgres postgres(In(scratch / "data"));
  postgres.Kill();
  // As after a container's restart: the file is still there, its number is now that of somebody else.
  const fs::path pid_file = scratch / "data/postgres/postmaster.pid";
  ASSERT_TRUE(fs::exists(pid_file));
  const pid_t stranger = fork();
  ASSERT_GE(stranger, 0);
  if (stranger == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // PostgreSQL minds only strangers of its own user.
    if (struct stat cluster{};
        getuid() == 0 && stat((scratch / "data/postgres").c_str(), &cluster) == 0 && setuid(cluster.st_uid) != 0) {
      _exit(1);
    }
    for (;;) {
      pause();
    }
  }
  FILE* file = std::fopen(pid_file.c_str(), "r+");
  ASSERT_NE(file, nullptr);
  std::fprintf(file, "%d\n", stranger);
  std::fclose(file);

  EXPECT_NO_THROW(postgres.Restart());
  EXPECT_EQ(kill(stranger, 0), 0) << "the stranger is none of our business";
  kill(stranger, SIGKILL);
  waitpid(stranger, nullptr, 0);
}

TEST(EmbeddedPostgres, WorksInADirectoryThatIsTooDeepForASocket) {
  const Scratch scratch;
  const fs::path deep = scratch / std::string(60, 'd') / std::string(60, 'e') / "data dir, 100%?";
  fs::path socket_dir;
  {
    const EmbeddedPostgres postgres(In(deep));
    EXPECT_EQ(Ask(postgres.url(), "SELECT 'answered'"), "answered");
    ASSERT_TRUE(fs::is_symlink(deep / "socket"));
    socket_dir = fs::read_symlink(deep / "socket");
    EXPECT_EQ(fs::status(socket_dir).permissions(), fs::perms::owner_all);
  }
  EXPECT_FALSE(fs::exists(socket_dir));
}

TEST(EmbeddedPostgres, WorksInADirectoryOfAnyName) {
  const Scratch scratch;
  for (const char* name : {"two words", "one, two", "100%?", "\"quoted\" & 'quoted'"}) {
    const EmbeddedPostgres postgres(In(scratch / name));
    EXPECT_EQ(Ask(postgres.url(), "SELECT 'answered'"), "answered") << name;
  }
}

// A server on the PATH that leaves a mark when it is used, and is this machine's own otherwise.
class ServerOnThePath {
 public:
  explicit ServerOnThePath(const fs::path& bin) : bin_(bin) {
    fs::create_directories(bin);
    fs::permissions(bin, fs::perms(0777));
    const fs::path installed = Installed();
    for (const char* program : {"initdb", "postgres"}) {
      std::ofstream(bin / program) << "#!/bin/sh\ntouch " << bin / program << ".used\nexec " << installed / program
                                   << " \"$@\"\n";
      fs::permissions(bin / program, fs::perms(0755));
    }
    setenv("PATH", (bin.string() + ":" + path_).c_str(), 1);
  }
  ~ServerOnThePath() { setenv("PATH", path_.c_str(), 1); }
  ServerOnThePath(const ServerOnThePath&) = delete;
  ServerOnThePath& operator=(const ServerOnThePath&) = delete;

  bool Used(const std::string& program) const { return fs::exists(bin_ / (program + ".used")); }

 private:
  static fs::path Installed() {
    const Scratch scratch;
    const EmbeddedPostgres postgres(In(scratch / "data"));
    // That file begins with the path of the server that was started.
    std::ifstream file(scratch / "data/postgres/postmaster.opts");
    std::string program;
    file >> program;
    return fs::path(program).parent_path();
  }

  const std::string path_ = std::getenv("PATH");
  const fs::path bin_;
};

TEST(EmbeddedPostgres, TakesTheServerOnThePathFirst) {
  const Scratch scratch;
  const ServerOnThePath server(scratch / "bin");
  const EmbeddedPostgres postgres(In(scratch / "data"));
  EXPECT_EQ(Ask(postgres.url(), "SELECT 'answered'"), "answered");
  EXPECT_TRUE(server.Used("initdb"));
  EXPECT_TRUE(server.Used("postgres"));
}

TEST(EmbeddedPostgres, QuotesTheServersWordsWhenItDoesNotStart) {
  const Scratch scratch;
  EmbeddedPostgres::Options options = In(scratch / "data");
  options.settings = {{"no_such_setting", "1"}};
  EXPECT_THAT(RefusalOf(options), AllOf(HasSubstr("did not start"), HasSubstr("postgres.log"),
                                        HasSubstr("unrecognized configuration parameter \"no_such_setting\"")));
  options.settings.clear();
  const EmbeddedPostgres postgres(options);
  EXPECT_EQ(Ask(postgres.url(), "SELECT 'answered'"), "answered");
}

TEST(EmbeddedPostgres, StartsAfreshWhenCreatingTheClusterWasCutShort) {
  const Scratch scratch;
  fs::create_directories(scratch / "data/postgres.new/base");
  const EmbeddedPostgres postgres(In(scratch / "data"));
  EXPECT_EQ(Ask(postgres.url(), "SELECT 'answered'"), "answered");
  EXPECT_FALSE(fs::exists(scratch / "data/postgres.new"));
}

TEST(EmbeddedPostgres, UnderRootKeepsItsDataElsewhereWhenTheDatabasesUserCannotEnter) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "only root runs the database as another user";
  }
  const Scratch closed(0700);
  std::vector<std::string> said;
  EmbeddedPostgres::Options options = In(closed / "data");
  options.progress = [&](const std::string& line) { said.push_back(line); };
  fs::path home;
  {
    const EmbeddedPostgres postgres(options);
    EXPECT_NE(Ask(postgres.url(), "CREATE TABLE kept AS SELECT 'here' AS word"), "here");
    ASSERT_TRUE(fs::is_symlink(closed / "data/postgres"));
    home = fs::read_symlink(closed / "data/postgres").parent_path();
    EXPECT_EQ(home.parent_path(), "/var/lib/poold");
    EXPECT_THAT(said.at(0), AllOf(HasSubstr(home.string()), HasSubstr((closed / "data").string())));
    EXPECT_EQ(postgres.cluster_dir(), (home / "postgres").string());
  }
  said.clear();
  {
    const EmbeddedPostgres postgres(options);
    EXPECT_EQ(Ask(postgres.url(), "SELECT word FROM kept"), "here");
    EXPECT_TRUE(said.empty()) << said.front();
  }
  // Even without the link: the data are found again, and that is said.
  fs::remove_all(closed / "data");
  {
    const EmbeddedPostgres postgres(options);
    EXPECT_EQ(Ask(postgres.url(), "SELECT word FROM kept"), "here");
    EXPECT_THAT(said.at(0), AllOf(HasSubstr("taking up"), Not(HasSubstr("creating"))));
  }
  fs::remove_all(home);
}

}  // namespace
}  // namespace poold::storage
