#include "server/middleware/validate.h"

#include <re2/re2.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/arn.h"
#include "server/aws_names.h"
#include "server/error.h"
#include "server/filters.h"
#include "server/limits.h"
#include "server/text.h"
#include "smsvoice/v2/rules.pb.h"

namespace poold {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using smsvoice::v2::FieldRule;

struct MessagePlan;

// A field and what its values (of a repeated field: its items) must be.
struct FieldPlan {
  const FieldDescriptor* field = nullptr;
  std::string name;                   // "poolId"
  FieldRule rule;                     // of the field itself: required, number of items
  FieldRule value;                    // of each value
  std::unique_ptr<re2::RE2> pattern;  // of each value; null: any
  std::string allowed;                // of enums, for the message
  const FieldDescriptor* unique_by = nullptr;
  std::string unique_name;
  const MessagePlan* message = nullptr;  // of message fields
};

struct MessagePlan {
  std::vector<FieldPlan> fields;
  std::vector<std::vector<const FieldPlan*>> at_most_one;  // into `fields`
  // Of filter messages only.
  const FieldDescriptor* filter_name = nullptr;
  const FieldPlan* filter_values = nullptr;
  std::unordered_map<int, FilterKind> filter_kinds;  // names that take any text are not in it
};

bool IsText(const FieldDescriptor& field) { return field.cpp_type() == FieldDescriptor::CPPTYPE_STRING; }

bool IsInteger(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_INT32 || field.cpp_type() == FieldDescriptor::CPPTYPE_INT64 ||
         field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32;
}

// ---------------------------------------------------------------------------------------------------------------------
// Compiling: once per message type.

[[noreturn]] void Refuse(const std::string& where, std::string_view why) {
  throw std::logic_error("rule of " + where + ": " + std::string(why));
}

bool LimitsValues(const FieldRule& rule) {
  return rule.has_min_len() || rule.has_max_len() || !rule.pattern().empty() || rule.not_blank() || rule.has_min() ||
         rule.has_max() || rule.arn_types_size() > 0 || !rule.not_prefix().empty() || rule.trimmed();
}

bool LimitsList(const FieldRule& rule) {
  return rule.has_min_items() || rule.has_max_items() || !rule.unique_by().empty() || rule.has_items();
}

void CompileValueRule(FieldPlan& plan) {
  const FieldDescriptor& field = *plan.field;
  const FieldRule& value = plan.value;
  const bool text_rule = value.has_min_len() || value.has_max_len() || !value.pattern().empty() || value.not_blank() ||
                         value.arn_types_size() > 0 || !value.not_prefix().empty() || value.trimmed();
  if (text_rule && !IsText(field)) Refuse(field.full_name(), "only a string has lengths, patterns and ARNs");
  if ((value.has_min() || value.has_max()) && !IsInteger(field)) {
    Refuse(field.full_name(), "only an integer has a range");
  }
  if (!value.pattern().empty()) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    plan.pattern = std::make_unique<re2::RE2>(value.pattern(), options);
    if (!plan.pattern->ok()) Refuse(field.full_name(), "pattern: " + plan.pattern->error());
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) plan.allowed = AwsNames(*field.enum_type());
}

