#include "storage/embedded/trusted_directory.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace poold::storage {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;
constexpr int kMostLinks = 8;                  // a chain of links that is longer is a mistake, or a circle
constexpr std::size_t kMostBytes = 1 << 20;    // of a file that is read: ours are of some hundred bytes, logs apart
constexpr const char* kNewFile = ".new-file";  // becomes the file that is replaced

[[noreturn]] void Fail(const std::string& sentence) { throw std::runtime_error(sentence); }

[[noreturn]] void FailWithErrno(const std::string& what) { Fail(what + ": " + std::strerror(errno)); }

// Without a final slash, which would follow a link.
fs::path Absolute(const fs::path& path) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

struct stat StatusOf(const FileDescriptor& fd, const fs::path& path) {
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) FailWithErrno("cannot look at " + path.string());
  return status;
}

// Opens a directory, by links of this user and of root only. None if there is nothing of that name.
FileDescriptor OpenDirectory(fs::path path) {
  for (int links = 0; links <= kMostLinks; ++links) {
    // What the name stands for is held, so that nobody can exchange it between the look and the use.
    const FileDescriptor entry(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!entry) {
      if (errno == ENOENT) return FileDescriptor();
      FailWithErrno("cannot open " + path.string());
    }
    const struct stat status = StatusOf(entry, path);
    if (!S_ISLNK(status.st_mode)) {
      FileDescriptor directory(openat(entry.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!directory) FailWithErrno("cannot open the directory " + path.string());
      return directory;
    }
    if (status.st_uid != 0 && status.st_uid != geteuid()) {
      Fail(path.string() + " is a symbolic link of user " + NameOfUser(status.st_uid) +
           ", who could lead it elsewhere; name a directory of your own");
    }
    std::array<char, PATH_MAX> target{};
    const ssize_t length = readlinkat(entry.get(), "", target.data(), target.size());
    if (length < 0) FailWithErrno("cannot read the symbolic link " + path.string());
    path = path.parent_path() / std::string(target.data(), static_cast<std::size_t>(length));
  }
  Fail(path.string() + " is behind too many symbolic links; name the directory itself");
}

void RequireTrusted(const fs::path& path, const struct stat& status, bool owner_is_trusted) {
  if (!owner_is_trusted) {
    Fail(path.string() + " belongs to user " + NameOfUser(status.st_uid) +
         ", who could change it; use a directory of your own, and in it only files of your own");
  }
  if ((status.st_mode & kWritableByOthers) != 0) {
    const bool sticky = (status.st_mode & S_ISVTX) != 0;
    Fail(path.string() + " can be written to by other users" +
         (sticky ? "; use a directory of your own" : "; if you trust what is in it, run: chmod go-w " + path.string()));
  }
}

}  // namespace

std::string NameOfUser(uid_t user) {
  const std::optional<UnixUser> known = FindUser(user);
  return known ? known->name : std::to_string(user);
}

TrustedDirectory::TrustedDirectory(FileDescriptor fd, fs::path path, uid_t owner)
    : fd_(std::move(fd)), path_(std::move(path)), owner_(owner) {
  const struct stat status = StatusOf(fd_, path_);
  RequireTrusted(path_, status, Trusts(status.st_uid));
}

bool TrustedDirectory::Trusts(uid_t user) const { return user == 0 || user == owner_; }

std::optional<TrustedDirectory> TrustedDirectory::Open(const fs::path& path) {
  const fs::path absolute = Absolute(path);
  FileDescriptor fd = OpenDirectory(absolute);
  if (!fd) return std::nullopt;
  return TrustedDirectory(std::move(fd), fs::canonical(absolute), geteuid());
}

TrustedDirectory TrustedDirectory::OpenOrMake(const fs::path& path, mode_t mode) {
  if (auto found = Open(path)) return std::move(*found);
  const fs::path absolute = Absolute(path);
  std::error_code error;
  fs::create_directories(absolute.parent_path(), error);
  if (error) Fail("cannot create the directories above " + absolute.string() + ": " + error.message());
  if (mkdir(absolute.c_str(), mode) != 0) FailWithErrno("cannot create the directory " + absolute.string());
  auto made = Open(path);
  if (!made) Fail(absolute.string() + " was removed at once");
  // The umask may have taken something away.
  if (fchmod(made->fd(), mode) != 0) FailWithErrno("cannot prepare " + absolute.string());
  return std::move(*made);
}

