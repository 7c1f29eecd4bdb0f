#include "server/transport/health.h"

#include <grpc/grpc.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <chrono>
#include <stdexcept>

#include "server/base/settings.h"
#include "server/transport/grpc_acceptor.h"
#include "server/transport/grpc_listener.h"
#include "server/transport/grpc_memory.h"

namespace poold {
namespace {

// Probes are few: a connection each, which they close soon. Health keeps files of its own for them.
constexpr int kConnections = 64;
constexpr int kConnectionsPerAddress = 32;
constexpr std::chrono::milliseconds kIdle{60'000};

}  // namespace

class HealthDoor::Impl {
 public:
  Impl(const GrpcSettings& settings, Metrics& metrics)
      : listener({.listen = settings.health_listen,
                  .setting = "--health-listen",
                  .connections = kConnections,
                  .connections_per_address = kConnectionsPerAddress,
                  .guarded = IsGuarded(settings.guard, settings.health_listen, nullptr),
                  .threads = 1},
                 metrics) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    LimitMemory(builder, "health");
    // gRPC starts no server that has nothing but health. Every other method is answered UNIMPLEMENTED by it.
    builder.RegisterCallbackGenericService(&other_methods);
    auto hand_over = AcceptOutside(builder);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, static_cast<int>(kIdle.count()));
    server = builder.BuildAndStart();
    if (!server) throw std::runtime_error("the gRPC server of health does not start");
    server->GetHealthCheckService()->SetServingStatus("liveness", true);
    server->GetHealthCheckService()->SetServingStatus("", false);
    listener.Start(std::move(hand_over));
  }
  // Watches never end by themselves.
  ~Impl() {
    listener.Stop();
    server->Shutdown(std::chrono::system_clock::now());
  }

  GrpcListener listener;  // outlives the server
  grpc::CallbackGenericService other_methods;
  std::unique_ptr<grpc::Server> server;
};

HealthDoor::HealthDoor(const GrpcSettings& settings, Metrics& metrics)
    : impl_(std::make_unique<Impl>(settings, metrics)) {}
HealthDoor::~HealthDoor() = default;
const std::string& HealthDoor::address() const { return impl_->listener.address(); }
void HealthDoor::SetAlive(bool alive) { impl_->server->GetHealthCheckService()->SetServingStatus("liveness", alive); }
void HealthDoor::SetServing(bool serving) { impl_->server->GetHealthCheckService()->SetServingStatus("", serving); }

}  // namespace poold
