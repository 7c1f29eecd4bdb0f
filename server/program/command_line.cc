#include "server/program/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>
#include <regex>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "server/base/loopback.h"
#include "server/base/version.h"
#include "server/program/command_help.h"
#include "server/program/setting_flags.h"
#include "server/program/settings_file.h"
#include "storage/postgres/database.h"

namespace poold {
namespace {

// Whether a command uses the setting of a flag: then its help lists it.
using Uses = std::function<bool(const std::string&)>;

Uses Only(std::set<std::string> flags) {
  return [flags = std::move(flags)](const std::string& flag) { return flag == "--config" || flags.contains(flag); };
}

Uses AllBut(std::set<std::string> flags) {
  return [flags = std::move(flags)](const std::string& flag) { return !flags.contains(flag); };
}

// The commands, and what their arguments are parsed into.
class Commands {
 public:
  explicit Commands(CLI::App& program) : program_(program) {
    AddSettings(program, settings_, config_file_);
    Add(program, "dev", "serve with a private PostgreSQL, made and kept in --data-dir",
        AllBut({"--database-url", "--database-password-file"}), [this] { return command::Dev{settings_}; });
    Add(program, "serve", "serve with the PostgreSQL of --database-url", AllBut({"--data-dir"}),
        [this] { return command::Serve{OfServe()}; });
    Add(program, "migrate", "bring the schema of --database-url up to date",
        Only({"--database-url", "--database-password-file"}), [this] { return command::Migrate{settings_.database}; });
    Add(program, "health", "ask a server whether it serves; exit 0 if so", Only({"--grpc-listen", "--health-listen"}),
        [this] { return command::Health{AddressToProbe()}; })
        .add_option("ADDRESS", address_,
                    "HOST:PORT to ask; default: that of --health-listen, or else of --grpc-listen");
    Add(program, "version", "print the version", Only({}), [] { return command::Version{}; });
    AddInventory();
    AddQuota();
    CLI::App& access = AddGroup("access", "who may call");
    Add(access, "key", "make a bearer key: print it, and what --access-file knows it by", Only({}),
        [] { return command::MakeAccessKey{}; });
    AddSeed();
    Add(program, "config", "print the settings in force, as a file for --config", AllBut({}), [this] {
      return command::ShowConfig{reference_ ? SettingsReference(program_) : EffectiveSettings(program_)};
    }).add_flag("--reference", reference_, "the list of all settings, as in docs/settings.md");
  }

  const Settings& settings() const { return settings_; }

  // After the program has been parsed: reads the settings file, and returns the command. Throws CLI::ParseError with
  // what is wrong.
  Command Finish() {
    const auto chosen = std::ranges::find_if(commands_, [](const Entry& entry) { return entry.app->parsed(); });
    if (chosen == commands_.end()) throw CLI::ValidationError("say what to do: poold " + Names());
    if (!config_file_.empty()) ReadSettingsFile(program_, config_file_);
    settings_.http.max_connection_age = settings_.grpc.max_connection_age;  // one flag for both
    return chosen->make();
  }

  // Of the command that was named, or of the program.
  std::string Help() const {
    const CLI::App* named = &program_;
    while (!named->get_subcommands().empty()) named = named->get_subcommands().front();
    std::vector<const CLI::App*> all;
    for (const Entry& entry : commands_) all.push_back(entry.app);
    const auto command = std::ranges::find(commands_, named, &Entry::app);
    if (command != commands_.end()) return HelpOf(*named, all, command->uses);
    return HelpOf(*named, all, named == &program_ ? AllBut({}) : Uses([](const std::string&) { return false; }));
  }

 private:
  struct Entry {
    const CLI::App* app;
    Uses uses;
    std::function<Command()> make;
  };

  static CLI::App& AddApp(CLI::App& above, const std::string& name, const std::string& meaning) {
    CLI::App* added = above.add_subcommand(name, meaning);
    added->set_help_flag();  // that of the program is for all of them
    added->fallthrough();
    return *added;
  }

  CLI::App& AddGroup(const std::string& name, const std::string& meaning) { return AddApp(program_, name, meaning); }

  CLI::App& Add(CLI::App& above, const std::string& name, const std::string& meaning, Uses uses,
                std::function<Command()> make) {
    CLI::App& added = AddApp(above, name, meaning);
    commands_.push_back({&added, std::move(uses), std::move(make)});
    return added;
  }

