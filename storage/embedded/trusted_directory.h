#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "storage/embedded/child_process.h"
#include "storage/postgres/file_descriptor.h"

namespace poold::storage {

// A directory in which only its owner and root can change anything. The owner is this process's user, or one that the
// caller names. The directory stays open: what is done in it happens there, whatever its path leads to later. No method
// follows a symbolic link in it.
//
// Everything that throws throws std::runtime_error with a sentence that says what to do. Thread-safe.
class TrustedDirectory {
 public:
  // Opens a directory of this process's user or of root. The path may be relative to the working directory. Its last
  // part may be a symbolic link, if it is a link of this user or of root. nullopt: there is nothing of that name.
  // Throws if the directory has another owner, or if group or others can write to it: a sticky bit is no excuse, since
  // it lets others add entries.
  static std::optional<TrustedDirectory> Open(const std::filesystem::path& path);
  // The same, but makes the directory first if there is none, and those above it. `mode`: of a new one.
  static TrustedDirectory OpenOrMake(const std::filesystem::path& path, mode_t mode);

  // Absolute, without symbolic links.
  const std::filesystem::path& path() const { return path_; }
  int fd() const { return fd_.get(); }

  // What has that name, itself (lstat); nullopt if nothing has.
  std::optional<struct stat> Find(const std::string& name) const;
  // Where the symbolic link of that name leads; nullopt if there is no link. Throws for a link of another user.
  std::optional<std::filesystem::path> LinkTarget(const std::string& name) const;

  // Opens a file that has one name and that nobody but the owner and root can write to. `flags`: as of open(2); with
  // O_CREAT a new file is this process's alone (0600). Throws if it cannot be opened or is anything else.
  FileDescriptor OpenFile(const std::string& name, int flags) const;
  // At most the first MiB of such a file from `offset` on; nullopt if there is none.
  std::optional<std::string> Read(const std::string& name, std::uintmax_t offset = 0) const;
  // Puts a new file (0600) in the place of whatever file or link has that name.
  void Replace(const std::string& name, std::string_view text) const;

  // Opens a directory in this one that is `owner`'s, or root's, and that nobody else can write to. Throws otherwise.
  TrustedDirectory Subdirectory(const std::string& name, uid_t owner) const;
  // Makes a directory in this one, of `owner` if there is one. Throws if the name is taken.
  void MakeSubdirectory(const std::string& name, mode_t mode, const std::optional<UnixUser>& owner) const;

 private:
  TrustedDirectory(FileDescriptor fd, std::filesystem::path path, uid_t owner);

  // Whether that user may own what is here.
  bool Trusts(uid_t user) const;

  FileDescriptor fd_;
  std::filesystem::path path_;
  uid_t owner_;
};

// "postgres"; the number if there is no such user.
std::string NameOfUser(uid_t user);

}  // namespace poold::storage
