// TLS and client certificates on both doors, bearer keys, and files that change under a running server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "server/base/digest.h"
#include "tests/support/certificates.h"
#include "tests/support/given.h"
#include "tests/support/grpc_client.h"
#include "tests/support/http_client.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

namespace fs = std::filesystem;
using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kNameOfBilling = "URI:spiffe://example.org/billing";
constexpr const char* kKeyOfBilling = "keyOfBilling";

// A server with a certificate, that knows `billing` by certificate and key, and `web` by certificate.
class TlsServer : public testing::Test {
 protected:
  // Takes the place of a file at once, as tools that renew certificates do.
  static void Replace(const fs::path& path, const std::string& text) {
    const fs::path next = path.string() + ".next";
    std::ofstream(next, std::ios::binary) << text;
    fs::rename(next, path);
  }

  fs::path WriteAccess(const std::string& rights_of_billing = "") {
    const fs::path file = directory_.path() / "access.yaml";
    Replace(file,
            "principals:\n"
            "  - name: billing\n"
            "    account: '" +
                account_ +
                "'\n"
                "    bearer_keys: [{sha256: " +
                Hex(Sha256(kKeyOfBilling)) +
                "}]\n"
                "    certificates: [{uri: 'spiffe://example.org/billing'}]\n" +
                rights_of_billing +
                "  - name: web\n"
                "    account: '" +
                account_of_web_ +
                "'\n"
                "    certificates: [{dns: web.example.org}]\n");
    return file;
  }

  // Certificate and key in one file, so that both change at once.
  void WriteCertificate(const CertificateFiles& files) {
    Replace(certificate_, Contents(files.certificate) + Contents(files.key));
  }

  std::vector<std::string> Arguments() {
    WriteAccess();
    WriteCertificate(authority_.IssueForServer("server"));
    Replace(client_ca_, Contents(authority_.certificate()));
    return {"serve",
            "--grpc-listen",
            "127.0.0.1:0",
            "--http-listen",
            "127.0.0.1:0",
            "--health-listen",
            "127.0.0.1:0",
            "--database-url",
            TestDatabaseUrl(),
            "--access-file",
            directory_.path() / "access.yaml",
            "--tls-certificate",
            certificate_,
            "--tls-client-ca",
            client_ca_};
  }

  // A client that trusts this authority, and shows this certificate if there is one.
  GrpcClient Client(const Authority& trusted, const CertificateFiles& own = {}) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = Contents(trusted.certificate());
    if (!own.key.empty()) {
      options.pem_cert_chain = Contents(own.certificate);
      options.pem_private_key = Contents(own.key);
    }
    return GrpcClient(grpc::CreateChannel(ReadyAddress(server_), grpc::SslCredentials(options)), "");
  }

  GrpcClient ClientWithKey(const Authority& trusted, const std::string& key, const CertificateFiles& own = {}) {
    GrpcClient client = Client(trusted, own);
    client.metadata["authorization"] = "Bearer " + key;
    return client;
  }

  // DescribeSenderIds over HTTP, by curl.
  Ran Curl(const Authority& trusted, const CertificateFiles& own = {}) {
    std::vector<std::string> command{"curl",
                                     "--silent",
                                     "--show-error",
                                     "--cacert",
                                     trusted.certificate(),
                                     "--header",
                                     "X-Amz-Target: PinpointSMSVoiceV2.DescribeSenderIds",
                                     "--data",
                                     "{}"};
    if (!own.key.empty()) command.insert(command.end(), {"--cert", own.certificate, "--key", own.key});
    command.push_back("https://" + ReadyHttpAddress(server_) + "/");
    return RunToEnd({command, {}, {}});
  }

  const std::string account_ = NewAccount();
  const std::string account_of_web_ = NewAccount();
  TemporaryDirectory directory_;
  const fs::path certificate_ = directory_.path() / "served.pem";
  const fs::path client_ca_ = directory_.path() / "client-ca.pem";
  const Authority authority_{directory_.path(), "authority"};
  const Authority stranger_{directory_.path(), "stranger"};
  const CertificateFiles billing_ = authority_.Issue("billing", kNameOfBilling);
  const CertificateFiles web_ = authority_.Issue("web", "DNS:web.example.org");
  Program server_{Poold(Arguments())};
};

