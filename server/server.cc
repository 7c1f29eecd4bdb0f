#include "server/server.h"

#include "server/call.h"
#include "server/housekeeping.h"
#include "server/known_accounts.h"
#include "server/method.h"
#include "server/middleware/validate.h"
#include "server/pipeline.h"
#include "server/rate_limiter.h"
#include "server/readiness.h"
#include "server/transport/grpc.h"
#include "storage/database.h"

namespace poold {
namespace {

// Besides the workers' connections: one for readiness, one for housekeeping.
constexpr int kBackgroundConnections = 2;

Database::Options DatabaseOptions(const Settings& settings) {
  Database::Options options;
  options.url = settings.database_url;
  options.connections = settings.database_connections + kBackgroundConnections;
  return options;
}

}  // namespace

class Server::Impl {
 public:
  Impl(const Settings& settings, World& world, std::function<void()> on_ready)
      : settings_(settings),
        database_(DatabaseOptions(settings_)),
        service_{database_, world, settings_.api, known_accounts_, rate_limiter_},
        pipeline_(settings_),
        grpc_(settings_.grpc_listen, service_, pipeline_),
        housekeeping_(service_),
        readiness_(service_, [this, on_ready = std::move(on_ready)](bool serving) mutable {
          grpc_.SetServing(serving);
          if (serving && on_ready) std::exchange(on_ready, nullptr)();
        }) {}

  ~Impl() {
    if (!drained_) grpc_.Shutdown(std::chrono::milliseconds(0));
  }

  const std::string& grpc_address() const { return grpc_.address(); }

  void Drain() {
    readiness_.Stop();
    grpc_.SetServing(false);
    grpc_.Shutdown(settings_.drain_limit);
    drained_ = true;
  }

 private:
  const Settings settings_;
  Database database_;
  KnownAccounts known_accounts_;
  RateLimiter rate_limiter_;
  Service service_;
  Pipeline pipeline_;
  GrpcDoor grpc_;
  Housekeeping housekeeping_;
  Readiness readiness_;
  bool drained_ = false;
};

Server::Server(const Settings& settings, World& world, std::function<void()> on_ready) {
  // A mistake in a .proto's rules shows here, not at the first call.
  for (const Method& method : Methods()) PrepareRules(*method.descriptor->input_type());
  impl_ = std::make_unique<Impl>(settings, world, std::move(on_ready));
}
Server::~Server() = default;
const std::string& Server::grpc_address() const { return impl_->grpc_address(); }
void Server::Drain() { impl_->Drain(); }

}  // namespace poold
