#include "server/middleware/authenticate.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "server/access.h"
#include "tests/support/api.h"
#include "tests/support/matchers.h"
#include "tests/support/signing.h"
#include "tests/support/temporary_directory.h"

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
  // Over gRPC.
  Outcome With(const Headers& headers) { return Of(headers, std::nullopt); }

  // Over HTTP.
  Outcome With(const HttpRequest& http) { return Of({http.headers.begin(), http.headers.end()}, http); }

  Outcome Of(const Headers& headers, const std::optional<HttpRequest>& http) {
    const smsvoice::v2::DescribePoolsRequest request;
    smsvoice::v2::DescribePoolsResponse response;
    TestCall call(api.service(), *FindMethod("DescribePools"), request, response);
    call.headers = headers;
    call.http = http;
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
  const auto outcome = With(Headers{{"x-account-id", "111122223333"}, {"x-region", "eu-west-2"}});
  EXPECT_EQ(outcome.response.account, "111122223333");
  EXPECT_EQ(outcome.response.region, "eu-west-2");
}

TEST_F(AuthenticateTest, TakesTheConfiguredOnesWithoutMetadata) {
  api.settings.api.default_account = "444455556666";
  api.settings.api.default_region = "ap-south-1";
  const auto outcome = With(Headers{});
  EXPECT_EQ(outcome.response.account, "444455556666");
  EXPECT_EQ(outcome.response.region, "ap-south-1");
}

TEST_F(AuthenticateTest, DefaultsToTheDocumentedAccountAndRegion) {
  const auto outcome = With(Headers{});
  EXPECT_EQ(outcome.response.account, "123456789012");
  EXPECT_EQ(outcome.response.region, "us-east-1");
}

TEST_F(AuthenticateTest, TakesEachOfTheTwoByItself) {
  EXPECT_EQ(With(Headers{{"x-region", "eu-west-2"}}).response.account, "123456789012");
  EXPECT_EQ(With(Headers{{"x-account-id", "111122223333"}}).response.region, "us-east-1");
}

class ImpossibleAccount : public AuthenticateTest, public testing::WithParamInterface<const char*> {};

TEST_P(ImpossibleAccount, IsRefused) {
  EXPECT_THAT(With(Headers{{"x-account-id", GetParam()}}), IsInvalidField(reason::kInvalidParameter, "x-account-id"));
}

INSTANTIATE_TEST_SUITE_P(All, ImpossibleAccount,
                         testing::Values("", "12345678901", "1234567890123", "12345678901a", " 23456789012",
                                         "-23456789012", "\xD9\xA1\xD9\xA2\xD9\xA3\xD9\xA4\xD9\xA5\xD9\xA6"));

class ImpossibleRegion : public AuthenticateTest, public testing::WithParamInterface<const char*> {};

TEST_P(ImpossibleRegion, IsRefused) {
  EXPECT_THAT(With(Headers{{"x-region", GetParam()}}), IsInvalidField(reason::kInvalidParameter, "x-region"));
}

INSTANTIATE_TEST_SUITE_P(All, ImpossibleRegion,
                         testing::Values("", "US-EAST-1", "us east 1", "us/east",
                                         "us-east-1:", "a-region-of-more-than-32-letters-"));

// ---- over HTTP, without an access file

constexpr const char* kTeam = "111122223333";

HttpRequest WithHeader(HttpRequest request, const std::string& name, const std::string& value) {
  request.headers.emplace_back(name, value);
  return request;
}

class AuthenticateHttp : public AuthenticateTest {
 protected:
  static std::string Found(const Outcome& outcome) { return testing::PrintToString(outcome); }
};

TEST_F(AuthenticateHttp, TakesTheDefaultsFromAnUnsignedRequest) {
  EXPECT_EQ(Found(With(DescribePoolsOverHttp())), "123456789012 us-east-1");
}

