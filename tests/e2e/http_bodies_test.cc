// What requests over HTTP may make the server hold: a body is read only if its headers are no reason for a refusal,
// there is room for it, and it comes fast enough.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "server/base/limits.h"
#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/held_rows.h"
#include "tests/support/http_client.h"
#include "tests/support/program.h"
#include "tests/support/signing.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kMiB = 1 << 20;
static_assert(limits::kRequestBytes == kMiB);

std::string As(const std::string& account) { return "x-account-id: " + account + "\r\n"; }

// The headers of a call, with the announcement of a body.
std::string Head(const std::string& operation, std::size_t body, const std::string& headers = {}) {
  return "POST / HTTP/1.1\r\nHost: localhost\r\n" + std::string(HttpConnection::kTarget) + operation +
         "\r\nContent-Length: " + std::to_string(body) + "\r\n" + headers + "\r\n";
}

// "{"X":"xxx..."}": members that the service does not know are ignored. `members`: of those that it knows.
std::string BodyOf(std::size_t size, const std::string& members = {}) {
  const std::string beginning = "{" + members + (members.empty() ? "" : ",") + "\"X\":\"";
  return beginning + std::string(size - beginning.size() - 2, 'x') + "\"}";
}

std::string TypeOf(const HttpResponse& response) { return std::string(response["x-amzn-ErrorType"]); }

std::int64_t ResidentBytes(const Program& program) {
  std::ifstream statm("/proc/" + std::to_string(program.pid()) + "/statm");
  std::int64_t size = 0;
  std::int64_t resident = 0;
  statm >> size >> resident;
  return resident * 4096;
}

std::unique_ptr<Program> ServerWith(std::vector<std::string> arguments) {
  std::vector<std::string> all{"serve",       "--grpc-listen",  "127.0.0.1:0",    "--http-listen",
                               "127.0.0.1:0", "--database-url", TestDatabaseUrl()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return std::make_unique<Program>(Poold(all));
}

// "20240101T000000Z"
std::string TimeText(std::time_t time) {
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[20];
  return {text, std::strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &parts)};
}

// A server that knows one access key.
class HttpBodiesOfStrangers : public testing::Test {
 protected:
  static std::string AccessFileIn(const TemporaryDirectory& directory) {
    const std::string file = directory.path() / "access.yaml";
    std::ofstream(file) << "principals: [{name: billing, account: \"" << NewAccount()
                        << "\", access_keys: [{id: " << kKeyId << ", secret: " << kSecret << "}]}]\n";
    return file;
  }

  // Authorization and X-Amz-Date of a request whose headers are right but for what `signing` and `headers` say; the
  // signature is of an empty body.
  static std::string Authorization(Signing signing = {}, std::time_t time = std::time(nullptr),
                                   const std::string& headers = {}) {
    signing.time = TimeText(time);
    if (signing.date == Signing().date) signing.date = signing.time.substr(0, 8);
    if (signing.signed_headers == Signing().signed_headers) signing.signed_headers = "host;x-amz-date;x-amz-target";
    const HttpRequest request{
        "POST",
        "/",
        {{"host", "localhost"}, {"x-amz-date", signing.time}, {"x-amz-target", "PinpointSMSVoiceV2.DescribePools"}},
        ""};
    return "X-Amz-Date: " + signing.time + "\r\nAuthorization: " + AuthorizationOf(request, signing) + "\r\n" + headers;
  }

  TemporaryDirectory directory_;
  const std::unique_ptr<Program> server_ =
      ServerWith({"--access-file", AccessFileIn(directory_), "--default-region", Signing().region});
  const std::string address_ = ReadyHttpAddress(*server_);
};

