// What comes over the wire that no generated stub would send.

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/http_client.h"
#include "tests/support/memory.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using grpc::StatusCode;

// A call with a message of these bytes, whatever they are.
grpc::Status CallRaw(const GrpcClient& client, const std::string& method, const std::string& bytes,
                     std::multimap<std::string, std::string>* trailers = nullptr) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> outcome;
  grpc::GenericStub(client.channel())
      .UnaryCall(&context, method, {}, &request, &response,
                 [&outcome](grpc::Status status) { outcome.set_value(std::move(status)); });
  grpc::Status status = outcome.get_future().get();
  for (const auto& [name, value] : context.GetServerTrailingMetadata()) {
    if (trailers != nullptr)
      trailers->emplace(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
  }
  return status;
}

// Nothing that came before has hurt the server or the connection.
void ExpectServes(const GrpcClient& client) { EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsOk()); }

TEST(Wire, RefusesAMessageAboveOneMebibyte) {
  const GrpcClient client(DevAddress(), NewAccount());
  UpdatePoolRequest request;
  request.set_pool_id("pool-1");
  request.set_two_way_channel_arn(std::string((1 << 20) - 100, 'x'));
  EXPECT_THAT(client.Call(request), IsInvalidField(reason::kInvalidParameter, "twoWayChannelArn"))
      << "just below the limit, the rules decide";
  request.set_two_way_channel_arn(std::string(1 << 20, 'x'));
  const auto refused = client.Call(request);
  EXPECT_EQ(refused.status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.status.error_message(), testing::HasSubstr("larger than max"));
  ExpectServes(client);
}

// The server's SETTINGS, RFC 9113: what is more waits at the client.
TEST(Wire, TakesSoManyCallsAtOnceFromAConnection) {
  HttpConnection connection(DevAddress());
  connection.Send(std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 24 + 9));
  const auto number = [](std::string_view bytes) {
    std::size_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  };
  const std::string header = connection.ReadBytes(9);
  ASSERT_EQ(header[3], 4) << "SETTINGS come first";
  const std::string settings = connection.ReadBytes(number(header.substr(0, 3)));
  std::map<std::size_t, std::size_t> values;
  for (std::size_t i = 0; i + 6 <= settings.size(); i += 6) {
    values[number(settings.substr(i, 2))] = number(settings.substr(i + 2, 4));
  }
  constexpr std::size_t kMaxConcurrentStreams = 3;
  EXPECT_EQ(values[kMaxConcurrentStreams], 256U);
}

TEST(Wire, KnowsNoOtherMethods) {
  const GrpcClient client(DevAddress(), NewAccount());
  for (const char* method : {"/smsvoice.v2.Pools/Frobnicate", "/smsvoice.v1.Pools/CreatePool", "/x", "/",
                             "/grpc.health.v1.Health/Frobnicate", "/grpc.reflection.v1.ServerReflection/Frobnicate"}) {
    std::multimap<std::string, std::string> trailers;
    const grpc::Status status = CallRaw(client, method, "", &trailers);
    EXPECT_EQ(status.error_code(), StatusCode::UNIMPLEMENTED) << method;
    const Error error = FromGrpcStatus(status);
    EXPECT_EQ(error.exception(), "ValidationException") << method;
    EXPECT_EQ(error.reason(), reason::kUnknownOperation) << method;
    EXPECT_THAT(error.message(), testing::HasSubstr(method));
    EXPECT_EQ(error.request_id().size(), 36U) << method;
    EXPECT_THAT(trailers, testing::Contains(testing::Pair("x-amzn-requestid", error.request_id())));
    EXPECT_THAT(trailers, testing::Contains(testing::Pair("x-amzn-errortype", "ValidationException")));
  }
  ExpectServes(client);
}

// Like any refused call. What strangers ask for is quoted in the log, but is no label of a metric.
TEST(Wire, LogsAndCountsCallsOfUnknownMethods) {
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--log-format", "json",
                        "--database-url", TestDatabaseUrl()}));
  const GrpcClient client(ReadyAddress(server));
  const grpc::Status status = CallRaw(client, "/smsvoice.v2.Pools/CreatPool+12065550142", "");
  const std::string line = server.WaitForLog(FromGrpcStatus(status).request_id());
  EXPECT_THAT(line, testing::HasSubstr(R"("method":"unknown","asked_for":"/smsvoice.v2.Pools/CreatPool+120)"));
  EXPECT_THAT(line, testing::HasSubstr(R"("outcome":"ValidationException","code":"UNIMPLEMENTED")"));
  EXPECT_THAT(line, testing::Not(testing::HasSubstr("5550142")));

  HttpConnection connection(ReadyHttpAddress(server));
  connection.Send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string metrics = connection.Read().body();
  EXPECT_THAT(metrics, testing::HasSubstr(R"(poold_calls_total{code="UNIMPLEMENTED",door="grpc",)"
                                          R"(exception="ValidationException",method="unknown"} 1)"));
  EXPECT_THAT(metrics, testing::HasSubstr(R"(poold_refused_total{cause="invalid"} 1)"));
  EXPECT_THAT(metrics, testing::Not(testing::HasSubstr("CreatPool")));
  EXPECT_THAT(metrics, testing::HasSubstr("poold_calls_in_flight 0"));
}

