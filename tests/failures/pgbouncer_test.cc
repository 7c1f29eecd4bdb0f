// A service behind PgBouncer in transaction mode, as Debian ships it: no parameter is ignored, and one transaction of a
// client may run on another server connection than the last.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "build_paths.h"
#include "tests/failures/deployment.h"
#include "tests/failures/load.h"
#include "tests/storage/postgres/commit_proxy.h"
#include "tests/support/held_rows.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using grpc::StatusCode;
using testing::ElementsAre;
using Plan = storage::CommitProxy::Plan;

constexpr const char* kPool =
    "origination_identity: 'EXAMPLECO' iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL ";

std::string Quoted(const std::string& text) { return "'" + text + "' "; }

// The block of that language in docs/failures.md.
std::string Documented(const std::string& language) {
  std::ifstream file(std::string(kSourceDir) + "/docs/failures.md");
  std::string block;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (inside && line == "```") return block;
    if (inside) block += line + "\n";
    inside = inside || line == "```" + language;
  }
  throw std::runtime_error("docs/failures.md has no " + language);
}

// A pgbouncer in front of a database, set as documented, with three connections for everybody.
class PgBouncer {
 public:
  explicit PgBouncer(const std::filesystem::path& database_socket) {
    std::filesystem::permissions(directory_.path(), std::filesystem::perms(0777));
    std::ofstream(directory_.path() / "pgbouncer.ini")
        << "[databases]\n"
        << "service = host=" << database_socket.string() << " port=5432 user=service\n"
        << Documented("ini")  //
        << "listen_addr =\n"
        << "listen_port = 6432\n"
        << "unix_socket_dir = " << directory_.path().string() << "\n"
        << "auth_type = any\n"
        << "default_pool_size = 3\n";
    Start();
  }

  void Restart() {
    program_->Signal(SIGTERM);
    program_->Wait();
    Start();
  }

  std::string Url() const {
    return "postgresql:///service?host=" + directory_.path().string() + "&port=6432&user=anybody";
  }
  std::string socket() const { return directory_.path() / ".s.PGSQL.6432"; }

 private:
  void Start() {
    std::vector<std::string> command;
    // It refuses to run as root.
    if (geteuid() == 0) {
      command = {"setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig=KILL"};
    }
    command.insert(command.end(), {"/usr/sbin/pgbouncer", directory_.path() / "pgbouncer.ini"});
    program_ = std::make_unique<Program>(Program::Options{command, {}, {}});
    program_->WaitForLog("process up");
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Program> program_;
};

class BehindPgBouncer : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<TemporaryDirectory>();
    postgres_ = std::make_unique<storage::EmbeddedPostgres>(storage::EmbeddedPostgres::Options{
        .data_dir = directory_->path() / "data",
        .durable = false,
        .max_connections = 40,
        .progress = nullptr,
        // Only ours counts, not what an EmbeddedPostgres brings; and pgbouncer's user has to get in.
        .settings = {{"client_connection_check_interval", "0"}, {"unix_socket_permissions", "0777"}}});
    std::filesystem::permissions(directory_->path() / "data/socket", std::filesystem::perms(0755));
    MakeServiceDatabase(*postgres_);
    pgbouncer_ = std::make_unique<PgBouncer>(directory_->path() / "data/socket");
    proxy_ = std::make_unique<storage::CommitProxy>(pgbouncer_->socket());
    server_ = std::make_unique<Program>(ServiceProgram(proxy_->Url("service"), {"--prepared-statements", "false"}));
    address_ = ReadyAddress(*server_);
    // From then on nothing but these tests writes: housekeeping has had its first round and rests for a minute.
    EXPECT_TRUE(Eventually([] {
      return Ask(postgres_->url(),
                 "SELECT bool_and(state_change < now() - interval '0.5 s') FROM pg_stat_activity"
                 " WHERE usename = 'service' AND query = 'COMMIT'") != "f";
    }));
  }
  static void TearDownTestSuite() {
    server_->Signal(SIGTERM);
    EXPECT_EQ(server_->Wait(), 0);
    server_.reset();
    proxy_.reset();
    pgbouncer_.reset();
    postgres_.reset();
    directory_.reset();
  }

  BehindPgBouncer() { client_.Must<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'"); }

  int Pools() const { return client_.Must<DescribePoolsRequest>("max_results: 100").pools_size(); }

  // Has a COMMIT mistreated.
  void ExpectOnePoolInSpiteOf(Plan plan) {
    const int before = Pools();
    proxy_->Next(plan);
    EXPECT_THAT(client_.Call<CreatePoolRequest>(kPool), IsOk()) << static_cast<int>(plan);
    EXPECT_EQ(Pools() - before, 1) << static_cast<int>(plan);
  }

  inline static std::unique_ptr<TemporaryDirectory> directory_;
  inline static std::unique_ptr<storage::EmbeddedPostgres> postgres_;
  inline static std::unique_ptr<PgBouncer> pgbouncer_;
  inline static std::unique_ptr<storage::CommitProxy> proxy_;
  inline static std::unique_ptr<Program> server_;
  inline static std::string address_;

  GrpcClient client_{address_, NewAccount()};
};

