#pragma once

// The filters of Describe and List requests. Every filter message has a field `name`, an enum called ...FilterName, and
// a repeated string field `values`; the enum's values say by (takes) what they accept (smsvoice/v2/rules.proto).
// Any thread.

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_util.h>
#include <google/protobuf/generated_message_reflection.h>
#include <google/protobuf/repeated_field.h>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "storage/values/condition.h"

namespace poold {

// What a filter takes: texts of `type`, or true and false, or (neither) any text.
struct FilterKind {
  const google::protobuf::EnumDescriptor* type = nullptr;
  bool boolean = false;
};

// Throws std::logic_error if the enum that (takes) names is not linked in: a mistake in the .proto.
FilterKind KindOf(const google::protobuf::EnumValueDescriptor& filter_name);

// The enum's own text or "true"/"false", whatever case `value` has; other kinds: `value` itself. nullopt: impossible.
std::optional<std::string> NormaliseFilterValue(const FilterKind& kind, std::string_view value);

// Impossible values, which CheckRules refuses, are left out here.
storage::Condition ConditionFrom(const google::protobuf::EnumValueDescriptor& filter_name,
                                 const google::protobuf::RepeatedPtrField<std::string>& values);

// Filters whose name is unspecified or unknown, which CheckRules refuses, are left out here.
template <class F>
std::vector<storage::Condition> ConditionsFrom(const google::protobuf::RepeatedPtrField<F>& filters) {
  std::vector<storage::Condition> conditions;
  for (const F& filter : filters) {
    using Name = std::decay_t<decltype(filter.name())>;
    const auto* name = google::protobuf::GetEnumDescriptor<Name>()->FindValueByNumber(filter.name());
    if (name == nullptr || name->number() == 0) continue;
    conditions.push_back(ConditionFrom(*name, filter.values()));
  }
  return conditions;
}

}  // namespace poold
