// The AWS JSON door on the wire: what it answers, what it takes, and what it doesn't. That SDKs find in it what they
// expect is shown in tests/clients.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "server/base/limits.h"
#include "server/rpc/method.h"
#include "tests/support/dev_server.h"
#include "tests/support/given.h"
#include "tests/support/grpc_client.h"
#include "tests/support/held_rows.h"
#include "tests/support/http_client.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;

std::string As(const std::string& account) { return "x-account-id: " + account + "\r\n"; }

MATCHER_P2(IsAnswer, status, type, "") {
  *result_listener << arg.result_int() << " " << arg.body();
  if (static_cast<int>(arg.result_int()) != status) return false;
  const json body = json::parse(arg.body(), nullptr, false);
  return body.is_object() && body.value("__type", "") == "com.amazonaws.pinpointsmsvoicev2#" + std::string(type) &&
         arg["x-amzn-ErrorType"] == type && arg["x-amzn-RequestId"].size() == 36;
}

// A server with small limits, on the test program's database.
std::unique_ptr<Program> ServerWith(std::vector<std::string> arguments) {
  std::vector<std::string> all{"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", TestDatabaseUrl()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return std::make_unique<Program>(Poold(all));
}

TEST(Http, AnswersLikeTheOtherDoor) {
  const std::string account = NewAccount();
  HttpConnection connection(DevHttpAddress());
  const HttpResponse made =
      connection.Call("RequestSenderId", R"({"SenderId": "EXAMPLECO", "IsoCountryCode": "GB"})", As(account));
  EXPECT_EQ(made.result_int(), 200) << made.body();
  EXPECT_EQ(made["Content-Type"], "application/x-amz-json-1.0");
  EXPECT_EQ(made["x-amzn-RequestId"].size(), 36u);
  EXPECT_THAT(std::string(made["Date"]), MatchesRegex("..., .. ... .... ..:..:.. GMT"));
  EXPECT_TRUE(made.keep_alive());
  const auto seen = GrpcClient(DevAddress(), account).Must<DescribeSenderIdsRequest>("");
  EXPECT_EQ(json::parse(made.body()).at("SenderIdArn"), seen.sender_ids(0).sender_id_arn());
}

TEST(Http, KeepsTheConnectionWhateverIsAnswered) {
  HttpConnection connection(DevHttpAddress());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(connection.Call("DescribePools", "{}").result_int(), 200);
    EXPECT_THAT(connection.Call("DescribePools", "{"), IsAnswer(400, "SerializationException"));
    EXPECT_THAT(connection.Call("DescribePools", R"({"MaxResults": 0})"), IsAnswer(400, "ValidationException"));
    EXPECT_THAT(connection.Call("DropPool", "{}"), IsAnswer(400, "UnknownOperationException"));
  }
}