  void AddInventory() {
    CLI::App& inventory =
        AddGroup("inventory", "the phone numbers that can be requested: import, count, list, remove, clear");
    const auto add = [&](const std::string& name, const std::string& meaning,
                         std::function<Command()> make) -> CLI::App& {
      return Add(inventory, name, meaning + ", in --database-url or in a running `dev` of --data-dir",
                 Only({"--database-url", "--database-password-file", "--data-dir"}), std::move(make));
    };
    add("import", "add the numbers of a CSV file, or change what is known of them",
        [this] {
          return command::ImportNumbers{settings_.database, file_};
        })
        .add_option("FILE", file_,
                    "columns: phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price")
        ->required();
    add("count", "print how many numbers there are of each country and type",
        [this] { return command::CountNumbers{settings_.database}; });
    CLI::App& list = add("list", "print the numbers as a CSV file for `import`", [this] {
      return command::ListNumbers{settings_.database, selection_};
    });
    list.add_option("--country", selection_.iso_country_code, "only those of this country, such as US")
        ->check(Must("be a country code such as GB",
                     [](const std::string& text) { return std::regex_match(text, std::regex("[A-Z]{2}")); }));
    list.add_option("--type", selection_.number_type, "only those of this type")
        ->check(CLI::IsMember({"LONG_CODE", "TOLL_FREE", "TEN_DLC", "SIMULATOR"}));
    add("remove", "remove the numbers of a CSV file, if no account has one of them",
        [this] {
          return command::RemoveNumbers{settings_.database, file_};
        })
        .add_option("FILE", file_, "column: phone_number")
        ->required();
    add("clear", "remove the fictional numbers that no account has",
        [this] { return command::ClearFictionalNumbers{settings_.database}; })
        .add_flag("--fictional")
        ->description("what to remove; must be given")
        ->required();
  }

