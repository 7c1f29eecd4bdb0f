// Whose call it is: account and region by metadata, and the wall between them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <pqxx/pqxx>
#include <string>

#include "server/base/digest.h"
#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/http_client.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kSenderId = "sender_id: 'EXAMPLECO' iso_country_code: 'GB' ";

std::string FoundPool(const GrpcClient& client) {
  client.Must<RequestSenderIdRequest>(kSenderId);
  return client
      .Must<CreatePoolRequest>(
          "origination_identity: 'EXAMPLECO' iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL")
      .pool_id();
}

// None of the RPCs that name a pool or list pools gives one caller anything of the other's.
void ExpectInvisible(const GrpcClient& stranger, const std::string& pool, const std::string& arn) {
  for (const std::string& name : {pool, arn}) {
    const std::string text = "pool_id: '" + name + "'";
    EXPECT_THAT(stranger.Call<DescribePoolsRequest>("pool_ids: '" + name + "'"), IsNotFound(ResourceType::kPool, name));
    EXPECT_THAT(stranger.Call<UpdatePoolRequest>(text), IsNotFound(ResourceType::kPool, name));
    EXPECT_THAT(stranger.Call<DeletePoolRequest>(text), IsNotFound(ResourceType::kPool, name));
    EXPECT_THAT(stranger.Call<ListPoolOriginationIdentitiesRequest>(text), IsNotFound(ResourceType::kPool, name));
    EXPECT_THAT(stranger.Call<AssociateOriginationIdentityRequest>(
                    text + " origination_identity: 'EXAMPLECO' iso_country_code: 'GB'"),
                IsNotFound(ResourceType::kPool, name));
  }
  EXPECT_THAT(stranger.Must<DescribePoolsRequest>("").pools(), IsEmpty());
  EXPECT_THAT(stranger.Must<DescribeSenderIdsRequest>("").sender_ids(), IsEmpty());
}

TEST(Caller, IsTheDefaultAccountUnlessMetadataSayOtherwise) {
  GrpcClient client(DevAddress());
  EXPECT_EQ(client.Must<RequestSenderIdRequest>("sender_id: 'DEFAULT' iso_country_code: 'GB'").sender_id_arn(),
            "arn:aws:sms-voice:us-east-1:123456789012:sender-id/DEFAULT/GB");
  client.metadata = {{"x-account-id", NewAccount()}, {"x-region", "eu-central-1"}};
  EXPECT_EQ(client.Must<RequestSenderIdRequest>(kSenderId).sender_id_arn(),
            "arn:aws:sms-voice:eu-central-1:" + client.metadata["x-account-id"] + ":sender-id/EXAMPLECO/GB");
}

// A mistyped region would look like an account in which nothing is.
TEST(Caller, InARegionThatAwsDoesNotHaveIsRefused) {
  GrpcClient client(DevAddress());
  for (const char* region : {"us-east-1", "us-gov-west-1"}) {
    client.metadata = {{"x-account-id", NewAccount()}, {"x-region", region}};
    EXPECT_EQ(client.Must<DescribePoolsRequest>("").pools_size(), 0) << region;
  }
  for (const char* region : {"us-esat-1", "us-east-3"}) {
    client.metadata = {{"x-account-id", NewAccount()}, {"x-region", region}};
    EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsInvalidField(reason::kInvalidParameter, "x-region")) << region;
  }
}

TEST(Caller, WithASignatureForARegionThatAwsDoesNotHaveIsRefusedAsByAws) {
  HttpConnection connection(DevHttpAddress());
  const HttpResponse refused =
      connection.Call("DescribePools", "{}",
                      "Authorization: AWS4-HMAC-SHA256 Credential=" + NewAccount() +
                          "/20240101/us-esat-1/sms-voice/aws4_request, SignedHeaders=host, Signature=0\r\n");
  EXPECT_EQ(refused.result_int(), 400);
  EXPECT_EQ(refused["x-amzn-ErrorType"], "InvalidSignatureException");
  EXPECT_THAT(refused.body(), HasSubstr("Credential should be scoped to a valid region, not 'us-esat-1'"));
}

