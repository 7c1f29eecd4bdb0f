#pragma once

#include <string>

namespace poold {

// Whether only programs on this machine can reach a HOST:PORT. Pure; any thread.
bool IsLoopback(const std::string& address);

}  // namespace poold
