#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace poold {

// A certificate and its key, PEM files.
struct CertificateFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

// An authority that issues certificates, by the program openssl. Its files are in a directory of the caller's, named
// after it: `first` makes first.crt and first.key.
class Authority {
 public:
  Authority(std::filesystem::path directory, const std::string& name, int days = 2);

  const std::filesystem::path& certificate() const { return files_.certificate; }

  // `names`: what comes after subjectAltName=, such as "URI:spiffe://example/billing,DNS:billing.example".
  CertificateFiles Issue(const std::string& file_name, const std::string& names, int days = 2) const;
  // One that ends then, to the second.
  CertificateFiles IssueUntil(const std::string& file_name, const std::string& names,
                              std::chrono::system_clock::time_point not_after) const;
  // One for a server on 127.0.0.1.
  CertificateFiles IssueForServer(const std::string& file_name) const {
    return Issue(file_name, "IP:127.0.0.1,DNS:localhost");
  }

 private:
  const std::filesystem::path directory_;
  CertificateFiles files_;
};

// The bytes of a file.
std::string Contents(const std::filesystem::path& path);

}  // namespace poold
