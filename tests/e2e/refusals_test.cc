// How a refused call looks to a client: gRPC code, trailers, google.rpc details. And that nothing internal is in it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/program.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using grpc::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr const char* kRequestId = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

class Refusal : public testing::Test {
 protected:
  GrpcClient client_{DevAddress(), NewAccount()};

  std::string NewNumber() {
    return client_
        .Must<RequestPhoneNumberRequest>(
            "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL"
            " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE number_capabilities: NUMBER_CAPABILITY_SMS")
        .phone_number_id();
  }
};

// What every refusal has: the documented name beside the code, and one request id everywhere.
template <class Response>
void ExpectRefusal(const Reply<Response>& reply, StatusCode code, const std::string& exception) {
  EXPECT_EQ(reply.status.error_code(), code) << reply.status.error_message();
  EXPECT_EQ(reply.Trailer("x-amzn-errortype"), exception);
  EXPECT_THAT(reply.Trailer("x-amzn-requestid"), MatchesRegex(kRequestId));

  const google::rpc::Status details = reply.Details();
  EXPECT_EQ(details.code(), code);
  EXPECT_EQ(details.message(), reply.status.error_message());
  const auto request = reply.template Find<google::rpc::RequestInfo>();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->request_id(), reply.Trailer("x-amzn-requestid"));
  const auto info = reply.template Find<google::rpc::ErrorInfo>();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->domain(), "sms-voice");

  // The other direction of the translation.
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->exception(), exception);
  EXPECT_EQ(reply.error->code(), code);
  EXPECT_EQ(reply.error->reason(), info->reason());
  EXPECT_EQ(reply.error->message(), reply.status.error_message());
  EXPECT_EQ(reply.error->request_id(), request->request_id());
  // Also where the details were lost on the way, as through a proxy.
  EXPECT_EQ(FromGrpcStatus(grpc::Status(code, ""), exception).exception(), exception);
}

TEST_F(Refusal, OfAConflictNamesReasonAndResource) {
  const std::string number = NewNumber();
  const std::string pool = client_
                               .Must<CreatePoolRequest>(
                                   "message_type: MESSAGE_TYPE_TRANSACTIONAL"
                                   " origination_identity: '" +
                                   number + "'")
                               .pool_id();
  const auto refused = client_.Call<ReleasePhoneNumberRequest>("phone_number_id: '" + number + "'");
  ExpectRefusal(refused, StatusCode::FAILED_PRECONDITION, "ConflictException");
  const auto info = refused.Find<google::rpc::ErrorInfo>();
  EXPECT_EQ(info->reason(), "PHONE_NUMBER_ASSOCIATED_TO_POOL");
  EXPECT_THAT(info->metadata(), UnorderedElementsAre(Pair("exception", "ConflictException"),
                                                     Pair("resourceType", "phone-number"), Pair("resourceId", number)));
  EXPECT_THAT(refused, IsConflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, number));
  EXPECT_THAT(refused.status.error_message(),
              HasSubstr("Reason=\"PHONE_NUMBER_ASSOCIATED_TO_POOL\" ResourceType=\"phone-number\" ResourceId=\"" +
                        number + "\""));
  EXPECT_FALSE(refused.Find<google::rpc::RetryInfo>()) << "the same call would be refused again";
}

TEST_F(Refusal, OfSomethingTakenIsAlreadyExists) {
  const std::string request = "sender_id: 'EXAMPLECO' iso_country_code: 'GB'";
  client_.Must<RequestSenderIdRequest>(request);
  const auto refused = client_.Call<RequestSenderIdRequest>(request);
  ExpectRefusal(refused, StatusCode::ALREADY_EXISTS, "ConflictException");
  EXPECT_THAT(refused, IsConflict(reason::kResourceAlreadyExists, ResourceType::kSenderId, "EXAMPLECO"));
}

TEST_F(Refusal, OfSomethingMissingNamesIt) {
  const auto refused = client_.Call<DeletePoolRequest>("pool_id: 'pool-1'");
  ExpectRefusal(refused, StatusCode::NOT_FOUND, "ResourceNotFoundException");
  EXPECT_THAT(refused, IsNotFound(ResourceType::kPool, "pool-1"));
  EXPECT_THAT(refused.Find<google::rpc::ErrorInfo>()->metadata(),
              UnorderedElementsAre(Pair("exception", "ResourceNotFoundException"), Pair("resourceType", "pool"),
                                   Pair("resourceId", "pool-1")));
}

