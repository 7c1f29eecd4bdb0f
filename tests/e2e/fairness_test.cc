// One account's flood does not delay the others: accounts are served in turn. Counted in answers, not in time.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/grpc_client.h"
#include "tests/support/held_rows.h"
#include "tests/support/http_client.h"
#include "tests/support/program.h"
#include "tests/support/prometheus_text.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses

constexpr int kFlood = 60;
// Which of them shares a lane with the flood is random, one in 256: most don't.
constexpr int kQuiet = 6;
constexpr int kAtLeast = 3;

TEST(Fairness, AnswersAQuietAccountAmongTheNextFewOfAFlood) {
  const std::string url = FreshDatabase(true);
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--database-url", url,
                        "--database-connections", "2"}));
  const std::string address = ReadyAddress(server);
  const GrpcClient flood(address, NewAccount());
  std::vector<GrpcClient> quiet;
  for (int i = 0; i < kQuiet; ++i) quiet.emplace_back(address, NewAccount());
  const auto ask = [](const GrpcClient& client, int i) {
    const std::string letters = {static_cast<char>('A' + i / 26), static_cast<char>('A' + i % 26)};
    client.Must<RequestSenderIdRequest>("sender_id: 'ID" + letters + "' iso_country_code: 'GB'");
  };
  ask(flood, 0);
  for (const GrpcClient& client : quiet) ask(client, 0);

  HeldRows held(url, "SELECT FROM accounts WHERE account_id = '" + flood.metadata.at("x-account-id") + "'");
  std::atomic<int> answered{0};  // of the flood
  std::vector<std::jthread> threads;
  for (int i = 1; i <= kFlood; ++i) {
    threads.emplace_back([&, i] {
      ask(flood, i);
      ++answered;
    });
  }
  ASSERT_TRUE(held.EventuallyWaiting(2)) << "both workers";
  HttpConnection metrics(ReadyHttpAddress(server));
  const auto queued = [&] {
    metrics.Send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return PrometheusText(metrics.Read().body())["poold_queue_length"];
  };
  ASSERT_TRUE(Eventually([&] { return queued() == kFlood - 2; }));
  std::vector<int> before(kQuiet);  // answers of the flood before that of each
  for (int i = 0; i < kQuiet; ++i) {
    threads.emplace_back([&, i] {
      ask(quiet[static_cast<std::size_t>(i)], 1);
      before[static_cast<std::size_t>(i)] = answered;
    });
  }
  ASSERT_TRUE(Eventually([&] { return queued() == kFlood - 2 + kQuiet; }));
  held.Release();
  threads.clear();  // joins
  EXPECT_GE(std::ranges::count_if(before, [](int count) { return count <= kFlood / 2; }), kAtLeast);
}

}  // namespace
}  // namespace poold
