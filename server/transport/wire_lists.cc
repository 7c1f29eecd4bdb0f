#include "server/transport/wire_lists.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "server/base/error.h"
#include "smsvoice/v2/rules.pb.h"

namespace poold {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr std::uint32_t kGreatestVarint = 10;  // bytes
constexpr int kGreatestDepth = 100;            // as of protobuf's parser

// A field that was met in a message.
struct Met {
  std::uint32_t number;
  const FieldDescriptor* field;  // nullptr: the message has none of this number
  std::uint32_t most;            // items
  std::uint32_t items = 0;
};

class Scan {
 public:
  explicit Scan(CodedInputStream& in) : in_(in) {}

  // Up to the end of the message; false at bytes that are none. `path`: "filters[2].", or empty.
  bool Message(const Descriptor& type, const std::string& path, int depth) {
    std::vector<Met> met;
    std::size_t unknown = 0;
    while (const std::uint32_t tag = in_.ReadTag()) {
      Met& one = Meet(met, type, static_cast<std::uint32_t>(WireFormatLite::GetTagFieldNumber(tag)));
      if (one.field == nullptr) {
        if (++unknown > kUnknownMembers) RefuseUnknown(path);
        met.pop_back();  // one that is unknown is always the last: there may be many
        if (!WireFormatLite::SkipField(&in_, tag)) return false;
      } else if (!Value(tag, one, path, depth)) {
        return false;
      }
    }
    return in_.ConsumedEntireMessage();
  }

 private:
  static Met& Meet(std::vector<Met>& met, const Descriptor& type, std::uint32_t number) {
    const auto known = std::ranges::find(met, number, &Met::number);
    if (known != met.end()) return *known;
    const FieldDescriptor* field = type.FindFieldByNumber(static_cast<int>(number));
    std::uint32_t most = UINT32_MAX;
    if (field != nullptr && field->is_repeated()) {
      const auto& rule = field->options().GetExtension(smsvoice::v2::rule);
      if (rule.has_max_items()) most = rule.max_items();
    }
    return met.emplace_back(Met{number, field, most});
  }

  bool Value(std::uint32_t tag, Met& one, const std::string& path, int depth) {
    const FieldDescriptor& field = *one.field;
    const bool delimited = WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (!delimited) return Item(one, path) && WireFormatLite::SkipField(&in_, tag);
    std::uint32_t length = 0;
    if (!in_.ReadVarint32(&length) || length > INT32_MAX) return false;
    if (field.is_packable()) {  // many items in one: at least so many
      one.items += length / kGreatestVarint;
      return Item(one, path) && in_.Skip(static_cast<int>(length));
    }
    Item(one, path);
    if (field.message_type() == nullptr) return in_.Skip(static_cast<int>(length));
    if (depth == kGreatestDepth) return false;
    const auto limit = in_.PushLimit(static_cast<int>(length));
    const std::string item = field.is_repeated() ? "[" + std::to_string(one.items - 1) + "]" : "";
    if (!Message(*field.message_type(), path + field.json_name() + item + ".", depth + 1)) return false;
    in_.PopLimit(limit);
    return true;
  }

  // Counts one more.
  static bool Item(Met& one, const std::string& path) {
    if (!one.field->is_repeated() || ++one.items <= one.most) return true;
    throw Error::Invalid(
        reason::kInvalidParameter, path + one.field->json_name(),
        "must have at most " + std::to_string(one.most) + (one.most == 1 ? " item" : " items") + ", has more");
  }

  [[noreturn]] static void RefuseUnknown(const std::string& path) {
    throw Error::Invalid(
        reason::kCannotParse, path.empty() ? "request" : path.substr(0, path.size() - 1),
        "has more than " + std::to_string(kUnknownMembers) + " members that this service does not know");
  }

  CodedInputStream& in_;
};

}  // namespace

void RefuseLongLists(google::protobuf::io::ZeroCopyInputStream& bytes, const Descriptor& type) {
  CodedInputStream in(&bytes);
  Scan(in).Message(type, {}, 0);
}

}  // namespace poold
