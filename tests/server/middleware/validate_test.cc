#include "server/middleware/validate.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cctype>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/base/error.h"
#include "server/base/limits.h"
#include "server/middleware/pattern.h"
#include "server/middleware/rules.h"
#include "server/rpc/method.h"
#include "smsvoice/v2/phone_numbers.pb.h"
#include "smsvoice/v2/pools.pb.h"
#include "smsvoice/v2/rules.pb.h"
#include "smsvoice/v2/sender_ids.pb.h"

namespace poold {
namespace {

using google::protobuf::Message;
using testing::HasSubstr;

// A field as a .proto declares it, "repeated string names = 1", and its rule in text form.
struct FieldText {
  std::string declaration;
  std::string rule;
};

struct MessageText {
  std::string name;
  std::vector<FieldText> fields;
  std::vector<std::string> at_most_one = {};
};

// Values in the order of their numbers, from 0, and their options in text form.
struct EnumText {
  std::string name;
  std::vector<std::pair<std::string, std::string>> values;
};

template <class M>
void Read(const std::string& text, M* message) {
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, message)) << text;
}

// A .proto file that is made at run time.
class Schema {
 public:
  explicit Schema(const std::vector<MessageText>& messages, const std::vector<EnumText>& enums = {})
      : pool_(google::protobuf::DescriptorPool::generated_pool()) {
    google::protobuf::FileDescriptorProto file;
    file.set_name("test.proto");
    file.set_package("smsvoice.v2");
    file.set_syntax("proto3");
    file.add_dependency("smsvoice/v2/rules.proto");
    for (const EnumText& text : enums) {
      auto& type = *file.add_enum_type();
      type.set_name(text.name);
      for (const auto& [name, options] : text.values) {
        auto& value = *type.add_value();
        value.set_number(type.value_size() - 1);
        value.set_name(name);
        if (!options.empty()) Read(options, value.mutable_options());
      }
    }
    for (const MessageText& text : messages) {
      auto& type = *file.add_message_type();
      type.set_name(text.name);
      for (const std::string& group : text.at_most_one) {
        type.mutable_options()->AddExtension(smsvoice::v2::at_most_one, group);
      }
      for (const FieldText& field : text.fields) Declare(field, type);
    }
    file_ = pool_.BuildFile(file);
    EXPECT_NE(file_, nullptr);
  }

  const google::protobuf::Descriptor& Type(const std::string& name) const {
    return *file_->FindMessageTypeByName(name);
  }

  std::unique_ptr<Message> Make(const std::string& type, const std::string& text) {
    std::unique_ptr<Message> message(factory_.GetPrototype(&Type(type))->New());
    Read(text, message.get());
    return message;
  }

 private:
  static void Declare(const FieldText& text, google::protobuf::DescriptorProto& message) {
    auto& field = *message.add_field();
    std::istringstream words(text.declaration);
    std::string type;
    std::string equals;
    int number = 0;
    words >> type;
    field.set_label(type == "repeated" ? field.LABEL_REPEATED : field.LABEL_OPTIONAL);
    if (type == "optional") {
      field.set_proto3_optional(true);
      field.set_oneof_index(message.oneof_decl_size());
    }
    if (type == "repeated" || type == "optional") words >> type;
    words >> *field.mutable_name() >> equals >> number;
    field.set_number(number);
    if (field.proto3_optional()) message.add_oneof_decl()->set_name("_" + field.name());
    const std::string upper = "TYPE_" + Upper(type);
    google::protobuf::FieldDescriptorProto::Type scalar;
    if (google::protobuf::FieldDescriptorProto::Type_Parse(upper, &scalar)) {
      field.set_type(scalar);
    } else {
      field.set_type_name(type);
    }
    if (!text.rule.empty()) Read(text.rule, field.mutable_options()->MutableExtension(smsvoice::v2::rule));
  }

  static std::string Upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
  }

  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_;
  const google::protobuf::FileDescriptor* file_ = nullptr;
};

