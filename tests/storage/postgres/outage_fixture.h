#pragma once

// A server of its own, for tests that take it away.

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "storage/embedded/embedded_postgres.h"
#include "tests/storage/postgres/database_fixture.h"

namespace poold::storage {

class OutageTest : public testing::Test {
 protected:
  OutageTest() {
    std::string dir = (std::filesystem::temp_directory_path() / ("poold-test-" + std::to_string(getpid()) + "-XXXXXX"));
    if (mkdtemp(dir.data()) == nullptr || chmod(dir.c_str(), 0711) != 0) throw std::runtime_error("mkdtemp");
    dir_ = dir;
    server_ = std::make_unique<EmbeddedPostgres>(EmbeddedPostgres::Options{
        .data_dir = dir, .durable = false, .max_connections = 20, .progress = nullptr, .settings = {}});
    db_ = std::make_unique<Database>(DatabaseOptions{.url = server_->url(), .connections = 4, .observe = {}});
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
    EXPECT_TRUE(Promptly([&] {
      return Result([&] {
               db_->Run(Mode::kRead, In(100ms), [](Transaction& tx) { tx.Run({"alive", "SELECT 1"}); });
             }) == "unavailable";
    }));
  }
  static void Insert(Transaction& tx) { tx.Run({"insert", "INSERT INTO notes VALUES (1)"}); }

  // The server ends all its other processes, too, and recovers. Returns when it has.
  void CrashOneProcess() {
    int pid = 0;
    db_->Run(Mode::kRead, In(20s), [&](Transaction& tx) { tx.Run({"pid", "SELECT pg_backend_pid()"})[0].Read(pid); });
    const std::string before = Started();
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    ASSERT_TRUE(Promptly([&] { return Started() != before && !Started().empty(); }));
  }

  // What the proxies of the tests connect to.
  std::string Socket() {
    std::string socket;
    db_->Run(Mode::kRead, In(20s), [&](Transaction& tx) {
      tx.Run({"socket",
              "SELECT current_setting('unix_socket_directories') || '/.s.PGSQL.' || current_setting('port')"})[0]
          .Read(socket);
    });
    return socket;
  }

  int Notes() {
    int count = -1;
    db_->Run(Mode::kRead, In(20s), [&](Transaction& tx) {
      tx.Run({"count", "SELECT count(*) FROM notes"})[0].Read(count);
    });
    return count;
  }

  // When it began to count its statistics, which it does anew after a crash; empty while it is away.
  std::string Started() {
    std::string started;
    Result([&] {
      db_->Run(Mode::kRead, In(20s), [&](Transaction& tx) {
        tx.Run({"started", "SELECT pg_stat_get_bgwriter_stat_reset_time()::text"})[0].Read(started);
      });
    });
    return started;
  }

  std::filesystem::path dir_;
  std::unique_ptr<EmbeddedPostgres> server_;
  std::unique_ptr<Database> db_;
};

}  // namespace poold::storage
