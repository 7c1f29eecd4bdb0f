#include "server/program/commands.h"

#include <spdlog/spdlog.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>

#include "server/base/regions.h"
#include "server/base/version.h"
#include "server/base/world.h"
#include "server/middleware/access.h"
#include "server/program/file_limit.h"
#include "server/program/health_client.h"
#include "server/program/inventory_commands.h"
#include "server/program/seed_client.h"
#include "server/program/server.h"
#include "server/telemetry/logging.h"
#include "storage/account_quotas.h"
#include "storage/embedded/embedded_postgres.h"
#include "storage/embedded/trusted_directory.h"
#include "storage/postgres/database.h"
#include "storage/postgres/migrate.h"

namespace poold {
namespace {

// A line for the person who started the program, apart from the log.
void Say(const std::string& line) { std::cout << line << std::endl; }

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

int ServeUntilStopped(Settings settings) {
  // `dev` has started its PostgreSQL by now, which keeps the limit that it was given.
  const std::int64_t limit = RaiseFileLimit();
  ShareFiles(settings, limit);
  RealWorld world;
  std::atomic<const Server*> running{nullptr};
  Server server(settings, world, [&running] {
    running.wait(nullptr);
    Say("ready grpc=" + running.load()->grpc_address() + " http=" + running.load()->http_address());
  });
  // Logged before the server is ready: these lines help to find out why it does not get ready.
  spdlog::info("listening grpc={} http={} health={}", server.grpc_address(), server.http_address(),
               server.health_address());
  spdlog::info(
      "open files: limit={} grpc_connections={} ({} from one address) http_connections={} ({} from one address)", limit,
      settings.grpc.connections, settings.grpc.connections_per_address, settings.http.connections,
      settings.http.connections_per_address);
  running = &server;
  running.notify_all();

  int signal = 0;
  const sigset_t signals = StopSignals();
  sigwait(&signals, &signal);
  spdlog::info("{}: draining", signal == SIGINT ? "SIGINT" : "SIGTERM");
  if (settings.drain.delay.count() > 0) {
    server.SayNotServing();
    // A second signal ends the wait.
    const auto seconds = std::chrono::floor<std::chrono::seconds>(settings.drain.delay);
    const timespec delay{seconds.count(), std::chrono::nanoseconds(settings.drain.delay - seconds).count()};
    sigtimedwait(&signals, nullptr, &delay);
  }
  server.Drain();
  return 0;
}

// Where `dev` leaves the address of its database in its data directory, for the commands that work on it.
constexpr const char* kUrlFile = "database-url";

struct Migrated {
  int applied;  // how many migrations
  storage::SchemaStatus schema;
};

// Applies the migrations that are missing. Throws if this build cannot serve on the schema afterwards: then a newer
// build has migrated it.
Migrated MigrateToServe(const std::string& database_url) {
  const int applied = storage::Migrate(database_url, Say);
  storage::Database database({.url = database_url, .connections = 1, .observe = {}});
  return {applied, storage::RequireSchema(database, {std::chrono::steady_clock::now() + std::chrono::seconds(10), {}})};
}

// The database that a command works on: the one that was named, or that of a running `dev`.
storage::DatabaseOptions DatabaseOf(const DatabaseSettings& settings) {
  storage::DatabaseOptions options;
  options.url = settings.url;
  if (options.url.empty()) {
    const auto data_dir = storage::TrustedDirectory::Open(settings.data_dir);
    std::istringstream file((data_dir ? data_dir->Read(kUrlFile) : std::nullopt).value_or(""));
    if (!std::getline(file, options.url)) {
      throw std::runtime_error("say which database: --database-url, or --data-dir of a running `poold dev`");
    }
  }
  return options;
}

// For commands that connect once: libpq takes it from there.
void UsePasswordFile(const DatabaseSettings& settings) {
  if (settings.password_file.empty()) return;
  std::ifstream file(settings.password_file);
  std::string password;
  if (!std::getline(file, password)) {
    throw std::runtime_error("cannot read a password from " + settings.password_file);
  }
  setenv("PGPASSWORD", password.c_str(), 1);
}

constexpr std::chrono::seconds kCommandLimit{30};

storage::Bounds BoundsOfCommand() { return {std::chrono::steady_clock::now() + kCommandLimit, {}}; }

// Does `work` on the inventory of the database that the settings name.
template <typename Work>
int WorkOnInventory(const DatabaseSettings& settings, const Work& work) {
  UsePasswordFile(settings);
  storage::Database database(DatabaseOf(settings));
  storage::RequireSchema(database, BoundsOfCommand());
  work(database);
  return 0;
}

// What each command does; returns the exit code.
int Do(const command::Dev& dev) {
  Settings settings = dev.settings;
  storage::EmbeddedPostgres::Options options;
  options.data_dir = settings.database.data_dir;
  options.max_connections = settings.pipeline.database_connections + 50;
  options.progress = Say;
  storage::EmbeddedPostgres postgres(options);
  settings.database.url = postgres.url();
  settings.api.dev = true;
  settings.api.fictional_numbers = true;
  storage::TrustedDirectory::OpenOrMake(options.data_dir, 0700).Replace(kUrlFile, settings.database.url + '\n');
  MigrateToServe(settings.database.url);
  return ServeUntilStopped(std::move(settings));
}

int Do(const command::Serve& serve) { return ServeUntilStopped(serve.settings); }

int Do(const command::Migrate& migrate) {
  UsePasswordFile(migrate.database);
  const auto [applied, schema] = MigrateToServe(migrate.database.url);
  if (schema.state == storage::SchemaState::kAhead) {
    Say("nothing was applied. " + schema.advice);
  } else {
    Say(applied == 0 ? "the schema is up to date" : "applied " + std::to_string(applied) + " migrations");
  }
  return 0;
}

int Do(const command::Health& health) { return IsServing(health.address) ? 0 : 1; }

int Do(const command::Version&) {
  Say("poold " + std::string(Version()));
  return 0;
}

int Do(const command::ImportNumbers& import) {
  return WorkOnInventory(import.database, [&](storage::Database& database) { ImportInventory(database, import.file); });
}

int Do(const command::CountNumbers& count) { return WorkOnInventory(count.database, PrintInventoryCount); }

int Do(const command::ListNumbers& list) {
  return WorkOnInventory(list.database, [&](storage::Database& database) { PrintInventory(database, list.selection); });
}

int Do(const command::RemoveNumbers& remove) {
  return WorkOnInventory(remove.database, [&](storage::Database& database) { RemoveInventory(database, remove.file); });
}

int Do(const command::ClearFictionalNumbers& clear) { return WorkOnInventory(clear.database, ClearFictionalInventory); }

int Do(const command::Quota& quota) {
  UsePasswordFile(quota.database);
  if (!HasRegion(quota.api, quota.scope.region)) {
    std::cerr << "poold: the region " << quota.scope.region << ' ' << RegionRule(quota.api)
              << "; a server with these settings refuses calls in it" << std::endl;
  }
  storage::Database database(DatabaseOf(quota.database));
  const storage::Bounds bounds = BoundsOfCommand();
  storage::RequireSchema(database, bounds);
  database.Run(storage::Database::Mode::kWrite, bounds,
               [&](storage::Transaction& tx) { storage::SetAccountQuota(tx, quota.scope, quota.name, quota.amount); });
  Say(quota.scope.account + " " + quota.scope.region + " " + quota.name + ": " +
      (quota.amount ? std::to_string(*quota.amount) : "default"));
  return 0;
}

int Do(const command::MakeAccessKey&) {
  const NewBearerKey made = MakeBearerKey();
  Say("key: " + made.key + "       # for the caller; it is shown this once");
  Say("sha256: " + made.sha256 + "  # for --access-file, under bearer_keys");
  return 0;
}

int Do(const command::Seed& seed) {
  Seed(seed.address, seed.scope);
  return 0;
}

int Do(const command::ShowConfig& config) {
  std::cout << config.text;
  return 0;
}

}  // namespace

int Run(const CommandLine& line) {
  // Before any thread is made, so that all inherit it: the signals are waited for in one place.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  SetUpLogging(line.log);
  if (line.shows_password) {
    spdlog::warn(
        "the password in --database-url can be seen by every user of this machine (ps): use --database-password-file, "
        "or the environment variable POOLD_DATABASE_URL");
  }
  int exit_code = 1;
  std::string failure;
  try {
    exit_code = std::visit([](const auto& command) { return Do(command); }, *line.command);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  FinishLogging();
  if (!failure.empty()) std::cerr << "poold: " << failure << std::endl;
  return exit_code;
}

}  // namespace poold
