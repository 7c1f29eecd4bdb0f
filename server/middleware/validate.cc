#include "server/middleware/validate.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/base/arn.h"
#include "server/base/aws_names.h"
#include "server/base/error.h"
#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/middleware/rules.h"

namespace poold {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using smsvoice::v2::FieldRule;
using Kind = FieldPlan::Kind;

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

// No id or name has these characters: a text that has them must be an ARN.
bool IsPlain(std::string_view text) { return text.find(':') == text.npos && text.find('/') == text.npos; }

// White space of the model's patterns: the ASCII kind.
bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\n\v\f\r") == text.npos; }

// A message, its plan and where it is in the request. Its reflection is asked for once: that is a call of its own.
struct Node {
  const MessagePlan& plan;
  const Message& message;
  const Path* path;  // nullptr: it is the request
  const Reflection& reflection = *message.GetReflection();

  // How many values the field has; of a field that is not repeated: whether it is given.
  int Count(const FieldPlan& its) const {
    if (its.field->is_repeated()) return reflection.FieldSize(message, its.field);
    if (!reflection.HasField(message, its.field)) return 0;
    return its.kind != Kind::kEnum || reflection.GetEnumValue(message, its.field) != 0 ? 1 : 0;
  }

  // Below, `index` is -1 for the value of a field that is not repeated.
  const std::string& Text(const FieldDescriptor& field, int index, std::string& scratch) const {
    return index < 0 ? reflection.GetStringReference(message, &field, &scratch)
                     : reflection.GetRepeatedStringReference(message, &field, index, &scratch);
  }
  int Enum(const FieldDescriptor& field, int index) const {
    return index < 0 ? reflection.GetEnumValue(message, &field)
                     : reflection.GetRepeatedEnumValue(message, &field, index);
  }
  std::int64_t Integer(const FieldDescriptor& field, int index) const {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return index < 0 ? reflection.GetInt32(message, &field) : reflection.GetRepeatedInt32(message, &field, index);
      case FieldDescriptor::CPPTYPE_UINT32:
        return index < 0 ? reflection.GetUInt32(message, &field) : reflection.GetRepeatedUInt32(message, &field, index);
      default:
        return index < 0 ? reflection.GetInt64(message, &field) : reflection.GetRepeatedInt64(message, &field, index);
    }
  }
  const Message& Child(const FieldDescriptor& field, int index) const {
    return index < 0 ? reflection.GetMessage(message, &field) : reflection.GetRepeatedMessage(message, &field, index);
  }

  // Calls `visit(index, path)` for each of the `count` values of the field. A list that is too long was refused as
  // such; what it costs to look through it must not grow with it.
  template <class Visit>
  void ForEachValue(const FieldPlan& its, int count, const Visit& visit) const {
    if (!its.field->is_repeated()) {
      if (count > 0) visit(-1, Path{path, its.name});
      return;
    }
    if (its.rule.has_max_items()) count = static_cast<int>(std::min<std::int64_t>(count, its.rule.max_items()));
    for (int i = 0; i < count; ++i) visit(i, Path{path, its.name, i});
  }
};

class Checker {
 public:
  // Looks at all of the request, and notes which of the later steps have something to look at: mostly none has.
  void Constraints(const Node& node) {
    int given = 0;
    for (const FieldPlan& field : node.plan.fields) {
      if (Full()) return;
      const int count = node.Count(field);
      if (count == 0) {
        if (field.rule.required()) AddMissing({node.path, field.name});
        continue;
      }
      ++given;
      if (field.field->is_repeated()) CheckSize(field, count, {node.path, field.name});
      node.ForEachValue(field, count, [&](int index, const Path& path) {
        if (!Full()) CheckValue(field, node, index, path);
      });
      if (field.unique_by != nullptr && count > 1) CheckUnique(field, node, count);
    }
    if (given > 1 && !node.plan.at_most_one.empty()) look_at_exclusions_ = true;
    if (node.plan.filter_name != nullptr) look_at_filters_ = true;
  }

  void Exclusions(const Node& node) {
    if (!look_at_exclusions_) return;
    for (const auto& group : node.plan.at_most_one) {
      std::vector<const FieldPlan*> given;
      std::ranges::copy_if(group, std::back_inserter(given),
                           [&](const FieldPlan* field) { return node.Count(*field) > 0; });
      if (given.size() < 2) continue;
      for (const FieldPlan* field : given) {
        const FieldPlan* other = field == given.front() ? given.back() : given.front();
        Add({node.path, field->name}, "cannot be used together with " + other->name);
      }
    }
    ForEachMessage(node, &Checker::Exclusions);
  }

  void FilterValues(const Node& node) {
    if (!look_at_filters_) return;
    if (node.plan.filter_name != nullptr) {
      const auto found = node.plan.filter_kinds.find(node.Enum(*node.plan.filter_name, -1));
      if (found != node.plan.filter_kinds.end()) CheckFilter(node, *node.plan.filter_values, found->second);
    }
    ForEachMessage(node, &Checker::FilterValues);
  }

  void Arns(const Node& node) {
    if (!look_at_arns_) return;
    for (const FieldPlan& field : node.plan.fields) {
      if (field.value.arn_types_size() == 0) continue;
      node.ForEachValue(field, node.Count(field), [&](int index, const Path& path) {
        std::string scratch;
        CheckArn(field.value, node.Text(*field.field, index, scratch), path);
      });
    }
    ForEachMessage(node, &Checker::Arns);
  }

  // Throws if anything was found; `reason` empty: that of the first constraint.
  void Settle(std::string_view reason) {
    if (violations_.empty()) return;
    if (reason.empty()) reason = first_is_missing_ ? reason::kMissingParameter : reason::kInvalidParameter;
    throw Error::Invalid(reason, std::move(violations_));
  }