// Every kind of rule once. Kept for ever, like the plans that are compiled from it.
Schema& Rules() {
  static Schema& schema = *new Schema(
      {
          {"ThingFilter",
           {{"ThingFilterName name = 1", "required: true"},
            {"repeated string values = 2", "required: true max_items: 3 items: { min_len: 1 max_len: 11 }"}}},
          {"Label",
           {{"string key = 1", "required: true min_len: 1 max_len: 5 not_prefix: 'aws:'"},
            {"optional string value = 2", "required: true max_len: 4"}}},
          {"Part", {{"string part_name = 1", "required: true"}, {"repeated Part inner_parts = 2", ""}}},
          {"Thing",
           {{"string exact_text = 1", "min_len: 2 max_len: 2 pattern: '[A-Z]{2}'"},
            {"optional string optional_text = 2", "min_len: 3"},
            {"string capped = 3", "max_len: 1"},
            {"string required_text = 4", "required: true min_len: 1 max_len: 8"},
            {"string words = 5", "not_blank: true"},
            {"string any_text = 6", ""},
            {"optional int32 low = 7", "min: 1 max: 100"},
            {"int64 high = 8", "max: 5"},
            {"uint32 least = 9", "min: 10"},
            {"Colour colour = 10", ""},
            {"Colour required_colour = 11", "required: true"},
            {"repeated Colour colours = 12", "max_items: 2"},
            {"repeated string thing_ids = 13", "min_items: 2 max_items: 3 items: { min_len: 1 max_len: 70 }"},
            {"repeated Label labels = 14", "max_items: 150 unique_by: 'key'"},
            {"optional string owner_name = 15", ""},
            {"repeated ThingFilter filters = 16", "max_items: 2"},
            {"string pool_id = 17", "arn_types: 'pool'"},
            {"repeated string identities = 18", "items: { arn_types: ['phone-number', 'sender-id'] }"},
            {"Part part = 19", ""},
            {"bytes blob = 20", "max_len: 3"},
            {"repeated string names = 21", "max_items: 1"},
            {"optional Colour optional_colour = 22", ""}},
           {"owner_name thing_ids", "low high optional_text"}},
          {"Strict",
           {{"repeated string names = 1", "required: true"},
            {"Part part = 2", "required: true"},
            {"optional bool flag = 3", "required: true"},
            {"optional string text = 4", "required: true min_len: 1"},
            {"optional int32 number = 5", "required: true"}}},
      },
      {{"Colour",
        {{"COLOUR_UNSPECIFIED", ""}, {"COLOUR_RED", ""}, {"COLOUR_DARK_BLUE", "[smsvoice.v2.aws_name]: 'dark-blue'"}}},
       {"ThingFilterName",
        {{"THING_FILTER_NAME_UNSPECIFIED", ""},
         {"THING_FILTER_NAME_COLOUR",
          "[smsvoice.v2.aws_name]: 'colour' [smsvoice.v2.takes]: { enum_type: 'smsvoice.v2.Colour' }"},
         {"THING_FILTER_NAME_SHARED", "[smsvoice.v2.aws_name]: 'shared' [smsvoice.v2.takes]: { boolean: true }"},
         {"THING_FILTER_NAME_NOTE", "[smsvoice.v2.aws_name]: 'note'"}}}});
  return schema;
}

// "" if the message passes, else "REASON: field message; field message".
std::string Refusal(const Message& message) {
  try {
    CheckRules(message);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::kInvalid);
    std::string text = error.reason() + ":";
    std::string_view separator = " ";
    for (const FieldViolation& field : error.fields()) {
      text += std::string(separator) + field.name + " " + field.message;
      separator = "; ";
    }
    return text;
  }
}

struct Case {
  std::string claim;
  std::string message;
  std::string refusal;
};

constexpr const char* kGood = R"(required_text: "x" required_colour: COLOUR_RED )";