// ---- compression: what gRPC says in doc/compression.md, test cases of its section of that name

constexpr const char* kDescribePools = "/smsvoice.v2.Pools/DescribePools";

// A call by curl, with a message of these bytes: the header lines of the answer, each once.
std::string CallByCurl(const std::string& url, const std::string& encoding, char flag, const std::string& bytes) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "message";
  std::string length;
  for (const int shift : {24, 16, 8, 0}) length += static_cast<char>(bytes.size() >> shift);
  std::ofstream(file) << std::string(1, flag) + length + bytes;
  Program::Options curl;
  curl.command = {"curl",      "--silent",      "--show-error",     "--http2-prior-knowledge",
                  "--include", "--data-binary", "@" + file.string()};
  for (const std::string& header : {std::string("content-type: application/grpc"), std::string("te: trailers"),
                                    encoding.empty() ? std::string("x-none: x") : "grpc-encoding: " + encoding}) {
    curl.command.insert(curl.command.end(), {"--header", header});
  }
  curl.command.push_back(url);
  const Ran ran = RunToEnd(curl);
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  return ran.output;
}

std::string CallByCurl(const std::string& encoding, char flag, const std::string& bytes) {
  return CallByCurl("http://" + DevAddress() + kDescribePools, encoding, flag, bytes);
}

std::string FromHex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// DescribePools of pool-1, which is not there, as it is and compressed.
constexpr const char* kPlain = "0a06706f6f6c2d31";
constexpr const char* kGzip = "1f8b0800000000000203e3622bc8cfcfd135040002940ed408000000";
constexpr const char* kZlib = "789ce3622bc8cfcfd135040008d80229";
constexpr const char* kBrotli = "8b03800a06706f6f6c2d3103";
constexpr const char* kZstd = "28b52ffd04584100000a06706f6f6c2d311af15ddb";
constexpr const char* kSnappy = "081c0a06706f6f6c2d31";

TEST(Wire, RefusesCompressedMessages) {
  for (const auto& [encoding, message] :
       {std::pair("gzip", kGzip), {"deflate", kZlib}, {"br", kBrotli}, {"zstd", kZstd}, {"snappy", kSnappy}}) {
    const std::string answer = CallByCurl(encoding, 1, FromHex(message));
    EXPECT_THAT(answer, testing::HasSubstr("grpc-status: 12")) << encoding;
    EXPECT_THAT(answer, testing::HasSubstr("grpc-accept-encoding: identity\r")) << encoding;
    EXPECT_THAT(answer, testing::HasSubstr("x-amzn-errortype: ValidationException")) << encoding;
    EXPECT_THAT(answer, testing::HasSubstr("takes uncompressed messages only")) << encoding;
  }
  ExpectServes(GrpcClient(DevAddress()));
}

TEST(Wire, TakesPlainMessagesWhateverCompressionIsNamed) {
  for (const char* encoding : {"gzip", "deflate", "br", "identity"}) {
    EXPECT_THAT(CallByCurl(encoding, 0, FromHex(kPlain)), testing::HasSubstr("grpc-status: 5")) << encoding;
    const std::string answer = CallByCurl(encoding, 0, "");
    EXPECT_THAT(answer, testing::HasSubstr("grpc-status: 0")) << encoding;
    EXPECT_THAT(answer, testing::Not(testing::HasSubstr("gzip"))) << "nothing invites a client to compress";
  }
}

// The beginning of a message of 1 MiB that becomes 1 GiB: a block in which two zero bits stand for 258 zero bytes.
std::string GzipBomb() {
  std::string bomb = FromHex("1f8b0800000000000003ecc101010000008090feafee080a");
  bomb.resize((1 << 20) - 64, '\0');
  return bomb;
}

