// Requests that a browser sends for a page: of another site, or of one whose name was made to resolve to this machine.
// Each rule is in tests/server/transport/http_origin_test.cc.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/dev_server.h"
#include "tests/support/http_client.h"
#include "tests/support/program.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using testing::StartsWith;

// What is answered to a request for this path, with these header lines.
HttpResponse Ask(const std::string& address, const std::string& method_and_path, const std::string& headers) {
  HttpConnection connection(address);
  const bool post = method_and_path.starts_with("POST");
  connection.Send(
      method_and_path + " HTTP/1.1\r\n" + headers +
      (post ? std::string(HttpConnection::kTarget) + "DescribePools\r\nContent-Length: 2\r\n\r\n{}" : "\r\n"));
  const HttpResponse response = connection.Read();
  for (const auto& field : response) {
    EXPECT_THAT(std::string(field.name_string()), testing::Not(StartsWith("Access-Control-")));
  }
  return response;
}

testing::AssertionResult IsForbidden(const HttpResponse& response) {
  const bool so = response.result_int() == 403 && response["x-amzn-ErrorType"] == "AccessDeniedException";
  return (so ? testing::AssertionSuccess() : testing::AssertionFailure())
         << response.result_int() << " " << response.body();
}

TEST(HttpOrigin, KeepsPagesOfOtherSitesOut) {
  const std::string& address = DevHttpAddress();
  const std::string own = "Host: " + address + "\r\n";
  EXPECT_EQ(
      Ask(address, "POST /", own + "Origin: http://" + address + "\r\nSec-Fetch-Site: same-origin\r\n").result_int(),
      200u);
  for (const char* headers : {"Origin: http://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n",
                              "Sec-Fetch-Site: same-site\r\n"}) {
    EXPECT_TRUE(IsForbidden(Ask(address, "POST /", own + headers))) << headers;
  }
  EXPECT_TRUE(IsForbidden(Ask(address, "GET /metrics", own + "Origin: http://evil.example\r\n")));
  EXPECT_EQ(Ask(address, "GET /metrics", own + "Sec-Fetch-Site: cross-site\r\n").result_int(), 200u) << "a link";
}

TEST(HttpOrigin, KeepsPagesWithReboundNamesOut) {
  const std::string port = DevHttpAddress().substr(DevHttpAddress().rfind(':'));
  const std::string rebound = "Host: evil.example" + port + "\r\n";
  for (const char* request : {"POST /", "GET /metrics", "GET /readyz"}) {
    EXPECT_TRUE(IsForbidden(Ask(DevHttpAddress(), request, rebound + "Origin: http://evil.example" + port + "\r\n")))
        << request;
    EXPECT_TRUE(IsForbidden(Ask(DevHttpAddress(), request, rebound + "Sec-Fetch-Site: same-origin\r\n"))) << request;
    const bool reads = std::string_view(request).starts_with("GET");
    EXPECT_EQ(Ask(DevHttpAddress(), request, rebound).result_int(), reads ? 403u : 200u) << request << " without both";
  }
}

TEST(HttpOrigin, LetsPagesOfTheSettingsIn) {
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--database-url",
                        TestDatabaseUrl(), "--http-origins", "https://console.example,http://tools.example:8443"}));
  const std::string address = ReadyHttpAddress(server);
  const std::string host = "Host: console.example\r\n";
  EXPECT_EQ(Ask(address, "POST /", host + "Origin: https://console.example\r\n").result_int(), 200u);
  EXPECT_TRUE(IsForbidden(Ask(address, "POST /", host + "Origin: https://other.example\r\n")));
}

// No answer invites a browser to send what it would ask for first.
TEST(HttpOrigin, AnswersNoQuestionWhetherAPageMayCall) {
  const std::string own = "Host: " + DevHttpAddress() + "\r\n";
  EXPECT_EQ(Ask(DevHttpAddress(), "OPTIONS /", own + "Origin: http://" + DevHttpAddress() + "\r\n").result_int(), 400u);
  EXPECT_TRUE(IsForbidden(Ask(DevHttpAddress(), "OPTIONS /", own + "Origin: http://evil.example\r\n")));
}

}  // namespace
}  // namespace poold
