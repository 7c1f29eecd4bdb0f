#include "server/middleware/rules.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "server/base/aws_names.h"

namespace poold {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using smsvoice::v2::FieldRule;

using Kind = FieldPlan::Kind;

Kind ValueKindOf(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return field.type() == FieldDescriptor::TYPE_STRING ? Kind::kText : Kind::kBytes;
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
      return Kind::kInteger;
    case FieldDescriptor::CPPTYPE_ENUM:
      return Kind::kEnum;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return Kind::kMessage;
    default:
      return Kind::kOther;
  }
}

bool IsText(const FieldDescriptor& field) { return field.cpp_type() == FieldDescriptor::CPPTYPE_STRING; }

[[noreturn]] void Refuse(const std::string& where, std::string_view why) {
  throw std::logic_error("rule of " + where + ": " + std::string(why));
}

bool LimitsText(const FieldRule& rule) {
  return rule.has_min_len() || rule.has_max_len() || !rule.pattern().empty() || rule.not_blank() ||
         rule.arn_types_size() > 0 || !rule.not_prefix().empty() || rule.trimmed();
}

bool LimitsInteger(const FieldRule& rule) { return rule.has_min() || rule.has_max(); }

bool LimitsList(const FieldRule& rule) {
  return rule.has_min_items() || rule.has_max_items() || !rule.unique_by().empty() || rule.has_items();
}

void CompileValueRule(FieldPlan& plan) {
  const FieldDescriptor& field = *plan.field;
  const FieldRule& value = plan.value;
  if (LimitsText(value) && !IsText(field)) Refuse(field.full_name(), "only a string has lengths, patterns and ARNs");
  if (LimitsInteger(value) && plan.kind != Kind::kInteger) Refuse(field.full_name(), "only an integer has a range");
  try {
    if (!value.pattern().empty()) plan.pattern.emplace(value.pattern());
  } catch (const std::invalid_argument& problem) {
    Refuse(field.full_name(), std::string("pattern: ") + problem.what());
  }
  if (plan.kind != Kind::kEnum) return;
  for (const SpelledValue& its : SpelledValues(*field.enum_type())) plan.numbers.push_back(its.number);
}

FieldPlan CompileField(const FieldDescriptor& field) {
  FieldPlan plan;
  plan.field = &field;
  plan.kind = ValueKindOf(field);
  plan.name = field.json_name();
  plan.rule = field.options().GetExtension(smsvoice::v2::rule);
  if (field.is_repeated()) {
    if (LimitsText(plan.rule) || LimitsInteger(plan.rule)) {
      Refuse(field.full_name(), "what limits the items of a list belongs into `items`");
    }
    plan.value = plan.rule.items();
    if (LimitsList(plan.value)) Refuse(field.full_name(), "an item is no list");
    if (plan.value.required() && !IsText(field)) Refuse(field.full_name(), "only a text among items can be missing");
  } else {
    if (LimitsList(plan.rule)) Refuse(field.full_name(), "only a repeated field has items");
    plan.value = plan.rule;
  }
  if (!plan.rule.unique_by().empty()) {
    const Descriptor* item = field.message_type();
    plan.unique_by = item == nullptr ? nullptr : item->FindFieldByName(plan.rule.unique_by());
    if (plan.unique_by == nullptr || plan.unique_by->is_repeated() || !IsText(*plan.unique_by)) {
      Refuse(field.full_name(), "unique_by must name a string field of the items");
    }
    plan.unique_name = plan.unique_by->json_name();
  }
  CompileValueRule(plan);
  return plan;
}

