#include "storage/embedded/socket_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace poold::storage {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "socket";
constexpr std::string_view kPrefixInTmp = "/tmp/poold-socket-";
constexpr std::string_view kSuffixInTmp = "XXXXXX";  // of which mkdtemp makes letters and digits
constexpr std::string_view kLettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr const char* kSocketFile = ".s.PGSQL.5432";
constexpr const char* kLockFile = ".s.PGSQL.5432.lock";
constexpr std::size_t kLongestSocketPath = 107;  // sockaddr_un.sun_path, less its final NUL

[[noreturn]] void Fail(const std::string& sentence) { throw std::runtime_error(sentence); }

[[noreturn]] void FailWithErrno(const std::string& what) { Fail(what + ": " + std::strerror(errno)); }

FileDescriptor OpenDirectory(int parent, const std::string& name) {
  return FileDescriptor(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// Whether a link leads to where we make directories in /tmp.
bool IsInTmp(const std::string& target) {
  return target.size() == kPrefixInTmp.size() + kSuffixInTmp.size() && target.starts_with(kPrefixInTmp) &&
         target.find_first_not_of(kLettersAndDigits, kPrefixInTmp.size()) == std::string::npos;
}

}  // namespace

SocketDirectory::SocketDirectory(const TrustedDirectory& home, const std::optional<UnixUser>& user)
    : home_(home), user_(user ? user->uid : geteuid()) {
  RemoveLeftover();
  path_ = home.path() / kName;
  // libpq takes a comma for the end of a host's name.
  if ((path_ / kSocketFile).native().size() <= kLongestSocketPath && path_.native().find(',') == std::string::npos) {
    home.MakeSubdirectory(kName, S_IRWXU, user);
    return;
  }
  std::string name = std::string(kPrefixInTmp) + std::string(kSuffixInTmp);
  if (mkdtemp(name.data()) == nullptr) FailWithErrno("cannot create a directory for the database's socket in /tmp");
  const FileDescriptor directory = OpenDirectory(AT_FDCWD, name);
  if (!directory || (user && fchown(directory.get(), user->uid, user->gid) != 0) ||
      symlinkat(name.c_str(), home.fd(), kName) != 0) {
    FailWithErrno("cannot prepare " + name);
  }
  path_ = name;
}

SocketDirectory::~SocketDirectory() {
  const bool in_tmp = path_.parent_path() != home_.path();
  RemoveSocketsIn(in_tmp ? AT_FDCWD : home_.fd(), in_tmp ? path_.string() : kName);
  if (in_tmp) unlinkat(home_.fd(), kName, 0);
}

void SocketDirectory::RemoveLeftover() const {
  const std::string path = (home_.path() / kName).string();
  if (const std::optional<fs::path> target = home_.LinkTarget(kName)) {
    if (!IsInTmp(target->string())) {
      Fail(path + " is a symbolic link that poold did not make; look where it leads, then remove it");
    }
    RemoveSocketsIn(AT_FDCWD, target->string());  // what others made of that name since then stays
    if (unlinkat(home_.fd(), kName, 0) != 0) FailWithErrno("cannot remove " + path);
  } else if (!RemoveSocketsIn(home_.fd(), kName)) {
    Fail(path + " is not as poold made it; look what is in it, then remove it");
  }
}

// Removes a directory as we make it, with the socket and the lock file that PostgreSQL made in it. False: it is there
// still, since others can write to it or it holds anything else.
bool SocketDirectory::RemoveSocketsIn(int parent, const std::string& name) const {
  const FileDescriptor directory = OpenDirectory(parent, name);
  if (!directory) return errno == ENOENT;
  struct stat status {};
  if (fstat(directory.get(), &status) != 0 || (status.st_uid != user_ && status.st_uid != geteuid()) ||
      (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return false;
  }
  const auto remove = [&](const char* file, mode_t type) {
    if (fstatat(directory.get(), file, &status, AT_SYMLINK_NOFOLLOW) == 0 && (status.st_mode & S_IFMT) == type) {
      unlinkat(directory.get(), file, 0);
    }
  };
  remove(kSocketFile, S_IFSOCK);
  remove(kLockFile, S_IFREG);
  return unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0;
}

}  // namespace poold::storage
