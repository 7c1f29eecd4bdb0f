#include "server/transport/json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "server/base/aws_names.h"
#include "server/base/text.h"
#include "smsvoice/v2/rules.pb.h"

namespace poold {
namespace {

namespace json = boost::json;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::string_view kNamespace = "com.amazonaws.pinpointsmsvoicev2#";
constexpr std::size_t kGreatestDepth = 16;
constexpr std::size_t kQuoted = 64;  // bytes of a name that a refusal repeats
constexpr std::uint32_t kAnyNumber = UINT32_MAX;
// What an unknown enum text becomes: no enum has it.
constexpr int kUnknownEnumNumber = -1;

[[noreturn]] void Refuse(const std::string& why) {
  throw Error::FrontEnd(Fault::kSerialization, "The request body " + why);
}

bool IsExtension(const FieldDescriptor& field) { return field.options().GetExtension(smsvoice::v2::extension); }

// "PoolId" of pool_id.
std::string MemberName(const FieldDescriptor& field) {
  std::string name = field.json_name();
  name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return name;
}

// nullptr if the message has no such member.
const FieldDescriptor* FindMember(const Message& message, std::string name) {
  if (name.empty() || name[0] < 'A' || name[0] > 'Z') return nullptr;
  name[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(name[0])));
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByCamelcaseName(name);
  return field == nullptr || IsExtension(*field) ? nullptr : field;
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading: the parser reports what it meets, and it goes straight into the message.

class Reader {
 public:
  explicit Reader(Message& message) : root_(message) {}

  // What boost::json::basic_parser calls. None of it ever fails by `ec`: what is wrong is thrown.
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }

  bool on_object_begin(json::error_code&) {
    if (levels_.empty()) {
      levels_.push_back({&root_});
      return true;
    }
    const Place place = Next("an object");
    Message* inner = nullptr;
    if (place.field != nullptr) {
      if (place.field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) Wrong(*place.field);
      const Reflection& reflection = *place.message->GetReflection();
      inner = place.item ? reflection.AddMessage(place.message, place.field)
                         : reflection.MutableMessage(place.message, place.field);
    }
    levels_.push_back({inner});
    return true;
  }
  bool on_object_end(std::size_t, json::error_code&) {
    levels_.pop_back();
    return true;
  }