TEST(Validate, RefusesEachBrokenRuleByName) {
  const Case cases[] = {
      {"nothing wrong", "", ""},
      {"too short", R"(exact_text: "A")", "INVALID_PARAMETER: exactText must have exactly 2 characters, has 1"},
      {"too long", R"(exact_text: "ABC")", "INVALID_PARAMETER: exactText must have exactly 2 characters, has 3"},
      {"lower case", R"(exact_text: "gb")", "INVALID_PARAMETER: exactText must match [A-Z]{2}"},
      {"the pattern matches the whole", R"(exact_text: "B\n")", "INVALID_PARAMETER: exactText must match [A-Z]{2}"},
      {"absent without presence", R"(exact_text: "")", ""},
      {"given but empty", R"(optional_text: "")",
       "INVALID_PARAMETER: optionalText must have at least 3 characters, has 0"},
      {"one character", R"(capped: "ab")", "INVALID_PARAMETER: capped must have at most 1 character, has 2"},
      {"code points, not bytes", R"(capped: "😀")", ""},
      {"code points, too many", R"(capped: "😀ü")", "INVALID_PARAMETER: capped must have at most 1 character, has 2"},
      {"only blanks", R"(words: " \t\n")", "INVALID_PARAMETER: words must not be only white space"},
      {"blanks and a letter", R"(words: " a ")", ""},
      {"NUL where no rule is", R"(any_text: "a\0b")", "INVALID_PARAMETER: anyText must not contain the NUL character"},
      {"below the range", "low: 0", "INVALID_PARAMETER: low must be 1 to 100, is 0"},
      {"above the range", "low: 101", "INVALID_PARAMETER: low must be 1 to 100, is 101"},
      {"negative", "low: -5", "INVALID_PARAMETER: low must be 1 to 100, is -5"},
      {"bounds are inside", "low: 100", ""},
      {"above a maximum", "high: 9223372036854775807",
       "INVALID_PARAMETER: high must be at most 5, is 9223372036854775807"},
      {"below a minimum", "least: 9", "INVALID_PARAMETER: least must be at least 10, is 9"},
      {"absent number without presence", "least: 0", ""},
      {"unknown enum number", "colour: 77", "INVALID_PARAMETER: colour must be one of RED, dark-blue"},
      {"unspecified is absent", "colour: COLOUR_UNSPECIFIED", ""},
      {"unspecified is absent, even if it was sent", "optional_colour: COLOUR_UNSPECIFIED", ""},
      {"an unspecified item", "colours: [COLOUR_RED, COLOUR_UNSPECIFIED]",
       "INVALID_PARAMETER: colours[1] must be one of RED, dark-blue"},
      {"too many items", "colours: [COLOUR_RED, COLOUR_RED, COLOUR_RED]",
       "INVALID_PARAMETER: colours must have at most 2 items, has 3"},
      {"too few items", R"(thing_ids: "a")", "INVALID_PARAMETER: thingIds must have 2 to 3 items, has 1"},
      {"no items are absence", "", ""},
      {"an item breaks its rule", R"(thing_ids: ["a", ""])",
       "INVALID_PARAMETER: thingIds[1] must have 1 to 70 characters, has 0"},
      {"NUL in an item without a rule", R"(names: "\0")",
       "INVALID_PARAMETER: names[0] must not contain the NUL character"},
      {"items beyond the greatest size are not looked at", R"(names: ["a", "\0"])",
       "INVALID_PARAMETER: names must have at most 1 item, has 2"},
      {"required inside an item", R"(labels: { key: "k" })", "MISSING_PARAMETER: labels[0].value is required"},
      {"required but empty is fine with presence and no least length", R"(labels: { key: "k" value: "" })", ""},
      {"required and empty without presence", R"(labels: { key: "" value: "v" })",
       "MISSING_PARAMETER: labels[0].key is required"},
      {"reserved prefix", R"(labels: { key: "aws:x" value: "" })",
       "INVALID_PARAMETER: labels[0].key must not start with aws:"},
      {"case of the prefix", R"(labels: { key: "AWS:x" value: "" })", ""},
      {"duplicate", R"(labels: [{ key: "a" value: "1" }, { key: "A" value: "" }, { key: "a" value: "2" }])",
       "INVALID_PARAMETER: labels[2].key must not be the same as labels[0].key"},
      {"deep inside",
       R"(part: { part_name: "p" inner_parts: [{ part_name: "q" }, { inner_parts: {} part_name: "r" }] })",
       "MISSING_PARAMETER: part.innerParts[1].innerParts[0].partName is required"},
      {"bytes are counted as bytes and may hold NUL", R"(blob: "\0\0\0\0")",
       "INVALID_PARAMETER: blob must have at most 3 characters, has 4"},
  };
  for (const Case& c : cases) EXPECT_EQ(Refusal(*Rules().Make("Thing", kGood + c.message)), c.refusal) << c.claim;
}

TEST(Validate, AsksForEveryRequiredMember) {
  EXPECT_EQ(Refusal(*Rules().Make("Strict", "")),
            "MISSING_PARAMETER: names is required; part is required; flag is required; text is required; "
            "number is required");
  EXPECT_EQ(Refusal(*Rules().Make("Strict", R"(names: "n" part: { part_name: "p" } flag: false text: "" number: 0)")),
            "MISSING_PARAMETER: text is required");
  EXPECT_EQ(Refusal(*Rules().Make("Strict", R"(names: "n" part: { part_name: "p" } flag: false text: "t" number: 0)")),
            "");
}

