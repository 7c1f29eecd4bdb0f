#include "server/error.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/limits.h"
#include "server/text.h"

namespace poold {
namespace {

using Code = grpc::StatusCode;

// clang-format off
// The only place that knows an exception's name. Of faults with one name the most general comes first.
constexpr FaultRow kFaults[] = {
    // fault                          exception                              http  code                       retry
    {Fault::kAccessDenied,           "AccessDeniedException",               400,  Code::PERMISSION_DENIED,   false},
    {Fault::kUnauthenticated,        "AccessDeniedException",               400,  Code::UNAUTHENTICATED,     false},
    {Fault::kConflict,               "ConflictException",                   400,  Code::FAILED_PRECONDITION, false},
    {Fault::kLostRace,               "ConflictException",                   400,  Code::ABORTED,             true},
    {Fault::kInternal,               "InternalServerException",             500,  Code::INTERNAL,            true},
    {Fault::kUnavailable,            "InternalServerException",             500,  Code::UNAVAILABLE,         true},
    {Fault::kDeadline,               "InternalServerException",             500,  Code::DEADLINE_EXCEEDED,   true},
    {Fault::kCancelled,              "InternalServerException",             500,  Code::CANCELLED,           false},
    {Fault::kNotFound,               "ResourceNotFoundException",           400,  Code::NOT_FOUND,           false},
    {Fault::kQuota,                  "ServiceQuotaExceededException",       400,  Code::RESOURCE_EXHAUSTED,  false},
    {Fault::kThrottled,              "ThrottlingException",                 400,  Code::RESOURCE_EXHAUSTED,  true},
    {Fault::kInvalid,                "ValidationException",                 400,  Code::INVALID_ARGUMENT,    false},
    {Fault::kUnknownOperation,       "ValidationException",                 400,  Code::UNIMPLEMENTED,       false},
    {Fault::kUnknownCompression,     "ValidationException",                 400,  Code::UNIMPLEMENTED,       false},
    {Fault::kCompressedFlag,         "ValidationException",                 400,  Code::INTERNAL,            false},
    {Fault::kUnknownTarget,          "UnknownOperationException",           400,  Code::UNIMPLEMENTED,       false},
    {Fault::kSerialization,          "SerializationException",              400,  Code::INVALID_ARGUMENT,    false},
    {Fault::kMissingAuthentication,  "MissingAuthenticationTokenException", 400,  Code::UNAUTHENTICATED,     false},
    {Fault::kIncompleteSignature,    "IncompleteSignatureException",        400,  Code::UNAUTHENTICATED,     false},
    {Fault::kUnrecognizedClient,     "UnrecognizedClientException",         400,  Code::UNAUTHENTICATED,     false},
    {Fault::kInvalidSignature,       "InvalidSignatureException",           400,  Code::UNAUTHENTICATED,     false},
};
// clang-format on

constexpr bool InOrder() {
  for (std::size_t i = 0; i < std::size(kFaults); ++i) {
    if (static_cast<std::size_t>(kFaults[i].fault) != i) return false;
  }
  return std::size(kFaults) == static_cast<std::size_t>(Fault::kInvalidSignature) + 1;
}
static_assert(InOrder(), "one row per fault, in the order of the enum: RowOf counts on it");

// What a bare code means, by its number: what other servers, proxies and gRPC itself answer without our details.
constexpr Fault kFaultOfCode[] = {
    Fault::kInternal,          // OK: no error at all
    Fault::kCancelled,         // CANCELLED
    Fault::kInternal,          // UNKNOWN
    Fault::kInvalid,           // INVALID_ARGUMENT
    Fault::kDeadline,          // DEADLINE_EXCEEDED
    Fault::kNotFound,          // NOT_FOUND
    Fault::kConflict,          // ALREADY_EXISTS
    Fault::kAccessDenied,      // PERMISSION_DENIED
    Fault::kThrottled,         // RESOURCE_EXHAUSTED: gRPC's own are about load; a quota has details
    Fault::kConflict,          // FAILED_PRECONDITION
    Fault::kLostRace,          // ABORTED
    Fault::kInvalid,           // OUT_OF_RANGE
    Fault::kUnknownOperation,  // UNIMPLEMENTED
    Fault::kInternal,          // INTERNAL
    Fault::kUnavailable,       // UNAVAILABLE
    Fault::kInternal,          // DATA_LOSS
    Fault::kUnauthenticated,   // UNAUTHENTICATED
};
static_assert(std::size(kFaultOfCode) == 17);

Fault FaultOfCode(Code code) {
  const int number = static_cast<int>(code);
  return number < 0 || number >= static_cast<int>(std::size(kFaultOfCode)) ? Fault::kInternal : kFaultOfCode[number];
}

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

constexpr std::string_view kInternalText = "The service could not complete the request because of an internal error";
constexpr std::chrono::milliseconds kRetrySoon{100};

constexpr std::string_view kTypeUrlPrefix = "type.googleapis.com/";

// ErrorInfo.metadata keys.
constexpr const char* kException = "exception";
constexpr const char* kResourceType = "resourceType";
constexpr const char* kResourceId = "resourceId";
constexpr const char* kLimit = "limit";

void AppendQuoted(std::string& text, std::string_view key, std::string_view value) {
  text += text.empty() ? "" : " ";
  text += key;
  text += "=\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  text += '"';
}

// The bytes of `text` in the grpc-message header: printable ASCII but '%' stays, all else becomes %XX.
std::size_t PercentEncodedSize(std::string_view text) {
  std::size_t size = 0;
  for (const char c : text) size += c >= 0x20 && c <= 0x7E && c != '%' ? 1 : 3;
  return size;
}

std::string FitMessage(std::string message) {
  std::size_t bytes = message.size();
  while (PercentEncodedSize(message) > limits::kStatusMessage) {
    bytes = bytes * 3 / 4;
    message = Printable(message, bytes);
  }
  return message;
}

google::rpc::ErrorInfo InfoOf(const Error& error) {
  google::rpc::ErrorInfo info;
  info.set_reason(Printable(error.reason(), limits::kQuotedBytes));
  info.set_domain(std::string(kErrorDomain));
  auto& metadata = *info.mutable_metadata();
  metadata[kException] = std::string(error.exception());
  if (error.resource_type() != ResourceType::kNone) {
    metadata[kResourceType] = std::string(AwsName(error.resource_type()));
    metadata[kResourceId] = Printable(error.resource_id(), limits::kQuotedBytes);
  }
  if (error.limit()) metadata[kLimit] = std::to_string(*error.limit());
  return info;
}

// As many violations as fit into `room` bytes together with the entry that counts the others.
google::rpc::BadRequest BadRequestOf(const Error& error, std::size_t room) {
  constexpr std::size_t kCounter = 40;  // bytes of that entry, at most
  google::rpc::BadRequest request;
  std::size_t left = error.fields().size();
  std::size_t size = 0;
  for (const FieldViolation& violation : error.fields()) {
    google::rpc::BadRequest::FieldViolation field;
    field.set_field(Printable(violation.name, limits::kQuotedBytes));
    field.set_description(Printable(violation.message, 2 * limits::kQuotedBytes));
    size += field.ByteSizeLong() + 3;  // its tag and length
    if (size + (left > 1 ? kCounter : 0) > room) {
      request.add_field_violations()->set_description(std::to_string(left) + " more left out");
      break;
    }
    *request.add_field_violations() = std::move(field);
    --left;
  }
  return request;
}

std::optional<google::rpc::Status> DetailsOf(const grpc::Status& status) {
  if (status.error_details().empty()) return std::nullopt;
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return std::nullopt;
  return details;
}

// The first detail of the message's type.
template <class M>
std::optional<M> Find(const google::rpc::Status& details) {
  for (const auto& any : details.details()) {
    M message;
    if (any.Is<M>() && any.UnpackTo(&message)) return message;
  }
  return std::nullopt;
}

// The name of a documented exception, in static memory, or empty. Takes `ns#Name` and `Name:uri` as AWS SDKs do.
std::string_view Documented(std::string_view name) {
  if (const auto hash = name.find('#'); hash != name.npos) name.remove_prefix(hash + 1);
  name = name.substr(0, name.find(':'));
  for (const FaultRow& row : kFaults) {
    if (row.exception == name) return row.exception;
  }
  return {};
}

// The fault of an exception name: the one whose code agrees, else the name's first.
Fault FaultOf(std::string_view exception, Code code) {
  if (RowOf(FaultOfCode(code)).exception == exception) return FaultOfCode(code);
  for (const FaultRow& row : kFaults) {
    if (row.exception == exception && row.code == code) return row.fault;
  }
  for (const FaultRow& row : kFaults) {
    if (row.exception == exception) return row.fault;
  }
  return Fault::kInternal;
}

std::string_view ExceptionFrom(const std::optional<google::rpc::Status>& details, Code code,
                               std::string_view errortype_metadata) {
  if (details) {
    const auto info = Find<google::rpc::ErrorInfo>(*details);
    if (info && info->domain() == kErrorDomain) {
      const auto named = info->metadata().find(kException);
      if (named != info->metadata().end()) {
        if (const auto name = Documented(named->second); !name.empty()) return name;
      }
    }
  }
  if (const auto name = Documented(errortype_metadata); !name.empty()) return name;
  if (details && code == Code::RESOURCE_EXHAUSTED && Find<google::rpc::QuotaFailure>(*details)) {
    return RowOf(Fault::kQuota).exception;
  }
  return RowOf(FaultOfCode(code)).exception;
}

}  // namespace

std::string_view CodeName(Code code) {
  static constexpr std::string_view kNames[] = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  return static_cast<std::size_t>(code) < std::size(kNames) ? kNames[code] : "UNKNOWN";
}

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
  if (!reason_.empty()) AppendQuoted(tail, "Reason", reason_);
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

Error Error::LostRace(std::string_view reason, ResourceType type, std::string resource_id, std::string advice) {
  Error error(Fault::kLostRace);
  error.reason_ = reason;
  error.resource_type_ = type;
  error.resource_id_ = Printable(resource_id, limits::kQuotedBytes);
  error.retry_after_ = kRetrySoon;
  return error.Compose("Conflict Occurred",
                       advice.empty() ? "another call changed it at the same moment; try again" : advice);
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
  error.retry_after_ = kRetrySoon;
  return error.Compose(kInternalText, "");
}

Error Error::Unavailable(std::string detail, std::chrono::milliseconds retry_after) {
  Error error(Fault::kUnavailable);
  error.detail_ = std::move(detail);
  error.retry_after_ = retry_after;
  return error.Compose(kInternalText, "");
}

Error Error::Deadline(std::string detail) {
  Error error(Fault::kDeadline);
  error.detail_ = std::move(detail);
  error.retry_after_ = kRetrySoon;
  return error.Compose(kInternalText, "");
}

Error Error::Cancelled(std::string detail) {
  Error error(Fault::kCancelled);
  error.detail_ = std::move(detail);
  return error.Compose(kInternalText, "");
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
                           ? "the message is compressed in a way that is not known here; known are gzip and deflate"
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

grpc::Status ToGrpcStatus(const Error& error, std::string_view request_id) {
  const std::string id = Printable(request_id, limits::kQuotedBytes);
  std::string message = error.message();
  if (error.http_status() == 500 && !id.empty()) AppendQuoted(message += " -", "RequestId", id);
  message = FitMessage(std::move(message));

  google::rpc::Status status;
  status.set_code(error.code());
  status.set_message(message);
  status.add_details()->PackFrom(InfoOf(error));
  if (error.retryable()) {
    google::rpc::RetryInfo retry;
    const auto wait = error.retry_after().count();
    retry.mutable_retry_delay()->set_seconds(wait / 1000);
    retry.mutable_retry_delay()->set_nanos(static_cast<std::int32_t>(wait % 1000) * 1'000'000);
    status.add_details()->PackFrom(retry);
  }
  if (error.fault() == Fault::kQuota) {
    google::rpc::QuotaFailure quota;
    auto& violation = *quota.add_violations();
    violation.set_subject(Printable(error.reason(), limits::kQuotedBytes));
    violation.set_description("the limit is " + std::to_string(error.limit().value_or(0)));
    status.add_details()->PackFrom(quota);
  }
  if (!id.empty()) {
    google::rpc::RequestInfo request;
    request.set_request_id(id);
    status.add_details()->PackFrom(request);
  }
  // Last, because it takes what the others leave.
  if (!error.fields().empty()) {
    constexpr std::size_t kEnvelope = kTypeUrlPrefix.size() + std::string_view("google.rpc.BadRequest").size() + 16;
    status.add_details()->PackFrom(BadRequestOf(error, limits::kStatusDetails - status.ByteSizeLong() - kEnvelope));
  }
  return grpc::Status(error.code(), message, status.SerializeAsString());
}

std::string_view ExceptionFor(const grpc::Status& status, std::string_view errortype_metadata) {
  return ExceptionFrom(DetailsOf(status), status.error_code(), errortype_metadata);
}

Error FromGrpcStatus(const grpc::Status& status, std::string_view errortype_metadata) {
  const auto details = DetailsOf(status);
  const std::string_view exception = ExceptionFrom(details, status.error_code(), errortype_metadata);
  Error error(FaultOf(exception, status.error_code()));
  error.message_ = status.error_message();
  if (details) {
    if (const auto info = Find<google::rpc::ErrorInfo>(*details); info && info->domain() == kErrorDomain) {
      error.reason_ = info->reason();
      const auto& metadata = info->metadata();
      if (const auto type = metadata.find(kResourceType); type != metadata.end()) {
        error.resource_type_ = ResourceTypeFrom(type->second).value_or(ResourceType::kNone);
      }
      if (const auto id = metadata.find(kResourceId); id != metadata.end()) error.resource_id_ = id->second;
      if (const auto limit = metadata.find(kLimit); limit != metadata.end()) {
        std::int64_t number = 0;
        const char* end = limit->second.data() + limit->second.size();
        if (std::from_chars(limit->second.data(), end, number).ptr == end) error.limit_ = number;
      }
    }
    if (const auto bad = Find<google::rpc::BadRequest>(*details)) {
      for (const auto& field : bad->field_violations()) error.fields_.push_back({field.field(), field.description()});
    }
    if (const auto retry = Find<google::rpc::RetryInfo>(*details)) {
      error.retry_after_ =
          std::chrono::milliseconds(retry->retry_delay().seconds() * 1000 + retry->retry_delay().nanos() / 1'000'000);
    }
    if (const auto request = Find<google::rpc::RequestInfo>(*details)) error.request_id_ = request->request_id();
  }
  // Two faults share exception and code.
  if (error.fault_ == Fault::kUnknownOperation && error.reason_ == reason::kCannotParse) {
    error.fault_ = Fault::kUnknownCompression;
  }
  // The one code that stands for a single Reason.
  if (error.reason_.empty() && status.error_code() == Code::ALREADY_EXISTS && error.fault_ == Fault::kConflict) {
    error.reason_ = reason::kResourceAlreadyExists;
  }
  error.what_ = std::string(error.exception()) + ": " + error.message_;
  return error;
}

}  // namespace poold
