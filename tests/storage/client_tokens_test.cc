#include "storage/client_tokens.h"

#include <gtest/gtest.h>

#include <chrono>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "storage/postgres/database.h"
#include "tests/support/test_database.h"

namespace poold::storage {
namespace {

using namespace std::chrono_literals;

const Scope kScope{"123456789012", "us-east-1"};
const Time kNow = std::chrono::time_point_cast<Time::duration>(std::chrono::system_clock::now());

void Execute(const std::string& url, const std::string& sql) {
  pqxx::connection connection(url);
  pqxx::nontransaction(connection).exec(sql);
}

ClientToken Token(const std::string& token) { return {kScope, "CreatePool", token}; }

// Claims two tokens, uses one of them, and says how many rows were read of the table meanwhile.
int RowsReadToUse(Database& database, const std::string& token) {
  int read = -1;
  database.Run(Database::Mode::kWrite, {std::chrono::steady_clock::now() + 20s, {}}, [&](Transaction& tx) {
    const ClientToken used = Token(token);
    const ClientToken unused = Token("un" + token);
    ClaimClientTokens(tx, {{used, {"hash"}}, {unused, {"hash"}}}, kNow, [](const std::vector<bool>& claimed) {
      EXPECT_EQ(claimed, std::vector<bool>({true, true}));
    });
    ReleaseClientTokens(tx, {unused});
    StoreAnswers(tx, {{used, {"answer of " + token}}});
    tx.Run({"read",
            "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
            " WHERE relname = 'client_tokens'"})[0]
        .Read(read);
  });
  return read;
}

void InsertTokens(const std::string& url, int from, int to) {
  Execute(url,
          "INSERT INTO client_tokens SELECT '123456789012', 'us-east-1', 'CreatePool', 'token-' || n, '', '', now()"
          " FROM generate_series(" +
              std::to_string(from) + ", " + std::to_string(to) + ") AS n");
}

// A quiet night leaves few tokens, and statements planned then are used until the table has been analyzed again.
TEST(ClientTokens, UseReadsFewRowsHoweverFewThereWereWhenThatWasPlanned) {
  const std::string url = FreshDatabase(/*migrated=*/true);
  Execute(url, "VACUUM ANALYZE client_tokens");
  InsertTokens(url, 1, 30);
  Database database({.url = url, .connections = 1, .observe = {}});
  RowsReadToUse(database, "used first");
  InsertTokens(url, 31, 5000);
  EXPECT_LE(RowsReadToUse(database, "used later"), 10);
}

}  // namespace
}  // namespace poold::storage
