#include "server/middleware/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <functional>
#include <optional>

#include "server/base/error.h"
#include "server/base/limits.h"
#include "tests/support/fake_world.h"
#include "tests/support/matchers.h"
#include "tests/support/signing.h"

namespace poold {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

struct Judgement {
  std::optional<Error> error;
};
void PrintTo(const Judgement& judgement, std::ostream* out) {
  *out << (judgement.error ? judgement.error->what() : "accepted");
}

// Before the body is read, a request is refused for the same reason, unless that is the signature or the body.
void ExpectTheSameByHeaders(const std::optional<Error>& refusal, const HttpRequest& request,
                            const Authorization& authorization, std::string_view service, storage::Time now) {
  HttpRequest head = request;
  head.body = "not read";
  const auto by_headers = RefusalOf([&] { CheckSignatureHeaders(head, authorization, service, now); });
  if (by_headers) {
    ASSERT_TRUE(refusal) << by_headers->what();
    EXPECT_EQ(by_headers->message(), refusal->message());
  } else if (refusal) {
    EXPECT_THAT(refusal->message(), testing::AnyOf(HasSubstr("does not match the signature you provided"),
                                                   HasSubstr("must be the SHA-256 of the body")));
  }
}

// What a server with one access key says of the request: nothing if it is signed with that.
Judgement Judge(const HttpRequest& request, storage::Time now = FakeWorld::kStart, std::string_view secret = kSecret,
                std::string_view service = "sms-voice") {
  try {
    const auto authorization = ReadAuthorization(request);
    if (!authorization) return {Error::FrontEnd(Fault::kMissingAuthentication, "")};
    if (authorization->access_key_id != kKeyId) return {Error::FrontEnd(Fault::kUnrecognizedClient, "")};
    const auto refusal = RefusalOf([&] { CheckSignature(request, *authorization, secret, service, now); });
    ExpectTheSameByHeaders(refusal, request, *authorization, service, now);
    return {refusal};
  } catch (const Error& error) {
    return {error};
  }
}

MATCHER_P2(IsFault, fault, says, "was refused with that fault, and is told " + std::string(says)) {
  return arg.error && arg.error->fault() == fault && arg.error->message().find(says) != std::string::npos;
}

std::string TestName(const testing::TestParamInfo<SignedRequest>& test) {
  std::string name = test.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

// ---- what others signed

constexpr storage::Time kTimeOfSuite = std::chrono::sys_days(2015y / 8 / 30) + 12h + 36min;
constexpr storage::Time kTimeOfClients = std::chrono::sys_days(2026y / 11 / 21) + 12h + 20min + 19s;

class Suite : public testing::TestWithParam<SignedRequest> {};

TEST_P(Suite, IsAccepted) { EXPECT_THAT(Judge(GetParam().request, kTimeOfSuite, kSecret, "service"), IsOk()); }

TEST_P(Suite, IsRefusedWithAnotherSecret) {
  EXPECT_THAT(Judge(GetParam().request, kTimeOfSuite, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEZ", "service"),
              IsFault(Fault::kInvalidSignature, "does not match"));
}

// Signing keys are remembered once they have proved right.
TEST_P(Suite, IsJudgedByTheSecretOfTheMoment) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Judge(GetParam().request, kTimeOfSuite, kSecret, "service"), IsOk());
    EXPECT_THAT(Judge(GetParam().request, kTimeOfSuite, "AnotherSecret", "service"),
                IsFault(Fault::kInvalidSignature, "does not match"));
  }
}

INSTANTIATE_TEST_SUITE_P(Amazon, Suite, testing::ValuesIn(SignedRequests("suite.json")), TestName);

class Client : public testing::TestWithParam<SignedRequest> {
 protected:
  Judgement Judge(const HttpRequest& request) { return poold::Judge(request, kTimeOfClients); }

  bool IsSigned(const std::string& header) {
    const std::string list = ";" + std::string(ReadAuthorization(GetParam().request)->signed_headers) + ";";
    return list.find(";" + header + ";") != std::string::npos;
  }

