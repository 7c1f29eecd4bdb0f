// The configuration that deploy/client/ has for clients, in a real client, with servers that die or don't serve.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "build_paths.h"
#include "tests/support/grpc_client.h"
#include "tests/support/held_rows.h"
#include "tests/support/program.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using grpc::StatusCode;

std::string ServiceConfig(const std::string& file) {
  std::ifstream in(std::string(kSourceDir) + "/deploy/client/" + file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

GrpcClient ClientOf(const std::string& file, const std::string& addresses, const std::string& account) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(ServiceConfig(file));
  return GrpcClient(grpc::CreateCustomChannel("ipv4:" + addresses, grpc::InsecureChannelCredentials(), arguments),
                    account);
}

constexpr char kForAll[] = "service-config.json";
constexpr char kWithKeys[] = "service-config-with-keys.json";

// A server that tells the database its name.
std::unique_ptr<Program> Serve(const std::string& database_url, const std::string& name) {
  return std::make_unique<Program>(
      Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "off", "--database-url", database_url},
            {{"PGAPPNAME", name}}));
}

// Two servers of one database, and a pool in it.
class ServiceConfigTest : public testing::Test {
 protected:
  ServiceConfigTest() {
    addresses_ = ReadyAddress(*first_) + "," + ReadyAddress(*second_);
    GrpcClient client(ReadyAddress(*first_), account_);
    client.Must<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
    pool_ = client
                .Must<CreatePoolRequest>(
                    "origination_identity: 'EXAMPLECO' iso_country_code: 'GB'"
                    " message_type: MESSAGE_TYPE_TRANSACTIONAL")
                .pool_id();
  }

  std::string Named() const { return "pool_id: '" + pool_ + "'"; }

  // Kills the server whose statement waits for what the test holds.
  void KillTheOneThatWaits() {
    pqxx::connection connection(url_);
    pqxx::nontransaction look(connection);
    const auto name = look.exec1(
        "SELECT application_name FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'");
    Program& server = name.at(0).as<std::string>() == "first" ? *first_ : *second_;
    server.Signal(SIGKILL);
    server.Wait();
  }

  const std::string url_ = FreshDatabase(true);
  const std::string account_ = NewAccount();
  const std::unique_ptr<Program> first_ = Serve(url_, "first");
  const std::unique_ptr<Program> second_ = Serve(url_, "second");
  std::string addresses_;
  std::string pool_;
};

TEST_F(ServiceConfigTest, AReadOutlivesTheServerThatDied) {
  const GrpcClient client = ClientOf(kForAll, addresses_, account_);
  HeldRows held(url_, "LOCK TABLE pools; SELECT 1", "");
  auto reply = std::async(std::launch::async, [&] { return client.Call<DescribePoolsRequest>(""); });
  ASSERT_TRUE(held.EventuallyWaiting(1));
  KillTheOneThatWaits();
  held.Release();
  EXPECT_EQ(reply.get().response.pools_size(), 1);
}

TEST_F(ServiceConfigTest, AWriteWithoutAKeyIsNotRepeated) {
  const GrpcClient client = ClientOf(kForAll, addresses_, account_);
  HeldRows held(url_, "SELECT FROM pools WHERE pool_id = '" + pool_ + "'");
  auto reply = std::async(std::launch::async,
                          [&] { return client.Call<UpdatePoolRequest>(Named() + " shared_routes_enabled: true"); });
  ASSERT_TRUE(held.EventuallyWaiting(1));
  KillTheOneThatWaits();
  EXPECT_EQ(reply.get().status.error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(ServiceConfigTest, AWriteWithAKeyOutlivesTheServerThatDiedAndIsMadeOnce) {
  GrpcClient client = ClientOf(kWithKeys, addresses_, account_);
  client.metadata["idempotency-key"] = "once";
  HeldRows held(url_, "SELECT FROM pools WHERE pool_id = '" + pool_ + "'");
  auto reply = std::async(std::launch::async,
                          [&] { return client.Call<UpdatePoolRequest>(Named() + " shared_routes_enabled: true"); });
  ASSERT_TRUE(held.EventuallyWaiting(1));
  KillTheOneThatWaits();
  held.Release();
  EXPECT_TRUE(reply.get().response.shared_routes_enabled());
  EXPECT_EQ(client.Must<DescribePoolsRequest>("").pools(0).revision(), 2);
}

TEST_F(ServiceConfigTest, CallsGoToEveryServer) {
  const GrpcClient client = ClientOf(kForAll, addresses_, account_);
  // The rows of two calls, one at each server, wait at the same time.
  HeldRows held(url_, "LOCK TABLE pools; SELECT 1", "");
  std::vector<std::future<Reply<DescribePoolsResponse>>> replies;
  pqxx::connection connection(url_);
  EXPECT_TRUE(Eventually([&] {
    replies.push_back(std::async(std::launch::async, [&] { return client.Call<DescribePoolsRequest>(""); }));
    if (!held.EventuallyWaiting(static_cast<int>(replies.size()))) return false;
    pqxx::nontransaction look(connection);
    return look.exec1(
                   "SELECT count(DISTINCT application_name) FROM pg_stat_activity"
                   " WHERE datname = current_database() AND wait_event_type = 'Lock'")
               .at(0)
               .as<int>() == 2;
  }));
  held.Release();
}

TEST_F(ServiceConfigTest, CallsDoNotGoToAServerThatIsNotServing) {
  const auto without_database = Serve("postgresql://127.0.0.1:1/nothing", "third");
  const GrpcClient client =
      ClientOf(kForAll, ListeningAddress(*without_database) + "," + ReadyAddress(*first_), account_);
  for (int i = 0; i < 50; ++i) client.Must<UpdatePoolRequest>(Named() + " shared_routes_enabled: true");
}

TEST(ServiceConfig, CallsWaitForAServerThatIsAboutToServe) {
  const std::string url = FreshDatabase(false);
  const auto server = Serve(url, "first");
  const GrpcClient client = ClientOf(kForAll, ListeningAddress(*server), NewAccount());
  auto reply = std::async(std::launch::async, [&] { return client.Call<DescribePoolsRequest>(""); });
  EXPECT_EQ(RunToEnd(Poold({"migrate", "--database-url", url})).exit_code, 0);
  EXPECT_TRUE(reply.get().status.ok());
}

}  // namespace
}  // namespace poold
