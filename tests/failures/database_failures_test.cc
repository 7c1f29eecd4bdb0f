// Each way in which a database fails, under load: what callers are told, what is there afterwards, and that one and the
// same `poold serve` comes through all of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <limits>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "tests/failures/deployment.h"
#include "tests/failures/load.h"
#include "tests/storage/postgres/commit_proxy.h"
#include "tests/support/http_client.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::AnyOf;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using Clock = std::chrono::steady_clock;
using Plan = storage::CommitProxy::Plan;

constexpr const char* kSenderId = "sender_id: 'EXAMPLECO' iso_country_code: 'GB'";
constexpr const char* kPool =
    "origination_identity: 'EXAMPLECO' iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL ";

storage::EmbeddedPostgres::Options PostgresIn(const std::filesystem::path& directory) {
  return {.data_dir = directory, .durable = false, .max_connections = 40, .progress = nullptr, .settings = {}};
}

class DatabaseFailure : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<TemporaryDirectory>();
    postgres_ = std::make_unique<storage::EmbeddedPostgres>(PostgresIn(directory_->path() / "data"));
    MakeServiceDatabase(*postgres_);
    server_ = std::make_unique<Program>(ServiceProgram(ServiceUrl(*postgres_), {"--database-connections", "6"}));
    address_ = ReadyAddress(*server_);
    http_address_ = ReadyHttpAddress(*server_);
  }
  static void TearDownTestSuite() {
    server_->Signal(SIGTERM);
    EXPECT_EQ(server_->Wait(), 0) << "it was never restarted";
    server_.reset();
    postgres_.reset();
    directory_.reset();
  }

  // The database is well: nobody needs to do anything for the service to be so, too.
  void ExpectRecovery() {
    EXPECT_TRUE(load_.WaitForMore(50));
    EXPECT_TRUE(Eventually([this] { return IsServing(client_); }));
    ExpectExactlyOnce(load_, admin_url_);
  }

  // A call that the database cannot serve is refused by either door with what clients know to repeat.
  void ExpectRetryableAtBothDoors() {
    GrpcClient client(address_, account_);
    client.deadline = std::nullopt;                // so that it is the server that answers
    client.metadata["idempotency-key"] = "other";  // without one, nobody is told to repeat a write
    const auto refused = client.Call<RequestSenderIdRequest>("sender_id: 'OTHERCO' iso_country_code: 'GB'");
    ASSERT_TRUE(refused.error);
    EXPECT_TRUE(refused.error->retryable());
    EXPECT_EQ(refused.Trailer("x-amzn-errortype"), "InternalServerException");
    EXPECT_TRUE(refused.Find<google::rpc::RetryInfo>());

    const HttpResponse response = HttpConnection(http_address_)
                                      .Call("RequestSenderId", R"({"SenderId": "OTHERCO", "IsoCountryCode": "GB"})",
                                            "X-Account-Id: " + account_ + "\r\n");
    EXPECT_EQ(response.result_int(), 500U);
    EXPECT_THAT(response.body(), HasSubstr("InternalServerException"));
  }

  std::string Ask(const std::string& sql) { return poold::Ask(admin_url_, sql); }

  inline static std::unique_ptr<TemporaryDirectory> directory_;
  inline static std::unique_ptr<storage::EmbeddedPostgres> postgres_;
  inline static std::unique_ptr<Program> server_;
  inline static std::string address_;
  inline static std::string http_address_;

  const std::string admin_url_ = postgres_->UrlOf("service");
  const std::string account_ = NewAccount();
  GrpcClient client_{address_, account_};
  Load load_{{.address = address_, .deadline = {}}};
};

TEST_F(DatabaseFailure, AFastRestart) {
  ASSERT_TRUE(load_.WaitForMore(50));
  postgres_->Restart();
  ExpectRecovery();
}

TEST_F(DatabaseFailure, AnImmediateShutdown) {
  ASSERT_TRUE(load_.WaitForMore(50));
  ASSERT_EQ(kill(postgres_->pid(), SIGQUIT), 0);
  ASSERT_TRUE(Eventually([] { return !postgres_->Running(); }));
  ExpectRetryableAtBothDoors();
  EXPECT_TRUE(Eventually([this] { return !IsServing(client_); }));
  postgres_->Restart();
  ExpectRecovery();
}

TEST_F(DatabaseFailure, ACrashOfTheWholeServer) {
  ASSERT_TRUE(load_.WaitForMore(50));
  postgres_->Kill();
  ASSERT_TRUE(load_.WaitForFailures(6));
  postgres_->Restart();
  ExpectRecovery();
}