TEST(Validate, ReportsEverythingAtOnceWithTheReasonOfTheFirst) {
  EXPECT_EQ(Refusal(*Rules().Make("Thing", R"(exact_text: "x" low: 0 required_colour: 9 labels: {})")),
            "INVALID_PARAMETER: exactText must have exactly 2 characters, has 1; requiredText is required; "
            "low must be 1 to 100, is 0; requiredColour must be one of RED, dark-blue; labels[0].key is required; "
            "labels[0].value is required");
  EXPECT_EQ(Refusal(*Rules().Make("Thing", "low: 0 required_colour: COLOUR_RED")),
            "MISSING_PARAMETER: requiredText is required; low must be 1 to 100, is 0");
}

TEST(Validate, RefusesParametersThatExcludeEachOther) {
  EXPECT_EQ(Refusal(*Rules().Make("Thing", std::string(kGood) + R"(owner_name: "me" thing_ids: ["a", "b"])")),
            "PARAMETERS_CANNOT_BE_USED_TOGETHER: ownerName cannot be used together with thingIds; "
            "thingIds cannot be used together with ownerName");
  EXPECT_EQ(Refusal(*Rules().Make("Thing", std::string(kGood) + R"(low: 1 high: 2 optional_text: "abc")")),
            "PARAMETERS_CANNOT_BE_USED_TOGETHER: low cannot be used together with optionalText; "
            "high cannot be used together with low; optionalText cannot be used together with low");
  EXPECT_EQ(Refusal(*Rules().Make("Thing", std::string(kGood) + R"(owner_name: "me" low: 1)")), "");
}

TEST(Validate, RefusesValuesThatAFilterCannotHave) {
  const Case cases[] = {
      {"case is ignored", R"(filters: { name: THING_FILTER_NAME_COLOUR values: ["red", "Dark-Blue"] })", ""},
      {"no such value", R"(filters: { name: THING_FILTER_NAME_COLOUR values: ["RED", "PINK"] })",
       "INVALID_FILTER_VALUES: filters[0].values[1] must be one of RED, dark-blue"},
      {"unspecified is no value", R"(filters: { name: THING_FILTER_NAME_COLOUR values: "UNSPECIFIED" })",
       "INVALID_FILTER_VALUES: filters[0].values[0] must be one of RED, dark-blue"},
      {"truth in any case", R"(filters: { name: THING_FILTER_NAME_SHARED values: ["True", "FALSE"] })", ""},
      {"all of them, in all filters",
       R"(filters: { name: THING_FILTER_NAME_SHARED values: ["yes", "true", "1"] }
          filters: { name: THING_FILTER_NAME_COLOUR values: "true" })",
       "INVALID_FILTER_VALUES: filters[0].values[0] must be true or false; filters[0].values[2] must be true or false; "
       "filters[1].values[0] must be one of RED, dark-blue"},
      {"any text", R"(filters: { name: THING_FILTER_NAME_NOTE values: "yes" })", ""},
      {"unknown name", R"(filters: { name: 9 values: "yes" })",
       "INVALID_PARAMETER: filters[0].name must be one of colour, shared, note"},
      {"no name", R"(filters: { values: "yes" })", "MISSING_PARAMETER: filters[0].name is required"},
      {"no values", "filters: { name: THING_FILTER_NAME_NOTE }", "MISSING_PARAMETER: filters[0].values is required"},
  };
  for (const Case& c : cases) EXPECT_EQ(Refusal(*Rules().Make("Thing", kGood + c.message)), c.refusal) << c.claim;
}

