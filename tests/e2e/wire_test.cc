// What comes over the wire that no generated stub would send.

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <string>
#include <tuple>

#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/http_client.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using grpc::StatusCode;

// A call with a message of these bytes, whatever they are.
grpc::Status CallRaw(const GrpcClient& client, const std::string& method, const std::string& bytes) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> outcome;
  grpc::GenericStub(client.channel())
      .UnaryCall(&context, method, {}, &request, &response,
                 [&outcome](grpc::Status status) { outcome.set_value(std::move(status)); });
  return outcome.get_future().get();
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
  for (const char* method : {"/smsvoice.v2.Pools/Frobnicate", "/smsvoice.v1.Pools/CreatePool", "/x", "/"}) {
    const grpc::Status status = CallRaw(client, method, "");
    EXPECT_EQ(status.error_code(), StatusCode::UNIMPLEMENTED) << method;
    EXPECT_EQ(ExceptionFor(status, ""), "ValidationException") << method;
  }
  ExpectServes(client);
}

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