FieldPlan CompileField(const FieldDescriptor& field) {
  FieldPlan plan;
  plan.field = &field;
  plan.name = field.json_name();
  plan.rule = field.options().GetExtension(smsvoice::v2::rule);
  if (field.is_repeated()) {
    if (LimitsValues(plan.rule)) Refuse(field.full_name(), "what limits the items of a list belongs into `items`");
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

const MessagePlan& PlanOf(const Descriptor& type) {
  static Plans& plans = *new Plans;  // never destroyed: calls may outlive static destructors
  return plans.Of(type);
}

// ---------------------------------------------------------------------------------------------------------------------
// Checking.

// Where in the request we are; lives on the stack and becomes text only when something is wrong.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;
  int index = -1;  // of a list's item

  std::string Text() const {
    std::string text = parent == nullptr ? std::string() : parent->Text() + ".";
    text += name;
    if (index >= 0) text += "[" + std::to_string(index) + "]";
    return text;
  }
};

// "must have 1 to 64 characters, has 70"
std::string BoundsText(std::string_view verb, std::optional<std::int64_t> min, std::optional<std::int64_t> max,
                       std::string_view unit, std::string_view is, std::int64_t actual) {
  std::string text(verb);
  if (min && max && *min == *max) {
    text += " exactly " + std::to_string(*min);
  } else if (min && max) {
    text += " " + std::to_string(*min) + " to " + std::to_string(*max);
  } else if (max) {
    text += " at most " + std::to_string(*max);
  } else {
    text += " at least " + std::to_string(*min);
  }
  const std::int64_t last = max ? *max : *min;
  text += unit;
  if (last == 1 && !unit.empty()) text.pop_back();  // "1 item"
  return text + ", " + std::string(is) + " " + std::to_string(actual);
}

template <class T>
std::optional<std::int64_t> If(bool has, T value) {
  return has ? std::optional<std::int64_t>(value) : std::nullopt;
}

bool Outside(std::optional<std::int64_t> min, std::optional<std::int64_t> max, std::int64_t value) {
  return (min && value < *min) || (max && value > *max);
}

// White space of the model's patterns: the ASCII kind.
bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\n\v\f\r") == text.npos; }

const std::string& TextOf(const Message& message, const FieldDescriptor& field, int index, std::string& scratch) {
  const Reflection& reflection = *message.GetReflection();
  return index < 0 ? reflection.GetStringReference(message, &field, &scratch)
                   : reflection.GetRepeatedStringReference(message, &field, index, &scratch);
}

int EnumOf(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  return index < 0 ? reflection.GetEnumValue(message, &field) : reflection.GetRepeatedEnumValue(message, &field, index);
}

std::int64_t IntegerOf(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return index < 0 ? reflection.GetInt32(message, &field) : reflection.GetRepeatedInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT32:
      return index < 0 ? reflection.GetUInt32(message, &field) : reflection.GetRepeatedUInt32(message, &field, index);
    default:
      return index < 0 ? reflection.GetInt64(message, &field) : reflection.GetRepeatedInt64(message, &field, index);
  }
}

const Message& MessageOf(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  return index < 0 ? reflection.GetMessage(message, &field) : reflection.GetRepeatedMessage(message, &field, index);
}

bool IsGiven(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) return reflection.FieldSize(message, &field) > 0;
  if (!reflection.HasField(message, &field)) return false;
  return field.cpp_type() != FieldDescriptor::CPPTYPE_ENUM || EnumOf(message, field, -1) != 0;
}

// Calls `visit(index, path)` for each value of the field: index -1 for a singular one that is given.
template <class Visit>
void ForEachValue(const FieldPlan& plan, const Message& message, const Path* parent, const Visit& visit) {
  if (!plan.field->is_repeated()) {
    if (IsGiven(message, *plan.field)) visit(-1, Path{parent, plan.name});
    return;
  }
  int count = message.GetReflection()->FieldSize(message, plan.field);
  // A list that is too long was refused as such; what it costs to look through it must not grow with it.
  if (plan.rule.has_max_items() && static_cast<std::uint32_t>(count) > plan.rule.max_items()) {
    count = static_cast<int>(plan.rule.max_items());
  }
  for (int i = 0; i < count; ++i) visit(i, Path{parent, plan.name, i});
}

class Checker {
 public:
  void Constraints(const MessagePlan& plan, const Message& message, const Path* parent) {
    for (const FieldPlan& field : plan.fields) {
      if (Full()) return;
      CheckPresence(field, message, parent);
      ForEachValue(field, message, parent, [&](int index, const Path& path) {
        if (!Full()) CheckValue(field, message, index, path);
      });
      if (field.unique_by != nullptr) CheckUnique(field, message, parent);
    }
  }

