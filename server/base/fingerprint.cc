#include "server/base/fingerprint.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "server/base/digest.h"

namespace poold {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::internal::WireFormatLite;

// Whether the message, and all that is in it, has only members that its type knows.
bool IsKnown(const Message& message) {
  const auto& type = *message.GetDescriptor();
  const auto& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) return false;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (reflection.HasField(message, field) && !IsKnown(reflection.GetMessage(message, field))) return false;
      continue;
    }
    for (int n = 0; n < reflection.FieldSize(message, field); ++n) {
      if (!IsKnown(reflection.GetRepeatedMessage(message, field, n))) return false;
    }
  }
  return true;
}

std::string BytesOf(const Message& message) {
  std::string bytes(message.ByteSizeLong(), '\0');
  {
    google::protobuf::io::ArrayOutputStream array(bytes.data(), static_cast<int>(bytes.size()));
    google::protobuf::io::CodedOutputStream out(&array);
    out.SetSerializationDeterministic(true);
    message.SerializeWithCachedSizes(&out);
  }
  return bytes;
}

// The bytes of a message but for those of these fields.
std::string Without(const std::vector<int>& numbers, const std::string& bytes) {
  std::string rest;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  while (true) {
    const auto begin = static_cast<std::size_t>(in.CurrentPosition());
    const std::uint32_t tag = in.ReadTag();
    if (tag == 0 || !WireFormatLite::SkipField(&in, tag)) return rest;
    if (std::ranges::find(numbers, WireFormatLite::GetTagFieldNumber(tag)) != numbers.end()) continue;
    rest.append(bytes, begin, static_cast<std::size_t>(in.CurrentPosition()) - begin);
  }
}

}  // namespace

std::string Fingerprint(const Message& request, std::initializer_list<std::string_view> without) {
  if (!IsKnown(request)) {  // seldom, since it takes a copy
    const std::unique_ptr<Message> copy(request.New());
    copy->CopyFrom(request);
    copy->DiscardUnknownFields();
    return Fingerprint(*copy, without);
  }
  std::vector<int> numbers;
  for (const std::string_view name : without) {
    const auto* field = request.GetDescriptor()->FindFieldByName(std::string(name));
    if (field != nullptr) numbers.push_back(field->number());
  }
  return Sha256(Without(numbers, BytesOf(request)));
}

}  // namespace poold
