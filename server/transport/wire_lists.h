#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <cstddef>

namespace poold {

// Members that this service does not know in one message. A client of a later version has a few.
inline constexpr std::size_t kUnknownMembers = 1000;

// Throws Error (ValidationException) if a list in these bytes of a message has more items than its rule in the .proto
// allows, or a message more than kUnknownMembers members that it does not have. It makes no objects: protobuf's parser
// takes a hundred times as long for a MiB of empty texts, and 25 MB. Bytes that are no such message are left to the
// parser. Any thread.
void RefuseLongLists(google::protobuf::io::ZeroCopyInputStream& bytes, const google::protobuf::Descriptor& type);

}  // namespace poold
