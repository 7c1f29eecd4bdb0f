// The .proto files against the service model, member by member: a member that is missing, or a rule that is looser than
// the model's, fails here. Where ours is stricter, or the model needs reading, it is listed with the reason.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/aws_names.h"
#include "server/base/error.h"
#include "server/rpc/method.h"
#include "smsvoice/v2/rules.pb.h"
#include "tests/support/api_model.h"

namespace poold {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using nlohmann::json;
using smsvoice::v2::FieldRule;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

// Rules are compared in what comes in only: of what goes out the model says what to expect, not what to refuse.
enum class Direction { kIn, kOut };

// What our rules say of the model's types beyond the model, which no SDK can notice before the server does.
struct Stricter {
  std::string shape;
  std::string rule;
  std::string reason;
  bool everywhere = true;  // false: only in some of the members of that shape
};
const std::vector<Stricter> kStricter = {
    {"TagKey", "not_prefix aws:", "behaviour 4.3: reserved keys; to remove one that is not there does nothing", false},
    {"TagList", "unique_by key", "behaviour 4.3: no key twice in one call"},
    {"NonEmptyTagList", "unique_by key", "behaviour 4.3: no key twice in one call"},
    {"Keyword", "trimmed", "behaviour 4.7: no space first or last"},
    {"PoolIdOrArn", "required", "behaviour 3: an empty pool ID among several is missing", false},
    // Behaviour 2.1, INVALID_ARN: an ARN must be of a type that is allowed there.
    {"PoolIdOrArn", "arn_type pool", "INVALID_ARN"},
    {"PhoneOrPoolIdOrArn", "arn_type phone-number", "INVALID_ARN"},
    {"AmazonResourceName", "arn_type *", "INVALID_ARN", false},
    {"AmazonResourceName", "arn_type pool", "INVALID_ARN", false},
    {"AmazonResourceName", "arn_type phone-number", "INVALID_ARN", false},
    {"AmazonResourceName", "arn_type sender-id", "INVALID_ARN", false},
    {"AmazonResourceName", "arn_type opt-out-list", "INVALID_ARN", false},
    {"PhoneOrPoolIdOrArn", "arn_type pool", "INVALID_ARN"},
    {"PhoneNumberIdOrArn", "arn_type phone-number", "INVALID_ARN"},
    {"SenderIdOrArn", "arn_type sender-id", "INVALID_ARN"},
    {"OptOutListNameOrArn", "arn_type opt-out-list", "INVALID_ARN"},
    {"PhoneOrSenderIdOrArn", "arn_type phone-number", "INVALID_ARN"},
    {"PhoneOrSenderIdOrArn", "arn_type sender-id", "INVALID_ARN"},
    // RegistrationIdOrArn is not among them: behaviour 8 stores and echoes it unchecked.
};

// The one pattern of the model that RE2 cannot say, since it looks ahead; our rule for it is not_blank.
constexpr const char* kNotBlankPattern = "(?!\\s*$)[\\s\\S]+";

// Ours alone, and marked so in the .proto: numbers of extensions begin at 100.
bool IsExtension(const FieldDescriptor& field) {
  const bool marked = field.options().GetExtension(smsvoice::v2::extension);
  EXPECT_EQ(marked, field.number() >= 100) << field.full_name();
  return marked;
}

// Compares, and keeps a sentence for each difference.
class Comparison {
 public:
  void CompareMessage(const Descriptor& ours, const std::string& shape_name, Direction direction) {
    if (!seen_.insert({ours.full_name(), direction}).second) return;
    const json& shape = ModelShape(shape_name);
    if (shape.at("type") != "structure") return Differ(ours.full_name(), "is no structure in the model: " + shape_name);
    std::set<std::string> required;
    for (const auto& name : shape.value("required", json::array())) required.insert(name);
    const json members = shape.value("members", json::object());

    std::set<std::string> found;
    for (int i = 0; i < ours.field_count(); ++i) {
      const FieldDescriptor& field = *ours.field(i);
      const std::string name = ModelName(field.name());
      found.insert(name);
      if (!members.contains(name)) {
        if (!IsExtension(field)) Differ(field.full_name(), "is not in the model");
        continue;
      }
      CompareField(field, members.at(name).at("shape"), required.contains(name), direction);
    }
    for (const auto& [name, member] : members.items()) {
      if (!found.contains(name)) Differ(ours.full_name(), "lacks the member " + name);
    }
  }