  // Every single bit of `text`, which is a part of `request`, turned over: refused, each time.
  void ExpectEachBitToCount(const HttpRequest& request, std::string& text, const std::string& what) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char before = text[i];
      for (int bit = 0; bit < 8; ++bit) {
        text[i] = static_cast<char>(before ^ (1 << bit));
        ASSERT_TRUE(Judge(request).error.has_value()) << what << " may become " << text;
      }
      text[i] = before;
    }
  }
};

TEST_P(Client, IsAccepted) { EXPECT_THAT(Judge(GetParam().request), IsOk()); }

TEST_P(Client, IsRefusedWhenAnyBitOfWhatItSignedIsAnother) {
  HttpRequest request = GetParam().request;
  ExpectEachBitToCount(request, request.method, "method");
  ExpectEachBitToCount(request, request.target, "target");
  ExpectEachBitToCount(request, request.body, "body");
  for (auto& header : request.headers) {
    if (header.first != "authorization" && !IsSigned(header.first)) continue;
    ExpectEachBitToCount(request, header.first, "name of " + header.first);
    ExpectEachBitToCount(request, header.second, header.first);
  }
  EXPECT_THAT(Judge(request), IsOk()) << "all is as it was";
}

TEST_P(Client, IsRefusedWhenASignedHeaderIsMissingOrThereTwice) {
  const HttpRequest& whole = GetParam().request;
  for (std::size_t i = 0; i < whole.headers.size(); ++i) {
    const auto& header = whole.headers[i];
    HttpRequest without = whole;
    without.headers.erase(without.headers.begin() + static_cast<std::ptrdiff_t>(i));
    HttpRequest twice = whole;
    twice.headers.push_back(header);
    const bool counts = header.first == "authorization" || IsSigned(header.first);
    EXPECT_EQ(Judge(without).error.has_value(), counts) << header.first;
    EXPECT_EQ(Judge(twice).error.has_value(), counts) << header.first;
  }
}

TEST_P(Client, MayHaveItsHeadersInAnyOrderAndOthersAdded) {
  HttpRequest request = GetParam().request;
  std::ranges::reverse(request.headers);
  request.headers.emplace_back("x-forwarded-for", "192.0.2.1");
  EXPECT_THAT(Judge(request), IsOk());
}

TEST_P(Client, IsRefusedWhenTheBodyIsCutOrGoesOn) {
  HttpRequest request = GetParam().request;
  request.body += ' ';
  EXPECT_THAT(Judge(request), IsFault(Fault::kInvalidSignature));
  request.body = "";
  EXPECT_THAT(Judge(request), IsFault(Fault::kInvalidSignature));
}

TEST_P(Client, IsRefusedForAnotherService) {
  EXPECT_THAT(poold::Judge(GetParam().request, kTimeOfClients, kSecret, "sns"),
              IsFault(Fault::kInvalidSignature, "service"));
}

INSTANTIATE_TEST_SUITE_P(Recorded, Client, testing::ValuesIn(SignedRequests("clients.json")), TestName);

// ---- the form of the Authorization header

HttpRequest WithAuthorization(const std::string& value) {
  HttpRequest request = DescribePoolsOverHttp();
  request.headers.emplace_back("authorization", value);
  return request;
}

const std::string kSignatureOfNone(64, '0');
const std::string kCredential = "Credential=AKIDEXAMPLE/20240101/eu-west-2/sms-voice/aws4_request";
const std::string kHeaders = "SignedHeaders=content-type;host;x-amz-date;x-amz-target";
const std::string kSignature = "Signature=" + kSignatureOfNone;