  bool on_array_begin(json::error_code&) {
    if (levels_.empty()) Refuse("must be a JSON object");
    Level& level = levels_.back();
    if (level.message != nullptr && level.member != nullptr) {
      if (level.list || !level.member->is_repeated()) Wrong(*level.member);
      const auto& rule = level.member->options().GetExtension(smsvoice::v2::rule);
      levels_.push_back({level.message, level.member, true, rule.has_max_items() ? rule.max_items() : kAnyNumber});
    } else {
      levels_.push_back({nullptr, nullptr, true});
    }
    return true;
  }
  bool on_array_end(std::size_t count, json::error_code&) {
    const Level list = levels_.back();
    levels_.pop_back();
    if (count == 0 && list.member != nullptr) {
      const auto least = list.member->options().GetExtension(smsvoice::v2::rule).min_items();
      if (least > 0) {
        throw Error::Invalid(
            reason::kInvalidParameter, PathToMember(),
            "must have at least " + std::to_string(least) + (least == 1 ? " item" : " items") + ", has 0");
      }
    }
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view rest, std::size_t, json::error_code&) {
    std::string name = Text(rest);
    Level& level = levels_.back();
    if (!level.names.insert(name).second) Refuse("has the member " + Printable(name, kQuoted) + " twice");
    level.member = level.message == nullptr ? nullptr : FindMember(*level.message, std::move(name));
    return true;
  }

  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view rest, std::size_t, json::error_code&) {
    std::string text = Text(rest);
    const Place place = Next("a text");
    if (place.field == nullptr) return true;
    const FieldDescriptor& field = *place.field;
    const Reflection& reflection = *place.message->GetReflection();
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      const auto* value = FindByAwsName(*field.enum_type(), text);
      const int number = value == nullptr ? kUnknownEnumNumber : value->number();
      place.item ? reflection.AddEnumValue(place.message, &field, number)
                 : reflection.SetEnumValue(place.message, &field, number);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      place.item ? reflection.AddString(place.message, &field, std::move(text))
                 : reflection.SetString(place.message, &field, std::move(text));
    } else {
      Wrong(field);
    }
    return true;
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t value, json::string_view, json::error_code&) {
    Integer(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, json::string_view, json::error_code&) {
    Integer(value > std::numeric_limits<std::int64_t>::max() ? std::nullopt
                                                             : std::optional(static_cast<std::int64_t>(value)));
    return true;
  }
  bool on_double(double value, json::string_view, json::error_code&) {
    // Whole numbers may be written as 5.0 or 5e0; beyond 2^53 a double is no longer sure of its last digits.
    const bool whole = std::trunc(value) == value && std::abs(value) <= 9007199254740992.0;
    Integer(whole ? std::optional(static_cast<std::int64_t>(value)) : std::nullopt);
    return true;
  }

  bool on_bool(bool value, json::error_code&) {
    const Place place = Next("a boolean");
    if (place.field == nullptr) return true;
    if (place.field->cpp_type() != FieldDescriptor::CPPTYPE_BOOL) Wrong(*place.field);
    const Reflection& reflection = *place.message->GetReflection();
    place.item ? reflection.AddBool(place.message, place.field, value)
               : reflection.SetBool(place.message, place.field, value);
    return true;
  }
  bool on_null(json::error_code&) {
    if (levels_.empty()) Refuse("must be a JSON object");
    const Level& level = levels_.back();
    if (level.list && level.member != nullptr) Wrong(*level.member);
    return true;
  }

  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  // An object or a list that has begun and not ended.
  struct Level {
    Message* message;                         // that it fills, of a list: whose field; nullptr: it is skipped
    const FieldDescriptor* member = nullptr;  // whose value comes next, of a list: the list; nullptr: it is skipped
    bool list = false;
    std::uint32_t room = kAnyNumber;   // of a list: how many more items it may have
    std::set<std::string> names = {};  // of the members so far
  };

  // Where a value goes; `field` is nullptr if nowhere.
  struct Place {
    Message* message;
    const FieldDescriptor* field;
    bool item;
  };

  Place Next(const char* what) {
    if (levels_.empty()) Refuse(std::string("must be a JSON object, not ") + what);
    Level& level = levels_.back();
    if (level.message == nullptr || level.member == nullptr) return {nullptr, nullptr, false};
    if (level.member->is_repeated() && !level.list) Wrong(*level.member);
    if (level.list && level.room-- == 0) RefuseLongList();
    return {level.message, level.member, level.list};
  }

  // "filters[0].values": the member that is being read, as Validate names it. It must be one of the message's.
  std::string PathToMember() const {
    std::string path;
    for (const Level& level : levels_) {
      if (level.list) {
        const int items = level.message->GetReflection()->FieldSize(*level.message, level.member);
        path += "[" + std::to_string(items - 1) + "]";
      } else {
        path += (path.empty() ? "" : ".") + level.member->json_name();
      }
    }
    return path;
  }

  // At the first item too many, so that a request costs no more memory than one that is in order.
  [[noreturn]] void RefuseLongList() {
    const auto most = levels_.back().member->options().GetExtension(smsvoice::v2::rule).max_items();
    levels_.pop_back();
    throw Error::Invalid(reason::kInvalidParameter, PathToMember(),
                         "must have at most " + std::to_string(most) + (most == 1 ? " item" : " items") + ", has more");
  }

  void Integer(std::optional<std::int64_t> value) {
    const Place place = Next("a number");
    if (place.field == nullptr) return;
    const Reflection& reflection = *place.message->GetReflection();
    if (place.field->cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
      if (!value || *value < std::numeric_limits<std::int32_t>::min() ||
          *value > std::numeric_limits<std::int32_t>::max()) {
        Wrong(*place.field);
      }
      const auto number = static_cast<std::int32_t>(*value);
      place.item ? reflection.AddInt32(place.message, place.field, number)
                 : reflection.SetInt32(place.message, place.field, number);
    } else if (place.field->cpp_type() == FieldDescriptor::CPPTYPE_INT64 && value) {
      place.item ? reflection.AddInt64(place.message, place.field, *value)
                 : reflection.SetInt64(place.message, place.field, *value);
    } else {
      Wrong(*place.field);
    }
  }

  [[noreturn]] void Wrong(const FieldDescriptor& field) {
    const bool item = !levels_.empty() && levels_.back().list;
    std::string must = "a text";
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        must = "an object";
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        must = "true or false";
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        must = "a whole number of 32 bits";
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        must = "a whole number of 64 bits";
        break;
      default:
        break;
    }
    Refuse(item                  ? "has an item in " + MemberName(field) + " that is not " + must
           : field.is_repeated() ? "has a member " + MemberName(field) + " that is not a list"
                                 : "has a member " + MemberName(field) + " that is not " + must);
  }

  // The text whose last part this is.
  std::string Text(json::string_view rest) {
    text_.append(rest.data(), rest.size());
    if (text_.find('\0') != text_.npos) Refuse("has a NUL character in a text");
    return std::exchange(text_, {});
  }

  Message& root_;
  std::vector<Level> levels_;
  std::string text_;  // parts of a text that go on
};

// ---------------------------------------------------------------------------------------------------------------------
// Writing.

// Most texts have nothing to escape, and the serializer of the library takes hundreds of instructions to begin.
void AppendText(std::string& json, std::string_view text) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (std::ranges::all_of(text, is_plain)) {
    json.append(1, '"').append(text).append(1, '"');
  } else {
    json += boost::json::serialize(boost::json::string_view(text.data(), text.size()));
  }
}

void AppendName(std::string& json, std::string_view name) {
  if (json.back() != '{') json += ',';
  json += '"';
  json += name;
  json += "\":";
}