TEST(Wire, InflatesNothing) {
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "off", "--health-listen",
                        "127.0.0.1:0", "--database-url", TestDatabaseUrl()}));
  const std::string address = ReadyAddress(server);
  const std::string line = server.WaitForLog("health=");
  const std::string health = line.substr(line.find("health=") + 7);
  ExpectServes(GrpcClient(address));
  const std::int64_t before = PeakMemory(server.pid());
  const std::string bomb = GzipBomb();
  // The health service says that it is no request.
  for (const auto& [url, status] : {std::pair(address + kDescribePools, "grpc-status: 12"),
                                    {health + "/grpc.health.v1.Health/Check", "grpc-status: 3"}}) {
    auto other = std::async(std::launch::async, [&url, &bomb] { return CallByCurl(url, "gzip", 1, bomb); });
    EXPECT_THAT(CallByCurl(url, "gzip", 1, bomb), testing::HasSubstr(status));
    EXPECT_THAT(other.get(), testing::HasSubstr(status));
  }
  EXPECT_LT(PeakMemory(server.pid()) - before, 100 << 20);
  ExpectServes(GrpcClient(address));
}

TEST(Wire, RefusesACompressedFlagWithoutACompression) {
  for (const char* encoding : {"", "identity"}) {
    for (const char* message : {kPlain, kGzip, kZlib}) {
      const std::string answer = CallByCurl(encoding, 1, FromHex(message));
      EXPECT_THAT(answer, testing::HasSubstr("grpc-status: 13")) << encoding << message;
      EXPECT_THAT(answer, testing::HasSubstr("Compressed-Flag is set")) << encoding << message;
      EXPECT_THAT(answer, testing::HasSubstr("x-amzn-errortype: ValidationException")) << encoding << message;
    }
  }
}

// ---- metadata that come twice

TEST(Wire, RefusesMetadataThatSayTwoThings) {
  const GrpcClient client(DevAddress());
  const auto call = [&](const char* name, const char* first, const char* second) {
    grpc::ClientContext context;
    context.AddMetadata(name, first);
    context.AddMetadata(name, second);
    return client.Call(context, GrpcClient::Parse<RequestSenderIdRequest>("sender_id: 'TWICE' iso_country_code: 'GB'"));
  };
  for (const auto& [name, one, other] : {std::tuple("x-account-id", "111122223333", "444455556666"),
                                         {"x-region", "us-east-1", "eu-west-2"},
                                         {"idempotency-key", "one", "other"}}) {
    EXPECT_THAT(call(name, one, other), IsInvalidField(reason::kInvalidParameter, name));
    EXPECT_THAT(call(name, other, one), IsInvalidField(reason::kInvalidParameter, name));
  }
  const std::string account = NewAccount();
  EXPECT_THAT(call("x-account-id", account.c_str(), account.c_str()), IsOk()) << "the same said twice";
}

TEST(Wire, RefusesTheNulCharacter) {
  const GrpcClient client(DevAddress(), NewAccount());
  auto request = GrpcClient::Parse<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
  auto& tag = *request.add_tags();
  tag.set_key("key");
  tag.set_value(std::string("a\0b", 3));
  EXPECT_THAT(client.Call(request), IsInvalidField(reason::kInvalidParameter, "tags[0].value"));
  DeletePoolRequest with_nul;
  with_nul.set_pool_id(std::string("pool-1\0", 7));
  EXPECT_THAT(client.Call(with_nul), IsInvalidField(reason::kInvalidParameter, "poolId"));
}

TEST(Wire, KeepsTextInAnyScript) {
  const GrpcClient client(DevAddress(), NewAccount());
  const std::string value = "Überraschung – 驚き 🎉 \t'; DROP TABLE pools; --";
  auto request = GrpcClient::Parse<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
  auto& tag = *request.add_tags();
  tag.set_key("имя");
  tag.set_value(value);
  const auto reply = client.Call(request);
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply.response.tags(0).key(), "имя");
  EXPECT_EQ(reply.response.tags(0).value(), value);
}

TEST(Wire, RefusesWhatIsNoMessage) {
  const GrpcClient client(DevAddress(), NewAccount());
  const std::string method = "/smsvoice.v2.Pools/DeletePool";
  struct Case {
    const char* what;
    std::string bytes;
  };
  const Case cases[] = {
      {"invalid UTF-8 in a string", "\x0a\x07pool-\xc3\x28"},
      {"a field cut short", "\x0a\x7fpool"},
      {"a tag that never ends", std::string(12, '\xff')},
  };
  for (const Case& c : cases) {
    const grpc::Status status = CallRaw(client, method, c.bytes);
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT) << c.what;
    EXPECT_EQ(FromGrpcStatus(status).reason(), reason::kCannotParse) << c.what;
  }
  ExpectServes(client);
}

// A newer client's fields must not hurt.
TEST(Wire, IgnoresFieldsItDoesNotKnow) {
  const GrpcClient client(DevAddress(), NewAccount());
  const grpc::Status status = CallRaw(client, "/smsvoice.v2.Pools/DescribePools", "\xf2\x3f\x03new");
  EXPECT_TRUE(status.ok()) << status.error_message();
}

}  // namespace
}  // namespace poold