TEST(Validate, RefusesArnsThatAreNoneOrOfAnotherType) {
  const std::string arn = "arn:aws:sms-voice:us-east-1:111122223333:";
  const std::string want_pool =
      "INVALID_ARN: poolId must be the ARN of a pool: arn:aws:sms-voice:<region>:<account>:<type>/<id>";
  const std::string want_identity =
      "identities[1] must be the ARN of a phone-number or sender-id: "
      "arn:aws:sms-voice:<region>:<account>:<type>/<id>";
  const Case cases[] = {
      {"its ARN", "pool_id: '" + arn + "pool/pool-1'", ""},
      {"an id", "pool_id: 'pool-1'", ""},
      {"an id with a colon", "pool_id: 'x:arn:'",
       "INVALID_ARN: poolId has ':' or '/', so it must be the ARN of a pool: "
       "arn:aws:sms-voice:<region>:<account>:<type>/<id>"},
      {"an id with a slash in a list", "identities: ['X', 'X/GB']",
       "INVALID_ARN: identities[1] has ':' or '/', so it must be the ARN of a phone-number or sender-id: "
       "arn:aws:sms-voice:<region>:<account>:<type>/<id>"},
      {"no ARN at all", "pool_id: 'arn:'", want_pool},
      {"another type", "pool_id: '" + arn + "phone-number/phone-1'", want_pool},
      {"another service", "pool_id: 'arn:aws:sns:us-east-1:111122223333:pool/pool-1'", want_pool},
      {"in a list", "identities: ['" + arn + "sender-id/X/GB', '" + arn + "pool/pool-1']",
       "INVALID_ARN: " + want_identity},
  };
  for (const Case& c : cases) EXPECT_EQ(Refusal(*Rules().Make("Thing", kGood + c.message)), c.refusal) << c.claim;
}

TEST(Validate, KeepsTheOrderOfItsSteps) {
  std::string all = R"(owner_name: "me" thing_ids: ["a", "b"] pool_id: "arn:x"
                       filters: { name: THING_FILTER_NAME_SHARED values: "maybe" } )";
  EXPECT_THAT(Refusal(*Rules().Make("Thing", all)), HasSubstr("MISSING_PARAMETER: requiredText"));
  all += kGood;
  EXPECT_THAT(Refusal(*Rules().Make("Thing", all)), HasSubstr("PARAMETERS_CANNOT_BE_USED_TOGETHER: ownerName"));
  all.erase(0, all.find("thing_ids"));
  EXPECT_THAT(Refusal(*Rules().Make("Thing", all)), HasSubstr("INVALID_FILTER_VALUES: filters[0].values[0]"));
  all.replace(all.find("maybe"), 5, "false");
  EXPECT_THAT(Refusal(*Rules().Make("Thing", all)), HasSubstr("INVALID_ARN: poolId"));
}

TEST(Validate, RefusesTextThatIsNotUtf8) {
  auto message = Rules().Make("Thing", kGood);
  message->GetReflection()->SetString(message.get(), message->GetDescriptor()->FindFieldByName("any_text"), "a\xC3(");
  EXPECT_EQ(Refusal(*message), "INVALID_PARAMETER: anyText must be UTF-8 text");
}

TEST(Validate, ReportsABoundedNumberOfViolations) {
  std::string text = kGood;
  for (int i = 0; i < 150; ++i) text += "labels: {} ";
  try {
    CheckRules(*Rules().Make("Thing", text));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fields().size(), limits::kViolations);
    EXPECT_EQ(error.fields().back().name, "labels[49].value");
  }
}

TEST(Validate, RepeatsNothingOfTheCallersText) {
  const std::string secret(500, 'S');
  EXPECT_THAT(Refusal(*Rules().Make("Thing", kGood + ("exact_text: '" + secret + "' optional_text: 'ok1'"))),
              testing::Not(HasSubstr("SSS")));
}

TEST(Validate, RefusesRulesThatMakeNoSense) {
  struct Senseless {
    std::vector<MessageText> messages;
    std::string complaint;
    std::vector<EnumText> enums = {};
  };
  const Senseless cases[] = {
      {{{"M", {{"string a = 1", "pattern: '('"}}}}, "smsvoice.v2.M.a: pattern"},
      {{{"M", {{"string a = 1", "pattern: '(?!x)y'"}}}}, "smsvoice.v2.M.a: pattern"},
      {{{"M", {{"int32 a = 1", "max_len: 1"}}}}, "only a string"},
      {{{"M", {{"string a = 1", "max: 1"}}}}, "only an integer"},
      {{{"M", {{"string a = 1", "max_items: 1"}}}}, "only a repeated field"},
      {{{"M", {{"repeated string a = 1", "max_len: 1"}}}}, "belongs into `items`"},
      {{{"M", {{"repeated string a = 1", "items: { max_items: 1 }"}}}}, "no list"},
      {{{"M", {{"repeated M a = 1", "unique_by: 'b'"}}}}, "unique_by"},
      {{{"M", {{"string a = 1", ""}}, {"a c"}}}, "unknown field: c"},
      {{{"M", {{"string a = 1", ""}}, {"a"}}}, "needs two fields"},
      {{{"M", {{"XFilterName name = 1", ""}, {"repeated string values = 2", ""}}}},
       "unknown enum: smsvoice.v2.Nothing",
       {{"XFilterName", {{"Z", ""}, {"A", "[smsvoice.v2.takes]: { enum_type: 'smsvoice.v2.Nothing' }"}}}}},
      {{{"N", {{"string a = 1", "pattern: '['"}}}, {"M", {{"repeated N n = 1", ""}}}}, "smsvoice.v2.N.a"},
  };
  for (const Senseless& c : cases) {
    const Schema schema(c.messages, c.enums);
    for (int twice = 0; twice < 2; ++twice) {
      try {
        PrepareRules(schema.Type("M"));
        ADD_FAILURE() << c.complaint;
      } catch (const std::logic_error& error) {
        EXPECT_THAT(error.what(), HasSubstr(c.complaint));
      }
    }
  }
}