// Seconds and milliseconds: 1645568542.007
void AppendTimestamp(std::string& json, const google::protobuf::Timestamp& time) {
  json += WithThousandths(time.seconds(), time.nanos() / 1'000'000);
}

void AppendMessage(std::string& json, const Message& message);

// `reflection` is the message's: to ask for it takes as long as to read a field. `index` -1: the field is singular.
void AppendValue(std::string& json, const Message& message, const Reflection& reflection, const FieldDescriptor& field,
                 int index) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      AppendText(json, index < 0 ? reflection.GetStringReference(message, &field, &scratch)
                                 : reflection.GetRepeatedStringReference(message, &field, index, &scratch));
      return;
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      AppendText(json,
                 AwsName(*field.enum_type(), index < 0 ? reflection.GetEnumValue(message, &field)
                                                       : reflection.GetRepeatedEnumValue(message, &field, index)));
      return;
    case FieldDescriptor::CPPTYPE_BOOL:
      json += reflection.GetBool(message, &field) ? "true" : "false";
      return;
    case FieldDescriptor::CPPTYPE_INT32:
      json += std::to_string(reflection.GetInt32(message, &field));
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      json += std::to_string(reflection.GetInt64(message, &field));
      return;
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Message& inner =
          index < 0 ? reflection.GetMessage(message, &field) : reflection.GetRepeatedMessage(message, &field, index);
      if (field.message_type() == google::protobuf::Timestamp::descriptor()) {
        AppendTimestamp(json, static_cast<const google::protobuf::Timestamp&>(inner));
      } else {
        AppendMessage(json, inner);
      }
      return;
    }
    default:
      throw std::logic_error("AWS JSON has no form for " + field.full_name());
  }
}

bool IsWritten(const Message& message, const Reflection& reflection, const FieldDescriptor& field) {
  if (IsExtension(field)) return false;
  if (field.is_repeated()) {
    return reflection.FieldSize(message, &field) > 0 ||
           !field.options().GetExtension(smsvoice::v2::left_out_when_empty);
  }
  if (field.has_presence() && !reflection.HasField(message, &field)) return false;
  return field.cpp_type() != FieldDescriptor::CPPTYPE_ENUM || reflection.GetEnumValue(message, &field) != 0;
}

// A map, which protobuf holds as a list of entries: {"SMS":10}
void AppendMap(std::string& json, const Message& message, const Reflection& reflection, const FieldDescriptor& field) {
  json += '{';
  for (int item = 0; item < reflection.FieldSize(message, &field); ++item) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, item);
    if (item > 0) json += ',';
    AppendValue(json, entry, *entry.GetReflection(), *field.message_type()->map_key(), -1);
    json += ':';
    AppendValue(json, entry, *entry.GetReflection(), *field.message_type()->map_value(), -1);
  }
  json += '}';
}

void AppendMessage(std::string& json, const Message& message) {
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  const Reflection& reflection = *message.GetReflection();
  json += '{';
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (!IsWritten(message, reflection, field)) continue;
    AppendName(json, MemberName(field));
    if (field.is_map()) {
      AppendMap(json, message, reflection, field);
      continue;
    }
    if (!field.is_repeated()) {
      AppendValue(json, message, reflection, field, -1);
      continue;
    }
    json += '[';
    for (int item = 0; item < reflection.FieldSize(message, &field); ++item) {
      if (item > 0) json += ',';
      AppendValue(json, message, reflection, field, item);
    }
    json += ']';
  }
  json += '}';
}

void AppendTextMember(std::string& json, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  AppendName(json, name);
  AppendText(json, text);
}

}  // namespace

void FromAwsJson(std::string_view text, Message& message) {
  json::parse_options options;
  options.max_depth = kGreatestDepth;
  json::basic_parser<Reader> parser(options, message);
  json::error_code problem;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), problem);
  if (problem) {
    Refuse("is not JSON as AWS clients send it, at byte " + std::to_string(read) + ": " + problem.message());
  }
  if (read < text.size()) Refuse("goes on after its JSON object, at byte " + std::to_string(read));
}

std::string ToAwsJson(const Message& message) {
  std::string json;
  AppendMessage(json, message);
  return json;
}

std::string ToAwsJson(const Error& error, std::string_view request_id) {
  std::string json = "{";
  AppendTextMember(json, "__type", std::string(kNamespace) + std::string(error.exception()));
  AppendTextMember(json, "Message", error.message());
  AppendTextMember(json, "Reason", error.reason());
  if (!error.fields().empty()) {
    AppendName(json, "Fields");
    std::string fields;
    for (const FieldViolation& violation : error.fields()) {
      fields += fields.empty() ? "{" : ",{";
      AppendName(fields, "Name");
      AppendText(fields, violation.name);
      AppendName(fields, "Message");
      AppendText(fields, violation.message);
      fields += '}';
    }
    json += '[' + fields + ']';
  }
  AppendTextMember(json, "ResourceType", AwsName(error.resource_type()));
  AppendTextMember(json, "ResourceId", error.resource_id());
  if (error.http_status() == 500) AppendTextMember(json, "RequestId", request_id);
  return json + '}';
}

}  // namespace poold
