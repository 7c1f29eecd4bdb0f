#include "server/base/filters.h"

#include <stdexcept>

#include "server/base/aws_names.h"
#include "smsvoice/v2/rules.pb.h"

namespace poold {
namespace {

bool IsWord(std::string_view text, std::string_view lower_case_word) {
  if (text.size() != lower_case_word.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != lower_case_word[i]) return false;
  }
  return true;
}

}  // namespace

FilterKind KindOf(const google::protobuf::EnumValueDescriptor& filter_name) {
  FilterKind kind;
  if (!filter_name.options().HasExtension(smsvoice::v2::takes)) return kind;
  const auto& takes = filter_name.options().GetExtension(smsvoice::v2::takes);
  kind.boolean = takes.boolean();
  if (!takes.enum_type().empty()) {
    kind.type = filter_name.file()->pool()->FindEnumTypeByName(takes.enum_type());
    if (kind.type == nullptr) {
      throw std::logic_error(filter_name.full_name() + " takes an unknown enum: " + takes.enum_type());
    }
  }
  return kind;
}

std::optional<std::string> NormaliseFilterValue(const FilterKind& kind, std::string_view value) {
  if (kind.type != nullptr) {
    const auto* found = FindByAwsName(*kind.type, value, /*ignore_case=*/true);
    if (found == nullptr) return std::nullopt;
    return std::string(AwsName(*found));
  }
  if (kind.boolean) {
    if (IsWord(value, "true")) return "true";
    if (IsWord(value, "false")) return "false";
    return std::nullopt;
  }
  return std::string(value);
}

storage::Condition ConditionFrom(const google::protobuf::EnumValueDescriptor& filter_name,
                                 const google::protobuf::RepeatedPtrField<std::string>& values) {
  storage::Condition condition;
  condition.name = AwsName(filter_name);
  const FilterKind kind = KindOf(filter_name);
  for (const std::string& value : values) {
    if (auto normal = NormaliseFilterValue(kind, value)) condition.values.push_back(*std::move(normal));
  }
  return condition;
}

}  // namespace poold
