#include "server/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace poold {
namespace {

constexpr std::size_t kGreatest = 16 << 20;

// Opened for reading.
class OpenFile {
 public:
  // Not blocking: a pipe would wait for its other end.
  explicit OpenFile(const std::filesystem::path& path) : fd_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (fd_ < 0) Fail();
    if (fstat(fd_, &status_) != 0 || !S_ISREG(status_.st_mode)) {
      close(fd_);
      throw std::runtime_error("it is no file");
    }
  }
  ~OpenFile() { close(fd_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  mode_t mode() const { return status_.st_mode; }

  std::string Read() const {
    std::string bytes;
    std::array<char, 4096> block;
    ssize_t count = 0;
    while ((count = read(fd_, block.data(), block.size())) > 0) {
      bytes.append(block.data(), static_cast<std::size_t>(count));
      if (bytes.size() > kGreatest) throw std::runtime_error("it is too long");
    }
    if (count < 0) Fail();
    return bytes;
  }

 private:
  [[noreturn]] static void Fail() { throw std::runtime_error(std::generic_category().message(errno)); }

  int fd_;
  struct stat status_ {};
};

bool OthersCanExchangeFilesIn(const std::filesystem::path& directory) {
  struct stat status {};
  struct statvfs mount {};
  return stat(directory.c_str(), &status) == 0 && (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0 &&
         !(statvfs(directory.c_str(), &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0);
}

}  // namespace

std::string ReadFile(const std::filesystem::path& path) { return OpenFile(path).Read(); }

std::string ReadProtectedFile(const std::filesystem::path& path) {
  const OpenFile file(path);
  if ((file.mode() & (S_IWGRP | S_IWOTH)) != 0) {
    throw std::runtime_error("group or others can write to it, so anybody of them could let themselves in; chmod go-w");
  }
  if (OthersCanExchangeFilesIn(path.has_parent_path() ? path.parent_path() : ".")) {
    throw std::runtime_error("everybody can write to its directory and put another file in its place; chmod o-w");
  }
  return file.Read();
}

}  // namespace poold
