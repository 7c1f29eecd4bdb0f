#pragma once

#include <google/protobuf/message.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace poold {

// 32 bytes that are the same for requests that say the same, the named fields left out (those the type has). Members
// that the type does not know do not count. Stable across processes and releases as long as fields keep their numbers.
std::string Fingerprint(const google::protobuf::Message& request, std::initializer_list<std::string_view> without);

}  // namespace poold
