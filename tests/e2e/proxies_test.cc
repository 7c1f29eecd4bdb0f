// Refusals with many violations arrive whole through Debian's nginx, with its default buffers, and through HAProxy:
// over gRPC and AWS JSON, plaintext and TLS. How long a refusal may be is shown in
// tests/server/transport/refusal_size_test.cc.

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "server/base/limits.h"
#include "smsvoice/v2/tags.pb.h"
#include "tests/support/certificates.h"
#include "tests/support/dev_server.h"
#include "tests/support/given.h"
#include "tests/support/grpc_client.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

namespace fs = std::filesystem;
using namespace smsvoice::v2;  // NOLINT: requests and responses
using grpc::StatusCode;

// The authority of this program's certificates.
struct Certificates {
  const TemporaryDirectory directory;
  const Authority authority{directory.path(), "authority"};
  const CertificateFiles server = authority.IssueForServer("server");

  // Certificate and key in one file, as HAProxy wants them.
  fs::path Both() const {
    const fs::path path = directory.path() / "both.pem";
    std::ofstream(path) << Contents(server.certificate) << Contents(server.key);
    return path;
  }
};

const Certificates& TheCertificates() {
  static const Certificates kCertificates;
  return kCertificates;
}

// A server that speaks TLS at both endpoints.
Program& TlsServer() {
  static Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
                               "--database-url", TestDatabaseUrl(), "--tls-certificate",
                               TheCertificates().server.certificate, "--tls-key", TheCertificates().server.key}));
  return server;
}

// A proxy in front of both servers. It listens on sockets in a directory of its own, so that it needs no free ports:
// grpc and http pass plaintext to the plaintext endpoints, grpcs and https end TLS and speak TLS to the others.
class Proxy {
 public:
  virtual ~Proxy() = default;

  std::string Socket(const std::string& name) const { return directory_.path() / name; }

 protected:
  fs::path Write(const std::string& configuration) {
    const fs::path path = directory_.path() / "proxy.conf";
    std::ofstream(path) << configuration;
    return path;
  }

  void Start(std::vector<std::string> command) {
    program_ = std::make_unique<Program>(Program::Options{std::move(command), {}, {}});
    const bool listens = Eventually([this] {
      if (!program_->Running()) return true;
      for (const char* name : {"grpc", "grpcs", "http", "https"}) {
        if (!fs::exists(Socket(name))) return false;
      }
      return true;
    });
    if (!listens || !program_->Running()) throw std::runtime_error("the proxy does not start: " + program_->errors());
  }

  const TemporaryDirectory directory_;
  std::unique_ptr<Program> program_;
};

class Nginx : public Proxy {
 public:
  Nginx() {
    const std::string in = directory_.path();
    const std::string tls = "ssl_certificate " + TheCertificates().server.certificate.string() +
                            "; ssl_certificate_key " + TheCertificates().server.key.string() + ";";
    std::string temporary;
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      temporary += std::string(kind) + "_temp_path " + in + "/" + kind + ";\n";
    }
    Start(
        {"nginx", "-e", "stderr", "-c",
         Write("daemon off;\nworker_processes 1;\npid " + in +
               "/pid;\nevents {}\n"
               "http {\naccess_log off;\n" +
               temporary +  //
               "server { listen unix:" + Socket("grpc") + " http2; location / { grpc_pass grpc://" + DevAddress() +
               "; } }\n"
               "server { listen unix:" +
               Socket("grpcs") + " ssl http2; " + tls + " location / { grpc_pass grpcs://" + ReadyAddress(TlsServer()) +
               "; } }\n"
               "server { listen unix:" +
               Socket("http") + "; location / { proxy_pass http://" + DevHttpAddress() +
               "; } }\n"
               "server { listen unix:" +
               Socket("https") + " ssl; " + tls + " location / { proxy_pass https://" + ReadyHttpAddress(TlsServer()) +
               "; } }\n}\n")});
  }
};

class HaProxy : public Proxy {
 public:
  HaProxy() {
    const std::string certificate = TheCertificates().Both();
    const auto pass = [&](const std::string& name, const std::string& bind, const std::string& server) {
      return "listen " + name + "\n  bind unix@" + Socket(name) + " " + bind + "\n  server one " + server + "\n";
    };
    Start({"haproxy", "-db", "-f",
           Write("defaults\n  mode http\n  timeout connect 10s\n  timeout client 30s\n  timeout server 30s\n" +
                 pass("grpc", "proto h2", DevAddress() + " proto h2") +
                 pass("grpcs", "ssl crt " + certificate + " alpn h2",
                      ReadyAddress(TlsServer()) + " ssl verify none alpn h2") +
                 pass("http", "", DevHttpAddress()) +
                 pass("https", "ssl crt " + certificate, ReadyHttpAddress(TlsServer()) + " ssl verify none"))});
  }
};

template <class TheProxy>
const Proxy& Shared() {
  static const TheProxy kProxy;
  return kProxy;
}

