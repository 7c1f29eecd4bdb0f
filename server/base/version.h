#pragma once

#include <string_view>

namespace poold {

// "0.1.0+<commit>".
std::string_view Version();

}  // namespace poold