constexpr const char* kSenderId = "sender_id: 'EXAMPLECO' iso_country_code: 'GB'";

TEST_F(TlsServer, KnowsGrpcCallersByCertificateAndByBearerKey) {
  EXPECT_EQ(Client(authority_, billing_).Must<RequestSenderIdRequest>(kSenderId).sender_id_arn(),
            "arn:aws:sms-voice:us-east-1:" + account_ + ":sender-id/EXAMPLECO/GB");
  const auto by_key = ClientWithKey(authority_, kKeyOfBilling).Must<DescribeSenderIdsRequest>("");
  EXPECT_EQ(by_key.sender_ids_size(), 1) << "the same account";
  EXPECT_EQ(Client(authority_, web_).Must<DescribeSenderIdsRequest>("").sender_ids_size(), 0) << "another one";
  EXPECT_THAT(ClientWithKey(authority_, kKeyOfBilling, billing_).Call<DescribeSenderIdsRequest>(""), IsOk());
}

TEST_F(TlsServer, RefusesGrpcCallersThatShowNothingOrWhatIsWrong) {
  const auto refused = Client(authority_).Call<DescribePoolsRequest>("");
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(refused.Trailer("x-amzn-errortype"), "AccessDeniedException");
  EXPECT_THAT(ClientWithKey(authority_, "keyOfNobody").Call<DescribePoolsRequest>(""),
              IsFault(Fault::kUnauthenticated));
  EXPECT_THAT(ClientWithKey(authority_, "keyOfNobody", billing_).Call<DescribePoolsRequest>(""),
              IsFault(Fault::kUnauthenticated));
  EXPECT_THAT(ClientWithKey(authority_, kKeyOfBilling, web_).Call<DescribePoolsRequest>(""),
              IsFault(Fault::kUnauthenticated))
      << "one's key, another's certificate";
  const CertificateFiles nobody = authority_.Issue("nobody", "DNS:nobody.example.org");
  EXPECT_THAT(Client(authority_, nobody).Call<DescribePoolsRequest>(""), IsFault(Fault::kUnauthenticated));
  EXPECT_THAT(ClientWithKey(authority_, kKeyOfBilling, nobody).Call<DescribePoolsRequest>(""), IsOk());
}

TEST_F(TlsServer, EndsConnectionsWithACertificateOfAnotherAuthority) {
  const CertificateFiles forged = stranger_.Issue("forged", kNameOfBilling);
  EXPECT_EQ(Client(authority_, forged).Call<DescribePoolsRequest>("").status.error_code(),
            grpc::StatusCode::UNAVAILABLE);
  const Ran curl = Curl(authority_, forged);
  EXPECT_NE(curl.exit_code, 0) << curl.output;
}

TEST_F(TlsServer, KnowsHttpCallersByCertificateToo) {
  ASSERT_THAT(Client(authority_, billing_).Call<RequestSenderIdRequest>(kSenderId), IsOk());
  const Ran known = Curl(authority_, billing_);
  EXPECT_THAT(known.output, HasSubstr("arn:aws:sms-voice:us-east-1:" + account_ + ":sender-id/EXAMPLECO/GB"))
      << known.errors;
  EXPECT_THAT(Curl(authority_).output, HasSubstr("MissingAuthenticationTokenException"));
  EXPECT_THAT(Curl(authority_, authority_.Issue("nobody", "DNS:nobody.example.org")).output,
              HasSubstr("UnrecognizedClientException"));
}

TEST_F(TlsServer, SpeaksNoPlaintextButAtTheHealthDoor) {
  const GrpcClient plain(ReadyAddress(server_));
  EXPECT_EQ(plain.Call<DescribePoolsRequest>("").status.error_code(), grpc::StatusCode::UNAVAILABLE);
  HttpConnection http(ReadyHttpAddress(server_));
  http.Send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THROW(http.Read(), std::runtime_error);

  const std::string line = server_.WaitForLog("health=");
  EXPECT_EQ(RunToEnd(Poold({"health", line.substr(line.find("health=") + 7)})).exit_code, 0);
}