TEST_F(HttpBodiesOfStrangers, AreNotWaitedForWhenTheHeadersAreReasonForARefusal) {
  const std::time_t now = std::time(nullptr);
  struct Case {
    const char* what;
    std::string headers;
    const char* type;
  };
  const Case cases[] = {
      {"no signature", "", "MissingAuthenticationTokenException"},
      {"another scheme", "Authorization: Bearer abc\r\n", "IncompleteSignatureException"},
      {"unknown key", Authorization({.key_id = "AKIDNOBODY"}), "UnrecognizedClientException"},
      {"another service", Authorization({.service = "s3"}), "InvalidSignatureException"},
      {"another day", Authorization({.date = "20200101"}), "InvalidSignatureException"},
      {"too old", Authorization({}, now - 400), "InvalidSignatureException"},
      {"of the future", Authorization({}, now + 400), "InvalidSignatureException"},
      {"unsigned target", Authorization({.signed_headers = "host;x-amz-date"}), "InvalidSignatureException"},
      {"signed header that is missing", Authorization({.signed_headers = "host;x-amz-date;x-amz-target;x-more"}),
       "InvalidSignatureException"},
      {"unsigned body", Authorization({}, now, "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n"),
       "InvalidSignatureException"},
      {"two signatures", "Authorization: a\r\nAuthorization: b\r\n", "ValidationException"},
  };
  for (const Case& c : cases) {
    HttpConnection connection(address_);
    connection.Send(Head("DescribePools", kMiB, c.headers));
    const HttpResponse response = connection.Read();
    EXPECT_EQ(response.result_int(), 400u) << c.what;
    EXPECT_EQ(TypeOf(response), c.type) << c.what << ": " << response.body();
    EXPECT_EQ(response["x-amzn-RequestId"].size(), 36u) << c.what;
    EXPECT_FALSE(response.keep_alive()) << c.what;
    EXPECT_TRUE(connection.Ends()) << c.what;
  }
}

