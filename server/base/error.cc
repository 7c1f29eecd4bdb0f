#include "server/base/error.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "server/base/limits.h"
#include "server/base/text.h"

namespace poold {
namespace {

using Code = grpc::StatusCode;

// The only place that knows an exception's name. Of faults with one name the most general comes first.
constexpr FaultRow kFaults[] = {
    {Fault::kAccessDenied, "AccessDeniedException", 400, Code::PERMISSION_DENIED, Repeat::kNo,
     "the caller is known, but may not do this"},
    {Fault::kUnauthenticated, "AccessDeniedException", 400, Code::UNAUTHENTICATED, Repeat::kNo,
     "the caller is unknown"},
    {Fault::kConflict, "ConflictException", 400, Code::FAILED_PRECONDITION, Repeat::kNo,
     "the state of a resource forbids it"},
    {Fault::kLostRace, "ConflictException", 400, Code::ABORTED, Repeat::kYes,
     "other calls changed the same resources at every try; nothing was done"},
    {Fault::kStaleRevision, "ConflictException", 400, Code::ABORTED, Repeat::kNo,
     "STALE_REVISION: the pool no longer has `expected_revision`; read it again, then decide"},
    {Fault::kInternal, "InternalServerException", 500, Code::INTERNAL, Repeat::kNo,
     "a defect of the service; a write may have been done"},
    {Fault::kUnavailable, "InternalServerException", 500, Code::UNAVAILABLE, Repeat::kWithToken,
     "the service or its database is not ready, or the connection broke; a write may have been done"},
    {Fault::kDeadline, "InternalServerException", 500, Code::DEADLINE_EXCEEDED, Repeat::kWithToken,
     "the deadline passed; a write may have been done"},
    {Fault::kCancelled, "InternalServerException", 500, Code::CANCELLED, Repeat::kNo,
     "the caller gave up; a write may have been done"},
    {Fault::kNotFound, "ResourceNotFoundException", 400, Code::NOT_FOUND, Repeat::kNo,
     "something that the request names does not exist"},
    {Fault::kQuota, "ServiceQuotaExceededException", 400, Code::RESOURCE_EXHAUSTED, Repeat::kNo,
     "a quota is used up; the details have QuotaFailure"},
    {Fault::kThrottled, "ThrottlingException", 400, Code::RESOURCE_EXHAUSTED, Repeat::kYes,
     "too many calls at once; nothing was done"},
    {Fault::kInvalid, "ValidationException", 400, Code::INVALID_ARGUMENT, Repeat::kNo, "the request breaks a rule"},
    {Fault::kUnknownOperation, "ValidationException", 400, Code::UNIMPLEMENTED, Repeat::kNo,
     "the service has no such operation"},
    {Fault::kUnknownCompression, "ValidationException", 400, Code::UNIMPLEMENTED, Repeat::kNo,
     "the message is compressed; the service takes uncompressed messages only"},
    {Fault::kCompressedFlag, "ValidationException", 400, Code::INTERNAL, Repeat::kNo,
     "the message is marked as compressed, and `grpc-encoding` names no compression"},
    // The AWS JSON endpoint's own: they answer no gRPC call.
    {Fault::kUnknownTarget, "UnknownOperationException", 400, Code::UNIMPLEMENTED, Repeat::kNo,
     "X-Amz-Target names no operation"},
    {Fault::kSerialization, "SerializationException", 400, Code::INVALID_ARGUMENT, Repeat::kNo,
     "the body is not such JSON"},
    {Fault::kMissingAuthentication, "MissingAuthenticationTokenException", 400, Code::UNAUTHENTICATED, Repeat::kNo,
     "there is no Authorization header"},
    {Fault::kIncompleteSignature, "IncompleteSignatureException", 400, Code::UNAUTHENTICATED, Repeat::kNo,
     "the Authorization header cannot be parsed, or lacks a part"},
    {Fault::kUnrecognizedClient, "UnrecognizedClientException", 400, Code::UNAUTHENTICATED, Repeat::kNo,
     "nobody has that access key"},
    {Fault::kInvalidSignature, "InvalidSignatureException", 400, Code::UNAUTHENTICATED, Repeat::kNo,
     "wrong signature, date or scope"},
};

constexpr bool InOrder() {
  for (std::size_t i = 0; i < std::size(kFaults); ++i) {
    if (static_cast<std::size_t>(kFaults[i].fault) != i) return false;
  }
  return std::size(kFaults) == static_cast<std::size_t>(Fault::kInvalidSignature) + 1;
}
static_assert(InOrder(), "one row per fault, in the order of the enum: RowOf counts on it");

constexpr std::string_view kResourceTypes[] = {"",
                                               "account",
                                               "phone-number",
                                               "sender-id",
                                               "pool",
                                               "configuration-set",
                                               "opt-out-list",
                                               "event-destination",
                                               "keyword",
                                               "opted-out-number",
                                               "registration",
                                               "registration-attachment",
                                               "verified-destination-number",
                                               "protect-configuration",
                                               "notify-configuration",
                                               "notify-template",
                                               "message-template",
                                               "policy",
                                               "message",
                                               "rcs-agent"};
static_assert(std::size(kResourceTypes) == static_cast<std::size_t>(ResourceType::kRcsAgent) + 1);

// What callers read of the faults behind InternalServerException.
constexpr std::string_view kInternalText = "The service could not complete the request because of an internal error";
constexpr std::string_view kNotReadyText = "The service is not ready yet; try again";
constexpr std::string_view kBusyText = "Too many calls change the same resource at this moment; try again";
constexpr std::string_view kOutcomeUnknownText =
    "The service could not find out whether the request was carried out; repeat it with the same client token";
constexpr std::string_view kDeadlineText = "The service could not complete the request before its deadline";
constexpr std::string_view kCancelledText = "The request was cancelled before the service could complete it";

constexpr std::chrono::milliseconds kRetrySoon{100};
constexpr std::chrono::milliseconds kRetryUnavailable{200};

}  // namespace

std::string_view CodeName(Code code) {
  static constexpr std::string_view kNames[] = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  return static_cast<std::size_t>(code) < std::size(kNames) ? kNames[code] : "UNKNOWN";
}

std::span<const FaultRow> Faults() { return kFaults; }

const FaultRow& RowOf(Fault fault) { return kFaults[static_cast<std::size_t>(fault)]; }

std::string_view AwsName(ResourceType type) { return kResourceTypes[static_cast<std::size_t>(type)]; }

std::optional<ResourceType> ResourceTypeFrom(std::string_view aws_name) {
  for (std::size_t i = 1; i < std::size(kResourceTypes); ++i) {
    if (kResourceTypes[i] == aws_name) return static_cast<ResourceType>(i);
  }
  return std::nullopt;
}

Error& Error::Compose(std::string_view head, std::string_view explanation) {
  std::string tail;
  if (!reason_.empty()) AppendQuoted(tail, "Reason", Printable(reason_, limits::kQuotedBytes));
  if (!fields_.empty()) {
    std::string names;
    std::string_view previous;
    std::size_t listed = 0;
    std::size_t others = 0;
    for (const FieldViolation& field : fields_) {
      if (field.name == previous) continue;  // a field may break two rules; its violations stand together
      previous = field.name;
      if (listed == limits::kFieldsInText) {
        ++others;
        continue;
      }
      names += listed++ == 0 ? "" : ",";
      names += Printable(field.name, limits::kQuotedBytes);
    }
    AppendQuoted(tail, "Fields", names);
    if (others > 0) tail += " and " + std::to_string(others) + " more";
  }
  if (resource_type_ != ResourceType::kNone) {
    AppendQuoted(tail, "ResourceType", AwsName(resource_type_));
    AppendQuoted(tail, "ResourceId", resource_id_);
  }
  message_ = head;
  if (!tail.empty()) message_ += " - " + tail;
  if (!explanation.empty()) message_ += " - " + Printable(explanation, 2 * limits::kQuotedBytes);

  what_ = std::string(exception()) + ": " + message_;
  if (!detail_.empty()) what_ += " [" + detail_ + "]";
  // The database's own words come in several lines; a log entry is one.
  std::ranges::replace_if(
      what_, [](unsigned char c) { return c < ' '; }, ' ');
  return *this;
}

Error Error::Invalid(std::string_view reason, std::string field, std::string message) {
  return Invalid(reason, std::vector<FieldViolation>{{std::move(field), std::move(message)}});
}

Error Error::Invalid(std::string_view reason, std::vector<FieldViolation> fields) {
  Error error(Fault::kInvalid);
  error.reason_ = reason;
  error.fields_ = std::move(fields);
  std::string explanation;
  if (!error.fields_.empty()) explanation = error.fields_.front().name + " " + error.fields_.front().message;
  return error.Compose("Validation failed", explanation);
}

Error Error::Conflict(std::string_view reason, ResourceType type, std::string resource_id, std::string advice) {
  Error error(Fault::kConflict);
  error.reason_ = reason;
  error.resource_type_ = type;
  error.resource_id_ = Printable(resource_id, limits::kQuotedBytes);
  return error.Compose("Conflict Occurred", advice);
}

Error Error::LostRace(std::string_view reason, ResourceType type, std::string resource_id) {
  Error error(Fault::kLostRace);
  error.reason_ = reason;
  error.resource_type_ = type;
  error.resource_id_ = Printable(resource_id, limits::kQuotedBytes);
  error.retry_after_ = kRetrySoon;
  return error.Compose("Conflict Occurred", "another call changed it at the same moment; try again");
}

Error Error::StaleRevision(ResourceType type, std::string resource_id, std::int64_t expected, std::int64_t actual) {
  Error error(Fault::kStaleRevision);
  error.reason_ = reason::kStaleRevision;
  error.resource_type_ = type;
  error.resource_id_ = Printable(resource_id, limits::kQuotedBytes);
  return error.Compose("Conflict Occurred", "expected revision " + std::to_string(expected) + ", but it has revision " +
                                                std::to_string(actual) + "; read it again, then decide");
}

Error Error::WithFields(std::vector<FieldViolation> fields) const {
  Error error = *this;
  error.fields_ = std::move(fields);
  return error;
}

Error Error::NotFound(ResourceType type, std::string resource_id) {
  Error error(Fault::kNotFound);
  error.resource_type_ = type;
  error.resource_id_ = Printable(resource_id, limits::kQuotedBytes);
  return error.Compose("Resource not found", "");
}

Error Error::Quota(std::string_view reason, std::int64_t limit) {
  Error error(Fault::kQuota);
  error.reason_ = reason;
  error.limit_ = limit;
  return error.Compose("Service quota exceeded", "the limit is " + std::to_string(limit));
}

Error Error::Throttled(std::chrono::milliseconds retry_after, std::string message) {
  Error error(Fault::kThrottled);
  error.retry_after_ = retry_after;
  return error.Compose(Printable(message, 2 * limits::kQuotedBytes), "");
}

Error Error::AccessDenied(std::string message, std::string_view reason) {
  Error error(Fault::kAccessDenied);
  error.reason_ = reason;
  return error.Compose(Printable(message, 2 * limits::kQuotedBytes), "");
}

Error Error::Unauthenticated(std::string message) {
  Error error(Fault::kUnauthenticated);
  return error.Compose(Printable(message, 2 * limits::kQuotedBytes), "");
}

Error Error::Internal(std::string detail) {
  Error error(Fault::kInternal);
  error.detail_ = std::move(detail);
  return error.Compose(kInternalText, "");
}

Error Error::Unavailable(std::string detail) {
  Error error(Fault::kUnavailable);
  error.detail_ = std::move(detail);
  error.retry_after_ = kRetryUnavailable;
  return error.Compose(kNotReadyText, "");
}

Error Error::Busy(std::string detail) {
  Error error(Fault::kUnavailable);
  error.detail_ = std::move(detail);
  error.retry_after_ = kRetryUnavailable;
  return error.Compose(kBusyText, "");
}

Error Error::OutcomeUnknown(std::string detail) {
  Error error(Fault::kUnavailable);
  error.detail_ = std::move(detail);
  error.retry_after_ = kRetryUnavailable;
  return error.Compose(kOutcomeUnknownText, "");
}

Error Error::Deadline(std::string detail) {
  Error error(Fault::kDeadline);
  error.detail_ = std::move(detail);
  error.retry_after_ = kRetrySoon;
  return error.Compose(kDeadlineText, "");
}

Error Error::Cancelled(std::string detail) {
  Error error(Fault::kCancelled);
  error.detail_ = std::move(detail);
  return error.Compose(kCancelledText, "");
}

Error Error::UnknownOperation(std::string_view operation) {
  Error error(Fault::kUnknownOperation);
  error.reason_ = reason::kUnknownOperation;
  return error.Compose("Validation failed", "there is no operation " + Printable(operation, limits::kQuotedBytes));
}

Error Error::Compressed(Fault fault) {
  Error error(fault);
  error.reason_ = reason::kCannotParse;
  return error.Compose("Validation failed",
                       fault == Fault::kUnknownCompression
                           ? "the message is compressed; this service takes uncompressed messages only"
                           : "the message's Compressed-Flag is set, but grpc-encoding names no compression");
}

Error Error::FrontEnd(Fault fault, std::string message) {
  Error error(fault);
  return error.Compose(Printable(message, limits::kFrontEndMessage), "");
}

grpc::StatusCode Error::code() const {
  if (fault_ == Fault::kConflict && reason_ == reason::kResourceAlreadyExists) return Code::ALREADY_EXISTS;
  return RowOf(fault_).code;
}

}  // namespace poold
