// `poold dev` through its life: stopped, killed, started again. What was acknowledged stays.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <pqxx/pqxx>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/held_rows.h"
#include "tests/support/newer_schema.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kLongCode =
    "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE"
    " number_capabilities: NUMBER_CAPABILITY_SMS";

std::string PoolOf(const std::string& number) {
  return "message_type: MESSAGE_TYPE_TRANSACTIONAL origination_identity: '" + number + "'";
}

Program::Options Dev(const std::string& data_dir) {
  return Poold({"dev", "--grpc-listen", "127.0.0.1:0", "--data-dir", data_dir, "--quota-pools", "100000",
                "--quota-phone-numbers", "100000"});
}

// All the tests here use one data directory, one after the other, as one person's would be used.
class DevProgram : public testing::Test {
 protected:
  static void SetUpTestSuite() { directory_ = std::make_unique<TemporaryDirectory>(); }
  static void TearDownTestSuite() { directory_.reset(); }

  static std::string DataDir() { return directory_->path() / "data"; }

  // Found nowhere in the database: a pool without its member, a number in a pool that doesn't know it, a count that
  // isn't right.
  static std::vector<std::string> HalfDoneThings() {
    pqxx::connection connection(DatabaseUrlIn(DataDir()));
    pqxx::nontransaction look(connection);
    std::vector<std::string> found;
    for (const pqxx::row& row :
         look.exec("SELECT 'pool without a member: ' || pool_id FROM pools WHERE NOT EXISTS"
                   " (SELECT FROM pool_members WHERE pool_members.pool_id = pools.pool_id)"
                   " UNION ALL SELECT 'number that is in a pool by halves: ' || n.phone_number_id FROM phone_numbers n"
                   " LEFT JOIN pool_members m USING (phone_number_id) WHERE n.pool_id IS DISTINCT FROM m.pool_id"
                   " UNION ALL SELECT 'wrong counts: ' || account_id FROM accounts a"
                   " WHERE pools <> (SELECT count(*) FROM pools p WHERE p.account_id = a.account_id)"
                   " OR phone_numbers <> (SELECT count(*) FROM phone_numbers n WHERE n.account_id = a.account_id)"
                   " UNION ALL SELECT 'number that nobody has: ' || phone_number FROM inventory_numbers i"
                   " WHERE held_by IS NOT NULL AND NOT EXISTS"
                   " (SELECT FROM phone_numbers n WHERE n.phone_number = i.phone_number)")) {
      found.push_back(row[0].as<std::string>());
    }
    return found;
  }

  inline static std::unique_ptr<TemporaryDirectory> directory_;
};

TEST_F(DevProgram, KeepsItsDataAcrossAnOrderlyStop) {
  std::string pool;
  {
    Program server(Dev(DataDir()));
    const GrpcClient client(ReadyAddress(server));
    pool = client.Must<CreatePoolRequest>(PoolOf(client.Must<RequestPhoneNumberRequest>(kLongCode).phone_number_id()))
               .pool_id();
    server.Signal(SIGTERM);
    EXPECT_EQ(server.Wait(), 0) << server.errors();
  }
  Program server(Dev(DataDir()));
  const GrpcClient client(ReadyAddress(server));
  EXPECT_EQ(client.Must<DescribePoolsRequest>("pool_ids: '" + pool + "'").pools_size(), 1);
}

TEST_F(DevProgram, StopsOnCtrlC) {
  Program server(Dev(DataDir()));
  ReadyAddress(server);
  const std::string url = DatabaseUrlIn(DataDir());
  server.SignalGroup(SIGINT);
  EXPECT_EQ(server.Wait(), 0) << server.errors();
  EXPECT_THROW(pqxx::connection{url}, pqxx::failure) << "its database stopped with it";
}

TEST_F(DevProgram, LetsRunningCallsEndBeforeItStops) {
  Program server(Dev(DataDir()));
  const GrpcClient client(ReadyAddress(server));
  const std::string number = client.Must<RequestPhoneNumberRequest>(kLongCode).phone_number_id();
  HeldRows held(DatabaseUrlIn(DataDir()), "SELECT FROM phone_numbers WHERE phone_number_id = '" + number + "'");
  auto running = std::async(std::launch::async, [&] { return client.Call<CreatePoolRequest>(PoolOf(number)); });
  ASSERT_TRUE(held.EventuallyWaiting(1));

  server.Signal(SIGTERM);
  server.WaitForLog("draining");
  EXPECT_TRUE(server.Running());
  held.Release();
  EXPECT_THAT(running.get(), IsOk());
  EXPECT_EQ(server.Wait(), 0) << server.errors();
}

TEST_F(DevProgram, DoesNotWaitForeverForACallThatDoesNotEnd) {
  Program::Options options = Dev(DataDir());
  options.command.insert(options.command.end(), {"--drain-limit", "300ms"});
  Program server(options);
  const GrpcClient client(ReadyAddress(server));
  const std::string number = client.Must<RequestPhoneNumberRequest>(kLongCode).phone_number_id();
  HeldRows held(DatabaseUrlIn(DataDir()), "SELECT FROM phone_numbers WHERE phone_number_id = '" + number + "'");
  auto running = std::async(std::launch::async, [&] { return client.Call<CreatePoolRequest>(PoolOf(number)); });
  ASSERT_TRUE(held.EventuallyWaiting(1));
  server.Signal(SIGTERM);
  EXPECT_FALSE(running.get().status.ok());
  EXPECT_EQ(server.Wait(), 0) << server.errors();
}