TEST_F(AuthenticateHttp, TakesAccountAndRegionFromTheHeadersOfAnUnsignedRequest) {
  EXPECT_EQ(
      Found(With(WithHeader(WithHeader(DescribePoolsOverHttp(), "x-account-id", kTeam), "x-region", "eu-west-1"))),
      "111122223333 eu-west-1");
}

TEST_F(AuthenticateHttp, TakesTheRegionARequestIsSignedForAndItsKeyAsAccountIfThatCanBeOne) {
  EXPECT_EQ(Found(With(Signed(DescribePoolsOverHttp(), {.key_id = kTeam}))), "111122223333 eu-west-2");
  EXPECT_EQ(Found(With(Signed(DescribePoolsOverHttp()))), "123456789012 eu-west-2");
  EXPECT_EQ(Found(With(Signed(DescribePoolsOverHttp(), {.key_id = "11112222333"}))), "123456789012 eu-west-2");
}

TEST_F(AuthenticateHttp, PrefersTheHeadersToWhatTheRequestIsSignedWith) {
  const HttpRequest request = Signed(DescribePoolsOverHttp(), {.key_id = kTeam});
  EXPECT_EQ(Found(With(WithHeader(request, "x-account-id", "444455556666"))), "444455556666 eu-west-2");
  EXPECT_EQ(Found(With(WithHeader(request, "x-region", "eu-west-1"))), "111122223333 eu-west-1");
}

TEST_F(AuthenticateHttp, DoesNotLookAtASignatureThatItCannotCheck) {
  api.world.Advance(std::chrono::hours(24));
  HttpRequest request = Signed(DescribePoolsOverHttp(), {.key_id = kTeam, .secret = "anything", .service = "sns"});
  request.body = "{\"changed\": true}";
  EXPECT_EQ(Found(With(request)), "111122223333 eu-west-2");
}