GrpcClient ClientThrough(const Proxy& proxy, bool tls) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = Contents(TheCertificates().authority.certificate());
  grpc::ChannelArguments arguments;
  if (tls) arguments.SetSslTargetNameOverride("localhost");
  return GrpcClient(
      grpc::CreateCustomChannel("unix:" + proxy.Socket(tls ? "grpcs" : "grpc"),
                                tls ? grpc::SslCredentials(options) : grpc::InsecureChannelCredentials(), arguments),
      NewAccount());
}

// A call of any method. `Response` is not looked at: the call is refused.
Reply<TagResourceResponse> Call(const GrpcClient& client, const std::string& method,
                                const google::protobuf::Message& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + *client.deadline);
  for (const auto& [name, value] : client.metadata) context.AddMetadata(name, value);
  const grpc::Slice slice(request.SerializeAsString());
  const grpc::ByteBuffer bytes(&slice, 1);
  grpc::ByteBuffer answer;
  std::promise<grpc::Status> outcome;
  grpc::GenericStub(client.channel())
      .UnaryCall(&context, "/smsvoice.v2." + method, {}, &bytes, &answer,
                 [&outcome](grpc::Status status) { outcome.set_value(std::move(status)); });
  Reply<TagResourceResponse> reply;
  reply.status = outcome.get_future().get();
  for (const auto& [name, value] : context.GetServerTrailingMetadata()) {
    reply.trailers.emplace(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
  }
  if (!reply.status.ok()) reply.error = FromGrpcStatus(reply.status, reply.Trailer(std::string(kErrorTypeMetadata)));
  return reply;
}

constexpr const char* kPool = "pool-0123456789abcdef0123456789abcdef";
const std::string kPoolArn = std::string("arn:aws:sms-voice:us-east-1:123456789012:pool/") + kPool;
constexpr int kMistakes = 50;

struct Refused {
  std::string method;
  std::unique_ptr<google::protobuf::Message> request;
};

template <class Request>
void AddMistakenIdentities(const std::string& method, std::vector<Refused>& calls) {
  auto request = std::make_unique<Request>();
  request->set_pool_id(kPool);
  for (int i = 0; i < kMistakes; ++i) {
    request->add_origination_identities()->set_origination_identity("+1206555" + std::to_string(1000 + i));
  }
  calls.push_back({"Pools/" + method, std::move(request)});
}

// Calls that break fifty rules each.
std::vector<Refused> MistakenCalls() {
  std::vector<Refused> calls;
  auto tag = std::make_unique<TagResourceRequest>();
  auto untag = std::make_unique<UntagResourceRequest>();
  auto create = std::make_unique<CreatePoolRequest>();
  auto describe = std::make_unique<DescribePoolsRequest>();
  tag->set_resource_arn(kPoolArn);
  untag->set_resource_arn(kPoolArn);
  for (int i = 0; i < kMistakes; ++i) {
    // Text that is longer in a header than it is here.
    tag->add_tags()->set_key("aws:Größe" + std::to_string(i));
    untag->add_tag_keys(std::string(129, 'x') + std::to_string(i));
    create->add_tags()->set_key("aws:" + std::to_string(i));
    if (i % 10 == 0) describe->add_filters()->set_name(POOL_FILTER_NAME_STATUS);
    describe->mutable_filters(i / 10)->add_values("a value with blanks " + std::to_string(i));
  }
  calls.push_back({"Tags/TagResource", std::move(tag)});
  calls.push_back({"Tags/UntagResource", std::move(untag)});
  calls.push_back({"Pools/CreatePool", std::move(create)});
  calls.push_back({"Pools/DescribePools", std::move(describe)});
  AddMistakenIdentities<BatchAssociateOriginationIdentitiesRequest>("BatchAssociateOriginationIdentities", calls);
  AddMistakenIdentities<BatchDisassociateOriginationIdentitiesRequest>("BatchDisassociateOriginationIdentities", calls);
  AddMistakenIdentities<ReplaceOriginationIdentitiesRequest>("ReplaceOriginationIdentities", calls);
  return calls;
}

void ExpectRefusedWhole(const Reply<TagResourceResponse>& reply) {
  EXPECT_EQ(reply.status.error_code(), StatusCode::INVALID_ARGUMENT) << reply.status.error_message();
  EXPECT_EQ(reply.Trailer("x-amzn-errortype"), "ValidationException");
  ASSERT_FALSE(reply.status.error_details().empty());
  const auto info = reply.Find<google::rpc::ErrorInfo>();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->metadata().at("exception"), "ValidationException");
  const auto bad = reply.Find<google::rpc::BadRequest>();
  ASSERT_TRUE(bad);
  const int told = bad->field_violations_size() - 1;
  EXPECT_GE(told, 8);
  EXPECT_THAT(bad->field_violations(told).description(), testing::EndsWith(" more left out"));
}

template <class TheProxy>
class BehindProxy : public testing::Test {
 protected:
  const Proxy& proxy_ = Shared<TheProxy>();

