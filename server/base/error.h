#pragma once

// A refused call, from the guard that throws it to the endpoint that encodes it. One table (error.cc) ties each fault
// to its exception name, HTTP status, gRPC code, and to whether the same call may be repeated; docs/api.md and
// deploy/client/README.md show that table. The translation to and from gRPC statuses is in grpc_status.cc.
// All functions here may be called from any thread; an Error is a value.

#include <grpcpp/support/status.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace poold {

// What went wrong, as the service sees it. Several faults share an exception name: the AWS model has seven, gRPC is
// finer.
enum class Fault {
  kAccessDenied,      // AccessDeniedException: known caller, not allowed
  kUnauthenticated,   // AccessDeniedException: caller unknown
  kConflict,          // ConflictException: the state of a resource forbids it
  kLostRace,          // ConflictException: other calls were faster at every try; nothing was done
  kStaleRevision,     // ConflictException STALE_REVISION: the caller has not seen the latest change
  kInternal,          // InternalServerException: a defect, or something unforeseen
  kUnavailable,       // InternalServerException: a dependency is away for now
  kDeadline,          // InternalServerException: the caller's time ran out
  kCancelled,         // InternalServerException: the caller went away
  kNotFound,          // ResourceNotFoundException
  kQuota,             // ServiceQuotaExceededException
  kThrottled,         // ThrottlingException
  kInvalid,           // ValidationException
  kUnknownOperation,  // ValidationException UNKNOWN_OPERATION
  // What gRPC asks of a server that cannot decompress a message (its compression.md).
  kUnknownCompression,  // ValidationException CANNOT_PARSE: compressed in a way that this server does not know
  kCompressedFlag,      // ValidationException CANNOT_PARSE: the Compressed-Flag is set, grpc-encoding names nothing
  // What the AWS JSON door refuses before a call comes to the API (behaviour 1): errors outside the service model.
  kUnknownTarget,          // UnknownOperationException: X-Amz-Target names no operation
  kSerialization,          // SerializationException: the body is no such JSON
  kMissingAuthentication,  // MissingAuthenticationTokenException: no Authorization header
  kIncompleteSignature,    // IncompleteSignatureException: it cannot be parsed, or lacks a part
  kUnrecognizedClient,     // UnrecognizedClientException: nobody has that access key
  kInvalidSignature,       // InvalidSignatureException: wrong signature, date or scope
};

// Whether a program may send the very same call again.
enum class Repeat {
  kNo,         // it would be refused again, or nobody knows what it would do
  kYes,        // nothing was done, and the call may succeed later
  kWithToken,  // it may succeed later, but may have been done already: only a read, or a write with a client token
};

struct FaultRow {
  Fault fault;
  std::string_view exception;  // the documented name, for instance "ConflictException"
  int http_status;
  grpc::StatusCode code;  // of kConflict: except RESOURCE_ALREADY_EXISTS, see Error::code()
  Repeat repeat;
  std::string_view meaning;  // what happened, in the words of the documents
};

// How gRPC spells a code: "NOT_FOUND". Of a number that is none: "UNKNOWN".
std::string_view CodeName(grpc::StatusCode code);

// The whole table, one row for each fault, in the order of the enum.
std::span<const FaultRow> Faults();

// The fault's row in the table. Never fails.
const FaultRow& RowOf(Fault fault);

