#include "tests/support/certificates.h"

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "tests/support/program.h"

namespace poold {
namespace {

CertificateFiles Make(const std::filesystem::path& directory, const std::string& name,
                      const std::vector<std::string>& more) {
  const CertificateFiles made{directory / (name + ".crt"), directory / (name + ".key")};
  std::vector<std::string> command{
      "openssl",     "req",   "-x509", "-newkey", "ec",     "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
      "/CN=" + name, "-days", "2",     "-keyout", made.key, "-out",     made.certificate};
  command.insert(command.end(), more.begin(), more.end());
  const Ran ran = RunToEnd({command, {}, {}});
  if (ran.exit_code != 0) throw std::runtime_error("openssl: " + ran.errors);
  return made;
}

}  // namespace

Authority::Authority(std::filesystem::path directory, const std::string& name)
    : directory_(std::move(directory)), files_(Make(directory_, name, {})) {}

CertificateFiles Authority::Issue(const std::string& file_name, const std::string& names) const {
  return Make(directory_, file_name,
              {"-CA", files_.certificate, "-CAkey", files_.key, "-addext", "subjectAltName=" + names, "-addext",
               "basicConstraints=critical,CA:FALSE"});
}

std::string Contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace poold
