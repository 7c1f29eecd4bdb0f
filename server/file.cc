#include "server/file.h"

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace poold {
namespace {

constexpr std::size_t kGreatest = 16 << 20;

}  // namespace

std::string ReadFile(const std::filesystem::path& path) {
  std::error_code none;
  if (std::filesystem::exists(path, none) && !std::filesystem::is_regular_file(path, none)) {
    throw std::runtime_error("it is no file");
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string bytes;
  char block[4096];
  while (file.read(block, sizeof(block)) || file.gcount() > 0) {
    bytes.append(block, static_cast<std::size_t>(file.gcount()));
    if (bytes.size() > kGreatest) throw std::runtime_error("it is too long");
  }
  if (!file.is_open() || file.bad()) throw std::runtime_error(std::generic_category().message(errno));
  return bytes;
}

}  // namespace poold