TEST(Http, EndsTheConnectionWhenAskedTo) {
  HttpConnection connection(DevHttpAddress());
  const HttpResponse last = connection.Call("DescribePools", "{}", "Connection: close\r\n");
  EXPECT_EQ(last.result_int(), 200);
  EXPECT_FALSE(last.keep_alive());
  EXPECT_TRUE(connection.Ends());

  HttpConnection old(DevHttpAddress());
  old.Send("POST / HTTP/1.0\r\nX-Amz-Target: PinpointSMSVoiceV2.DescribePools\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(old.Read().result_int(), 200);
  EXPECT_TRUE(old.Ends());
}

TEST(Http, AnswersPipelinedRequestsInTheirOrder) {
  HttpConnection connection(DevHttpAddress());
  connection.Send(HttpConnection::Post("DescribePools", "{}") + HttpConnection::Post("DropPool", "{}") +
                  HttpConnection::Post("DescribePools", R"({"PoolIds": ["pool-1"]})"));
  EXPECT_EQ(connection.Read().result_int(), 200);
  EXPECT_THAT(connection.Read(), IsAnswer(400, "UnknownOperationException"));
  EXPECT_THAT(connection.Read(), IsAnswer(400, "ResourceNotFoundException"));
}

TEST(Http, MindsNoCaseOfHeaderNames) {
  HttpConnection connection(DevHttpAddress());
  connection.Send(
      "POST / HTTP/1.1\r\nhost: x\r\nx-AMZ-target: PinpointSMSVoiceV2.DescribePools\r\n"
      "content-LENGTH: 2\r\n\r\n{}");
  EXPECT_EQ(connection.Read().result_int(), 200);
}

TEST(Http, TakesChunks) {
  HttpConnection connection(DevHttpAddress());
  connection.Send(
      "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: PinpointSMSVoiceV2.DescribePools\r\n"
      "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n");
  EXPECT_EQ(connection.Read().result_int(), 200);
}

TEST(Http, TellsClientsThatAskToGoOn) {
  HttpConnection connection(DevHttpAddress());
  connection.Send(
      "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: PinpointSMSVoiceV2.DescribePools\r\n"
      "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(connection.Read().result_int(), 100);
  connection.Send("{}");
  EXPECT_EQ(connection.Read().result_int(), 200);
}

TEST(Http, KnowsTheOperationsOfTheModelAndNoOthers) {
  HttpConnection connection(DevHttpAddress());
  int known = 0;
  for (const Method& method : Methods()) {
    const HttpResponse response = connection.Call(method.name, R"({"Nonsense": 1})");
    const bool is_known = response["x-amzn-ErrorType"] != "UnknownOperationException";
    EXPECT_EQ(is_known, !method.policy.extension()) << method.name;
    known += is_known ? 1 : 0;
  }
  EXPECT_EQ(known, 32);
  for (const char* target : {"PinpointSMSVoiceV2.", "PinpointSMSVoiceV2.createpool", "CreatePool",
                             "PinpointSMSVoiceV3.CreatePool", "pinpointsmsvoicev2.CreatePool",
                             "PinpointSMSVoiceV2.CreatePool.", " ", "PinpointSMSVoiceV2.Pools/CreatePool"}) {
    connection.Send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nX-Amz-Target: " + std::string(target) +
                    "\r\n\r\n{}");
    EXPECT_THAT(connection.Read(), IsAnswer(400, "UnknownOperationException")) << target;
  }
  connection.Send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_THAT(connection.Read(), IsAnswer(400, "UnknownOperationException"));
}

TEST(Http, RefusesHeadersThatSayTwoThings) {
  HttpConnection connection(DevHttpAddress());
  const std::string target(HttpConnection::kTarget);
  struct Case {
    const char* operation;
    std::string name;
    std::string first;
    std::string second;
  };
  const Case cases[] = {
      {"DescribePools", "x-amz-target", "", "PinpointSMSVoiceV2.DeletePool"},
      {"DescribePools", "x-account-id", "111122223333", "444455556666"},
      {"DescribePools", "x-region", "us-east-1", "eu-west-2"},
      {"DescribePools", "authorization", "AWS4-HMAC-SHA256 Credential=a", "AWS4-HMAC-SHA256 Credential=b"},
      {"RequestSenderId", "idempotency-key", "one", "other"},
  };
  for (const Case& c : cases) {
    std::string headers = c.first.empty() ? "" : c.name + ": " + c.first + "\r\n";
    headers += c.name + ": " + c.second + "\r\n";
    const HttpResponse refused =
        connection.Call(c.operation, R"({"SenderId": "TWICE", "IsoCountryCode": "GB"})", headers);
    EXPECT_THAT(refused, IsAnswer(400, "ValidationException")) << c.name;
    EXPECT_THAT(refused.body(), HasSubstr("Fields=\\\"" + c.name)) << c.name;
  }
  const std::string twice = target + "DescribePools\r\nx-region: eu-west-2\r\nX-REGION: eu-west-2\r\n";
  EXPECT_EQ(connection.Call("DescribePools", "{}", twice).result_int(), 200) << "the same said twice";

  // Where the request ends, and whose it is, is settled before: see WrongFraming.
  for (const char* headers : {"Content-Length: 3\r\n", "Host: y\r\n"}) {
    HttpConnection other(DevHttpAddress());
    EXPECT_THAT(other.Call("DescribePools", "{}", headers), IsAnswer(400, "SerializationException")) << headers;
  }
}

// STALE_REVISION is no Reason of the service model, and answers nothing here: expected_revision is unknown to AWS JSON,
// like every extension.
TEST(Http, KnowsNoExpectedRevision) {
  const std::string account = NewAccount();
  GrpcClient client(DevAddress(), account);
  client.Must<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
  const auto pool = client.Must<CreatePoolRequest>(
      "origination_identity: 'EXAMPLECO' iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL");
  const json request{{"PoolId", pool.pool_id()}, {"SharedRoutesEnabled", true}, {"ExpectedRevision", 99}};
  const HttpResponse response = HttpConnection(DevHttpAddress()).Call("UpdatePool", request.dump(), As(account));
  EXPECT_EQ(response.result_int(), 200U) << response.body();
}

TEST(Http, HasNothingElsewhere) {
  HttpConnection connection(DevHttpAddress());
  const std::string target = std::string(HttpConnection::kTarget) + "DescribePools\r\n";
  for (const char* path : {"/x", "//", "/index.html", "/healthz/", "/../", "http://example.com/", "*"}) {
    connection.Send("POST " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + target +
                    "Content-Length: 2\r\n\r\n{}");
    EXPECT_THAT(connection.Read(), IsAnswer(404, "UnknownOperationException")) << path;
  }
  for (const char* verb : {"GET", "PUT", "DELETE", "OPTIONS", "PATCH", "FROB"}) {
    connection.Send(std::string(verb) + " / HTTP/1.1\r\nHost: localhost\r\n" + target + "Content-Length: 2\r\n\r\n{}");
    EXPECT_THAT(connection.Read(), IsAnswer(400, "UnknownOperationException")) << verb;
  }
}

TEST(Http, RefusesABodyAboveOneMebibyteByItsLengthAlone) {
  HttpConnection connection(DevHttpAddress());
  connection.Send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(limits::kRequestBytes + 1) +
                  "\r\n\r\n");
  EXPECT_THAT(connection.Read(), IsAnswer(413, "SerializationException"));
  EXPECT_TRUE(connection.Ends());

  HttpConnection just_below(DevHttpAddress());
  const std::string body = "{\"X\":\"" + std::string(limits::kRequestBytes - 8, 'x') + "\"}";
  ASSERT_EQ(body.size(), limits::kRequestBytes);
  EXPECT_EQ(just_below.Call("DescribePools", body).result_int(), 200);
}

