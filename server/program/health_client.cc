#include "server/program/health_client.h"

#include <grpcpp/grpcpp.h>

#include <iostream>

#include "grpc/health/v1/health.grpc.pb.h"

namespace poold {

bool IsServing(const std::string& address) {
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status = grpc::health::v1::Health::NewStub(channel)->Check(&context, {}, &response);
  const bool serving = status.ok() && response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
  std::cout << address << ": "
            << (status.ok() ? grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status())
                            : "no answer: " + status.error_message())
            << std::endl;
  return serving;
}

}  // namespace poold
