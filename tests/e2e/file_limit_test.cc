// What the program makes of the limit of open files that it is started with.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/certificates.h"  // Contents
#include "tests/support/program.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

// The program with this soft and this hard limit.
Program::Options WithFiles(const std::string& soft_and_hard, Program::Options program) {
  const std::vector<std::string> prlimit{"prlimit", "--nofile=" + soft_and_hard, "--"};
  program.command.insert(program.command.begin(), prlimit.begin(), prlimit.end());
  return program;
}

Program::Options Serve(const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"serve",       "--grpc-listen",  "127.0.0.1:0",    "--http-listen",
                                     "127.0.0.1:0", "--database-url", TestDatabaseUrl()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Poold(arguments);
}

TEST(FileLimit, IsRaisedToTheHardOneAndSharedOut) {
  Program server(WithFiles("256:2048", Serve()));
  EXPECT_THAT(server.WaitForLog("open files: "),
              AllOf(HasSubstr("limit=2048"), ContainsRegex("grpc_connections=3[0-9][0-9] "),
                    ContainsRegex("http_connections=9[0-9][0-9] ")));
  ReadyAddress(server);
  EXPECT_THAT(Contents("/proc/" + std::to_string(server.pid()) + "/limits"),
              ContainsRegex("Max open files +2048 +2048 "));
}

TEST(FileLimit, RefusesSettingsThatNeedMoreFiles) {
  const Ran ran = RunToEnd(WithFiles("1024:1024", Serve({"--http-connections", "4096"})));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors,
              AllOf(HasSubstr("--http-connections 4096"), HasSubstr("may open 1024"), HasSubstr("LimitNOFILE")));
}

}  // namespace
}  // namespace poold
