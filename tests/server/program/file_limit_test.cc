#include "server/program/file_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "server/base/settings.h"

namespace poold {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::int64_t kPlenty = 100'000;

Settings Shared(Settings settings, std::int64_t limit) {
  ShareFiles(settings, limit);
  return settings;
}

std::string RefusalOf(Settings settings, std::int64_t limit) {
  try {
    ShareFiles(settings, limit);
  } catch (const std::runtime_error& refused) {
    return refused.what();
  }
  return "was shared out";
}

// All that connections may take at once.
std::int64_t FilesOf(const Settings& settings) {
  return kFilesOfGrpcConnection * std::int64_t{settings.grpc.connections} +
         (settings.http.listen == "off" ? 0 : settings.http.connections) +
         (settings.grpc.health_listen == "off" ? 0 : kFilesOfHealth) + settings.pipeline.database_connections +
         kReservedFiles;
}

TEST(FileLimit, GivesTheUsualSharesWhereThereArePlenty) {
  const Settings shared = Shared({}, kPlenty);
  EXPECT_EQ(shared.grpc.connections, kUsualGrpcConnections);
  EXPECT_EQ(shared.http.connections, kUsualHttpConnections);
  EXPECT_EQ(shared.grpc.connections_per_address, Settings().grpc.connections_per_address);
  EXPECT_EQ(shared.http.connections_per_address, Settings().http.connections_per_address);
}

TEST(FileLimit, IsNeverExceeded) {
  for (const char* listen : {"127.0.0.1:0", "off"}) {
    for (std::int64_t limit = 330; limit < 9000; limit += 7) {
      Settings settings;
      settings.http.listen = settings.grpc.health_listen = listen;
      const Settings shared = Shared(settings, limit);
      ASSERT_LE(FilesOf(shared), limit);
      ASSERT_GE(shared.grpc.connections, kFewestConnections) << limit;
      ASSERT_TRUE(settings.http.listen == "off" || shared.http.connections >= kFewestConnections) << limit;
    }
  }
}

// As on a machine whose hard limit is as low as its soft one.
TEST(FileLimit, LeavesRoomForOtherAddressesWhereThereAreFew) {
  const Settings shared = Shared({}, 1024);
  EXPECT_GT(shared.grpc.connections, 100);
  EXPECT_GT(shared.http.connections, 300);
  EXPECT_EQ(shared.grpc.connections_per_address, shared.grpc.connections / 2);
  EXPECT_EQ(shared.http.connections_per_address, shared.http.connections / 2);
}

TEST(FileLimit, GivesToGrpcWhatHttpDoesNotNeed) {
  Settings settings;
  settings.http.listen = "off";
  EXPECT_GT(Shared(settings, 1024).grpc.connections, 290);
  settings.http.listen = "127.0.0.1:0";
  settings.http.connections = 20;
  EXPECT_GT(Shared(settings, 1024).grpc.connections, 280);
}

TEST(FileLimit, KeepsWhatIsSet) {
  Settings settings;
  settings.grpc.connections = 100;
  settings.grpc.connections_per_address = 90;
  settings.http.connections = 500;
  settings.http.connections_per_address = 500;
  const Settings shared = Shared(settings, 1024);
  EXPECT_EQ(shared.grpc.connections, 100);
  EXPECT_EQ(shared.grpc.connections_per_address, 90);
  EXPECT_EQ(shared.http.connections, 500);
  EXPECT_EQ(shared.http.connections_per_address, 500);
}

TEST(FileLimit, RefusesWhatIsSetBeyondIt) {
  Settings settings;
  settings.grpc.connections = 300;
  settings.pipeline.database_connections = 50;
  EXPECT_THAT(RefusalOf(settings, 1024),
              AllOf(HasSubstr("--grpc-connections 300 (3 files each)"),
                    HasSubstr("--database-connections 50 and 64 files for everything else"),
                    HasSubstr("need 1030 open files"), HasSubstr("may open 1024"), HasSubstr("ulimit -n"),
                    HasSubstr("LimitNOFILE"), testing::Not(HasSubstr("--http-connections"))));
  settings = Settings();
  settings.http.connections = 4096;
  EXPECT_THAT(RefusalOf(settings, 1024), HasSubstr("--http-connections 4096"));
  settings.http.listen = "off";
  EXPECT_EQ(RefusalOf(settings, 1024), "was shared out") << "nobody uses them";
  settings.pipeline.database_connections = 2000;
  EXPECT_THAT(RefusalOf(settings, 1024), HasSubstr("--database-connections 2000"));
}

TEST(FileLimit, RefusesToStartWhereNothingWouldBeLeft) { EXPECT_THAT(RefusalOf({}, 128), HasSubstr("may open 128")); }

}  // namespace
}  // namespace poold