// A call that has time waits until the database is back, if need be through several of its attempts to reach it.
TEST_F(DatabaseFailure, AnOutageThatIsShorterThanTheDeadlineIsNotNoticed) {
  client_.Must<RequestSenderIdRequest>(kSenderId);
  ASSERT_TRUE(load_.WaitForMore(50));
  postgres_->Kill();
  ASSERT_TRUE(load_.WaitForFailures(6)) << "those that have two seconds";
  auto patient = std::async(std::launch::async, [this] { return client_.Call<CreatePoolRequest>(kPool); });
  ASSERT_TRUE(load_.WaitForFailures(6));
  EXPECT_EQ(patient.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  postgres_->Restart();
  EXPECT_THAT(patient.get(), IsOk());
  EXPECT_EQ(client_.Must<DescribePoolsRequest>("").pools_size(), 1);
  ExpectRecovery();
}

TEST_F(DatabaseFailure, ConnectionsThatAnOperatorEndsAreNoticedByNoCaller) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(load_.WaitForMore(30));
    Ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'service'");
  }
  ExpectRecovery();
  EXPECT_EQ(load_.tally().failed, 0);
}

// The server ends all other sessions, too, and recovers.
TEST_F(DatabaseFailure, ACrashOfOneServerProcess) {
  const std::size_t logged = server_->errors().size();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(load_.WaitForMore(50));
    const pid_t one = std::stoi(Ask("SELECT pid FROM pg_stat_activity WHERE usename = 'service' LIMIT 1"));
    ASSERT_EQ(kill(one, SIGKILL), 0);
  }
  ExpectRecovery();
  EXPECT_THAT(server_->errors().substr(logged), Not(HasSubstr("standby"))) << "no operator is to look for one";
}

