#include "server/middleware/authenticate.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "server/base/digest.h"
#include "server/middleware/access.h"
#include "tests/support/api.h"
#include "tests/support/matchers.h"
#include "tests/support/signing.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

using Headers = std::map<std::string, std::string, std::less<>>;

// What a call with these headers comes to: the scope it was given, or the refusal.
struct Outcome {
  storage::Scope response;
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

  Outcome Of(const Headers& headers, const std::optional<HttpRequest>& http) { return Of({headers, http, {}, {}}); }

  // All that a caller can show.
  struct Shown {
    Headers headers;
    std::optional<HttpRequest> http;
    std::vector<std::string> certificate_names;
    std::multimap<std::string, std::string, std::less<>> further = {};  // what came besides under the same names
  };
  Outcome Of(const Shown& shown) {
    const smsvoice::v2::DescribePoolsRequest request;
    smsvoice::v2::DescribePoolsResponse response;
    TestCall call(api.service(), *FindMethod("DescribePools"), request, response);
    call.headers = shown.headers;
    call.http = shown.http;
    call.certificate_names = shown.certificate_names;
    call.further_headers = shown.further;
    const auto by_headers = RefusalOf([&] { CheckCredentials(call); });
    const auto refusal = RefusalOf([&] { Authenticate(call); });
    ExpectTheSame(by_headers, refusal);
    if (refusal) return {{}, refusal};
    return {call.scope(), std::nullopt};
  }