  // TagResource over AWS JSON with fifty wrong tags, by curl.
  Ran Tag(bool tls) {
    nlohmann::json request{{"ResourceArn", kPoolArn}, {"Tags", nlohmann::json::array()}};
    for (int i = 0; i < kMistakes; ++i) {
      request["Tags"].push_back({{"Key", "aws:" + std::to_string(i)}, {"Value", ""}});
    }
    return RunToEnd(
        {{"curl", "--silent", "--show-error", "--cacert", TheCertificates().authority.certificate(), "--unix-socket",
          proxy_.Socket(tls ? "https" : "http"), "--header", "X-Amz-Target: PinpointSMSVoiceV2.TagResource", "--header",
          "Content-Type: application/x-amz-json-1.0", "--data", request.dump(), "--write-out", "\n%{http_code}",
          std::string(tls ? "https" : "http") + "://localhost/"},
         {},
         {}});
  }
};

using Proxies = testing::Types<Nginx, HaProxy>;
struct NameOfProxy {
  template <class TheProxy>
  static std::string GetName(int) {
    return std::is_same_v<TheProxy, Nginx> ? "Nginx" : "HaProxy";
  }
};
TYPED_TEST_SUITE(BehindProxy, Proxies, NameOfProxy);

TYPED_TEST(BehindProxy, FiftyViolationsArriveWithTheirDetails) {
  for (const bool tls : {false, true}) {
    const GrpcClient client = ClientThrough(this->proxy_, tls);
    for (const Refused& call : MistakenCalls()) {
      SCOPED_TRACE(call.method + (tls ? " over TLS" : ""));
      ExpectRefusedWhole(Call(client, call.method, *call.request));
    }
  }
}

// Refused for the state of things, not for their form; and the rehearsal, which tells all of it.
TYPED_TEST(BehindProxy, AHundredRefusedIdentitiesArrive) {
  for (const bool tls : {false, true}) {
    SCOPED_TRACE(tls);
    const GrpcClient client = ClientThrough(this->proxy_, tls);
    client.Must<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
    const auto pool = client.Must<CreatePoolRequest>(
        "origination_identity: 'EXAMPLECO' iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL");
    BatchAssociateOriginationIdentitiesRequest request;
    request.set_pool_id(pool.pool_id());
    for (int i = 0; i < 100; ++i) {
      auto& reference = *request.add_origination_identities();
      reference.set_origination_identity("NOBODY" + std::to_string(i));
      reference.set_iso_country_code("GB");
    }
    const std::string method = "Pools/BatchAssociateOriginationIdentities";
    const auto refused = Call(client, method, request);
    EXPECT_EQ(refused.status.error_code(), StatusCode::NOT_FOUND) << refused.status.error_message();
    ASSERT_FALSE(refused.status.error_details().empty());
    EXPECT_EQ(refused.template Find<google::rpc::ErrorInfo>()->metadata().at("resourceId"), "NOBODY0");
    EXPECT_GE(refused.template Find<google::rpc::BadRequest>()->field_violations_size(), 20);

    request.set_validate_only(true);
    EXPECT_EQ(Call(client, method, request).status.error_code(), StatusCode::OK);
  }
}

TYPED_TEST(BehindProxy, FiftyViolationsArriveOverAwsJson) {
  for (const bool tls : {false, true}) {
    const Ran ran = this->Tag(tls);
    const std::size_t end = ran.output.rfind('\n');
    ASSERT_NE(end, std::string::npos) << ran.errors;
    EXPECT_EQ(ran.output.substr(end + 1), "400");
    const auto body = nlohmann::json::parse(ran.output.substr(0, end), nullptr, false);
    ASSERT_TRUE(body.is_object()) << ran.output;
    EXPECT_EQ(body.value("__type", ""), "com.amazonaws.pinpointsmsvoicev2#ValidationException");
    EXPECT_EQ(body["Fields"].size(), static_cast<std::size_t>(kMistakes));
  }
}

// As the server sends it, without a proxy: names, values and what stands between them, uncompressed.
TEST(RefusalOnTheWire, IsBelowTheLimit) {
  const TemporaryDirectory directory;
  for (const Refused& call : MistakenCalls()) {
    SCOPED_TRACE(call.method);
    const std::string message = call.request->SerializeAsString();
    std::string bytes(1, '\0');  // not compressed, and its length
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(message.size() >> shift & 0xFF);
    const fs::path file = directory.path() / "request";
    std::ofstream(file, std::ios::binary) << bytes << message;
    const Ran ran =
        RunToEnd({{"curl", "--silent", "--show-error", "--http2-prior-knowledge", "--dump-header", "-", "--header",
                   "content-type: application/grpc", "--header", "te: trailers", "--data-binary", "@" + file.string(),
                   "http://" + DevAddress() + "/smsvoice.v2." + call.method},
                  {},
                  {}});
    EXPECT_THAT(ran.output, testing::HasSubstr("grpc-status-details-bin: "));
    EXPECT_LT(ran.output.size(), limits::kRefusal);
    EXPECT_GT(ran.output.size(), limits::kRefusal / 2) << "the room is used";
  }
}

}  // namespace
}  // namespace poold