TEST(Http, RefusesABodyThatGrowsAboveOneMebibyteInChunks) {
  HttpConnection connection(DevHttpAddress());
  connection.Send("POST / HTTP/1.1\r\nHost: localhost\r\n" + std::string(HttpConnection::kTarget) +
                  "DescribePools\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 17; ++i) connection.Send(chunk);
  EXPECT_THAT(connection.Read(), IsAnswer(413, "SerializationException"));
  EXPECT_TRUE(connection.Ends());
}

TEST(Http, RefusesHeadersWithoutEnd) {
  HttpConnection connection(DevHttpAddress());
  connection.Send("POST / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + std::string(40 << 10, 'x'));
  EXPECT_THAT(connection.Read(), IsAnswer(431, "SerializationException"));
  EXPECT_TRUE(connection.Ends());
}

TEST(Http, RefusesWhatIsNotHttp) {
  for (const char* bytes :
       {"hello\r\n\r\n", "POST\r\n\r\n", "POST / HTTP/3.7\r\n\r\n", "\x16\x03\x01\x02\x01\x01",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", "POST / HTTP/1.1\r\nno colon\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: PinpointSMSVoiceV2.DescribePools\r\nTransfer-Encoding: "
        "chunked\r\n\r\nz\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "POST / HTTP/1.1\r\nHost: localhost\r\nHost: y\r\n\r\n"}) {
    HttpConnection connection(DevHttpAddress());
    connection.Send(bytes);
    EXPECT_THAT(connection.Read(), IsAnswer(400, "SerializationException")) << bytes;
    EXPECT_TRUE(connection.Ends()) << bytes;
  }
  EXPECT_EQ(HttpConnection(DevHttpAddress()).Call("DescribePools", "{}").result_int(), 200);
}

// What follows could be another request to whoever is on the way.
TEST(Http, RefusesTransferCodingsThatItDoesNotKnow) {
  for (const char* coding :
       {"xchunked", "gzip", "chunked, gzip", "gzip, chunked", "identity", "chunked\r\nTransfer-Encoding: chunked"}) {
    HttpConnection connection(DevHttpAddress());
    connection.Send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: " + std::string(coding) + "\r\n\r\n" +
                    HttpConnection::Post("DescribePools", "{}"));
    EXPECT_THAT(connection.Read(), IsAnswer(400, "SerializationException")) << coding;
    EXPECT_TRUE(connection.Ends()) << coding;
  }
}

TEST(Http, AnswersHeadWithoutABody) {
  for (const char* path : {"/healthz", "/nowhere"}) {
    HttpConnection connection(DevHttpAddress());
    connection.Send("HEAD " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(connection.Read().body(), "") << path;
    EXPECT_TRUE(connection.Ends()) << path;
  }
}

TEST(Http, AnswersAClientThatHasEndedItsHalf) {
  HttpConnection connection(DevHttpAddress());
  connection.Send(HttpConnection::Post("DescribePools", "{}"));
  connection.CloseHalf();
  EXPECT_EQ(connection.Read().result_int(), 200);
}

TEST(Http, ClosesConnectionsThatAreTooSlowFromTheirFirstByteOn) {
  const auto server = ServerWith({"--http-idle-timeout", "1h", "--http-header-timeout", "150ms"});
  HttpConnection slow_header(ReadyHttpAddress(*server));
  slow_header.Send("POST / HT");
  EXPECT_TRUE(slow_header.Ends());
}

TEST(Http, ClosesConnectionsThatAreTooSlow) {
  const auto server =
      ServerWith({"--http-idle-timeout", "150ms", "--http-header-timeout", "150ms", "--http-body-timeout", "150ms"});
  const std::string address = ReadyHttpAddress(*server);
  HttpConnection idle(address);
  HttpConnection slow_header(address);
  HttpConnection slow_body(address);
  slow_header.Send("POST / HTTP/1.1\r\nHost: ");
  slow_body.Send("POST / HTTP/1.1\r\nHost: localhost\r\n" + std::string(HttpConnection::kTarget) +
                 "DescribePools\r\nContent-Length: 10\r\n\r\n{");
  HttpConnection served(address);
  EXPECT_EQ(served.Call("DescribePools", "{}").result_int(), 200);
  EXPECT_TRUE(idle.Ends());
  EXPECT_TRUE(slow_header.Ends());
  EXPECT_TRUE(slow_body.Ends());
  EXPECT_TRUE(served.Ends());
}

TEST(Http, AsksOldConnectionsToEnd) {
  const auto server = ServerWith({"--max-connection-age", "50ms"});
  HttpConnection connection(ReadyHttpAddress(*server));
  bool goes_on = true;
  EXPECT_TRUE(Eventually([&] {
    const HttpResponse response = connection.Call("DescribePools", "{}");
    goes_on = response.keep_alive();
    return response.result_int() != 200 || !goes_on;
  }));
  EXPECT_FALSE(goes_on);
  EXPECT_TRUE(connection.Ends());
}

TEST(Http, TurnsAwayConnectionsThatAreTooMany) {
  const auto server = ServerWith({"--http-connections", "1"});
  const std::string address = ReadyHttpAddress(*server);
  {
    HttpConnection first(address);
    EXPECT_EQ(first.Call("DescribePools", "{}").result_int(), 200);
    HttpConnection second(address);
    EXPECT_EQ(second.Read().result_int(), 503) << "and ends there, which is what ends the answer";
    EXPECT_EQ(first.Call("DescribePools", "{}").result_int(), 200);
  }
  // The first one's place is free again as soon as the server has seen it go.
  EXPECT_TRUE(Eventually([&] {
    HttpConnection next(address);
    try {
      return next.Call("DescribePools", "{}").result_int() == 200;
    } catch (const std::runtime_error&) {
      return false;
    }
  }));
}

TEST(Http, TurnsAwayConnectionsThatAreTooManyFromOneAddress) {
  const auto server =
      ServerWith({"--http-connections-per-address", "1", "--http-listen", "0.0.0.0:0", "--trust-all-callers"});
  const std::string port = ReadyHttpAddress(*server).substr(std::string("0.0.0.0").size());
  HttpConnection first("127.0.0.1" + port);
  EXPECT_EQ(first.Call("DescribePools", "{}").result_int(), 200);
  HttpConnection second("127.0.0.1" + port);
  EXPECT_EQ(second.Read().result_int(), 503);
}

// Threads of the process, and whether it stays at that with many connections.
TEST(Http, SpendsNoThreadOnAConnection) {
  const auto threads = [](const Program& server) {
    const std::filesystem::directory_iterator tasks("/proc/" + std::to_string(server.pid()) + "/task");
    return std::distance(begin(tasks), end(tasks));
  };
  const auto server = ServerWith({});
  const std::string address = ReadyHttpAddress(*server);
  EXPECT_EQ(HttpConnection(address).Call("DescribePools", "{}").result_int(), 200);
  const auto before = threads(*server);
  std::vector<std::unique_ptr<HttpConnection>> idle;
  for (int i = 0; i < 300; ++i) {
    idle.push_back(std::make_unique<HttpConnection>(address));
    idle.back()->Send("POST / HTTP/1.1\r\nHo");
  }
  EXPECT_EQ(HttpConnection(address).Call("DescribePools", "{}").result_int(), 200);
  EXPECT_EQ(threads(*server), before);
}

class HttpWaiting : public testing::Test {
 protected:
  HttpWaiting() {
    GrpcClient client(DevAddress(), account_);
    client.Must<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
    pool_ = client
                .Must<CreatePoolRequest>(
                    "origination_identity: 'EXAMPLECO' iso_country_code: 'GB'"
                    " message_type: MESSAGE_TYPE_TRANSACTIONAL")
                .pool_id();
  }

  HeldRows Hold() const { return HeldRows(DevDatabaseUrl(), "SELECT FROM pools WHERE pool_id = '" + pool_ + "'"); }
  std::string Delete() const {
    return HttpConnection::Post("DeletePool", R"({"PoolId": ")" + pool_ + "\"}", As(account_));
  }

  const std::string account_ = NewAccount();
  std::string pool_;
};

TEST_F(HttpWaiting, CancelsTheCallOfAClientThatHangsUp) {
  HeldRows held = Hold();
  HttpConnection connection(DevHttpAddress());
  connection.Send(Delete());
  ASSERT_TRUE(held.EventuallyWaiting(1));
  connection.Close();
  EXPECT_TRUE(held.EventuallyWaiting(0)) << "the lock is still held, so the statement was stopped";
  held.Release();
  const GrpcClient client(DevAddress(), account_);
  EXPECT_THAT(client.Call<DescribePoolsRequest>("pool_ids: '" + pool_ + "'"), IsOk());
}

TEST_F(HttpWaiting, HoldsUpNobodyElse) {
  HeldRows held = Hold();
  HttpConnection waits(DevHttpAddress());
  waits.Send(Delete());
  ASSERT_TRUE(held.EventuallyWaiting(1));
  EXPECT_EQ(HttpConnection(DevHttpAddress()).Call("DescribePools", "{}", As(account_)).result_int(), 200);
  held.Release();
  EXPECT_EQ(waits.Read().result_int(), 200);
}

TEST(HttpStop, AnswersWhatRunsAndTakesNoMore) {
  const auto server = ServerWith({"--drain-limit", "20s"});
  const std::string account = NewAccount();
  const std::string address = ReadyHttpAddress(*server);
  HttpConnection running(address);
  ASSERT_EQ(
      running.Call("RequestSenderId", R"({"SenderId": "EXAMPLECO", "IsoCountryCode": "GB"})", As(account)).result_int(),
      200);
  HttpConnection idle(address);
  ASSERT_EQ(idle.Call("DescribePools", "{}").result_int(), 200);

  HeldRows held(TestDatabaseUrl(), "SELECT FROM sender_ids WHERE account_id = '" + account + "'");
  running.Send(
      HttpConnection::Post("ReleaseSenderId", R"({"SenderId": "EXAMPLECO", "IsoCountryCode": "GB"})", As(account)));
  ASSERT_TRUE(held.EventuallyWaiting(1));
  server->Signal(SIGTERM);
  EXPECT_TRUE(idle.Ends());
  EXPECT_TRUE(Eventually([&] {
    try {
      HttpConnection late(address);
      return late.Ends();
    } catch (const std::runtime_error&) {
      return true;
    }
  }));
  held.Release();
  const HttpResponse answer = running.Read();
  EXPECT_EQ(answer.result_int(), 200);
  EXPECT_FALSE(answer.keep_alive());
  EXPECT_EQ(server->Wait(), 0);
}

HttpResponse PostTo(const std::string& address, const std::string& path, const std::string& headers) {
  HttpConnection connection(address);
  connection.Send("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" + headers + "\r\n");
  return connection.Read();
}

std::size_t Pools(const std::string& account) {
  const HttpResponse seen = HttpConnection(DevHttpAddress()).Call("DescribePools", "{}", As(account));
  return json::parse(seen.body()).at("Pools").size();
}

TEST(HttpDev, FillsAndEmptiesTheAccountOfTheKey) {
  const std::string account = NewAccount();
  const std::string signed_by =
      "Authorization: AWS4-HMAC-SHA256 Credential=" + account +
      "/20260101/us-east-1/sms-voice/aws4_request, SignedHeaders=host, Signature=unchecked\r\n";
  const HttpResponse seeded = PostTo(DevHttpAddress(), "/_poold/seed", signed_by);
  EXPECT_EQ(seeded.result_int(), 200) << seeded.body();
  EXPECT_EQ(Pools(account), 3u);
  EXPECT_THAT(PostTo(DevHttpAddress(), "/_poold/seed", signed_by), IsAnswer(400, "ConflictException"));
  const HttpResponse reset = PostTo(DevHttpAddress(), "/_poold/reset", signed_by);
  EXPECT_EQ(reset.result_int(), 200) << reset.body();
  EXPECT_EQ(Pools(account), 0u);
}

TEST(HttpDev, RefusesPagesOfOtherSites) {
  EXPECT_THAT(PostTo(DevHttpAddress(), "/_poold/reset", As(NewAccount()) + "Origin: http://example.com\r\n"),
              IsAnswer(400, "AccessDeniedException"));
}

TEST(HttpDev, IsNotThereInServe) {
  const auto server = ServerWith({});
  for (const char* path : {"/_poold/reset", "/_poold/seed"}) {
    EXPECT_THAT(PostTo(ReadyHttpAddress(*server), path, ""), IsAnswer(404, "UnknownOperationException")) << path;
  }
}

HttpResponse Get(const std::string& address, const std::string& path) {
  HttpConnection connection(address);
  connection.Send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return connection.Read();
}

TEST(HttpHealth, IsWellAndReady) {
  EXPECT_EQ(Get(DevHttpAddress(), "/healthz").result_int(), 200);
  EXPECT_EQ(Get(DevHttpAddress(), "/readyz").result_int(), 200);
}

TEST(HttpHealth, IsWellButNotReadyWithoutADatabase) {
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", "postgresql:///x?host=/nowhere"}));
  const std::string address = ListeningHttpAddress(server);
  EXPECT_EQ(Get(address, "/healthz").result_int(), 200);
  EXPECT_EQ(Get(address, "/readyz").result_int(), 503);
  const HttpResponse refused = HttpConnection(address).Call("DescribePools", "{}");
  EXPECT_THAT(refused, IsAnswer(500, "InternalServerException"));
  EXPECT_EQ(json::parse(refused.body()).value("Message", ""), "The service is not ready yet; try again");
}

TEST(HttpTls, IsSpokenWhenThereIsACertificate) {
  const TemporaryDirectory directory;
  const std::string certificate = directory.path() / "tls.crt";
  const std::string key = directory.path() / "tls.key";
  ASSERT_EQ(RunToEnd({{"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                       "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-keyout", key,
                       "-out", certificate},
                      {},
                      {}})
                .exit_code,
            0);
  const auto server = ServerWith({"--tls-certificate", certificate, "--tls-key", key});
  const std::string address = ReadyHttpAddress(*server);
  const auto curl = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"curl", "--silent", "--show-error", "--cacert", certificate});
    return RunToEnd({arguments, {}, {}});
  };
  const Ran called =
      curl({"--header", "X-Amz-Target: PinpointSMSVoiceV2.DescribePools", "--data", "{}", "https://" + address + "/"});
  EXPECT_EQ(called.output, R"({"Pools":[]})") << called.errors;
  EXPECT_EQ(curl({"https://" + address + "/healthz"}).output, "ok\n");

  HttpConnection plain(address);
  plain.Send("GET /healthz HTTP/1.1\r\n\r\n");
  EXPECT_THROW(plain.Read(), std::runtime_error);
}

TEST(HttpTls, RefusesToStartWithoutAReadableCertificate) {
  const Ran ran = RunToEnd(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", TestDatabaseUrl(),
                                  "--tls-certificate", "/nowhere.crt"}));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, HasSubstr("--tls-certificate /nowhere.crt"));
}

TEST(HttpListen, CanBeOff) {
  const auto server = ServerWith({"--http-listen", "off"});
  EXPECT_EQ(ReadyHttpAddress(*server), "off");
}

TEST(HttpListen, SaysWhatToDoWhenThePortIsTaken) {
  const Ran ran = RunToEnd(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", DevHttpAddress(),
                                  "--database-url", TestDatabaseUrl()}));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, HasSubstr("Choose another with --http-listen."));
}

}  // namespace
}  // namespace poold