// The Reasons this service gives, as the service model spells them.
namespace reason {
// ConflictException. Not of the service model: it answers the extension expected_revision, which AWS JSON does not
// have.
inline constexpr std::string_view kStaleRevision = "STALE_REVISION";
// ConflictException
inline constexpr std::string_view kDeletionProtectionEnabled = "DELETION_PROTECTION_ENABLED";
inline constexpr std::string_view kKeywordMismatch = "KEYWORD_MISMATCH";
inline constexpr std::string_view kLastPhoneNumber = "LAST_PHONE_NUMBER";
inline constexpr std::string_view kMessageTypeMismatch = "MESSAGE_TYPE_MISMATCH";
inline constexpr std::string_view kNumberCapabilitiesMismatch = "NUMBER_CAPABILITIES_MISMATCH";
inline constexpr std::string_view kOptOutListMismatch = "OPT_OUT_LIST_MISMATCH";
inline constexpr std::string_view kSelfManagedOptOutsMismatch = "SELF_MANAGED_OPT_OUTS_MISMATCH";
inline constexpr std::string_view kTwoWayConfigMismatch = "TWO_WAY_CONFIG_MISMATCH";
inline constexpr std::string_view kPhoneNumberAssociatedToPool = "PHONE_NUMBER_ASSOCIATED_TO_POOL";
inline constexpr std::string_view kPhoneNumberNotAssociatedToPool = "PHONE_NUMBER_NOT_ASSOCIATED_TO_POOL";
inline constexpr std::string_view kResourceAlreadyAssociated = "RESOURCE_ALREADY_ASSOCIATED";
inline constexpr std::string_view kSenderIdAssociatedToPool = "SENDER_ID_ASSOCIATED_TO_POOL";
inline constexpr std::string_view kResourceAlreadyExists = "RESOURCE_ALREADY_EXISTS";
inline constexpr std::string_view kResourceDeletionNotAllowed = "RESOURCE_DELETION_NOT_ALLOWED";
inline constexpr std::string_view kResourceModificationNotAllowed = "RESOURCE_MODIFICATION_NOT_ALLOWED";
inline constexpr std::string_view kResourceNotActive = "RESOURCE_NOT_ACTIVE";
// ValidationException
inline constexpr std::string_view kMissingParameter = "MISSING_PARAMETER";
inline constexpr std::string_view kInvalidParameter = "INVALID_PARAMETER";
inline constexpr std::string_view kInvalidArn = "INVALID_ARN";
inline constexpr std::string_view kCountryCodeMismatch = "COUNTRY_CODE_MISMATCH";
inline constexpr std::string_view kInvalidFilterValues = "INVALID_FILTER_VALUES";
inline constexpr std::string_view kInvalidNextToken = "INVALID_NEXT_TOKEN";
inline constexpr std::string_view kParametersCannotBeUsedTogether = "PARAMETERS_CANNOT_BE_USED_TOGETHER";
inline constexpr std::string_view kInvalidRequest = "INVALID_REQUEST";
inline constexpr std::string_view kCannotParse = "CANNOT_PARSE";
inline constexpr std::string_view kPhoneNumberCannotBeOptedIn = "PHONE_NUMBER_CANNOT_BE_OPTED_IN";
inline constexpr std::string_view kTwoWayChannelNotPresent = "TWO_WAY_CHANNEL_NOT_PRESENT";
inline constexpr std::string_view kTwoWayNotEnabled = "TWO_WAY_NOT_ENABLED";
inline constexpr std::string_view kSenderIdNotSupported = "SENDER_ID_NOT_SUPPORTED";
inline constexpr std::string_view kSenderIdRequiresRegistration = "SENDER_ID_REQUIRES_REGISTRATION";
inline constexpr std::string_view kInternationalSendingNotSupported = "INTERNATIONAL_SENDING_NOT_SUPPORTED";
inline constexpr std::string_view kResourceNotAccessible = "RESOURCE_NOT_ACCESSIBLE";
inline constexpr std::string_view kUnknownOperation = "UNKNOWN_OPERATION";
// ServiceQuotaExceededException
inline constexpr std::string_view kPoolsPerAccount = "POOLS_PER_ACCOUNT";
inline constexpr std::string_view kOriginationIdentitiesPerPool = "ORIGINATION_IDENTITIES_PER_POOL";
inline constexpr std::string_view kPhoneNumbersPerAccount = "PHONE_NUMBERS_PER_ACCOUNT";
inline constexpr std::string_view kSenderIdsPerAccount = "SENDER_IDS_PER_ACCOUNT";
inline constexpr std::string_view kOptOutListsPerAccount = "OPT_OUT_LISTS_PER_ACCOUNT";
inline constexpr std::string_view kKeywordsPerPool = "KEYWORDS_PER_POOL";
inline constexpr std::string_view kKeywordsPerPhoneNumber = "KEYWORDS_PER_PHONE_NUMBER";
inline constexpr std::string_view kTagsPerResource = "TAGS_PER_RESOURCE";
}  // namespace reason

