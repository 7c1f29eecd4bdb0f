#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "server/pipeline/pipeline.h"
#include "server/rpc/call.h"

namespace poold {

class Tls;
struct GrpcSettings;

// The gRPC door: the callback API, server reflection and grpc.health.v1.Health. Its threads are few and shared by the
// process, so nothing on them blocks: they admit calls and hand them to the executor.
class GrpcDoor {
 public:
  // Binds settings.listen and starts serving; health says NOT_SERVING until SetServing(true). Throws
  // std::runtime_error if the address cannot be had. `tls`: nullptr for none. All but the settings must outlive it.
  GrpcDoor(const GrpcSettings& settings, const Service& service, Pipeline& pipeline, const Tls* tls);
  ~GrpcDoor();

  // Where it listens, with the port that was picked: "127.0.0.1:50051".
  const std::string& address() const;

  // What health answers, for the server as a whole ("") and for each service.
  void SetServing(bool serving);

  // Stops taking calls and waits until those that run have ended; those that still run after `limit` are cancelled.
  // Watches of health are cut and idle connections closed as soon as no call runs. Not from a gRPC thread.
  void Shutdown(std::chrono::milliseconds limit);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace poold
