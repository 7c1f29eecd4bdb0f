// The program's commands, as a person or a script types them: what they say and how they exit.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/newer_schema.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::AllOf;
using testing::Field;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

constexpr const char* kNobodyListens = "127.0.0.1:1";

TEST(Version, IsOneLine) {
  const Ran ran = RunToEnd(Poold({"version"}));
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.output, MatchesRegex("poold [0-9]+\\.[0-9]+\\.[0-9]+[^\n]*\n"));
  EXPECT_EQ(RunToEnd(Poold({"--version"})).output, ran.output);
}

TEST(Help, ListsEveryCommandAndEverySettingWithItsEnvironmentVariable) {
  const Ran ran = RunToEnd(Poold({"--help"}));
  EXPECT_EQ(ran.exit_code, 0);
  for (const char* command : {"dev", "serve", "migrate", "health", "version", "inventory", "quota", "seed"}) {
    EXPECT_THAT(ran.output, HasSubstr("\n  " + std::string(command) + " ")) << command;
  }
  for (const char* setting :
       {"--grpc-listen TEXT=127.0.0.1:50051 (Env:POOLD_GRPC_LISTEN)", "--database-url TEXT (Env:POOLD_DATABASE_URL)",
        "--data-dir TEXT=.poold (Env:POOLD_DATA_DIR)", "=25 (Env:POOLD_QUOTA_POOLS)",
        "--drain-limit TIME=10000ms (Env:POOLD_DRAIN_LIMIT)"}) {
    EXPECT_THAT(ran.output, HasSubstr(setting));
  }
}

TEST(Help, OfACommandListsItsArgumentsAndTheSettingsThatItUses) {
  struct Case {
    std::vector<std::string> command;
    std::vector<std::string> parts;
  };
  const Case cases[] = {
      {{"inventory"}, {"\n  inventory import ", "\n  inventory clear "}},
      {{"inventory", "import"}, {"Usage: poold inventory import FILE", "--data-dir"}},
      {{"inventory", "count"}, {"Usage: poold inventory count", "--database-url"}},
      {{"inventory", "list"}, {"Usage: poold inventory list", "  --country ", "  --type "}},
      {{"inventory", "remove"}, {"Usage: poold inventory remove FILE"}},
      {{"inventory", "clear"}, {"Usage: poold inventory clear", "  --fictional "}},
      {{"access", "key"}, {"Usage: poold access key"}},
      {{"dev"}, {"Usage: poold dev", "--data-dir", "--grpc-listen TEXT=127.0.0.1:50051 (Env:POOLD_GRPC_LISTEN)"}},
      {{"quota"}, {"Usage: poold quota ACCOUNT REGION NAME AMOUNT"}},
  };
  for (Case c : cases) {
    c.command.push_back("--help");
    const Ran ran = RunToEnd(Poold(c.command));
    EXPECT_EQ(ran.exit_code, 0);
    for (const std::string& part : c.parts) EXPECT_THAT(ran.output, HasSubstr(part));
    if (c.command[0] != "dev") {
      EXPECT_THAT(ran.output, Not(HasSubstr("--queue-capacity")));
    }
  }
}