void CompileExclusions(const Descriptor& type, MessagePlan& plan) {
  for (int i = 0; i < type.options().ExtensionSize(smsvoice::v2::at_most_one); ++i) {
    auto& group = plan.at_most_one.emplace_back();
    std::istringstream names(type.options().GetExtension(smsvoice::v2::at_most_one, i));
    for (std::string name; names >> name;) {
      const auto found =
          std::ranges::find_if(plan.fields, [&](const FieldPlan& field) { return field.field->name() == name; });
      if (found == plan.fields.end()) Refuse(type.full_name(), "at_most_one names an unknown field: " + name);
      group.push_back(&*found);
    }
    if (group.size() < 2) Refuse(type.full_name(), "at_most_one needs two fields");
  }
}

void CompileFilter(const Descriptor& type, MessagePlan& plan) {
  const FieldDescriptor* name = type.FindFieldByName("name");
  const FieldDescriptor* values = type.FindFieldByName("values");
  if (name == nullptr || values == nullptr || name->enum_type() == nullptr || name->is_repeated()) return;
  if (!std::string_view(name->enum_type()->name()).ends_with("FilterName")) return;
  if (!values->is_repeated() || values->type() != FieldDescriptor::TYPE_STRING) {
    Refuse(values->full_name(), "the values of a filter are strings");
  }
  plan.filter_name = name;
  plan.filter_values = &*std::ranges::find_if(plan.fields, [&](const FieldPlan& f) { return f.field == values; });
  for (int i = 0; i < name->enum_type()->value_count(); ++i) {
    const FilterKind kind = KindOf(*name->enum_type()->value(i));
    if (kind.type != nullptr || kind.boolean) plan.filter_kinds.emplace(name->enum_type()->value(i)->number(), kind);
  }
}

// The plans of all message types seen so far. Readers follow one atomic pointer to a map that never changes; a new type
// makes a new map. Old maps are kept, since a reader may still be in one: there are as few as there are message types.
class Plans {
 public:
  Plans() { Publish(std::make_unique<Map>()); }

  const MessagePlan& Of(const Descriptor& type) {
    const Map& map = *current_.load(std::memory_order_acquire);
    const auto found = map.find(&type);
    return found != map.end() ? *found->second : Compile(type);
  }

 private:
  using Map = std::unordered_map<const Descriptor*, const MessagePlan*>;
  using Owned = std::vector<std::unique_ptr<MessagePlan>>;

  const MessagePlan& Compile(const Descriptor& type) {
    const std::lock_guard lock(mutex_);
    auto map = std::make_unique<Map>(*current_.load(std::memory_order_relaxed));
    Owned added;  // dropped, with the map, if a rule makes no sense
    const MessagePlan& plan = Add(type, *map, added);
    std::ranges::move(added, std::back_inserter(owned_));
    Publish(std::move(map));
    return plan;
  }

  static const MessagePlan& Add(const Descriptor& type, Map& map, Owned& added) {
    if (const auto found = map.find(&type); found != map.end()) return *found->second;
    MessagePlan& plan = *added.emplace_back(std::make_unique<MessagePlan>());
    map.emplace(&type, &plan);  // before its fields: a message may contain itself
    plan.fields.reserve(static_cast<std::size_t>(type.field_count()));
    for (int i = 0; i < type.field_count(); ++i) {
      FieldPlan& field = plan.fields.emplace_back(CompileField(*type.field(i)));
      if (field.field->message_type() != nullptr) field.message = &Add(*field.field->message_type(), map, added);
    }
    CompileExclusions(type, plan);
    CompileFilter(type, plan);
    return plan;
  }

  void Publish(std::unique_ptr<const Map> map) {
    current_.store(map.get(), std::memory_order_release);
    maps_.push_back(std::move(map));
  }

  std::atomic<const Map*> current_{nullptr};
  std::mutex mutex_;  // guards the two below; held while compiling only
  std::vector<std::unique_ptr<const Map>> maps_;
  Owned owned_;
};

}  // namespace

const MessagePlan& PlanOf(const Descriptor& type) {
  static Plans& plans = *new Plans;  // never destroyed: calls may outlive static destructors
  return plans.Of(type);
}

void PrepareRules(const Descriptor& type) { PlanOf(type); }

}  // namespace poold
