// grpc.health.v1: what a load balancer or an orchestrator is told, and when it changes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "storage/embedded_postgres.h"
#include "storage/migrate.h"
#include "tests/support/dev_server.h"
#include "tests/support/given.h"
#include "tests/support/grpc_client.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using grpc::StatusCode;
using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr const char* kNames[] = {"", "smsvoice.v2.Pools", "smsvoice.v2.PhoneNumbers", "smsvoice.v2.SenderIds"};

HealthCheckRequest Named(const std::string& service) {
  HealthCheckRequest request;
  request.set_service(service);
  return request;
}

// What Check answers of the service; SERVICE_UNKNOWN where it says NOT_FOUND.
HealthCheckResponse::ServingStatus HealthOf(const GrpcClient& client, const std::string& service) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  HealthCheckResponse response;
  const grpc::Status status = Health::NewStub(client.channel())->Check(&context, Named(service), &response);
  if (status.error_code() == StatusCode::NOT_FOUND) return HealthCheckResponse::SERVICE_UNKNOWN;
  if (!status.ok()) throw std::runtime_error(status.error_message());
  return response.status();
}

// The names change one after the other, so whoever saw one of them change may be ahead of the others for a moment.
void ExpectHealth(const GrpcClient& client, HealthCheckResponse::ServingStatus status) {
  for (const char* name : kNames) {
    EXPECT_TRUE(Eventually([&] { return HealthOf(client, name) == status; })) << "'" << name << "' is not " << status;
  }
}

// A stream of Health.Watch. Next() waits for the next change, half a minute at most.
class Watch {
 public:
  Watch(const GrpcClient& client, const std::string& service) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    stream_ = Health::NewStub(client.channel())->Watch(&context_, Named(service));
  }
  ~Watch() {
    context_.TryCancel();
    stream_->Finish();
  }
  HealthCheckResponse::ServingStatus Next() {
    HealthCheckResponse response;
    if (!stream_->Read(&response)) throw std::runtime_error("the watch has ended");
    return response.status();
  }
  // True if the server ends the stream before it says anything more.
  bool Ends() {
    HealthCheckResponse response;
    return !stream_->Read(&response);
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> stream_;
};

TEST(Health, IsToldOfTheServerAndOfEachService) {
  const GrpcClient client(DevAddress());
  ExpectHealth(client, HealthCheckResponse::SERVING);
  EXPECT_EQ(HealthOf(client, "smsvoice.v2.Nothing"), HealthCheckResponse::SERVICE_UNKNOWN);
}

TEST(Health, IsWatched) {
  const GrpcClient client(DevAddress());
  for (const char* name : kNames) EXPECT_EQ(Watch(client, name).Next(), HealthCheckResponse::SERVING) << name;
  EXPECT_EQ(Watch(client, "smsvoice.v2.Nothing").Next(), HealthCheckResponse::SERVICE_UNKNOWN);
}

TEST(Health, IsNotServingUntilTheSchemaIsThere) {
  const std::string url = FreshDatabase(false);
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", url}));
  const GrpcClient client(ListeningAddress(server), NewAccount());
  Watch watch(client, "");
  EXPECT_EQ(watch.Next(), HealthCheckResponse::NOT_SERVING);
  ExpectHealth(client, HealthCheckResponse::NOT_SERVING);
  EXPECT_THAT(server.WaitForLog("not ready"), testing::HasSubstr("poold migrate")) << "says what mends it";

  const auto refused = client.Call<DescribePoolsRequest>("");
  EXPECT_EQ(refused.status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_THAT(refused, IsFault(Fault::kUnavailable));
  EXPECT_TRUE(refused.Find<google::rpc::RetryInfo>());
  EXPECT_THAT(refused.status.error_message(), testing::StartsWith("The service is not ready yet; try again"));
  EXPECT_THAT(refused.status.error_message(), testing::Not(testing::HasSubstr("schema"))) << "that is not the caller's";

  EXPECT_EQ(RunToEnd(Poold({"migrate", "--database-url", url})).exit_code, 0);
  EXPECT_EQ(watch.Next(), HealthCheckResponse::SERVING);
  ExpectHealth(client, HealthCheckResponse::SERVING);
  EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsOk());
  ReadyAddress(server);
}

TEST(Health, IsNotServingOnceTheSchemaRequiresANewerBuild) {
  const std::string url = FreshDatabase(true);
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", url}));
  const GrpcClient client(ReadyAddress(server), NewAccount());
  Watch watch(client, "");
  EXPECT_EQ(watch.Next(), HealthCheckResponse::SERVING);

  std::vector<Migration> newer(BuiltInMigrations().begin(), BuiltInMigrations().end());
  const int next = static_cast<int>(newer.size()) + 1;
  newer.push_back({next, "expands", "ALTER TABLE pools ADD COLUMN fresh text"});
  Migrate(url, newer);
  EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsOk());
  const std::string contraction = "-- poold: requires " + std::to_string(next) + "\nDROP TABLE tags";
  newer.push_back({next + 1, "contracts", contraction});
  Migrate(url, newer);
  EXPECT_EQ(watch.Next(), HealthCheckResponse::NOT_SERVING);
  EXPECT_THAT(server.WaitForLog("not serving"), testing::HasSubstr("update this server"));
}

