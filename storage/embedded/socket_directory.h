#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "storage/embedded/child_process.h"
#include "storage/embedded/trusted_directory.h"

namespace poold::storage {

// The directory of a private PostgreSQL's socket: HOME/socket, which only the database's user may enter (0700). A
// socket's path holds 107 bytes: when HOME is too deep for it, or has a comma in its name, HOME/socket is a symbolic
// link to a directory in /tmp.
class SocketDirectory {
 public:
  // Makes it, after removing what an earlier one left behind. `user`: who runs the database; absent: this process's
  // user. `home` must outlive it. Throws std::runtime_error with a sentence that says what to do when HOME/socket is
  // not as this class makes it; then nothing of it is removed but socket and lock file of PostgreSQL.
  SocketDirectory(const TrustedDirectory& home, const std::optional<UnixUser>& user);
  // Removes it, unless PostgreSQL's user has put more into it.
  ~SocketDirectory();
  SocketDirectory(const SocketDirectory&) = delete;
  SocketDirectory& operator=(const SocketDirectory&) = delete;

  // As clients name it.
  const std::filesystem::path& path() const { return path_; }

 private:
  void RemoveLeftover() const;
  bool RemoveSocketsIn(int parent, const std::string& name) const;

  const TrustedDirectory& home_;
  const uid_t user_;
  std::filesystem::path path_;
};

}  // namespace poold::storage
