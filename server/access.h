#pragma once

// The access file (--access-file): who may call, for which account, and with which keys. YAML:
//
//   principals:
//     - name: billing                   # for people: letters, digits, '.', '_' and '-'; each name once
//       account: "123456789012"         # several principals may act for one account
//       access_keys:                    # of AWS Signature Version 4
//         - id: AKIDEXAMPLE             # letters, digits, '_' and '-'; each id once in the file
//           secret: ...                 # visible ASCII characters
//         - id: AKIDOTHER
//           secret_file: other-secret   # a file beside this one; a newline at its end is not part of the secret
//
// No message about a broken file repeats anything that could be a secret: it names the line.

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace poold {

// Somebody who may call.
struct Principal {
  std::string name;
  std::string account;
};

struct AccessKey {
  std::string secret;
  const Principal* principal;  // never nullptr
};

// What an access file says. Never changes; any thread.
class Access {
 public:
  // Bytes of files, by which a change is noticed: the digest of each that was read, empty if it couldn't be.
  using Readings = std::map<std::filesystem::path, std::string>;

  // Reads the file and the files that it names, and adds each to `readings`, also if it then throws: std::runtime_error
  // with the file, the line and a sentence that says what to do about the first thing that is wrong.
  Access(const std::filesystem::path& file, Readings& readings);
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  // nullptr if nobody has it. Lives as long as this object.
  const AccessKey* FindAccessKey(std::string_view id) const;

  std::size_t principal_count() const { return principals_.size(); }
  std::size_t access_key_count() const { return access_keys_.size(); }

 private:
  std::map<std::string, Principal, std::less<>> principals_;   // by name
  std::map<std::string, AccessKey, std::less<>> access_keys_;  // by id
};

// The access file of a running server, as it is now. Any thread may ask for current(); one at a time may Reload().
class AccessFile {
 public:
  // Throws like Access.
  explicit AccessFile(std::filesystem::path path);

  // What holds at this moment, for as long as the caller keeps it. Never nullptr.
  std::shared_ptr<const Access> current() const;

  // Reads the file again if its bytes, or those of a file that it names, are others than last time. A broken one
  // changes nothing: what was in force stays so, and the log says once why. It is to be replaced by renaming, as
  // Kubernetes does, since it may be read while it is being written; half a file can be well-formed, too.
  void Reload() noexcept;

 private:
  const std::filesystem::path path_;
  Access::Readings readings_;  // of the last time
  mutable std::mutex mutex_;
  std::shared_ptr<const Access> current_;  // guarded by mutex_
};

}  // namespace poold