TEST(Authorization, IsTakenApart) {
  const HttpRequest request =
      WithAuthorization("AWS4-HMAC-SHA256 " + kCredential + ", " + kHeaders + ", " + kSignature);
  const auto authorization = ReadAuthorization(request);
  ASSERT_TRUE(authorization);
  EXPECT_EQ(authorization->access_key_id, "AKIDEXAMPLE");
  EXPECT_EQ(authorization->scope, "20240101/eu-west-2/sms-voice/aws4_request");
  EXPECT_EQ(authorization->date, "20240101");
  EXPECT_EQ(authorization->region, "eu-west-2");
  EXPECT_EQ(authorization->service, "sms-voice");
  EXPECT_EQ(authorization->terminator, "aws4_request");
  EXPECT_EQ(authorization->signed_headers, "content-type;host;x-amz-date;x-amz-target");
  EXPECT_EQ(authorization->signature, kSignatureOfNone);
}

TEST(Authorization, NeedNotBeThere) { EXPECT_FALSE(ReadAuthorization(DescribePoolsOverHttp())); }

TEST(Authorization, TakesItsPartsInAnyOrderWithAndWithoutBlanks) {
  const std::string whole = AuthorizationOf(DescribePoolsOverHttp(), {});
  std::vector<std::string> parts{kCredential, kHeaders, whole.substr(whole.find("Signature="))};
  std::ranges::sort(parts);
  int accepted = 0;
  do {
    for (const char* comma : {",", ", ", " ,", "  ,\t "}) {
      for (const char* blank : {" ", "\t", "   "}) {
        std::string value = "AWS4-HMAC-SHA256";
        const char* separator = blank;
        for (const std::string& part : parts) value += std::exchange(separator, comma) + part;
        EXPECT_THAT(Judge(WithAuthorization(value)), IsOk()) << value;
        EXPECT_THAT(Judge(WithAuthorization(" " + value + " \t")), IsOk()) << value;
        ++accepted;
      }
    }
  } while (std::ranges::next_permutation(parts).found);
  EXPECT_EQ(accepted, 6 * 4 * 3);
}

struct Broken {
  std::string name;
  std::string value;
  std::string says;
};
void PrintTo(const Broken& broken, std::ostream* out) { *out << broken.value; }

class BrokenAuthorization : public testing::TestWithParam<Broken> {};

TEST_P(BrokenAuthorization, IsIncomplete) {
  EXPECT_THAT(Judge(WithAuthorization(GetParam().value)), IsFault(Fault::kIncompleteSignature, GetParam().says));
}

Broken BrokenCredential(const std::string& name, const std::string& credential, const std::string& says) {
  return {name, "AWS4-HMAC-SHA256 Credential=" + credential + ", " + kHeaders + ", " + kSignature, says};
}

