#include "server/program/server.h"

#include <spdlog/spdlog.h>

#include <thread>

#include "server/base/loopback.h"
#include "server/base/periodic.h"
#include "server/middleware/access.h"
#include "server/middleware/known_accounts.h"
#include "server/middleware/rate_limiter.h"
#include "server/middleware/rules.h"
#include "server/pipeline/pipeline.h"
#include "server/program/housekeeping.h"
#include "server/program/readiness.h"
#include "server/program/self_check.h"
#include "server/rpc/call.h"
#include "server/rpc/method.h"
#include "server/telemetry/metrics.h"
#include "server/telemetry/tracing.h"
#include "server/transport/grpc.h"
#include "server/transport/health.h"
#include "server/transport/http.h"
#include "server/transport/tls.h"
#include "storage/postgres/database.h"

namespace poold {
namespace {

// Besides the workers' connections: one for readiness, one for housekeeping.
constexpr int kBackgroundConnections = 2;

// How soon a change of the access file, or of a certificate, is noticed.
constexpr std::chrono::milliseconds kWatchPause{1000};

// How long a statement of a caller who went away may go on.
constexpr std::chrono::milliseconds kStopGrace{1000};

storage::DatabaseOptions OptionsOf(const Settings& settings, Metrics& metrics) {
  storage::DatabaseOptions options;
  options.url = settings.database.url;
  options.password_file = settings.database.password_file;
  options.prepare = settings.database.prepared_statements;
  options.stop_grace = kStopGrace;
  options.connections = settings.pipeline.database_connections + kBackgroundConnections;
  options.observe = [&metrics](std::string_view name, std::chrono::nanoseconds took, bool) {
    metrics.Statement(name, took);
  };
  return options;
}

std::unique_ptr<AccessFile> OpenAccessFile(const Settings& settings) {
  return settings.access_file.empty() ? nullptr : std::make_unique<AccessFile>(settings.access_file);
}

std::unique_ptr<Tls> OpenTls(const TlsSettings& settings) {
  return settings.certificate.empty() ? nullptr : std::make_unique<Tls>(settings);
}

}  // namespace

class Server::Impl {
 public:
  Impl(const Settings& settings, World& world, std::function<void()> on_ready)
      : settings_(settings),
        tracing_(Tracing::FromEnvironment()),
        database_(OptionsOf(settings_, metrics_)),
        access_file_(OpenAccessFile(settings_)),
        tls_(OpenTls(settings_.tls)),
        service_{.database = database_,
                 .world = world,
                 .settings = settings_.api,
                 .known_accounts = known_accounts_,
                 .rate_limiter = rate_limiter_,
                 .metrics = metrics_,
                 .access = access_file_.get(),
                 .tracing = tracing_.get(),
                 .log = settings_.log},
        pipeline_(settings_.pipeline, settings_.api.dev),
        readiness_(service_, grpc_answers_),
        grpc_(settings_.grpc, service_, pipeline_, tls_.get()),
        http_(settings_.http.listen == "off"
                  ? nullptr
                  : std::make_unique<HttpDoor>(settings_.http, service_, pipeline_, tls_.get())),
        health_(settings_.grpc.health_listen == "off" ? nullptr
                                                      : std::make_unique<HealthDoor>(settings_.grpc, metrics_)),
        housekeeping_(service_),
        self_check_({.address = grpc_.address(), .tls = tls_ != nullptr}, [this](bool answers) {
          grpc_answers_ = answers;
          if (health_) health_->SetAlive(answers);
        }) {
    metrics_.Watch({.database = [this] { return database_.stats(); },
                    .queue_length = [this] { return pipeline_.queued(); },
                    .spans_dropped = [this] { return tracing_ ? tracing_->dropped() : 0; },
                    .ready_state = [this] { return service_.ready_state.load(); }});
    if (access_file_) WarnOfUselessEvidence();
    if (access_file_ || tls_) {
      watch_files_.emplace([this](const std::stop_token&) {
        if (access_file_) access_file_->Reload();
        if (tls_) tls_->Reload();
        return kWatchPause;
      });
    }
    readiness_.Report([this, on_ready = std::move(on_ready)](bool serving) mutable {
      SetServing(serving);
      if (serving && on_ready) std::exchange(on_ready, nullptr)();
    });
  }

  ~Impl() {
    readiness_.Stop();
    if (!drained_) Shutdown(std::chrono::milliseconds(0));
  }

  const std::string& grpc_address() const { return grpc_.address(); }
  std::string http_address() const { return http_ ? http_->address() : "off"; }

  std::string health_address() const { return health_ ? health_->address() : "off"; }

  void SayNotServing() {
    readiness_.Stop();
    SetServing(false);
  }

  void Drain() {
    SayNotServing();
    Shutdown(settings_.drain.limit);
    drained_ = true;
  }

 private:
  // What is right only if something before this program does its part.
  void WarnOfUselessEvidence() const {
    const auto access = access_file_->current();
    if (!tls_ && access->bearer_key_count() > 0 && !IsLoopback(settings_.grpc.listen)) {
      spdlog::warn(
          "bearer keys cross the network in clear text: give --tls-certificate, unless a proxy or a mesh encrypts");
    }
    if (settings_.tls.client_ca.empty() && access->certificate_count() > 0) {
      spdlog::warn("the access file knows callers by certificates, but without --tls-client-ca none are asked for");
    }
  }

  void SetServing(bool serving) {
    grpc_.SetServing(serving);
    if (health_) health_->SetServing(serving);
  }

  void Shutdown(std::chrono::milliseconds limit) {
    self_check_.Stop();
    std::jthread http([this, limit] {
      if (http_) http_->Shutdown(limit);
    });
    grpc_.Shutdown(limit);
  }

  const Settings settings_;
  Metrics metrics_;
  const std::unique_ptr<Tracing> tracing_;  // nullptr: off
  storage::Database database_;
  KnownAccounts known_accounts_;
  RateLimiter rate_limiter_;
  const std::unique_ptr<AccessFile> access_file_;  // nullptr: there is none
  const std::unique_ptr<Tls> tls_;                 // likewise
  Service service_;
  Pipeline pipeline_;
  std::atomic<bool> grpc_answers_{true};
  Readiness readiness_;  // has looked at the database before any call is taken
  GrpcDoor grpc_;
  std::unique_ptr<HttpDoor> http_;      // nullptr: there is none
  std::unique_ptr<HealthDoor> health_;  // likewise
  Housekeeping housekeeping_;
  SelfCheck self_check_;
  std::optional<Periodic> watch_files_;
  bool drained_ = false;
};

Server::Server(const Settings& settings, World& world, std::function<void()> on_ready) {
  // A mistake in a .proto's rules shows here, not at the first call.
  for (const Method& method : Methods()) PrepareRules(*method.descriptor->input_type());
  impl_ = std::make_unique<Impl>(settings, world, std::move(on_ready));
}
Server::~Server() = default;
const std::string& Server::grpc_address() const { return impl_->grpc_address(); }
std::string Server::http_address() const { return impl_->http_address(); }
std::string Server::health_address() const { return impl_->health_address(); }
void Server::SayNotServing() { impl_->SayNotServing(); }
void Server::Drain() { impl_->Drain(); }

}  // namespace poold