TEST_F(Refusal, OfAnInvalidRequestNamesEveryField) {
  const auto refused = client_.Call<CreatePoolRequest>(
      "origination_identity: '+12065550100' iso_country_code: 'us' tags { key: 'aws:x' value: 'v' } client_token: ' '");
  ExpectRefusal(refused, StatusCode::INVALID_ARGUMENT, "ValidationException");
  EXPECT_EQ(refused.Find<google::rpc::ErrorInfo>()->reason(), "INVALID_PARAMETER");
  const auto bad = refused.Find<google::rpc::BadRequest>();
  ASSERT_TRUE(bad);
  std::vector<std::string> fields;
  for (const auto& violation : bad->field_violations()) {
    fields.push_back(violation.field());
    EXPECT_FALSE(violation.description().empty());
  }
  EXPECT_THAT(fields,
              ElementsAre("originationIdentity", "isoCountryCode", "messageType", "tags[0].key", "clientToken"));
  EXPECT_THAT(refused, IsInvalid(reason::kInvalidParameter, fields));
}

TEST_F(Refusal, OfTooMuchNamesTheQuota) {
  std::string tags;
  for (int i = 0; i < 51; ++i) tags += "tags { key: 'k" + std::to_string(i) + "' value: '' } ";
  const auto refused = client_.Call<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB' " + tags);
  ExpectRefusal(refused, StatusCode::RESOURCE_EXHAUSTED, "ServiceQuotaExceededException");
  const auto quota = refused.Find<google::rpc::QuotaFailure>();
  ASSERT_TRUE(quota);
  ASSERT_EQ(quota->violations_size(), 1);
  EXPECT_EQ(quota->violations(0).subject(), "TAGS_PER_RESOURCE");
  EXPECT_THAT(quota->violations(0).description(), HasSubstr("50"));
  EXPECT_THAT(refused, IsOverQuota(reason::kTagsPerResource, 50));
  EXPECT_FALSE(refused.Find<google::rpc::RetryInfo>()) << "waiting does not help";
}

TEST_F(Refusal, OfAHundredMistakesStillArrives) {
  auto request = GrpcClient::Parse<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
  for (int i = 0; i < 200; ++i) request.add_tags()->set_key("aws:" + std::string(124, 'x'));
  const auto refused = client_.Call(request);
  ExpectRefusal(refused, StatusCode::INVALID_ARGUMENT, "ValidationException");
  EXPECT_GT(refused.Find<google::rpc::BadRequest>()->field_violations_size(), 10);
}

// An obedient client repeats what has RetryInfo: a stale revision is stale for ever.
TEST_F(Refusal, OfAStaleRevisionNamesBothAndIsNotToBeRepeated) {
  const std::string pool =
      client_
          .Must<CreatePoolRequest>("message_type: MESSAGE_TYPE_TRANSACTIONAL origination_identity: '" + NewNumber() +
                                   "'")
          .pool_id();
  const auto refused = client_.Call<UpdatePoolRequest>("pool_id: '" + pool + "' expected_revision: 7");
  ExpectRefusal(refused, StatusCode::ABORTED, "ConflictException");
  EXPECT_EQ(refused.Find<google::rpc::ErrorInfo>()->reason(), "STALE_REVISION");
  EXPECT_THAT(refused.status.error_message(), HasSubstr("expected revision 7, but it has revision 1"));
  EXPECT_FALSE(refused.Find<google::rpc::RetryInfo>());
}

TEST_F(Refusal, IsNotSaidOfACallThatGoesWell) {
  const auto reply = client_.Call<DescribePoolsRequest>("");
  ASSERT_THAT(reply, IsOk());
  EXPECT_THAT(reply.Trailer("x-amzn-requestid"), MatchesRegex(kRequestId));
  EXPECT_EQ(reply.trailers.count("x-amzn-errortype"), 0U);
  EXPECT_EQ(reply.trailers.count("grpc-status-details-bin"), 0U);
}

// The database is mistreated so that a statement fails in a way that nobody foresaw.
TEST(InternalFailure, IsLoggedWholeAndAnsweredWithoutDetail) {
  const std::string url = FreshDatabase(true);
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", url}));
  const GrpcClient client(ReadyAddress(server), NewAccount());
  ASSERT_THAT(client.Call<DescribePoolsRequest>(""), IsOk());
  {
    pqxx::connection connection(url);
    pqxx::nontransaction(connection).exec("ALTER TABLE pools RENAME TO hidden_pools");
  }

  const auto refused = client.Call<DescribePoolsRequest>("");
  ExpectRefusal(refused, StatusCode::INTERNAL, "InternalServerException");
  const std::string id = refused.Trailer("x-amzn-requestid");
  EXPECT_EQ(refused.status.error_message(),
            "The service could not complete the request because of an internal error - RequestId=\"" + id + "\"");
  EXPECT_FALSE(refused.Find<google::rpc::RetryInfo>()) << "a defect is there the next time, too";
  std::string everything = refused.status.error_details();
  for (const auto& [name, value] : refused.trailers) everything += name + value;
  for (const char* word : {"pools", "relation", "SELECT", "42P01", "sql", "socket", "postgres"}) {
    EXPECT_THAT(everything, Not(HasSubstr(word)));
  }
  EXPECT_THAT(server.WaitForLog("request_id=" + id), HasSubstr(R"(relation \"pools\" does not exist)"));
}

}  // namespace
}  // namespace poold
