// What operators' own tools make of poold: Prometheus scrapes it, a collector receives its spans.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <opentelemetry/proto/collector/trace/v1/trace_service.grpc.pb.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "build_paths.h"
#include "tests/support/given.h"
#include "tests/support/grpc_client.h"
#include "tests/support/http_client.h"
#include "tests/support/program.h"
#include "tests/support/prometheus_text.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using nlohmann::json;
using opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
using opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse;
using opentelemetry::proto::collector::trace::v1::TraceService;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

// `poold serve` on the test program's database.
class Server {
 public:
  explicit Server(std::map<std::string, std::string> environment = {}, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"serve",       "--grpc-listen",  "127.0.0.1:0",    "--http-listen",
                                       "127.0.0.1:0", "--database-url", TestDatabaseUrl()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Program::Options options = Poold(arguments);
    options.environment.merge(environment);
    program = std::make_unique<Program>(std::move(options));
    const std::string ready = program->WaitForLine("ready ");
    const std::size_t http = ready.find(" http=");
    grpc_address = ready.substr(11, http - 11);
    http_address = ready.substr(http + 6);
  }

  PrometheusText Scrape() const { return PrometheusText(Metrics()); }
  std::string Metrics() const { return Get(http_address, "/metrics").body(); }

  static HttpResponse Get(const std::string& address, const std::string& path) {
    HttpConnection connection(address);
    connection.Send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return connection.Read();
  }

  std::unique_ptr<Program> program;
  std::string grpc_address;
  std::string http_address;
};

// A collector as OpenTelemetry defines it: what it was sent, by the names of the spans.
class Collector final : public TraceService::Service {
 public:
  Collector() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  grpc::Status Export(grpc::ServerContext*, const ExportTraceServiceRequest* request,
                      ExportTraceServiceResponse*) override {
    const std::lock_guard lock(mutex_);
    requests_.push_back(*request);
    return grpc::Status::OK;
  }

  // Of one trace; each with the attributes that are texts.
  std::map<std::string, std::map<std::string, std::string>> SpansOf(const std::string& trace_id) {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::map<std::string, std::string>> spans;
    for (const auto& request : requests_) {
      for (const auto& resource : request.resource_spans()) {
        for (const auto& scope : resource.scope_spans()) {
          for (const auto& span : scope.spans()) {
            if (span.trace_id() != trace_id) continue;
            auto& attributes = spans[span.name()];
            for (const auto& attribute : resource.resource().attributes()) {
              attributes[attribute.key()] = attribute.value().string_value();
            }
            for (const auto& attribute : span.attributes()) {
              attributes[attribute.key()] = attribute.value().string_value();
            }
          }
        }
      }
    }
    return spans;
  }

  std::string Everything() {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& request : requests_) text += request.ShortDebugString();
    return text;
  }

 private:
  int port_ = 0;
  std::mutex mutex_;
  std::vector<ExportTraceServiceRequest> requests_;
  std::unique_ptr<grpc::Server> server_;
};

