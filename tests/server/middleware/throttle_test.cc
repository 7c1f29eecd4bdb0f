// Throttling of calls, by settings. Rules: behaviour 2.2 and 4.4.

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <optional>

#include "server/base/digest.h"
#include "server/middleware/access.h"
#include "server/rpc/method.h"
#include "tests/support/api.h"
#include "tests/support/given.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using std::chrono::milliseconds;
using std::chrono::seconds;

Settings Throttled(Throttling::Kind kind, double calls_per_second = 0) {
  Settings settings;
  settings.api.throttling = {kind, calls_per_second};
  settings.api.dev = true;  // so that every operation is served
  return settings;
}

MATCHER_P(IsThrottledFor, wait, "is throttled for that time") {
  return arg.error && arg.error->fault() == Fault::kThrottled && arg.error->retry_after() == wait &&
         arg.error->retryable() && arg.error->exception() == "ThrottlingException" && arg.error->reason().empty() &&
         arg.error->code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

// Calls the operation with an empty request, which is enough to see whether it is throttled: throttling comes first.
Result<DescribePoolsResponse> CallAny(Api& api, const Method& method, const std::string& account) {
  const auto make = [](const google::protobuf::Descriptor* type) {
    return std::unique_ptr<google::protobuf::Message>(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  };
  const auto request = make(method.descriptor->input_type());
  const auto response = make(method.descriptor->output_type());
  Result<DescribePoolsResponse> result;
  result.error = api.Run({account, "us-east-1"}, {}, *request, *response);
  return result;
}

// What the account's transactions have been so far, well or badly ended.
std::uint64_t DatabaseRuns(Api& api) {
  const auto stats = api.database().stats();
  return stats.reads + stats.writes + stats.failures;
}

// How many of so many calls at one moment pass.
int Passing(Api& api, int calls) {
  int passing = 0;
  for (int i = 0; i < calls; ++i) {
    const bool passes = !api.CallWith({{"authorization", "Bearer key"}}, DescribePoolsRequest()).error;
    passing += passes ? 1 : 0;
  }
  return passing;
}

TEST(Throttling, IsOffByItselfWhereCallersAreTrusted) {
  Api api;
  EXPECT_EQ(Passing(api, 250), 250);
}

class ThrottlingOfKnownCallers : public testing::Test {
 protected:
  explicit ThrottlingOfKnownCallers() {
    std::ofstream(directory_.path() / "access.yaml")
        << "principals:\n  - name: web\n    account: \"" << api_.account()
        << "\"\n    bearer_keys: [{sha256: " << Hex(Sha256("key")) << "}]\n";
    file_.emplace(directory_.path() / "access.yaml");
    api_.service().access = &*file_;
  }

  const TemporaryDirectory directory_;
  Api api_;
  std::optional<AccessFile> file_;
};

TEST_F(ThrottlingOfKnownCallers, IsOnByItself) {
  EXPECT_EQ(Passing(api_, 250), 200);
  api_.world.Advance(milliseconds(10));
  EXPECT_EQ(Passing(api_, 10), 2);
}

TEST_F(ThrottlingOfKnownCallers, IsOffIfTheSettingSaysSo) {
  api_.settings.api.throttling = {Throttling::Kind::kOff};
  EXPECT_EQ(Passing(api_, 250), 250);
}

TEST(Throttling, HoldsEveryOperationToItsDocumentedRate) {
  Api api(Throttled(Throttling::Kind::kAws));
  for (const Method& method : Methods()) {
    const bool faster = method.name == "PutOptedOutNumber" || method.name == "DeleteOptedOutNumber";
    const int burst = faster ? 10 : 1;
    const std::string account = NewAccount();
    for (int i = 0; i < burst; ++i) {
      EXPECT_THAT(CallAny(api, method, account), testing::Not(IsFault(Fault::kThrottled))) << method.name;
    }
    EXPECT_THAT(CallAny(api, method, account), IsThrottledFor(milliseconds(1000 / burst))) << method.name;
    api.world.Advance(milliseconds(1000 / burst - 1));
    EXPECT_THAT(CallAny(api, method, account), IsThrottledFor(milliseconds(1))) << method.name;
    api.world.Advance(milliseconds(1));
    EXPECT_THAT(CallAny(api, method, account), testing::Not(IsFault(Fault::kThrottled))) << method.name;
    EXPECT_THAT(CallAny(api, method, account), IsFault(Fault::kThrottled)) << method.name;
  }
}

TEST(Throttling, HoldsEveryOperationToARateOfOnesOwn) {
  Api api(Throttled(Throttling::Kind::kRate, 4));
  for (const Method& method : Methods()) {
    const std::string account = NewAccount();
    for (int i = 0; i < 4; ++i) {
      EXPECT_THAT(CallAny(api, method, account), testing::Not(IsFault(Fault::kThrottled))) << method.name;
    }
    EXPECT_THAT(CallAny(api, method, account), IsThrottledFor(milliseconds(250))) << method.name;
  }
}

TEST(Throttling, LetsACallPassAfterTheTimeItTold) {
  Api api(Throttled(Throttling::Kind::kRate, 0.3));
  ASSERT_THAT(api.Call(DescribePoolsRequest()), IsOk());
  const auto refused = api.Call(DescribePoolsRequest());
  ASSERT_THAT(refused, IsThrottledFor(milliseconds(3334)));
  api.world.Advance(refused.error->retry_after());
  EXPECT_THAT(api.Call(DescribePoolsRequest()), IsOk());
  EXPECT_THAT(api.Call(DescribePoolsRequest()), IsFault(Fault::kThrottled));
}

// A region is what the caller chooses: it must not be a way to further calls.
TEST(Throttling, IsPerAccountAndOperationInAllRegionsTogether) {
  Api api(Throttled(Throttling::Kind::kAws));
  ASSERT_THAT(api.Call(DescribePoolsRequest()), IsOk());
  ASSERT_THAT(api.Call(DescribePoolsRequest()), IsFault(Fault::kThrottled));
  EXPECT_THAT(api.Call(DescribePhoneNumbersRequest()), IsOk());
  EXPECT_THAT(api.CallAs(NewAccount(), DescribePoolsRequest()), IsOk());
  for (const char* region : {"eu-west-2", "eu-west-1", "ap-south-1"}) {
    EXPECT_THAT(api.CallIn({api.account(), region}, DescribePoolsRequest()), IsFault(Fault::kThrottled)) << region;
  }
}

TEST(Throttling, ComesBeforeTheLookAtTheRequest) {
  Api api(Throttled(Throttling::Kind::kAws));
  EXPECT_THAT(api.Call<DescribePoolsRequest>("max_results: 0"), IsFault(Fault::kInvalid));  // and counts
  EXPECT_THAT(api.Call<DescribePoolsRequest>("max_results: 0"), IsFault(Fault::kThrottled));
}

TEST(Throttling, DoesNotChargeAnAccountForCallsOfNobody) {
  Api api(Throttled(Throttling::Kind::kAws));
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(api.CallAs("nobody", DescribePoolsRequest()),
                IsInvalidField(reason::kInvalidParameter, "x-account-id"));
  }
  EXPECT_THAT(api.Call(DescribePoolsRequest()), IsOk());
}

TEST(Throttling, CostsNoDatabaseWork) {
  Api api(Throttled(Throttling::Kind::kAws));
  GivenAccount(api, api.account());  // with a look-up, which takes the token
  const auto before = DatabaseRuns(api);
  ASSERT_GT(before, 0u);
  for (int i = 0; i < 100; ++i) ASSERT_THAT(api.Call(DescribePoolsRequest()), IsFault(Fault::kThrottled));
  EXPECT_EQ(DatabaseRuns(api), before);
  api.world.Advance(seconds(1));
  ASSERT_THAT(api.Call(DescribePoolsRequest()), IsOk());
  EXPECT_GT(DatabaseRuns(api), before);
}

TEST(Throttling, OfAnAccountNeverSeenCostsNoDatabaseWorkEither) {
  // A database that isn't there: whatever needs it fails otherwise.
  Api api(Throttled(Throttling::Kind::kAws), "host=/nonexistent dbname=none");
  const Method& method = *FindMethod("DescribePools");
  const std::string account = NewAccount();
  EXPECT_THAT(CallAny(api, method, account), IsFault(Fault::kUnavailable));
  EXPECT_THAT(CallAny(api, method, account), IsFault(Fault::kThrottled));
}

}  // namespace
}  // namespace poold