  // Before the body is read, a call is refused for the same reason, unless that is the signature.
  static void ExpectTheSame(const std::optional<Error>& by_headers, const std::optional<Error>& refusal) {
    if (by_headers) {
      ASSERT_TRUE(refusal) << by_headers->what();
      if (refusal->fault() != Fault::kInvalidSignature) {
        EXPECT_EQ(by_headers->message(), refusal->message());
      }
    } else if (refusal) {
      EXPECT_EQ(refusal->fault(), Fault::kInvalidSignature) << refusal->what();
    }
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

std::multimap<std::string, std::string, std::less<>> Further(const std::string& name, const std::string& value) {
  return {{name, value}};
}

TEST_F(AuthenticateTest, RefusesToChooseAmongAccountsAndRegions) {
  for (const auto& [name, first, second] :
       {std::tuple("x-account-id", "111122223333", "444455556666"), {"x-region", "us-east-1", "eu-west-2"}}) {
    EXPECT_THAT(Of({{{name, first}}, std::nullopt, {}, Further(name, second)}),
                IsInvalidField(reason::kInvalidParameter, name));
    EXPECT_FALSE(Of({{{name, first}}, std::nullopt, {}, Further(name, first)}).error) << "the same said twice";
  }
}

// ---- over HTTP, without an access file

constexpr const char* kTeam = "111122223333";

HttpRequest WithHeader(HttpRequest request, const std::string& name, const std::string& value) {
  request.headers.emplace_back(name, value);
  return request;
}

// Regions are those that the deployment has, never what a caller makes up: quotas and accounts are per region.

TEST_F(AuthenticateTest, KnowsTheRegionsOfAwsAndTheConfiguredOne) {
  api.settings.api.default_region = "lab-1";
  for (const char* region : {"us-east-1", "us-gov-west-1", "cn-north-1", "lab-1"}) {
    EXPECT_EQ(With(Headers{{"x-region", region}}).response.region, region);
  }
  for (const char* region : {"us-esat-1", "us-east-3", "lab-2"}) {
    EXPECT_THAT(With(Headers{{"x-region", region}}), IsInvalidField(reason::kInvalidParameter, "x-region")) << region;
  }
}

TEST_F(AuthenticateTest, KnowsOnlyTheRegionsOfTheSettingIfItIsGiven) {
  api.settings.api.regions = {"eu-west-1", "us-east-1"};
  EXPECT_EQ(With(Headers{{"x-region", "eu-west-1"}}).response.region, "eu-west-1");
  const auto refused = With(Headers{{"x-region", "us-west-2"}});
  ASSERT_THAT(refused, IsInvalidField(reason::kInvalidParameter, "x-region"));
  EXPECT_EQ(refused.error->fields()[0].message, "must be one of eu-west-1, us-east-1");
}

TEST_F(AuthenticateTest, RefusesASignatureForAnotherRegionAsAwsDoes) {
  api.settings.api.regions = {"us-east-1"};
  const HttpRequest request = Signed(DescribePoolsOverHttp(), {.region = "eu-west-1"});
  const auto refused = With(request);
  ASSERT_THAT(refused, IsFault(Fault::kInvalidSignature));
  EXPECT_EQ(refused.error->message(),
            "Credential should be scoped to a valid region, not 'eu-west-1': it must be us-east-1");
  EXPECT_EQ(With(WithHeader(request, "x-region", "us-east-1")).response.region, "us-east-1") << "which counts more";
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

TEST_F(AuthenticateHttp, RefusesToChooseAmongAccountsAndRegions) {
  for (const auto& [name, first, second] :
       {std::tuple("x-account-id", kTeam, "444455556666"), {"x-region", "us-east-1", "eu-west-2"}}) {
    const HttpRequest request = WithHeader(DescribePoolsOverHttp(), name, first);
    EXPECT_THAT(With(WithHeader(request, name, second)), IsInvalidField(reason::kInvalidParameter, name));
    EXPECT_FALSE(With(WithHeader(request, name, first)).error) << "the same said twice";
  }
}

TEST_F(AuthenticateHttp, TakesTheRegionARequestIsSignedForAndItsKeyAsAccountIfThatCanBeOne) {
  EXPECT_EQ(Found(With(Signed(DescribePoolsOverHttp(), {.key_id = kTeam}))), "111122223333 eu-west-2");
  for (const char* no_account : {kKeyId, "AKIAIOSFODNN7EXAMPLE", "test", "11112222333a", "team-4"}) {
    EXPECT_EQ(Found(With(Signed(DescribePoolsOverHttp(), {.key_id = no_account}))), "123456789012 eu-west-2");
  }
}

TEST_F(AuthenticateHttp, RefusesAKeyThatIsNearlyAnAccount) {
  for (const char* nearly :
       {"1", "11112222333", "1111222233334", "1111-2222-3333", "1111 2222 3333", "1111.2222.3333", "1111_2222_3333",
        "111122223333 ", "-111122223333", "+111122223333", "'111122223333'", "1.11122223333"}) {
    const auto outcome = With(Signed(DescribePoolsOverHttp(), {.key_id = nearly}));
    ASSERT_THAT(outcome, IsFault(Fault::kUnrecognizedClient)) << nearly;
    EXPECT_THAT(
        outcome.error->message(),
        testing::HasSubstr("An access key id of digits is an account and has 12 of them, not '" + std::string(nearly)));
  }
}

TEST_F(AuthenticateHttp, LooksAtNoKeyWhereAHeaderNamesTheAccount) {
  const HttpRequest request = Signed(DescribePoolsOverHttp(), {.key_id = "1111-2222-3333"});
  EXPECT_EQ(Found(With(WithHeader(request, "x-account-id", kTeam))), "111122223333 eu-west-2");
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
    std::ofstream(directory.path() / "access.yaml")
        << "principals:\n"
           "  - name: billing\n"
           "    account: '111122223333'\n"
           "    access_keys: [{id: AKIDEXAMPLE, secret: "
        << kSecret
        << "}]\n"
           "    bearer_keys: [{sha256: "
        << Hex(Sha256("keyOfBilling"))
        << "}]\n"
           "    certificates: [{uri: 'spiffe://example/billing'}, {dns: billing.example}]\n"
           "  - name: web\n"
           "    account: '444455556666'\n"
           "    access_keys: [{id: AKIDWEB, secret: "
        << secret_of_web
        << "}]\n"
           "    bearer_keys: [{sha256: "
        << Hex(Sha256("keyOfWeb"))
        << "}]\n"
           "    certificates: [{dns: web.example}]\n"
           "    deny: ['sms-voice:Delete*']\n";
    return directory.path() / "access.yaml";
  }

  static constexpr const char* kNameOfBilling = "uri:spiffe://example/billing";

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

TEST_F(AuthenticateByFile, NamesThePrincipalAndWhatItMayDo) {
  const smsvoice::v2::DescribePoolsRequest request;
  smsvoice::v2::DescribePoolsResponse response;
  TestCall call(api.service(), *FindMethod("DescribePools"), request, response);
  call.headers = {{"authorization", "Bearer keyOfWeb"}};
  Authenticate(call);
  EXPECT_EQ(call.principal(), "web");
  ASSERT_NE(call.rights(), nullptr);
  EXPECT_TRUE(call.rights()->Allow("sms-voice:DescribePools"));
  EXPECT_FALSE(call.rights()->Allow("sms-voice:DeletePool"));
}

// ---- by bearer key, over gRPC

Headers Bearing(const std::string& key) { return {{"authorization", "Bearer " + key}}; }

TEST_F(AuthenticateByFile, TakesTheAccountOfABearerKeyAndTheRegionOfTheMetadata) {
  EXPECT_EQ(Found(With(Bearing("keyOfBilling"))), "111122223333 us-east-1");
  EXPECT_EQ(Found(With(Headers{{"authorization", "bearer keyOfWeb"}, {"x-region", "eu-west-2"}})),
            "444455556666 eu-west-2");
}

TEST_F(AuthenticateByFile, TakesAnAccountIdOnlyIfItIsTheCallers) {
  Headers headers = Bearing("keyOfBilling");
  headers["x-account-id"] = "111122223333";
  EXPECT_EQ(Found(With(headers)), "111122223333 us-east-1");
  headers["x-account-id"] = "444455556666";
  EXPECT_THAT(With(headers), IsFault(Fault::kAccessDenied));
}

TEST_F(AuthenticateByFile, RefusesARegionThatCannotBeOneAlsoOfAKnownCaller) {
  Headers headers = Bearing("keyOfBilling");
  headers["x-region"] = "Here";
  EXPECT_THAT(With(headers), IsInvalidField(reason::kInvalidParameter, "x-region"));
}

TEST_F(AuthenticateByFile, RefusesARegionThatTheDeploymentDoesNotHave) {
  api.settings.api.regions = {"us-east-1"};
  EXPECT_EQ(Found(With(Bearing("keyOfBilling"))), "111122223333 us-east-1");
  Headers headers = Bearing("keyOfBilling");
  headers["x-region"] = "eu-west-2";
  EXPECT_THAT(With(headers), IsInvalidField(reason::kInvalidParameter, "x-region"));
  const auto refused = With(Signed(DescribePoolsOverHttp()));
  ASSERT_THAT(refused, IsFault(Fault::kInvalidSignature));
  EXPECT_TRUE(refused.error->message().starts_with("Credential should be scoped to a valid region, not 'eu-west-2'"));
  EXPECT_THAT(With(Signed(DescribePoolsOverHttp(), {.secret = "wrong"})), IsFault(Fault::kInvalidSignature));
}

TEST_F(AuthenticateByFile, RefusesARegionWhereThePrincipalMayNotCall) {
  std::ofstream(directory.path() / "regions.yaml")
      << "principals:\n  - name: billing\n    account: \"111122223333\"\n    regions: [eu-west-1, eu-west-2]\n"
      << "    access_keys: [{id: " << kKeyId << ", secret: " << kSecret
      << "}]\n    bearer_keys: [{sha256: " << Hex(Sha256("keyOfBilling")) << "}]\n";
  const AccessFile regions(directory.path() / "regions.yaml");
  api.service().access = &regions;
  EXPECT_EQ(Found(With(Signed(DescribePoolsOverHttp()))), "111122223333 eu-west-2");
  EXPECT_THAT(With(Signed(DescribePoolsOverHttp(), {.region = "us-east-1"})), IsFault(Fault::kAccessDenied));
  EXPECT_THAT(With(Bearing("keyOfBilling")), IsFault(Fault::kAccessDenied)) << "the default region is none of its";
  Headers headers = Bearing("keyOfBilling");
  headers["x-region"] = "eu-west-1";
  EXPECT_EQ(Found(With(headers)), "111122223333 eu-west-1");
}

class NoBearerKey : public AuthenticateByFile, public testing::WithParamInterface<const char*> {};

TEST_P(NoBearerKey, IsRefused) {
  EXPECT_THAT(With(Headers{{"authorization", GetParam()}}), IsFault(Fault::kUnauthenticated));
  Shown shown{{{"authorization", GetParam()}}, std::nullopt, {kNameOfBilling}};
  EXPECT_THAT(Of(shown), IsFault(Fault::kUnauthenticated)) << "also beside a good certificate";
}

INSTANTIATE_TEST_SUITE_P(All, NoBearerKey,
                         testing::Values("", "Bearer", "Bearer ", "Bearer keyOfNobody", "Bearer keyOfBilling ",
                                         "Bearer  keyOfBilling", "keyOfBilling", "Basic keyOfBilling",
                                         "Bearer keyOfBilling,Bearer keyOfWeb", "BearerkeyOfBilling"));

TEST_F(AuthenticateByFile, RefusesTwoBearerKeys) {
  EXPECT_THAT(Of({Bearing("keyOfBilling"), std::nullopt, {}, Further("authorization", "Bearer keyOfWeb")}),
              IsInvalidField(reason::kInvalidParameter, "authorization"));
  EXPECT_EQ(Found(Of({Bearing("keyOfBilling"), std::nullopt, {}, Further("authorization", "Bearer keyOfBilling")})),
            "111122223333 us-east-1")
      << "the same said twice";
}

TEST_F(AuthenticateByFile, RefusesToChooseAmongAccountsAndRegionsBesideAKey) {
  for (const auto& [name, first, second] :
       {std::tuple("x-account-id", kTeam, "444455556666"), {"x-region", "us-east-1", "eu-west-2"}}) {
    Headers headers = Bearing("keyOfBilling");
    headers[name] = first;
    EXPECT_THAT(Of({headers, std::nullopt, {}, Further(name, second)}),
                IsInvalidField(reason::kInvalidParameter, name));
  }
}

TEST_F(AuthenticateByFile, RefusesASignatureWithASecondDateOrHash) {
  for (const char* name : {"authorization", "x-amz-date", "x-amz-content-sha256"}) {
    HttpRequest request = DescribePoolsOverHttp();
    if (name == std::string("x-amz-content-sha256")) request.headers.emplace_back(name, std::string(64, 'a'));
    EXPECT_THAT(With(WithHeader(Signed(request), name, "20300101T000000Z")),
                IsInvalidField(reason::kInvalidParameter, name));
  }
}

TEST_F(AuthenticateByFile, RefusesGrpcCallsThatShowNothing) {
  EXPECT_THAT(With(Headers{}), IsFault(Fault::kUnauthenticated));
  EXPECT_THAT(With(Headers{{"x-account-id", kTeam}, {"x-region", "eu-west-2"}}), IsFault(Fault::kUnauthenticated));
  EXPECT_THAT(With(Headers{{"authorization", AuthorizationOf(DescribePoolsOverHttp(), {})}}),
              IsFault(Fault::kUnauthenticated))
      << "a signature is of a request over HTTP";
}

TEST_F(AuthenticateByFile, TakesNoBearerKeyOverHttp) {
  EXPECT_THAT(With(WithHeader(DescribePoolsOverHttp(), "authorization", "Bearer keyOfBilling")),
              IsFault(Fault::kIncompleteSignature));
}

// ---- by client certificate

TEST_F(AuthenticateByFile, TakesTheAccountOfAClientCertificateByAnyOfItsNames) {
  for (const std::string& name : {std::string(kNameOfBilling), std::string("dns:billing.example")}) {
    EXPECT_EQ(Found(Of({{}, std::nullopt, {"dns:other.example", name}})), "111122223333 us-east-1") << name;
    EXPECT_EQ(Found(Of({{}, DescribePoolsOverHttp(), {name}})), "111122223333 us-east-1") << name;
  }
  EXPECT_EQ(Found(Of({{}, std::nullopt, {"dns:billing.example", kNameOfBilling}})), "111122223333 us-east-1")
      << "two names of the same";
}

TEST_F(AuthenticateByFile, RefusesACertificateOfNobodyAloneAndOfTwoPrincipals) {
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{"dns:other.example"}, {"uri:billing.example"}, {kNameOfBilling, "dns:web.example"}}) {
    EXPECT_THAT(Of({{}, std::nullopt, names}), IsFault(Fault::kUnauthenticated)) << names[0];
    EXPECT_THAT(Of({{}, DescribePoolsOverHttp(), names}), IsFault(Fault::kUnrecognizedClient)) << names[0];
  }
}

TEST_F(AuthenticateByFile, TakesAKeyBesideACertificateOfTheSameOrOfNobodyButNotOfAnother) {
  for (const std::string& name : {std::string(kNameOfBilling), std::string("dns:proxy.example")}) {
    EXPECT_EQ(Found(Of({Bearing("keyOfBilling"), std::nullopt, {name}})), "111122223333 us-east-1") << name;
    EXPECT_EQ(Found(Of({{}, Signed(DescribePoolsOverHttp()), {name}})), "111122223333 eu-west-2") << name;
  }
  EXPECT_THAT(Of({Bearing("keyOfWeb"), std::nullopt, {kNameOfBilling}}), IsFault(Fault::kUnauthenticated));
  EXPECT_THAT(Of({{}, Signed(DescribePoolsOverHttp()), {"dns:web.example"}}), IsFault(Fault::kUnrecognizedClient));
}

TEST_F(AuthenticateByFile, RefusesABadSignatureBesideAGoodCertificate) {
  EXPECT_THAT(Of({{}, Signed(DescribePoolsOverHttp(), {.secret = "wrong"}), {kNameOfBilling}}),
              IsFault(Fault::kInvalidSignature));
}

TEST_F(AuthenticateHttp, DoesNotAskForEvidenceWithoutAnAccessFile) {
  EXPECT_EQ(Found(Of({{{"authorization", "Bearer any"}}, std::nullopt, {"dns:any"}})), "123456789012 us-east-1");
}

}  // namespace
}  // namespace poold