TEST_F(BehindPgBouncer, APoolLives) {
  const std::string pool = client_.Must<CreatePoolRequest>(kPool).pool_id();
  const std::string at_pool = "pool_id: " + Quoted(pool);
  client_.Must<RequestSenderIdRequest>("sender_id: 'OTHERCO' iso_country_code: 'GB'");
  client_.Must<AssociateOriginationIdentityRequest>(at_pool + "origination_identity: 'OTHERCO' iso_country_code: 'GB'");
  std::vector<std::string> members;
  const auto listed = client_.Must<ListPoolOriginationIdentitiesRequest>(at_pool);
  for (const auto& one : listed.origination_identities()) members.push_back(one.origination_identity());
  EXPECT_THAT(members, ElementsAre("EXAMPLECO", "OTHERCO"));
  EXPECT_TRUE(client_.Must<UpdatePoolRequest>(at_pool + "shared_routes_enabled: true").shared_routes_enabled());
  client_.Must<DisassociateOriginationIdentityRequest>(at_pool +
                                                       "origination_identity: 'OTHERCO' iso_country_code: 'GB'");
  client_.Must<DeletePoolRequest>(at_pool);
  EXPECT_THAT(client_.Call<DescribePoolsRequest>("pool_ids: " + Quoted(pool)), IsFault(Fault::kNotFound));
}

TEST_F(BehindPgBouncer, MoreCallsAtOnceThanItHasConnectionsAllGoWell) {
  Load load({.address = address_, .callers = 12, .deadline = {}});
  EXPECT_TRUE(load.WaitForMore(300));
  ExpectExactlyOnce(load, postgres_->UrlOf("service"));
  EXPECT_EQ(load.tally().failed, 0);
}

TEST_F(BehindPgBouncer, ADeadlineAndACancellationEndTheStatementInTheServer) {
  const std::string pool = client_.Must<CreatePoolRequest>(kPool).pool_id();
  HeldRows held(postgres_->UrlOf("service"), "SELECT FROM pools WHERE pool_id = " + Quoted(pool));
  const auto update = GrpcClient::Parse<UpdatePoolRequest>("shared_routes_enabled: true pool_id: " + Quoted(pool));

  client_.deadline = std::chrono::milliseconds(400);
  auto late = std::async(std::launch::async, [&] { return client_.Call(update); });
  EXPECT_TRUE(held.EventuallyWaiting(1));
  EXPECT_EQ(late.get().status.error_code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(held.EventuallyWaiting(0)) << "the lock is still held, so the statement was stopped";

  client_.deadline = std::chrono::seconds(20);
  grpc::ClientContext context;
  auto cancelled = std::async(std::launch::async, [&] { return client_.Call(context, update); });
  EXPECT_TRUE(held.EventuallyWaiting(1));
  context.TryCancel();
  EXPECT_EQ(cancelled.get().status.error_code(), StatusCode::CANCELLED);
  EXPECT_TRUE(held.EventuallyWaiting(0));

  held.Release();
  EXPECT_FALSE(client_.Must<DescribePoolsRequest>("pool_ids: " + Quoted(pool)).pools(0).shared_routes_enabled());
}

TEST_F(BehindPgBouncer, ReadsAreBoundedByWhatItsRoleIsSetTo) {
  std::string settings = Documented("sql");
  for (std::size_t at = 0; (at = settings.find("ROLE poold")) != std::string::npos;) {
    settings.replace(at, 10, "ROLE service");
  }
  Ask(postgres_->url(), settings);
  pgbouncer_->Restart();
  EXPECT_EQ(Ask(pgbouncer_->Url(), "SHOW statement_timeout"), "30s");
  EXPECT_EQ(Ask(pgbouncer_->Url(), "SHOW client_connection_check_interval"), "250ms");
  Ask(postgres_->url(), "ALTER ROLE service RESET ALL");
  pgbouncer_->Restart();
}

TEST_F(BehindPgBouncer, ARestartOfItLosesNothing) {
  Load load({.address = address_, .deadline = {}});
  ASSERT_TRUE(load.WaitForMore(50));
  pgbouncer_->Restart();
  EXPECT_TRUE(load.WaitForMore(50));
  ExpectExactlyOnce(load, postgres_->UrlOf("service"));
}

TEST_F(BehindPgBouncer, ARestartOfTheDatabaseLosesNothing) {
  Load load({.address = address_, .deadline = {}});
  ASSERT_TRUE(load.WaitForMore(50));
  postgres_->Restart();
  EXPECT_TRUE(load.WaitForMore(50));
  ExpectExactlyOnce(load, postgres_->UrlOf("service"));
}

TEST_F(BehindPgBouncer, ACommitInDoubtIsNeitherLostNorDoneTwice) {
  for (const Plan plan : {Plan::kCutBefore, Plan::kCutAfter, Plan::kCutThenLookedUp}) ExpectOnePoolInSpiteOf(plan);
}

// The service's connections outlive the change: what it learnt of the server when it made them is no longer so.
TEST_F(BehindPgBouncer, ACommitInDoubtAfterAnUnnoticedFailoverIsNeitherLostNorDoneTwice) {
  client_.Must<CreatePoolRequest>(kPool);
  std::ofstream(std::filesystem::path(postgres_->cluster_dir()) / "standby.signal").close();
  postgres_->Restart();
  std::filesystem::permissions(directory_->path() / "data/socket", std::filesystem::perms(0755));
  ASSERT_EQ(Ask(postgres_->url(), "SELECT pg_promote()"), "t");
  ASSERT_TRUE(Eventually([this] { return !client_.Call<DescribePoolsRequest>("").error; }));
  for (const Plan plan : {Plan::kCutThenLookedUp, Plan::kCutAfter}) ExpectOnePoolInSpiteOf(plan);
}

}  // namespace
}  // namespace poold