  const std::vector<std::string>& differences() const { return differences_; }
  // How many fields were compared.
  int fields() const { return fields_; }

 private:
  void Differ(const std::string& where, const std::string& what) { differences_.push_back(where + ": " + what); }

  void CompareField(const FieldDescriptor& field, const std::string& shape_name, bool required, Direction direction) {
    ++fields_;
    const json& shape = ModelShape(shape_name);
    const std::string type = shape.at("type");
    if (direction == Direction::kIn) {
      ComparePresence(field, required);
      CompareRules(field, shape_name);
    }
    if (field.is_map()) return CompareMap(field, shape);
    if (field.is_repeated() != (type == "list")) {
      return Differ(field.full_name(), "is a list on one side only, " + type + " in the model");
    }
    if (type == "list") {
      CompareType(field, shape.at("member").at("shape"), direction);
    } else {
      CompareType(field, shape_name, direction);
    }
  }

  // What is not required can be absent, and booleans are tri-state: both need presence. Enums have it as 0, lists and
  // messages by nature. Required strings have none: empty is absent.
  void ComparePresence(const FieldDescriptor& field, bool required) {
    const bool rule = field.options().GetExtension(smsvoice::v2::rule).required();
    if (rule != required) Differ(field.full_name(), required ? "must be required" : "must not be required");
    const bool scalar = !field.is_repeated() && field.message_type() == nullptr && field.enum_type() == nullptr;
    if (scalar && !required && !field.has_presence()) Differ(field.full_name(), "must be `optional`");
  }

  void CompareType(const FieldDescriptor& field, const std::string& shape_name, Direction direction) {
    const json& shape = ModelShape(shape_name);
    const std::string type = shape.at("type");
    const auto is = [&](FieldDescriptor::Type expected) {
      if (field.type() != expected) Differ(field.full_name(), std::string("is ") + field.type_name() + ", not " + type);
    };
    if (type == "string" && shape.contains("enum")) {
      if (field.enum_type() == nullptr) return Differ(field.full_name(), "is no enum, but one in the model");
      return CompareEnum(*field.enum_type(), shape);
    }
    if (type == "string") return is(FieldDescriptor::TYPE_STRING);
    if (type == "boolean") return is(FieldDescriptor::TYPE_BOOL);
    if (type == "integer") return is(FieldDescriptor::TYPE_INT32);
    if (type == "long") return is(FieldDescriptor::TYPE_INT64);
    if (type == "timestamp") {
      const bool timestamp =
          field.message_type() != nullptr && field.message_type()->full_name() == "google.protobuf.Timestamp";
      if (!timestamp) Differ(field.full_name(), "is no Timestamp");
      return;
    }
    if (type == "structure") {
      if (field.message_type() == nullptr) return Differ(field.full_name(), "is no message");
      return CompareMessage(*field.message_type(), shape_name, direction);
    }
    Differ(field.full_name(), "has a type that this test does not know: " + type);
  }

  void CompareMap(const FieldDescriptor& field, const json& shape) {
    if (shape.at("type") != "map") return Differ(field.full_name(), "is no map in the model");
    CompareType(*field.message_type()->map_key(), shape.at("key").at("shape"), Direction::kOut);
    CompareType(*field.message_type()->map_value(), shape.at("value").at("shape"), Direction::kOut);
  }

  void CompareEnum(const EnumDescriptor& ours, const json& shape) {
    std::set<std::string> our_values;
    for (int i = 0; i < ours.value_count(); ++i) {
      if (ours.value(i)->number() != 0) our_values.emplace(AwsName(*ours.value(i)));
    }
    std::set<std::string> their_values;
    for (const auto& value : shape.at("enum")) their_values.insert(value);
    if (our_values == their_values) return;
    Differ(ours.full_name(),
           testing::PrintToString(our_values) + " are " + testing::PrintToString(their_values) + " in the model");
  }