TEST(Validate, MayBeUsedByManyThreadsFromTheFirstCall) {
  static Schema& schema = *new Schema({{"A", {{"string a = 1", "pattern: 'x*'"}, {"B b = 2", ""}}},
                                       {"B", {{"string a = 1", "pattern: 'y*'"}, {"repeated A as = 2", ""}}}});
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([t] {
      const auto message = schema.Make(t % 2 == 0 ? "A" : "B", "a: 'z'");
      for (int i = 0; i < 200; ++i) {
        EXPECT_EQ(Refusal(*message), "INVALID_PARAMETER: a must match " + std::string(t % 2 == 0 ? "x*" : "y*"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// ---------------------------------------------------------------------------------------------------------------------
// The rules of the API itself.

TEST(Validate, UnderstandsTheRulesOfEveryRequest) {
  ASSERT_FALSE(Methods().empty());
  for (const Method& method : Methods()) {
    EXPECT_NO_THROW(PrepareRules(*method.descriptor->input_type())) << method.name;
    EXPECT_NO_THROW(PrepareRules(*method.descriptor->output_type())) << method.name;
  }
}

template <class M>
std::string RefusalOf(const std::string& text) {
  M message;
  Read(text, &message);
  return Refusal(message);
}

TEST(Validate, ChecksCreatePool) {
  using Request = smsvoice::v2::CreatePoolRequest;
  const std::string good = "origination_identity: 'phone-1' message_type: MESSAGE_TYPE_TRANSACTIONAL ";
  EXPECT_EQ(RefusalOf<Request>(good), "");
  EXPECT_EQ(RefusalOf<Request>(""), "MISSING_PARAMETER: originationIdentity is required; messageType is required");
  EXPECT_EQ(RefusalOf<Request>(good + "tags: { key: 'k' value: '' }"), "");
  EXPECT_EQ(RefusalOf<Request>("origination_identity: '+15550100' message_type: 5 iso_country_code: 'us' "
                               "client_token: 'a b' tags: { key: 'aws:k' }"),
            "INVALID_PARAMETER: originationIdentity must match [A-Za-z0-9_:/-]+; isoCountryCode must match [A-Z]{2}; "
            "messageType must be one of TRANSACTIONAL, PROMOTIONAL; tags[0].key must not start with aws:; "
            "tags[0].value is required; clientToken must match [!-~]+");
  EXPECT_THAT(RefusalOf<Request>("origination_identity: 'arn:aws:sms-voice:us-east-1:111122223333:pool/pool-1' "
                                 "message_type: MESSAGE_TYPE_TRANSACTIONAL"),
              HasSubstr("INVALID_ARN: originationIdentity"));
}

TEST(Validate, ChecksDescribePools) {
  using Request = smsvoice::v2::DescribePoolsRequest;
  EXPECT_EQ(RefusalOf<Request>(""), "");
  EXPECT_EQ(RefusalOf<Request>("max_results: 101"), "INVALID_PARAMETER: maxResults must be 1 to 100, is 101");
  EXPECT_THAT(RefusalOf<Request>("owner: OWNER_SELF pool_ids: 'pool-1'"),
              HasSubstr("PARAMETERS_CANNOT_BE_USED_TOGETHER:"));
  EXPECT_EQ(RefusalOf<Request>("filters: { name: POOL_FILTER_NAME_STATUS values: 'active' }"), "");
  EXPECT_EQ(RefusalOf<Request>("filters: { name: POOL_FILTER_NAME_STATUS values: 'PENDING' }"),
            "INVALID_FILTER_VALUES: filters[0].values[0] must be one of CREATING, ACTIVE, DELETING");
}

}  // namespace
}  // namespace poold
