#include "server/transport/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "server/base/settings.h"
#include "tests/support/certificates.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    settings.certificate = server.certificate;
    settings.key = server.key;
  }

  fs::path Write(const std::string& name, const std::string& text) {
    std::ofstream(directory.path() / name, std::ios::binary) << text;
    return directory.path() / name;
  }

  std::string Refusal() {
    try {
      const Tls tls(settings);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "was read";
  }

  TemporaryDirectory directory;
  const Authority authority{directory.path(), "authority"};
  const CertificateFiles server = authority.IssueForServer("server");
  const CertificateFiles other = authority.IssueForServer("other");
  TlsSettings settings;
};

TEST_F(TlsTest, ReadsCertificateKeyAndAuthorities) {
  settings.client_ca = authority.certificate();
  const auto pem = Tls(settings).current();
  EXPECT_EQ(pem->certificate, Contents(server.certificate));
  EXPECT_EQ(pem->key, Contents(server.key));
  EXPECT_EQ(pem->client_ca, Contents(authority.certificate()));
}

TEST_F(TlsTest, FindsTheKeyInTheCertificatesFile) {
  settings.certificate = Write("both.pem", Contents(server.certificate) + Contents(server.key));
  settings.key.clear();
  EXPECT_EQ(Refusal(), "was read");
}

TEST_F(TlsTest, TakesAChainOfSeveral) {
  settings.certificate = Write("chain.crt", Contents(server.certificate) + Contents(authority.certificate()));
  EXPECT_EQ(Refusal(), "was read");
}

TEST_F(TlsTest, SaysWhichFileIsWrongAndHow) {
  const auto refusal_with = [&](std::string TlsSettings::*file, const fs::path& path) {
    const TlsSettings before = settings;
    settings.*file = path;
    const std::string refusal = Refusal();
    settings = before;
    return refusal;
  };
  const fs::path garbage = Write("garbage", "no PEM\n");
  const fs::path cut = Write("cut.crt", Contents(server.certificate).substr(0, 300));
  const fs::path half = Write("half.crt", Contents(server.certificate) + "-----BEGIN CERTIFICATE-----\nMIIB\n");
  const fs::path empty = Write("empty", "");
  const fs::path locked = directory.path() / "locked.key";
  ASSERT_EQ(
      RunToEnd({{"openssl", "pkey", "-in", server.key, "-aes256", "-passout", "pass:abcd", "-out", locked}, {}, {}})
          .exit_code,
      0);

  const std::string certificate = "--tls-certificate " + directory.path().string();
  for (const fs::path& path : {garbage, cut, half}) {
    EXPECT_THAT(refusal_with(&TlsSettings::certificate, path),
                AllOf(StartsWith("--tls-certificate " + path.string()), HasSubstr("certificates in PEM form")));
    settings.client_ca = path;
    EXPECT_THAT(Refusal(),
                AllOf(StartsWith("--tls-client-ca " + path.string()), HasSubstr("certificates in PEM form")));
    settings.client_ca.clear();
  }
  EXPECT_THAT(refusal_with(&TlsSettings::certificate, directory.path() / "missing"),
              StartsWith(certificate + "/missing: No such file or directory"));
  EXPECT_THAT(refusal_with(&TlsSettings::client_ca, empty),
              StartsWith("--tls-client-ca " + empty.string() + ": it is empty"))
      << "it must not mean that nobody is asked";
  EXPECT_THAT(refusal_with(&TlsSettings::key, garbage), HasSubstr("a private key in PEM form"));
  EXPECT_THAT(refusal_with(&TlsSettings::key, locked), HasSubstr("without a password"));
  EXPECT_THAT(refusal_with(&TlsSettings::key, other.key), HasSubstr("not the key of the certificate"));
}

TEST_F(TlsTest, IsReadAgainWhenItChangedAndNotOtherwise) {
  Tls tls(settings);
  const auto first = tls.current();
  tls.Reload();
  EXPECT_EQ(tls.current(), first);
  fs::copy_file(other.certificate, server.certificate, fs::copy_options::overwrite_existing);
  tls.Reload();
  EXPECT_EQ(tls.current(), first) << "the new key is not there yet";
  fs::copy_file(other.key, server.key, fs::copy_options::overwrite_existing);
  tls.Reload();
  EXPECT_NE(tls.current(), first);
  EXPECT_EQ(tls.current()->key, Contents(other.key));
}

TEST_F(TlsTest, StaysInForceWhileItIsBroken) {
  Tls tls(settings);
  const auto first = tls.current();
  const std::string good = Contents(server.certificate);
  for (const std::string& broken : {std::string(), std::string("no PEM"), good.substr(0, 200)}) {
    Write("server.crt", broken);
    tls.Reload();
    EXPECT_EQ(tls.current(), first);
  }
  fs::remove(server.certificate);
  tls.Reload();
  EXPECT_EQ(tls.current(), first);
  Write("server.crt", good);
  tls.Reload();
  EXPECT_EQ(tls.current(), first) << "it is as it was";
}

}  // namespace
}  // namespace poold
