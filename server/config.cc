#include "server/config.h"

#include <arpa/inet.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <regex>
#include <sstream>

#include "server/arn.h"
#include "server/settings_file.h"
#include "server/text.h"
#include "server/version.h"
#include "storage/database.h"

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

// Refuses a value unless it is `good`; `must` completes the sentence "--flag must ...".
CLI::Validator Must(const std::string& must, const std::function<bool(const std::string&)>& good) {
  return CLI::Validator([must, good](const std::string& value) { return good(value) ? std::string() : "must " + must; },
                        "");
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

CLI::Validator AnAccount() { return Must("be 12 digits", IsAccount); }

CLI::Validator ARegion() { return Must("be a region's name, such as us-east-1", IsRegion); }

bool IsAddress(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == 0 || colon == text.npos || !MatchesWhole(text.substr(colon + 1), "[0-9]{1,5}")) return false;
  return std::stoi(text.substr(colon + 1)) <= 65535;
}

void AddSettings(CLI::App& app, Settings& settings) {
  const CLI::Validator address_or_off = Must("be HOST:PORT with a port of 0 to 65535, or off",
                                             [](const std::string& text) { return text == "off" || IsAddress(text); });
  const CLI::Range some(std::int64_t{1}, std::int64_t{1'000'000'000});
  Add(app, "--config", settings.config_file, "YAML file of settings, such as grpc-listen: 127.0.0.1:50051");
  ApiSettings& api = settings.api;

  Add(app, "--grpc-listen", settings.grpc_listen, "HOST:PORT of the gRPC door; port 0 picks a free one")
      ->check(Must("be HOST:PORT with a port of 0 to 65535", IsAddress));
  Add(app, "--http-listen", settings.http_listen,
      "HOST:PORT of the AWS JSON door, which also answers /healthz and /readyz; `off` for none")
      ->check(address_or_off);
  Add(app, "--health-listen", settings.health_listen,
      "HOST:PORT of a door for probes only: gRPC health without TLS; `off` for none")
      ->check(address_or_off);
  Add(app, "--reflection", settings.reflection,
      "whether the gRPC endpoint describes itself to clients such as grpcurl that have no .proto files: on, or off")
      ->check(CLI::IsMember({"on", "off"}));
  Add(app, "--grpc-connections", settings.grpc_connections,
      "connections of the gRPC endpoint; 0: what the limit of open files allows, at most 1024")
      ->check(CLI::Range(0, 1'000'000));
  Add(app, "--grpc-connections-per-address", settings.grpc_connections_per_address,
      "of them, from one client's address; three eighths at most")
      ->check(CLI::Range(1, 1'000'000));
  Add(app, "--grpc-guard", settings.grpc_guard,
      "whether a guard reads the HTTP/2 frames of each connection before gRPC does, and cuts floods: on, off, or auto: "
      "on, unless the endpoint has a loopback address and no TLS. Set it to on if a proxy on this machine brings "
      "clients")
      ->check(CLI::IsMember({"auto", "on", "off"}));
  Add(app, "--http-connections", settings.http_connections,
      "connections of the AWS JSON endpoint; 0: what the limit of open files allows, at most 4096")
      ->check(CLI::Range(0, 1'000'000));
  Add(app, "--http-connections-per-address", settings.http_connections_per_address,
      "of them, from one client's address; three eighths at most")
      ->check(CLI::Range(1, 1'000'000));
  AddDuration(app, "--http-idle-timeout", settings.http_idle_timeout, std::chrono::milliseconds(1),
              "how long a connection may wait for its next request");
  AddDuration(app, "--http-header-timeout", settings.http_header_timeout, std::chrono::milliseconds(1),
              "how long a request's headers may take to arrive");
  AddDuration(app, "--http-body-timeout", settings.http_body_timeout, std::chrono::milliseconds(1),
              "how long a request's body may take to arrive, and its answer to be taken");
  Add(app, "--http-body-bytes", settings.http_body_bytes,
      "bytes of all request bodies that are in memory at one moment; a request that finds no room waits, then gets 503")
      ->check(CLI::Range(std::int64_t{1} << 20, std::int64_t{1} << 40));
  AddList(app, "--http-origins", settings.http_origins,
          "be origins such as https://console.example, with commas between them, or empty",
          "https?://[A-Za-z0-9.:\\[\\]-]+", "URL,URL,...",
          "origins of which browsers may call the AWS JSON endpoint, besides the endpoint's own");
  Add(app, "--tls-certificate", settings.tls_certificate,
      "PEM file of the certificate chain of both doors; read again when it changes, like the next two");
  Add(app, "--tls-key", settings.tls_key, "PEM file of its private key; default: the certificate's file");
  Add(app, "--tls-client-ca", settings.tls_client_ca,
      "PEM file of the authorities of client certificates, by which --access-file can know callers");
  Add(app, "--access-file", settings.access_file,
      "YAML file of who may call, how they are known and what they may do; without it callers are trusted");
  app.add_flag("--trust-all-callers", settings.trust_all_callers,
               "serve without --access-file on addresses that others can reach: whoever reaches them may do anything")
      ->envname("POOLD_TRUST_ALL_CALLERS");
  Add(app, "--database-url", settings.database_url, "PostgreSQL to use: postgresql://... or key=value ...");
  Add(app, "--database-password-file", settings.database_password_file,
      "file with the database user's password, read anew for each connection");
  Add(app, "--prepared-statements", settings.prepared_statements,
      "false behind a pooler such as PgBouncer in transaction mode")
      ->default_str("true");
  Add(app, "--data-dir", settings.data_dir, "where `dev` keeps its PostgreSQL");
  Add(app, "--database-connections", settings.database_connections,
      "calls that work on the database at once; two more connections are used in the background")
      ->check(CLI::Range(1, 1000));
  Add(app, "--queue-capacity", settings.queue_capacity,
      "calls that may wait, and as many more of each of these: look-ups by id, listings, and creates and associations"
      " (shared out among accounts); beyond that they are answered ThrottlingException")
      ->check(CLI::Range(1, 1'000'000));
  AddDuration(app, "--default-deadline", settings.default_deadline, std::chrono::milliseconds(1),
              "deadline of calls that come without one");
  AddDuration(app, "--greatest-deadline", settings.greatest_deadline, std::chrono::milliseconds(1),
              "longer deadlines are cut to this");
  AddDuration(app, "--drain-delay", settings.drain_delay, std::chrono::milliseconds(0),
              "how long to go on serving after SIGTERM, while health says NOT_SERVING and clients look elsewhere");
  AddDuration(app, "--max-connection-age", settings.max_connection_age, std::chrono::milliseconds(0),
              "ask gRPC connections to end when they are so old, so that clients find new servers; 0ms: never");
  AddDuration(app, "--max-connection-idle", settings.max_connection_idle, std::chrono::milliseconds(0),
              "close gRPC connections on which no call has run for so long; 0ms: never");
  AddDuration(app, "--drain-limit", settings.drain_limit, std::chrono::milliseconds(0),
              "how long running calls may go on after SIGTERM");
  Add(app, "--log-level", settings.log_level, "what to log; at info a line for each call")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  Add(app, "--log-format", settings.log_format, "how to log: text, or json for a JSON object a line")
      ->check(CLI::IsMember({"text", "json"}));
  AddDuration(app, "--slow-call", settings.slow_call, std::chrono::milliseconds(0),
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

CLI::App* AddCommand(CLI::App& app, Settings& settings, Settings::Command command, const std::string& name,
                     const std::string& meaning) {
  CLI::App* added = app.add_subcommand(name, meaning);
  added->set_help_flag();  // --help is the program's: it lists every setting
  added->fallthrough();
  added->parse_complete_callback([&settings, command] { settings.command = command; });
  return added;
}

void AddInventoryCommands(CLI::App& app, Settings& settings) {
  using Command = Settings::Command;
  CLI::App* inventory =
      app.add_subcommand("inventory", "the phone numbers that can be requested: import, count, list, remove, clear");
  inventory->set_help_flag();
  inventory->fallthrough();
  const auto add = [&](Command command, const std::string& name, const std::string& meaning) {
    return AddCommand(*inventory, settings, command, name,
                      meaning + ", in --database-url or in a running `dev` of --data-dir");
  };
  add(Command::kInventoryImport, "import", "add the numbers of a CSV file, or change what is known of them")
      ->add_option("FILE", settings.inventory_file,
                   "columns: phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price")
      ->required();
  add(Command::kInventoryCount, "count", "print how many numbers there are of each country and type");
  CLI::App* list = add(Command::kInventoryList, "list", "print the numbers as a CSV file for `import`");
  list->add_option("--country", settings.inventory_country, "only those of this country, such as US")
      ->check(
          Must("be a country code such as GB", [](const std::string& text) { return MatchesWhole(text, "[A-Z]{2}"); }));
  list->add_option("--type", settings.inventory_type, "only those of this type")
      ->check(CLI::IsMember({"LONG_CODE", "TOLL_FREE", "TEN_DLC", "SIMULATOR"}));
  add(Command::kInventoryRemove, "remove", "remove the numbers of a CSV file, if no account has one of them")
      ->add_option("FILE", settings.inventory_file, "column: phone_number")
      ->required();
  CLI::App* clear = add(Command::kInventoryClear, "clear", "remove the fictional numbers that no account has");
  clear->add_flag("--fictional")->description("what to remove; must be given")->required();
}

// Says which commands there are; CLI11 would only say that one is missing.
void RequireCommand(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  if (!chosen.empty() && (!chosen[0]->get_subcommands().empty() || chosen[0]->get_subcommands({}).empty())) return;
  std::string names;
  for (const CLI::App* command : app.get_subcommands({})) {
    const auto parts = command->get_subcommands({});
    if (parts.empty()) names += (names.empty() ? "" : "|") + command->get_name();
    for (const CLI::App* part : parts) names += "|" + command->get_name() + " " + part->get_name();
  }
  throw CLI::ValidationError("say what to do: poold " + names);
}

// What the list of commands doesn't show: `poold inventory import` and the like, with their arguments.
std::string HelpOfParts(const CLI::App& app) {
  std::string help;
  for (const CLI::App* command : app.get_subcommands({})) {
    for (const CLI::App* part : command->get_subcommands({})) help += "\n" + part->help("poold " + command->get_name());
  }
  return help;
}

// The setting that lets others than this machine's own programs call; nullptr if there is none.
const char* OpenDoor(const Settings& settings) {
  if (!IsLoopback(settings.grpc_listen)) return "--grpc-listen";
  return settings.http_listen == "off" || IsLoopback(settings.http_listen) ? nullptr : "--http-listen";
}

// What no single check of a setting can see. Returns a sentence, or nothing.
std::string Contradiction(const Settings& settings) {
  using Command = Settings::Command;
  const bool needs_url = settings.command == Command::kServe || settings.command == Command::kMigrate;
  if (needs_url && settings.database_url.empty()) {
    return "say which database: --database-url postgresql://USER@HOST/NAME (or POOLD_DATABASE_URL)";
  }
  if (const std::string mistake = MistakeInUrl(settings.database_url); !mistake.empty()) {
    return "--database-url: " + mistake;
  }
  if (settings.command == Command::kDev && !settings.database_url.empty()) {
    return "`dev` brings its own database; to use yours: poold serve --database-url ...";
  }
  if (settings.tls_certificate.empty() && !settings.tls_key.empty()) {
    return "--tls-key needs its --tls-certificate";
  }
  if (!settings.tls_client_ca.empty() && (settings.tls_certificate.empty() || settings.access_file.empty())) {
    return "--tls-client-ca needs --tls-certificate, with which connections are made, and --access-file, which says "
           "whose a client's certificate is";
  }
  const bool serves = settings.command == Command::kServe || settings.command == Command::kDev;
  if (serves && settings.access_file.empty() && !settings.trust_all_callers) {
    if (const char* open = OpenDoor(settings)) {
      return std::string(open) +
             " lets others than this machine's programs call, and without --access-file whoever calls may do anything "
             "in any"
             " account: say who may call with --access-file, listen on 127.0.0.1, or, if something else keeps strangers"
             " out, say --trust-all-callers";
    }
  }
  if (!settings.api.regions.empty() && !settings.api.regions.contains(settings.api.default_region)) {
    return "--regions must have --default-region, " + settings.api.default_region +
           ", the region of calls that name none";
  }
  if (settings.greatest_deadline < settings.default_deadline) {
    return "--greatest-deadline must not be shorter than --default-deadline";
  }
  return {};
}

}  // namespace

bool IsLoopback(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  in_addr ip{};
  return host == "localhost" || host == "[::1]" ||
         (inet_pton(AF_INET, host.c_str(), &ip) == 1 && ntohl(ip.s_addr) >> 24 == 127);
}

ParsedSettings ParseSettings(int argc, const char* const* argv) {
  ParsedSettings parsed;
  Settings& settings = parsed.settings;
  using Command = Settings::Command;

  CLI::App app{
      "poold " + std::string(Version()) +
      ": pools of SMS and voice origination identities, the pool API of AWS End User Messaging SMS, self-hosted."};
  app.set_version_flag("--version", "poold " + std::string(Version()), "print the version");
  app.get_formatter()->column_width(46);
  AddSettings(app, settings);
  AddCommand(app, settings, Command::kDev, "dev", "serve with a private PostgreSQL, made and kept in --data-dir");
  AddCommand(app, settings, Command::kServe, "serve", "serve with the PostgreSQL of --database-url");
  AddCommand(app, settings, Command::kMigrate, "migrate", "bring the schema of --database-url up to date");
  AddCommand(app, settings, Command::kHealth, "health", "ask a server whether it serves; exit 0 if so")
      ->add_option("ADDRESS", settings.health_address,
                   "HOST:PORT to ask; default: that of --health-listen, or else of --grpc-listen");
  AddCommand(app, settings, Command::kVersion, "version", "print the version");
  AddInventoryCommands(app, settings);

  auto* quota = AddCommand(app, settings, Command::kQuota, "quota",
                           "set a quota of one account, in --database-url or in a running `dev` of --data-dir");
  quota->add_option("ACCOUNT", settings.quota_account, "12 digits")->required()->check(AnAccount());
  quota->add_option("REGION", settings.quota_region, "such as us-east-1")->required()->check(ARegion());
  quota->add_option("NAME", settings.quota_name, "which, by the Reason of its refusal")
      ->required()
      ->check(CLI::IsMember({"POOLS_PER_ACCOUNT", "ORIGINATION_IDENTITIES_PER_POOL", "PHONE_NUMBERS_PER_ACCOUNT",
                             "SENDER_IDS_PER_ACCOUNT", "OPT_OUT_LISTS_PER_ACCOUNT", "KEYWORDS_PER_POOL",
                             "KEYWORDS_PER_PHONE_NUMBER", "TAGS_PER_RESOURCE"}));
  quota->add_option("AMOUNT", settings.quota_amount, "how much, or `default` for the deployment's")
      ->required()
      ->check(CLI::Range(0, 1'000'000'000) | CLI::IsMember({"default"}));

  CLI::App* access = app.add_subcommand("access", "who may call");
  access->set_help_flag();
  access->fallthrough();
  AddCommand(*access, settings, Command::kAccessKey, "key",
             "make a bearer key: print it, and what --access-file knows it by");

  auto* seed = AddCommand(app, settings, Command::kSeed, "seed",
                          "load a demonstration account into the `poold dev` that runs at --grpc-listen");
  seed->add_option("ACCOUNT", settings.seed_account, "12 digits; default: --default-account")->check(AnAccount());
  seed->add_option("REGION", settings.seed_region, "default: --default-region")->check(ARegion());

  bool reference = false;
  AddCommand(app, settings, Command::kConfig, "config", "print the settings in force, as a file for --config")
      ->add_flag("--reference", reference, "the list of all settings, as in docs/settings.md");

  try {
    app.parse(argc, argv);
    RequireCommand(app);
    if (!settings.config_file.empty()) ReadSettingsFile(app, settings.config_file);
    if (settings.command == Command::kServe || settings.command == Command::kMigrate ||
        settings.command == Command::kConfig) {
      RefuseUnknownEnvironment(app);
    }
    // Who may call is known, so where is not theirs to make up.
    const bool known_callers = settings.command == Command::kServe && !settings.access_file.empty();
    if (known_callers && settings.api.regions.empty()) settings.api.regions = {settings.api.default_region};
    const std::string contradiction = Contradiction(settings);
    if (!contradiction.empty()) throw CLI::ValidationError(contradiction);
    if (settings.command == Command::kConfig) {
      std::cout << (reference ? SettingsReference(app) : EffectiveSettings(app));
      parsed.leave = true;
    }
  } catch (const CLI::CallForHelp&) {
    // The whole of it also after `poold dev --help`, where CLI11 would tell of `dev` alone.
    std::cout << app.get_formatter()->make_help(&app, "poold", CLI::AppFormatMode::Normal) << HelpOfParts(app);
    parsed.leave = true;
  } catch (const CLI::ParseError& error) {
    parsed.leave = true;
    parsed.exit_code = app.exit(error) == 0 ? 0 : 2;
  }
  return parsed;
}

}  // namespace poold