TEST_F(HttpBodiesOfStrangers, AreReadWhenTheHeadersAreRightAndJudgedByTheirSignature) {
  HttpConnection connection(address_);
  connection.Send(Head("DescribePools", 10'000, Authorization()));
  connection.Send(BodyOf(10'000));
  const HttpResponse response = connection.Read();
  EXPECT_EQ(TypeOf(response), "InvalidSignatureException") << "it is the signature of another body";
  EXPECT_THAT(response.body(), HasSubstr("does not match the signature"));
  EXPECT_TRUE(response.keep_alive());
}

TEST_F(HttpBodiesOfStrangers, AreNotHeld) {
  constexpr int kConnections = 150;
  const std::string head = Head("DescribePools", kMiB, Authorization({.key_id = "AKIDNOBODY"}));
  const std::string all_but_the_end(kMiB - 1, 'x');
  const std::int64_t before = ResidentBytes(*server_);
  std::vector<std::unique_ptr<HttpConnection>> connections;
  for (int i = 0; i < kConnections; ++i) {
    connections.push_back(std::make_unique<HttpConnection>(address_));
    connections.back()->Send(head);
    connections.back()->Send(all_but_the_end);
  }
  EXPECT_LT(ResidentBytes(*server_) - before, 32 * static_cast<std::int64_t>(kMiB));
  EXPECT_EQ(TypeOf(HttpConnection(address_).Call("DescribePools", "{}")), "MissingAuthenticationTokenException");
  // Who sent all of it before reading gets to see why.
  EXPECT_EQ(TypeOf(connections.back()->Read()), "UnrecognizedClientException");
}

TEST(HttpBodies, AreNotWaitedForWhereCallersAreTrustedEither) {
  const std::string target = std::string(HttpConnection::kTarget) + "DescribePools\r\n";
  const std::string length = "Content-Length: " + std::to_string(kMiB) + "\r\n\r\n";
  struct Case {
    std::string head;
    unsigned status;
    const char* type;
  };
  const Case cases[] = {
      {"POST /x HTTP/1.1\r\nHost: localhost\r\n" + target + length, 404, "UnknownOperationException"},
      {"PUT / HTTP/1.1\r\nHost: localhost\r\n" + target + length, 400, "UnknownOperationException"},
      {"POST / HTTP/1.1\r\nHost: localhost\r\n" + length, 400, "UnknownOperationException"},
      {Head("DropPool", kMiB), 400, "UnknownOperationException"},
      {Head("DescribePools", kMiB, As("12")), 400, "ValidationException"},
      {Head("DescribePools", kMiB, "x-region: nowhere\r\n"), 400, "ValidationException"},
      {Head("DescribePools", kMiB, "Authorization: nonsense\r\n"), 400, "IncompleteSignatureException"},
      {Head("DescribePools", kMiB, "Origin: http://evil.example\r\n"), 403, "AccessDeniedException"},
  };
  for (const Case& c : cases) {
    HttpConnection connection(DevHttpAddress());
    connection.Send(c.head);
    const HttpResponse response = connection.Read();
    EXPECT_EQ(response.result_int(), c.status) << c.head;
    EXPECT_EQ(TypeOf(response), c.type) << c.head;
    EXPECT_TRUE(connection.Ends()) << c.head;
  }
  HttpConnection health(DevHttpAddress());
  health.Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + length);
  EXPECT_EQ(health.Read().result_int(), 200u);
}

TEST(HttpBodies, ThatAreSmallAndUnreadLeaveTheConnectionOpen) {
  HttpConnection connection(DevHttpAddress());
  for (const std::size_t size : {1u, 5'000u, 65'536u}) {
    connection.Send(Head("DropPool", size));
    EXPECT_EQ(TypeOf(connection.Read()), "UnknownOperationException");
    connection.Send(std::string(size, 'x') + HttpConnection::Post("DescribePools", "{}"));
    EXPECT_EQ(connection.Read().result_int(), 200u) << size;
  }
}

TEST(HttpBodies, AreAskedForOnlyWhenTheHeadersAreJudged) {
  const auto expecting = [](const char* expectation) { return "Expect: " + std::string(expectation) + "\r\n"; };
  HttpConnection good(DevHttpAddress());
  good.Send(Head("DescribePools", 10'000, expecting("100-Continue")));
  EXPECT_EQ(good.Read().result_int(), 100u);
  good.Send(BodyOf(10'000));
  EXPECT_EQ(good.Read().result_int(), 200u);

  HttpConnection unknown(DevHttpAddress());
  unknown.Send(Head("DropPool", 10, expecting("100-continue")));
  EXPECT_EQ(TypeOf(unknown.Read()), "UnknownOperationException");
  EXPECT_TRUE(unknown.Ends()) << "whether the body follows is open";

  HttpConnection other(DevHttpAddress());
  other.Send(Head("DescribePools", 2, expecting("more")) + "{}");
  const HttpResponse failed = other.Read();
  EXPECT_EQ(failed.result_int(), 417u);
  EXPECT_EQ(TypeOf(failed), "SerializationException");
}

TEST(HttpBodies, HaveNoTrailers) {
  const std::string account = NewAccount();
  const auto with_trailer = [](const std::string& headers, const std::string& trailer) {
    return "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" + headers + "\r\n2\r\n{}\r\n0\r\n" +
           trailer + "\r\n";
  };
  const std::string target = std::string(HttpConnection::kTarget) + "DescribePools\r\n";
  const std::string trailers[] = {
      As(account),
      "x-region: eu-west-2\r\n",
      "Authorization: AWS4-HMAC-SHA256 Credential=" + account +
          "/20260101/us-east-1/sms-voice/aws4_request, SignedHeaders=host, Signature=unchecked\r\n",
      "Connection: keep-alive\r\nX-Whatever: 1\r\n",
  };
  for (const std::string& trailer : trailers) {
    HttpConnection connection(DevHttpAddress());
    connection.Send(with_trailer(target, trailer));
    const HttpResponse refused = connection.Read();
    EXPECT_EQ(refused.result_int(), 400u) << trailer;
    EXPECT_EQ(TypeOf(refused), "SerializationException") << trailer;
    EXPECT_THAT(refused.body(), HasSubstr("trailers")) << trailer;
    EXPECT_TRUE(connection.Ends()) << trailer;
  }
  HttpConnection late_target(DevHttpAddress());
  late_target.Send(with_trailer("", target));
  EXPECT_EQ(TypeOf(late_target.Read()), "UnknownOperationException");
}

// A server with room for one large body, and a call that keeps it until a row is released.
class HttpBodiesWithoutRoom : public testing::Test {
 protected:
  HttpBodiesWithoutRoom() {
    GrpcClient client(ReadyAddress(*server_), account_);
    client.Must<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
    const std::string pool = client
                                 .Must<CreatePoolRequest>(
                                     "origination_identity: 'EXAMPLECO' iso_country_code: 'GB'"
                                     " message_type: MESSAGE_TYPE_TRANSACTIONAL")
                                 .pool_id();
    held_.emplace(TestDatabaseUrl(), "SELECT FROM pools WHERE pool_id = '" + pool + "'");
    holder_.Send(HttpConnection::Post("DeletePool", BodyOf(kMiB, "\"PoolId\":\"" + pool + "\""), As(account_)));
    EXPECT_TRUE(held_->EventuallyWaiting(1));
  }

  const std::unique_ptr<Program> server_ = ServerWith(
      {"--http-body-bytes", std::to_string(kMiB), "--http-body-timeout", "400ms", "--default-deadline", "25s"});
  const std::string address_ = ReadyHttpAddress(*server_);
  const std::string account_ = NewAccount();
  std::optional<HeldRows> held_;
  HttpConnection holder_{address_};
};

TEST_F(HttpBodiesWithoutRoom, AreRefusedAfterAWhile) {
  HttpConnection large(address_);
  large.Send(Head("DescribePools", 10'000));
  const HttpResponse refused = large.Read();
  EXPECT_EQ(refused.result_int(), 503u);
  EXPECT_EQ(TypeOf(refused), "ThrottlingException");
  EXPECT_THAT(json::parse(refused.body()).value("Message", ""), HasSubstr("try again"));

  HttpConnection chunked(address_);
  chunked.Send("POST / HTTP/1.1\r\nHost: localhost\r\n" + std::string(HttpConnection::kTarget) +
               "DescribePools\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(chunked.Read().result_int(), 503u);
  held_->Release();
  EXPECT_EQ(holder_.Read().result_int(), 200u);
}

TEST_F(HttpBodiesWithoutRoom, HoldUpNoCallOfEverydaySize) {
  HttpConnection large(address_);
  large.Send(Head("DescribePools", 10'000));
  HttpConnection small(address_);
  EXPECT_EQ(small.Call("DescribePools", BodyOf(4'096)).result_int(), 200u);
  held_->Release();
  EXPECT_EQ(holder_.Read().result_int(), 200u);
}

TEST(HttpBodiesThatWait, AreReadAsSoonAsThereIsRoom) {
  const auto server = ServerWith({"--http-body-bytes", std::to_string(kMiB)});
  const std::string address = ReadyHttpAddress(*server);
  HttpConnection holder(address);
  const std::string body = BodyOf(kMiB);
  holder.Send(Head("DescribePools", kMiB, "Expect: 100-continue\r\n"));
  EXPECT_EQ(holder.Read().result_int(), 100u) << "it has the room";
  std::vector<std::unique_ptr<HttpConnection>> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.push_back(std::make_unique<HttpConnection>(address));
    waiting.back()->Send(HttpConnection::Post("DescribePools", BodyOf(10'000)));
  }
  EXPECT_EQ(HttpConnection(address).Call("DescribePools", "{}").result_int(), 200u);
  holder.Send(body);
  EXPECT_EQ(holder.Read().result_int(), 200u);
  for (const auto& connection : waiting) EXPECT_EQ(connection->Read().result_int(), 200u);
}

// The first has a whole second's worth of bytes and may pause until its time is over; the other one sends a byte now
// and then and is cut first.
TEST(HttpBodiesThatDrip, AreCutLongBeforeThoseThatComeAtARate) {
  const auto server = ServerWith({"--http-body-timeout", "8s"});  // so the first 2 s are free
  const std::string address = ReadyHttpAddress(*server);
  const std::string body = BodyOf(200'000);
  HttpConnection steady(address);
  steady.Send(Head("DescribePools", body.size()) + body.substr(0, 150'000));
  HttpConnection slow(address);
  slow.Send(Head("DescribePools", body.size()) + body.substr(0, 100));
  EXPECT_TRUE(slow.Ends());
  steady.Send(body.substr(150'000));
  EXPECT_EQ(steady.Read().result_int(), 200u);
}

TEST(HttpBodiesOfCurl, GetTheirRefusalWithAndWithoutTls) {
  const TemporaryDirectory directory;
  const std::string certificate = directory.path() / "tls.crt";
  const std::string key = directory.path() / "tls.key";
  const std::string body = directory.path() / "body.json";
  std::ofstream(body) << BodyOf(kMiB);
  ASSERT_EQ(RunToEnd({{"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                       "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-keyout", key,
                       "-out", certificate},
                      {},
                      {}})
                .exit_code,
            0);
  const auto server = ServerWith({"--tls-certificate", certificate, "--tls-key", key});
  for (const std::string& url : {"http://" + DevHttpAddress() + "/", "https://" + ReadyHttpAddress(*server) + "/"}) {
    for (const char* expect : {"Expect:", "Expect: 100-continue"}) {
      const auto curl = [&](const char* operation) {
        return RunToEnd({{"curl", "--silent", "--show-error", "--cacert", certificate, "--header", expect, "--header",
                          "X-Amz-Target: PinpointSMSVoiceV2." + std::string(operation), "--data-binary", "@" + body,
                          "--write-out", " %{http_code}", url},
                         {},
                         {}});
      };
      const Ran refused = curl("DropPool");
      EXPECT_EQ(refused.exit_code, 0) << refused.errors << url << expect;
      EXPECT_THAT(refused.output, testing::AllOf(HasSubstr("UnknownOperationException"), HasSubstr(" 400")))
          << url << expect;
      const Ran answered = curl("DescribePools");
      EXPECT_EQ(answered.output, "{\"Pools\":[]} 200") << answered.errors << url << expect;
    }
  }
}

}  // namespace
}  // namespace poold