std::optional<struct stat> TrustedDirectory::Find(const std::string& name) const {
  struct stat status {};
  if (fstatat(fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return status;
  if (errno != ENOENT) FailWithErrno("cannot look at " + (path_ / name).string());
  return std::nullopt;
}

std::optional<fs::path> TrustedDirectory::LinkTarget(const std::string& name) const {
  const auto status = Find(name);
  if (!status || !S_ISLNK(status->st_mode)) return std::nullopt;
  if (!Trusts(status->st_uid)) {
    Fail((path_ / name).string() + " is a symbolic link of user " + NameOfUser(status->st_uid) +
         "; look where it leads, then remove it");
  }
  std::array<char, PATH_MAX> target{};
  const ssize_t length = readlinkat(fd(), name.c_str(), target.data(), target.size());
  if (length < 0) FailWithErrno("cannot read the symbolic link " + (path_ / name).string());
  return std::string(target.data(), static_cast<std::size_t>(length));
}

FileDescriptor TrustedDirectory::OpenFile(const std::string& name, int flags) const {
  const fs::path path = path_ / name;
  // Not blocking: a pipe would wait for its other end.
  FileDescriptor file(openat(fd(), name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file) {
    if (errno == ELOOP) Fail(path.string() + " is a symbolic link; look where it leads, then remove it");
    FailWithErrno("cannot open " + path.string());
  }
  const struct stat status = StatusOf(file, path);
  if (!S_ISREG(status.st_mode)) Fail(path.string() + " is no file; look what it is, then remove it");
  if (status.st_nlink > 1) {
    Fail(path.string() + " has another name elsewhere (a hard link); look what it is, then remove it here");
  }
  RequireTrusted(path, status, Trusts(status.st_uid));
  return file;
}

std::optional<std::string> TrustedDirectory::Read(const std::string& name, std::uintmax_t offset) const {
  if (!Find(name)) return std::nullopt;
  const FileDescriptor file = OpenFile(name, O_RDONLY);
  std::string text;
  std::array<char, 4096> block;
  ssize_t count = 0;
  while (text.size() < kMostBytes &&
         (count = pread(file.get(), block.data(), block.size(), static_cast<off_t>(offset + text.size()))) > 0) {
    text.append(block.data(), static_cast<std::size_t>(count));
  }
  if (count < 0) FailWithErrno("cannot read " + (path_ / name).string());
  return text;
}

void TrustedDirectory::Replace(const std::string& name, std::string_view text) const {
  const std::string where = "cannot write " + (path_ / name).string();
  const std::string fresh = name + kNewFile;
  if (unlinkat(fd(), fresh.c_str(), 0) != 0 && errno != ENOENT) FailWithErrno(where);  // of a write that was cut short
  const FileDescriptor file = OpenFile(fresh, O_WRONLY | O_CREAT | O_EXCL);
  while (!text.empty()) {
    const ssize_t count = write(file.get(), text.data(), text.size());
    if (count < 0) FailWithErrno(where);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (renameat(fd(), fresh.c_str(), fd(), name.c_str()) != 0) FailWithErrno(where);
}

TrustedDirectory TrustedDirectory::Subdirectory(const std::string& name, uid_t owner) const {
  const fs::path path = path_ / name;
  FileDescriptor directory(openat(fd(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) FailWithErrno("cannot open the directory " + path.string());
  return {std::move(directory), path, owner};
}

void TrustedDirectory::MakeSubdirectory(const std::string& name, mode_t mode,
                                        const std::optional<UnixUser>& owner) const {
  const fs::path path = path_ / name;
  if (mkdirat(fd(), name.c_str(), mode) != 0) FailWithErrno("cannot create " + path.string());
  const FileDescriptor directory(openat(fd(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  // The mode first: afterwards the directory may be another user's.
  if (!directory || fchmod(directory.get(), mode) != 0 ||
      (owner && fchown(directory.get(), owner->uid, owner->gid) != 0)) {
    FailWithErrno("cannot prepare " + path.string());
  }
}

}  // namespace poold::storage
