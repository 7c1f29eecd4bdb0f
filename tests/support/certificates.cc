#include "tests/support/certificates.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "tests/support/program.h"

namespace poold {
namespace {

CertificateFiles Make(const std::filesystem::path& directory, const std::string& name, int days,
                      const std::vector<std::string>& more) {
  const CertificateFiles made{directory / (name + ".crt"), directory / (name + ".key")};
  std::vector<std::string> command{"openssl",
                                   "req",
                                   "-x509",
                                   "-newkey",
                                   "ec",
                                   "-pkeyopt",
                                   "ec_paramgen_curve:P-256",
                                   "-nodes",
                                   "-subj",
                                   "/CN=" + name,
                                   "-days",
                                   std::to_string(days),
                                   "-keyout",
                                   made.key,
                                   "-out",
                                   made.certificate};
  command.insert(command.end(), more.begin(), more.end());
  const Ran ran = RunToEnd({command, {}, {}});
  if (ran.exit_code != 0) throw std::runtime_error("openssl: " + ran.errors);
  return made;
}

}  // namespace

Authority::Authority(std::filesystem::path directory, const std::string& name, int days)
    : directory_(std::move(directory)), files_(Make(directory_, name, days, {})) {}

CertificateFiles Authority::Issue(const std::string& file_name, const std::string& names, int days) const {
  return Make(directory_, file_name, days,
              {"-CA", files_.certificate, "-CAkey", files_.key, "-addext", "subjectAltName=" + names, "-addext",
               "basicConstraints=critical,CA:FALSE"});
}

CertificateFiles Authority::IssueUntil(const std::string& file_name, const std::string& names,
                                       std::chrono::system_clock::time_point not_after) const {
  // The program openssl knows whole days only.
  const CertificateFiles files = Issue(file_name, names);
  const auto open = [](const std::filesystem::path& path, const char* mode) {
    return std::unique_ptr<BIO, decltype(&BIO_free)>(BIO_new_file(path.c_str(), mode), BIO_free);
  };
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(open(files.certificate, "r").get(), nullptr, nullptr, nullptr), X509_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(open(files_.key, "r").get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), std::chrono::system_clock::to_time_t(not_after));
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509(open(files.certificate, "w").get(), certificate.get()) != 1) {
    throw std::runtime_error("OpenSSL cannot date a certificate");
  }
  return files;
}

std::string Contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace poold