TEST_F(TlsServer, ShowsANewCertificateWithoutARestart) {
  const GrpcClient before = ClientWithKey(authority_, kKeyOfBilling);
  ASSERT_THAT(before.Call<DescribePoolsRequest>(""), IsOk());
  ASSERT_EQ(Curl(authority_, billing_).exit_code, 0);

  const Authority next(directory_.path(), "next");
  WriteCertificate(next.IssueForServer("renewed"));
  server_.WaitForLog("was read again: it counts for new connections");
  EXPECT_THAT(ClientWithKey(next, kKeyOfBilling).Call<DescribePoolsRequest>(""), IsOk());
  EXPECT_EQ(ClientWithKey(authority_, kKeyOfBilling).Call<DescribePoolsRequest>("").status.error_code(),
            grpc::StatusCode::UNAVAILABLE)
      << "the old one is not shown any more";
  EXPECT_EQ(Curl(next, billing_).exit_code, 0);
  EXPECT_NE(Curl(authority_, billing_).exit_code, 0);
  EXPECT_THAT(before.Call<DescribePoolsRequest>(""), IsOk()) << "a connection that was there goes on";

  Replace(certificate_, "no certificate");
  server_.WaitForLog("--tls-certificate " + certificate_.string());
  EXPECT_THAT(ClientWithKey(next, kKeyOfBilling).Call<DescribePoolsRequest>(""), IsOk())
      << "a broken one changes nothing";
  EXPECT_EQ(Curl(next, billing_).exit_code, 0);

  WriteCertificate(authority_.IssueForServer("again"));
  EXPECT_TRUE(Eventually([&] { return Curl(authority_, billing_).exit_code == 0; }));
  EXPECT_THAT(ClientWithKey(authority_, kKeyOfBilling).Call<DescribePoolsRequest>(""), IsOk());
}

TEST_F(TlsServer, TakesOtherClientAuthoritiesWithoutARestart) {
  const CertificateFiles of_stranger = stranger_.Issue("other-billing", kNameOfBilling);
  ASSERT_EQ(Client(authority_, of_stranger).Call<DescribePoolsRequest>("").status.error_code(),
            grpc::StatusCode::UNAVAILABLE);
  Replace(client_ca_, Contents(stranger_.certificate()));
  server_.WaitForLog("was read again: it counts for new connections");
  EXPECT_THAT(Client(authority_, of_stranger).Call<DescribePoolsRequest>(""), IsOk());
  EXPECT_EQ(Curl(authority_, of_stranger).exit_code, 0);
  EXPECT_EQ(Client(authority_, billing_).Call<DescribePoolsRequest>("").status.error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_NE(Curl(authority_, billing_).exit_code, 0);
}

TEST_F(TlsServer, GivesAndTakesRightsWithoutARestart) {
  const GrpcClient client = Client(authority_, billing_);
  ASSERT_THAT(client.Call<RequestSenderIdRequest>(kSenderId), IsOk());
  WriteAccess("    allow: ['sms-voice:Describe*']\n");
  server_.WaitForLog("was read again: principals=2");
  const auto refused = client.Call<ReleaseSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(refused.Trailer("x-amzn-errortype"), "AccessDeniedException");
  EXPECT_EQ(client.Must<DescribeSenderIdsRequest>("").sender_ids_size(), 1);

  Replace(directory_.path() / "access.yaml", "principals:\n  - name: billing\n");
  server_.WaitForLog("; what was in force before stays so");
  EXPECT_EQ(client.Must<DescribeSenderIdsRequest>("").sender_ids_size(), 1);
  EXPECT_THAT(client.Call<ReleaseSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'"),
              IsFault(Fault::kAccessDenied));
}

TEST_F(TlsServer, NeverWritesAKeyToTheLog) {
  ASSERT_THAT(ClientWithKey(authority_, kKeyOfBilling).Call<DescribePoolsRequest>(""), IsOk());
  ASSERT_THAT(ClientWithKey(authority_, "keyOfNobody").Call<DescribePoolsRequest>(""),
              IsFault(Fault::kUnauthenticated));
  server_.Signal(SIGTERM);
  EXPECT_EQ(server_.Wait(), 0);
  EXPECT_THAT(server_.errors(), AllOf(Not(HasSubstr(kKeyOfBilling)), Not(HasSubstr("keyOfNobody"))));
}

TEST(TlsWithoutClientAuthorities, AsksForNoCertificateAndTakesOneForNothing) {
  const TemporaryDirectory directory;
  const Authority authority(directory.path(), "authority");
  const CertificateFiles files = authority.IssueForServer("server");
  const CertificateFiles billing = authority.Issue("billing", kNameOfBilling);
  std::ofstream(directory.path() / "access.yaml") << "principals: [{name: billing, account: '" << NewAccount()
                                                  << "', bearer_keys: [{sha256: " << Hex(Sha256(kKeyOfBilling))
                                                  << "}], certificates: [{uri: 'spiffe://example.org/billing'}]}]";
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--database-url",
                        TestDatabaseUrl(), "--access-file", directory.path() / "access.yaml", "--tls-certificate",
                        files.certificate, "--tls-key", files.key}));
  server.WaitForLog("without --tls-client-ca none are asked for");
  const auto credentials =
      grpc::SslCredentials({Contents(authority.certificate()), Contents(billing.key), Contents(billing.certificate)});
  GrpcClient client(grpc::CreateChannel(ReadyAddress(server), credentials), "");
  EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsFault(Fault::kUnauthenticated));
  client.metadata["authorization"] = std::string("Bearer ") + kKeyOfBilling;
  EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsOk());

  const CertificateFiles renewed = authority.IssueForServer("renewed");
  fs::rename(renewed.key, files.key);
  fs::rename(renewed.certificate, files.certificate);
  server.WaitForLog("was read again: it counts for new connections");
  GrpcClient later(
      grpc::CreateChannel(ReadyAddress(server), grpc::SslCredentials({Contents(authority.certificate()), "", ""})), "");
  later.metadata = client.metadata;
  EXPECT_THAT(later.Call<DescribePoolsRequest>(""), IsOk());
}

