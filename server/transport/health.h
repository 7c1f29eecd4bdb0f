#pragma once

#include <memory>
#include <string>

namespace poold {

class Metrics;
struct GrpcSettings;

// An endpoint for probes only: grpc.health.v1.Health without TLS, on a port of its own, for probes inside the machine
// or cluster, which have no credentials (Kubernetes' gRPC probes). "" follows readiness; "liveness" serves as long as
// the process runs, whatever becomes of the database.
class HealthDoor {
 public:
  // Listens on settings.health_listen. Throws std::runtime_error if the address cannot be had. The metrics must outlive
  // it.
  HealthDoor(const GrpcSettings& settings, Metrics& metrics);
  ~HealthDoor();

  const std::string& address() const;

  void SetServing(bool serving);

  // What the service "liveness" answers; at first: yes. Any thread.
  void SetAlive(bool alive);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace poold