// The resource types of the service model (ConflictException and ResourceNotFoundException name one).
enum class ResourceType {
  kNone,
  kAccount,
  kPhoneNumber,
  kSenderId,
  kPool,
  kConfigurationSet,
  kOptOutList,
  kEventDestination,
  kKeyword,
  kOptedOutNumber,
  kRegistration,
  kRegistrationAttachment,
  kVerifiedDestinationNumber,
  kProtectConfiguration,
  kNotifyConfiguration,
  kNotifyTemplate,
  kMessageTemplate,
  kPolicy,
  kMessage,
  kRcsAgent,
};

// "phone-number"; empty for kNone. Also the resource type inside ARNs.
std::string_view AwsName(ResourceType type);
// The reverse; nullopt for a name the model does not have.
std::optional<ResourceType> ResourceTypeFrom(std::string_view aws_name);

// One broken rule of one request member.
struct FieldViolation {
  std::string name;     // lower camel path: "poolId", "filters[0].values[2]", "tags[1].key"
  std::string message;  // a predicate that says what is allowed: "must have 1 to 64 characters, has 70"

  bool operator==(const FieldViolation&) const = default;
};

class Error : public std::exception {
 public:
  // The request breaks a rule of its own; `fields` in the order of the request's members.
  static Error Invalid(std::string_view reason, std::string field, std::string message);
  static Error Invalid(std::string_view reason, std::vector<FieldViolation> fields);
  // The state of `resource_id` forbids it. `advice`: what to do next, one sentence, may be empty.
  static Error Conflict(std::string_view reason, ResourceType type, std::string resource_id, std::string advice = {});
  // Other calls changed the same rows at every try, and nothing was done (ABORTED). The Reason may be empty.
  static Error LostRace(std::string_view reason = {}, ResourceType type = ResourceType::kNone,
                        std::string resource_id = {});
  // The caller expects another revision than the resource has (ABORTED, without RetryInfo).
  static Error StaleRevision(ResourceType type, std::string resource_id, std::int64_t expected, std::int64_t actual);
  static Error NotFound(ResourceType type, std::string resource_id);
  // `limit`: the amount that may not be exceeded.
  static Error Quota(std::string_view reason, std::int64_t limit);
  static Error Throttled(std::chrono::milliseconds retry_after, std::string message = "Rate exceeded");
  // `message` is for the caller: it must not reveal whether a resource exists.
  static Error AccessDenied(std::string message, std::string_view reason = {});
  static Error Unauthenticated(std::string message);
  // Of these six `detail` is for the log only; the caller reads a fixed sentence, each its own.
  static Error Internal(std::string detail);
  // kUnavailable: the database or its schema is not there, not yet or not now.
  static Error Unavailable(std::string detail);
  // kUnavailable: too many calls for the same rows, of an operation that has no ConflictException.
  static Error Busy(std::string detail);
  // kUnavailable: the call may have been done or not, and the service cannot find out.
  static Error OutcomeUnknown(std::string detail);
  static Error Deadline(std::string detail = {});
  static Error Cancelled(std::string detail = {});
  static Error UnknownOperation(std::string_view operation);
  // Of kUnknownCompression and kCompressedFlag.
  static Error Compressed(Fault fault);
  // One of the six faults of the AWS JSON door. `message` is for the caller.
  static Error FrontEnd(Fault fault, std::string message);

  // The same error with more to tell, item by item: for batches and rehearsals (extensions of ours).
  Error WithFields(std::vector<FieldViolation> fields) const;

