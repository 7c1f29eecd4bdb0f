// Calls that have to wait: deadlines, cancellation, a full queue, and that nobody else waits with them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/support/grpc_client.h"
#include "tests/support/held_rows.h"
#include "tests/support/program.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using grpc::StatusCode;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

// A server so small that three calls are too many: two workers, and room for one more call to wait.
class Waiting : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    url_ = FreshDatabase(true);
    server_ = std::make_unique<Program>(
        Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", url_, "--database-connections", "2",
               "--queue-capacity", "1", "--default-deadline", "500ms"}));
    address_ = ReadyAddress(*server_);
  }
  static void TearDownTestSuite() { server_.reset(); }

  Waiting() {
    client_.Must<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
    pool_ = client_
                .Must<CreatePoolRequest>(
                    "origination_identity: 'EXAMPLECO' iso_country_code: 'GB'"
                    " message_type: MESSAGE_TYPE_TRANSACTIONAL")
                .pool_id();
  }

  // Nobody else gets the pool's row as long as this lives.
  HeldRows Hold() const { return HeldRows(url_, "SELECT FROM pools WHERE pool_id = '" + pool_ + "'"); }

  UpdatePoolRequest Update() const {
    return GrpcClient::Parse<UpdatePoolRequest>("shared_routes_enabled: true pool_id: '" + pool_ + "'");
  }

  auto UpdateLater() const {
    return std::async(std::launch::async, [this] { return client_.Call(Update()); });
  }

  bool Updated() const {
    return client_.Must<DescribePoolsRequest>("pool_ids: '" + pool_ + "'").pools(0).shared_routes_enabled();
  }

  inline static std::string url_;
  inline static std::unique_ptr<Program> server_;
  inline static std::string address_;

  GrpcClient client_{address_, NewAccount()};
  std::string pool_;
};

TEST_F(Waiting, EndsAtTheCallersDeadlineAndSoDoesTheStatement) {
  HeldRows held = Hold();
  client_.deadline = milliseconds(400);
  const auto start = Clock::now();
  auto reply = UpdateLater();
  EXPECT_TRUE(held.EventuallyWaiting(1));
  EXPECT_EQ(reply.get().status.error_code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_LT(Clock::now() - start, seconds(2));
  EXPECT_TRUE(held.EventuallyWaiting(0)) << "the lock is still held, so the statement was stopped";
  held.Release();
  client_.deadline = seconds(20);
  EXPECT_FALSE(Updated());
}

TEST_F(Waiting, EndsAtTheDefaultDeadlineOfCallsThatHaveNone) {
  HeldRows held = Hold();
  client_.deadline = std::nullopt;
  const auto start = Clock::now();
  const auto reply = client_.Call(Update());
  EXPECT_LT(Clock::now() - start, seconds(5));
  EXPECT_GE(Clock::now() - start, milliseconds(450));
  // Said by the server this time, not by the client's own clock.
  EXPECT_EQ(reply.status.error_code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(reply.Trailer("x-amzn-errortype"), "InternalServerException");
  EXPECT_FALSE(reply.Find<google::rpc::RetryInfo>()) << "a write without a token may have been done";
  client_.metadata["idempotency-key"] = "again";
  EXPECT_TRUE(client_.Call(Update()).Find<google::rpc::RetryInfo>()) << "with a token it is never done twice";
  EXPECT_TRUE(held.EventuallyWaiting(0));
}

// Further than nanoseconds can be counted.
TEST_F(Waiting, ADeadlineCenturiesAwayIsNoneThatPassed) {
  grpc::ClientContext context;
  context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_hours(9'999'999, GPR_TIMESPAN)));
  context.AddMetadata("x-account-id", NewAccount());
  DescribePoolsResponse response;
  const auto status = Pools::NewStub(client_.channel())->DescribePools(&context, DescribePoolsRequest(), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(Waiting, EndsWhenTheCallerCancels) {
  HeldRows held = Hold();
  grpc::ClientContext context;
  auto reply = std::async(std::launch::async, [&] { return client_.Call(context, Update()); });
  ASSERT_TRUE(held.EventuallyWaiting(1));
  context.TryCancel();
  EXPECT_EQ(reply.get().status.error_code(), StatusCode::CANCELLED);
  EXPECT_TRUE(held.EventuallyWaiting(0)) << "the lock is still held, so the statement was stopped";
  held.Release();
  EXPECT_FALSE(Updated());
}

TEST_F(Waiting, FillsTheQueueAndWhatIsTooMuchIsThrottledAtOnce) {
  HeldRows held = Hold();
  std::vector<std::future<Reply<UpdatePoolResponse>>> working;
  working.push_back(UpdateLater());
  ASSERT_TRUE(held.EventuallyWaiting(1));
  working.push_back(UpdateLater());
  ASSERT_TRUE(held.EventuallyWaiting(2));

  // Of three more, one waits in the queue. Which one is a race; that the other two are refused while it waits is not.
  std::vector<std::future<Reply<UpdatePoolResponse>>> more;
  for (int i = 0; i < 3; ++i) more.push_back(UpdateLater());
  const auto refused = [&] {
    return std::ranges::count_if(
        more, [](const auto& reply) { return reply.wait_for(seconds(0)) == std::future_status::ready; });
  };
  ASSERT_TRUE(Eventually([&] { return refused() == 2; }));
  EXPECT_EQ(held.Waiting(), 2);
  for (auto& pending : more) {
    if (pending.wait_for(seconds(0)) != std::future_status::ready) continue;
    const auto reply = pending.get();
    EXPECT_EQ(reply.status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(reply.Trailer("x-amzn-errortype"), "ThrottlingException");
    EXPECT_THAT(reply, IsFault(Fault::kThrottled));
    const auto retry = reply.Find<google::rpc::RetryInfo>();
    ASSERT_TRUE(retry);
    EXPECT_GT(retry->retry_delay().seconds() * 1'000'000'000 + retry->retry_delay().nanos(), 0);
  }

  held.Release();
  for (auto& pending : working) EXPECT_THAT(pending.get(), IsOk());
  for (auto& pending : more) {
    if (!pending.valid()) continue;
    EXPECT_THAT(pending.get(), IsOk());
  }
  EXPECT_TRUE(Updated());
}

// Every worker is busy; what needs none is answered all the same, however much of it comes.
TEST_F(Waiting, DoesNotHoldUpTheAdmissionOfOthers) {
  HeldRows held = Hold();
  std::vector<std::future<Reply<UpdatePoolResponse>>> working;
  for (int count = 1; count <= 2; ++count) {
    working.push_back(UpdateLater());
    ASSERT_TRUE(held.EventuallyWaiting(count));
  }

  std::vector<std::future<Reply<DeletePoolResponse>>> invalid;
  for (int i = 0; i < 64; ++i) {
    invalid.push_back(std::async(std::launch::async, [this] { return client_.Call<DeletePoolRequest>(""); }));
  }
  for (auto& reply : invalid) EXPECT_THAT(reply.get(), IsInvalidField(reason::kMissingParameter, "poolId"));

  grpc::ClientContext context;
  grpc::health::v1::HealthCheckResponse health;
  const auto status = grpc::health::v1::Health::NewStub(client_.channel())->Check(&context, {}, &health);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(health.status(), grpc::health::v1::HealthCheckResponse::SERVING);

  EXPECT_EQ(held.Waiting(), 2) << "nobody was served at the expense of those that wait";
  held.Release();
  for (auto& pending : working) EXPECT_THAT(pending.get(), IsOk());
}

}  // namespace
}  // namespace poold
