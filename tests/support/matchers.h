#pragma once

// Matchers that say what differs.

#include <gmock/gmock.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include <optional>
#include <string>
#include <vector>

#include "server/base/error.h"
#include "smsvoice/v2/rules.pb.h"

namespace poold {

// What a call came to: a response, or the error it was refused with.
template <class Response>
struct Result {
  Response response;
  std::optional<Error> error;
};

template <class Response>
void PrintTo(const Result<Response>& result, std::ostream* out) {
  *out << (result.error ? result.error->what() : result.response.ShortDebugString());
}

MATCHER(IsOk, "went well") { return !arg.error.has_value(); }

MATCHER_P(IsFault, fault, "was refused with that fault") { return arg.error && arg.error->fault() == fault; }

// The fault and its documented Reason.
MATCHER_P2(IsRefused, fault, reason, "was refused with that fault and the reason " + std::string(reason)) {
  return arg.error && arg.error->fault() == fault && arg.error->reason() == reason;
}

// A ValidationException with that Reason which names exactly those fields, in that order.
MATCHER_P2(IsInvalid, reason, fields, "is invalid: " + std::string(reason)) {
  if (!arg.error || arg.error->fault() != Fault::kInvalid || arg.error->reason() != reason) return false;
  std::vector<std::string> names;
  for (const FieldViolation& field : arg.error->fields()) names.push_back(field.name);
  *result_listener << "fields " << testing::PrintToString(names);
  return names == std::vector<std::string>(fields);
}
inline auto IsInvalidField(std::string_view reason, std::string field) {
  return IsInvalid(std::string(reason), std::vector<std::string>{std::move(field)});
}

// A ConflictException with that Reason, about that resource.
MATCHER_P3(IsConflict, reason, type, id, "is a conflict: " + std::string(reason)) {
  return arg.error && arg.error->fault() == Fault::kConflict && arg.error->reason() == reason &&
         arg.error->resource_type() == type && arg.error->resource_id() == id;
}

MATCHER_P2(IsNotFound, type, id, "is not found") {
  return arg.error && arg.error->fault() == Fault::kNotFound && arg.error->resource_type() == type &&
         arg.error->resource_id() == id;
}

MATCHER_P2(IsOverQuota, reason, limit, "is over the quota " + std::string(reason)) {
  return arg.error && arg.error->fault() == Fault::kQuota && arg.error->reason() == reason &&
         arg.error->limit() == limit;
}

// Leaves out of a comparison what the service model doesn't have: extensions have tests of their own.
class IgnoreExtensions final : public google::protobuf::util::MessageDifferencer::IgnoreCriteria {
 public:
  bool IsIgnored(const google::protobuf::Message&, const google::protobuf::Message&,
                 const google::protobuf::FieldDescriptor* field,
                 const std::vector<google::protobuf::util::MessageDifferencer::SpecificField>&) override {
    return field->options().GetExtension(smsvoice::v2::extension);
  }
};

// The message of the argument's type with this text form, compared whole but for extensions.
MATCHER_P(EqualsText, text, "equals " + std::string(text)) {
  std::decay_t<decltype(arg)> expected;
  if (!google::protobuf::TextFormat::ParseFromString(text, &expected)) {
    *result_listener << "the expected text does not parse";
    return false;
  }
  std::string difference;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.AddIgnoreCriteria(new IgnoreExtensions);
  differencer.ReportDifferencesToString(&difference);
  const bool same = differencer.Compare(expected, arg);
  *result_listener << difference;
  return same;
}

MATCHER_P(EqualsProto, expected, "equals " + expected.ShortDebugString()) {
  std::string difference;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  const bool same = differencer.Compare(expected, arg);
  *result_listener << difference;
  return same;
}

}  // namespace poold
