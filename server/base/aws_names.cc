#include "server/base/aws_names.h"

#include "smsvoice/v2/rules.pb.h"

namespace poold {
namespace {

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool SameIgnoringCase(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (Upper(left[i]) != Upper(right[i])) return false;
  }
  return true;
}

// Cuts "POOL_STATUS_" off a value's name for the enum PoolStatus; leaves a name without that prefix whole.
std::string_view WithoutPrefix(std::string_view value, std::string_view type) {
  std::size_t at = 0;
  const auto take = [&](char c) { return at < value.size() && value[at++] == c; };
  for (std::size_t i = 0; i < type.size(); ++i) {
    const bool word =
        i > 0 && IsUpper(type[i]) && (!IsUpper(type[i - 1]) || (i + 1 < type.size() && !IsUpper(type[i + 1])));
    if (word && !take('_')) return value;
    if (!take(Upper(type[i]))) return value;
  }
  if (!take('_') || at == value.size()) return value;
  return value.substr(at);
}

}  // namespace

std::string_view AwsName(const google::protobuf::EnumValueDescriptor& value) {
  if (value.number() == 0) return {};
  const auto& options = value.options();
  if (options.HasExtension(smsvoice::v2::aws_name)) return options.GetExtension(smsvoice::v2::aws_name);
  return WithoutPrefix(value.name(), value.type()->name());
}

std::string_view AwsName(const google::protobuf::EnumDescriptor& type, int number) {
  const auto* value = type.FindValueByNumber(number);
  return value == nullptr ? std::string_view() : AwsName(*value);
}

const google::protobuf::EnumValueDescriptor* FindByAwsName(const google::protobuf::EnumDescriptor& type,
                                                           std::string_view text, bool ignore_case) {
  if (text.empty()) return nullptr;
  for (int i = 0; i < type.value_count(); ++i) {
    const std::string_view name = AwsName(*type.value(i));
    if (ignore_case ? SameIgnoringCase(name, text) : name == text) return type.value(i);
  }
  return nullptr;
}

std::vector<SpelledValue> SpelledValues(const google::protobuf::EnumDescriptor& type) {
  std::vector<SpelledValue> values;
  for (int i = 0; i < type.value_count(); ++i) {
    const std::string_view name = AwsName(*type.value(i));
    if (!name.empty()) values.push_back({name, type.value(i)->number()});
  }
  return values;
}

std::string AwsNames(const google::protobuf::EnumDescriptor& type) {
  std::string names;
  for (const SpelledValue& value : SpelledValues(type)) {
    if (!names.empty()) names += ", ";
    names += value.name;
  }
  return names;
}

}  // namespace poold
