#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace poold {

// A directory of its own, removed with all that is in it at the end. What a killed test program leaves behind, the next
// one removes (tests/support/test_database.cc): the name holds the process's number.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path =
        (std::filesystem::temp_directory_path() / "poold-test-").string() + std::to_string(getpid()) + "-XXXXXX";
    // 0711 lets the user that runs a database through to its own directory.
    if (mkdtemp(path.data()) == nullptr || chmod(path.c_str(), 0711) != 0) {
      throw std::system_error(errno, std::generic_category(), "cannot create " + path);
    }
    path_ = path;
  }
  ~TemporaryDirectory() {
    std::error_code none;
    std::filesystem::remove_all(path_, none);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace poold