  void AddQuota() {
    CLI::App& quota = Add(
        program_, "quota", "set a quota of one account, in --database-url or in a running `dev` of --data-dir",
        Only({"--database-url", "--database-password-file", "--data-dir", "--regions", "--default-region"}), [this] {
          const auto amount = amount_ == "default" ? std::nullopt : std::optional<std::int64_t>(std::stoll(amount_));
          return command::Quota{settings_.database, settings_.api, {account_, region_}, quota_, amount};
        });
    quota.add_option("ACCOUNT", account_, "12 digits")->required()->check(AnAccount());
    quota.add_option("REGION", region_, "such as us-east-1")->required()->check(ARegion());
    quota.add_option("NAME", quota_, "which, by the Reason of its refusal")
        ->required()
        ->check(CLI::IsMember({"POOLS_PER_ACCOUNT", "ORIGINATION_IDENTITIES_PER_POOL", "PHONE_NUMBERS_PER_ACCOUNT",
                               "SENDER_IDS_PER_ACCOUNT", "OPT_OUT_LISTS_PER_ACCOUNT", "KEYWORDS_PER_POOL",
                               "KEYWORDS_PER_PHONE_NUMBER", "TAGS_PER_RESOURCE"}));
    quota.add_option("AMOUNT", amount_, "how much, or `default` for the deployment's")
        ->required()
        ->check(CLI::Range(0, 1'000'000'000) | CLI::IsMember({"default"}));
  }

  void AddSeed() {
    CLI::App& seed =
        Add(program_, "seed", "load a demonstration account into the `poold dev` that runs at --grpc-listen",
            Only({"--grpc-listen", "--default-account", "--default-region"}), [this] {
              const ApiSettings& api = settings_.api;
              return command::Seed{
                  settings_.grpc.listen,
                  {account_.empty() ? api.default_account : account_, region_.empty() ? api.default_region : region_}};
            });
    seed.add_option("ACCOUNT", account_, "12 digits; default: --default-account")->check(AnAccount());
    seed.add_option("REGION", region_, "default: --default-region")->check(ARegion());
  }

  std::string Names() const {
    std::string names;
    for (const Entry& entry : commands_) {
      names += (names.empty() ? "" : "|") + NameOf(*entry.app);
    }
    return names;
  }

  // The endpoint for probes, where there is one: it never asks for TLS.
  std::string AddressToProbe() const {
    if (!address_.empty()) return address_;
    return settings_.grpc.health_listen == "off" ? settings_.grpc.listen : settings_.grpc.health_listen;
  }

  // With an access file callers are known, and may not make up where they are.
  Settings OfServe() const {
    Settings settings = settings_;
    if (!settings.access_file.empty() && settings.api.regions.empty()) {
      settings.api.regions = {settings.api.default_region};
    }
    return settings;
  }

  CLI::App& program_;
  std::vector<Entry> commands_;
  Settings settings_;
  std::string config_file_;

  // Arguments of the commands; empty if they are not given.
  std::string address_;
  std::string file_;
  storage::InventorySelection selection_;
  std::string account_;
  std::string region_;
  std::string quota_;
  std::string amount_;
  bool reference_ = false;
};

// The setting that lets others than this machine's own programs call; nullptr if there is none.
const char* OpenEndpoint(const Settings& settings) {
  if (!IsLoopback(settings.grpc.listen)) return "--grpc-listen";
  return settings.http.listen == "off" || IsLoopback(settings.http.listen) ? nullptr : "--http-listen";
}

// What no single check of a setting can see. Returns a sentence, or nothing.
std::string Contradiction(const Command& command, const Settings& settings) {
  const bool is_serve = std::holds_alternative<command::Serve>(command);
  const bool is_dev = std::holds_alternative<command::Dev>(command);
  const bool needs_url = is_serve || std::holds_alternative<command::Migrate>(command);
  if (needs_url && settings.database.url.empty()) {
    return "say which database: --database-url postgresql://USER@HOST/NAME (or POOLD_DATABASE_URL)";
  }
  if (const std::string mistake = storage::MistakeInUrl(settings.database.url); !mistake.empty()) {
    return "--database-url: " + mistake;
  }
  if (is_dev && !settings.database.url.empty()) {
    return "`dev` brings its own database; to use yours: poold serve --database-url ...";
  }
  const TlsSettings& tls = settings.tls;
  if (tls.certificate.empty() && !tls.key.empty()) return "--tls-key needs its --tls-certificate";
  if (!tls.client_ca.empty() && (tls.certificate.empty() || settings.access_file.empty())) {
    return "--tls-client-ca needs --tls-certificate, with which connections are made, and --access-file, which says "
           "whose a client's certificate is";
  }
  if ((is_serve || is_dev) && settings.access_file.empty() && !settings.trust_all_callers) {
    if (const char* open = OpenEndpoint(settings)) {
      return std::string(open) +
             " lets programs of other machines call. Without --access-file every caller may do anything in any "
             "account. "
             "Say who may call with --access-file, or listen on 127.0.0.1. If something else keeps strangers out, say "
             "--trust-all-callers";
    }
  }
  if (!settings.api.regions.empty() && !settings.api.regions.contains(settings.api.default_region)) {
    return "--regions must have --default-region, " + settings.api.default_region +
           ", the region of calls that name none";
  }
  if (settings.pipeline.greatest_deadline < settings.pipeline.default_deadline) {
    return "--greatest-deadline must not be shorter than --default-deadline";
  }
  return {};
}

// Whether an argument shows the password in the database's address: every user of the machine can list the arguments of
// every program.
bool ShowsPassword(const std::string& url, std::span<const char* const> arguments) {
  return storage::HasPassword(url) && std::ranges::any_of(arguments, [&](std::string_view argument) {
           return argument == url || argument == "--database-url=" + url;
         });
}

}  // namespace

CommandLine ParseCommandLine(int argc, const char* const* argv) {
  CLI::App program{
      "poold " + std::string(Version()) +
      ": pools of SMS and voice origination identities, the pool API of AWS End User Messaging SMS, self-hosted."};
  program.set_version_flag("--version", "poold " + std::string(Version()), "print the version");
  Commands commands(program);
  CommandLine line;
  try {
    program.parse(argc, argv);
    Command command = commands.Finish();
    if (std::holds_alternative<command::Serve>(command) || std::holds_alternative<command::Migrate>(command) ||
        std::holds_alternative<command::ShowConfig>(command)) {
      RefuseUnknownEnvironment(program);
    }
    const Settings& settings = commands.settings();
    const std::string contradiction = Contradiction(command, settings);
    if (!contradiction.empty()) throw CLI::ValidationError(contradiction);
    line.command = std::move(command);
    line.log = settings.log;
    line.shows_password = ShowsPassword(settings.database.url, {argv, static_cast<std::size_t>(argc)});
  } catch (const CLI::CallForHelp&) {
    std::cout << commands.Help();
  } catch (const CLI::ParseError& error) {
    line.exit_code = program.exit(error) == 0 ? 0 : 2;
  }
  return line;
}

}  // namespace poold
