#pragma once

// The access file (--access-file): who may call, how they are known, for which account, and what they may do. YAML:
//
//   principals:
//     - name: billing                   # for people and logs: letters, digits, '.', '_' and '-'; each name once
//       account: "123456789012"         # several principals may act for one account
//
//       # How it is known: at least one of these. Each key and each name stands once in the file.
//       access_keys:                    # of AWS Signature Version 4, on the AWS JSON door
//         - id: AKIDEXAMPLE             # letters, digits, '_' and '-'
//           secret: ...                 # visible ASCII characters
//         - id: AKIDOTHER
//           secret_file: other-secret   # a file beside this one; a newline at its end is not part of the secret
//       bearer_keys:                    # of gRPC calls: metadata `authorization: Bearer <key>`
//         - sha256: 9f86d0...           # of the key, in hex; `poold access key` makes a key and this line
//       certificates:                   # of connections: a name that the client's certificate has, as it stands there
//         - uri: spiffe://example.org/ns/shop/sa/billing
//         - dns: billing.shop.example
//
//       # What it may do, always within its account and what other accounts share with it.
//       allow: ["sms-voice:Describe*", "sms-voice:UpdatePool"]   # left out: everything; []: nothing
//       deny: ["sms-voice:DescribeAccount*"]                     # wins
//       resources: ["arn:aws:sms-voice:*:123456789012:pool/*"]   # left out: all of them
//       regions: [us-east-1]            # where; left out: in every region that the deployment has (--regions)
//
// Without allow, deny and resources the account is the limit: a file that names keys alone gives each its account. In
// patterns of operations `*` stands for any text and `?` for any character. Such a pattern must match an operation, so
// that a slip of the pen cannot leave something allowed that is meant to be denied. Patterns of resources:
// IsArnPattern in server/base/arn.h. What a call's resources are: server/middleware/authorize.h.
//
// Bearer keys are stored as plain SHA-256. Salt and slow hashes are for passwords, of which people choose guessable
// ones; a key is 256 random bits, so nobody who reads the file can find it by trying. They are looked up by the hash of
// what the caller shows; the time that takes tells about hashes, which a caller can neither choose nor turn back into
// keys.
//
// No message about a broken file repeats anything that could be a secret: it names the line.

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "server/rpc/rights.h"

namespace poold {

// Somebody who may call.
struct Principal {
  std::string name;
  std::string account;
  std::set<std::string, std::less<>> regions;  // in which it may call; empty: in every one of the deployment
  Rights rights;
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

  // nullptr if nobody has it. What is found lives as long as this object.
  const AccessKey* FindAccessKey(std::string_view id) const;
  const Principal* FindBearerKey(std::string_view key) const;
  // A name as Call::CertificateNames gives it: "uri:spiffe://example.org/billing".
  const Principal* FindCertificate(std::string_view name) const;

  std::size_t principal_count() const { return principals_.size(); }
  std::size_t access_key_count() const { return access_keys_.size(); }
  std::size_t bearer_key_count() const { return bearer_keys_.size(); }
  std::size_t certificate_count() const { return certificates_.size(); }

 private:
  std::map<std::string, Principal, std::less<>> principals_;           // by name
  std::map<std::string, AccessKey, std::less<>> access_keys_;          // by id
  std::map<std::string, const Principal*, std::less<>> bearer_keys_;   // by SHA-256, hex in lower case
  std::map<std::string, const Principal*, std::less<>> certificates_;  // by name
};

// A new bearer key, and the SHA-256 by which the file knows it.
struct NewBearerKey {
  std::string key;
  std::string sha256;
};
NewBearerKey MakeBearerKey();

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
