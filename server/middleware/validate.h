#pragma once

// Checks a request against the rules its .proto declares (smsvoice/v2/rules.proto), by the plan of its type (rules.h).
// Any thread.

#include <google/protobuf/message.h>

namespace poold {

// Throws Error::Invalid, in this order, each step only if the steps before found nothing:
//   1. every broken constraint of every field, nested ones included, in the order of the .proto: presence, size,
//      length, range, pattern, enum values, NUL, UTF-8. The Reason is the first one's: MISSING_PARAMETER or
//      INVALID_PARAMETER.
//   2. fields given together that exclude each other: PARAMETERS_CANNOT_BE_USED_TOGETHER, naming those given.
//   3. values that their filter cannot have: INVALID_FILTER_VALUES.
//   4. ARNs that are none, or of a type not allowed here: INVALID_ARN.
// A value's pattern is looked at only if its length is right. Items beyond a list's greatest size are not looked at.
// At most limits::kViolations are reported. No message repeats a caller's text.
//
// A required string without presence must not be empty; one with presence (`optional`) may be, unless min_len forbids
// it (a tag's value must be given, but may be empty).
void CheckRules(const google::protobuf::Message& message);

}  // namespace poold
