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

// The enum's value 0 (UNSPECIFIED) if there is none of that spelling.
template <class E>
requires google::protobuf::is_proto_enum<E>::value E FromAwsName(std::string_view text, bool ignore_case = false) {
  const auto* value = FindByAwsName(*google::protobuf::GetEnumDescriptor<E>(), text, ignore_case);
  return value == nullptr ? static_cast<E>(0) : static_cast<E>(value->number());
}

// "ACTIVE, CREATING": all spellings in the order of the .proto, for messages.
std::string AwsNames(const google::protobuf::EnumDescriptor& type);

}  // namespace poold
