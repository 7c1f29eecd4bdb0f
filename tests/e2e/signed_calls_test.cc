// Who may call: signed requests over the wire, with and without an access file.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/http_client.h"
#include "tests/support/program.h"
#include "tests/support/signing.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

namespace fs = std::filesystem;
using namespace smsvoice::v2;  // NOLINT: requests and responses
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// "20240101T000000Z", of this moment.
std::string Now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[20];
  return {text, std::strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &parts)};
}

// A signed call at this moment. `signing`: with whose key.
HttpResponse SignedCall(HttpConnection& connection, const std::string& operation, const std::string& body,
                        Signing signing, const std::string& sent_operation = {}) {
  signing.time = Now();
  signing.date = signing.time.substr(0, 8);
  const HttpRequest request{"POST",
                            "/",
                            {{"host", "localhost"},
                             {"x-amz-target", "PinpointSMSVoiceV2." + operation},
                             {"content-type", "application/x-amz-json-1.0"},
                             {"x-amz-date", signing.time}},
                            body};
  return connection.Call(
      sent_operation.empty() ? operation : sent_operation, body,
      "X-Amz-Date: " + signing.time + "\r\nAuthorization: " + AuthorizationOf(request, signing) + "\r\n");
}

std::string TypeOf(const HttpResponse& response) { return std::string(response["x-amzn-ErrorType"]); }

constexpr const char* kSenderId = R"({"SenderId": "EXAMPLECO", "IsoCountryCode": "GB"})";

TEST(SignedCall, IsOfTheAccountThatItsKeyNamesWhereCallersAreTrusted) {
  const std::string account = NewAccount();
  HttpConnection connection(DevHttpAddress());
  const HttpResponse made = SignedCall(connection, "RequestSenderId", kSenderId, {.key_id = account});
  EXPECT_EQ(json::parse(made.body()).value("SenderIdArn", made.body()),
            "arn:aws:sms-voice:eu-west-2:" + account + ":sender-id/EXAMPLECO/GB");
  const HttpResponse seen = SignedCall(connection, "DescribeSenderIds", "{}", {.key_id = NewAccount()});
  EXPECT_THAT(json::parse(seen.body()).at("SenderIds"), IsEmpty()) << "another team's key";
}

class AccessFileOfAServer : public testing::Test {
 protected:
  static constexpr const char* kKeyOfWeb = "AKIDWEB";

  fs::path Write(const std::string& secret_of_web) {
    const fs::path next = directory_.path() / "next.yaml";
    std::ofstream(next) << "principals:\n"
                           "  - name: billing\n"
                           "    account: \"" +
                               account_ +
                               "\"\n"
                               "    access_keys: [{id: "
                        << kKeyId << ", secret: " << kSecret
                        << "}]\n"
                           "  - name: web\n"
                           "    account: \"" +
                               NewAccount() +
                               "\"\n"
                               "    access_keys: [{id: "
                        << kKeyOfWeb << ", secret: " << secret_of_web << "}]\n";
    const fs::path file = directory_.path() / "access.yaml";
    fs::rename(next, file);
    return file;
  }

  const std::string account_ = NewAccount();
  TemporaryDirectory directory_;
  Program server_{Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--database-url",
                         TestDatabaseUrl(), "--default-region", "eu-west-2", "--access-file", Write("firstOfWeb")})};
};

TEST_F(AccessFileOfAServer, LetsInWhoeverSignsWithAKeyOfItAndNobodyElse) {
  HttpConnection connection(ReadyHttpAddress(server_));
  const HttpResponse made = SignedCall(connection, "RequestSenderId", kSenderId, {});
  EXPECT_EQ(json::parse(made.body()).value("SenderIdArn", made.body()),
            "arn:aws:sms-voice:eu-west-2:" + account_ + ":sender-id/EXAMPLECO/GB");

  EXPECT_EQ(TypeOf(connection.Call("DescribeSenderIds", "{}")), "MissingAuthenticationTokenException");
  EXPECT_EQ(TypeOf(connection.Call("DescribeSenderIds", "{}", "x-account-id: " + account_ + "\r\n")),
            "MissingAuthenticationTokenException");
  EXPECT_EQ(TypeOf(connection.Call("DescribeSenderIds", "{}", "Authorization: Bearer abc\r\n")),
            "IncompleteSignatureException");
  EXPECT_EQ(TypeOf(SignedCall(connection, "DescribeSenderIds", "{}", {.key_id = account_})),
            "UnrecognizedClientException");
  EXPECT_EQ(TypeOf(SignedCall(connection, "DescribeSenderIds", "{}", {.secret = "firstOfWeb"})),
            "InvalidSignatureException");
  EXPECT_EQ(TypeOf(SignedCall(connection, "DescribeSenderIds", "{}", {}, "DescribePools")), "InvalidSignatureException")
      << "the operation was exchanged";
  const HttpResponse elsewhere = SignedCall(connection, "DescribeSenderIds", "{}", {.region = "us-east-1"});
  EXPECT_EQ(TypeOf(elsewhere), "InvalidSignatureException");
  EXPECT_THAT(elsewhere.body(), HasSubstr("scoped to a valid region, not 'us-east-1': it must be eu-west-2"));
}

TEST_F(AccessFileOfAServer, LetsNoGrpcCallIn) {
  const GrpcClient client(ReadyAddress(server_), account_);
  EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsFault(Fault::kUnauthenticated));
}

TEST_F(AccessFileOfAServer, CountsAsItIsNowWithoutARestart) {
  HttpConnection connection(ReadyHttpAddress(server_));
  const auto outcome_with = [&](const char* secret) {
    return TypeOf(SignedCall(connection, "DescribePools", "{}", {.key_id = kKeyOfWeb, .secret = secret}));
  };
  EXPECT_EQ(outcome_with("firstOfWeb"), "");
  Write("secondOfWeb");
  server_.WaitForLog("was read again");
  EXPECT_EQ(outcome_with("secondOfWeb"), "");
  EXPECT_EQ(outcome_with("firstOfWeb"), "InvalidSignatureException");

  Write("''");
  server_.WaitForLog("; what was in force before stays so");
  EXPECT_EQ(outcome_with("secondOfWeb"), "");
  EXPECT_THAT(server_.errors(),
              AllOf(Not(HasSubstr("firstOfWeb")), Not(HasSubstr("secondOfWeb")), Not(HasSubstr(kSecret))));
}

TEST(AccessFile, StopsTheServerAtItsStartWithASentenceIfItIsBroken) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "access.yaml";
  const auto serve = [&] {
    return RunToEnd(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--database-url",
                           TestDatabaseUrl(), "--access-file", file}));
  };
  const Ran missing = serve();
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.errors, "poold: access file " + file.string() + " cannot be read: No such file or directory\n");

  std::ofstream(file) << "principals:\n  - name: billing\n";
  const Ran broken = serve();
  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_EQ(broken.errors, "poold: access file " + file.string() + ", line 2: a principal needs account\n");
  EXPECT_THAT(broken.output, Not(HasSubstr("ready")));
}

}  // namespace
}  // namespace poold
