#pragma once

#include <string>

namespace poold {

// Asks the server at `address` (HOST:PORT) by grpc.health.v1 whether it serves, waiting a second at most. Says on
// standard output what it answered.
bool IsServing(const std::string& address);

}  // namespace poold