  void CompareRules(const FieldDescriptor& field, const std::string& shape_name) {
    const FieldRule& rule = field.options().GetExtension(smsvoice::v2::rule);
    const json& shape = ModelShape(shape_name);
    if (shape.at("type") == "list") {
      CompareBound(field, "min_items", rule.has_min_items(), rule.min_items(), shape, "min");
      CompareBound(field, "max_items", rule.has_max_items(), rule.max_items(), shape, "max");
      CompareStricter(field, rule, shape_name);
      CompareValueRules(field, rule.items(), shape.at("member").at("shape"));
    } else {
      CompareValueRules(field, rule, shape_name);
    }
  }

  void CompareValueRules(const FieldDescriptor& field, const FieldRule& rule, const std::string& shape_name) {
    const json& shape = ModelShape(shape_name);
    if (shape.at("type") == "string" && !shape.contains("enum")) {
      CompareBound(field, "min_len", rule.has_min_len(), rule.min_len(), shape, "min");
      CompareBound(field, "max_len", rule.has_max_len(), rule.max_len(), shape, "max");
      const std::string pattern = shape.value("pattern", "");
      const std::string ours = rule.not_blank() ? kNotBlankPattern : rule.pattern();
      if (ours != pattern) Differ(field.full_name(), "has the pattern " + ours + ", not " + pattern);
    }
    if (shape.at("type") == "integer") {
      CompareBound(field, "min", rule.has_min(), rule.min(), shape, "min");
      CompareBound(field, "max", rule.has_max(), rule.max(), shape, "max");
    }
    CompareStricter(field, rule, shape_name);
  }

  void CompareBound(const FieldDescriptor& field, const std::string& name, bool has, std::int64_t ours,
                    const json& shape, const char* key) {
    const auto theirs =
        shape.contains(key) ? std::optional<std::int64_t>(shape.at(key).get<std::int64_t>()) : std::nullopt;
    // A least size of 0 bounds nothing, so that ours may leave it out.
    if (has ? theirs == ours : !theirs || (key == std::string_view("min") && theirs == 0 && name != "min")) return;
    Differ(field.full_name(), name + " is " + (has ? std::to_string(ours) : "not there") + ", in the model " +
                                  (theirs ? std::to_string(*theirs) : "not there"));
  }

  // The rest of the rule is among what kStricter lists.
  void CompareStricter(const FieldDescriptor& field, const FieldRule& rule, const std::string& shape_name) {
    std::set<std::string> ours;
    for (const std::string& type : rule.arn_types()) ours.insert("arn_type " + type);
    if (!rule.unique_by().empty()) ours.insert("unique_by " + rule.unique_by());
    if (!rule.not_prefix().empty()) ours.insert("not_prefix " + rule.not_prefix());
    if (rule.trimmed()) ours.insert("trimmed");
    if (rule.required() && field.is_repeated() && !field.options().GetExtension(smsvoice::v2::rule).required()) {
      ours.insert("required");
    }
    std::set<std::string> listed;
    std::set<std::string> everywhere;
    for (const Stricter& known : kStricter) {
      if (known.shape != shape_name) continue;
      listed.insert(known.rule);
      if (known.everywhere) everywhere.insert(known.rule);
    }
    if (std::ranges::includes(listed, ours) && std::ranges::includes(ours, everywhere)) return;
    Differ(field.full_name(), "has beyond the model " + testing::PrintToString(ours) + ", but of " + shape_name +
                                  " is listed " + testing::PrintToString(listed));
  }

