#include "server/transport/grpc.h"

#include <absl/synchronization/mutex.h>
#include <grpc/grpc.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <set>
#include <stdexcept>

#include "server/base/limits.h"
#include "server/base/settings.h"
#include "server/rpc/method.h"
#include "server/transport/grpc_acceptor.h"
#include "server/transport/grpc_call.h"
#include "server/transport/grpc_listener.h"
#include "server/transport/grpc_memory.h"
#include "server/transport/reflection.h"
#include "server/transport/tls.h"

namespace poold {
namespace {

using grpc::ByteBuffer;
using grpc::CallbackServerContext;
using grpc::GenericCallbackServerContext;
using grpc::ServerGenericBidiReactor;
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

// A call of a method of the table. gRPC owns it from the moment it is returned to it, until OnDone.
class UnaryCall final : private Messages, public GrpcCall, public ServerUnaryReactor {
 public:
  UnaryCall(const Service& service, const Method& method, CallbackServerContext& context, const ByteBuffer& bytes,
            ByteBuffer& answer, RunningCalls& running, const GrpcPeers* peers)
      : Messages(method),
        GrpcCall(service, method, *Messages::request, *Messages::response, context, peers),
        bytes_(bytes),
        answer_(answer),
        running_(running) {
    running_.Begin();
  }

  void Read() override {
    if (ReadMessage(context_, bytes_, *Messages::request)) return;
    throw Error::Invalid(
        reason::kCannotParse, "request",
        "is not a " + method().descriptor->input_type()->name() + " in protobuf form with text in UTF-8");
  }

  std::size_t RequestBytes() const override { return bytes_.Length(); }

  void Finish(const Error* error) override {
    if (error == nullptr) {
      grpc::Slice bytes(Messages::response->ByteSizeLong());
      Messages::response->SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(bytes.begin()));
      ByteBuffer answer(&bytes, 1);
      answer_.Swap(&answer);
    }
    ServerUnaryReactor::Finish(StatusOf(error));
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
  const ByteBuffer& bytes_;
  ByteBuffer& answer_;
  RunningCalls& running_;
};

// A call of a method that no service here has. It goes the way of all calls, which ends with a refusal.
class UnknownCall final : private Messages, public GrpcCall, public ServerGenericBidiReactor {
 public:
  UnknownCall(const Service& service, GenericCallbackServerContext& context, const GrpcPeers* peers)
      : Messages(UnknownMethod()),
        GrpcCall(service, UnknownMethod(), *Messages::request, *Messages::response, context, peers),
        path_(context.method()) {}

  std::string_view unknown_name() const override { return path_; }
  void Read() override {}
  void Finish(const Error* error) override { ServerGenericBidiReactor::Finish(StatusOf(error)); }
  void OnDone() override { delete this; }

 private:
  const std::string path_;
};

// What is in no TableService: reflection, which is a stream, and methods that do not exist.
class OtherMethods final : public grpc::CallbackGenericService {
 public:
  // `reflection`: nullptr: not served.
  OtherMethods(const Service& service, Pipeline& pipeline, Reflection* reflection, const GrpcPeers* peers)
      : service_(service), pipeline_(pipeline), reflection_(reflection), peers_(peers) {}

 private:
  ServerGenericBidiReactor* CreateReactor(GenericCallbackServerContext* context) override {
    if (reflection_ != nullptr && Reflection::IsMethod(context->method())) return reflection_->Open(*context);
    auto* call = new UnknownCall(service_, *context, peers_);
    pipeline_.Start(*call);
    return call;
  }

