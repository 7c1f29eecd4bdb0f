// poold: reads the settings, puts the parts together, and waits for the signal to stop.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iostream>
#include <span>
#include <sstream>

#include "server/access.h"
#include "server/config.h"
#include "server/file_limit.h"
#include "server/health_client.h"
#include "server/inventory_commands.h"
#include "server/logging.h"
#include "server/regions.h"
#include "server/seed_client.h"
#include "server/server.h"
#include "server/version.h"
#include "server/world.h"
#include "storage/account_quotas.h"
#include "storage/database.h"
#include "storage/embedded_postgres.h"
#include "storage/migrate.h"
#include "storage/trusted_directory.h"

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

void Serve(Settings settings) {
  // `dev` has started its PostgreSQL by now, which keeps the limit that it was given.
  const std::int64_t limit = RaiseFileLimit();
  ShareFiles(settings, limit);
  RealWorld world;
  std::atomic<const Server*> running{nullptr};
  Server server(settings, world, [&running] {
    running.wait(nullptr);
    Say("ready grpc=" + running.load()->grpc_address() + " http=" + running.load()->http_address());
  });
  // Before it is ready, for whoever has to find out why it isn't.
  spdlog::info("listening grpc={} http={} health={}", server.grpc_address(), server.http_address(),
               server.health_address());
  spdlog::info(
      "open files: limit={} grpc_connections={} ({} from one address) http_connections={} ({} from one address)", limit,
      settings.grpc_connections, settings.grpc_connections_per_address, settings.http_connections,
      settings.http_connections_per_address);
  running = &server;
  running.notify_all();

  int signal = 0;
  const sigset_t signals = StopSignals();
  sigwait(&signals, &signal);
  spdlog::info("{}: draining", signal == SIGINT ? "SIGINT" : "SIGTERM");
  if (settings.drain_delay.count() > 0) {
    server.SayNotServing();
    // A second signal ends the wait.
    const auto seconds = std::chrono::floor<std::chrono::seconds>(settings.drain_delay);
    const timespec delay{seconds.count(), std::chrono::nanoseconds(settings.drain_delay - seconds).count()};
    sigtimedwait(&signals, nullptr, &delay);
  }
  server.Drain();
}

// Where `dev` leaves the address of its database in its data directory, for the commands that work on it.
constexpr const char* kUrlFile = "database-url";

struct Migrated {
  int applied;  // how many migrations
  SchemaStatus schema;
};

// Applies the migrations that are missing. Throws if this build cannot serve on the schema afterwards: then a newer
// build has migrated it.
Migrated MigrateToServe(const std::string& database_url) {
  const int applied = Migrate(database_url, Say);
  Database database({.url = database_url, .connections = 1, .observe = {}});
  return {applied, RequireSchema(database, {std::chrono::steady_clock::now() + std::chrono::seconds(10), {}})};
}

void MigrateAndSay(const Settings& settings) {
  const auto [applied, schema] = MigrateToServe(settings.database_url);
  if (schema.state == SchemaState::kAhead) {
    Say("nothing was applied. " + schema.advice);
  } else {
    Say(applied == 0 ? "the schema is up to date" : "applied " + std::to_string(applied) + " migrations");
  }
}

void ServeDev(Settings settings) {
  EmbeddedPostgres::Options options;
  options.data_dir = settings.data_dir;
  options.max_connections = settings.database_connections + 50;
  options.progress = Say;
  EmbeddedPostgres postgres(options);
  settings.database_url = postgres.url();
  settings.api.dev = true;
  settings.api.fictional_numbers = true;
  TrustedDirectory::OpenOrMake(settings.data_dir, 0700).Replace(kUrlFile, settings.database_url + '\n');
  MigrateToServe(settings.database_url);
  Serve(settings);
}

// The database that a command works on: the one that was named, or that of a running `dev`.
Database::Options DatabaseOf(const Settings& settings) {
  Database::Options options;
  options.url = settings.database_url;
  if (options.url.empty()) {
    const auto data_dir = TrustedDirectory::Open(settings.data_dir);
    std::istringstream file((data_dir ? data_dir->Read(kUrlFile) : std::nullopt).value_or(""));
    if (!std::getline(file, options.url)) {
      throw std::runtime_error("say which database: --database-url, or --data-dir of a running `poold dev`");
    }
  }
  return options;
}

