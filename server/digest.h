#pragma once

#include <string>
#include <string_view>

namespace poold {

// SHA-256: 32 bytes.
std::string Sha256(std::string_view data);

}  // namespace poold
