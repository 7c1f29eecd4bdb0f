#include "server/transport/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/rpc/method.h"
#include "smsvoice/v2/phone_numbers.pb.h"
#include "smsvoice/v2/pools.pb.h"
#include "smsvoice/v2/tags.pb.h"
#include "tests/support/api_model.h"
#include "tests/support/matchers.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: messages
using google::protobuf::TextFormat;
using testing::HasSubstr;

template <class M>
M Read(std::string_view json) {
  M message;
  FromAwsJson(json, message);
  return message;
}

template <class M>
M Text(const std::string& text) {
  M message;
  EXPECT_TRUE(TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// What reading came to, if it is refused.
std::optional<Error> Refusal(std::string_view json) {
  try {
    Read<RequestPhoneNumberRequest>(json);
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

TEST(FromAwsJson, ReadsEveryKindOfMember) {
  EXPECT_THAT(Read<RequestPhoneNumberRequest>(R"({
      "IsoCountryCode": "US", "MessageType": "TRANSACTIONAL", "NumberCapabilities": ["SMS", "VOICE"],
      "NumberType": "TOLL_FREE", "DeletionProtectionEnabled": false,
      "Tags": [{"Key": "a", "Value": "ä\u00e4\ud83d\ude00"}, {"Key": "b", "Value": ""}]})"),
              EqualsProto(Text<RequestPhoneNumberRequest>(R"(
      iso_country_code: "US" message_type: MESSAGE_TYPE_TRANSACTIONAL
      number_capabilities: [NUMBER_CAPABILITY_SMS, NUMBER_CAPABILITY_VOICE] number_type: REQUESTABLE_NUMBER_TYPE_TOLL_FREE
      deletion_protection_enabled: false tags { key: "a" value: "ää😀" } tags { key: "b" value: "" })")));
  EXPECT_THAT(
      Read<DescribePoolsRequest>(
          R"({"Filters": [{"Name": "two-way-enabled", "Values": ["true"]}], "MaxResults": 5, "Owner": "SELF"})"),
      EqualsProto(Text<DescribePoolsRequest>(R"(
      filters { name: POOL_FILTER_NAME_TWO_WAY_ENABLED values: "true" } max_results: 5 owner: OWNER_SELF)")));
}

// At the first item too many, so that what a request makes of a list is bounded.
TEST(FromAwsJson, RefusesAListWithMoreItemsThanItsRuleAllows) {
  const auto list = [](int items, const std::string& item) {
    std::string text;
    for (int i = 0; i < items; ++i) text += (i == 0 ? "[" : ",") + item;
    return text + "]";
  };
  struct Row {
    std::string json;
    const char* name;
    const char* message;
  };
  for (const Row& row : {
           Row{R"({"PoolIds": )" + list(200'000, R"("")") + "}", "poolIds", "must have at most 5 items, has more"},
           Row{R"({"Filters": )" + list(100'000, "{}") + "}", "filters", "must have at most 20 items, has more"},
           Row{R"({"Filters": [{}, {"Values": )" + list(21, R"("")") + "}]}", "filters[1].values",
               "must have at most 20 items, has more"},
       }) {
    DescribePoolsRequest request;
    const auto refusal = RefusalOf([&] { FromAwsJson(row.json, request); });
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->reason(), reason::kInvalidParameter);
    EXPECT_THAT(refusal->fields(), testing::ElementsAre(FieldViolation{row.name, row.message}));
    EXPECT_LT(request.SpaceUsedLong(), 8U << 10) << row.name;
  }
  EXPECT_EQ(Read<DescribePoolsRequest>(R"({"PoolIds": )" + list(5, R"("")") + "}").pool_ids_size(), 5);
  EXPECT_EQ(Read<DescribePoolsRequest>(R"({"Unknown": )" + list(5000, R"("")") + "}").pool_ids_size(), 0);
}

TEST(FromAwsJson, TellsAbsentFromFalse) {
  EXPECT_FALSE(Read<UpdatePoolRequest>("{}").has_two_way_enabled());
  EXPECT_FALSE(Read<UpdatePoolRequest>(R"({"TwoWayEnabled": null})").has_two_way_enabled());
  const auto given = Read<UpdatePoolRequest>(R"({"TwoWayEnabled": false})");
  EXPECT_TRUE(given.has_two_way_enabled());
  EXPECT_FALSE(given.two_way_enabled());
}

TEST(FromAwsJson, IgnoresWhatItDoesNotKnow) {
  EXPECT_THAT(
      Read<DeletePoolRequest>(
          R"({"Shape": {"Deep": [{"PoolId": "x"}, [[1e9, null, true]], "y"]}, "PoolId": "pool-1", "poolId": "z", "": 1})"),
      EqualsProto(Text<DeletePoolRequest>(R"(pool_id: "pool-1")")));
}

TEST(FromAwsJson, DoesNotReadMembersOfOurs) {
  EXPECT_THAT(Read<CreatePoolRequest>(R"({"ValidateOnly": true, "validate_only": true, "ValidateOnly ": 3})"),
              EqualsProto(CreatePoolRequest()));
  EXPECT_THAT(Read<UpdatePoolRequest>(R"({"ExpectedRevision": 3})"), EqualsProto(UpdatePoolRequest()));
}

TEST(FromAwsJson, LeavesAnUnknownEnumTextToTheRules) {
  const auto request = Read<CreatePoolRequest>(R"({"MessageType": "transactional"})");
  EXPECT_FALSE(MessageType_IsValid(request.message_type()));
}

TEST(FromAwsJson, TakesWholeNumbersHoweverTheyAreWritten) {
  for (const char* number : {"7", "7.0", "70e-1", "0.7e1"}) {
    EXPECT_EQ(Read<DescribePoolsRequest>("{\"MaxResults\": " + std::string(number) + "}").max_results(), 7) << number;
  }
  EXPECT_EQ(Read<DescribePoolsRequest>(R"({"MaxResults": -2147483648})").max_results(), -2147483647 - 1);
}

struct Refused {
  const char* name;
  std::string json;
  const char* says;
};
void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.json.substr(0, 200); }

class FromAwsJsonRefuses : public testing::TestWithParam<Refused> {};

TEST_P(FromAwsJsonRefuses, WithSerializationException) {
  const auto error = Refusal(GetParam().json);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->fault(), Fault::kSerialization);
  EXPECT_THAT(error->message(), HasSubstr(GetParam().says));
}

std::string Nested(int levels) {
  std::string json = "{\"Unknown\":";
  for (int i = 0; i < levels; ++i) json += '[';
  json += "1";
  for (int i = 0; i < levels; ++i) json += ']';
  return json + "}";
}

INSTANTIATE_TEST_SUITE_P(
    Table, FromAwsJsonRefuses,
    testing::Values(
        Refused{"Nothing", "", "not JSON"}, Refused{"Blank", "  \n", "not JSON"}, Refused{"Word", "hello", "not JSON"},
        Refused{"Null", "null", "must be a JSON object"}, Refused{"List", "[]", "must be a JSON object"},
        Refused{"Text", R"("{}")", "must be a JSON object"}, Refused{"Number", "1", "must be a JSON object"},
        Refused{"Boolean", "true", "must be a JSON object"},
        Refused{"Unended", R"({"IsoCountryCode": "US")", "not JSON"},
        Refused{"TrailingComma", R"({"IsoCountryCode": "US",})", "not JSON"},
        Refused{"Comment", "{} // that was it", "goes on after its JSON object"},
        Refused{"Two", "{}{}", "goes on after its JSON object, at byte 2"},
        Refused{"ByteOrderMark", "\xEF\xBB\xBF{}", "not JSON"},
        Refused{"NotANumber", R"({"MaxResults": NaN})", "not JSON"},
        Refused{"NoUtf8", "{\"IsoCountryCode\": \"\xC3\x28\"}", "not JSON"},
        Refused{"NoUtf8InAnUnknownMember", "{\"X\": \"\xFF\"}", "not JSON"},
        Refused{"OverlongUtf8", "{\"IsoCountryCode\": \"\xC0\xAF\"}", "not JSON"},
        Refused{"HalfASurrogate", R"({"IsoCountryCode": "\ud83d"})", "not JSON"},
        Refused{"Nul", R"({"IsoCountryCode": "U\u0000S"})", "NUL"}, Refused{"NulInAName", R"({"A\u0000": 1})", "NUL"},
        Refused{"NulInAnUnknownMember", R"({"Unknown": ["\u0000"]})", "NUL"},
        Refused{"BareControlCharacter", "{\"IsoCountryCode\": \"\x01\"}", "not JSON"},
        Refused{"Twice", R"({"IsoCountryCode": "US", "IsoCountryCode": "US"})", "has the member IsoCountryCode twice"},
        Refused{"TwiceInWords", R"({"IsoCountryCode": "US", "Iso\u0043ountryCode": "GB"})", "IsoCountryCode twice"},
        Refused{"TwiceDeep", R"({"Tags": [{"Key": "a", "Value": "b", "Key": "c"}]})", "has the member Key twice"},
        Refused{"TwiceUnknown", R"({"X": {"Y": 1, "Y": 2}})", "has the member Y twice"},
        Refused{"NullTwice", R"({"X": null, "X": null})", "has the member X twice"},
        Refused{"TooDeep", Nested(17), "not JSON"}, Refused{"MuchTooDeep", Nested(100'000), "not JSON"},
        Refused{"NumberForText", R"({"IsoCountryCode": 1})", "has a member IsoCountryCode that is not a text"},
        Refused{"BooleanForEnum", R"({"MessageType": true})", "has a member MessageType that is not a text"},
        Refused{"ListForText", R"({"IsoCountryCode": ["US"]})", "IsoCountryCode that is not a text"},
        Refused{"ObjectForText", R"({"IsoCountryCode": {}})", "IsoCountryCode that is not a text"},
        Refused{"TextForBoolean", R"({"DeletionProtectionEnabled": "true"})", "that is not true or false"},
        Refused{"NumberForBoolean", R"({"DeletionProtectionEnabled": 1})", "that is not true or false"},
        Refused{"TextForList", R"({"NumberCapabilities": "SMS"})",
                "has a member NumberCapabilities that is not a list"},
        Refused{"ObjectForList", R"({"Tags": {"Key": "a"}})", "has a member Tags that is not a list"},
        Refused{"TextForObject", R"({"Tags": ["a=b"]})", "has an item in Tags that is not an object"},
        Refused{"ListInList", R"({"Tags": [[]]})", "has an item in Tags that is not an object"},
        Refused{"NullInList", R"({"Tags": [null]})", "has an item in Tags that is not an object"},
        Refused{"NumberInList", R"({"NumberCapabilities": ["SMS", 2]})", "has an item in NumberCapabilities"}),
    [](const testing::TestParamInfo<Refused>& test) { return std::string(test.param.name); });

TEST(FromAwsJson, RefusesNumbersOutOfRange) {
  for (const char* number : {"2147483648", "-2147483649", "9223372036854775808", "18446744073709551616", "1e300",
                             "1e400", "0.5", "1e-1", "99999999999999999999999999999999999999"}) {
    DescribePoolsRequest request;
    try {
      FromAwsJson("{\"MaxResults\": " + std::string(number) + "}", request);
      ADD_FAILURE() << number << " became " << request.max_results();
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::kSerialization) << number;
    }
  }
}

// A message can't tell an empty list from none; the caller can.
TEST(FromAwsJson, RefusesAnEmptyListWhereThereMustBeItems) {
  const auto error = Refusal(R"({"NumberPreference": []})");
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->fault(), Fault::kInvalid);
  EXPECT_EQ(error->reason(), reason::kInvalidParameter);
  EXPECT_EQ(error->fields().at(0).name, "numberPreference");
  const auto inside = Refusal(R"({"NumberPreference": [{"PreferenceType": ["EndsWith"], "Filter": []}]})");
  EXPECT_EQ(inside->fields().at(0).name, "numberPreference[0].filter");
  EXPECT_FALSE(Refusal(R"({"Tags": []})").has_value()) << "no list of tags is as good as an empty one";
}

TEST(FromAwsJson, NeverRepeatsMuchOfTheRequest) {
  const std::string name(100'000, 'x');
  EXPECT_LT(Refusal("{\"" + name + "\":1,\"" + name + "\":1}")->message().size(), 600);
}

TEST(ToAwsJson, WritesWhatIsSetAndWhatIsAlwaysThere) {
  EXPECT_EQ(ToAwsJson(Text<CreatePoolResponse>(R"(
      pool_arn: "arn" pool_id: "pool-1" status: POOL_STATUS_ACTIVE message_type: MESSAGE_TYPE_PROMOTIONAL
      opt_out_list_name: "Default" created_timestamp { seconds: 1645568542 nanos: 7000000 } revision: 3)")),
            R"({"PoolArn":"arn","PoolId":"pool-1","Status":"ACTIVE","MessageType":"PROMOTIONAL","TwoWayEnabled":false,)"
            R"("SelfManagedOptOutsEnabled":false,"OptOutListName":"Default","SharedRoutesEnabled":false,)"
            R"("DeletionProtectionEnabled":false,"CreatedTimestamp":1645568542.007})");
}

TEST(ToAwsJson, WritesEmptyListsButNotEmptyTagsOfWhatWasMade) {
  EXPECT_EQ(ToAwsJson(DescribePoolsResponse()), R"({"Pools":[]})");
  EXPECT_EQ(ToAwsJson(ListTagsForResourceResponse()), R"({"ResourceArn":"","Tags":[]})");
  EXPECT_EQ(ToAwsJson(Text<ListTagsForResourceResponse>(R"(resource_arn: "a" tags { key: "k" value: "" })")),
            R"({"ResourceArn":"a","Tags":[{"Key":"k","Value":""}]})");
}

TEST(ToAwsJson, EscapesText) {
  EXPECT_EQ(ToAwsJson(Text<DeletePoolRequest>(R"(pool_id: "a\"b\\c\n\t\001/ä😀")")),
            R"({"PoolId":"a\"b\\c\n\t\u0001/ä😀"})");
}

TEST(ToAwsJson, OfAnErrorHasWhatTheErrorHas) {
  EXPECT_EQ(
      ToAwsJson(Error::Conflict(reason::kDeletionProtectionEnabled, ResourceType::kPool, "pool-1"), "id"),
      R"({"__type":"com.amazonaws.pinpointsmsvoicev2#ConflictException",)"
      R"("Message":"Conflict Occurred - Reason=\"DELETION_PROTECTION_ENABLED\" ResourceType=\"pool\" )"
      R"(ResourceId=\"pool-1\"","Reason":"DELETION_PROTECTION_ENABLED","ResourceType":"pool","ResourceId":"pool-1"})");
  EXPECT_EQ(ToAwsJson(Error::Invalid(reason::kInvalidParameter, {{"a", "x"}, {"b[1]", "y"}}), "id"),
            R"({"__type":"com.amazonaws.pinpointsmsvoicev2#ValidationException",)"
            R"("Message":"Validation failed - Reason=\"INVALID_PARAMETER\" Fields=\"a,b[1]\" - a x",)"
            R"("Reason":"INVALID_PARAMETER","Fields":[{"Name":"a","Message":"x"},{"Name":"b[1]","Message":"y"}]})");
  EXPECT_EQ(ToAwsJson(Error::Internal("the secret"), "request-1"),
            R"({"__type":"com.amazonaws.pinpointsmsvoicev2#InternalServerException",)"
            R"("Message":"The service could not complete the request because of an internal error",)"
            R"("RequestId":"request-1"})");
}

// Every response, whatever is in it, has the members of the model and no others, each of the model's type.
class Filler {
 public:
  static void Fill(google::protobuf::Message& message, int depth = 0) {
    const auto& reflection = *message.GetReflection();
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const auto* field = message.GetDescriptor()->field(i);
      const bool list = field->is_repeated();
      switch (field->cpp_type()) {
        case google::protobuf::FieldDescriptor::CPPTYPE_STRING:
          list ? reflection.AddString(&message, field, "x") : reflection.SetString(&message, field, "x");
          break;
        case google::protobuf::FieldDescriptor::CPPTYPE_ENUM:
          list ? reflection.AddEnumValue(&message, field, field->enum_type()->value(1)->number())
               : reflection.SetEnumValue(&message, field, field->enum_type()->value(1)->number());
          break;
        case google::protobuf::FieldDescriptor::CPPTYPE_BOOL:
          reflection.SetBool(&message, field, true);
          break;
        case google::protobuf::FieldDescriptor::CPPTYPE_INT32:
          reflection.SetInt32(&message, field, 5);
          break;
        case google::protobuf::FieldDescriptor::CPPTYPE_INT64:
          reflection.SetInt64(&message, field, 5);
          break;
        case google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE:
          ASSERT_LT(depth, 10);
          Fill(list ? *reflection.AddMessage(&message, field) : *reflection.MutableMessage(&message, field), depth + 1);
          break;
        default:
          FAIL() << field->full_name();
      }
    }
  }
};

void ExpectIsOfShape(const nlohmann::json& value, const std::string& shape_name, const std::string& where) {
  const nlohmann::json& shape = ApiModel().at("shapes").at(shape_name);
  const std::string type = shape.at("type");
  if (type == "structure") {
    ASSERT_TRUE(value.is_object()) << where;
    std::set<std::string> members;
    for (const auto& [name, member] : shape.at("members").items()) {
      members.insert(name);
      if (value.contains(name)) ExpectIsOfShape(value.at(name), member.at("shape"), where + "." + name);
    }
    std::set<std::string> written;
    for (const auto& [name, ignored] : value.items()) written.insert(name);
    EXPECT_EQ(written, members) << where;
  } else if (type == "list") {
    ASSERT_TRUE(value.is_array() && value.size() == 1) << where;
    ExpectIsOfShape(value.at(0), shape.at("member").at("shape"), where + "[0]");
  } else if (type == "map") {
    ASSERT_TRUE(value.is_object() && value.size() == 1) << where;
    ExpectIsOfShape(value.at("x"), shape.at("value").at("shape"), where + "[x]");
  } else if (type == "string") {
    ASSERT_TRUE(value.is_string()) << where;
    if (shape.contains("enum")) {
      EXPECT_THAT(shape.at("enum"), testing::Contains(value)) << where;
    }
  } else if (type == "boolean") {
    EXPECT_TRUE(value.is_boolean()) << where;
  } else {
    EXPECT_TRUE(value.is_number()) << where << " is a " << type;
  }
}

TEST(ToAwsJson, WritesWhatTheModelSaysForEveryOperation) {
  for (const Method& method : Methods()) {
    if (method.policy.extension()) continue;
    SCOPED_TRACE(method.name);
    const auto& operation = ApiModel().at("operations").at(std::string(method.name));
    const auto response = method.NewResponse();
    Filler::Fill(*response);
    ExpectIsOfShape(nlohmann::json::parse(ToAwsJson(*response)), operation.at("output").at("shape"), "");

    // And reads what it has written: requests are made of the same kinds of members.
    const auto request = method.NewRequest();
    Filler::Fill(*request);
    const std::string json = ToAwsJson(*request);
    ExpectIsOfShape(nlohmann::json::parse(json), operation.at("input").at("shape"), "");
    const auto read = method.NewRequest();
    FromAwsJson(json, *read);
    EXPECT_EQ(ToAwsJson(*read), json);
  }
}

}  // namespace
}  // namespace poold
