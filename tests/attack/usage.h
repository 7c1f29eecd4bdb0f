#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace poold {

// Resident memory of a process in bytes; 0 if it has ended.
std::int64_t ResidentBytes(pid_t process);
// Processor time that it has used.
std::chrono::milliseconds ProcessorTime(pid_t process);

// Looks at a process's memory every 20 ms, on a thread of its own.
class MemoryWatch {
 public:
  // `alarm` becomes true when the process has more than `greatest` bytes.
  MemoryWatch(pid_t process, std::int64_t greatest, std::atomic<bool>& alarm);

  std::int64_t peak() const { return peak_; }

 private:
  std::atomic<std::int64_t> peak_{0};
  std::jthread thread_;
};

}  // namespace poold
