#include "server/program/setting_flags.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <regex>
#include <sstream>

#include "server/base/arn.h"
#include "server/base/settings.h"
#include "server/base/text.h"

namespace poold {
namespace {

// Ties a setting to its flag and its environment variable: --grpc-listen and POOLD_GRPC_LISTEN.
std::string EnvironmentName(std::string flag) {
  std::string name = "POOLD_" + flag.substr(2);
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

template <typename T>
CLI::Option* Add(CLI::App& app, const std::string& flag, T& setting, const std::string& meaning) {
  return app.add_option(flag, setting, meaning)->envname(EnvironmentName(flag))->capture_default_str();
}

bool MatchesWhole(const std::string& text, const char* pattern) { return std::regex_match(text, std::regex(pattern)); }

// "500ms", "5s", "2m", "1h": at most a day. nullopt for anything else.
std::optional<std::chrono::milliseconds> DurationFrom(const std::string& text) {
  static const std::map<std::string, std::int64_t> kUnits = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
  std::smatch parts;
  if (!std::regex_match(text, parts, std::regex("([0-9]{1,8})(ms|s|m|h)"))) return std::nullopt;
  const std::chrono::milliseconds duration(std::stoll(parts[1]) * kUnits.at(parts[2]));
  return duration <= std::chrono::hours(24) ? std::optional(duration) : std::nullopt;
}

void AddDuration(CLI::App& app, const std::string& flag, std::chrono::milliseconds& setting,
                 std::chrono::milliseconds least, const std::string& meaning) {
  const std::string must = "be a time such as 500ms, 5s, 2m or 1h, from " + std::to_string(least.count()) + "ms to 24h";
  app.add_option_function<std::string>(
         flag, [&setting](const std::string& text) { setting = *DurationFrom(text); }, meaning)
      ->check(Must(must,
                   [least](const std::string& text) {
                     const auto duration = DurationFrom(text);
                     return duration && *duration >= least;
                   }))
      ->envname(EnvironmentName(flag))
      ->default_str(std::to_string(setting.count()) + "ms")
      ->type_name("TIME");
}

void AddCountries(CLI::App& app, const std::string& flag, std::set<std::string, std::less<>>& setting,
                  const std::string& meaning) {
  std::string defaults;
  for (const std::string& country : setting) defaults += (defaults.empty() ? "" : ",") + country;
  app.add_option_function<std::string>(
         flag,
         [&setting](const std::string& text) {
           setting.clear();
           std::istringstream countries(text);
           for (std::string country; std::getline(countries, country, ',');) setting.insert(country);
         },
         meaning)
      ->check(Must("be country codes such as GB,FR, or empty",
                   [](const std::string& text) { return MatchesWhole(text, "([A-Z]{2}(,[A-Z]{2})*)?"); }))
      ->envname(EnvironmentName(flag))
      ->default_str(defaults)
      ->type_name("CC,CC,...");
}

// A comma-separated list; `pattern`: of one entry.
void AddList(CLI::App& app, const std::string& flag, std::set<std::string, std::less<>>& setting,
             const std::string& must, const std::string& pattern, const std::string& type, const std::string& meaning) {
  app.add_option_function<std::string>(
         flag,
         [&setting](const std::string& text) {
           setting.clear();
           std::istringstream entries(text);
           for (std::string entry; std::getline(entries, entry, ',');) setting.insert(entry);
         },
         meaning)
      ->check(Must(must,
                   [pattern](const std::string& text) {
                     return MatchesWhole(text, ("(" + pattern + "(," + pattern + ")*)?").c_str());
                   }))
      ->envname(EnvironmentName(flag))
      ->default_str("")
      ->type_name(type);
}

void AddThrottling(CLI::App& app, Throttling& setting) {
  app.add_option_function<std::string>(
         "--throttle",
         [&setting](const std::string& text) {
           if (text == "auto") {
             setting.kind = Throttling::Kind::kAuto;
           } else if (text == "off") {
             setting.kind = Throttling::Kind::kOff;
           } else if (text == "aws") {
             setting.kind = Throttling::Kind::kAws;
           } else if (CLI::detail::lexical_cast(text, setting.calls_per_second) && setting.calls_per_second >= 0.001 &&
                      setting.calls_per_second <= 1e6) {
             setting.kind = Throttling::Kind::kRate;
           } else {
             throw CLI::ValidationError(
                 "--throttle: auto, off, aws (the documented rates), or calls per second such as 50");
           }
         },
         "how often an account may call an operation, in all regions together: off, aws (the documented rates), calls "
         "per "
         "second, or auto: 200 per second with --access-file, else off")
      ->envname("POOLD_THROTTLE")
      ->default_str("auto");
}

// What the API lets a keyword's message be.
bool IsKeywordMessage(const std::string& text) {
  const auto length = CodePoints(text);
  return length && *length >= 1 && *length <= 1600 && text.find_first_not_of(" \t\n\v\f\r") != text.npos;
}

bool IsAddress(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == 0 || colon == text.npos || !MatchesWhole(text.substr(colon + 1), "[0-9]{1,5}")) return false;
  return std::stoi(text.substr(colon + 1)) <= 65535;
}

}  // namespace

CLI::Validator Must(const std::string& must, const std::function<bool(const std::string&)>& good) {
  return CLI::Validator([must, good](const std::string& value) { return good(value) ? std::string() : "must " + must; },
                        "");
}

CLI::Validator AnAccount() { return Must("be 12 digits", IsAccount); }

CLI::Validator ARegion() { return Must("be a region's name, such as us-east-1", IsRegion); }

void AddSettings(CLI::App& app, Settings& settings, std::string& config_file) {
  const CLI::Validator address_or_off = Must("be HOST:PORT with a port of 0 to 65535, or off",
                                             [](const std::string& text) { return text == "off" || IsAddress(text); });
  const CLI::Range some(std::int64_t{1}, std::int64_t{1'000'000'000});
  Add(app, "--config", config_file, "YAML file of settings, such as grpc-listen: 127.0.0.1:50051");
  ApiSettings& api = settings.api;

  Add(app, "--grpc-listen", settings.grpc.listen, "HOST:PORT of the gRPC door; port 0 picks a free one")
      ->check(Must("be HOST:PORT with a port of 0 to 65535", IsAddress));
  Add(app, "--http-listen", settings.http.listen,
      "HOST:PORT of the AWS JSON door, which also answers /healthz and /readyz; `off` for none")
      ->check(address_or_off);
  Add(app, "--health-listen", settings.grpc.health_listen,
      "HOST:PORT of a door for probes only: gRPC health without TLS; `off` for none")
      ->check(address_or_off);
  Add(app, "--reflection", settings.grpc.reflection,
      "whether the gRPC endpoint describes itself to clients such as grpcurl that have no .proto files: on, or off")
      ->check(CLI::IsMember({"on", "off"}));
  Add(app, "--grpc-connections", settings.grpc.connections,
      "connections of the gRPC endpoint; 0: what the limit of open files allows, at most 1024")
      ->check(CLI::Range(0, 1'000'000));
  Add(app, "--grpc-connections-per-address", settings.grpc.connections_per_address,
      "of them, from one client's address; three eighths at most")
      ->check(CLI::Range(1, 1'000'000));
  Add(app, "--grpc-guard", settings.grpc.guard,
      "whether a guard reads the HTTP/2 frames of each connection before gRPC does, and cuts floods: on, off, or auto: "
      "on, unless the endpoint has a loopback address and no TLS. Set it to on if a proxy on this machine brings "
      "clients")
      ->check(CLI::IsMember({"auto", "on", "off"}));
  Add(app, "--http-connections", settings.http.connections,
      "connections of the AWS JSON endpoint; 0: what the limit of open files allows, at most 4096")
      ->check(CLI::Range(0, 1'000'000));
  Add(app, "--http-connections-per-address", settings.http.connections_per_address,
      "of them, from one client's address; three eighths at most")
      ->check(CLI::Range(1, 1'000'000));
  AddDuration(app, "--http-idle-timeout", settings.http.idle_timeout, std::chrono::milliseconds(1),
              "how long a connection may wait for its next request");
  AddDuration(app, "--http-header-timeout", settings.http.header_timeout, std::chrono::milliseconds(1),
              "how long a request's headers may take to arrive");
  AddDuration(app, "--http-body-timeout", settings.http.body_timeout, std::chrono::milliseconds(1),
              "how long a request's body may take to arrive, and its answer to be taken");
  Add(app, "--http-body-bytes", settings.http.body_bytes,
      "bytes of all request bodies that are in memory at one moment; a request that finds no room waits, then gets 503")
      ->check(CLI::Range(std::int64_t{1} << 20, std::int64_t{1} << 40));
  AddList(app, "--http-origins", settings.http.origins,
          "be origins such as https://console.example, with commas between them, or empty",
          "https?://[A-Za-z0-9.:\\[\\]-]+", "URL,URL,...",
          "origins of which browsers may call the AWS JSON endpoint, besides the endpoint's own");
  Add(app, "--tls-certificate", settings.tls.certificate,
      "PEM file of the certificate chain of both doors; read again when it changes, like the next two");
  Add(app, "--tls-key", settings.tls.key, "PEM file of its private key; default: the certificate's file");
  Add(app, "--tls-client-ca", settings.tls.client_ca,
      "PEM file of the authorities of client certificates, by which --access-file can know callers");
  Add(app, "--access-file", settings.access_file,
      "YAML file of who may call, how they are known and what they may do; without it callers are trusted");
  app.add_flag("--trust-all-callers", settings.trust_all_callers,
               "serve without --access-file on addresses that others can reach: whoever reaches them may do anything")
      ->envname("POOLD_TRUST_ALL_CALLERS");
  Add(app, "--database-url", settings.database.url, "PostgreSQL to use: postgresql://... or key=value ...");
  Add(app, "--database-password-file", settings.database.password_file,
      "file with the database user's password, read anew for each connection");
  Add(app, "--prepared-statements", settings.database.prepared_statements,
      "false behind a pooler such as PgBouncer in transaction mode")
      ->default_str("true");
  Add(app, "--data-dir", settings.database.data_dir, "where `dev` keeps its PostgreSQL");
  Add(app, "--database-connections", settings.pipeline.database_connections,
      "calls that work on the database at once; two more connections are used in the background")
      ->check(CLI::Range(1, 1000));
  Add(app, "--queue-capacity", settings.pipeline.queue_capacity,
      "calls that may wait, and as many more of each of these: look-ups by id, listings, and creates and associations"
      " (shared out among accounts); beyond that they are answered ThrottlingException")
      ->check(CLI::Range(1, 1'000'000));
  AddDuration(app, "--default-deadline", settings.pipeline.default_deadline, std::chrono::milliseconds(1),
              "deadline of calls that come without one");
  AddDuration(app, "--greatest-deadline", settings.pipeline.greatest_deadline, std::chrono::milliseconds(1),
              "longer deadlines are cut to this");
  AddDuration(app, "--drain-delay", settings.drain.delay, std::chrono::milliseconds(0),
              "how long to go on serving after SIGTERM, while health says NOT_SERVING and clients look elsewhere");
  AddDuration(app, "--max-connection-age", settings.grpc.max_connection_age, std::chrono::milliseconds(0),
              "ask gRPC connections to end when they are so old, so that clients find new servers; 0ms: never");
  AddDuration(app, "--max-connection-idle", settings.grpc.max_connection_idle, std::chrono::milliseconds(0),
              "close gRPC connections on which no call has run for so long; 0ms: never");
  AddDuration(app, "--drain-limit", settings.drain.limit, std::chrono::milliseconds(0),
              "how long running calls may go on after SIGTERM");
  Add(app, "--log-level", settings.log.level, "what to log; at info a line for each call")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  Add(app, "--log-format", settings.log.format, "how to log: text, or json for a JSON object a line")
      ->check(CLI::IsMember({"text", "json"}));
  AddDuration(app, "--slow-call", settings.log.slow_call, std::chrono::milliseconds(0),
              "calls that take so long are logged as warnings, with where the time went; 0ms: none");

  Add(app, "--default-account", api.default_account, "account of calls without x-account-id metadata")
      ->check(AnAccount());
  Add(app, "--default-region", api.default_region, "region of calls without x-region metadata")->check(ARegion());
  AddList(app, "--regions", api.regions, "be names of regions such as us-east-1,eu-west-1, or empty", "[a-z0-9-]{1,32}",
          "REGION,...",
          "regions that calls may name; empty: those of AWS, or in `serve` with --access-file only --default-region");
  Add(app, "--quota-pools", api.quotas.pools, "pools per account and region")->check(some);
  Add(app, "--quota-origination-identities-per-pool", api.quotas.origination_identities_per_pool,
      "phone numbers and sender IDs in a pool")
      ->check(some);
  Add(app, "--quota-phone-numbers", api.quotas.phone_numbers, "phone numbers per account and region")->check(some);
  Add(app, "--quota-phone-numbers-in-all-regions", api.quotas.phone_numbers_in_all_regions,
      "phone numbers per account in all regions, without those where `poold quota` gave it an amount of its own; 0: "
      "four "
      "times --quota-phone-numbers")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000'000}));
  Add(app, "--quota-sender-ids", api.quotas.sender_ids, "sender IDs per account and region")->check(some);
  Add(app, "--quota-opt-out-lists", api.quotas.opt_out_lists, "opt-out lists per account and region, Default included")
      ->check(some);
  Add(app, "--quota-keywords", api.quotas.keywords, "keywords of a pool or phone number, HELP and STOP included")
      ->check(some);
  Add(app, "--quota-tags-per-resource", api.quotas.tags_per_resource, "tags on a resource")->check(some);
  AddThrottling(app, api.throttling);
  Add(app, "--account-tier", api.account_tier, "what DescribeAccountAttributes answers")
      ->check(CLI::IsMember({"SANDBOX", "PRODUCTION"}));
  const CLI::Validator message = Must("have 1 to 1600 characters, not only white space", IsKeywordMessage);
  Add(app, "--help-message", api.help_message, "first answer to the keyword HELP")->check(message);
  Add(app, "--stop-message", api.stop_message, "first answer to the keyword STOP")->check(message);
  AddCountries(app, "--countries-without-sender-ids", api.countries_without_sender_ids,
               "ISO country codes where sender IDs are refused");
  AddCountries(app, "--countries-requiring-registration", api.countries_requiring_registration,
               "ISO country codes where sender IDs must be registered");
  app.add_flag("--fictional-numbers", api.fictional_numbers,
               "hand out fictional numbers, which reach nobody, when there is no imported one; always on in `dev`")
      ->envname("POOLD_FICTIONAL_NUMBERS");
  AddDuration(app, "--number-activation-delay", api.number_activation_delay, std::chrono::milliseconds(0),
              "how long a new number stays PENDING");
  AddDuration(app, "--pool-deletion-delay", api.pool_deletion_delay, std::chrono::milliseconds(0),
              "how long a deleted pool is seen as DELETING");
}

}  // namespace poold
