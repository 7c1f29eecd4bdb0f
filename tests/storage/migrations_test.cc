// What single migrations do to rows that are there, and that the release before them goes on working on the new schema.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "storage/postgres/database.h"
#include "storage/postgres/migrate.h"
#include "tests/support/test_database.h"

namespace poold::storage {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class MigrationsTest : public testing::Test {
 protected:
  // Brings the schema to where it was before this migration, with an account in it.
  void Before(int number) {
    auto migrations = BuiltInMigrations();
    std::vector<Migration> before(migrations.begin(), migrations.begin() + number - 1);
    Migrate(url_, before);
    Execute("INSERT INTO accounts (account_id, region, created_at) VALUES ('111122223333', 'us-east-1', now())");
    Execute(
        "INSERT INTO opt_out_lists (account_id, region, opt_out_list_name, created_at)"
        " VALUES ('111122223333', 'us-east-1', 'Default', now())");
  }

  void MigrateToTheEnd() { Migrate(url_); }

  void Execute(const std::string& sql) {
    database_.Run(Database::Mode::kWrite, Soon(), [&](Transaction& tx) { tx.Run({"execute", sql}); });
  }

  // One column of text.
  std::vector<std::string> Select(const std::string& sql) {
    std::vector<std::string> values;
    database_.Run(Database::Mode::kRead, Soon(), [&](Transaction& tx) {
      values.clear();
      const Rows rows = tx.Run({"select", sql});
      for (const Row row : rows) row.Read(values.emplace_back());
    });
    return values;
  }

  static Bounds Soon() { return {std::chrono::steady_clock::now() + 20s, {}}; }

  const std::string url_ = FreshDatabase(false);
  Database database_{{.url = url_, .connections = 1, .observe = {}}};
};

// As InsertPools of the release before 0007 writes them.
std::string PoolRow(const std::string& id, const std::string& two_way) {
  return "INSERT INTO pools (account_id, region, pool_id, status, message_type, two_way_enabled, two_way_channel_arn,"
         " two_way_channel_role, self_managed_opt_outs_enabled, opt_out_list_account_id, opt_out_list_name,"
         " shared_routes_enabled, deletion_protection_enabled, created_at) VALUES ('111122223333', 'us-east-1', '" +
         id + "', 'ACTIVE', 'TRANSACTIONAL', " + two_way + ", false, '111122223333', 'Default', false, false, now())";
}

TEST_F(MigrationsTest, LetChannelsBeStoredWhileTwoWayIsOff) {
  Before(7);
  Execute(PoolRow("pool-1", "true, 'arn:topic', 'arn:role'"));
  EXPECT_THROW(Execute(PoolRow("pool-2", "false, 'arn:topic', NULL")), StorageFailure);
  MigrateToTheEnd();
  Execute("UPDATE pools SET two_way_enabled = false WHERE pool_id = 'pool-1'");
  Execute(PoolRow("pool-2", "false, 'arn:topic', NULL"));
  // What the release before does.
  Execute(PoolRow("pool-3", "true, 'arn:topic', NULL"));
  Execute(PoolRow("pool-4", "false, NULL, NULL"));
  Execute("UPDATE pools SET two_way_channel_arn = NULL, two_way_channel_role = NULL WHERE pool_id = 'pool-1'");
  for (const char* wrong : {"true, NULL, NULL", "false, NULL, 'arn:role'"}) {
    EXPECT_THROW(Execute(PoolRow("pool-5", wrong)), StorageFailure) << wrong;
  }
  EXPECT_THAT(Select("SELECT conname::text FROM pg_constraint WHERE NOT convalidated"), testing::IsEmpty());
}

TEST_F(MigrationsTest, PutSenderIdsIntoUpperCaseAndLetTheReleaseBeforeWriteItsOwn) {
  Before(9);
  const auto row = [](const std::string& sender_id, const std::string& country) {
    return "INSERT INTO sender_ids (account_id, region, sender_id, iso_country_code, message_types,"
           " monthly_leasing_price, deletion_protection_enabled, registered, created_at) VALUES ('111122223333',"
           " 'us-east-1', '" +
           sender_id + "', '" + country + "', ARRAY['PROMOTIONAL'], '0.00', false, false, now())";
  };
  Execute(row("ExampleCo", "GB"));
  Execute(row("exampleco", "FR"));
  Execute(row("SHOP-1", "GB"));
  Execute(PoolRow("pool-1", "false, NULL, NULL"));
  Execute(
      "INSERT INTO pool_members (account_id, region, pool_id, sender_id_key, iso_country_code)"
      " VALUES ('111122223333', 'us-east-1', 'pool-1', 'exampleco', 'GB')");
  MigrateToTheEnd();
  EXPECT_THAT(Select("SELECT sender_id || '/' || iso_country_code FROM sender_ids ORDER BY 1"),
              ElementsAre("EXAMPLECO/FR", "EXAMPLECO/GB", "SHOP-1/GB"));
  EXPECT_THAT(Select("SELECT sender_id_key FROM sender_ids ORDER BY 1"),
              ElementsAre("exampleco", "exampleco", "shop-1"));
  Execute(row("Another", "GB"));
}

// An operator may have imported any number; a migration neither fails on it nor changes it.
TEST_F(MigrationsTest, LeaveImportedNumbersOfCanadaAsTheyAre) {
  Before(13);
  const std::string found =
      "SELECT number_type || ' ' || monthly_leasing_price || ' ' || fictional FROM inventory_numbers"
      " WHERE phone_number = '+18225550100'";
  Execute(
      "INSERT INTO inventory_numbers (phone_number, iso_country_code, number_type, number_capabilities,"
      " monthly_leasing_price) VALUES ('+18225550100', 'CA', 'LONG_CODE', ARRAY['SMS'], '9.99')");
  MigrateToTheEnd();
  EXPECT_THAT(Select(found), ElementsAre("LONG_CODE 9.99 false"));
  EXPECT_THAT(Select("SELECT number_type || ' ' || count(*) FROM inventory_numbers WHERE iso_country_code = 'CA'"
                     " AND fictional GROUP BY number_type ORDER BY number_type"),
              ElementsAre("LONG_CODE 2000", "SIMULATOR 500", "TOLL_FREE 199"));
}

}  // namespace
}  // namespace poold::storage
