// grpc.health.v1: what a load balancer or an orchestrator is told, and when it changes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <pqxx/pqxx>
#include <stdexcept>
#include <string>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "storage/embedded/embedded_postgres.h"
#include "tests/support/dev_server.h"
#include "tests/support/given.h"
#include "tests/support/grpc_client.h"
#include "tests/support/http_client.h"
#include "tests/support/newer_schema.h"
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
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

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
  EXPECT_THAT(server.WaitForLog("not ready"), HasSubstr("poold migrate")) << "says what mends it";

  const auto refused = client.Call<DescribePoolsRequest>("");
  EXPECT_EQ(refused.status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_THAT(refused, IsFault(Fault::kUnavailable));
  EXPECT_TRUE(refused.Find<google::rpc::RetryInfo>());
  EXPECT_THAT(refused.status.error_message(), testing::StartsWith("The service is not ready yet; try again"));
  EXPECT_THAT(refused.status.error_message(), Not(HasSubstr("schema"))) << "that is not the caller's";

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

  storage::Migrate(url, NewerMigrations(false));
  EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsOk());
  storage::Migrate(url, NewerMigrations(true));
  EXPECT_EQ(watch.Next(), HealthCheckResponse::NOT_SERVING);
  EXPECT_THAT(server.WaitForLog("not serving"), HasSubstr("update this server"));
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

// What an HTTP door answers, as "200 text"; "" if nobody listens there yet.
std::string Asked(const std::string& address, const std::string& request) {
  try {
    HttpConnection connection(address);
    connection.Send(request);
    const HttpResponse response = connection.Read();
    return std::to_string(response.result_int()) + " " + response.body();
  } catch (const std::runtime_error&) {
    return "";
  }
}