TEST_F(DevProgram, RefusesADataDirectoryThatIsInUse) {
  Program server(Dev(DataDir()));
  const std::string address = ReadyAddress(server);
  const Ran second = RunToEnd(Dev(DataDir()));
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.errors, AllOf(HasSubstr("is in use by process " + std::to_string(server.pid())),
                                   HasSubstr("or give this one a data directory of its own")));
  EXPECT_THAT(GrpcClient(address).Call<DescribePoolsRequest>(""), IsOk()) << "the first one is as well as before";
}

// A data directory that somebody else prepared: storage/embedded_postgres_trust_test.cc has the rest.
TEST(DevProgramInAPreparedDirectory, OverwritesNothingByALinkForTheAddressOfItsDatabase) {
  const TemporaryDirectory directory;
  const std::filesystem::path data = directory.path() / "data";
  std::filesystem::create_directory(data);
  std::filesystem::permissions(data, std::filesystem::perms(0711));
  std::ofstream(directory.path() / "victim") << "untouched";
  std::filesystem::create_symlink(directory.path() / "victim", data / "database-url");
  Program server(Dev(data));
  ReadyAddress(server);
  std::string text;
  std::getline(std::ifstream(directory.path() / "victim"), text);
  EXPECT_EQ(text, "untouched");
  EXPECT_THAT(DatabaseUrlIn(data), HasSubstr("postgresql:///poold?host="));
}

TEST(DevProgramInAPreparedDirectory, LeadsNoCommandToADatabaseOfOthers) {
  const TemporaryDirectory directory;
  const std::vector<std::vector<std::string>> commands{
      {"inventory", "count"}, {"quota", "111122223333", "us-east-1", "POOLS_PER_ACCOUNT", "1"}};
  const auto errors_of = [&](std::vector<std::string> command) {
    command.insert(command.end(), {"--data-dir", directory.path() / "data"});
    const Ran ran = RunToEnd(Poold(command));
    EXPECT_EQ(ran.exit_code, 1);
    return ran.errors;
  };
  std::filesystem::create_directory(directory.path() / "data");
  std::ofstream(directory.path() / "elsewhere") << DevDatabaseUrl() << '\n';
  std::filesystem::create_symlink(directory.path() / "elsewhere", directory.path() / "data" / "database-url");
  for (const auto& command : commands) EXPECT_THAT(errors_of(command), HasSubstr("database-url is a symbolic link"));
  std::filesystem::remove(directory.path() / "data" / "database-url");
  std::ofstream(directory.path() / "data" / "database-url") << DevDatabaseUrl() << '\n';
  std::filesystem::permissions(directory.path() / "data", std::filesystem::perms(0777));
  for (const auto& command : commands) EXPECT_THAT(errors_of(command), HasSubstr("can be written to by other users"));
}

// Its data were migrated by a newer build since, which this one cannot follow.
TEST(DevProgramOfAnOlderBuild, SaysThatItCannotServeAndEnds) {
  const TemporaryDirectory directory;
  {
    Program server(Dev(directory.path() / "data"));
    ReadyAddress(server);
    storage::Migrate(DatabaseUrlIn(directory.path() / "data"), NewerMigrations(true));
  }
  const Ran ran = RunToEnd(Dev(directory.path() / "data"));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, HasSubstr("so it cannot serve: update this server"));
  EXPECT_THAT(ran.output, Not(HasSubstr("ready")));
}

TEST_F(DevProgram, LosesNothingThatWasAcknowledgedWhenItIsKilled) {
  constexpr int kWriters = 4;
  constexpr std::size_t kEnough = 40;
  struct Acknowledged {
    std::string number;
    std::string pool;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Acknowledged> acknowledged;
  int acknowledged_numbers = 0;
  {
    Program server(Dev(DataDir()));
    const GrpcClient client(ReadyAddress(server), "210987654321");
    std::vector<std::jthread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.emplace_back([&] {
        while (true) {
          const auto number = client.Call<RequestPhoneNumberRequest>(kLongCode);
          if (number.error) return;
          {
            const std::lock_guard lock(mutex);
            ++acknowledged_numbers;
          }
          const auto pool = client.Call<CreatePoolRequest>(PoolOf(number.response.phone_number_id()));
          if (pool.error) return;
          const std::lock_guard lock(mutex);
          acknowledged.push_back({number.response.phone_number_id(), pool.response.pool_id()});
          changed.notify_all();
        }
      });
    }
    {
      std::unique_lock lock(mutex);
      ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(30), [&] { return acknowledged.size() >= kEnough; }));
    }
    server.Signal(SIGKILL);
    EXPECT_EQ(server.Wait(), 128 + SIGKILL);
  }

  Program server(Dev(DataDir()));
  const GrpcClient client(ReadyAddress(server), "210987654321");
  for (const Acknowledged& one : acknowledged) {
    const auto members = client.Call<ListPoolOriginationIdentitiesRequest>("pool_id: '" + one.pool + "'");
    ASSERT_THAT(members, IsOk());
    ASSERT_EQ(members.response.origination_identities_size(), 1);
    EXPECT_EQ(members.response.origination_identities(0).origination_identity(), one.number);
  }
  pqxx::connection connection(DatabaseUrlIn(DataDir()));
  EXPECT_GE(pqxx::nontransaction(connection)
                .exec1("SELECT count(*) FROM phone_numbers WHERE account_id = '210987654321'")
                .at(0)
                .as<int>(),
            acknowledged_numbers);
  EXPECT_THAT(HalfDoneThings(), testing::IsEmpty());

  const std::string number = client.Must<RequestPhoneNumberRequest>(kLongCode).phone_number_id();
  EXPECT_THAT(client.Call<CreatePoolRequest>(PoolOf(number)), IsOk()) << "and it works again";
}

}  // namespace
}  // namespace poold