TEST_F(DatabaseFailure, ATableThatSomebodyHoldsLocked) {
  ASSERT_TRUE(load_.WaitForMore(10));
  pqxx::connection somebody(admin_url_);
  {
    pqxx::work holder(somebody);
    holder.exec("LOCK TABLE pools IN ACCESS EXCLUSIVE MODE");
    ASSERT_TRUE(load_.WaitForFailures(6));
    EXPECT_TRUE(IsServing(client_)) << "what doesn't need the table is served";
    EXPECT_THAT(client_.Call<DescribeSenderIdsRequest>(""), IsOk());
    EXPECT_TRUE(Eventually([&] {
      return Ask("SELECT count(*) <= 6 FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "t";
    })) << "those who gave up don't wait any more";
  }
  ExpectRecovery();
  EXPECT_THAT(load_.tally().faults, Each(Key(Fault::kDeadline)));
}

TEST_F(DatabaseFailure, NoConnectionLeftForIt) {
  ASSERT_TRUE(load_.WaitForMore(10));
  pqxx::connection operators(admin_url_);
  pqxx::nontransaction admin(operators);
  const auto all = admin
                       .exec1(
                           "SELECT current_setting('max_connections')::integer"
                           " - current_setting('superuser_reserved_connections')::integer - 1")[0]
                       .as<std::size_t>();
  std::vector<std::unique_ptr<pqxx::connection>> others;
  // Those that the service has go to the others as well, sooner or later: the place of one that was ended is free some
  // time after it has gone from pg_stat_activity, and perhaps it is the service that finds it first.
  ASSERT_TRUE(Eventually([&] {
    admin.exec("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'poold'");
    try {
      while (others.size() < all) others.push_back(std::make_unique<pqxx::connection>(ServiceUrl(*postgres_)));
    } catch (const pqxx::broken_connection&) {  // too many
    }
    return others.size() == all;
  }));
  ASSERT_TRUE(load_.WaitForFailures(12));
  ExpectRetryableAtBothDoors();

  others.resize(others.size() - 2);
  EXPECT_TRUE(load_.WaitForMore(20)) << "two connections are fewer than it has workers, but better than none";
  others.clear();
  ExpectRecovery();
}

TEST_F(DatabaseFailure, AStandbyServesReadsUntilItIsPromoted) {
  client_.Must<RequestSenderIdRequest>(kSenderId);
  ASSERT_TRUE(load_.WaitForMore(10));
  std::ofstream(std::filesystem::path(postgres_->cluster_dir()) / "standby.signal").close();
  postgres_->Restart();
  ASSERT_TRUE(load_.WaitForFailures(12));
  ExpectRetryableAtBothDoors();
  EXPECT_TRUE(Eventually([this] { return IsServing(client_); }));
  EXPECT_EQ(client_.Must<DescribeSenderIdsRequest>("").sender_ids_size(), 1);
  EXPECT_EQ(Ask("SELECT pg_promote()"), "t");
  ExpectRecovery();
}

// Connections stay open, and nothing comes back: what a frozen disk or machine looks like.
TEST_F(DatabaseFailure, ADatabaseThatHangs) {
  ASSERT_TRUE(load_.WaitForMore(50));
  const std::string postmaster = std::to_string(postgres_->pid());
  ASSERT_EQ(kill(postgres_->pid(), SIGSTOP), 0);
  std::vector<pid_t> stopped;
  {
    std::ifstream children("/proc/" + postmaster + "/task/" + postmaster + "/children");
    for (pid_t child = 0; children >> child;) {
      if (kill(child, SIGSTOP) == 0) stopped.push_back(child);
    }
  }
  EXPECT_TRUE(load_.WaitForFailures(12));
  ExpectRetryableAtBothDoors();
  EXPECT_TRUE(Eventually([this] { return !IsServing(client_); }));
  for (const pid_t child : stopped) kill(child, SIGCONT);
  ASSERT_EQ(kill(postgres_->pid(), SIGCONT), 0);
  ExpectRecovery();
}

// A file system of its own for a database, so small that it can be filled.
class SmallDisk {
 public:
  SmallDisk() : mounted_(mount("poold-test", path().c_str(), "tmpfs", 0, "size=120m,mode=0711") == 0) {}
  ~SmallDisk() {
    if (mounted_) umount2(path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  const std::filesystem::path& path() const { return directory_.path(); }

  void Fill() const {
    std::ofstream filler(path() / "filler", std::ios::binary);
    for (const std::string block(1 << 16, 'x'); filler << block << std::flush;) {
    }
  }
  void Free() const { std::filesystem::remove(path() / "filler"); }

 private:
  TemporaryDirectory directory_;
  const bool mounted_;
};

TEST(FullDisk, IsUnavailableUntilThereIsRoomAgain) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "mounting a file system takes root";
  storage::EmbeddedPostgres postgres(PostgresIn(disk.path() / "data"));
  MakeServiceDatabase(postgres);
  Program server(ServiceProgram(ServiceUrl(postgres)));
  const GrpcClient client(ReadyAddress(server), NewAccount());
  Load load({.address = ReadyAddress(server), .deadline = {}});
  ASSERT_TRUE(load.WaitForMore(50));
  disk.Fill();
  ASSERT_TRUE(load.WaitForFailures(12));
  EXPECT_THAT(server.errors(), HasSubstr("No space left on device"));

  disk.Free();
  // The log's disk was full, too: PostgreSQL may have given up. Then whoever runs it starts it again.
  EXPECT_TRUE(Eventually([&] {
    if (!postgres.Running()) postgres.Restart();
    return IsServing(client) && load.WaitForMore(20, std::chrono::seconds(1));
  }));
  EXPECT_TRUE(Eventually([&] { return IsServing(client); }));
  ExpectExactlyOnce(load, postgres.UrlOf("service"));
}

// --- The link to the database
// -----------------------------------------------------------------------------------------

// A service whose connections go through a proxy.
class Link : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<TemporaryDirectory>();
    postgres_ = std::make_unique<storage::EmbeddedPostgres>(PostgresIn(directory_->path() / "data"));
    MakeServiceDatabase(*postgres_);
    proxy_ = std::make_unique<storage::CommitProxy>(directory_->path() / "data/socket/.s.PGSQL.5432");
    std::string url = proxy_->Url("service");
    url.replace(url.find("poold@"), 6, "service@");
    server_ = std::make_unique<Program>(ServiceProgram(url));
    address_ = ReadyAddress(*server_);
    // From then on nothing but these tests writes: housekeeping has had its first round and rests for a minute.
    EXPECT_TRUE(Eventually([] {
      return Ask(postgres_->url(),
                 "SELECT bool_and(state_change < now() - interval '0.5 s') FROM pg_stat_activity"
                 " WHERE usename = 'service' AND query = 'COMMIT'") == "t";
    }));
  }
  static void TearDownTestSuite() {
    server_->Signal(SIGTERM);
    EXPECT_EQ(server_->Wait(), 0);
    server_.reset();
    proxy_.reset();
    postgres_.reset();
    directory_.reset();
  }

  Link() { client_.Must<RequestSenderIdRequest>(kSenderId); }

  int Pools() const { return client_.Must<DescribePoolsRequest>("max_results: 100").pools_size(); }

  inline static std::unique_ptr<TemporaryDirectory> directory_;
  inline static std::unique_ptr<storage::EmbeddedPostgres> postgres_;
  inline static std::unique_ptr<storage::CommitProxy> proxy_;
  inline static std::unique_ptr<Program> server_;
  inline static std::string address_;

  GrpcClient client_{address_, NewAccount()};
};