TEST_F(AuthenticateHttp, RefusesAnAuthorizationThatIsNone) {
  for (const char* value : {"", "Bearer abc", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e"}) {
    EXPECT_THAT(With(WithHeader(DescribePoolsOverHttp(), "authorization", value)),
                IsFault(Fault::kIncompleteSignature));
  }
  EXPECT_THAT(With(Signed(Signed(DescribePoolsOverHttp()))), IsFault(Fault::kIncompleteSignature));
}

TEST_F(AuthenticateHttp, RefusesHeadersThatCannotBeAnAccountOrRegion) {
  EXPECT_THAT(With(WithHeader(Signed(DescribePoolsOverHttp()), "x-account-id", "me")),
              IsInvalidField(reason::kInvalidParameter, "x-account-id"));
  EXPECT_THAT(With(WithHeader(Signed(DescribePoolsOverHttp()), "x-region", "Here")),
              IsInvalidField(reason::kInvalidParameter, "x-region"));
}

// ---- with an access file

class AuthenticateByFile : public AuthenticateHttp {
 protected:
  AuthenticateByFile() { api.service().access = &file; }

  std::filesystem::path Write(const std::string& secret_of_web) {
    std::ofstream(directory.path() / "access.yaml") << "principals:\n"
                                                       "  - name: billing\n"
                                                       "    account: '111122223333'\n"
                                                       "    access_keys: [{id: AKIDEXAMPLE, secret: "
                                                    << kSecret
                                                    << "}]\n"
                                                       "  - name: web\n"
                                                       "    account: '444455556666'\n"
                                                       "    access_keys: [{id: AKIDWEB, secret: "
                                                    << secret_of_web << "}]\n";
    return directory.path() / "access.yaml";
  }

  TemporaryDirectory directory;
  AccessFile file{Write("ofWeb")};
};

TEST_F(AuthenticateByFile, TakesTheAccountOfTheKeyAndTheRegionThatTheRequestIsSignedFor) {
  EXPECT_EQ(Found(With(Signed(DescribePoolsOverHttp()))), "111122223333 eu-west-2");
  EXPECT_EQ(
      Found(With(Signed(DescribePoolsOverHttp(), {.key_id = "AKIDWEB", .secret = "ofWeb", .region = "ap-south-1"}))),
      "444455556666 ap-south-1");
}

TEST_F(AuthenticateByFile, BelievesNoHeader) {
  const HttpRequest request = WithHeader(Signed(DescribePoolsOverHttp()), "x-account-id", "444455556666");
  EXPECT_EQ(Found(With(WithHeader(request, "x-region", "eu-west-1"))), "111122223333 eu-west-2");
}

TEST_F(AuthenticateByFile, AcceptsWhatRealClientsSend) {
  api.world.Set(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + std::chrono::hours(12) +
                std::chrono::minutes(20));
  for (const SignedRequest& client : SignedRequests("clients.json")) {
    EXPECT_EQ(Found(With(client.request)), "111122223333 eu-west-2") << client.name;
  }
}

TEST_F(AuthenticateByFile, RefusesAnUnsignedRequest) {
  EXPECT_THAT(With(DescribePoolsOverHttp()), IsFault(Fault::kMissingAuthentication));
  EXPECT_THAT(With(WithHeader(DescribePoolsOverHttp(), "x-account-id", kTeam)), IsFault(Fault::kMissingAuthentication));
}

TEST_F(AuthenticateByFile, RefusesAPresignedRequest) {
  HttpRequest request = DescribePoolsOverHttp();
  request.target =
      "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20240101%2Feu-west-2%2Fsms-voice%2Faws4_"
      "request"
      "&X-Amz-Date=20240101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=" +
      std::string(64, '0');
  EXPECT_THAT(With(request), IsFault(Fault::kMissingAuthentication));
}

TEST_F(AuthenticateByFile, RefusesAnUnknownKey) {
  EXPECT_THAT(With(Signed(DescribePoolsOverHttp(), {.key_id = "AKIDNOBODY"})), IsFault(Fault::kUnrecognizedClient));
  EXPECT_THAT(With(Signed(DescribePoolsOverHttp(), {.key_id = kTeam})), IsFault(Fault::kUnrecognizedClient));
}

TEST_F(AuthenticateByFile, RefusesASignatureWithAnothersSecret) {
  EXPECT_THAT(With(Signed(DescribePoolsOverHttp(), {.key_id = "AKIDWEB"})), IsFault(Fault::kInvalidSignature));
}

TEST_F(AuthenticateByFile, RefusesAnAuthorizationThatIsNone) {
  EXPECT_THAT(With(WithHeader(DescribePoolsOverHttp(), "authorization", "Bearer abc")),
              IsFault(Fault::kIncompleteSignature));
}

TEST_F(AuthenticateByFile, RefusesARequestThatIsTooOldForItsClock) {
  api.world.Advance(std::chrono::minutes(5) + std::chrono::milliseconds(1));
  EXPECT_THAT(With(Signed(DescribePoolsOverHttp())), IsFault(Fault::kInvalidSignature));
}

TEST_F(AuthenticateByFile, RefusesAnotherService) {
  EXPECT_THAT(With(Signed(DescribePoolsOverHttp(), {.service = "sns"})), IsFault(Fault::kInvalidSignature));
}

TEST_F(AuthenticateByFile, GoesByTheFileAsItIsNow) {
  const HttpRequest request = Signed(DescribePoolsOverHttp(), {.key_id = "AKIDWEB", .secret = "ofWeb"});
  EXPECT_THAT(With(request), IsOk());
  Write("another");
  file.Reload();
  EXPECT_THAT(With(request), IsFault(Fault::kInvalidSignature));
}

TEST_F(AuthenticateByFile, RefusesGrpcCallsWhichHaveNothingToShow) {
  EXPECT_THAT(With(Headers{}), IsFault(Fault::kUnauthenticated));
  EXPECT_THAT(With(Headers{{"x-account-id", kTeam}, {"x-region", "eu-west-2"}}), IsFault(Fault::kUnauthenticated));
  EXPECT_THAT(With(Headers{{"authorization", AuthorizationOf(DescribePoolsOverHttp(), {})}}),
              IsFault(Fault::kUnauthenticated));
}

}  // namespace
}  // namespace poold
