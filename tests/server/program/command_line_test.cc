#include "server/program/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <variant>

#include "build_paths.h"
#include "server/base/version.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// An environment variable that is set as long as this lives.
class Environment {
 public:
  Environment(std::string name, const std::string& value) : name_(std::move(name)) {
    setenv(name_.c_str(), value.c_str(), 1);
  }
  ~Environment() { unsetenv(name_.c_str()); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  std::string name_;
};

struct Parsed {
  CommandLine line;
  std::string out;  // and what `config` shows
  std::string err;

  // nullptr if it is another command, or none.
  template <class Wanted>
  const Wanted* As() const {
    return line.command ? std::get_if<Wanted>(&*line.command) : nullptr;
  }
};

Parsed Parse(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv{"poold"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  Parsed parsed;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  parsed.line = ParseCommandLine(static_cast<int>(argv.size()), argv.data());
  parsed.out = testing::internal::GetCapturedStdout();
  if (const auto* shown = parsed.As<command::ShowConfig>()) parsed.out += shown->text;
  parsed.err = testing::internal::GetCapturedStderr();
  return parsed;
}

// The command of arguments that must be right.
template <class Wanted>
Wanted CommandOf(const std::vector<std::string>& arguments) {
  const Parsed parsed = Parse(arguments);
  const Wanted* command = parsed.As<Wanted>();
  EXPECT_NE(command, nullptr) << parsed.err;
  return command == nullptr ? Wanted() : *command;
}

// The settings with which `serve` or `dev` runs.
Settings SettingsOf(const std::vector<std::string>& arguments) {
  const Parsed parsed = Parse(arguments);
  if (const auto* dev = parsed.As<command::Dev>()) return dev->settings;
  const auto* serve = parsed.As<command::Serve>();
  EXPECT_NE(serve, nullptr) << parsed.err;
  return serve == nullptr ? Settings() : serve->settings;
}

void ExpectRefusal(const std::vector<std::string>& arguments, const std::string& says) {
  const Parsed parsed = Parse(arguments);
  EXPECT_FALSE(parsed.line.command);
  EXPECT_EQ(parsed.line.exit_code, 2);
  EXPECT_THAT(parsed.err, HasSubstr(says));
}

// Every setting: its flag, a value that is not its default, and where it goes.
struct Setting {
  std::string name;  // "grpc-listen"
  std::string value;
  std::function<std::string(const Settings&)> read;

  std::string flag() const { return "--" + name; }
  std::string environment() const {
    std::string upper = "POOLD_" + name;
    std::ranges::transform(upper, upper.begin(),
                           [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
    return upper;
  }
};
void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.flag(); }

template <class T>
std::string Text(const T& value) {
  std::ostringstream text;
  text << value;
  return text.str();
}
std::string Text(milliseconds value) { return std::to_string(value.count()) + "ms"; }
std::string Text(const std::set<std::string, std::less<>>& countries) {
  std::string text;
  for (const std::string& country : countries) text += (text.empty() ? "" : ",") + country;
  return text;
}

std::string Text(const Throttling& throttling) {
  switch (throttling.kind) {
    case Throttling::Kind::kAuto:
      return "auto";
    case Throttling::Kind::kOff:
      return "off";
    case Throttling::Kind::kAws:
      return "aws";
    case Throttling::Kind::kRate:
      break;
  }
  return Text(throttling.calls_per_second);
}

// `members`: the way from Settings to the one that is meant.
template <class... Members>
Setting Of(const std::string& name, const std::string& value, Members... members) {
  return {name, value, [=](const Settings& settings) { return Text((settings.*....*members)); }};
}

const std::vector<Setting> kSettings = {
    Of("grpc-listen", "0.0.0.0:0", &Settings::grpc, &GrpcSettings::listen),
    Of("http-listen", "off", &Settings::http, &HttpSettings::listen),
    Of("health-listen", "127.0.0.1:0", &Settings::grpc, &GrpcSettings::health_listen),
    Of("reflection", "off", &Settings::grpc, &GrpcSettings::reflection),
    Of("database-password-file", "/etc/poold/password", &Settings::database, &DatabaseSettings::password_file),
    Of("prepared-statements", "0", &Settings::database, &DatabaseSettings::prepared_statements),
    Of("drain-delay", "16ms", &Settings::drain, &DrainSettings::delay),
    Of("max-connection-age", "17ms", &Settings::grpc, &GrpcSettings::max_connection_age),
    Of("max-connection-idle", "18ms", &Settings::grpc, &GrpcSettings::max_connection_idle),
    Of("grpc-connections", "19", &Settings::grpc, &GrpcSettings::connections),
    Of("grpc-connections-per-address", "9", &Settings::grpc, &GrpcSettings::connections_per_address),
    Of("grpc-guard", "off", &Settings::grpc, &GrpcSettings::guard),
    Of("http-connections", "11", &Settings::http, &HttpSettings::connections),
    Of("http-connections-per-address", "12", &Settings::http, &HttpSettings::connections_per_address),
    Of("http-idle-timeout", "13ms", &Settings::http, &HttpSettings::idle_timeout),
    Of("http-header-timeout", "14ms", &Settings::http, &HttpSettings::header_timeout),
    Of("http-body-timeout", "15ms", &Settings::http, &HttpSettings::body_timeout),
    Of("http-body-bytes", "1048576", &Settings::http, &HttpSettings::body_bytes),
    Of("http-origins", "http://[::1]:80,https://console.example", &Settings::http, &HttpSettings::origins),
    Of("tls-certificate", "/etc/poold/tls.crt", &Settings::tls, &TlsSettings::certificate),
    Of("tls-key", "/etc/poold/tls.key", &Settings::tls, &TlsSettings::key),
    Of("tls-client-ca", "/etc/poold/clients.crt", &Settings::tls, &TlsSettings::client_ca),
    Of("trust-all-callers", "1", &Settings::trust_all_callers),
    Of("access-file", "/etc/poold/access.yaml", &Settings::access_file),
    Of("database-url", "postgresql://user@host/name", &Settings::database, &DatabaseSettings::url),
    Of("data-dir", "/var/lib/somewhere", &Settings::database, &DatabaseSettings::data_dir),
    Of("database-connections", "3", &Settings::pipeline, &PipelineSettings::database_connections),
    Of("queue-capacity", "7", &Settings::pipeline, &PipelineSettings::queue_capacity),
    Of("default-deadline", "250ms", &Settings::pipeline, &PipelineSettings::default_deadline),
    Of("greatest-deadline", "7000ms", &Settings::pipeline, &PipelineSettings::greatest_deadline),
    Of("drain-limit", "0ms", &Settings::drain, &DrainSettings::limit),
    Of("log-level", "debug", &Settings::log, &LogSettings::level),
    Of("log-format", "json", &Settings::log, &LogSettings::format),
    Of("slow-call", "18ms", &Settings::log, &LogSettings::slow_call),
    Of("default-account", "111122223333", &Settings::api, &ApiSettings::default_account),
    Of("regions", "eu-west-2,us-east-1", &Settings::api, &ApiSettings::regions),
    Of("default-region", "eu-west-2", &Settings::api, &ApiSettings::default_region),
    Of("quota-pools", "1", &Settings::api, &ApiSettings::quotas, &Quotas::pools),
    Of("quota-origination-identities-per-pool", "2", &Settings::api, &ApiSettings::quotas,
       &Quotas::origination_identities_per_pool),
    Of("quota-phone-numbers", "3", &Settings::api, &ApiSettings::quotas, &Quotas::phone_numbers),
    Of("quota-phone-numbers-in-all-regions", "8", &Settings::api, &ApiSettings::quotas,
       &Quotas::phone_numbers_in_all_regions),
    Of("quota-sender-ids", "4", &Settings::api, &ApiSettings::quotas, &Quotas::sender_ids),
    Of("quota-opt-out-lists", "6", &Settings::api, &ApiSettings::quotas, &Quotas::opt_out_lists),
    Of("quota-keywords", "7", &Settings::api, &ApiSettings::quotas, &Quotas::keywords),
    Of("quota-tags-per-resource", "5", &Settings::api, &ApiSettings::quotas, &Quotas::tags_per_resource),
    Of("account-tier", "SANDBOX", &Settings::api, &ApiSettings::account_tier),
    Of("throttle", "aws", &Settings::api, &ApiSettings::throttling),
    Of("help-message", "Call 555-0100", &Settings::api, &ApiSettings::help_message),
    Of("stop-message", "Bye", &Settings::api, &ApiSettings::stop_message),
    Of("countries-without-sender-ids", "FR,GB", &Settings::api, &ApiSettings::countries_without_sender_ids),
    Of("countries-requiring-registration", "DE", &Settings::api, &ApiSettings::countries_requiring_registration),
    Of("fictional-numbers", "1", &Settings::api, &ApiSettings::fictional_numbers),
    Of("number-activation-delay", "20ms", &Settings::api, &ApiSettings::number_activation_delay),
    Of("pool-deletion-delay", "30ms", &Settings::api, &ApiSettings::pool_deletion_delay),
};

class EverySetting : public testing::TestWithParam<Setting> {
 protected:
  // `--flag value`; a switch takes its value after `=` only.
  static std::vector<std::string> Giving(const Setting& setting, const std::string& value) {
    if (setting.name == "trust-all-callers" || setting.name == "fictional-numbers")
      return {setting.flag() + "=" + value};
    return {setting.flag(), value};
  }

  // `serve` takes them all; it wants a database too.
  static std::vector<std::string> Serve(const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"serve", "--database-url", "postgresql://a@b/c"};
    if (GetParam().name == "database-url") arguments.resize(1);
    if (GetParam().name == "tls-client-ca") {
      arguments.insert(arguments.end(), {"--tls-certificate", "tls.crt", "--access-file", "access.yaml"});
    }
    if (GetParam().name == "grpc-listen") arguments.push_back("--trust-all-callers");
    if (GetParam().name == "tls-key") arguments.insert(arguments.end(), {"--tls-certificate", "tls.crt"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
};

TEST_P(EverySetting, HasAFlag) {
  const Setting& setting = GetParam();
  EXPECT_EQ(setting.read(SettingsOf(Serve(Giving(setting, setting.value)))), setting.value);
  EXPECT_EQ(setting.read(SettingsOf(Serve({setting.flag() + "=" + setting.value}))), setting.value);
}

TEST_P(EverySetting, HasAnEnvironmentVariable) {
  const Setting& setting = GetParam();
  const Environment variable(setting.environment(), setting.value);
  EXPECT_EQ(setting.read(SettingsOf(Serve({}))), setting.value);
}

TEST_P(EverySetting, TakesTheFlagBeforeTheEnvironment) {
  const Setting& setting = GetParam();
  const std::string flag = setting.name == "database-url" ? "postgresql://another" : setting.read(Settings());
  const Environment variable(setting.environment(), setting.value);
  EXPECT_EQ(setting.read(SettingsOf(Serve(Giving(setting, flag)))), flag);
}

TEST_P(EverySetting, HasItsDefaultWithoutEither) {
  const Setting& setting = GetParam();
  EXPECT_EQ(setting.read(SettingsOf({"dev"})), setting.read(Settings()));
  EXPECT_NE(setting.value, setting.read(Settings())) << "the table's value must differ from the default";
}

TEST_P(EverySetting, MayComeBeforeTheCommand) {
  const Setting& setting = GetParam();
  auto arguments = Serve({});
  const auto given = Giving(setting, setting.value);
  arguments.insert(arguments.begin(), given.begin(), given.end());
  EXPECT_EQ(setting.read(SettingsOf(arguments)), setting.value);
}

TEST_P(EverySetting, IsExplainedByHelpWithFlagVariableAndDefault) {
  const Setting& setting = GetParam();
  const Parsed parsed = Parse({"--help"});
  const std::string& help = parsed.out;
  EXPECT_THAT(help, HasSubstr(setting.flag() + " "));
  EXPECT_THAT(help, HasSubstr("(Env:" + setting.environment() + ")"));
  const std::string standard = setting.read(Settings());
  EXPECT_THAT(help, HasSubstr(standard));
}

INSTANTIATE_TEST_SUITE_P(All, EverySetting, testing::ValuesIn(kSettings), [](const auto& test) {
  std::string name = test.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
});

// The table above is whole: there is no setting in --help that it doesn't know.
TEST(Help, ListsNoSettingThatTheseTestsDoNotKnow) {
  const std::string help = Parse({"--help"}).out;
  std::istringstream lines(help);
  std::vector<std::string> unknown;
  for (std::string line; std::getline(lines, line);) {
    const auto at = line.find("(Env:");
    if (at == line.npos) continue;
    const std::string variable = line.substr(at + 5, line.find(')', at) - at - 5);
    if (variable == "POOLD_CONFIG") continue;  // see SettingsFile below
    if (std::ranges::none_of(kSettings, [&](const Setting& known) { return known.environment() == variable; })) {
      unknown.push_back(variable);
    }
  }
  EXPECT_THAT(unknown, IsEmpty());
}

TEST(Help, OfACommandListsItsArgumentsAndOnlyTheSettingsThatItUses) {
  const Parsed parsed = Parse({"quota", "--help"});
  EXPECT_FALSE(parsed.line.command);
  EXPECT_EQ(parsed.line.exit_code, 0);
  for (const char* part : {"set a quota of one account", "Usage: poold quota ACCOUNT REGION NAME AMOUNT", "\n  AMOUNT ",
                           "\n  --database-url ", "\n  --data-dir ", "\n  --config "}) {
    EXPECT_THAT(parsed.out, HasSubstr(part));
  }
  EXPECT_THAT(parsed.out, testing::Not(HasSubstr("--grpc-listen")));
  EXPECT_THAT(Parse({"--help", "quota"}).out, parsed.out);
  EXPECT_THAT(Parse({"serve", "--help"}).out, testing::Not(HasSubstr("--data-dir")));
  EXPECT_THAT(Parse({"version", "--help"}).out, testing::Not(HasSubstr("--log-level")));
}

TEST(Help, OfAGroupOfCommandsListsThese) {
  const std::string help = Parse({"inventory", "--help"}).out;
  for (const char* part : {"import", "count", "list", "remove", "clear"}) {
    EXPECT_THAT(help, HasSubstr("\n  inventory " + std::string(part) + " "));
  }
  EXPECT_THAT(help, testing::Not(HasSubstr("quota")));
}

TEST(Help, NamesTheCommandsBeforeTheSettings) {
  const std::string help = Parse({"--help"}).out;
  EXPECT_LT(help.find("\n  inventory clear "), help.find("\n  --config "));
}

TEST(Help, NamesEveryCommand) {
  const std::string help = Parse({"--help"}).out;
  for (const char* command : {"dev", "serve", "migrate", "health", "version", "inventory", "config"}) {
    EXPECT_THAT(help, HasSubstr("\n  " + std::string(command) + " "));
  }
}

TEST(Help, DoesNotShowWhatTheEnvironmentHolds) {
  const Environment variable("POOLD_DATABASE_URL", "postgresql://user:secret@host/name");
  EXPECT_THAT(Parse({"--help"}).out, testing::Not(HasSubstr("secret")));
}

TEST(Version, IsAFlagToo) {
  const Parsed parsed = Parse({"--version"});
  EXPECT_FALSE(parsed.line.command);
  EXPECT_EQ(parsed.line.exit_code, 0);
  EXPECT_THAT(parsed.out, HasSubstr(std::string(poold::Version())));
}

// Commands.

TEST(Commands, AreKnownByName) {
  EXPECT_TRUE(Parse({"dev"}).As<command::Dev>());
  EXPECT_TRUE(Parse({"serve", "--database-url", "x=y"}).As<command::Serve>());
  EXPECT_TRUE(Parse({"migrate", "--database-url", "x=y"}).As<command::Migrate>());
  EXPECT_TRUE(Parse({"health"}).As<command::Health>());
  EXPECT_TRUE(Parse({"version"}).As<command::Version>());
  EXPECT_TRUE(Parse({"inventory", "import", "file.csv"}).As<command::ImportNumbers>());
  EXPECT_TRUE(Parse({"inventory", "count"}).As<command::CountNumbers>());
  EXPECT_TRUE(Parse({"inventory", "list"}).As<command::ListNumbers>());
  EXPECT_TRUE(Parse({"inventory", "remove", "file.csv"}).As<command::RemoveNumbers>());
  EXPECT_TRUE(Parse({"inventory", "clear", "--fictional"}).As<command::ClearFictionalNumbers>());
  EXPECT_TRUE(Parse({"seed"}).As<command::Seed>());
  EXPECT_TRUE(Parse({"access", "key"}).As<command::MakeAccessKey>());
}

struct Listening {
  std::vector<std::string> doors;
  bool is_open;
};
class TrustedCallers : public testing::TestWithParam<Listening> {};

TEST_P(TrustedCallers, AreServedBeyondThisMachineOnlyIfToldSo) {
  const std::vector<std::vector<std::string>> commands{{"serve", "--database-url", "x=y"}, {"dev"}};
  for (std::vector<std::string> arguments : commands) {
    arguments.insert(arguments.end(), GetParam().doors.begin(), GetParam().doors.end());
    if (!GetParam().is_open) {
      SettingsOf(arguments);
      continue;
    }
    ExpectRefusal(arguments, "say --trust-all-callers");
    const auto with = [&](const std::vector<std::string>& more) {
      auto all = arguments;
      all.insert(all.end(), more.begin(), more.end());
      return all;
    };
    EXPECT_TRUE(SettingsOf(with({"--trust-all-callers"})).trust_all_callers);
    EXPECT_FALSE(SettingsOf(with({"--access-file", "access.yaml"})).trust_all_callers);
    const Environment variable("POOLD_TRUST_ALL_CALLERS", "true");
    EXPECT_TRUE(SettingsOf(arguments).trust_all_callers);
  }
}

INSTANTIATE_TEST_SUITE_P(All, TrustedCallers,
                         testing::Values(Listening{{}, false}, Listening{{"--grpc-listen", "localhost:1"}, false},
                                         Listening{{"--grpc-listen", "127.0.0.2:1", "--http-listen", "off"}, false},
                                         Listening{{"--grpc-listen", "[::1]:1", "--http-listen", "[::1]:2"}, false},
                                         Listening{{"--health-listen", "0.0.0.0:1"}, false},  // serves no call
                                         Listening{{"--grpc-listen", "0.0.0.0:1"}, true},
                                         Listening{{"--grpc-listen", "[::]:1"}, true},
                                         Listening{{"--http-listen", "0.0.0.0:1"}, true},
                                         Listening{{"--http-listen", "10.0.0.1:1"}, true},
                                         Listening{{"--grpc-listen", "poold.example:1"}, true},
                                         Listening{{"--grpc-listen", "127.0.0.1.example:1"}, true},
                                         Listening{{"--grpc-listen", "localhost.example:1"}, true}),
                         [](const auto& test) { return "Row" + std::to_string(test.index); });

TEST(TlsClientCa, NeedsACertificateAndAnAccessFile) {
  const std::vector<std::string> alone{"serve", "--database-url", "x=y", "--tls-client-ca", "ca.crt"};
  ExpectRefusal(alone, "--tls-client-ca needs --tls-certificate");
  auto with = alone;
  with.insert(with.end(), {"--tls-certificate", "tls.crt"});
  ExpectRefusal(with, "and --access-file");
}

TEST(Commands, AreNamedWhenThereIsNone) {
  ExpectRefusal({}, "say what to do: poold dev|serve|migrate|health|version|inventory import");
  ExpectRefusal({"--log-level", "info"}, "say what to do: poold dev|");
}

TEST(Commands, AreNamedWhenOneIsNotWhole) {
  ExpectRefusal({"inventory"}, "inventory import|inventory count|inventory list|inventory remove|inventory clear");
}

TEST(Commands, MustBeKnown) { ExpectRefusal({"frobnicate"}, "frobnicate"); }

TEST(Commands, TakeNoUnknownFlag) { ExpectRefusal({"dev", "--frobnicate"}, "--frobnicate"); }

TEST(Commands, TakeNothingMore) { ExpectRefusal({"version", "again"}, "again"); }

TEST(Commands, HealthTakesAnAddress) {
  EXPECT_EQ(CommandOf<command::Health>({"health", "10.0.0.1:50051"}).address, "10.0.0.1:50051");
  EXPECT_EQ(CommandOf<command::Health>({"health"}).address, Settings().grpc.listen);
  EXPECT_EQ(CommandOf<command::Health>({"health", "--grpc-listen", "a:1"}).address, "a:1");
  EXPECT_EQ(CommandOf<command::Health>({"health", "--grpc-listen", "a:1", "--health-listen", "a:2"}).address, "a:2");
}

TEST(Commands, MigrateTakesADatabase) {
  const auto migrate =
      CommandOf<command::Migrate>({"migrate", "--database-url", "x=y", "--database-password-file", "p"});
  EXPECT_EQ(migrate.database.url, "x=y");
  EXPECT_EQ(migrate.database.password_file, "p");
}

TEST(Commands, QuotaTakesAnAmountOrTheDefault) {
  const auto some = CommandOf<command::Quota>({"quota", "111122223333", "eu-west-2", "POOLS_PER_ACCOUNT", "12"});
  EXPECT_EQ(some.scope.account, "111122223333");
  EXPECT_EQ(some.scope.region, "eu-west-2");
  EXPECT_EQ(some.name, "POOLS_PER_ACCOUNT");
  EXPECT_EQ(some.amount, 12);
  EXPECT_EQ(CommandOf<command::Quota>({"quota", "111122223333", "eu-west-2", "POOLS_PER_ACCOUNT", "default"}).amount,
            std::nullopt);
}

TEST(Commands, SeedTakesAnAccountAndThenARegion) {
  const auto both = CommandOf<command::Seed>({"seed", "111122223333", "eu-west-2", "--grpc-listen", "a:1"});
  EXPECT_EQ(both.address, "a:1");
  EXPECT_EQ(both.scope.account, "111122223333");
  EXPECT_EQ(both.scope.region, "eu-west-2");
  EXPECT_EQ(CommandOf<command::Seed>({"seed", "111122223333"}).scope.region, ApiSettings().default_region);
  EXPECT_EQ(CommandOf<command::Seed>({"seed"}).scope.account, ApiSettings().default_account);
  ExpectRefusal({"seed", "eu-west-2"}, "ACCOUNT: must be 12 digits");
  ExpectRefusal({"seed", "111122223333", "Europe"}, "REGION: must be a region's name");
}

TEST(Commands, ImportAndRemoveNeedAFile) {
  for (const char* command : {"import", "remove"}) ExpectRefusal({"inventory", command}, "FILE is required");
  EXPECT_EQ(CommandOf<command::ImportNumbers>({"inventory", "import", "file.csv"}).file, "file.csv");
  EXPECT_EQ(CommandOf<command::RemoveNumbers>({"inventory", "remove", "file.csv"}).file, "file.csv");
}

TEST(Commands, ListTakesACountryAndAType) {
  const auto some = CommandOf<command::ListNumbers>({"inventory", "list", "--country", "ES", "--type", "TOLL_FREE"});
  EXPECT_EQ(some.selection.iso_country_code, "ES");
  EXPECT_EQ(some.selection.number_type, "TOLL_FREE");
  EXPECT_EQ(CommandOf<command::ListNumbers>({"inventory", "list"}).selection.iso_country_code, "");
  ExpectRefusal({"inventory", "list", "--country", "Spain"}, "--country: must be a country code");
  ExpectRefusal({"inventory", "list", "--type", "PAGER"}, "--type");
}

TEST(Commands, ClearMustBeToldWhat) { ExpectRefusal({"inventory", "clear"}, "--fictional is required"); }

TEST(Commands, ImportTakesSettings) {
  const auto import = CommandOf<command::ImportNumbers>({"inventory", "import", "file.csv", "--data-dir", "here"});
  EXPECT_EQ(import.database.data_dir, "here");
}

// Contradictions.

TEST(Contradictions, ServeAndMigrateNeedADatabase) {
  ExpectRefusal({"serve"}, "--database-url postgresql://USER@HOST/NAME (or POOLD_DATABASE_URL)");
  ExpectRefusal({"migrate"}, "--database-url postgresql://USER@HOST/NAME (or POOLD_DATABASE_URL)");
}

TEST(Contradictions, DevTakesNoDatabase) {
  ExpectRefusal({"dev", "--database-url", "postgresql://a@b/c"}, "poold serve --database-url");
}

TEST(Contradictions, TheGreatestDeadlineIsNotShorterThanTheDefault) {
  ExpectRefusal({"dev", "--greatest-deadline", "4s"},
                "--greatest-deadline must not be shorter than --default-deadline");
  EXPECT_EQ(SettingsOf({"dev", "--greatest-deadline", "5s"}).pipeline.greatest_deadline, milliseconds(5000));
}

// Values.

TEST(Durations, HaveAUnit) {
  EXPECT_EQ(SettingsOf({"dev", "--drain-limit", "1500ms"}).drain.limit, milliseconds(1500));
  EXPECT_EQ(SettingsOf({"dev", "--drain-limit", "90s"}).drain.limit, milliseconds(90'000));
  EXPECT_EQ(SettingsOf({"dev", "--drain-limit", "2m"}).drain.limit, milliseconds(120'000));
  EXPECT_EQ(SettingsOf({"dev", "--drain-limit", "24h"}).drain.limit, milliseconds(86'400'000));
}

TEST(Countries, MayBeNone) {
  EXPECT_THAT(SettingsOf({"dev", "--countries-without-sender-ids", ""}).api.countries_without_sender_ids, IsEmpty());
}

TEST(Countries, ReplaceTheDefaults) {
  EXPECT_THAT(SettingsOf({"dev", "--countries-requiring-registration", "IN,DE"}).api.countries_requiring_registration,
              ElementsAre("DE", "IN"));
}

struct BadValue {
  std::string name;
  std::string value;
  std::string allowed;  // what the refusal says
};
void PrintTo(const BadValue& bad, std::ostream* out) { *out << "--" << bad.name << " '" << bad.value << "'"; }

class BadValueTest : public testing::TestWithParam<BadValue> {};

TEST_P(BadValueTest, IsRefusedWithWhatIsAllowed) {
  ExpectRefusal({"dev", "--" + GetParam().name, GetParam().value}, GetParam().allowed);
  ExpectRefusal({"dev", "--" + GetParam().name, GetParam().value}, "--" + GetParam().name);
}

TEST_P(BadValueTest, IsRefusedFromTheEnvironmentToo) {
  if (GetParam().value.empty()) return;  // an empty variable is the same as none
  const Setting setting{GetParam().name, {}, {}};
  const Environment variable(setting.environment(), GetParam().value);
  ExpectRefusal({"dev"}, GetParam().allowed);
}

constexpr const char* kTimes = "must be a time such as 500ms, 5s, 2m or 1h, from 1ms to 24h";

INSTANTIATE_TEST_SUITE_P(
    All, BadValueTest,
    testing::Values(BadValue{"database-connections", "0", "1 to 1000"},
                    BadValue{"database-connections", "1001", "1 to 1000"},
                    BadValue{"database-connections", "many", "1 to 1000"},
                    BadValue{"queue-capacity", "0", "1 to 1000000"}, BadValue{"quota-pools", "0", "1 to 1000000000"},
                    BadValue{"quota-origination-identities-per-pool", "-1", "1 to 1000000000"},
                    BadValue{"quota-phone-numbers", "1.5", "1 to 1000000000"},
                    BadValue{"quota-sender-ids", "99999999999999999999", "1 to 1000000000"},
                    BadValue{"quota-tags-per-resource", "", "1 to 1000000000"},
                    BadValue{"log-level", "loud", "debug,info,warn,error"}, BadValue{"default-deadline", "5", kTimes},
                    BadValue{"default-deadline", "0s", kTimes}, BadValue{"default-deadline", "-5s", kTimes},
                    BadValue{"default-deadline", "soon", kTimes}, BadValue{"default-deadline", "25h", kTimes},
                    BadValue{"default-deadline", "99999999h", kTimes}, BadValue{"greatest-deadline", "0ms", kTimes},
                    BadValue{"drain-limit", "-1ms", "from 0ms to 24h"},
                    BadValue{"number-activation-delay", "1d", "from 0ms to 24h"},
                    BadValue{"pool-deletion-delay", "1.5s", "from 0ms to 24h"},
                    BadValue{"default-account", "12345678901", "must be 12 digits"},
                    BadValue{"default-account", "12345678901a", "must be 12 digits"},
                    BadValue{"default-region", "US-EAST-1", "must be a region's name, such as us-east-1"},
                    BadValue{"help-message", " ", "1 to 1600 characters"},
                    BadValue{"stop-message", std::string(1601, 'x'), "1 to 1600 characters"},
                    BadValue{"countries-without-sender-ids", "GB,usa", "country codes such as GB,FR"},
                    BadValue{"countries-requiring-registration", "GB;FR", "country codes such as GB,FR"}));

// Where who may call is known, where is not theirs to make up.
TEST(Regions, AreTheDefaultOneAloneWhereThereIsAnAccessFile) {
  const std::vector<std::string> serve = {"serve", "--database-url", "postgresql://host/name"};
  const auto regions_of = [](std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return SettingsOf(arguments).api.regions;
  };
  EXPECT_THAT(regions_of(serve, {}), testing::IsEmpty()) << "those of AWS";
  EXPECT_THAT(regions_of(serve, {"--access-file", "a.yaml", "--default-region", "eu-west-2"}),
              testing::ElementsAre("eu-west-2"));
  EXPECT_THAT(regions_of(serve, {"--access-file", "a.yaml", "--regions", "us-east-1,lab-1"}),
              testing::ElementsAre("lab-1", "us-east-1"));
  EXPECT_THAT(regions_of({"dev", "--access-file", "a.yaml"}, {}), testing::IsEmpty());
}

TEST(Regions, MustHaveTheDefaultOne) {
  ExpectRefusal({"dev", "--regions", "eu-west-1"}, "--regions must have --default-region, us-east-1");
  ExpectRefusal({"dev", "--regions", "us-east-1,EU-WEST-1"}, "be names of regions");
}

class SettingsFile : public testing::Test {
 protected:
  std::string Write(const std::string& text) {
    const std::string path = directory_.path() / "poold.yaml";
    std::ofstream(path) << text;
    return path;
  }
  // What it refuses to start with.
  std::string Refusal(const std::string& text) {
    const Parsed parsed = Parse({"config", "--config", Write(text)});
    EXPECT_EQ(parsed.line.exit_code, 2) << text;
    return parsed.err;
  }

  TemporaryDirectory directory_;
};

TEST_F(SettingsFile, SaysWhatNeitherAFlagNorTheEnvironmentSays) {
  const Environment environment("POOLD_QUEUE_CAPACITY", "7");
  const Settings settings = SettingsOf({"dev", "--drain-delay", "3s", "--config",
                                        Write("# a comment\n"
                                              "drain-delay: 5s\n"
                                              "queue-capacity: 5\n"
                                              "log-format: json\n"
                                              "default-account: \"012345678901\"\n"
                                              "help-message: 'Reply #1: \"yes\"'\n")});
  EXPECT_EQ(settings.drain.delay, milliseconds(3000)) << "a flag wins";
  EXPECT_EQ(settings.pipeline.queue_capacity, 7) << "the environment is next";
  EXPECT_EQ(settings.log.format, "json");
  EXPECT_EQ(settings.api.default_account, "012345678901");
  EXPECT_EQ(settings.api.help_message, "Reply #1: \"yes\"");
}

TEST_F(SettingsFile, CanBeNamedByTheEnvironment) {
  const Environment environment("POOLD_CONFIG", Write("queue-capacity: 5\n"));
  EXPECT_EQ(SettingsOf({"dev"}).pipeline.queue_capacity, 5);
}

TEST_F(SettingsFile, IsRefusedWithTheLineThatIsWrong) {
  EXPECT_THAT(Refusal("log-level: info\ngrpc-listn: a:1\n"), HasSubstr("line 2: grpc-listn is no setting"));
  EXPECT_THAT(Refusal("queue-capacity: many\n"), HasSubstr("line 1: --queue-capacity: "));
  EXPECT_THAT(Refusal("drain-delay: 5\n"), HasSubstr("line 1: --drain-delay: must be a time"));
  EXPECT_THAT(Refusal("drain-delay: 5s\ndrain-delay: 6s\n"), HasSubstr("line 2: drain-delay is there twice"));
  EXPECT_THAT(Refusal("log-level: [info]\n"), HasSubstr("log-level needs one value"));
  EXPECT_THAT(Refusal("postgresql://u:s3cret@h/db: x\n"), testing::Not(HasSubstr("s3cret")));
  EXPECT_THAT(Refusal("a: [postgresql://u:s3cret@h/db\n"), testing::Not(HasSubstr("s3cret")));
  EXPECT_THAT(Refusal("config: other.yaml\n"), HasSubstr("config is no setting that a file can have"));
  EXPECT_THAT(Refusal("help: true\n"), HasSubstr("help is no setting"));
  EXPECT_THAT(Refusal("%: {\n"), HasSubstr("poold.yaml"));
  EXPECT_THAT(Refusal("tls-key: key.pem\n"), HasSubstr("--tls-key needs its --tls-certificate"));
  EXPECT_THAT(Parse({"config", "--config", "/nowhere.yaml"}).err, HasSubstr("cannot read /nowhere.yaml"));
}

TEST_F(SettingsFile, IsWhatConfigPrints) {
  const Parsed first = Parse({"config", "--default-account", "012345678901", "--help-message", "a \"b\" \\c # d: é",
                              "--drain-delay", "5s", "--throttle", "2.5"});
  ASSERT_EQ(first.line.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("drain-delay: \"5s\""));
  EXPECT_EQ(Parse({"config", "--config", Write(first.out)}).out, first.out);
}

TEST(ConfigCommand, HidesPasswords) {
  for (const char* url :
       {"postgresql://me:s3cret@host/db", "postgresql://host/db?user=me&password=s3cret&sslmode=disable",
        "host=a password=s3cret user=me", "host=a password = 's3c\\'s3cret' user=me",
        "host=a user=me password=ab&s3cret", "host=a user=me password=ab\\ s3cret",
        "host=a user=me password\t=\ts3cret", "postgresql://me@host/db?%70assword=s3cret"}) {
    const std::string out = Parse({"config", "--database-url", url}).out;
    EXPECT_THAT(out, HasSubstr("password='***'")) << out;
    EXPECT_THAT(out, HasSubstr("user='me'")) << out;
    EXPECT_THAT(out, testing::Not(HasSubstr("s3c"))) << out;
  }
  // Nobody can tell what in it is the password.
  for (const char* url : {"postgresql://me:x@y:s3cret@h/db", "postgresql://me:s3/cret@h/db", "s3cret"}) {
    EXPECT_THAT(Parse({"config", "--database-url", url}).out, HasSubstr("database-url: \"***\""));
  }
}

// The rest of the password would be taken for the host or the database, and shown as such.
TEST(DatabaseUrl, IsRefusedUnshownIfAPasswordEndsInIt) {
  for (const char* url :
       {"postgresql://me:p@s3cret@host/db", "postgres://me:p@s3cret@host:5432/db", "postgresql://me:p@h1,s3cret@h2/db",
        "postgresql://me:12/s3cret@host/db", "host=s3cret@host user=me password=p"}) {
    for (const char* command : {"config", "serve", "migrate", "quota"}) {
      std::vector<std::string> arguments{command};
      if (command == std::string("quota")) {
        arguments.insert(arguments.end(), {"111122223333", "us-east-1", "POOLS_PER_ACCOUNT", "1"});
      }
      arguments.insert(arguments.end(), {"--database-url", url});
      const Parsed parsed = Parse(arguments);
      EXPECT_EQ(parsed.line.exit_code, 2) << url;
      EXPECT_THAT(parsed.err, HasSubstr("write `@` as %40")) << url;
      EXPECT_THAT(parsed.out + parsed.err, testing::Not(HasSubstr("s3cret"))) << url;
    }
  }
}

TEST(DatabaseUrl, MayHaveAnAtWhereOneCanBe) {
  for (const char* url : {"postgresql://me:p%40s3cret@host/db", "postgresql://me%40corp@host/db",
                          "postgresql:///db?host=@abstract,@socket", "host=a dbname=d@b", "host=a password=p@s3cret"}) {
    EXPECT_EQ(SettingsOf({"serve", "--database-url", url}).database.url, url);
  }
}

TEST(ConfigCommand, ShowsWhatIsNoSecretAsItIs) {
  for (const char* url : {"postgresql://h1:5432,h2:5432/db?user=a@b", "host=a user=me"}) {
    EXPECT_THAT(Parse({"config", "--database-url", url}).out, HasSubstr(url));
  }
  EXPECT_THAT(Parse({"config", "--help-message", "Forgot? password=abc"}).out, HasSubstr("password=abc"));
}

TEST(ConfigCommand, ListsEverySettingInTheDocs) {
  std::ifstream file(std::string(kSourceDir) + "/docs/settings.md");
  const std::string docs((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(docs, Parse({"config", "--reference"}).out) << "renew it: poold config --reference >docs/settings.md";
}

TEST(Serve, RefusesAnEnvironmentVariableThatIsNoSetting) {
  const std::vector<std::string> serve{"serve", "--database-url", "host=a"};
  {
    const Environment typo("POOLD_DRAIN_DELY", "5s");
    const Parsed parsed = Parse(serve);
    EXPECT_EQ(parsed.line.exit_code, 2);
    EXPECT_THAT(parsed.err, HasSubstr("POOLD_DRAIN_DELY is no setting"));
    EXPECT_EQ(Parse({"dev"}).line.exit_code, 0)
        << "`dev` runs on desks, where such a variable may be another program's";
  }
  const Environment of_kubernetes("POOLD_PORT_50051_TCP_ADDR", "10.0.0.1");
  const Environment of_kubernetes_too("POOLD_GRPC_SERVICE_HOST", "10.0.0.1");
  const Environment of_kubernetes_as_well("POOLD_PORT", "tcp://10.0.0.1:50051");
  EXPECT_TRUE(Parse(serve).line.command);
  const Environment typo("POOLD_HTTP_PORT", "9");
  EXPECT_EQ(Parse(serve).line.exit_code, 2);
}

}  // namespace
}  // namespace poold
