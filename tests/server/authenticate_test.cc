#include "server/middleware/authenticate.h"

#include <gtest/gtest.h>

#include "tests/support/api.h"
#include "tests/support/matchers.h"

namespace poold {
namespace {

using Headers = std::map<std::string, std::string, std::less<>>;

// What a call with these headers comes to: the scope it was given, or the refusal.
struct Outcome {
  Scope response;
  std::optional<Error> error;
};
void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << (outcome.error ? outcome.error->what() : outcome.response.account + " " + outcome.response.region);
}

class AuthenticateTest : public testing::Test {
 protected:
  Outcome With(const Headers& headers) {
    const smsvoice::v2::DescribePoolsRequest request;
    smsvoice::v2::DescribePoolsResponse response;
    TestCall call(api.service(), *FindMethod("DescribePools"), request, response);
    call.headers = headers;
    try {
      Authenticate(call);
    } catch (const Error& error) {
      return {{}, error};
    }
    return {call.scope(), std::nullopt};
  }

  Api api;
};

TEST_F(AuthenticateTest, TakesAccountAndRegionFromTheMetadata) {
  const auto outcome = With({{"x-account-id", "111122223333"}, {"x-region", "eu-west-2"}});
  EXPECT_EQ(outcome.response.account, "111122223333");
  EXPECT_EQ(outcome.response.region, "eu-west-2");
}

TEST_F(AuthenticateTest, TakesTheConfiguredOnesWithoutMetadata) {
  api.settings.api.default_account = "444455556666";
  api.settings.api.default_region = "ap-south-1";
  const auto outcome = With({});
  EXPECT_EQ(outcome.response.account, "444455556666");
  EXPECT_EQ(outcome.response.region, "ap-south-1");
}

TEST_F(AuthenticateTest, DefaultsToTheDocumentedAccountAndRegion) {
  const auto outcome = With({});
  EXPECT_EQ(outcome.response.account, "123456789012");
  EXPECT_EQ(outcome.response.region, "us-east-1");
}

TEST_F(AuthenticateTest, TakesEachOfTheTwoByItself) {
  EXPECT_EQ(With({{"x-region", "eu-west-2"}}).response.account, "123456789012");
  EXPECT_EQ(With({{"x-account-id", "111122223333"}}).response.region, "us-east-1");
}

class ImpossibleAccount : public AuthenticateTest, public testing::WithParamInterface<const char*> {};

TEST_P(ImpossibleAccount, IsRefused) {
  EXPECT_THAT(With({{"x-account-id", GetParam()}}), IsInvalidField(reason::kInvalidParameter, "x-account-id"));
}

INSTANTIATE_TEST_SUITE_P(All, ImpossibleAccount,
                         testing::Values("", "12345678901", "1234567890123", "12345678901a", " 23456789012",
                                         "-23456789012", "\xD9\xA1\xD9\xA2\xD9\xA3\xD9\xA4\xD9\xA5\xD9\xA6"));

class ImpossibleRegion : public AuthenticateTest, public testing::WithParamInterface<const char*> {};

TEST_P(ImpossibleRegion, IsRefused) {
  EXPECT_THAT(With({{"x-region", GetParam()}}), IsInvalidField(reason::kInvalidParameter, "x-region"));
}

INSTANTIATE_TEST_SUITE_P(All, ImpossibleRegion,
                         testing::Values("", "US-EAST-1", "us east 1", "us/east",
                                         "us-east-1:", "a-region-of-more-than-32-letters-"));

}  // namespace
}  // namespace poold