// Of an account that is known by its key: regions are no way around its throttle, and leave no rows behind.
TEST(Caller, CannotMultiplyItselfByRegions) {
  const TemporaryDirectory directory;
  const std::string account = NewAccount();
  std::ofstream(directory.path() / "access.yaml")
      << "principals:\n  - name: looks\n    account: \"" << account
      << "\"\n    bearer_keys: [{sha256: " << Hex(Sha256("key")) << "}]\n    allow: ['sms-voice:Describe*']\n";
  const std::string url = FreshDatabase(true);
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "off", "--database-url", url,
                        "--access-file", (directory.path() / "access.yaml").string(), "--regions",
                        "us-east-1,us-east-2,us-west-1,us-west-2", "--throttle", "2"}));
  GrpcClient client(ReadyAddress(server));
  std::map<std::string, int> outcomes;
  for (int i = 0; i < 40; ++i) {
    const std::string regions[] = {"us-east-2", "us-west-1", "us-west-2", "made-up-" + std::to_string(i)};
    client.metadata = {{"authorization", "Bearer key"}, {"x-region", regions[i % 4]}};
    const auto reply = client.Call<DescribePoolsRequest>("");
    ++outcomes[reply.status.ok() ? "OK" : reply.Trailer("x-amzn-errortype")];
  }
  EXPECT_EQ(outcomes["ValidationException"], 10);
  EXPECT_LT(outcomes["OK"], 30) << "two at once, and two per second";
  EXPECT_EQ(outcomes["OK"] + outcomes["ThrottlingException"], 30);
  pqxx::connection database(url);
  EXPECT_EQ(pqxx::nontransaction(database).exec1("SELECT count(*) FROM accounts")[0].as<int>(), 0);
}

TEST(Caller, WithAnAccessKeyThatIsNearlyAnAccountIsTurnedAway) {
  HttpConnection connection(DevHttpAddress());
  const auto call = [&](const std::string& key) {
    return connection.Call("DescribePools", "{}",
                           "Authorization: AWS4-HMAC-SHA256 Credential=" + key +
                               "/20240101/us-east-1/sms-voice/aws4_request, SignedHeaders=host, Signature=0\r\n");
  };
  EXPECT_EQ(call(NewAccount()).result_int(), 200);
  EXPECT_EQ(call("AKIDEXAMPLE").result_int(), 200) << "no account at all: the default one's";
  const HttpResponse refused = call("12345678901");
  EXPECT_EQ(refused.result_int(), 400);
  EXPECT_EQ(refused["x-amzn-ErrorType"], "UnrecognizedClientException");
  EXPECT_THAT(refused.body(), HasSubstr("An access key id of digits is an account and has 12 of them"));
}

TEST(Caller, DoesNotSeeWhatOtherAccountsHave) {
  const std::string account = NewAccount();
  const GrpcClient owner(DevAddress(), account);
  const std::string pool = FoundPool(owner);
  const GrpcClient stranger(DevAddress(), NewAccount());
  ExpectInvisible(stranger, pool, "arn:aws:sms-voice:us-east-1:" + account + ":pool/" + pool);
  EXPECT_NE(FoundPool(stranger), pool) << "the same sender ID is free in another account";
  EXPECT_EQ(owner.Must<DescribePoolsRequest>("").pools_size(), 1);
}

TEST(Caller, DoesNotSeeItsOwnOfAnotherRegion) {
  const std::string account = NewAccount();
  const GrpcClient here(DevAddress(), account);
  const std::string pool = FoundPool(here);
  GrpcClient there(DevAddress(), account);
  there.metadata["x-region"] = "eu-west-1";
  ExpectInvisible(there, pool, "arn:aws:sms-voice:us-east-1:" + account + ":pool/" + pool);
}

TEST(Caller, IsRefusedWithAnImpossibleAccountOrRegion) {
  GrpcClient client(DevAddress());
  for (const char* account : {"", "12345678901", "1234567890123", "12345678901a", "-23456789012"}) {
    client.metadata = {{"x-account-id", account}};
    EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsInvalidField(reason::kInvalidParameter, "x-account-id"))
        << account;
  }
  for (const char* region : {"", "US-EAST-1", "us east 1", "us/east", "abcdefghijklmnopqrstuvwxyz-1234567"}) {
    client.metadata = {{"x-region", region}};
    EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsInvalidField(reason::kInvalidParameter, "x-region")) << region;
  }
}

}  // namespace
}  // namespace poold
