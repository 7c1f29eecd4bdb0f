// docs/operations.md, "Roles" and "Backup and restore": its very statements and commands, with the real program, by an
// owner of the tables and a role of the servers that can't change them. What comes back answers as before.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <pqxx/pqxx>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "build_paths.h"
#include "storage/embedded/child_process.h"
#include "storage/embedded/embedded_postgres.h"
#include "tests/support/given.h"
#include "tests/support/grpc_client.h"
#include "tests/support/markdown.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> BlocksUnder(const std::string& section, const std::string& language) {
  std::vector<std::string> texts;
  for (const Block& block : BlocksOf("docs/operations.md")) {
    if (block.section == section && block.language == language) texts.push_back(block.text);
  }
  return texts;
}

std::unique_ptr<Program> Serve(const std::string& database_url) {
  return std::make_unique<Program>(
      Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--fictional-numbers", "--database-url", database_url}));
}

void Stop(Program& server) {
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
}

// The document calls the database and its owner `poold`, as a private PostgreSQL calls its superuser.
constexpr const char* kOwner = "poold_owner";
constexpr const char* kServer = "poold_server";

std::string As(const std::string& role, const std::string& url) {
  return std::regex_replace(url, std::regex("user=poold"), "user=" + role);
}

// Runs the statements of a block of "Roles" as the document has them, one by one.
void RunRolesBlock(const std::string& url, std::size_t block) {
  std::istringstream statements(
      std::regex_replace(BlocksUnder("Roles", "sql").at(block), std::regex("\\bpoold\\b"), kOwner));
  pqxx::connection connection(url);
  for (std::string statement; std::getline(statements, statement, ';');) {
    if (statement.find_first_not_of('\n') == statement.npos) continue;
    pqxx::nontransaction(connection).exec(statement);
  }
}

class Backup : public testing::Test {
 protected:
  Backup() {
    for (const char* name : {"backups", "backups/wal", "restored"}) GiveToPostgres(name);
    variables_["BACKUPS"] = Path("backups");
    variables_["RESTORED"] = Path("restored/postgres");
  }

  std::string Path(const std::string& name) const { return directory_.path() / name; }

  // A directory of whoever runs PostgreSQL here.
  void GiveToPostgres(const std::string& name) const {
    fs::create_directory(Path(name));
    const auto postgres = storage::FindUser("postgres");
    if (geteuid() == 0 && chown(Path(name).c_str(), postgres->uid, postgres->gid) != 0) {
      throw std::system_error(errno, std::generic_category(), name);
    }
  }

  // Runs commands of the document as it says: as that user, with PostgreSQL's programs and ours in the path. Returns
  // what they print.
  std::string Run(const std::string& commands) const {
    Program::Options bash;
    if (geteuid() == 0) bash.command = {"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"};
    bash.command.insert(bash.command.end(),
                        {"bash", "-euo", "pipefail", "-c",
                         "PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1):$PATH\n" + commands});
    bash.environment = variables_;
    bash.working_directory = "/";
    const Ran ran = RunToEnd(bash);
    if (ran.exit_code != 0) throw std::runtime_error(commands + ran.errors);
    return ran.output;
  }

  // The only commands of the section, less those of poold.
  std::string RunSection(const std::string& section) const { return Run(BlocksUnder(section, "sh").at(0)); }

  // Ends the server that the document's commands start.
  struct StopsAtEnd {
    const Backup& test;
    ~StopsAtEnd() {
      try {
        test.Run("pg_ctl --pgdata=\"$RESTORED\" --mode=immediate stop");
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    }
  };

  // What the document says of settings.
  std::vector<std::pair<std::string, std::string>> ArchiveSettings() const {
    const std::string text = BlocksUnder("An archive", "conf").at(0);
    const std::regex line("(\\w+) = '?(.*?)'?\n");
    std::vector<std::pair<std::string, std::string>> settings;
    for (std::sregex_iterator match(text.begin(), text.end(), line), end; match != end; ++match) {
      settings.emplace_back((*match)[1],
                            std::regex_replace((*match)[2].str(), std::regex("\\$BACKUPS"), Path("backups")));
    }
    return settings;
  }

  std::unique_ptr<storage::EmbeddedPostgres> Start(
      const std::string& directory, const std::vector<std::pair<std::string, std::string>>& settings) const {
    return std::make_unique<storage::EmbeddedPostgres>(storage::EmbeddedPostgres::Options{.data_dir = Path(directory),
                                                                                          .durable = false,
                                                                                          .max_connections = 50,
                                                                                          .progress = nullptr,
                                                                                          .settings = settings});
  }

  // A database and its two roles, as "Roles" says, with its tables. Returns the superuser's url of it.
  std::string MakeDatabase(const storage::EmbeddedPostgres& postgres) {
    RunRolesBlock(postgres.url(), 0);
    const std::string url = postgres.UrlOf(kOwner);
    RunRolesBlock(url, 1);
    const Ran migrated = RunToEnd(Poold({"migrate", "--database-url", As(kOwner, url)}));
    EXPECT_EQ(migrated.exit_code, 0) << migrated.errors;
    variables_["DATABASE_URL"] = url;
    variables_["OWNER"] = kOwner;
    return url;
  }

  // Nothing can be changed but rows, and by the owner anything.
  static void ExpectRolesOf(const std::string& url) {
    const Ran refused = RunToEnd(Poold({"migrate", "--database-url", As(kServer, url)}));
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.errors, AllOf(HasSubstr("permission denied for schema public"),
                                      HasSubstr("needs the role that owns the tables")));
    pqxx::connection server(As(kServer, url));
    for (const char* statement : {"CREATE TABLE more (id integer)", "DROP TABLE pools", "TRUNCATE pools",
                                  "ALTER TABLE pools ADD COLUMN more integer", "CREATE INDEX ON pools (status)"}) {
      EXPECT_THROW(pqxx::nontransaction(server).exec(statement), pqxx::insufficient_privilege) << statement;
    }
    pqxx::connection owner(As(kOwner, url));
    pqxx::nontransaction make(owner);
    make.exec("CREATE TABLE of_a_later_migration (id integer)");
    EXPECT_NO_THROW(pqxx::nontransaction(server).exec("INSERT INTO of_a_later_migration VALUES (1)"))
        << "by default privileges";
    make.exec("ALTER TABLE pools ADD COLUMN more integer");
    make.exec("ALTER TABLE pools DROP COLUMN more");
    make.exec("DROP TABLE of_a_later_migration");
  }

  const TemporaryDirectory directory_;
  std::map<std::string, std::string> variables_;
  const std::string account_ = NewAccount();
};

// Pools of the account, with what they are founded on.
void FillAccount(const GrpcClient& client) {
  client.Must<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'");
  for (int i = 0; i < 3; ++i) {
    client.Must<CreatePoolRequest>(
        "origination_identity: 'EXAMPLECO' iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL"
        " client_token: 'token-" +
        std::to_string(i) + "'");
  }
  const std::string number = client
                                 .Must<RequestPhoneNumberRequest>(
                                     "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL "
                                     "number_capabilities: NUMBER_CAPABILITY_SMS"
                                     " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE")
                                 .phone_number_id();
  client.Must<CreatePoolRequest>("origination_identity: '" + number +
                                 "' iso_country_code: 'US'"
                                 " message_type: MESSAGE_TYPE_TRANSACTIONAL");
}

TEST_F(Backup, TheServersRoleCanDoNothingToTables) {
  const auto postgres = Start("original", {});
  const std::string url = MakeDatabase(*postgres);
  ExpectRolesOf(url);
  const auto server = Serve(As(kServer, url));
  const GrpcClient client(ReadyAddress(*server), account_);
  FillAccount(client);
  for (const std::vector<std::string>& command : {std::vector<std::string>{"inventory", "count"},
                                                  {"inventory", "clear", "--fictional"},
                                                  {"quota", account_, "us-east-1", "POOLS_PER_ACCOUNT", "1"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--database-url", As(kServer, url)});
    const Ran ran = RunToEnd(Poold(arguments));
    EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  }
}

TEST_F(Backup, AMissingGrantIsNamedAndTheServerServesAsSoonAsItIsThere) {
  const auto postgres = Start("original", {});
  const std::string url = MakeDatabase(*postgres);
  pqxx::connection owner(As(kOwner, url));
  pqxx::nontransaction(owner).exec("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM poold_server");
  const auto server = Serve(As(kServer, url));
  EXPECT_THAT(server->WaitForLog("the database is not ready"),
              AllOf(HasSubstr("permission denied for table schema_migrations"),
                    HasSubstr("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public")));
  pqxx::nontransaction(owner).exec("GRANT SELECT ON ALL TABLES IN SCHEMA public TO poold_server");
  pqxx::nontransaction(owner).exec(
      "GRANT INSERT, UPDATE, DELETE ON accounts, phone_numbers, secrets, inventory_numbers TO poold_server");
  EXPECT_THAT(server->WaitForLog("the server's role may not read and write"),
              AllOf(HasSubstr(" pools, "), HasSubstr("pool_members"), Not(HasSubstr("accounts,")),
                    HasSubstr("GRANT SELECT, INSERT")));
  EXPECT_THAT(server->output(), Not(HasSubstr("ready")));
  RunRolesBlock(url, 1);
  const GrpcClient client(ReadyAddress(*server), account_);
  FillAccount(client);
}

TEST_F(Backup, ACopyAnswersAsTheOriginal) {
  const auto postgres = Start("original", {});
  const std::string url = MakeDatabase(*postgres);
  variables_["RESTORED_URL"] = postgres->UrlOf("poold_restored");
  variables_["RESTORED_OWNER_URL"] = As(kOwner, variables_["RESTORED_URL"]);
  const auto original = Serve(As(kServer, url));
  const GrpcClient client(ReadyAddress(*original), account_);
  FillAccount(client);
  RunSection("A copy");
  const auto pools = client.Must<DescribePoolsRequest>("");
  const auto numbers = client.Must<DescribePhoneNumbersRequest>("");
  const auto page = client.Must<DescribePoolsRequest>("max_results: 3");
  Stop(*original);

  // `poold` of the document is the one under test.
  const std::string restore = BlocksUnder("Restore a copy", "sh").at(0);
  Run(std::regex_replace(restore, std::regex("\npoold "), "\n" + std::string(kPooldBinary) + " "));
  ExpectRolesOf(variables_["RESTORED_URL"]);
  const auto restored = Serve(As(kServer, variables_["RESTORED_URL"]));
  const GrpcClient again(ReadyAddress(*restored), account_);
  EXPECT_EQ(pools.pools_size(), 4);
  EXPECT_THAT(again.Must<DescribePoolsRequest>(""), EqualsProto(pools));
  EXPECT_THAT(again.Must<DescribePhoneNumbersRequest>(""), EqualsProto(numbers));
  EXPECT_EQ(again.Must<DescribePoolsRequest>("max_results: 3 next_token: '" + page.next_token() + "'").pools_size(), 1)
      << "page tokens go on working";
  EXPECT_EQ(again
                .Must<CreatePoolRequest>("origination_identity: 'EXAMPLECO' iso_country_code: 'GB'"
                                         " message_type: MESSAGE_TYPE_TRANSACTIONAL client_token: 'token-0'")
                .pool_id(),
            pools.pools(0).pool_id())
      << "client tokens answer as before";
}

TEST_F(Backup, ADatabaseGoesBackToBeforeAMistake) {
  const auto postgres = Start("original", ArchiveSettings());
  const std::string url = MakeDatabase(*postgres);
  const auto server = Serve(As(kServer, url));
  const GrpcClient client(ReadyAddress(*server), account_);
  RunSection("An archive");
  FillAccount(client);  // after the base backup
  const auto pools = client.Must<DescribePoolsRequest>("");
  pqxx::connection connection(url);
  variables_["BEFORE_THE_MISTAKE"] = pqxx::nontransaction(connection).exec1("SELECT clock_timestamp()")[0].c_str();

  for (const auto& pool : pools.pools()) client.Must<DeletePoolRequest>("pool_id: '" + pool.pool_id() + "'");
  pqxx::nontransaction(connection)
      .exec(
          "INSERT INTO opted_out_numbers SELECT account_id, region, list_id, '+447700900123', clock_timestamp(), true"
          " FROM opt_out_lists WHERE account_id = '" +
          account_ + "'");
  Stop(*server);

  const std::vector<std::string> steps = BlocksUnder("Back to before a mistake", "sh");
  ASSERT_EQ(steps.size(), 4U);
  std::string last = Run(steps[0]);
  last.erase(last.find_last_not_of('\n') + 1);
  ASSERT_TRUE(Eventually([&] { return fs::exists(Path("backups/wal/" + last)); })) << last;
  // The other server has its socket beside the first one's, which goes on running, as it would without these lines.
  const std::string sockets =
      Run("psql --no-psqlrc -XAtc 'SHOW unix_socket_directories' \"$DATABASE_URL\" | tr -d '\\n'");
  variables_["RESTORED_PORT"] = "5433";
  Run(steps[1]);
  Run("printf \"unix_socket_directories = '" + sockets +
      "'\\nlisten_addresses = ''\\nfsync = off\\n\" >>\"$RESTORED/postgresql.auto.conf\"");
  const std::string restored = std::regex_replace(url, std::regex("port=5432"), "port=5433");
  variables_["RESTORED_URL"] = restored;
  const StopsAtEnd stop{*this};
  Run(steps[2]);
  Run(steps[3]);

  ExpectRolesOf(restored);
  const auto again = Serve(As(kServer, restored));
  EXPECT_EQ(pools.pools_size(), 4);
  EXPECT_THAT(GrpcClient(ReadyAddress(*again), account_).Must<DescribePoolsRequest>(""), EqualsProto(pools));
  pqxx::connection look(restored);
  EXPECT_EQ(pqxx::nontransaction(look).exec("SELECT FROM opted_out_numbers WHERE end_user_opted_out").size(), 1U)
      << "who opted out since then is not forgotten";
}

}  // namespace
}  // namespace poold