std::string Ready(const std::string& address) {
  return Asked(address, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

std::string Served(const std::string& address) { return Asked(address, HttpConnection::Post("DescribePools", "{}")); }

// Callers who wait for the port get no refusal from a server that can serve: it has looked before it listens.
TEST(Readiness, IsKnownBeforeTheFirstCallIsTaken) {
  // Servers can't share the port that they picked, so they are given one that was free a moment ago.
  boost::asio::io_context context;
  const std::string address = "127.0.0.1:" + [&] {
    boost::asio::ip::tcp::acceptor acceptor(context, {boost::asio::ip::make_address("127.0.0.1"), 0});
    return std::to_string(acceptor.local_endpoint().port());
  }();
  for (int i = 0; i < 5; ++i) {
    Program server(Poold(
        {"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", address, "--database-url", TestDatabaseUrl()}));
    std::string first;
    ASSERT_TRUE(Eventually([&] {
      while (first.empty() && server.Running()) first = Served(address);
      return !first.empty();
    })) << server.errors();
    EXPECT_THAT(first, StartsWith("200 "));
    EXPECT_THAT(Ready(address), "200 ready\n");
    server.Signal(SIGTERM);
    EXPECT_EQ(server.Wait(), 0);
    EXPECT_THAT(server.errors(), Not(HasSubstr("not ready")));
  }
}

// Takes connections and never says a word, as a database that hangs does.
class SilentDatabase {
 public:
  std::string Url() const {
    return "postgresql://poold@127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/poold";
  }

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_{context_, {boost::asio::ip::make_address("127.0.0.1"), 0}};
};

// To anybody in a sentence, to Prometheus in a word, and to the log with all that is known.
TEST(Readiness, SaysWhyNot) {
  const SilentDatabase silent;
  const std::string newer = FreshDatabase(true);
  storage::Migrate(newer, NewerMigrations(true));
  const std::string altered = FreshDatabase(true);
  const std::string forbidden = FreshDatabase(true);
  {
    pqxx::connection admin(altered);
    pqxx::nontransaction(admin).exec("UPDATE schema_migrations SET checksum = 'another' WHERE number = 1");
  }
  {
    pqxx::connection admin(forbidden);
    pqxx::nontransaction(admin).exec("DROP ROLE IF EXISTS nobody_here; CREATE ROLE nobody_here LOGIN");
  }
  const std::string older = FreshDatabase(false);
  storage::Migrate(older, storage::BuiltInMigrations().first(1));
  struct Case {
    std::string url;
    const char* label;
    const char* sentence;
    const char* log;
  };
  const Case cases[] = {
      {"postgresql:///poold?host=/nowhere", "unreachable", "the database cannot be reached", "/nowhere"},
      {silent.Url(), "unreachable", "the database cannot be reached", "it cannot be reached: "},
      {FreshDatabase(false), "no_schema", "the database has no schema yet, run `poold migrate`", "has no schema yet"},
      {older, "schema_older", "the schema is older than this build, run `poold migrate`", "at migration 1, and"},
      {newer, "schema_newer", "the schema requires a newer build, update this server", "so it cannot serve"},
      {altered, "schema_altered", "the schema is not this build's", "0001_"},
      {forbidden + "&user=nobody_here", "refused", "the database refuses to show its schema", "permission denied"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.label);
    Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", c.url}));
    const std::string address = ListeningHttpAddress(server);
    EXPECT_EQ(Ready(address), "503 not ready: " + std::string(c.sentence) + "\n");
    const std::string metrics = Asked(address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(metrics, HasSubstr("poold_not_ready{reason=\"" + std::string(c.label) + "\"} 1\n"));
    EXPECT_THAT(metrics, HasSubstr("poold_ready 0\n"));
    EXPECT_THAT(Served(address), AllOf(StartsWith("500 "), Not(HasSubstr("schema")), Not(HasSubstr("database"))));
    server.Signal(SIGTERM);
    EXPECT_EQ(server.Wait(), 0);
    EXPECT_THAT(server.errors(), AllOf(HasSubstr("the database is not ready: "), HasSubstr(c.log)));
    EXPECT_THAT(server.errors(), HasSubstr("not ready: " + std::string(c.sentence))) << "in the line of the call";
  }
}

TEST(Readiness, IsOverWhenTheServerIsToldToStop) {
  Program server(
      Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", TestDatabaseUrl(), "--drain-delay", "10m"}));
  const std::string address = ReadyHttpAddress(server);
  server.Signal(SIGTERM);
  EXPECT_TRUE(Eventually([&] { return Ready(address) == "503 not ready: stopping\n"; }));
  EXPECT_THAT(Served(address), StartsWith("200 "));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
}

TEST(Health, FollowsTheDatabaseDownAndUpAgain) {
  const TemporaryDirectory directory;
  storage::EmbeddedPostgres postgres({.data_dir = directory.path() / "data",
                                      .durable = false,
                                      .max_connections = 50,
                                      .progress = nullptr,
                                      .settings = {}});
  ASSERT_EQ(RunToEnd(Poold({"migrate", "--database-url", postgres.url()})).exit_code, 0);
  Program server(
      Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", postgres.url(), "--default-deadline", "1s"}));
  GrpcClient client(ReadyAddress(server), NewAccount());
  client.deadline = std::nullopt;  // so that it is the server that answers
  client.Must<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
  Watch watch(client, "smsvoice.v2.Pools");
  EXPECT_EQ(watch.Next(), HealthCheckResponse::SERVING);

  postgres.Kill();
  // A server process outlives its postmaster for a moment, and goes on answering.
  auto refused = client.Call<DescribeSenderIdsRequest>("");
  EXPECT_TRUE(Eventually([&] {
    if (refused.status.ok()) refused = client.Call<DescribeSenderIdsRequest>("");
    return !refused.status.ok();
  }));
  EXPECT_EQ(refused.status.error_code(), StatusCode::UNAVAILABLE);
  for (const char* word : {"connection", "socket", "postgres", "/"}) {
    EXPECT_THAT(refused.status.error_message(), Not(HasSubstr(word)));
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