  std::set<std::pair<std::string, Direction>> seen_;
  std::vector<std::string> differences_;
  int fields_ = 0;
};

Comparison CompareAll() {
  Comparison comparison;
  for (const Method& method : Methods()) {
    if (method.policy.extension()) continue;
    const json& operation = ApiModel().at("operations").at(std::string(method.name));
    comparison.CompareMessage(*method.descriptor->input_type(), operation.at("input").at("shape"), Direction::kIn);
    comparison.CompareMessage(*method.descriptor->output_type(), operation.at("output").at("shape"), Direction::kOut);
  }
  return comparison;
}

TEST(Model, HasWhatTheProtoFilesHaveWithTheSameRules) { EXPECT_THAT(CompareAll().differences(), IsEmpty()); }

// The comparison did look at something: each operation has members.
TEST(Model, IsComparedFieldByField) { EXPECT_GT(CompareAll().fields(), 200); }

TEST(Model, IsAboutTheExceptionsThatErrorsAreMadeFrom) {
  for (const Fault fault :
       {Fault::kAccessDenied, Fault::kUnauthenticated, Fault::kConflict, Fault::kLostRace, Fault::kStaleRevision,
        Fault::kInternal, Fault::kUnavailable, Fault::kDeadline, Fault::kCancelled, Fault::kNotFound, Fault::kQuota,
        Fault::kThrottled, Fault::kInvalid, Fault::kUnknownOperation}) {
    const FaultRow& row = RowOf(fault);
    const json& statuses = ApiModel().at("errorHttp");
    ASSERT_TRUE(statuses.contains(std::string(row.exception))) << row.exception;
    EXPECT_EQ(row.http_status, statuses.at(std::string(row.exception))) << row.exception;
  }
}

// Whether the comparison would see a difference, shown on messages of a .proto that is made up here.
class ModelComparison : public testing::Test {
 protected:
  // Compares a request with the model's UpdateSenderIdRequest: SenderId and IsoCountryCode are required.
  std::vector<std::string> DifferencesOf(const std::string& fields,
                                         const std::string& shape = "UpdateSenderIdRequest") {
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        "name: 'made_up.proto' package: 'made.up' syntax: 'proto3' dependency: 'smsvoice/v2/rules.proto'"
        " message_type { name: 'Request' " +
            fields + " }",
        &file));
    google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
    const auto* built = pool.BuildFile(file);
    if (built == nullptr) throw std::logic_error("the made-up file makes no sense");
    Comparison comparison;
    comparison.CompareMessage(*built->message_type(0), shape, Direction::kIn);
    return comparison.differences();
  }

  static std::string Field(int number, const std::string& name, const std::string& type, const std::string& rule,
                           const std::string& more = {}) {
    return "field { number: " + std::to_string(number) + " label: LABEL_OPTIONAL name: '" + name + "' type: " + type +
           " options { [smsvoice.v2.rule] { " + rule + " } } " + more + " } ";
  }

  const std::string kSenderIdRule =
      "required: true min_len: 1 max_len: 256 pattern: '[A-Za-z0-9_:/-]+' "
      "arn_types: 'sender-id'";
  const std::string kSenderId = Field(1, "sender_id", "TYPE_STRING", kSenderIdRule);
  const std::string kCountry =
      Field(2, "iso_country_code", "TYPE_STRING", "required: true min_len: 2 max_len: 2 pattern: '[A-Z]{2}'");
  const std::string kProtection =
      Field(3, "deletion_protection_enabled", "TYPE_BOOL", "", "proto3_optional: true oneof_index: 0") +
      " oneof_decl { name: '_protected' }";
};

TEST_F(ModelComparison, FindsNothingWhereThereIsNothing) {
  EXPECT_THAT(DifferencesOf(kSenderId + kCountry + kProtection), IsEmpty());
}

TEST_F(ModelComparison, SeesAMissingMember) {
  EXPECT_THAT(DifferencesOf(kSenderId + kProtection), ElementsAre("made.up.Request: lacks the member IsoCountryCode"));
}

TEST_F(ModelComparison, SeesAMemberTooMany) {
  EXPECT_THAT(DifferencesOf(kSenderId + kCountry + kProtection + Field(4, "colour", "TYPE_STRING", "")),
              ElementsAre("made.up.Request.colour: is not in the model"));
}

TEST_F(ModelComparison, SeesAMemberThatIsNotRequired) {
  EXPECT_THAT(DifferencesOf(kSenderId +
                            Field(2, "iso_country_code", "TYPE_STRING", "min_len: 2 max_len: 2 pattern: '[A-Z]{2}'") +
                            kProtection),
              ElementsAre("made.up.Request.iso_country_code: must be required"));
}