TEST(CommandLine, IsRefusedWithASentenceAndExitCodeTwo) {
  struct Case {
    std::vector<std::string> arguments;
    const char* sentence;
  };
  const Case cases[] = {
      {{}, "say what to do: poold dev|serve|"},
      {{"frobnicate"}, "frobnicate"},
      {{"dev", "--frobnicate"}, "--frobnicate"},
      {{"dev", "extra"}, "extra"},
      {{"serve"}, "--database-url"},
      {{"migrate"}, "--database-url"},
      {{"dev", "--database-url", "postgresql:///x"}, "poold serve --database-url"},
      {{"dev", "--log-level", "loud"}, "--log-level"},
      {{"dev", "--quota-pools", "-1"}, "--quota-pools"},
      {{"dev", "--database-connections", "many"}, "--database-connections"},
      {{"dev", "--drain-limit", "10"}, "--drain-limit"},
      {{"dev", "--default-deadline", "60s"}, "--greatest-deadline"},
      {{"dev", "--grpc-listen", "0.0.0.0:0"}, "say --trust-all-callers"},
      {{"migrate", "--database-url", "postgresql://me:p@ss@host/db"}, "write `@` as %40"},
      {{"inventory"}, "inventory import|inventory count"},
      {{"inventory", "import"}, "FILE"},
      {{"inventory", "remove"}, "FILE"},
      {{"inventory", "clear"}, "--fictional"},
      {{"inventory", "list", "--country", "es"}, "--country"},
  };
  for (const Case& c : cases) {
    const Ran ran = RunToEnd(Poold(c.arguments));
    EXPECT_EQ(ran.exit_code, 2) << c.sentence;
    EXPECT_THAT(ran.output + ran.errors, HasSubstr(c.sentence));
    EXPECT_THAT(ran.output + ran.errors, Not(HasSubstr("ready")));
  }
}

TEST(CommandLine, IsHelpedOutByTheEnvironmentAndWinsOverIt) {
  const std::string url = FreshDatabase(false);
  EXPECT_EQ(RunToEnd(Poold({"migrate"}, {{"POOLD_DATABASE_URL", url}})).exit_code, 0);
  EXPECT_EQ(
      RunToEnd(Poold({"migrate", "--database-url", url}, {{"POOLD_DATABASE_URL", "postgresql:///x?host=/nowhere"}}))
          .exit_code,
      0);
  const Ran bad = RunToEnd(Poold({"dev"}, {{"POOLD_QUOTA_POOLS", "few"}}));
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.output + bad.errors, HasSubstr("quota-pools"));
}

TEST(CommandLine, WarnsOfAPasswordThatOtherUsersCanSee) {
  const std::string url = DevDatabaseUrl() + "&password=s3cret";
  const char* warning = "the password in --database-url can be seen by every user of this machine";
  const std::vector<std::vector<std::string>> ways{{"--database-url", url}, {"--database-url=" + url}};
  for (std::vector<std::string> arguments : ways) {
    arguments.insert(arguments.begin(), {"inventory", "count"});
    const Ran ran = RunToEnd(Poold(arguments));
    EXPECT_EQ(ran.exit_code, 0) << ran.errors;
    EXPECT_THAT(ran.errors, AllOf(HasSubstr(warning), Not(HasSubstr("s3cret"))));
  }
  EXPECT_EQ(RunToEnd(Poold({"inventory", "count"}, {{"POOLD_DATABASE_URL", url}})).errors, "");
  EXPECT_EQ(RunToEnd(Poold({"inventory", "count", "--database-url", DevDatabaseUrl()})).errors, "");
}

