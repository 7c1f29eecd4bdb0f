// TLS and client certificates at the AWS JSON endpoint, with a clock that the test sets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "server/middleware/access.h"
#include "server/transport/http.h"
#include "server/transport/tls.h"
#include "tests/support/api.h"
#include "tests/support/certificates.h"
#include "tests/support/http_client.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tls_client.h"

namespace poold {
namespace {

using testing::HasSubstr;

class HttpTls : public testing::Test {
 protected:
  HttpTls() {
    const CertificateFiles server = authority.IssueForServer("server");
    api.settings.tls.certificate = server.certificate;
    api.settings.tls.key = server.key;
    api.settings.tls.client_ca = authority.certificate();
    api.settings.http.listen = "127.0.0.1:0";
    api.settings.http.connections = 10;
    std::ofstream(directory.path() / "access.yaml")
        << "principals: [{name: a, account: '" << api.account() << "', certificates: [{dns: a.example}]}]";
    access.emplace(directory.path() / "access.yaml");
    api.service().access = &*access;
    tls.emplace(api.settings.tls);
    door.emplace(api.settings.http, api.service(), api.pipeline(), &*tls);
  }

  static std::string Call(TlsConnection& connection) {
    connection.Send(HttpConnection::Post("DescribeSenderIds", "{}"));
    return connection.ReadUntil("}");
  }

  TemporaryDirectory directory;
  const Authority authority{directory.path(), "authority"};
  Api api;
  std::optional<AccessFile> access;
  std::optional<Tls> tls;
  std::optional<HttpDoor> door;
};

TEST_F(HttpTls, KnowsNobodyByACertificatePastItsDateThoughTheConnectionLasts) {
  const auto end = std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now()) + std::chrono::hours(1);
  TlsConnection connection(door->address(), {.own = authority.IssueUntil("client", "DNS:a.example", end)});
  api.world.Set(storage::Time(end - std::chrono::milliseconds(1)));
  EXPECT_THAT(Call(connection), HasSubstr("HTTP/1.1 200 OK"));
  api.world.Set(storage::Time(end));
  EXPECT_THAT(Call(connection), HasSubstr("MissingAuthenticationTokenException"));
}

TEST_F(HttpTls, RefusesWeakCiphersAndOtherProtocols) {
  EXPECT_THROW(TlsConnection(door->address(), {.ciphers = "ECDHE-ECDSA-AES128-SHA256", .version = TLS1_2_VERSION}),
               std::runtime_error);
  EXPECT_THROW(TlsConnection(door->address(), {.alpn = {"h2"}}), std::runtime_error);
  TlsConnection connection(
      door->address(), {.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256", .version = TLS1_2_VERSION, .alpn = {"http/1.1"}});
  EXPECT_THAT(Call(connection), HasSubstr("MissingAuthenticationTokenException"));
}

// A handshake costs the server much more than the client.
TEST_F(HttpTls, BoundsHowOftenStrangersConnect) {
  api.settings.http.connections = 100;
  api.settings.http.connections_per_address = 8;  // so two new ones
  door.emplace(api.settings.http, api.service(), api.pipeline(), &*tls);
  const CertificateFiles known = authority.Issue("client", "DNS:a.example");
  for (int i = 0; i < 20; ++i) {
    TlsConnection good(door->address(), {.own = known});
    ASSERT_THAT(Call(good), HasSubstr("HTTP/1.1 200 OK")) << i;
  }
  const auto stranger = [&] {
    TlsConnection connection(door->address());
    connection.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    return connection.ReadUntil("\r\n");
  };
  EXPECT_THAT(stranger(), HasSubstr("200 OK"));
  EXPECT_THROW(
      {
        for (int i = 0; i < 20; ++i) stranger();
      },
      std::runtime_error);
}

}  // namespace
}  // namespace poold