INSTANTIATE_TEST_SUITE_P(
    All, BrokenAuthorization,
    testing::Values(
        Broken{"Empty", "", "AWS4-HMAC-SHA256"},  //
        Broken{"Blank", "  ", "AWS4-HMAC-SHA256"},
        Broken{"AlgorithmAlone", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential="},
        Broken{"NoAlgorithm", kCredential + ", " + kHeaders + ", " + kSignature, "AWS4-HMAC-SHA256"},
        Broken{"OtherAlgorithm", "AWS4-ECDSA-P256-SHA256 " + kCredential + ", " + kHeaders + ", " + kSignature,
               "AWS4-HMAC-SHA256"},
        Broken{"LongerAlgorithm", "AWS4-HMAC-SHA2567 " + kCredential + ", " + kHeaders + ", " + kSignature,
               "AWS4-HMAC-SHA256"},
        Broken{"OlderVersion", "AWS AKIDEXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=", "AWS4-HMAC-SHA256"},
        Broken{"Bearer", "Bearer abc", "AWS4-HMAC-SHA256"},
        Broken{"NoCredential", "AWS4-HMAC-SHA256 " + kHeaders + ", " + kSignature, "needs 'Credential'"},
        Broken{"NoSignedHeaders", "AWS4-HMAC-SHA256 " + kCredential + ", " + kSignature, "needs 'SignedHeaders'"},
        Broken{"NoSignature", "AWS4-HMAC-SHA256 " + kCredential + ", " + kHeaders, "needs 'Signature'"},
        Broken{"EmptyCredential", "AWS4-HMAC-SHA256 Credential=, " + kHeaders + ", " + kSignature,
               "needs 'Credential'"},
        Broken{"EmptySignedHeaders", "AWS4-HMAC-SHA256 " + kCredential + ", SignedHeaders=, " + kSignature,
               "needs 'SignedHeaders'"},
        Broken{"EmptySignature",
               "AWS4-HMAC-SHA256 " + kCredential + ", " + kHeaders + ", Signature=", "needs 'Signature'"},
        Broken{"CredentialTwice", "AWS4-HMAC-SHA256 " + kCredential + "," + kCredential + "," + kHeaders,
               "'Credential' twice"},
        Broken{"SignatureTwiceOnceEmpty",
               "AWS4-HMAC-SHA256 " + kCredential + "," + kHeaders + ",Signature=," + kSignature, "'Signature' twice"},
        Broken{"UnknownPart", "AWS4-HMAC-SHA256 " + kCredential + ", " + kHeaders + ", " + kSignature + ", Extra=1",
               "and no other"},
        Broken{"CommaAtTheEnd", "AWS4-HMAC-SHA256 " + kCredential + ", " + kHeaders + ", " + kSignature + ",",
               "and no other"},
        Broken{"NoCommas", "AWS4-HMAC-SHA256 " + kCredential + " " + kHeaders + " " + kSignature,
               "needs 'SignedHeaders'"},
        Broken{"NameInLowerCase", "AWS4-HMAC-SHA256 credential=a, " + kHeaders + ", " + kSignature, "and no other"},
        BrokenCredential("FourTerms", "AKIDEXAMPLE/20240101/eu-west-2/aws4_request", "ACCESS_KEY_ID/DATE/REGION"),
        BrokenCredential("SixTerms", "AKIDEXAMPLE/20240101/eu-west-2/sms-voice/aws4_request/", "ACCESS_KEY_ID/DATE"),
        BrokenCredential("NoKeyId", "/20240101/eu-west-2/sms-voice/aws4_request", "ACCESS_KEY_ID/DATE/REGION"),
        BrokenCredential("NoDate", "AKIDEXAMPLE//eu-west-2/sms-voice/aws4_request", "ACCESS_KEY_ID/DATE/REGION"),
        BrokenCredential("NoRegion", "AKIDEXAMPLE/20240101//sms-voice/aws4_request", "ACCESS_KEY_ID/DATE/REGION"),
        BrokenCredential("NoService", "AKIDEXAMPLE/20240101/eu-west-2//aws4_request", "ACCESS_KEY_ID/DATE/REGION"),
        BrokenCredential("NoTerminator", "AKIDEXAMPLE/20240101/eu-west-2/sms-voice/", "ACCESS_KEY_ID/DATE/REGION"),
        BrokenCredential("RegionInUpperCase", "AKIDEXAMPLE/20240101/EU-WEST-2/sms-voice/aws4_request", "region"),
        BrokenCredential("LongRegion", "AKIDEXAMPLE/20240101/" + std::string(33, 'a') + "/sms-voice/aws4_request",
                         "region")),
    [](const auto& test) { return test.param.name; });

TEST(Authorization, MustNotBeThereTwice) {
  HttpRequest request = Signed(DescribePoolsOverHttp());
  request.headers.push_back(request.headers.back());
  EXPECT_THAT(Judge(request), IsFault(Fault::kIncompleteSignature, "several Authorization"));
  request.headers.back().second += "0";
  EXPECT_THAT(Judge(request), IsFault(Fault::kInvalid, "authorization came several times with different values"));
}

// ---- what is right and wrong with a signature that is as it was computed

struct Change {
  std::string name;
  std::function<void(HttpRequest&, Signing&)> make;
  std::optional<Fault> fault;
  std::string says;
};
void PrintTo(const Change& change, std::ostream* out) { *out << change.name; }

class ProperlySigned : public testing::TestWithParam<Change> {};

TEST_P(ProperlySigned, ComesToWhatTheTableSays) {
  const Change& change = GetParam();
  HttpRequest request = DescribePoolsOverHttp();
  Signing signing;
  change.make(request, signing);
  const auto judgement = Judge(Signed(request, signing));
  if (change.fault) {
    EXPECT_THAT(judgement, IsFault(*change.fault, change.says));
  } else {
    EXPECT_THAT(judgement, IsOk());
  }
}

Change At(const std::string& name, const std::string& time, std::optional<Fault> fault = {}, const char* says = "") {
  return {name,
          [=](HttpRequest& request, Signing& signing) {
            HeaderOf(request, "x-amz-date") = time;
            signing.time = time;
            if (time.size() == 16) signing.date = time.substr(0, 8);
          },
          fault, says};
}

// Date instead of X-Amz-Date.
Change Dated(const std::string& name, const std::string& date, std::optional<Fault> fault = {}, const char* says = "") {
  return {name,
          [=](HttpRequest& request, Signing& signing) {
            std::erase_if(request.headers, [](const auto& header) { return header.first == "x-amz-date"; });
            request.headers.emplace_back("date", date);
            signing.signed_headers = "content-type;date;host;x-amz-target";
          },
          fault, says};
}

Change Listing(const std::string& name, const std::string& signed_headers, const char* says) {
  return {name, [=](HttpRequest&, Signing& signing) { signing.signed_headers = signed_headers; },
          Fault::kInvalidSignature, says};
}

Change With(const std::string& name, const std::string& header, const std::string& value,
            std::optional<Fault> fault = {}, const char* says = "") {
  return {name, [=](HttpRequest& request, Signing&) { request.headers.emplace_back(header, value); }, fault, says};
}

constexpr const char* kHashOfBody = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

Change Declaring(const std::string& name, const std::string& hash, std::optional<Fault> fault = {}) {
  return {name,
          [=](HttpRequest& request, Signing& signing) {
            request.headers.emplace_back("x-amz-content-sha256", hash);
            signing.signed_headers = "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target";
            signing.body_hash = hash;
          },
          fault, "X-Amz-Content-Sha256"};
}

INSTANTIATE_TEST_SUITE_P(
    Time, ProperlySigned,
    testing::Values(
        At("Now", "20240101T000000Z"),  //
        At("FiveMinutesOld", "20231231T235500Z"), At("FiveMinutesAhead", "20240101T000500Z"),
        At("OlderThanFiveMinutes", "20231231T235459Z", Fault::kInvalidSignature,
           "expired: it is of 20231231T235459Z and here it is 20240101T000000Z"),
        At("AheadMoreThanFiveMinutes", "20240101T000501Z", Fault::kInvalidSignature, "not yet current"),
        At("YearsOld", "19700101T000000Z", Fault::kInvalidSignature, "expired"),
        At("YearsAhead", "99991231T235959Z", Fault::kInvalidSignature, "not yet current"),
        At("LeapDayOfNoLeapYear", "20230229T000000Z", Fault::kIncompleteSignature, "20150830T123600Z"),
        At("Hour24", "20240101T240000Z", Fault::kIncompleteSignature, "20150830T123600Z"),
        At("Minute60", "20240101T006000Z", Fault::kIncompleteSignature, "20150830T123600Z"),
        At("NoZone", "20240101T000000", Fault::kIncompleteSignature, "20150830T123600Z"),
        At("ExtendedForm", "2024-01-01T00:00:00Z", Fault::kIncompleteSignature, "20150830T123600Z"),
        At("Signs", "20240101T00+000Z", Fault::kIncompleteSignature, "20150830T123600Z"),
        At("HttpForm", "Mon, 01 Jan 2024 00:00:00 GMT", Fault::kIncompleteSignature, "20150830T123600Z"),
        At("DateEmpty", "", Fault::kIncompleteSignature, "X-Amz-Date must look like"),
        Dated("DateInBasicForm", "20240101T000000Z"), Dated("DateInHttpForm", "Mon, 01 Jan 2024 00:00:00 GMT"),
        Dated("DateInMailForm", "Mon, 01 Jan 2024 00:00:00 -0000"),
        Dated("DateInMailFormOfGreenwich", "Mon, 01 Jan 2024 00:00:00 +0000"),
        Dated("DateElsewhere", "Mon, 01 Jan 2024 00:00:00 +0100", Fault::kIncompleteSignature, "Date must look like"),
        Dated("DateOfNoMonth", "Mon, 01 anF 2024 00:00:00 GMT", Fault::kIncompleteSignature, "Date must look like"),
        Dated("DateOfNoDay", "Mon, 32 Jan 2024 00:00:00 GMT", Fault::kIncompleteSignature, "Date must look like"),
        Dated("DateInOldForm", "Monday, 01-Jan-24 00:00:00 GMT", Fault::kIncompleteSignature, "Date must look like"),
        Dated("DateShort", "Mon, 01 Jan 2024", Fault::kIncompleteSignature, "Date must look like"),
        Change{"NoDate",
               [](HttpRequest& request, Signing& signing) {
                 std::erase_if(request.headers, [](const auto& header) { return header.first == "x-amz-date"; });
                 signing.signed_headers = "content-type;host;x-amz-target";
               },
               Fault::kIncompleteSignature, "needs the header X-Amz-Date"},
        With("XAmzDateWinsOverDate", "date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        Change{"ScopeOfAnotherDay", [](HttpRequest&, Signing& signing) { signing.date = "20231231"; },
               Fault::kInvalidSignature, "date of the request, 20240101, not '20231231'"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Scope, ProperlySigned,
    testing::Values(Change{"AnyRegion", [](HttpRequest&, Signing& signing) { signing.region = "ap-south-1"; }, {}, ""},
                    Change{"OtherService", [](HttpRequest&, Signing& signing) { signing.service = "sns"; },
                           Fault::kInvalidSignature, "scoped to the service 'sms-voice', not to 'sns'"},
                    Change{"OtherTerminator",
                           [](HttpRequest&, Signing& signing) { signing.terminator = "aws5_request"; },
                           Fault::kInvalidSignature, "must end with 'aws4_request'"},
                    Change{"OtherSecret", [](HttpRequest&, Signing& signing) { signing.secret = "another"; },
                           Fault::kInvalidSignature, "does not match"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    SignedHeaders, ProperlySigned,
    testing::Values(Listing("NoHost", "content-type;x-amz-date;x-amz-target", "must have 'host'"),
                    Listing("NoDate", "content-type;host;x-amz-target", "must have 'x-amz-date'"),
                    // Else whoever is in between could turn ListPoolOriginationIdentities into DeletePool.
                    Listing("NoTarget", "content-type;host;x-amz-date", "must have 'x-amz-target'"),
                    Listing("HostTwice", "host;host;x-amz-date;x-amz-target", "alphabetical order, each name once"),
                    Listing("NameInUpperCase", "Host;host;x-amz-date;x-amz-target",
                            "'Host', which is not in lower case"),
                    Listing("EmptyName", ";host;x-amz-date;x-amz-target", "'', which is not"),
                    Listing("HeaderThatIsNotThere", "expect;host;x-amz-date;x-amz-target",
                            "'expect', which is not in lower case or not a header"),
                    Change{"TargetOfNoneNeedsNoSigning",
                           [](HttpRequest& request, Signing& signing) {
                             std::erase_if(request.headers, [](const auto& h) { return h.first == "x-amz-target"; });
                             signing.signed_headers = "content-type;host;x-amz-date";
                           },
                           {},
                           ""}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Body, ProperlySigned,
    testing::Values(
        Declaring("HashOfTheBody", kHashOfBody),
        Declaring("HashOfAnother", std::string(64, 'a'), Fault::kInvalidSignature),
        Declaring("HashInUpperCase", "44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A",
                  Fault::kInvalidSignature),
        Declaring("Unsigned", "UNSIGNED-PAYLOAD", Fault::kInvalidSignature),
        Declaring("Streamed", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", Fault::kInvalidSignature),
        With("WrongHashThatIsNotSigned", "x-amz-content-sha256", std::string(64, 'a'), Fault::kInvalidSignature,
             "X-Amz-Content-Sha256"),
        With("RightHashThatIsNotSigned", "x-amz-content-sha256", kHashOfBody),
        Change{"Empty", [](HttpRequest& request, Signing&) { request.body.clear(); }, {}, ""},
        Change{"Binary", [](HttpRequest& request, Signing&) { request.body = std::string("\0\xFF\r\n", 4); }, {}, ""}),
    [](const auto& test) { return test.param.name; });

TEST(SignedHeaders, AreTakenInAlphabeticalOrderOnly) {
  std::vector<std::string> names{"content-type", "host", "x-amz-date", "x-amz-target"};
  int accepted = 0;
  do {
    Signing signing;
    signing.signed_headers = names[0] + ";" + names[1] + ";" + names[2] + ";" + names[3];
    const auto judgement = Judge(Signed(DescribePoolsOverHttp(), signing));
    if (std::ranges::is_sorted(names)) {
      EXPECT_THAT(judgement, IsOk());
      ++accepted;
    } else {
      EXPECT_THAT(judgement, IsFault(Fault::kInvalidSignature, "alphabetical order")) << signing.signed_headers;
    }
  } while (std::ranges::next_permutation(names).found);
  EXPECT_EQ(accepted, 1);
}

TEST(SignedHeaders, MayBeAnyThatHaveWhatMustBeSigned) {
  const std::vector<std::string> optional{"accept", "content-length", "content-type", "x-amz-user-agent", "zebra"};
  HttpRequest request = DescribePoolsOverHttp();
  for (const char* name : {"accept", "x-amz-user-agent", "zebra"}) request.headers.emplace_back(name, "value");
  for (unsigned set = 0; set < 1u << optional.size(); ++set) {
    std::vector<std::string> names{"host", "x-amz-date", "x-amz-target"};
    for (std::size_t i = 0; i < optional.size(); ++i) {
      if ((set >> i & 1) != 0) names.push_back(optional[i]);
    }
    std::ranges::sort(names);
    Signing signing;
    signing.signed_headers.clear();
    for (const std::string& name : names) signing.signed_headers += (signing.signed_headers.empty() ? "" : ";") + name;
    EXPECT_THAT(Judge(Signed(request, signing)), IsOk()) << signing.signed_headers;
  }
}

TEST(HeaderValues, CountWithoutBlanksAtTheirEndsAndWithOneForMany) {
  HttpRequest request = DescribePoolsOverHttp();
  request.headers.emplace_back("zebra", "a b c");
  Signing signing;
  signing.signed_headers += ";zebra";
  HttpRequest signed_request = Signed(request, signing);
  for (const char* same : {"a b c", " a b c", "a b c\t ", "a  b \t c", "\ta\tb c"}) {
    HeaderOf(signed_request, "zebra") = same;
    EXPECT_THAT(Judge(signed_request), IsOk()) << same;
  }
  for (const char* other : {"ab c", "a b", "a b c d", "A b c", "", " ", "a\nb c"}) {
    HeaderOf(signed_request, "zebra") = other;
    EXPECT_THAT(Judge(signed_request), IsFault(Fault::kInvalidSignature)) << other;
  }
}

TEST(HeaderValues, OfOneNameAreJoinedInTheirOrder) {
  HttpRequest request = DescribePoolsOverHttp();
  request.headers.emplace_back("zebra", "b,a");
  Signing signing;
  signing.signed_headers += ";zebra";
  HttpRequest signed_request = Signed(request, signing);
  HeaderOf(signed_request, "zebra") = " b ";
  signed_request.headers.emplace_back("zebra", "a");
  EXPECT_THAT(Judge(signed_request), IsOk());
  std::swap(HeaderOf(signed_request, "zebra"), signed_request.headers.back().second);
  EXPECT_THAT(Judge(signed_request), IsFault(Fault::kInvalidSignature));
}

TEST(Target, CountsByItsPathAndParameters) {
  HttpRequest request = Signed(DescribePoolsOverHttp());
  for (const char* same : {"/", "//", "/.", "/./", "/a/..", "/?", "/?&"}) {
    request.target = same;
    EXPECT_THAT(Judge(request), IsOk()) << same;
  }
  for (const char* other : {"", "?", ".", "a/..", "/a", "/%2F", "/?a", "/?a=", "/#", "http://localhost:8080/"}) {
    request.target = other;
    EXPECT_THAT(Judge(request), IsFault(Fault::kInvalidSignature)) << other;
  }
}

TEST(WrongSignature, IsToldWhatShouldHaveBeenSigned) {
  const HttpRequest request = Signed(DescribePoolsOverHttp(), {.secret = "another"});
  const auto judgement = Judge(request);
  ASSERT_THAT(judgement, IsFault(Fault::kInvalidSignature));
  EXPECT_THAT(judgement.error->message(),
              HasSubstr(R"('POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:localhost:8080\n)"
                        R"(x-amz-date:20240101T000000Z\nx-amz-target:PinpointSMSVoiceV2.DescribePools\n\n)"
                        R"(content-type;host;x-amz-date;x-amz-target\n)" +
                        std::string(kHashOfBody) + "'"));
  EXPECT_THAT(judgement.error->message(), HasSubstr(R"('AWS4-HMAC-SHA256\n20240101T000000Z\n)"
                                                    R"(20240101/eu-west-2/sms-voice/aws4_request\n)"));
}

TEST(WrongSignature, IsToldNoSecretAndNoRightSignature) {
  HttpRequest request = DescribePoolsOverHttp();
  request.headers.emplace_back("x-amz-security-token", "AQoDYXdzEPT");
  Signing signing;
  signing.signed_headers = "host;x-amz-date;x-amz-security-token;x-amz-target";
  const std::string right = AuthorizationOf(request, signing);
  signing.secret = "another";
  const auto judgement = Judge(Signed(request, signing));
  ASSERT_THAT(judgement, IsFault(Fault::kInvalidSignature, "does not match"));
  EXPECT_THAT(judgement.error->what(), Not(HasSubstr(kSecret)));
  EXPECT_THAT(judgement.error->what(), Not(HasSubstr("AQoDYXdzEPT")));
  EXPECT_THAT(judgement.error->what(), Not(HasSubstr(right.substr(right.size() - 64))));
  EXPECT_THAT(judgement.error->what(), HasSubstr("x-amz-security-token:(not shown)"));
}

TEST(WrongSignature, IsToldInBoundedLength) {
  HttpRequest request = DescribePoolsOverHttp();
  request.headers.emplace_back("zebra", std::string(100'000, 'z'));
  Signing signing{.secret = "another"};
  signing.signed_headers += ";zebra";
  const auto judgement = Judge(Signed(request, signing));
  ASSERT_THAT(judgement, IsFault(Fault::kInvalidSignature));
  EXPECT_LE(judgement.error->message().size(), limits::kFrontEndMessage);
}

TEST(WrongSignature, OfAnyLengthIsRefused) {
  HttpRequest request = Signed(DescribePoolsOverHttp());
  std::string& authorization = request.headers.back().second;
  const std::string whole = authorization;
  for (std::size_t left = 1; left <= 64; ++left) {
    authorization = whole.substr(0, whole.size() - left);
    EXPECT_TRUE(Judge(request).error.has_value()) << authorization;
  }
  authorization = whole + "0";
  EXPECT_THAT(Judge(request), IsFault(Fault::kInvalidSignature));
}

}  // namespace
}  // namespace poold