TEST(TlsFiles, StopTheServerAtItsStartIfTheyDoNotFitTogether) {
  const TemporaryDirectory directory;
  const Authority authority(directory.path(), "authority");
  const CertificateFiles one = authority.IssueForServer("one");
  const CertificateFiles other = authority.IssueForServer("other");
  const Ran ran =
      RunToEnd(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--database-url",
                      TestDatabaseUrl(), "--tls-certificate", one.certificate, "--tls-key", other.key}));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.errors, "poold: --tls-key " + other.key.string() + ": it is not the key of the certificate\n");
}

TEST(AccessKey, IsMadeByACommandAndLetsItsCallerInOnPlaintextTooWhichIsLoggedOnce) {
  const TemporaryDirectory directory;
  const Ran made = RunToEnd(Poold({"access", "key"}));
  ASSERT_EQ(made.exit_code, 0) << made.errors;
  const auto after = [&](const std::string& label) {
    const auto begin = made.output.find(label) + label.size();
    return made.output.substr(begin, made.output.find(' ', begin) - begin);
  };
  std::ofstream(directory.path() / "access.yaml") << "principals: [{name: a, account: '" << NewAccount()
                                                  << "', bearer_keys: [{sha256: " << after("sha256: ") << "}]}]";
  Program server(Poold({"serve", "--grpc-listen", "0.0.0.0:0", "--http-listen", "off", "--database-url",
                        TestDatabaseUrl(), "--access-file", directory.path() / "access.yaml"}));
  const std::string address = ReadyAddress(server);
  GrpcClient client("127.0.0.1" + address.substr(address.rfind(':')));
  EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsFault(Fault::kUnauthenticated));
  client.metadata["authorization"] = "Bearer " + after("key: ");
  EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsOk());
  server.WaitForLog("bearer keys cross the network in clear text");
}

TEST(TrustAllCallers, MustBeSaidToServeOthersThanThisMachine) {
  const std::vector<std::string> arguments{"serve", "--grpc-listen",  "0.0.0.0:0",      "--http-listen",
                                           "off",   "--database-url", TestDatabaseUrl()};
  const Ran refused = RunToEnd(Poold(arguments));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.errors, AllOf(HasSubstr("--access-file"), HasSubstr("--trust-all-callers")));
  auto trusting = arguments;
  trusting.push_back("--trust-all-callers");
  Program server(Poold(trusting));
  const std::string address = ReadyAddress(server);
  EXPECT_THAT(GrpcClient("127.0.0.1" + address.substr(address.rfind(':'))).Call<DescribePoolsRequest>(""), IsOk());
}

}  // namespace
}  // namespace poold
