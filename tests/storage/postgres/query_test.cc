#include "storage/postgres/query.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "storage/postgres/database.h"
#include "tests/support/test_database.h"

namespace poold::storage {
namespace {

using namespace std::chrono_literals;

std::string Joined(Database& database, ConstantText* constant, const std::string& first, const std::string& second) {
  Query query("query_test.join", constant);
  query.Add("SELECT ?::text", first).Add(" || ").Add("?::text", second);
  std::string joined;
  database.Run(Database::Mode::kRead, {std::chrono::steady_clock::now() + 20s, {}},
               [&](Transaction& tx) { query.Run(tx)[0].Read(joined); });
  return joined;
}

TEST(Query, OfAConstantTextHasParametersOfItsOwn) {
  Database database({.url = FreshDatabase(false), .connections = 1, .observe = {}});
  ConstantText constant;
  EXPECT_FALSE(constant.is_known());
  EXPECT_EQ(Joined(database, &constant, "a", "b"), "ab");
  EXPECT_TRUE(constant.is_known());
  EXPECT_EQ(Joined(database, &constant, "?", "$1"), "?$1");
  EXPECT_EQ(Joined(database, nullptr, "c", "d"), "cd");
}

}  // namespace
}  // namespace poold::storage
