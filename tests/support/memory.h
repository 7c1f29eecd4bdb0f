#pragma once

#include <sys/types.h>

#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>

namespace poold {

// The most memory that a process has had resident at any moment of its life, in bytes. Throws std::runtime_error if
// there is no such process.
inline std::int64_t PeakMemory(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(line.find(':') + 1)) << 10;
  }
  throw std::runtime_error("process " + std::to_string(pid) + " is not there");
}

}  // namespace poold
