#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "server/pipeline/pipeline.h"
#include "server/rpc/call.h"

namespace poold {

class Tls;
struct HttpSettings;

// The AWS JSON door (behaviour 1): HTTP/1.1, with or without TLS. It answers
//   POST /        with X-Amz-Target: PinpointSMSVoiceV2.<Operation>, the operations of the service model
//   POST /_poold/reset, /_poold/seed  the service Dev, in `poold dev` only
//   GET /healthz  200, or 503 if only a restart of the process can help
//   GET /readyz   200 while calls are served, else 503
//   GET /metrics  what Prometheus reads
// Connections hold no thread: two threads serve all of them, and nothing on these blocks.
class HttpDoor {
 public:
  // Binds and starts to serve; /readyz says what service.ready_state says. Throws std::runtime_error if the address
  // cannot be had. `tls`: nullptr for none. All of them must outlive it.
  HttpDoor(const HttpSettings& settings, const Service& service, Pipeline& pipeline, const Tls* tls);
  ~HttpDoor();

  // Where it listens, with the port that was picked: "127.0.0.1:8080".
  const std::string& address() const;

  // Takes no more connections and no more requests, and waits until the calls that run are answered; those that still
  // run after `limit` are cancelled. Not from one of its threads. Again is harmless.
  void Shutdown(std::chrono::milliseconds limit);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace poold