TEST_F(ModelComparison, SeesABooleanWithTwoStates) {
  EXPECT_THAT(DifferencesOf(kSenderId + kCountry + Field(3, "deletion_protection_enabled", "TYPE_BOOL", "")),
              ElementsAre("made.up.Request.deletion_protection_enabled: must be `optional`"));
}

TEST_F(ModelComparison, SeesAnotherType) {
  EXPECT_THAT(
      DifferencesOf(kSenderId + kCountry +
                    Field(3, "deletion_protection_enabled", "TYPE_STRING", "", "proto3_optional: true oneof_index: 0") +
                    " oneof_decl { name: '_protected' }"),
      ElementsAre("made.up.Request.deletion_protection_enabled: is string, not boolean"));
}

TEST_F(ModelComparison, SeesAList) {
  const std::string list =
      "field { number: 1 label: LABEL_REPEATED name: 'sender_id' type: TYPE_STRING"
      " options { [smsvoice.v2.rule] { required: true } } } ";
  EXPECT_THAT(DifferencesOf(list + kCountry + kProtection),
              Contains("made.up.Request.sender_id: is a list on one side only, string in the model"));
}

TEST_F(ModelComparison, SeesLooserBounds) {
  EXPECT_THAT(
      DifferencesOf(kSenderId + kProtection +
                    Field(2, "iso_country_code", "TYPE_STRING", "required: true max_len: 3 pattern: '[A-Z]{2}'")),
      ElementsAre("made.up.Request.iso_country_code: min_len is not there, in the model 2",
                  "made.up.Request.iso_country_code: max_len is 3, in the model 2"));
}

TEST_F(ModelComparison, SeesAnotherPattern) {
  EXPECT_THAT(DifferencesOf(kSenderId + kProtection +
                            Field(2, "iso_country_code", "TYPE_STRING",
                                  "required: true min_len: 2 max_len: 2 pattern: '[A-Za-z]{2}'")),
              ElementsAre("made.up.Request.iso_country_code: has the pattern [A-Za-z]{2}, not [A-Z]{2}"));
}

TEST_F(ModelComparison, SeesAnotherValueOfAnEnum) {
  const std::string name =
      "field { number: 1 label: LABEL_OPTIONAL name: 'name' type: TYPE_ENUM type_name: '.made.up.Request.Name'"
      " options { [smsvoice.v2.rule] { required: true } } }"
      " enum_type { name: 'Name' value { number: 0 name: 'NAME_UNSPECIFIED' }"
      "   value { number: 1 name: 'ISO' options { [smsvoice.v2.aws_name]: 'iso-country-code' } } } ";
  const std::string values =
      "field { number: 2 label: LABEL_REPEATED name: 'values' type: TYPE_STRING options { [smsvoice.v2.rule] {"
      " required: true min_items: 1 max_items: 20"
      " items { min_len: 1 max_len: 128 pattern: '[/\\\\.:A-Za-z0-9+_-]+' } } } } ";
  EXPECT_THAT(DifferencesOf(name + values, "PoolOriginationIdentitiesFilter"),
              ElementsAre("made.up.Request.Name: { \"iso-country-code\" } are { \"iso-country-code\","
                          " \"number-capability\" } in the model"));
}

TEST_F(ModelComparison, SeesAStricterRuleThatIsNotListed) {
  EXPECT_THAT(DifferencesOf(kSenderId + kProtection +
                            Field(2, "iso_country_code", "TYPE_STRING",
                                  "required: true min_len: 2 max_len: 2 pattern: '[A-Z]{2}' not_prefix: 'X'")),
              ElementsAre("made.up.Request.iso_country_code: has beyond the model { \"not_prefix X\" }, but of"
                          " IsoCountryCode is listed {}"));
}

TEST_F(ModelComparison, SeesAListedRuleThatIsGone) {
  EXPECT_THAT(DifferencesOf(kCountry + kProtection +
                            Field(1, "sender_id", "TYPE_STRING",
                                  "required: true min_len: 1 max_len: 256 pattern: '[A-Za-z0-9_:/-]+'")),
              ElementsAre("made.up.Request.sender_id: has beyond the model {}, but of SenderIdOrArn is listed"
                          " { \"arn_type sender-id\" }"));
}

}  // namespace
}  // namespace poold