void SetQuota(const Settings& settings) {
  if (!HasRegion(settings.api, settings.quota_region)) {
    std::cerr << "poold: the region " << settings.quota_region << ' ' << RegionRule(settings.api)
              << "; a server with these settings refuses calls in it" << std::endl;
  }
  Database database(DatabaseOf(settings));
  const auto amount = settings.quota_amount == "default"
                          ? std::nullopt
                          : std::optional<std::int64_t>(std::stoll(settings.quota_amount));
  const Bounds bounds{std::chrono::steady_clock::now() + std::chrono::seconds(30), {}};
  RequireSchema(database, bounds);
  database.Run(Database::Mode::kWrite, bounds, [&](Transaction& tx) {
    SetAccountQuota(tx, {settings.quota_account, settings.quota_region}, settings.quota_name, amount);
  });
  Say(settings.quota_account + " " + settings.quota_region + " " + settings.quota_name + ": " + settings.quota_amount);
}

// For commands that connect once: libpq takes it from there.
void UsePasswordFile(const Settings& settings) {
  if (settings.database_password_file.empty()) return;
  std::ifstream file(settings.database_password_file);
  std::string password;
  if (!std::getline(file, password)) {
    throw std::runtime_error("cannot read a password from " + settings.database_password_file);
  }
  setenv("PGPASSWORD", password.c_str(), 1);
}

// The door for probes, where there is one: it never asks for TLS.
std::string AddressToProbe(const Settings& settings) {
  if (!settings.health_address.empty()) return settings.health_address;
  return settings.health_listen == "off" ? settings.grpc_listen : settings.health_listen;
}

// The commands that work on the inventory.
void WorkOnInventory(const Settings& settings) {
  using Command = Settings::Command;
  UsePasswordFile(settings);
  Database database(DatabaseOf(settings));
  RequireSchema(database, {std::chrono::steady_clock::now() + std::chrono::seconds(30), {}});
  switch (settings.command) {
    case Command::kInventoryImport:
      return ImportInventory(database, settings.inventory_file);
    case Command::kInventoryCount:
      return PrintInventoryCount(database);
    case Command::kInventoryList:
      return PrintInventory(database, {settings.inventory_country, settings.inventory_type});
    case Command::kInventoryRemove:
      return RemoveInventory(database, settings.inventory_file);
    case Command::kInventoryClear:
      return ClearFictionalInventory(database);
    default:
      break;
  }
}

// Every user of the machine can list the arguments of every program.
void WarnOfPasswordInArguments(const Settings& settings, std::span<const char* const> arguments) {
  const std::string& url = settings.database_url;
  const bool is_there = std::ranges::any_of(
      arguments, [&](std::string_view argument) { return argument == url || argument == "--database-url=" + url; });
  if (is_there && HasPassword(url)) {
    spdlog::warn(
        "the password in --database-url can be seen by every user of this machine (ps): use --database-password-file, "
        "or the environment variable POOLD_DATABASE_URL");
  }
}

int Run(const Settings& settings) {
  using Command = Settings::Command;
  if (settings.command == Command::kMigrate || settings.command == Command::kQuota) UsePasswordFile(settings);
  switch (settings.command) {
    case Command::kConfig:  // done by ParseSettings
    case Command::kVersion:
      Say("poold " + std::string(Version()));
      return 0;
    case Command::kHealth:
      return IsServing(AddressToProbe(settings)) ? 0 : 1;
    case Command::kMigrate:
      MigrateAndSay(settings);
      return 0;
    case Command::kAccessKey: {
      const NewBearerKey made = MakeBearerKey();
      Say("key: " + made.key + "       # for the caller; it is shown this once");
      Say("sha256: " + made.sha256 + "  # for --access-file, under bearer_keys");
      return 0;
    }
    case Command::kInventoryImport:
    case Command::kInventoryCount:
    case Command::kInventoryList:
    case Command::kInventoryRemove:
    case Command::kInventoryClear:
      WorkOnInventory(settings);
      return 0;
    case Command::kQuota:
      SetQuota(settings);
      return 0;
    case Command::kSeed:
      Seed(settings.grpc_listen, {settings.seed_account.empty() ? settings.api.default_account : settings.seed_account,
                                  settings.seed_region.empty() ? settings.api.default_region : settings.seed_region});
      return 0;
    case Command::kServe:
      Serve(settings);
      return 0;
    case Command::kDev:
      ServeDev(settings);
      return 0;
  }
  return 2;
}

}  // namespace
}  // namespace poold

int main(int argc, char** argv) {
  const poold::ParsedSettings parsed = poold::ParseSettings(argc, argv);
  if (parsed.leave) return parsed.exit_code;

  // Before any thread is made, so that all inherit it: the signals are waited for in one place.
  const sigset_t signals = poold::StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  poold::SetUpLogging(parsed.settings);
  poold::WarnOfPasswordInArguments(parsed.settings, {argv, static_cast<std::size_t>(argc)});
  int exit_code = 1;
  std::string failure;
  try {
    exit_code = poold::Run(parsed.settings);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  poold::FinishLogging();
  if (!failure.empty()) std::cerr << "poold: " << failure << std::endl;
  return exit_code;
}
