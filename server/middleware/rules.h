#pragma once

// The rules of request messages as the .proto declares them (smsvoice/v2/rules.proto), compiled: once for each message
// type, at first use or by PrepareRules, and kept for the life of the process. Looking up a plan takes no lock. Any
// thread.

#include <google/protobuf/descriptor.h>

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/base/filters.h"
#include "server/middleware/pattern.h"
#include "smsvoice/v2/rules.pb.h"

namespace poold {

struct MessagePlan;

// A field and what its values (of a repeated field: its items) must be.
struct FieldPlan {
  enum class Kind { kText, kBytes, kInteger, kEnum, kMessage, kOther };

  const google::protobuf::FieldDescriptor* field = nullptr;
  Kind kind = Kind::kOther;
  std::string name;               // "poolId"
  smsvoice::v2::FieldRule rule;   // of the field itself: required, number of items
  smsvoice::v2::FieldRule value;  // of each value
  std::optional<Pattern> pattern;
  std::vector<int> numbers;  // of enums: those that stand for something
  const google::protobuf::FieldDescriptor* unique_by = nullptr;
  std::string unique_name;
  const MessagePlan* message = nullptr;  // of message fields
};

struct MessagePlan {
  std::vector<FieldPlan> fields;                           // all of the type, in the order of the .proto
  std::vector<std::vector<const FieldPlan*>> at_most_one;  // into `fields`
  // Of filter messages only.
  const google::protobuf::FieldDescriptor* filter_name = nullptr;
  const FieldPlan* filter_values = nullptr;
  std::unordered_map<int, FilterKind> filter_kinds;  // names that take any text are not in it
};

// The plan of a message type. Compiles it, and those of all that it contains, if nobody has yet: then it throws as
// PrepareRules.
const MessagePlan& PlanOf(const google::protobuf::Descriptor& type);

// Compiles the rules of the message type and of all it contains. Throws std::logic_error, naming the field, if a rule
// makes no sense (a pattern that RE2 refuses, a bound of characters on an integer, an at_most_one of unknown fields).
// A server calls it for each of its request types before it listens.
void PrepareRules(const google::protobuf::Descriptor& type);

}  // namespace poold
