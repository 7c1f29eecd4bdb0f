#pragma once

// The AWS spelling of enum values: what AWS JSON, filters and the database hold. It is the option (aws_name) of the
// value, or else the value's name without the enum's own name: POOL_STATUS_ACTIVE of PoolStatus is "ACTIVE". The first
// value (number 0, ..._UNSPECIFIED) means "absent" and has no spelling. Any thread.

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_util.h>
#include <google/protobuf/generated_message_reflection.h>

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace poold {

// Empty for number 0. The view lives as long as the descriptor: for generated enums, for ever.
std::string_view AwsName(const google::protobuf::EnumValueDescriptor& value);

// Empty for 0 and for a number the enum does not have.
std::string_view AwsName(const google::protobuf::EnumDescriptor& type, int number);

template <class E>
requires google::protobuf::is_proto_enum<E>::value std::string_view AwsName(E value) {
  return AwsName(*google::protobuf::GetEnumDescriptor<E>(), static_cast<int>(value));
}

// nullptr if the enum has no value of that spelling; never the value 0.
const google::protobuf::EnumValueDescriptor* FindByAwsName(const google::protobuf::EnumDescriptor& type,
                                                           std::string_view text, bool ignore_case = false);

struct SpelledValue {
  std::string_view name;
  int number;
};

// The values that have a spelling, in the order of the .proto.
std::vector<SpelledValue> SpelledValues(const google::protobuf::EnumDescriptor& type);

// The enum's value 0 (UNSPECIFIED) if there is none of that spelling. Several are needed for each item of a listing, so
// the spellings are put together once.
template <class E>
requires google::protobuf::is_proto_enum<E>::value E FromAwsName(std::string_view text) {
  static const std::vector<SpelledValue> kValues = SpelledValues(*google::protobuf::GetEnumDescriptor<E>());
  for (const SpelledValue& value : kValues) {
    if (value.name == text) return static_cast<E>(value.number);
  }
  return static_cast<E>(0);
}

// "ACTIVE, CREATING": all spellings in the order of the .proto, for messages.
std::string AwsNames(const google::protobuf::EnumDescriptor& type);

}  // namespace poold