  void Exclusions(const MessagePlan& plan, const Message& message, const Path* parent) {
    for (const auto& group : plan.at_most_one) {
      std::vector<const FieldPlan*> given;
      std::ranges::copy_if(group, std::back_inserter(given),
                           [&](const FieldPlan* field) { return IsGiven(message, *field->field); });
      if (given.size() < 2) continue;
      for (const FieldPlan* field : given) {
        const FieldPlan* other = field == given.front() ? given.back() : given.front();
        Add(Path{parent, field->name}, "cannot be used together with " + other->name);
      }
    }
    ForEachMessage(plan, message, parent, &Checker::Exclusions);
  }

  void FilterValues(const MessagePlan& plan, const Message& message, const Path* parent) {
    if (plan.filter_name != nullptr) {
      const auto kind = plan.filter_kinds.find(EnumOf(message, *plan.filter_name, -1));
      if (kind != plan.filter_kinds.end()) {
        ForEachValue(*plan.filter_values, message, parent, [&](int index, const Path& path) {
          std::string scratch;
          if (NormaliseFilterValue(kind->second, TextOf(message, *plan.filter_values->field, index, scratch))) return;
          Add(path, kind->second.boolean ? "must be true or false" : "must be one of " + AwsNames(*kind->second.type));
        });
      }
    }
    ForEachMessage(plan, message, parent, &Checker::FilterValues);
  }

  void Arns(const MessagePlan& plan, const Message& message, const Path* parent) {
    for (const FieldPlan& field : plan.fields) {
      if (field.value.arn_types_size() == 0) continue;
      ForEachValue(field, message, parent, [&](int index, const Path& path) {
        std::string scratch;
        const std::string& value = TextOf(message, *field.field, index, scratch);
        const bool plain = value.find_first_of(":/") == value.npos;  // no id or name has them
        if (plain) return;
        const auto arn = ParseArn(value);
        const auto& allowed = field.value.arn_types();
        if (arn && (allowed[0] == "*" || std::ranges::find(allowed, arn->type) != allowed.end())) return;
        std::string types;
        for (const std::string& type : allowed) types += (types.empty() ? "" : " or ") + type;
        const std::string_view why = value.starts_with("arn:") ? "" : "has ':' or '/', so it ";
        Add(path,
            std::string(why) + "must be the ARN of a " + types + ": arn:aws:sms-voice:<region>:<account>:<type>/<id>");
      });
    }
    ForEachMessage(plan, message, parent, &Checker::Arns);
  }

  // Throws if anything was found; `reason` empty: that of the first constraint.
  void Settle(std::string_view reason) {
    if (violations_.empty()) return;
    if (reason.empty()) reason = first_is_missing_ ? reason::kMissingParameter : reason::kInvalidParameter;
    throw Error::Invalid(reason, std::move(violations_));
  }

 private:
  using Step = void (Checker::*)(const MessagePlan&, const Message&, const Path*);

  bool Full() const { return violations_.size() >= limits::kViolations; }

  void Add(const Path& path, std::string message) {
    if (!Full()) violations_.push_back({path.Text(), std::move(message)});
  }

  void AddMissing(const Path& path) {
    if (violations_.empty()) first_is_missing_ = true;
    Add(path, "is required");
  }

  void ForEachMessage(const MessagePlan& plan, const Message& message, const Path* parent, Step step) {
    for (const FieldPlan& field : plan.fields) {
      if (field.message == nullptr) continue;
      ForEachValue(field, message, parent, [&](int index, const Path& path) {
        if (!Full()) (this->*step)(*field.message, MessageOf(message, *field.field, index), &path);
      });
    }
  }

  void CheckPresence(const FieldPlan& plan, const Message& message, const Path* parent) {
    const FieldDescriptor& field = *plan.field;
    const FieldRule& rule = plan.rule;
    const Path path{parent, plan.name};
    if (!IsGiven(message, field)) {
      if (rule.required()) AddMissing(path);
      return;
    }
    if (!field.is_repeated()) return;
    const auto min = If(rule.has_min_items(), rule.min_items());
    const auto max = If(rule.has_max_items(), rule.max_items());
    const int count = message.GetReflection()->FieldSize(message, &field);
    if (Outside(min, max, count)) Add(path, BoundsText("must have", min, max, " items", "has", count));
  }

