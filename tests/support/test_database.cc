#include "tests/support/test_database.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <pqxx/pqxx>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "storage/embedded/embedded_postgres.h"
#include "storage/postgres/migrate.h"

namespace poold {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "poold-test-";

// What programs that were killed couldn't remove themselves. The directory's name holds the number of its process.
void RemoveLeftovers() {
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::temp_directory_path(), none)) {
    const std::string name = entry.path().filename().string();
    pid_t pid = 0;
    if (name.starts_with(kPrefix) &&
        std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), pid).ec == std::errc() &&
        kill(pid, 0) != 0 && errno == ESRCH) {
      fs::remove_all(entry.path(), none);
    }
  }
}

class TestServer {
 public:
  TestServer() {
    RemoveLeftovers();
    std::string dir = (fs::temp_directory_path() / kPrefix).string() + std::to_string(getpid()) + "-XXXXXX";
    // 0711 lets the user that runs the database through to its own directory.
    if (mkdtemp(dir.data()) == nullptr || chmod(dir.c_str(), 0711) != 0) {
      throw std::system_error(errno, std::generic_category(), "cannot create " + dir);
    }
    dir_ = dir;
    postgres_ = std::make_unique<storage::EmbeddedPostgres>(storage::EmbeddedPostgres::Options{
        .data_dir = dir, .durable = false, .max_connections = 200, .progress = nullptr, .settings = {}});
    storage::Migrate(postgres_->url());
  }

  ~TestServer() {
    postgres_.reset();
    std::error_code none;
    fs::remove_all(dir_, none);
  }

  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  const storage::EmbeddedPostgres& postgres() const { return *postgres_; }

 private:
  fs::path dir_;
  std::unique_ptr<storage::EmbeddedPostgres> postgres_;
};

const storage::EmbeddedPostgres& Server() {
  static TestServer server;
  return server.postgres();
}

void CreateDatabase(const std::string& name, const std::string& original) {
  pqxx::connection connection(Server().UrlOf("postgres"));
  pqxx::nontransaction(connection).exec("CREATE DATABASE " + name + " TEMPLATE " + original);
}

// A migrated database to copy, which nobody else connects to.
const std::string& MigratedTemplate() {
  static const std::string name = [] {
    CreateDatabase("migrated", "template1");
    storage::Migrate(Server().UrlOf("migrated"));
    return "migrated";
  }();
  return name;
}

}  // namespace

const std::string& TestDatabaseUrl() { return Server().url(); }

std::string FreshDatabase(bool migrated) {
  static std::atomic<int> count{0};
  const std::string name = "fresh_" + std::to_string(++count);
  // A copy costs less than migrating again.
  CreateDatabase(name, migrated ? MigratedTemplate() : "template1");
  return Server().UrlOf(name);
}

std::string NewAccount() {
  static std::atomic<int> count{0};
  char id[13];
  std::snprintf(id, sizeof(id), "%012d", ++count);
  return id;
}

std::string NewCountry() {
  // Those that ISO 3166-1 leaves to its users: XA to XZ and QM to QZ.
  static std::atomic<int> count{0};
  const int next = count++;
  if (next >= 26 + 14) throw std::logic_error("no country codes are left");
  return next < 26 ? std::string("X") + static_cast<char>('A' + next)
                   : std::string("Q") + static_cast<char>('M' + next - 26);
}

}  // namespace poold
