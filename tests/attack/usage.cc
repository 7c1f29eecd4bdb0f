#include "tests/attack/usage.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace poold {

std::int64_t ResidentBytes(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/statm");
  std::int64_t all = 0;
  std::int64_t resident = 0;
  file >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

std::chrono::milliseconds ProcessorTime(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  // What follows the name, which may have blanks in it: the state, and eleven fields further the ticks of user and
  // system.
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string skipped;
  for (int i = 0; i < 12; ++i) fields >> skipped;
  std::int64_t user = 0;
  std::int64_t system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds((user + system) * 1'000 / sysconf(_SC_CLK_TCK));
}

MemoryWatch::MemoryWatch(pid_t process, std::int64_t greatest, std::atomic<bool>& alarm)
    : thread_([this, process, greatest, &alarm](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          const std::int64_t resident = ResidentBytes(process);
          peak_ = std::max<std::int64_t>(peak_, resident);
          if (resident > greatest) alarm = true;
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
      }) {}

}  // namespace poold