std::string Bytes(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

TEST(Tracing, ACollectorReceivesTheSpansOfCallsOfBothDoors) {
  Collector collector;
  Server server({{"OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()}, {"OTEL_BSP_SCHEDULE_DELAY", "20"}});
  const std::string account = NewAccount();
  const std::string grpc_trace = "0af7651916cd43dd8448eb211c80319c";
  const std::string http_trace = "4bf92f3577b34da6a3ce929d0e0e4736";

  GrpcClient client(server.grpc_address, account);
  client.metadata["traceparent"] = "00-" + grpc_trace + "-b7ad6b7169203331-01";
  client.Must<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
  HttpConnection http(server.http_address);
  ASSERT_EQ(http.Call("DescribePools", "{}",
                      "x-account-id: " + account + "\r\ntraceparent: 00-" + http_trace + "-b7ad6b7169203331-01\r\n")
                .result_int(),
            200);

  const std::string rpc = "smsvoice.v2.SenderIds/RequestSenderId";
  ASSERT_TRUE(Eventually([&] {
    return collector.SpansOf(Bytes(grpc_trace)).contains(rpc) &&
           collector.SpansOf(Bytes(http_trace)).contains("POST /");
  })) << collector.Everything();
  const auto grpc_spans = collector.SpansOf(Bytes(grpc_trace));
  for (const char* name : {"queue", "transaction", "begin", "commit"})
    EXPECT_THAT(grpc_spans, Contains(testing::Key(name)));
  EXPECT_THAT(grpc_spans.at(rpc),
              testing::AllOf(Contains(Pair("service.name", "poold")), Contains(Pair("poold.account", account))));
  EXPECT_THAT(collector.SpansOf(Bytes(http_trace)).at("POST /"), Contains(Pair("rpc.method", "DescribePools")));
  EXPECT_EQ(server.Scrape()["poold_spans_dropped_total"], 0);
}

TEST(Tracing, WhatEndedBeforeTheServerDidIsStillSent) {
  Collector collector;
  Server server({{"OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()}, {"OTEL_SERVICE_NAME", "pools-of-ours"}});
  GrpcClient client(server.grpc_address, NewAccount());
  client.metadata["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  client.Must<DescribePoolsRequest>("");
  server.program->Signal(SIGTERM);
  EXPECT_EQ(server.program->Wait(), 0);
  const auto spans = collector.SpansOf(Bytes("0af7651916cd43dd8448eb211c80319c"));
  ASSERT_THAT(spans, Contains(testing::Key("smsvoice.v2.Pools/DescribePools")));
  EXPECT_THAT(spans.at("smsvoice.v2.Pools/DescribePools"), Contains(Pair("service.name", "pools-of-ours")));
}

TEST(Tracing, ACollectorThatIsAwayCostsSpansAndNothingElse) {
  Server server({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"},
                 {"OTEL_BSP_SCHEDULE_DELAY", "20"},
                 {"OTEL_BSP_MAX_QUEUE_SIZE", "32"},
                 {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "32"}});
  GrpcClient client(server.grpc_address, NewAccount());
  for (int i = 0; i < 300; ++i) client.Must<DescribePoolsRequest>("");
  EXPECT_TRUE(Eventually([&] { return server.Scrape()["poold_spans_dropped_total"] > 100; }));
  EXPECT_THAT(server.program->WaitForLog("tracing: "), HasSubstr("UNAVAILABLE"));
  server.program->Signal(SIGTERM);
  EXPECT_EQ(server.program->Wait(), 0);
}

TEST(Log, EveryLineIsAJsonObjectIfToldSo) {
  Server server({}, {"--log-format", "json"});
  GrpcClient client(server.grpc_address, NewAccount());
  client.Must<DescribePoolsRequest>("");
  client.Call<DescribePoolsRequest>("max_results: -1");
  server.program->Signal(SIGTERM);
  EXPECT_EQ(server.program->Wait(), 0);
  std::istringstream lines(server.program->errors());
  std::map<std::string, int> outcomes;
  for (std::string line; std::getline(lines, line);) {
    const json object = json::parse(line, nullptr, false);
    ASSERT_TRUE(object.is_object()) << line;
    EXPECT_TRUE(object.contains("time") && object.contains("level")) << line;
    EXPECT_NE(object.contains("message"), object.contains("request_id")) << line;
    if (object.contains("outcome")) ++outcomes[object["outcome"]];
  }
  EXPECT_THAT(outcomes, testing::ElementsAre(Pair("ValidationException", 1), Pair("ok", 1)));
}

// The libraries' own complaints quote what they read.
TEST(Log, LibrariesWriteNothingThatStrangersSent) {
  Server server({}, {"--log-format", "json", "--log-level", "debug"});
  TemporaryDirectory directory;
  const std::string body = directory.path() / "body";
  std::ofstream(body) << std::string("\0\0\0\0\x04\x0a\x02\xff\xfe", 9);  // pool_ids: no UTF-8
  for (const char* header : {"grpc-timeout: +12065550160", "grpc-encoding: +12065550160", "x: y"}) {
    Program h2load({.command = {"h2load", "-n1", "-c1", "-ph2c", "-d", body, "-H", "content-type: application/grpc",
                                "-H", "te: trailers", "-H", header,
                                "http://" + server.grpc_address + "/smsvoice.v2.Pools/DescribePools"},
                    .environment = {},
                    .working_directory = {}});
    EXPECT_EQ(h2load.Wait(), 0) << h2load.errors();
  }
  HttpConnection http(server.http_address);
  EXPECT_EQ(http.Call("Nope", "{}").result_int(), 400);
  server.program->WaitForLog("UnknownOperationException");
  EXPECT_EQ(server.Scrape()["poold_refused_total{cause=\"unreadable\"}"], 4) << "three messages and the operation";
  server.program->Signal(SIGTERM);
  EXPECT_EQ(server.program->Wait(), 0);
  EXPECT_THAT(server.program->errors(), HasSubstr("ValidationException"));
  EXPECT_THAT(server.program->errors(), testing::Not(HasSubstr("2065550160")));
  std::istringstream lines(server.program->errors());
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(json::parse(line, nullptr, false).is_object()) << line;
  }
}

// Debian's, with our alert rules, on a server that has served.
TEST(Metrics, APrometheusScrapesThemAndOurRulesLoad) {
  Server server;
  GrpcClient(server.grpc_address, NewAccount()).Must<DescribePoolsRequest>("");

  TemporaryDirectory directory;
  const std::string config = directory.path() / "prometheus.yml";
  std::ofstream(config) << "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
                        << "rule_files: [" << kSourceDir << "/deploy/telemetry/alerts.yaml]\n"
                        << "scrape_configs: [{job_name: poold, static_configs: [{targets: ['" << server.http_address
                        << "']}]}]\n";
  // It can't be told to pick a port, so it is given one that was free a moment ago.
  const std::string port = [] {
    boost::asio::io_context context;
    boost::asio::ip::tcp::acceptor acceptor(context, {boost::asio::ip::make_address("127.0.0.1"), 0});
    return std::to_string(acceptor.local_endpoint().port());
  }();
  Program prometheus({.command = {"prometheus", "--config.file=" + config, "--web.listen-address=127.0.0.1:" + port,
                                  "--storage.tsdb.path=" + (directory.path() / "data").string()},
                      .environment = {},
                      .working_directory = directory.path()});
  prometheus.WaitForLog("Server is ready to receive web requests");
  const auto ask = [&](const std::string& path) { return json::parse(Server::Get("127.0.0.1:" + port, path).body()); };
  // Its value; "" if there is none.
  const auto value_of = [&](const std::string& query) -> std::string {
    const json result = ask("/api/v1/query?query=" + query)["data"]["result"];
    return result.empty() ? "" : result[0]["value"][1].get<std::string>();
  };
  EXPECT_TRUE(Eventually([&] { return value_of("up") == "1"; }));
  EXPECT_TRUE(Eventually([&] { return value_of("poold_ready") == "1"; }));
  EXPECT_EQ(value_of("sum(poold_calls_total)"), "1");
  EXPECT_TRUE(Eventually([&] {
    for (const json& group : ask("/api/v1/rules")["data"]["groups"]) {
      for (const json& rule : group["rules"]) {
        if (rule["health"] == "unknown") return false;
        EXPECT_EQ(rule["health"], "ok") << rule;
      }
    }
    return true;
  }));
  for (const json& alert : ask("/api/v1/alerts")["data"]["alerts"]) ADD_FAILURE() << "nothing is wrong: " << alert;
}

TEST(Metrics, PromtoolFindsNothingToSayAboutThem) {
  Server server;
  GrpcClient(server.grpc_address, NewAccount()).Must<DescribePoolsRequest>("");
  TemporaryDirectory directory;
  const std::string file = directory.path() / "metrics";
  std::ofstream(file) << server.Metrics();
  Program promtool(
      {.command = {"sh", "-c", "promtool check metrics <" + file}, .environment = {}, .working_directory = {}});
  EXPECT_EQ(promtool.Wait(), 0) << promtool.output() << promtool.errors();
  EXPECT_EQ(promtool.errors(), "");
}

}  // namespace
}  // namespace poold