TEST(Health, IsNotServingWithoutADatabase) {
  Program server(
      Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", "postgresql:///poold?host=/nowhere"}));
  const GrpcClient client(ListeningAddress(server));
  ExpectHealth(client, HealthCheckResponse::NOT_SERVING);
  EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsFault(Fault::kUnavailable));
  server.WaitForLog("not ready");
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
}

TEST(Health, FollowsTheDatabaseDownAndUpAgain) {
  const TemporaryDirectory directory;
  EmbeddedPostgres postgres({.data_dir = directory.path() / "data",
                             .durable = false,
                             .max_connections = 50,
                             .progress = nullptr,
                             .settings = {}});
  ASSERT_EQ(RunToEnd(Poold({"migrate", "--database-url", postgres.url()})).exit_code, 0);
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", postgres.url()}));
  const GrpcClient client(ReadyAddress(server), NewAccount());
  client.Must<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
  Watch watch(client, "smsvoice.v2.Pools");
  EXPECT_EQ(watch.Next(), HealthCheckResponse::SERVING);

  postgres.Kill();
  const auto refused = client.Call<DescribeSenderIdsRequest>("");
  EXPECT_EQ(refused.status.error_code(), StatusCode::UNAVAILABLE);
  for (const char* word : {"connection", "socket", "postgres", "/"}) {
    EXPECT_THAT(refused.status.error_message(), testing::Not(testing::HasSubstr(word)));
  }
  EXPECT_EQ(watch.Next(), HealthCheckResponse::NOT_SERVING);
  ExpectHealth(client, HealthCheckResponse::NOT_SERVING);

  postgres.Restart();
  EXPECT_EQ(watch.Next(), HealthCheckResponse::SERVING);
  ExpectHealth(client, HealthCheckResponse::SERVING);
  EXPECT_EQ(client.Must<DescribeSenderIdsRequest>("").sender_ids_size(), 1);
}

TEST(Health, IsNotServingFromTheSignalToStop) {
  Program server(
      Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", TestDatabaseUrl(), "--drain-limit", "20s"}));
  const GrpcClient client(ReadyAddress(server));
  Watch watch(client, "");
  EXPECT_EQ(watch.Next(), HealthCheckResponse::SERVING);
  const auto start = std::chrono::steady_clock::now();
  server.Signal(SIGTERM);
  EXPECT_EQ(watch.Next(), HealthCheckResponse::NOT_SERVING);
  EXPECT_TRUE(watch.Ends());
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10))
      << "nobody's call ran, so there was nothing to wait for: neither the watch nor the open connection";
}

TEST(Health, GoesOnServingForTheDrainDelay) {
  Program server(
      Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", TestDatabaseUrl(), "--drain-delay", "10m"}));
  const GrpcClient client(ReadyAddress(server), NewAccount());
  Watch watch(client, "");
  EXPECT_EQ(watch.Next(), HealthCheckResponse::SERVING);
  server.Signal(SIGTERM);
  EXPECT_EQ(watch.Next(), HealthCheckResponse::NOT_SERVING);
  EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsOk());
  EXPECT_THAT(GrpcClient(ReadyAddress(server), NewAccount()).Call<DescribePoolsRequest>(""), IsOk())
      << "new connections, too: not everybody has heard yet";
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0) << "a second signal ends the wait";
}

std::string HealthDoorOf(Program& server) {
  const std::string line = server.WaitForLog("listening grpc=");
  return line.substr(line.find(" health=") + std::string(" health=").size());
}

TEST(HealthDoor, TellsLivenessApartFromReadiness) {
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0", "--database-url",
                        "postgresql:///poold?host=/nowhere"}));
  const GrpcClient probe(HealthDoorOf(server));
  EXPECT_EQ(HealthOf(probe, "liveness"), HealthCheckResponse::SERVING);
  EXPECT_EQ(HealthOf(probe, ""), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(probe.Call<DescribePoolsRequest>("").status.error_code(), StatusCode::UNIMPLEMENTED) << "nothing else";
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
}

TEST(HealthDoor, IsReadyWhenTheServerIs) {
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0", "--database-url",
                        TestDatabaseUrl()}));
  ReadyAddress(server);
  EXPECT_EQ(HealthOf(GrpcClient(HealthDoorOf(server)), ""), HealthCheckResponse::SERVING);
}

}  // namespace
}  // namespace poold
