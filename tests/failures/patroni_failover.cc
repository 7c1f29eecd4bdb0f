// `make failover`: a service on three PostgreSQL nodes under Patroni with etcd, while the primary is switched over,
// killed, brought back and killed again. Says how many calls were acknowledged, how many failed, and how many were
// lost: with Patroni's synchronous mode none may be. Takes about two minutes; everything listens on loopback, on free
// ports.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/failures/deployment.h"
#include "tests/failures/load.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Of Patroni: as short as it can be. A primary that dies is missed when its key in etcd has expired.
constexpr int kTimeToLive = 20;
constexpr seconds kPatience{90};

// Sockets that take ports from the kernel and hold them until all have been asked for.
std::vector<std::string> FreePorts(int count) {
  std::vector<int> sockets;
  std::vector<std::string> ports;
  for (int i = 0; i < count; ++i) {
    sockets.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(sockets.back(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(sockets.back(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no port is free");
    }
    ports.push_back(std::to_string(ntohs(address.sin_port)));
  }
  for (const int socket : sockets) ::close(socket);
  return ports;
}

// Neither PostgreSQL nor Patroni is run by root.
Program::Options AsPostgres(std::vector<std::string> command, const std::string& directory) {
  if (geteuid() == 0) {
    const std::vector<std::string> become = {"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups",
                                             "--pdeathsig=TERM"};
    command.insert(command.begin(), become.begin(), become.end());
  }
  return {command, {}, directory};
}

// The condition is asked again and again: it is about other programs, which tell nobody.
bool Within(seconds limit, const std::function<bool()>& condition) {
  for (const auto end = Clock::now() + limit; Clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(100));
  }
  return condition();
}

class Node {
 public:
  Node(std::string name, std::string directory, const std::string& etcd_port, std::string port, std::string rest_port)
      : name_(std::move(name)),
        directory_(std::move(directory)),
        port_(std::move(port)),
        rest_port_(std::move(rest_port)) {
    nlohmann::json config = {
        {"scope", "pools"},
        {"name", name_},
        {"restapi", {{"listen", "127.0.0.1:" + rest_port_}, {"connect_address", "127.0.0.1:" + rest_port_}}},
        {"etcd3", {{"host", "127.0.0.1:" + etcd_port}}},
        {"bootstrap",
         {{"dcs",
           {{"ttl", kTimeToLive},
            {"loop_wait", 2},
            {"retry_timeout", 3},
            {"synchronous_mode", true},
            {"postgresql", {{"use_pg_rewind", true}, {"parameters", {{"max_connections", 50}, {"fsync", "off"}}}}}}},
          {"initdb", {{{"encoding", "UTF8"}}, {{"auth", "trust"}}, "no-sync"}},
          {"pg_hba",
           {"local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"}}}},
        {"postgresql",
         {{"listen", "127.0.0.1:" + port_},
          {"connect_address", "127.0.0.1:" + port_},
          {"data_dir", data_dir()},
          {"bin_dir", BinDir()},
          {"pgpass", directory_ + "/" + name_ + ".pgpass"},
          {"parameters", {{"unix_socket_directories", directory_}}},
          {"authentication",
           {{"superuser", {{"username", "postgres"}}},
            {"replication", {{"username", "replicator"}}},
            {"rewind", {{"username", "rewinder"}}}}}}},
    };
    std::ofstream(directory_ + "/" + name_ + ".yaml") << config.dump(2);  // JSON is YAML
    Start();
  }

  void Start() {
    patroni_ = std::make_unique<Program>(AsPostgres({"patroni", directory_ + "/" + name_ + ".yaml"}, directory_));
  }

  // As if its machine had lost its power.
  void Kill() {
    patroni_->Signal(SIGKILL);
    patroni_->Wait();
    pid_t postmaster = 0;
    std::ifstream(data_dir() + "/postmaster.pid") >> postmaster;
    if (postmaster <= 1) throw std::runtime_error(name_ + " has no PostgreSQL");
    kill(postmaster, SIGKILL);
  }

  const std::string& name() const { return name_; }
  const std::string& port() const { return port_; }
  const std::string& rest_port() const { return rest_port_; }
  std::string errors() const { return patroni_->errors(); }

 private:
  std::string data_dir() const { return directory_ + "/" + name_; }

  static std::string BinDir() {
    std::string newest;
    for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql")) {
      if (std::filesystem::exists(version.path() / "bin/initdb"))
        newest = std::max<std::string>(newest, version.path());
    }
    return newest + "/bin";
  }

  const std::string name_;
  const std::string directory_;
  const std::string port_;
  const std::string rest_port_;
  std::unique_ptr<Program> patroni_;
};

class Patroni : public testing::Test {
 protected:
  Patroni() {
    std::filesystem::permissions(directory_.path(), std::filesystem::perms(0777));
    const std::string directory = directory_.path();
    const std::vector<std::string> ports = FreePorts(8);
    const std::string client = "http://127.0.0.1:" + ports[0];
    const std::string peer = "http://127.0.0.1:" + ports[1];
    etcd_ = std::make_unique<Program>(
        AsPostgres({"etcd", "--name", "one", "--data-dir", directory + "/etcd", "--listen-client-urls", client,
                    "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls",
                    peer, "--initial-cluster", "one=" + peer},
                   directory));
    etcd_->WaitForLog("serving insecure client requests");
    for (std::size_t i = 0; i < 3; ++i) {
      nodes_.push_back(std::make_unique<Node>("node" + std::to_string(i + 1), directory, ports[0], ports[2 + 2 * i],
                                              ports[3 + 2 * i]));
    }
    if (!Within(kPatience, [this] { return IsWhole(); })) throw std::runtime_error(nodes_[0]->errors());

    Ask(AdminUrl("postgres"), "CREATE ROLE service LOGIN");
    Ask(AdminUrl("postgres"), "CREATE DATABASE service OWNER service");
    const Ran migrated = RunToEnd(Poold({"migrate", "--database-url", url()}));
    if (migrated.exit_code != 0) throw std::runtime_error(migrated.errors);
    server_ = std::make_unique<Program>(ServiceProgram(url()));
    load_ = std::make_unique<Load>(Load::Options{.address = ReadyAddress(*server_), .deadline = {}});
  }

  ~Patroni() override {
    load_.reset();
    server_.reset();
    nodes_.clear();
    etcd_.reset();
  }

  std::string Hosts() const {
    std::string hosts;
    for (const auto& node : nodes_) hosts += (hosts.empty() ? "" : ",") + ("127.0.0.1:" + node->port());
    return hosts;
  }
  std::string url() const { return "postgresql://service@" + Hosts() + "/service"; }
  std::string AdminUrl(const std::string& database) const {
    return "postgresql://postgres@" + Hosts() + "/" + database + "?target_session_attrs=read-write";
  }

  // What Patroni says of its members; nothing if nobody answers.
  nlohmann::json Members() const {
    for (const auto& node : nodes_) {
      const Ran asked = RunToEnd(
          {{"curl", "--silent", "--max-time", "2", "http://127.0.0.1:" + node->rest_port() + "/cluster"}, {}, {}});
      const auto answer = nlohmann::json::parse(asked.output, nullptr, false);
      if (answer.is_object() && answer.contains("members")) return answer["members"];
    }
    return nlohmann::json::array();
  }
  std::string Leader() const {
    for (const auto& member : Members()) {
      if (member["role"] == "leader" && member["state"] == "running") return member["name"];
    }
    return {};
  }
  Node& Named(const std::string& name) const {
    for (const auto& node : nodes_) {
      if (node->name() == name) return *node;
    }
    throw std::runtime_error("no node is called '" + name + "'");
  }
  // One leads, and one of two others holds everything that it holds.
  bool IsWhole() const {
    int running = 0;
    int leaders = 0;
    int synchronous = 0;
    for (const auto& member : Members()) {
      running += member["state"] == "running" || member["state"] == "streaming" ? 1 : 0;
      leaders += member["role"] == "leader" ? 1 : 0;
      synchronous += member["role"] == "sync_standby" ? 1 : 0;
    }
    return running == 3 && leaders == 1 && synchronous == 1;
  }

  // Does something to the cluster, and waits until another node leads it and the service goes on.
  void Inflict(const std::string& what, const std::function<void(Node& leader)>& inflict) {
    const std::string leader = Leader();
    const Load::Tally before = load_->tally();
    const auto start = Clock::now();
    inflict(Named(leader));
    ASSERT_TRUE(Within(kPatience, [&] {
      const std::string now = Leader();
      return !now.empty() && now != leader;
    })) << what;
    const auto led = Clock::now();
    ASSERT_TRUE(load_->WaitForMore(100, kPatience)) << what;
    const Load::Tally after = load_->tally();
    std::cout << what << ": " << leader << " to " << Leader() << ", which led after "
              << std::chrono::round<milliseconds>(led - start).count() << " ms; " << after.failed - before.failed
              << " attempts failed, " << after.retried - before.retried << " calls were repeated, "
              << after.acknowledged - before.acknowledged << " acknowledged; longest time without one so far "
              << after.longest_gap.count() << " ms" << std::endl;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Program> etcd_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unique_ptr<Program> server_;
  std::unique_ptr<Load> load_;
};

TEST_F(Patroni, LosesNothingThatWasAcknowledged) {
  ASSERT_TRUE(load_->WaitForMore(200));
  Inflict("switchover", [](Node& leader) {
    const Ran asked = RunToEnd(
        {{"curl", "--silent", "--show-error", "--fail", "--request", "POST", "--data",
          R"({"leader": ")" + leader.name() + R"("})", "http://127.0.0.1:" + leader.rest_port() + "/switchover"},
         {},
         {}});
    EXPECT_EQ(asked.exit_code, 0) << asked.output << asked.errors;
  });
  ASSERT_TRUE(Within(kPatience, [this] { return IsWhole(); }));

  Node* killed = nullptr;
  Inflict("killed primary", [&killed](Node& leader) {
    leader.Kill();
    killed = &leader;
  });
  killed->Start();
  ASSERT_TRUE(Within(kPatience, [this] { return IsWhole(); })) << "it comes back as a standby";
  ASSERT_TRUE(load_->WaitForMore(200));

  Inflict("killed primary, again", [](Node& leader) { leader.Kill(); });

  EXPECT_TRUE(server_->Running());
  const Load::Difference difference = load_->Finish();
  const Load::Tally tally = load_->tally();
  std::cout << "in all: " << tally.acknowledged << " acknowledged, " << tally.failed << " attempts failed, "
            << tally.retried << " calls repeated, slowest attempt " << tally.slowest.count() << " ms; "
            << difference.lost << " lost, " << difference.surplus << " twice, " << difference.unfinished
            << " unfinished" << std::endl;
  EXPECT_EQ(difference.lost, 0);
  EXPECT_EQ(difference.surplus, 0);
  EXPECT_EQ(difference.unfinished, 0);
  EXPECT_THAT(tally.unretryable, testing::IsEmpty());
  EXPECT_LT(tally.slowest, kAtMost);
}

}  // namespace
}  // namespace poold
