#include "server/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>

#include "build_paths.h"
#include "tests/support/api.h"
#include "tests/support/given.h"
#include "tests/support/prometheus_text.h"

namespace poold {
namespace {

using namespace smsvoice::v2;
using testing::HasSubstr;

class MetricsTest : public testing::Test {
 protected:
  MetricsTest() {
    api.service().metrics.Watch({.database = [this] { return api.database().stats(); },
                                 .queue_length = [this] { return api.pipeline().queued(); },
                                 .spans_dropped = [] { return 3; },
                                 .ready_state = [] { return ReadyState::kReady; }});
  }

  PrometheusText Scrape() { return PrometheusText(api.service().metrics.Text()); }

  Api api;
};

std::string Calls(const std::string& method, const std::string& code, const std::string& exception) {
  return "poold_calls_total{code=\"" + code + "\",door=\"grpc\",exception=\"" + exception + "\",method=\"" + method +
         "\"}";
}

TEST_F(MetricsTest, CountCallsByMethodCodeAndException) {
  EXPECT_FALSE(api.Call<DescribePoolsRequest>("").error);
  EXPECT_FALSE(api.Call<DescribePoolsRequest>("").error);
  EXPECT_TRUE(api.Call<DescribePoolsRequest>("pool_ids: 'pool-0123456789abcdef0123456789abcdef'").error);
  EXPECT_TRUE(api.Call<DescribePoolsRequest>("max_results: -1").error);
  const PrometheusText after = Scrape();
  EXPECT_EQ(after[Calls("DescribePools", "OK", "")], 2);
  EXPECT_EQ(after[Calls("DescribePools", "NOT_FOUND", "ResourceNotFoundException")], 1);
  EXPECT_EQ(after[Calls("DescribePools", "INVALID_ARGUMENT", "ValidationException")], 1);
  EXPECT_EQ(after["poold_call_duration_seconds_count{door=\"grpc\",method=\"DescribePools\"}"], 4);
  EXPECT_EQ(after["poold_calls_in_flight"], 0);
}

TEST_F(MetricsTest, TellRefusalsOfOneFaultApartByTheirCode) {
  for (int i = 0; i < 2; ++i) api.Call<CreateOptOutListRequest>("opt_out_list_name: 'Twice'");
  EXPECT_EQ(Scrape()[Calls("CreateOptOutList", "ALREADY_EXISTS", "ConflictException")], 1);
}

TEST_F(MetricsTest, CountRefusalsByCause) {
  api.Call<DescribePoolsRequest>("max_results: -1");
  EXPECT_EQ(Scrape()["poold_refused_total{cause=\"invalid\"}"], 1);

  api.settings.api.throttling = {Throttling::Kind::kRate, 0.001};
  while (!api.Call<DescribePoolsRequest>("").error) {
  }
  EXPECT_EQ(Scrape()["poold_refused_total{cause=\"throttled\"}"], 1);

  api.service().page_tokens = nullptr;
  api.Call<DescribePoolsRequest>("");
  EXPECT_EQ(Scrape()["poold_refused_total{cause=\"not_ready\"}"], 1);
}

// A refusal by a rule that needs the database is an answer like any other.
TEST_F(MetricsTest, CountNoRefusalOfAHandlerAsRefusedBefore) {
  api.Call<DescribePoolsRequest>("pool_ids: 'pool-0123456789abcdef0123456789abcdef'");
  for (const auto& [name, value] : Scrape().samples) {
    if (name.starts_with("poold_refused_total")) {
      EXPECT_EQ(value, 0) << name;
    }
  }
}

TEST_F(MetricsTest, TellOfTheDatabaseAndTheQueue) {
  GivenAccount(api, api.account());  // with a look-up
  api.Call<DescribePoolsRequest>("pool_ids: 'pool-0123456789abcdef0123456789abcdef'");
  const PrometheusText after = Scrape();
  EXPECT_GE(after["poold_database_connections{state=\"idle\"}"], 1);
  EXPECT_GE(after["poold_database_connects_total{outcome=\"ok\"}"], 1);
  EXPECT_GE(after["poold_transactions_total{outcome=\"committed\"}"], 2);
  EXPECT_EQ(after["poold_transactions_total{outcome=\"rolled_back\"}"], 1);
  EXPECT_EQ(after["poold_queue_wait_seconds_count"], 2);
  EXPECT_EQ(after["poold_queue_length"], 0);
  EXPECT_EQ(after["poold_spans_dropped_total"], 3);
}

TEST_F(MetricsTest, TellWhoWaitsForAConnection) {
  storage::DatabaseOptions options;
  options.url = TestDatabaseUrl();
  options.connections = 1;
  storage::Database small(options);
  api.service().metrics.Watch({.database = [&small] { return small.stats(); },
                               .queue_length = [] { return 0; },
                               .spans_dropped = [] { return 0; },
                               .ready_state = [] { return ReadyState::kReady; }});
  const storage::Bounds bounds{std::chrono::steady_clock::now() + std::chrono::seconds(20), {}};
  std::jthread second;
  small.Run(storage::Database::Mode::kRead, bounds, [&](storage::Transaction&) {
    second = std::jthread([&] { small.Run(storage::Database::Mode::kRead, bounds, [](storage::Transaction&) {}); });
    EXPECT_TRUE(Eventually([&] { return Scrape()["poold_database_waiting"] == 1; }));
  });
  second.join();
  EXPECT_EQ(Scrape()["poold_database_waiting"], 0);
}

TEST_F(MetricsTest, TellOfTheProcess) {
  const PrometheusText text = Scrape();
  EXPECT_GT(text["process_resident_memory_bytes"], 1 << 20);
  EXPECT_GT(text["process_cpu_seconds_total"], 0);
  EXPECT_GT(text["process_open_fds"], 3);
  EXPECT_GT(text["process_max_fds"], text["process_open_fds"]);
  const double now = static_cast<double>(std::time(nullptr));
  EXPECT_GT(text["process_start_time_seconds"], now - 3600);
  EXPECT_LE(text["process_start_time_seconds"], now + 1);
}

// Alerts compare with what was before: a counter that is first seen at 1 never rose.
TEST_F(MetricsTest, BeginAtZeroWhereAlertsLookAtThem) {
  const PrometheusText first = Scrape();
  for (const char* cause : {"not_ready", "unauthenticated", "access_denied", "throttled", "queue_full", "too_late",
                            "unreadable", "invalid", "connections"}) {
    EXPECT_TRUE(first.samples.contains("poold_refused_total{cause=\"" + std::string(cause) + "\"}")) << cause;
  }
  EXPECT_TRUE(first.samples.contains("poold_commits_in_doubt_total{outcome=\"unknown\"}"));
}

// deploy/ and docs/ speak of these names.
TEST_F(MetricsTest, AreThoseThatDashboardsAlertsAndDocsName) {
  api.Call<DescribePoolsRequest>("");
  api.service().metrics.Statement("one", std::chrono::milliseconds(1));
  api.service().metrics.ConnectionCut("pings");
  const PrometheusText text = Scrape();

  std::ifstream file(std::string(kSourceDir) + "/tests/deploy/metrics.json");
  const nlohmann::json listed = nlohmann::json::parse(file);
  std::set<std::string> named;
  for (auto metric = listed.begin(); metric != listed.end(); ++metric) {
    named.insert(metric.key());
    EXPECT_EQ(text.types.contains(metric.key()) ? text.types.at(metric.key()) : "missing", metric.value()["type"])
        << metric.key();
  }
  EXPECT_EQ(text.families(), named);

  std::ifstream docs_file(std::string(kSourceDir) + "/docs/telemetry.md");
  const std::string docs((std::istreambuf_iterator<char>(docs_file)), {});
  const std::regex row("\\| `((?:poold|process)_[a-z_]+)(\\{[a-z_, ]+\\})?` \\|");
  std::set<std::string> documented;
  for (std::sregex_iterator each(docs.begin(), docs.end(), row), end; each != end; ++each)
    documented.insert((*each)[1]);
  EXPECT_EQ(documented, named);
}

}  // namespace
}  // namespace poold