  const Service& service_;
  Pipeline& pipeline_;
  Reflection* const reflection_;
  const GrpcPeers* const peers_;
};

// One service of the .proto files, served from the table of methods. It takes the bytes of a call instead of generated
// messages: so there is nothing here to write for an RPC, and a request that cannot be read is refused by us, with
// details and a request id, where generated code would answer UNIMPLEMENTED.
class TableService final : public grpc::Service {
 public:
  TableService(const google::protobuf::ServiceDescriptor& descriptor, const poold::Service& service, Pipeline& pipeline,
               RunningCalls& running, const GrpcPeers* peers) {
    int index = 0;
    for (const Method& method : Methods()) {
      if (method.descriptor->service() != &descriptor) continue;
      names_.push_back("/" + descriptor.full_name() + "/" + std::string(method.name));
      AddMethod(
          new grpc::internal::RpcServiceMethod(names_.back().c_str(), grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
      MarkMethodRawCallback(
          index++, new grpc::internal::CallbackUnaryHandler<ByteBuffer, ByteBuffer>(
                       [&, peers](CallbackServerContext* context, const ByteBuffer* bytes, ByteBuffer* answer) {
                         auto* call = new UnaryCall(service, method, *context, *bytes, *answer, running, peers);
                         pipeline.Start(*call);
                         return call;
                       }));
    }
  }

 private:
  std::deque<std::string> names_;  // gRPC keeps pointers to them
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
  Impl(const GrpcSettings& settings, const Service& service, Pipeline& pipeline, const Tls* tls)
      : listener_({.listen = settings.listen,
                   .setting = "--grpc-listen",
                   .connections = settings.connections,
                   .connections_per_address = settings.connections_per_address,
                   .guarded = IsGuarded(settings.guard, settings.listen, tls),
                   .tls = tls},
                  service.metrics) {
    // Without certificates of clients nobody asks who is behind a connection.
    const GrpcPeers* peers = tls != nullptr && tls->AsksClients() ? &listener_.peers() : nullptr;
    for (const Method& method : Methods()) {
      if (IsServed(method, service.settings)) descriptors_.insert(method.descriptor->service());
    }
    for (const auto* descriptor : descriptors_) services_.emplace_back(*descriptor, service, pipeline, running_, peers);

    // On by default: each lock of gRPC's would be entered into a graph, an eighth of its work.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    grpc::EnableDefaultHealthCheckService(true);
    if (settings.reflection == "on") reflection_.emplace(descriptors_, service);
    others_.emplace(service, pipeline, reflection_ ? &*reflection_ : nullptr, peers);

    grpc::ServerBuilder builder;
    auto hand_over = AcceptOutside(builder);
    LimitMemory(builder, "calls");
    builder.SetMaxReceiveMessageSize(static_cast<int>(limits::kRequestBytes));
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kGreatestMetadata);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kCallsPerConnection);
    // Clients that keep idle connections open ping more often than the default allows (a ping in 5 minutes).
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    if (settings.max_connection_age.count() > 0) {
      builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, static_cast<int>(settings.max_connection_age.count()));
      // No call that began in time is cut by it.
      builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                                 static_cast<int>((pipeline.greatest_deadline() + kParting).count()));
    }
    if (settings.max_connection_idle.count() > 0) {
      builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                                 static_cast<int>(settings.max_connection_idle.count()));
    }
    for (TableService& served : services_) builder.RegisterService(&served);
    builder.RegisterCallbackGenericService(&*others_);
    server_ = builder.BuildAndStart();
    if (!server_) throw std::runtime_error("the gRPC server does not start");
    SetServing(false);
    listener_.Start(std::move(hand_over));
  }

  ~Impl() { listener_.Stop(); }

  const std::string& address() const { return listener_.address(); }

  void SetServing(bool serving) {
    auto* health = server_->GetHealthCheckService();
    health->SetServingStatus("", serving);
    for (const auto* descriptor : descriptors_) health->SetServingStatus(descriptor->full_name(), serving);
  }

  void Shutdown(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::system_clock::now() + limit;
    listener_.Stop();
    // Tells the clients to go elsewhere, takes no more calls, and waits for every call and every connection to end ...
    const auto ended = std::async(std::launch::async, [this, deadline] { server_->Shutdown(deadline); });
    // ... of which only our calls are worth the wait: a watch of health never ends, and an idle client may take seconds
    // to hang up.
    running_.WaitUntilNone(deadline);
    while (ended.wait_for(kParting) == std::future_status::timeout) grpc_server_cancel_all_calls(server_->c_server());
    server_->Wait();
    listener_.Finish();
  }

 private:
  std::set<const google::protobuf::ServiceDescriptor*> descriptors_;
  RunningCalls running_;
  GrpcListener listener_;
  std::deque<TableService> services_;
  std::optional<Reflection> reflection_;  // nothing: not served
  std::optional<OtherMethods> others_;
  std::unique_ptr<grpc::Server> server_;
};

GrpcDoor::GrpcDoor(const GrpcSettings& settings, const Service& service, Pipeline& pipeline, const Tls* tls)
    : impl_(std::make_unique<Impl>(settings, service, pipeline, tls)) {}
GrpcDoor::~GrpcDoor() = default;
const std::string& GrpcDoor::address() const { return impl_->address(); }
void GrpcDoor::SetServing(bool serving) { impl_->SetServing(serving); }
void GrpcDoor::Shutdown(std::chrono::milliseconds limit) { impl_->Shutdown(limit); }

}  // namespace poold
