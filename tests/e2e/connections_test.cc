// Strangers who open connections and leave them: others are still served, meanwhile and afterwards.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <deque>

#include "tests/support/given.h"
#include "tests/support/grpc_client.h"
#include "tests/support/http2_frames.h"
#include "tests/support/http_client.h"
#include "tests/support/program.h"
#include "tests/support/tcp_client.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using smsvoice::v2::DescribePoolsRequest;

constexpr int kFiles = 1024;        // what many systems allow a process
constexpr int kConnections = 1030;  // more than that

// The test needs files for the other ends.
void RaiseOwnFileLimit() {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_GT(limit.rlim_cur, 3 * kConnections);
}

Program::Options WithFileLimit(Program::Options options) {
  std::vector<std::string> command{"sh", "-c", "ulimit -n " + std::to_string(kFiles) + " && exec \"$@\"", "sh"};
  command.insert(command.end(), options.command.begin(), options.command.end());
  options.command = std::move(command);
  return options;
}

class IdleConnections : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, IdleConnections, testing::Values("auto", "on"),
                         [](const auto& guard) { return "Guard_" + std::string(guard.param); });

TEST_P(IdleConnections, HinderNobodyElse) {
  ASSERT_NO_FATAL_FAILURE(RaiseOwnFileLimit());
  Program server(
      WithFileLimit(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--health-listen",
                           "127.0.0.1:0", "--grpc-guard", GetParam(), "--database-url", TestDatabaseUrl()})));
  const std::string grpc = ReadyAddress(server);
  const std::string http = ReadyHttpAddress(server);
  const std::string account = NewAccount();
  const auto call = [&] {
    ::grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return GrpcClient(::grpc::CreateCustomChannel(grpc, ::grpc::InsecureChannelCredentials(), own), account)
        .Call<DescribePoolsRequest>("");
  };
  {
    std::deque<TcpClient> idle;
    for (int i = 0; i < kConnections; ++i) idle.emplace_back(http, "127.0.0.2");
    EXPECT_THAT(call(), IsOk());
    for (int i = 0; i < kConnections; ++i) idle.emplace_back(grpc, "127.0.0.2");
    EXPECT_THAT(call(), IsOk());
    EXPECT_EQ(HttpConnection(http).Call("DescribePools", "{}").result_int(), 200U);
  }
  EXPECT_THAT(call(), IsOk());
  EXPECT_TRUE(Eventually([&] {
    TcpClient next(grpc, "127.0.0.2");
    return next.TrySend(http2::Hello()) && !next.ReadToEnd(1).empty();
  })) << "they are given up again";
  EXPECT_TRUE(server.Running());
}

}  // namespace
}  // namespace poold
