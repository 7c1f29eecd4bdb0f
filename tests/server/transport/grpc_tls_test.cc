// TLS and client certificates at the gRPC endpoint, with a clock that the test sets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "server/middleware/access.h"
#include "server/transport/grpc.h"
#include "server/transport/tls.h"
#include "tests/support/api.h"
#include "tests/support/certificates.h"
#include "tests/support/grpc_client.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

using smsvoice::v2::DescribePoolsRequest;

class GrpcTls : public testing::Test {
 protected:
  GrpcTls() {
    const CertificateFiles server = authority.IssueForServer("server");
    api.settings.tls.certificate = server.certificate;
    api.settings.tls.key = server.key;
    api.settings.tls.client_ca = authority.certificate();
    api.settings.grpc.listen = "127.0.0.1:0";
    api.settings.grpc.connections = 16;
    std::ofstream(directory.path() / "access.yaml")
        << "principals: [{name: a, account: '" << api.account() << "', certificates: [{dns: a.example}]}]";
    access.emplace(directory.path() / "access.yaml");
    api.service().access = &*access;
    tls.emplace(api.settings.tls);
    endpoint.emplace(api.settings.grpc, api.service(), api.pipeline(), &*tls);
  }
  ~GrpcTls() override { endpoint->Shutdown(std::chrono::milliseconds(0)); }

  GrpcClient Client(const CertificateFiles& own) {
    return {
        grpc::CreateChannel(endpoint->address(), grpc::SslCredentials({Contents(authority.certificate()),
                                                                       Contents(own.key), Contents(own.certificate)})),
        ""};
  }

  TemporaryDirectory directory;
  const Authority authority{directory.path(), "authority"};
  Api api;
  std::optional<AccessFile> access;
  std::optional<Tls> tls;
  std::optional<GrpcDoor> endpoint;
};

TEST_F(GrpcTls, KnowsNobodyByACertificatePastItsDateThoughTheConnectionLasts) {
  const auto end = std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now()) + std::chrono::hours(1);
  const GrpcClient client = Client(authority.IssueUntil("client", "DNS:a.example", end));
  api.world.Set(storage::Time(end - std::chrono::milliseconds(1)));
  EXPECT_THAT(client.Call<DescribePoolsRequest>(""), IsOk());
  api.world.Set(storage::Time(end));
  const auto refused = client.Call<DescribePoolsRequest>("");
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(refused.Trailer("x-amzn-errortype"), "AccessDeniedException");
}

}  // namespace
}  // namespace poold