// Without a client token, so that nothing but the service itself keeps it from acting twice.
TEST_F(Link, CutAtAnyMessageOfACallIsNotNoticedByItsCaller) {
  for (const Plan plan : {Plan::kCutBefore, Plan::kCutAfter}) {
    int message = 0;
    int calls = 0;
    const int before = Pools();
    for (;; ++message) {
      proxy_->NextAt(message, plan);
      ASSERT_THAT(client_.Call<CreatePoolRequest>(kPool), IsOk()) << "message " << message;
      ++calls;
      if (proxy_->Waiting()) break;  // no call has so many
    }
    proxy_->NextAt(-1, Plan::kForward, 0);
    EXPECT_GE(message, 3) << "BEGIN with what is looked for, what is written, COMMIT";
    EXPECT_EQ(Pools() - before, calls);
  }
}

// Each attempt of a call, too, as long as it has time. Nothing is done twice.
TEST_F(Link, CutTenTimesInARowIsNotNoticedByTheCaller) {
  int message = 0;
  const int before = Pools();
  for (;; ++message) {
    proxy_->NextAt(message, Plan::kCutBefore, 10);
    ASSERT_THAT(client_.Call<CreatePoolRequest>(kPool), IsOk()) << "message " << message;
    EXPECT_EQ(Pools() - before, message + 1);
    if (proxy_->CutsLeft() == 10) break;  // no call has so many
    EXPECT_EQ(proxy_->CutsLeft(), 0);
  }
  proxy_->NextAt(-1, Plan::kForward, 0);
  EXPECT_GE(message, 3);
}

TEST_F(Link, CutForEverIsToldToTheCallerAtTheDeadline) {
  proxy_->NextAt(0, Plan::kCutBefore, std::numeric_limits<int>::max());
  client_.deadline = std::nullopt;
  const auto start = Clock::now();
  const auto refused = client_.Call<CreatePoolRequest>(kPool);
  EXPECT_GE(Clock::now() - start, kDeadline - std::chrono::milliseconds(100)) << "there was time to try again";
  EXPECT_LT(Clock::now() - start, kAtMost);
  ASSERT_TRUE(refused.error);
  EXPECT_THAT(refused.error->fault(), AnyOf(Fault::kUnavailable, Fault::kDeadline));
  EXPECT_LT(std::numeric_limits<int>::max() - proxy_->CutsLeft(), 60) << "with pauses";
  proxy_->NextAt(-1, Plan::kForward, 0);
  EXPECT_EQ(Pools(), 0);
}

TEST_F(Link, CutBetweenACommitAndItsAnswerIsNotNoticedByTheCaller) {
  int calls = 0;
  for (const Plan plan : {Plan::kCutBefore, Plan::kCutAfter, Plan::kCutThenLookedUp}) {
    proxy_->Next(plan);
    EXPECT_THAT(client_.Call<CreatePoolRequest>(kPool), IsOk());
    EXPECT_EQ(Pools(), ++calls);
  }
}

TEST_F(Link, CutForLongAfterACommitIsMadeGoodByRepeatingTheCall) {
  for (const Plan plan : {Plan::kCutBeforeAndHold, Plan::kCutAfterAndHold}) {
    const int before = Pools();
    const auto request = GrpcClient::Parse<CreatePoolRequest>(kPool + std::string("client_token: '") +
                                                              std::to_string(static_cast<int>(plan)) + "'");
    client_.deadline = std::nullopt;
    proxy_->Next(plan);
    const auto start = Clock::now();
    const auto refused = client_.Call(request);
    EXPECT_LT(Clock::now() - start, kAtMost);
    EXPECT_THAT(refused, IsFault(Fault::kUnavailable)) << "nobody can know";
    proxy_->Open();
    client_.deadline = std::chrono::seconds(20);
    ASSERT_TRUE(Eventually([this] { return !client_.Call<DescribePoolsRequest>("").error; }));
    EXPECT_EQ(Pools() - before, plan == Plan::kCutAfterAndHold ? 1 : 0);

    const auto repeated = client_.Call(request);
    EXPECT_THAT(repeated, IsOk());
    EXPECT_EQ(client_.Must<CreatePoolRequest>(request.ShortDebugString()).pool_id(), repeated.response.pool_id());
    EXPECT_EQ(Pools() - before, 1);
  }
}

}  // namespace
}  // namespace poold