TEST(HealthCommand, TellsByItsExitCode) {
  const Ran serving = RunToEnd(Poold({"health", DevAddress()}));
  EXPECT_EQ(serving.exit_code, 0);
  EXPECT_EQ(serving.output, DevAddress() + ": SERVING\n");
  EXPECT_EQ(RunToEnd(Poold({"health", "--grpc-listen", DevAddress()})).exit_code, 0)
      << "the server of the same settings";
  EXPECT_EQ(RunToEnd(Poold({"health"}, {{"POOLD_GRPC_LISTEN", DevAddress()}})).exit_code, 0);

  const Ran nobody = RunToEnd(Poold({"health", kNobodyListens}));
  EXPECT_EQ(nobody.exit_code, 1);
  EXPECT_THAT(nobody.output, StartsWith(std::string(kNobodyListens) + ": no answer"));

  Program not_ready(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", FreshDatabase(false)}));
  const Ran not_serving = RunToEnd(Poold({"health", ListeningAddress(not_ready)}));
  EXPECT_EQ(not_serving.exit_code, 1);
  EXPECT_THAT(not_serving.output, HasSubstr(": NOT_SERVING"));
}

TEST(MigrateCommand, SaysWhatItDidAndDoesNothingTheSecondTime) {
  const std::string url = FreshDatabase(false);
  const Ran first = RunToEnd(Poold({"migrate", "--database-url", url}));
  EXPECT_EQ(first.exit_code, 0) << first.errors;
  EXPECT_THAT(first.output, AllOf(HasSubstr("0001_"), HasSubstr("applied ")));
  const Ran second = RunToEnd(Poold({"migrate", "--database-url", url}));
  EXPECT_EQ(second.exit_code, 0);
  EXPECT_EQ(second.output, "the schema is up to date\n");
}

TEST(MigrateCommand, OfAnOlderBuildSaysSoAndThatItCanServe) {
  const std::string url = FreshDatabase(true);
  storage::Migrate(url, NewerMigrations(false));
  const Ran ran = RunToEnd(Poold({"migrate", "--database-url", url}));
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  EXPECT_THAT(ran.output, AllOf(HasSubstr("nothing was applied"), HasSubstr("It can serve"), HasSubstr("update this")));
  EXPECT_THAT(ran.output, Not(HasSubstr("up to date")));
}

TEST(MigrateCommand, OfABuildThatIsTooOldToServeSaysSoAndFails) {
  const std::string url = FreshDatabase(true);
  const std::string newest = std::to_string(storage::BuiltInMigrations().size());
  const std::string next = std::to_string(storage::BuiltInMigrations().size() + 1);
  storage::Migrate(url, NewerMigrations(true));
  const Ran ran = RunToEnd(Poold({"migrate", "--database-url", url}));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, AllOf(StartsWith("poold: "), HasSubstr("requires builds that know migration " + next),
                                HasSubstr("this build knows those up to " + newest + ", so it cannot serve")));
  EXPECT_EQ(ran.output, "");
}

TEST(MigrateCommand, SaysWhyItCannot) {
  const Ran ran = RunToEnd(Poold({"migrate", "--database-url", "postgresql:///x?host=/nowhere"}));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, AllOf(StartsWith("poold: "), HasSubstr("/nowhere")));
}

TEST(ServeCommand, SaysThatThePortIsTaken) {
  const Ran ran = RunToEnd(Poold({"serve", "--grpc-listen", DevAddress(), "--database-url", TestDatabaseUrl()}));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, HasSubstr("poold: cannot listen on " + DevAddress()));
  EXPECT_THAT(ran.output, Not(HasSubstr("ready")));
}

TEST(Quota, OfOneAccountIsSetAndTakenBack) {
  const std::string account = NewAccount();
  const GrpcClient client(DevAddress(), account);
  const auto request = [&](const std::string& sender_id) {
    return client.Call<RequestSenderIdRequest>("sender_id: '" + sender_id + "' iso_country_code: 'GB'");
  };
  const auto set = [&](const std::string& amount) {
    return RunToEnd(
        Poold({"quota", account, "us-east-1", "SENDER_IDS_PER_ACCOUNT", amount, "--data-dir", DevDataDir()}));
  };
  ASSERT_THAT(request("First"), IsOk());
  EXPECT_EQ(set("1").exit_code, 0);
  EXPECT_THAT(request("Second"), IsOverQuota(reason::kSenderIdsPerAccount, 1));
  EXPECT_EQ(set("default").exit_code, 0);
  EXPECT_THAT(request("Second"), IsOk());

  EXPECT_EQ(set("1").errors, "");
  EXPECT_THAT(
      RunToEnd(Poold({"quota", account, "us-esat-1", "POOLS_PER_ACCOUNT", "1", "--data-dir", DevDataDir()})),
      AllOf(Field(&Ran::exit_code, 0), Field(&Ran::errors, HasSubstr("the region us-esat-1 must be a region of AWS"))));
  EXPECT_EQ(set("12abc").exit_code, 2);
  EXPECT_EQ(set("-1").exit_code, 2);
  EXPECT_EQ(RunToEnd(Poold({"quota", "123", "us-east-1", "POOLS_PER_ACCOUNT", "1"})).exit_code, 2);
  EXPECT_EQ(RunToEnd(Poold({"quota", account, "us-east-1", "POOLS", "1"})).exit_code, 2);
}

}  // namespace
}  // namespace poold
