#include "server/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/limits.h"

namespace poold {
namespace {

using std::chrono::milliseconds;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using Code = grpc::StatusCode;

constexpr const char* kRequestId = "6f0c1d9e-0000-4000-8000-00000000beef";

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

// How many details of the type there are; the last of them is put into `message`.
template <class M>
int Unpack(const grpc::Status& status, M* message) {
  const google::rpc::Status details = DetailsOf(status);
  int count = 0;
  for (const auto& any : details.details()) {
    if (any.Is<M>() && any.UnpackTo(message)) ++count;
  }
  return count;
}

template <class M>
int Count(const grpc::Status& status) {
  M message;
  return Unpack(status, &message);
}

// One error of each kind, and what callers are promised of it.
struct Case {
  Error error;
  Fault fault;
  std::string exception;
  int http_status;
  Code code;
  bool retryable;
  std::string message;
};

std::vector<Case> AllFaults() {
  return {
      {Error::AccessDenied("no sms-voice:DeletePool for you"), Fault::kAccessDenied, "AccessDeniedException", 400,
       Code::PERMISSION_DENIED, false, "no sms-voice:DeletePool for you"},
      {Error::AccessDenied("Account disabled", "ACCOUNT_DISABLED"), Fault::kAccessDenied, "AccessDeniedException", 400,
       Code::PERMISSION_DENIED, false, R"(Account disabled - Reason="ACCOUNT_DISABLED")"},
      {Error::Unauthenticated("Who are you?"), Fault::kUnauthenticated, "AccessDeniedException", 400,
       Code::UNAUTHENTICATED, false, "Who are you?"},
      {Error::Conflict(reason::kLastPhoneNumber, ResourceType::kPhoneNumber, "phone-1", "delete the pool instead"),
       Fault::kConflict, "ConflictException", 400, Code::FAILED_PRECONDITION, false,
       R"(Conflict Occurred - Reason="LAST_PHONE_NUMBER" ResourceType="phone-number" ResourceId="phone-1")"
       " - delete the pool instead"},
      {Error::Conflict(reason::kResourceAlreadyExists, ResourceType::kSenderId, "EXAMPLECO"), Fault::kConflict,
       "ConflictException", 400, Code::ALREADY_EXISTS, false,
       R"(Conflict Occurred - Reason="RESOURCE_ALREADY_EXISTS" ResourceType="sender-id" ResourceId="EXAMPLECO")"},
      {Error::LostRace(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, "phone-2"), Fault::kLostRace,
       "ConflictException", 400, Code::ABORTED, true,
       R"(Conflict Occurred - Reason="PHONE_NUMBER_ASSOCIATED_TO_POOL" ResourceType="phone-number")"
       R"( ResourceId="phone-2" - another call changed it at the same moment; try again)"},
      {Error::StaleRevision(ResourceType::kPool, "pool-1", 3, 5), Fault::kStaleRevision, "ConflictException", 400,
       Code::ABORTED, false,
       R"(Conflict Occurred - Reason="STALE_REVISION" ResourceType="pool" ResourceId="pool-1")"
       " - expected revision 3, but it has revision 5; read it again, then decide"},
      {Error::Internal("syntax error at or near SELECT"), Fault::kInternal, "InternalServerException", 500,
       Code::INTERNAL, false, "The service could not complete the request because of an internal error"},
      {Error::Unavailable("no route to db-1"), Fault::kUnavailable, "InternalServerException", 500, Code::UNAVAILABLE,
       true, "The service is not ready yet; try again"},
      {Error::Busy("lost to others at every try"), Fault::kUnavailable, "InternalServerException", 500,
       Code::UNAVAILABLE, true, "Too many calls change the same resource at this moment; try again"},
      {Error::OutcomeUnknown("COMMIT"), Fault::kUnavailable, "InternalServerException", 500, Code::UNAVAILABLE, true,
       "The service could not find out whether the request was carried out; repeat it with the same client token"},
      {Error::Deadline("statement 3"), Fault::kDeadline, "InternalServerException", 500, Code::DEADLINE_EXCEEDED, true,
       "The service could not complete the request before its deadline"},
      {Error::Cancelled(), Fault::kCancelled, "InternalServerException", 500, Code::CANCELLED, false,
       "The request was cancelled before the service could complete it"},
      {Error::NotFound(ResourceType::kPool, "pool-1"), Fault::kNotFound, "ResourceNotFoundException", 400,
       Code::NOT_FOUND, false, R"(Resource not found - ResourceType="pool" ResourceId="pool-1")"},
      {Error::Quota(reason::kPoolsPerAccount, 25), Fault::kQuota, "ServiceQuotaExceededException", 400,
       Code::RESOURCE_EXHAUSTED, false, R"(Service quota exceeded - Reason="POOLS_PER_ACCOUNT" - the limit is 25)"},
      {Error::Throttled(milliseconds(1500)), Fault::kThrottled, "ThrottlingException", 400, Code::RESOURCE_EXHAUSTED,
       true, "Rate exceeded"},
      {Error::Invalid(reason::kInvalidParameter, {{"poolId", "must have 1 to 3 characters, has 4"},
                                                  {"poolId", "must match [a-z]+"},
                                                  {"tags[1].key", "is required"}}),
       Fault::kInvalid, "ValidationException", 400, Code::INVALID_ARGUMENT, false,
       R"(Validation failed - Reason="INVALID_PARAMETER" Fields="poolId,tags[1].key")"
       " - poolId must have 1 to 3 characters, has 4"},
      {Error::UnknownOperation("DropPool"), Fault::kUnknownOperation, "ValidationException", 400, Code::UNIMPLEMENTED,
       false, R"(Validation failed - Reason="UNKNOWN_OPERATION" - there is no operation DropPool)"},
      {Error::Compressed(Fault::kUnknownCompression), Fault::kUnknownCompression, "ValidationException", 400,
       Code::UNIMPLEMENTED, false,
       R"(Validation failed - Reason="CANNOT_PARSE" - the message is compressed; this service takes)"
       " uncompressed messages only"},
      {Error::Compressed(Fault::kCompressedFlag), Fault::kCompressedFlag, "ValidationException", 400, Code::INTERNAL,
       false,
       R"(Validation failed - Reason="CANNOT_PARSE" - the message's Compressed-Flag is set, but grpc-encoding names)"
       " no compression"},
      {Error::FrontEnd(Fault::kUnknownTarget, "name an operation"), Fault::kUnknownTarget, "UnknownOperationException",
       400, Code::UNIMPLEMENTED, false, "name an operation"},
      {Error::FrontEnd(Fault::kSerialization, "not JSON"), Fault::kSerialization, "SerializationException", 400,
       Code::INVALID_ARGUMENT, false, "not JSON"},
      {Error::FrontEnd(Fault::kMissingAuthentication, "sign it"), Fault::kMissingAuthentication,
       "MissingAuthenticationTokenException", 400, Code::UNAUTHENTICATED, false, "sign it"},
      {Error::FrontEnd(Fault::kIncompleteSignature, "no date"), Fault::kIncompleteSignature,
       "IncompleteSignatureException", 400, Code::UNAUTHENTICATED, false, "no date"},
      {Error::FrontEnd(Fault::kUnrecognizedClient, "unknown key"), Fault::kUnrecognizedClient,
       "UnrecognizedClientException", 400, Code::UNAUTHENTICATED, false, "unknown key"},
      {Error::FrontEnd(Fault::kInvalidSignature, "too old"), Fault::kInvalidSignature, "InvalidSignatureException", 400,
       Code::UNAUTHENTICATED, false, "too old"},
  };
}

TEST(Error, HasWhatTheTablePromises) {
  std::set<Fault> seen;
  for (const Case& c : AllFaults()) {
    SCOPED_TRACE(c.error.what());
    seen.insert(c.fault);
    EXPECT_EQ(c.error.fault(), c.fault);
    EXPECT_EQ(c.error.exception(), c.exception);
    EXPECT_EQ(c.error.http_status(), c.http_status);
    EXPECT_EQ(c.error.code(), c.code);
    EXPECT_EQ(c.error.retryable(), c.retryable);
    EXPECT_EQ(c.error.message(), c.message);
    EXPECT_EQ(RowOf(c.fault).fault, c.fault);
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(Fault::kInvalidSignature) + 1) << "a fault has no case here";
}

TEST(Error, SurvivesTheWayToAStatusAndBack) {
  for (const Case& c : AllFaults()) {
    SCOPED_TRACE(c.error.what());
    const grpc::Status status = ToGrpcStatus(c.error, kRequestId);
    EXPECT_EQ(status.error_code(), c.code);
    EXPECT_EQ(DetailsOf(status).code(), c.code);
    EXPECT_EQ(DetailsOf(status).message(), status.error_message());
    EXPECT_EQ(ExceptionFor(status), c.exception);

    const Error back = FromGrpcStatus(status);
    EXPECT_EQ(back.fault(), c.fault);
    EXPECT_EQ(back.code(), c.code);
    EXPECT_EQ(back.reason(), c.error.reason());
    EXPECT_EQ(back.fields(), c.error.fields());
    EXPECT_EQ(back.resource_type(), c.error.resource_type());
    EXPECT_EQ(back.resource_id(), c.error.resource_id());
    EXPECT_EQ(back.limit(), c.error.limit());
    EXPECT_EQ(back.retry_after(), c.error.retry_after());
    EXPECT_EQ(back.request_id(), kRequestId);
    EXPECT_EQ(back.message(), status.error_message());
  }
}

TEST(Error, CarriesEachDetailOnceAndOnlyWhereItFits) {
  for (const Case& c : AllFaults()) {
    SCOPED_TRACE(c.error.what());
    const grpc::Status status = ToGrpcStatus(c.error, kRequestId);
    google::rpc::ErrorInfo info;
    EXPECT_EQ(Unpack(status, &info), 1);
    EXPECT_EQ(info.domain(), "sms-voice");
    EXPECT_EQ(info.reason(), c.error.reason());
    EXPECT_EQ(info.metadata().at("exception"), c.exception);
    EXPECT_EQ(info.metadata().count("resourceId"), c.error.resource_type() == ResourceType::kNone ? 0u : 1u);
    EXPECT_EQ(Count<google::rpc::RequestInfo>(status), 1);
    EXPECT_EQ(Count<google::rpc::BadRequest>(status), c.error.fields().empty() ? 0 : 1);
    EXPECT_EQ(Count<google::rpc::RetryInfo>(status), c.retryable ? 1 : 0);
    EXPECT_EQ(Count<google::rpc::QuotaFailure>(status), c.fault == Fault::kQuota ? 1 : 0);
  }
}

// A write without a token that may have been done: RetryInfo would invite programs to do it twice.
TEST(Error, OfAWriteThatMayHaveBeenDoneIsNotToBeRepeated) {
  for (const Error& error : {Error::Deadline(), Error::Unavailable("away")}) {
    EXPECT_EQ(Count<google::rpc::RetryInfo>(ToGrpcStatus(error, "", /*repeatable=*/false)), 0) << error.what();
    EXPECT_EQ(Count<google::rpc::RetryInfo>(ToGrpcStatus(error, "", /*repeatable=*/true)), 1) << error.what();
  }
  for (const Error& error : {Error::LostRace(), Error::Throttled(milliseconds(100))}) {
    EXPECT_EQ(Count<google::rpc::RetryInfo>(ToGrpcStatus(error, "", /*repeatable=*/false)), 1)
        << "nothing was done: " << error.what();
  }
}

// RetryInfo tells programs to send the same call again; a stale revision stays stale however long they wait.
TEST(Error, OfAStaleRevisionIsNotToBeRepeatedThoughALostRaceIs) {
  const grpc::Status stale = ToGrpcStatus(Error::StaleRevision(ResourceType::kPool, "pool-1", 1, 2), "");
  const grpc::Status lost = ToGrpcStatus(Error::LostRace(), "");
  EXPECT_EQ(stale.error_code(), lost.error_code());
  EXPECT_EQ(Count<google::rpc::RetryInfo>(stale), 0);
  EXPECT_EQ(Count<google::rpc::RetryInfo>(lost), 1);
  EXPECT_EQ(FromGrpcStatus(stale).fault(), Fault::kStaleRevision);
  EXPECT_EQ(FromGrpcStatus(lost).fault(), Fault::kLostRace);
}

TEST(Error, TellsHowLongToWait) {
  google::rpc::RetryInfo retry;
  Unpack(ToGrpcStatus(Error::Throttled(milliseconds(1500)), ""), &retry);
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
}

TEST(Error, NamesTheQuotaAndItsLimit) {
  google::rpc::QuotaFailure quota;
  Unpack(ToGrpcStatus(Error::Quota(reason::kKeywordsPerPool, 30), ""), &quota);
  ASSERT_EQ(quota.violations_size(), 1);
  EXPECT_EQ(quota.violations(0).subject(), "KEYWORDS_PER_POOL");
  EXPECT_EQ(quota.violations(0).description(), "the limit is 30");
}

TEST(Error, KeepsWhatIsInternalToItself) {
  const std::string secret = "SELECT pool_id FROM pools; host=db-1";
  for (const Error& error : {Error::Internal(secret), Error::Unavailable(secret), Error::Busy(secret),
                             Error::OutcomeUnknown(secret), Error::Deadline(secret), Error::Cancelled(secret)}) {
    const grpc::Status status = ToGrpcStatus(error, kRequestId);
    EXPECT_THAT(status.error_message(), Not(HasSubstr("SELECT")));
    EXPECT_THAT(status.error_details(), Not(HasSubstr("SELECT")));
    EXPECT_THAT(status.error_message(), HasSubstr(std::string("RequestId=\"") + kRequestId + "\""));
    EXPECT_EQ(error.detail(), secret);
    EXPECT_THAT(error.what(), HasSubstr(secret));
  }
}

TEST(Error, IsOneLineInTheLog) {
  EXPECT_THAT(Error::Internal("ERROR:  relation \"x\" does not exist\nLINE 1: SELECT\n\t^").what(),
              HasSubstr("does not exist LINE 1: SELECT  ^"));
}

TEST(Error, LeavesOutRequestInfoWithoutARequestId) {
  EXPECT_EQ(Count<google::rpc::RequestInfo>(ToGrpcStatus(Error::Internal("x"), "")), 0);
}

std::vector<FieldViolation> ManyViolations(std::size_t count, std::size_t text_size) {
  std::vector<FieldViolation> fields;
  for (std::size_t i = 0; i < count; ++i) {
    fields.push_back({"tags[" + std::to_string(i) + "].key", std::string(text_size, 'x')});
  }
  return fields;
}

TEST(Error, SaysHowManyViolationsWereLeftOut) {
  google::rpc::BadRequest bad;
  Unpack(ToGrpcStatus(Error::Invalid(reason::kInvalidParameter, ManyViolations(100, 60)), kRequestId), &bad);
  const int kept = bad.field_violations_size() - 1;
  ASSERT_GT(kept, 15);
  for (int i = 0; i < kept; ++i) EXPECT_EQ(bad.field_violations(i).field(), "tags[" + std::to_string(i) + "].key");
  EXPECT_EQ(bad.field_violations(kept).field(), "");
  EXPECT_EQ(bad.field_violations(kept).description(), std::to_string(100 - kept) + " more left out");
}

TEST(Error, KeepsEveryViolationThatFits) {
  google::rpc::BadRequest bad;
  Unpack(ToGrpcStatus(Error::Invalid(reason::kInvalidParameter, ManyViolations(15, 60)), kRequestId), &bad);
  EXPECT_EQ(bad.field_violations_size(), 15);
  EXPECT_EQ(bad.field_violations(14).field(), "tags[14].key");
}

TEST(Error, ListsTheFirstTenFieldsInItsText) {
  const Error error = Error::Invalid(reason::kInvalidParameter, ManyViolations(12, 5));
  EXPECT_THAT(error.message(), HasSubstr("tags[9].key\" and 2 more - tags[0].key xxxxx"));
}

TEST(Error, EscapesQuotesAndControlCharactersInItsText) {
  EXPECT_EQ(Error::NotFound(ResourceType::kKeyword, "A \"B\"\r\nC\\").message(),
            R"(Resource not found - ResourceType="keyword" ResourceId="A \"B\"??C\\")");
}

// ---------------------------------------------------------------------------------------------------------------------
// The other direction: any status of any server.

struct CodeCase {
  Code code;
  std::string exception;  // of the bare code
  Fault fault;
};

const CodeCase kCodes[] = {
    {Code::OK, "InternalServerException", Fault::kInternal},
    {Code::CANCELLED, "InternalServerException", Fault::kCancelled},
    {Code::UNKNOWN, "InternalServerException", Fault::kInternal},
    {Code::INVALID_ARGUMENT, "ValidationException", Fault::kInvalid},
    {Code::DEADLINE_EXCEEDED, "InternalServerException", Fault::kDeadline},
    {Code::NOT_FOUND, "ResourceNotFoundException", Fault::kNotFound},
    {Code::ALREADY_EXISTS, "ConflictException", Fault::kConflict},
    {Code::PERMISSION_DENIED, "AccessDeniedException", Fault::kAccessDenied},
    {Code::RESOURCE_EXHAUSTED, "ThrottlingException", Fault::kThrottled},
    {Code::FAILED_PRECONDITION, "ConflictException", Fault::kConflict},
    {Code::ABORTED, "ConflictException", Fault::kLostRace},
    {Code::OUT_OF_RANGE, "ValidationException", Fault::kInvalid},
    {Code::UNIMPLEMENTED, "ValidationException", Fault::kUnknownOperation},
    {Code::INTERNAL, "InternalServerException", Fault::kInternal},
    {Code::UNAVAILABLE, "InternalServerException", Fault::kUnavailable},
    {Code::DATA_LOSS, "InternalServerException", Fault::kInternal},
    {Code::UNAUTHENTICATED, "AccessDeniedException", Fault::kUnauthenticated},
};

const std::string kExceptions[] = {
    "AccessDeniedException",         "ConflictException",   "InternalServerException", "ResourceNotFoundException",
    "ServiceQuotaExceededException", "ThrottlingException", "ValidationException"};

std::string Details(Code code, const google::protobuf::Message& detail) {
  google::rpc::Status status;
  status.set_code(code);
  status.add_details()->PackFrom(detail);
  return status.SerializeAsString();
}

std::string InfoDetails(Code code, const std::string& exception, const std::string& domain = "sms-voice") {
  google::rpc::ErrorInfo info;
  info.set_domain(domain);
  (*info.mutable_metadata())["exception"] = exception;
  return Details(code, info);
}

TEST(StatusToException, IsTotalForBareCodes) {
  ASSERT_EQ(std::size(kCodes), 17u);
  for (const CodeCase& c : kCodes) {
    SCOPED_TRACE(c.code);
    const grpc::Status status(c.code, "some text");
    EXPECT_EQ(ExceptionFor(status), c.exception);
    EXPECT_EQ(FromGrpcStatus(status).fault(), c.fault);
    EXPECT_EQ(FromGrpcStatus(status).message(), status.error_message());
  }
}

TEST(StatusToException, BelievesDetailsOverTheMetadataOverTheCode) {
  for (const CodeCase& c : kCodes) {
    for (const std::string& named : kExceptions) {
      SCOPED_TRACE(std::to_string(c.code) + " " + named);
      const grpc::Status bare(c.code, "text");
      EXPECT_EQ(ExceptionFor(bare, named), named);
      EXPECT_EQ(ExceptionFor(bare, "com.amazonaws.pinpointsmsvoicev2#" + named), named);
      EXPECT_EQ(ExceptionFor(bare, named + ":http://internal.example/"), named);
      EXPECT_EQ(FromGrpcStatus(bare, named).exception(), named);

      const grpc::Status detailed(c.code, "text", InfoDetails(c.code, named));
      EXPECT_EQ(ExceptionFor(detailed), named);
      EXPECT_EQ(ExceptionFor(detailed, "ThrottlingException"), named);
      EXPECT_EQ(FromGrpcStatus(detailed).exception(), named);
    }
  }
}

TEST(StatusToException, FallsBackWhenDetailsSayNothing) {
  for (const CodeCase& c : kCodes) {
    SCOPED_TRACE(c.code);
    for (const std::string& details :
         {std::string("\xFF\xFF no protobuf"), InfoDetails(c.code, "TeapotException"), InfoDetails(c.code, ""),
          InfoDetails(c.code, "ThrottlingException", "example.com"), google::rpc::Status().SerializeAsString(),
          Details(c.code, google::rpc::RequestInfo())}) {
      EXPECT_EQ(ExceptionFor(grpc::Status(c.code, "text", details)), c.exception);
      EXPECT_EQ(ExceptionFor(grpc::Status(c.code, "text", details), "TeapotException"), c.exception);
      EXPECT_EQ(FromGrpcStatus(grpc::Status(c.code, "text", details)).fault(), c.fault);
    }
  }
}

TEST(StatusToException, TellsAQuotaFromThrottlingByItsDetails) {
  google::rpc::QuotaFailure quota;
  quota.add_violations()->set_subject("POOLS_PER_ACCOUNT");
  const grpc::Status status(Code::RESOURCE_EXHAUSTED, "text", Details(Code::RESOURCE_EXHAUSTED, quota));
  EXPECT_EQ(ExceptionFor(status), "ServiceQuotaExceededException");
  EXPECT_EQ(FromGrpcStatus(status).fault(), Fault::kQuota);
}

TEST(StatusToException, ReadsABareAlreadyExistsAsItsOneReason) {
  const Error error = FromGrpcStatus(grpc::Status(Code::ALREADY_EXISTS, "text"));
  EXPECT_EQ(error.reason(), "RESOURCE_ALREADY_EXISTS");
  EXPECT_EQ(error.code(), Code::ALREADY_EXISTS);
}

TEST(StatusToException, AnswersCodesThatDoNotExist) {
  for (const int code : {-1, 17, 1000}) {
    EXPECT_EQ(ExceptionFor(grpc::Status(static_cast<Code>(code), "text")), "InternalServerException");
  }
}

TEST(ResourceTypes, HaveOneAwsNameEach) {
  std::set<std::string_view> names;
  for (int i = 1; i <= static_cast<int>(ResourceType::kRcsAgent); ++i) {
    const auto type = static_cast<ResourceType>(i);
    EXPECT_EQ(ResourceTypeFrom(AwsName(type)), type);
    names.insert(AwsName(type));
  }
  EXPECT_EQ(names.size(), 19u);  // as many as the model has
  EXPECT_EQ(AwsName(ResourceType::kPhoneNumber), "phone-number");
  EXPECT_EQ(AwsName(ResourceType::kOptedOutNumber), "opted-out-number");
  EXPECT_EQ(ResourceTypeFrom(""), std::nullopt);
  EXPECT_EQ(ResourceTypeFrom("Pool"), std::nullopt);
}

}  // namespace
}  // namespace poold
