// Two PostgreSQL nodes with synchronous streaming replication, and a service that is given both.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "tests/failures/deployment.h"
#include "tests/failures/load.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

using testing::HasSubstr;

class Failover : public testing::Test {
 protected:
  Failover() {
    MakeServiceDatabase(first_);
    MakeSecond();
    // Each commit waits for the other node, so that nothing is acknowledged that only one of them has.
    Ask(first_.url(), "ALTER SYSTEM SET synchronous_standby_names = '*'");
    Ask(first_.url(), "SELECT pg_reload_conf()");
    EXPECT_TRUE(
        Eventually([this] { return Ask(first_.url(), "SELECT sync_state FROM pg_stat_replication") == "sync"; }));
    server_ = std::make_unique<Program>(ServiceProgram("postgresql:///service?host=" + SocketOf("first") + "," +
                                                       SocketOf("second") + "&port=5432,5432&user=service"));
    load_ = std::make_unique<Load>(Load::Options{.address = ReadyAddress(*server_), .deadline = {}});
  }

  ~Failover() override {
    load_.reset();
    server_.reset();
  }

  storage::EmbeddedPostgres::Options Node(const std::string& name) const {
    return {.data_dir = directory_.path() / name,
            .durable = false,
            .max_connections = 40,
            .progress = nullptr,
            .settings = {{"primary_conninfo", "host=" + SocketOf("first") + " user=poold"}}};
  }
  std::string SocketOf(const std::string& name) const { return directory_.path() / name / "socket"; }

  void MakeSecond() {
    const std::filesystem::path node = directory_.path() / "second";
    std::filesystem::create_directory(node);
    std::filesystem::permissions(node, std::filesystem::perms(0711));
    const std::string cluster = node / "postgres";
    const Ran copied = RunToEnd({.command = {"pg_basebackup", "--host", SocketOf("first"), "--username", "poold",
                                             "--pgdata", cluster, "--checkpoint", "fast", "--no-sync"},
                                 .environment = {},
                                 .working_directory = {}});
    if (copied.exit_code != 0) throw std::runtime_error(copied.errors);
    std::ofstream(cluster + "/standby.signal").close();
    RunToEnd({.command = {"chown", "--recursive", "--reference", first_.cluster_dir(), cluster},
              .environment = {},
              .working_directory = {}});
    second_ = std::make_unique<storage::EmbeddedPostgres>(Node("second"));
  }

  // Returns what had been acknowledged when every caller's commit had waited for the other node in vain.
  int LoseSecond() {
    EXPECT_TRUE(load_->WaitForMore(50));
    second_->Kill();
    EXPECT_TRUE(load_->WaitForFailures(6)) << "each caller's";
    return load_->tally().acknowledged;
  }

  void BringSecondBackAndExpectNothingLost() {
    second_->Restart();
    EXPECT_TRUE(load_->WaitForMore(100));
    ExpectExactlyOnce(*load_, first_.UrlOf("service"));
  }

  void PromoteSecondAndExpectNothingLost() {
    EXPECT_EQ(Ask(second_->url(), "SELECT pg_promote()"), "t");
    const auto promoted = std::chrono::steady_clock::now();
    EXPECT_TRUE(load_->WaitForMore(1));
    const auto back = std::chrono::steady_clock::now() - promoted;
    // The connections to the node that is gone have to be noticed first, each by a call that ends at its deadline.
    EXPECT_LT(back, kAtMost);
    EXPECT_TRUE(load_->WaitForMore(100));
    EXPECT_TRUE(server_->Running());
    ExpectExactlyOnce(*load_, second_->UrlOf("service"));
    std::cout << "served again " << std::chrono::round<std::chrono::milliseconds>(back).count()
              << " ms after the promotion\n";
  }

  TemporaryDirectory directory_;
  storage::EmbeddedPostgres first_{Node("first")};
  std::unique_ptr<storage::EmbeddedPostgres> second_;
  std::unique_ptr<Program> server_;
  std::unique_ptr<Load> load_;
};

TEST_F(Failover, FromANodeThatDiesLosesNothing) {
  ASSERT_TRUE(load_->WaitForMore(100));
  first_.Kill();
  ASSERT_TRUE(load_->WaitForFailures(6));
  PromoteSecondAndExpectNothingLost();
}

// A commit that only one node has is not acknowledged, though it can't be undone either.
TEST_F(Failover, ToNobodyAcknowledgesNothingUntilAStandbyIsBack) {
  const int acknowledged = LoseSecond();
  ASSERT_TRUE(load_->WaitForFailures(6));
  EXPECT_EQ(load_->tally().acknowledged, acknowledged);
  EXPECT_EQ(Ask(first_.url(), "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"), "t");
  EXPECT_THAT(server_->errors(), HasSubstr("standby (synchronous_standby_names: *)")) << "that is what to look for";
  BringSecondBackAndExpectNothingLost();
}

// The wait of those commits is ended by somebody: they are done, on this node alone. Their callers have failed, and are
// calling again with the same tokens.
TEST_F(Failover, ToNobodyAcknowledgesNoRepetitionEither) {
  const int acknowledged = LoseSecond();
  EXPECT_EQ(Ask(first_.url(),
                "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) > 0 FROM pg_stat_activity"
                " WHERE wait_event = 'SyncRep' AND query = 'COMMIT'"),
            "t");
  ASSERT_TRUE(load_->WaitForFailures(6));
  EXPECT_EQ(load_->tally().acknowledged, acknowledged);
  EXPECT_THAT(server_->errors(), HasSubstr("standby (synchronous_standby_names: *)"));
  BringSecondBackAndExpectNothingLost();
}

// It still takes connections, and never answers: whoever asks it first must not stop there.
TEST_F(Failover, FromANodeThatHangsLosesNothing) {
  ASSERT_TRUE(load_->WaitForMore(100));
  const std::string postmaster = std::to_string(first_.pid());
  ASSERT_EQ(kill(first_.pid(), SIGSTOP), 0);
  std::ifstream children("/proc/" + postmaster + "/task/" + postmaster + "/children");
  std::vector<pid_t> stopped = {first_.pid()};
  for (pid_t child = 0; children >> child;) {
    if (kill(child, SIGSTOP) == 0) stopped.push_back(child);
  }
  ASSERT_TRUE(load_->WaitForFailures(6));
  PromoteSecondAndExpectNothingLost();
  for (const pid_t process : stopped) kill(process, SIGKILL);
}

}  // namespace
}  // namespace poold
