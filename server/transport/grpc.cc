#include "server/transport/grpc.h"

#include <absl/synchronization/mutex.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <set>
#include <stdexcept>

#include "server/config.h"
#include "server/limits.h"
#include "server/method.h"
#include "server/tls.h"

namespace poold {
namespace {

using grpc::ByteBuffer;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

// How many calls of ours run at this moment: those of health and reflection don't count. Any thread.
class RunningCalls {
 public:
  void Begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void End() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void WaitUntilNone(std::chrono::system_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    none_.wait_until(lock, deadline, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

// One gRPC call. gRPC owns it from the moment it is returned to it, until OnDone.
class GrpcCall final : private Messages, public Call, public ServerUnaryReactor {
 public:
  GrpcCall(const Service& service, const Method& method, CallbackServerContext& context, const ByteBuffer& bytes,
           ByteBuffer& answer, RunningCalls& running)
      : Messages(method),
        Call(service, method, *Messages::request, *Messages::response),
        context_(context),
        bytes_(bytes),
        answer_(answer),
        running_(running) {
    running_.Begin();
    // gRPC's deadline is of the wall clock; ours is not moved by somebody setting that. It can be centuries away:
    // further than a count of nanoseconds goes.
    const gpr_timespec left = gpr_time_sub(context.raw_deadline(), gpr_now(context.raw_deadline().clock_type));
    if (left.tv_sec < std::chrono::seconds(std::chrono::hours(24)).count()) {
      const auto time = std::chrono::seconds(left.tv_sec) + std::chrono::nanoseconds(left.tv_nsec);
      set_deadline(received() + std::max<std::chrono::nanoseconds>(time, std::chrono::nanoseconds(1)));
    }
  }

  void Read() override {
    ByteBuffer copy(bytes_);  // shares the bytes
    grpc::ProtoBufferReader reader(&copy);
    if (reader.status().ok() && Messages::request->ParseFromZeroCopyStream(&reader)) return;
    throw Error::Invalid(
        reason::kCannotParse, "request",
        "is not a " + method().descriptor->input_type()->name() + " in protobuf form with text in UTF-8");
  }

  std::vector<std::string_view> HeaderValues(std::string_view name) const override {
    std::vector<std::string_view> values;
    const auto [first, end] = context_.client_metadata().equal_range(grpc::string_ref(name.data(), name.size()));
    for (auto entry = first; entry != end; ++entry) values.emplace_back(entry->second.data(), entry->second.size());
    return values;
  }

  std::vector<std::string> CertificateNames() const override {
    std::vector<std::string> names;
    const auto peer = context_.auth_context();
    if (!peer->IsPeerAuthenticated()) return names;
    const auto add = [&](const char* kind, const char* property) {
      for (const auto& name : peer->FindPropertyValues(property))
        names.push_back(kind + std::string(name.data(), name.size()));
    };
    add("uri:", GRPC_PEER_URI_PROPERTY_NAME);
    add("dns:", GRPC_PEER_DNS_PROPERTY_NAME);
    return names;
  }

  void Finish(const Error* error) override {
    context_.AddTrailingMetadata("x-amzn-requestid", request_id());
    if (error == nullptr) {
      grpc::Slice bytes(Messages::response->ByteSizeLong());
      Messages::response->SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(bytes.begin()));
      ByteBuffer answer(&bytes, 1);
      answer_.Swap(&answer);
      return ServerUnaryReactor::Finish(grpc::Status::OK);
    }
    context_.AddTrailingMetadata(std::string(kErrorTypeMetadata), std::string(error->exception()));
    ServerUnaryReactor::Finish(ToGrpcStatus(*error, request_id()));
  }

  // OnDone waits for nothing, so that gRPC needs no further thread to call it.
  bool InternalInlineable() override { return true; }
  void OnCancel() override { Cancel(); }
  void OnDone() override {
    RunningCalls& running = running_;
    delete this;
    running.End();
  }

 private:
  CallbackServerContext& context_;
  const ByteBuffer& bytes_;
  ByteBuffer& answer_;
  RunningCalls& running_;
};

// One service of the .proto files, served from the table of methods. It takes the bytes of a call instead of generated
// messages: so there is nothing here to write for an RPC, and a request that cannot be read is refused by us, with
// details and a request id, where generated code would answer UNIMPLEMENTED.
class TableService final : public grpc::Service {
 public:
  TableService(const google::protobuf::ServiceDescriptor& descriptor, const poold::Service& service, Pipeline& pipeline,
               RunningCalls& running) {
    int index = 0;
    for (const Method& method : Methods()) {
      if (method.descriptor->service() != &descriptor) continue;
      names_.push_back("/" + descriptor.full_name() + "/" + std::string(method.name));
      AddMethod(
          new grpc::internal::RpcServiceMethod(names_.back().c_str(), grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
      MarkMethodRawCallback(index++,
                            new grpc::internal::CallbackUnaryHandler<ByteBuffer, ByteBuffer>(
                                [&](CallbackServerContext* context, const ByteBuffer* bytes, ByteBuffer* answer) {
                                  auto* call = new GrpcCall(service, method, *context, *bytes, *answer, running);
                                  pipeline.Start(*call);
                                  return call;
                                }));
    }
  }

 private:
  std::deque<std::string> names_;  // gRPC keeps pointers to them
};

// TLS with the certificate of the moment. gRPC asks for it at each new connection, and only takes it if it can use it.
class ReloadingCredentials final : public grpc::ServerCredentials {
 public:
  explicit ReloadingCredentials(const Tls& tls) : tls_(tls) {
    const auto request = tls.current()->client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                          : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
    auto* options = grpc_ssl_server_credentials_create_options_using_config_fetcher(request, &Fetch, this);
    credentials_ = grpc_ssl_server_credentials_create_with_options(options);
  }
  ~ReloadingCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  static grpc_ssl_certificate_config_reload_status Fetch(void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<ReloadingCredentials*>(self)->FetchIfNew(config);
  }

  grpc_ssl_certificate_config_reload_status FetchIfNew(grpc_ssl_server_certificate_config** config) {
    const std::lock_guard lock(mutex_);
    auto pem = tls_.current();
    if (pem == given_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair{pem->key.c_str(), pem->certificate.c_str()};
    // gRPC wants authorities even if it is not to ask clients for certificates; then nothing is held against them.
    const std::string& authorities = pem->client_ca.empty() ? pem->certificate : pem->client_ca;
    *config = grpc_ssl_server_certificate_config_create(authorities.c_str(), &pair, 1);
    given_ = std::move(pem);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const Tls& tls_;
  grpc_server_credentials* credentials_;
  std::mutex mutex_;
  std::shared_ptr<const Tls::Pem> given_;  // guarded by mutex_
};

constexpr int kGreatestMetadata = 16 << 10;
// More wait at the client, for one of these to end: what a client that sends faster than it is answered costs here is
// bounded, and the door stays quick for the others.
constexpr int kCallsPerConnection = 256;
// For connections to hang up by themselves once the last call has ended.
constexpr std::chrono::milliseconds kParting{200};

}  // namespace

class GrpcDoor::Impl {
 public:
  Impl(const Settings& settings, const Service& service, Pipeline& pipeline, const Tls* tls) {
    if (tls != nullptr) credentials_ = std::make_shared<ReloadingCredentials>(*tls);
    const std::string& listen = settings.grpc_listen;
    for (const Method& method : Methods()) {
      if (IsServed(method, service.settings)) descriptors_.insert(method.descriptor->service());
    }
    for (const auto* descriptor : descriptors_) services_.emplace_back(*descriptor, service, pipeline, running_);

    // On by default: each lock of gRPC's would be entered into a graph, an eighth of its work.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();

    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(listen, credentials_, &port);
    builder.SetMaxReceiveMessageSize(static_cast<int>(limits::kRequestBytes));
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kGreatestMetadata);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kCallsPerConnection);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second server on the port must fail, not share it
    // Clients that keep idle connections open ping more often than the default allows (a ping in 5 minutes).
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    if (settings.max_connection_age.count() > 0) {
      builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, static_cast<int>(settings.max_connection_age.count()));
      // No call that began in time is cut by it.
      builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                                 static_cast<int>((settings.greatest_deadline + kParting).count()));
    }
    for (TableService& served : services_) builder.RegisterService(&served);
    server_ = builder.BuildAndStart();
    if (!server_ || port == 0) {
      throw std::runtime_error("cannot listen on " + listen +
                               ": is the address right and the port free? Choose another with --grpc-listen.");
    }
    address_ = listen.substr(0, listen.rfind(':') + 1) + std::to_string(port);
    SetServing(false);
  }

  const std::string& address() const { return address_; }

  void SetServing(bool serving) {
    auto* health = server_->GetHealthCheckService();
    health->SetServingStatus("", serving);
    for (const auto* descriptor : descriptors_) health->SetServingStatus(descriptor->full_name(), serving);
  }

  void Shutdown(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::system_clock::now() + limit;
    // Tells the clients to go elsewhere, takes no more calls, and waits for every call and every connection to end ...
    const auto ended = std::async(std::launch::async, [this, deadline] { server_->Shutdown(deadline); });
    // ... of which only our calls are worth the wait: a watch of health never ends, and an idle client may take seconds
    // to hang up.
    running_.WaitUntilNone(deadline);
    while (ended.wait_for(kParting) == std::future_status::timeout) grpc_server_cancel_all_calls(server_->c_server());
    server_->Wait();
  }

 private:
  std::set<const google::protobuf::ServiceDescriptor*> descriptors_;
  RunningCalls running_;
  std::shared_ptr<grpc::ServerCredentials> credentials_ = grpc::InsecureServerCredentials();
  std::deque<TableService> services_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

GrpcDoor::GrpcDoor(const Settings& settings, const Service& service, Pipeline& pipeline, const Tls* tls)
    : impl_(std::make_unique<Impl>(settings, service, pipeline, tls)) {}
GrpcDoor::~GrpcDoor() = default;
const std::string& GrpcDoor::address() const { return impl_->address(); }
void GrpcDoor::SetServing(bool serving) { impl_->SetServing(serving); }
void GrpcDoor::Shutdown(std::chrono::milliseconds limit) { impl_->Shutdown(limit); }

}  // namespace poold
