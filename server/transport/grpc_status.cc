// The translation of refusals to gRPC statuses and back; see error.h.

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error.h"
#include "server/base/limits.h"
#include "server/base/text.h"

namespace poold {
namespace {

using Code = grpc::StatusCode;

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

constexpr std::string_view kTypeUrlPrefix = "type.googleapis.com/";

// ErrorInfo.metadata keys.
constexpr const char* kException = "exception";
constexpr const char* kResourceType = "resourceType";
constexpr const char* kResourceId = "resourceId";
constexpr const char* kLimit = "limit";

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
  info.set_reason(Printable(error.reason(), limits::kNameInDetails));
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

google::rpc::RetryInfo RetryInfoOf(const Error& error) {
  google::rpc::RetryInfo retry;
  const auto wait = error.retry_after().count();
  retry.mutable_retry_delay()->set_seconds(wait / 1000);
  retry.mutable_retry_delay()->set_nanos(static_cast<std::int32_t>(wait % 1000) * 1'000'000);
  return retry;
}

google::rpc::QuotaFailure QuotaFailureOf(const Error& error) {
  google::rpc::QuotaFailure quota;
  auto& violation = *quota.add_violations();
  violation.set_subject(Printable(error.reason(), limits::kNameInDetails));
  violation.set_description("the limit is " + std::to_string(error.limit().value_or(0)));
  return quota;
}

// Bytes of a violation in its list, with tag and length.
std::size_t SizeOf(const google::rpc::BadRequest::FieldViolation& violation) { return violation.ByteSizeLong() + 3; }

// The first violations, as many as fit into `room` bytes together with the entry that counts the others. The first one
// is cut to what there is, so that there is always one.
google::rpc::BadRequest BadRequestOf(const Error& error, std::size_t room) {
  constexpr std::size_t kCounter = 40;  // bytes of that entry, at most
  google::rpc::BadRequest request;
  std::size_t left = error.fields().size();
  for (const FieldViolation& violation : error.fields()) {
    const std::size_t free = left > 1 ? room - std::min(room, kCounter) : room;
    google::rpc::BadRequest::FieldViolation field;
    field.set_field(Printable(violation.name, limits::kQuotedBytes));
    field.set_description(Printable(violation.message, 2 * limits::kQuotedBytes));
    if (SizeOf(field) > free && request.field_violations().empty()) {
      field.set_field(Printable(violation.name, free / 2));
      const std::size_t used = field.field().size() + 10;  // with both members' tags and lengths
      field.set_description(Printable(violation.message, free - std::min(free, used)));
    }
    if (SizeOf(field) > free) {
      request.add_field_violations()->set_description(std::to_string(left) + " more left out");
      break;
    }
    room -= SizeOf(field);
    --left;
    *request.add_field_violations() = std::move(field);
  }
  return request;
}

// Bytes of the details that leave the message its share of a refusal: base64 makes four of three.
std::size_t RoomForDetails(std::string_view message) {
  return (limits::kRefusalTexts - PercentEncodedSize(message)) / 4 * 3;
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
  for (const FaultRow& row : Faults()) {
    if (row.exception == name) return row.exception;
  }
  return {};
}

// The fault of an exception name: the one whose code agrees, else the name's first.
Fault FaultOf(std::string_view exception, Code code) {
  if (RowOf(FaultOfCode(code)).exception == exception) return FaultOfCode(code);
  for (const FaultRow& row : Faults()) {
    if (row.exception == exception && row.code == code) return row.fault;
  }
  for (const FaultRow& row : Faults()) {
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

grpc::Status ToGrpcStatus(const Error& error, std::string_view request_id, bool repeatable) {
  const Repeat repeat = RowOf(error.fault()).repeat;
  const std::string id = Printable(request_id, limits::kNameInDetails);
  std::string message = error.message();
  if (error.http_status() == 500 && !id.empty()) AppendQuoted(message += " -", "RequestId", id);
  message = FitMessage(std::move(message));

  google::rpc::Status status;
  status.set_code(error.code());
  status.set_message(message);
  status.add_details()->PackFrom(InfoOf(error));
  if (repeat == Repeat::kYes || (repeat == Repeat::kWithToken && repeatable))
    status.add_details()->PackFrom(RetryInfoOf(error));
  if (error.fault() == Fault::kQuota) status.add_details()->PackFrom(QuotaFailureOf(error));
  if (!id.empty()) {
    google::rpc::RequestInfo request;
    request.set_request_id(id);
    status.add_details()->PackFrom(request);
  }
  // Last, because it takes what the others leave.
  if (!error.fields().empty()) {
    constexpr std::size_t kEnvelope = kTypeUrlPrefix.size() + std::string_view("google.rpc.BadRequest").size() + 16;
    const std::size_t used = status.ByteSizeLong() + kEnvelope;
    const std::size_t room = RoomForDetails(message);
    status.add_details()->PackFrom(BadRequestOf(error, room - std::min(room, used)));
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
  if (error.fault_ == Fault::kLostRace && error.reason_ == reason::kStaleRevision) error.fault_ = Fault::kStaleRevision;
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