  void CheckValue(const FieldPlan& plan, const Message& message, int index, const Path& path) {
    const FieldDescriptor& field = *plan.field;
    if (plan.message != nullptr) return Constraints(*plan.message, MessageOf(message, field, index), &path);
    if (IsText(field)) {
      std::string scratch;
      return CheckText(plan, TextOf(message, field, index, scratch), path);
    }
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      const int number = EnumOf(message, field, index);
      // A singular 0 never comes here: it is absent. As an item it stands for nothing.
      if (AwsName(*field.enum_type(), number).empty()) Add(path, "must be one of " + plan.allowed);
      return;
    }
    const auto min = If(plan.value.has_min(), plan.value.min());
    const auto max = If(plan.value.has_max(), plan.value.max());
    if (!min && !max) return;
    const std::int64_t value = IntegerOf(message, field, index);
    if (Outside(min, max, value)) Add(path, BoundsText("must be", min, max, "", "is", value));
  }

  void CheckText(const FieldPlan& plan, const std::string& text, const Path& path) {
    const FieldRule& rule = plan.value;
    if (plan.field->is_repeated() && rule.required() && text.empty()) return AddMissing(path);
    std::size_t length = text.size();
    if (plan.field->type() == FieldDescriptor::TYPE_STRING) {
      const auto code_points = CodePoints(text);
      if (!code_points) return Add(path, "must be UTF-8 text");
      // PostgreSQL can't store it.
      if (text.find('\0') != text.npos) return Add(path, "must not contain the NUL character");
      length = *code_points;
    }
    const auto min = If(rule.has_min_len(), rule.min_len());
    const auto max = If(rule.has_max_len(), rule.max_len());
    if (Outside(min, max, static_cast<std::int64_t>(length))) {
      if (text.empty() && rule.required()) return AddMissing(path);
      return Add(path, BoundsText("must have", min, max, " characters", "has", static_cast<std::int64_t>(length)));
    }
    if (plan.pattern != nullptr && !re2::RE2::FullMatch(text, *plan.pattern)) Add(path, "must match " + rule.pattern());
    if (rule.not_blank() && IsBlank(text)) Add(path, "must not be only white space");
    if (rule.trimmed() && (text.starts_with(' ') || text.ends_with(' '))) {
      Add(path, "must not begin or end with a space");
    }
    if (!rule.not_prefix().empty() && text.starts_with(rule.not_prefix())) {
      Add(path, "must not start with " + rule.not_prefix());
    }
  }

  void CheckUnique(const FieldPlan& plan, const Message& message, const Path* parent) {
    std::unordered_map<std::string, int> seen;
    ForEachValue(plan, message, parent, [&](int index, const Path& path) {
      const Message& item = MessageOf(message, *plan.field, index);
      if (!IsGiven(item, *plan.unique_by)) return;
      std::string scratch;
      const auto [first, added] = seen.emplace(TextOf(item, *plan.unique_by, -1, scratch), index);
      if (added) return;
      const Path original{parent, plan.name, first->second};
      Add(Path{&path, plan.unique_name}, "must not be the same as " + Path{&original, plan.unique_name}.Text());
    });
  }

  std::vector<FieldViolation> violations_;
  bool first_is_missing_ = false;
};

}  // namespace

void CheckRules(const Message& message) {
  const MessagePlan& plan = PlanOf(*message.GetDescriptor());
  Checker checker;
  checker.Constraints(plan, message, nullptr);
  checker.Settle({});
  checker.Exclusions(plan, message, nullptr);
  checker.Settle(reason::kParametersCannotBeUsedTogether);
  checker.FilterValues(plan, message, nullptr);
  checker.Settle(reason::kInvalidFilterValues);
  checker.Arns(plan, message, nullptr);
  checker.Settle(reason::kInvalidArn);
}

void PrepareRules(const Descriptor& type) { PlanOf(type); }

}  // namespace poold