  Fault fault() const { return fault_; }
  std::string_view exception() const { return RowOf(fault_).exception; }
  int http_status() const { return RowOf(fault_).http_status; }
  // The row's code, except RESOURCE_ALREADY_EXISTS of kConflict: ALREADY_EXISTS.
  grpc::StatusCode code() const;
  // The same call may be repeated, at least by a reader or with a token: the status carries RetryInfo.
  bool retryable() const { return RowOf(fault_).repeat != Repeat::kNo; }
  // The documented Reason; empty where the exception has none.
  const std::string& reason() const { return reason_; }
  // What the caller reads, in the live service's form: `Conflict Occurred - Reason="X" ResourceType="Y" ResourceId="Z"`
  // or `Validation failed - Reason="X" Fields="a,b"`, then ` - ` and a plain sentence. Valid UTF-8, bounded
  // (limits.h), free of control characters. Of the faults behind InternalServerException: a fixed sentence.
  const std::string& message() const { return message_; }
  const std::vector<FieldViolation>& fields() const { return fields_; }
  ResourceType resource_type() const { return resource_type_; }
  const std::string& resource_id() const { return resource_id_; }
  // Of kQuota: the limit. Otherwise nullopt.
  std::optional<std::int64_t> limit() const { return limit_; }
  // How long to wait before the next try; zero where trying again is no use.
  std::chrono::milliseconds retry_after() const { return retry_after_; }
  // For the log only; never leaves the process.
  const std::string& detail() const { return detail_; }
  // Of an error that came from another server (FromGrpcStatus): its request id. Empty otherwise.
  const std::string& request_id() const { return request_id_; }
  // For logs: exception, reason, message and detail in one line.
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  friend Error FromGrpcStatus(const grpc::Status& status, std::string_view errortype_metadata);

  explicit Error(Fault fault) : fault_(fault) {}
  // Composes message_ and what_ from the other members.
  Error& Compose(std::string_view head, std::string_view explanation);

  Fault fault_;
  std::string reason_;
  std::string message_;
  std::vector<FieldViolation> fields_;
  ResourceType resource_type_ = ResourceType::kNone;
  std::string resource_id_;
  std::optional<std::int64_t> limit_;
  std::chrono::milliseconds retry_after_{0};
  std::string detail_;
  std::string request_id_;
  std::string what_;
};

// What refuses the work; nothing if it is done. Whatever else is thrown passes through.
template <class Work>
std::optional<Error> RefusalOf(const Work& work) {
  try {
    work();
    return std::nullopt;
  } catch (const Error& refusal) {
    return refusal;
  }
}

// The trailing metadata key that carries the exception's name beside the status, readable with any gRPC tool.
inline constexpr std::string_view kErrorTypeMetadata = "x-amzn-errortype";
// ErrorInfo.domain.
inline constexpr std::string_view kErrorDomain = "sms-voice";

// Outwards. The status carries a serialized google.rpc.Status: ErrorInfo always; BadRequest, QuotaFailure, RetryInfo
// where they belong; RequestInfo if `request_id` is not empty. Whatever the error holds, the refusal stays below
// limits::kRefusal bytes on the wire, so that it passes proxies: then BadRequest has the first violations, and one more
// entry, whose field is empty, says how many are left out. See tests/server/transport/refusal_size_test.cc.
// `repeatable`: false for a write without a token that has begun. RetryInfo then invites its caller only to what is
// safe for any call.
grpc::Status ToGrpcStatus(const Error& error, std::string_view request_id, bool repeatable = true);

// Inwards, total: any status of any server, with or without details, becomes a documented exception name. Details win
// over the metadata value (which may be `ns#Name` or `Name:uri`), that over the code. OK is no error; asked for
// nonetheless, like a code outside 0..16, it is InternalServerException.
std::string_view ExceptionFor(const grpc::Status& status, std::string_view errortype_metadata = {});

// Inwards, the whole Error, as far as the status holds it. `message()` is the status's own text.
Error FromGrpcStatus(const grpc::Status& status, std::string_view errortype_metadata = {});

}  // namespace poold
