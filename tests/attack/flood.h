#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "tests/attack/attack.h"

namespace poold {

// What the attacker saw.
struct FloodResult {
  std::int64_t connected = 0;  // connections that it made, those again included
  std::int64_t cut = 0;        // connections that the server ended
  std::int64_t sent = 0;       // bytes
};

// Each connection sends at most so much: loopback is faster than any network that a stranger comes by, and the attacker
// should not be what uses up the machine.
inline constexpr std::int64_t kFloodBytesPerSecond = 4 << 20;

// Runs an attack from 127.0.0.2 against addresses such as "127.0.0.1:50051", on this thread, until `duration` has
// passed or `stop` is true. Then all its connections are closed.
FloodResult Flood(const Attack& attack, const std::string& grpc_address, const std::string& http_address,
                  std::chrono::milliseconds duration, const std::atomic<bool>& stop);

}  // namespace poold
