#include "server/transport/health.h"

#include <grpc/grpc.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <chrono>
#include <stdexcept>

#include "server/transport/grpc_memory.h"

namespace poold {

class HealthDoor::Impl {
 public:
  explicit Impl(const std::string& listen) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    LimitMemory(builder, "health");
    // gRPC starts no server that has nothing but health. Every other method is answered UNIMPLEMENTED by it.
    builder.RegisterCallbackGenericService(&other_methods);
    int port = 0;
    builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    server = builder.BuildAndStart();
    if (!server || port == 0) {
      throw std::runtime_error("cannot listen on " + listen +
                               ": is the address right and the port free? Choose another with --health-listen.");
    }
    address = listen.substr(0, listen.rfind(':') + 1) + std::to_string(port);
    server->GetHealthCheckService()->SetServingStatus("liveness", true);
    server->GetHealthCheckService()->SetServingStatus("", false);
  }
  // Watches never end by themselves.
  ~Impl() { server->Shutdown(std::chrono::system_clock::now()); }

  grpc::CallbackGenericService other_methods;
  std::unique_ptr<grpc::Server> server;
  std::string address;
};

HealthDoor::HealthDoor(const std::string& listen) : impl_(std::make_unique<Impl>(listen)) {}
HealthDoor::~HealthDoor() = default;
const std::string& HealthDoor::address() const { return impl_->address; }
void HealthDoor::SetAlive(bool alive) { impl_->server->GetHealthCheckService()->SetServingStatus("liveness", alive); }
void HealthDoor::SetServing(bool serving) { impl_->server->GetHealthCheckService()->SetServingStatus("", serving); }

}  // namespace poold
