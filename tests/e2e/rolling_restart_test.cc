// A roll-out under load: two servers of one database behind one name, each restarted three times, a migration
// meanwhile. No caller notices.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <pqxx/pqxx>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "build_paths.h"
#include "storage/postgres/migrate.h"
#include "tests/support/given.h"
#include "tests/support/grpc_client.h"
#include "tests/support/program.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using testing::IsEmpty;

constexpr int kRestarts = 3;  // of each server
constexpr int kWriters = 6;
constexpr int kReaders = 2;
constexpr milliseconds kRhythm{20};  // of each thread's calls: steady load, which leaves the machine to others, too

// How long the load lasts. POOLD_ROLLING_SECONDS shortens it for who can't wait.
std::chrono::seconds Duration() {
  const char* seconds = std::getenv("POOLD_ROLLING_SECONDS");
  return std::chrono::seconds(seconds != nullptr ? std::stoi(seconds) : 60);
}

std::string ReadWhole(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Program::Options Server(const std::string& address, const std::string& database_url) {
  return Poold({"serve", "--grpc-listen", address, "--http-listen", "off", "--database-url", database_url,
                "--drain-delay", "1s", "--drain-limit", "20s", "--max-connection-age", "5s", "--quota-pools",
                "1000000"});
}

// A server that comes back at the same address. Each has a host of its own, so that nobody else takes its port
// meanwhile.
class Replica {
 public:
  Replica(const std::string& host, const std::string& database_url)
      : database_url_(database_url), server_(std::make_unique<Program>(Server(host + ":0", database_url))) {
    address_ = ReadyAddress(*server_);
  }

  const std::string& address() const { return address_; }

  // As a roll-out does: asks it to stop, and starts the next when it has ended.
  void Restart() {
    server_->Signal(SIGTERM);
    EXPECT_EQ(server_->Wait(), 0) << server_->errors();
    EXPECT_THAT(server_->errors(), testing::Not(testing::HasSubstr(" error "))) << address_;
    server_ = std::make_unique<Program>(Server(address_, database_url_));
    ReadyAddress(*server_);
  }

 private:
  const std::string database_url_;
  std::unique_ptr<Program> server_;
  std::string address_;
};

// What callers were told, from all threads.
class Notes {
 public:
  template <class Response>
  bool Went(const std::string& what, const Reply<Response>& reply) {
    ++calls_;
    if (reply.status.ok()) return true;
    const std::lock_guard lock(mutex_);
    failures_.push_back(what + ": " + std::to_string(reply.status.error_code()) + " " + reply.status.error_message());
    return false;
  }
  void PoolIsThere(const std::string& pool_id, int revision) {
    const std::lock_guard lock(mutex_);
    if (!revisions_.emplace(pool_id, revision).second) failures_.push_back(pool_id + " was made twice");
  }
  void PoolChanged(const std::string& pool_id) {
    const std::lock_guard lock(mutex_);
    ++revisions_.at(pool_id);
  }

  int calls() const { return calls_; }
  const std::vector<std::string>& failures() const { return failures_; }
  const std::map<std::string, int>& revisions() const { return revisions_; }

 private:
  std::atomic<int> calls_{0};
  std::mutex mutex_;
  std::vector<std::string> failures_;
  std::map<std::string, int> revisions_;  // of each pool that was acknowledged
};

class RollingRestart : public testing::Test {
 protected:
  // One channel for all callers, as a service has.
  GrpcClient Client(const std::string& account) const {
    static const std::string config = ReadWhole(std::string(kSourceDir) + "/deploy/client/service-config.json");
    grpc::ChannelArguments arguments;
    arguments.SetServiceConfigJSON(config);
    return GrpcClient(grpc::CreateCustomChannel("ipv4:" + addresses_, grpc::InsecureChannelCredentials(), arguments),
                      account);
  }

  // One round of a writer: a pool comes into being, is changed twice and seen.
  void Write(const GrpcClient& client, const std::string& token) {
    const auto created = client.Call<CreatePoolRequest>(
        "origination_identity: 'EXAMPLECO' iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL"
        " client_token: '" +
        token + "'");
    if (!notes_.Went("CreatePool", created)) return;
    const std::string& pool_id = created.response.pool_id();
    notes_.PoolIsThere(pool_id, 1);
    Rest();
    if (notes_.Went("AssociateOriginationIdentity", client.Call<AssociateOriginationIdentityRequest>(
                                                        "pool_id: '" + pool_id +
                                                        "' origination_identity: 'OTHERCO' iso_country_code: 'GB'"
                                                        " client_token: 'a" +
                                                        token + "'"))) {
      notes_.PoolChanged(pool_id);
    }
    Rest();
    if (notes_.Went("UpdatePool",
                    client.Call<UpdatePoolRequest>("pool_id: '" + pool_id + "' shared_routes_enabled: true"))) {
      notes_.PoolChanged(pool_id);
    }
    Rest();
    const auto seen = client.Call<DescribePoolsRequest>("pool_ids: '" + pool_id + "'");
    if (notes_.Went("DescribePools", seen)) {
      EXPECT_EQ(seen.response.pools(0).revision(), 3);
    }
    Rest();
  }

  void Read(const GrpcClient& client) {
    notes_.Went("DescribePools", client.Call<DescribePoolsRequest>("max_results: 5"));
    Rest();
  }

  void Rest() { std::this_thread::sleep_for(kRhythm); }

  std::vector<std::jthread> Load(const std::string& account, Clock::time_point end) {
    std::vector<std::jthread> callers;
    const auto client = std::make_shared<GrpcClient>(Client(account));
    for (int i = 0; i < kWriters; ++i) {
      callers.emplace_back([=, this] {
        for (int round = 0; Clock::now() < end; ++round) {
          Write(*client, "token-" + std::to_string(i) + "-" + std::to_string(round));
        }
      });
    }
    for (int i = 0; i < kReaders; ++i) {
      callers.emplace_back([=, this] {
        while (Clock::now() < end) Read(*client);
      });
    }
    return callers;
  }

  // What the next release might bring: its migration is recorded as any, and this build doesn't know it.
  void MigrateToTheNextRelease() const {
    std::vector<storage::Migration> next(storage::BuiltInMigrations().begin(), storage::BuiltInMigrations().end());
    next.push_back({static_cast<int>(next.size()) + 1, "next_release",
                    "ALTER TABLE pools ADD COLUMN next_release text; ALTER TABLE pools ADD COLUMN another integer"
                    " NOT NULL DEFAULT 1; CREATE TABLE next_release (id integer PRIMARY KEY)"});
    EXPECT_EQ(storage::Migrate(url_, next), 1);
  }

  std::map<std::string, int> PoolsOf(const std::string& account) const {
    pqxx::connection connection(url_);
    pqxx::nontransaction look(connection);
    std::map<std::string, int> revisions;
    for (const auto& row : look.exec("SELECT pool_id, revision FROM pools WHERE account_id = " + look.quote(account))) {
      revisions.emplace(row[0].as<std::string>(), row[1].as<int>());
    }
    return revisions;
  }

  const std::string url_ = FreshDatabase(false);
  std::string addresses_;
  Notes notes_;
};

TEST_F(RollingRestart, UnderLoadAndAcrossMigrationsFailsNoCallAndLosesOrDoublesNoWrite) {
  // The oldest schema that this build runs on.
  storage::Database database({.url = url_, .connections = 1, .observe = {}});
  const auto known = storage::BuiltInMigrations();
  const storage::SchemaStatus range = storage::CheckSchema(database, {Clock::now() + std::chrono::seconds(20), {}});
  storage::Migrate(url_, known.first(static_cast<std::size_t>(range.oldest_supported)));

  Replica first("127.0.0.2", url_);
  Replica second("127.0.0.3", url_);
  addresses_ = first.address() + "," + second.address();
  const std::string account = NewAccount();
  const GrpcClient owner(first.address(), account);
  for (const char* sender_id : {"EXAMPLECO", "OTHERCO"}) {
    owner.Must<RequestSenderIdRequest>("sender_id: '" + std::string(sender_id) + "' iso_country_code: 'GB'");
  }

  const auto start = Clock::now();
  const auto end = start + Duration();
  std::vector<std::jthread> callers = Load(account, end);
  const std::vector<std::function<void()>> steps = {
      [&] { first.Restart(); },
      [&] { second.Restart(); },
      [&] {
        EXPECT_EQ(RunToEnd(Poold({"migrate", "--database-url", url_})).exit_code, 0);
      },
      [&] { first.Restart(); },
      [&] { second.Restart(); },
      [&] { MigrateToTheNextRelease(); },
      [&] { first.Restart(); },
      [&] { second.Restart(); },
  };
  static_assert(kRestarts == 3);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::this_thread::sleep_until(start + Duration() * (i + 1) / (steps.size() + 2));
    steps[i]();
  }
  EXPECT_LT(Clock::now(), end) << "the load ended before the roll-outs did";
  callers.clear();

  EXPECT_THAT(notes_.failures(), IsEmpty());
  EXPECT_EQ(PoolsOf(account), notes_.revisions());
  EXPECT_GT(notes_.revisions().size(), 10U * static_cast<std::size_t>(Duration().count()));
  std::cout << notes_.calls() << " calls, " << notes_.revisions().size() << " pools\n";
}

}  // namespace
}  // namespace poold
