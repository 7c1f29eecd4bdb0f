#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/base/settings.h"

namespace poold {

class World;

// The running service: database, pipeline, doors and what goes on in the background, put together and taken apart in
// the right order. Owned by one thread.
class Server {
 public:
  // Looks at the database, starts to listen whatever that found, and serves as soon as the database answers with a
  // schema that this build knows; then calls `on_ready`, once, on a thread of its own. Throws std::runtime_error if it
  // cannot listen or something is wrong with the access file, StorageFailure if the database url cannot be read.
  Server(const Settings& settings, World& world, std::function<void()> on_ready);

  // Stops at once; call Drain first to let calls end.
  ~Server();

  const std::string& grpc_address() const;
  std::string http_address() const;  // "off" if there is no such door

  std::string health_address() const;

  // Tells who asks that calls should go elsewhere from now on, and goes on serving.
  void SayNotServing();

  // Says NOT_SERVING, takes no more calls, and waits until those that run have ended, at most settings.drain.limit.
  void Drain();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace poold