 private:
  using Step = void (Checker::*)(const Node&);

  bool Full() const { return violations_.size() >= limits::kViolations; }

  void Add(const Path& path, std::string message) {
    if (!Full()) violations_.push_back({path.Text(), std::move(message)});
  }

  void AddMissing(const Path& path) {
    if (violations_.empty()) first_is_missing_ = true;
    Add(path, "is required");
  }

  void ForEachMessage(const Node& node, Step step) {
    for (const FieldPlan& field : node.plan.fields) {
      if (field.message == nullptr) continue;
      node.ForEachValue(field, node.Count(field), [&](int index, const Path& path) {
        if (!Full()) (this->*step)({*field.message, node.Child(*field.field, index), &path});
      });
    }
  }

  void CheckSize(const FieldPlan& field, int count, const Path& path) {
    const auto min = If(field.rule.has_min_items(), field.rule.min_items());
    const auto max = If(field.rule.has_max_items(), field.rule.max_items());
    if (Outside(min, max, count)) Add(path, BoundsText("must have", min, max, " items", "has", count));
  }

  void CheckValue(const FieldPlan& field, const Node& node, int index, const Path& path) {
    switch (field.kind) {
      case Kind::kMessage:
        return Constraints({*field.message, node.Child(*field.field, index), &path});
      case Kind::kText:
      case Kind::kBytes: {
        std::string scratch;
        return CheckText(field, node.Text(*field.field, index, scratch), path);
      }
      case Kind::kEnum:
        // A singular 0 never comes here: it is absent. As an item it stands for nothing.
        if (std::ranges::find(field.numbers, node.Enum(*field.field, index)) != field.numbers.end()) return;
        return Add(path, "must be one of " + AwsNames(*field.field->enum_type()));
      case Kind::kInteger:
        return CheckInteger(field.value, node.Integer(*field.field, index), path);
      case Kind::kOther:
        return;
    }
  }

  void CheckInteger(const FieldRule& rule, std::int64_t value, const Path& path) {
    const auto min = If(rule.has_min(), rule.min());
    const auto max = If(rule.has_max(), rule.max());
    if (Outside(min, max, value)) Add(path, BoundsText("must be", min, max, "", "is", value));
  }

  void CheckText(const FieldPlan& field, const std::string& text, const Path& path) {
    const FieldRule& rule = field.value;
    if (field.field->is_repeated() && rule.required() && text.empty()) return AddMissing(path);
    std::size_t length = text.size();
    const bool matches = field.pattern && field.pattern->MatchesByTable(text);  // then it is ASCII without NUL
    if (!matches && field.kind == Kind::kText) {
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
    if (field.pattern && !matches && !field.pattern->Matches(text)) Add(path, "must match " + rule.pattern());
    if (rule.not_blank() && IsBlank(text)) Add(path, "must not be only white space");
    if (rule.trimmed() && (text.starts_with(' ') || text.ends_with(' '))) {
      Add(path, "must not begin or end with a space");
    }
    if (!rule.not_prefix().empty() && text.starts_with(rule.not_prefix())) {
      Add(path, "must not start with " + rule.not_prefix());
    }
    if (rule.arn_types_size() > 0 && !IsPlain(text)) look_at_arns_ = true;
  }

  void CheckUnique(const FieldPlan& field, const Node& node, int count) {
    std::unordered_map<std::string, int> seen;
    node.ForEachValue(field, count, [&](int index, const Path& path) {
      const Message& item = node.Child(*field.field, index);
      const Reflection& reflection = *item.GetReflection();
      if (!reflection.HasField(item, field.unique_by)) return;
      std::string scratch;
      const auto [first, added] = seen.emplace(reflection.GetStringReference(item, field.unique_by, &scratch), index);
      if (added) return;
      const Path original{node.path, field.name, first->second};
      Add({&path, field.unique_name}, "must not be the same as " + Path{&original, field.unique_name}.Text());
    });
  }

  void CheckFilter(const Node& node, const FieldPlan& values, const FilterKind& kind) {
    node.ForEachValue(values, node.Count(values), [&](int index, const Path& path) {
      std::string scratch;
      if (NormaliseFilterValue(kind, node.Text(*values.field, index, scratch))) return;
      Add(path, kind.boolean ? "must be true or false" : "must be one of " + AwsNames(*kind.type));
    });
  }

  void CheckArn(const FieldRule& rule, const std::string& value, const Path& path) {
    if (IsPlain(value)) return;
    const auto arn = ParseArn(value);
    const auto& allowed = rule.arn_types();
    if (arn && (allowed[0] == "*" || std::ranges::find(allowed, arn->type) != allowed.end())) return;
    std::string types;
    for (const std::string& type : allowed) types += (types.empty() ? "" : " or ") + type;
    const std::string_view why = value.starts_with("arn:") ? "" : "has ':' or '/', so it ";
    Add(path,
        std::string(why) + "must be the ARN of a " + types + ": arn:aws:sms-voice:<region>:<account>:<type>/<id>");
  }

  std::vector<FieldViolation> violations_;
  bool first_is_missing_ = false;
  bool look_at_exclusions_ = false;
  bool look_at_filters_ = false;
  bool look_at_arns_ = false;
};

}  // namespace

void CheckRules(const Message& message) {
  const Node request{PlanOf(*message.GetDescriptor()), message, nullptr};
  Checker checker;
  checker.Constraints(request);
  checker.Settle({});
  checker.Exclusions(request);
  checker.Settle(reason::kParametersCannotBeUsedTogether);
  checker.FilterValues(request);
  checker.Settle(reason::kInvalidFilterValues);
  checker.Arns(request);
  checker.Settle(reason::kInvalidArn);
}

}  // namespace poold
