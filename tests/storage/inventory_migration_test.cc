// What the migration that marks the fictional numbers makes of an inventory that is in use.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <pqxx/pqxx>
#include <span>
#include <string>
#include <vector>

#include "storage/inventory.h"
#include "storage/postgres/database.h"
#include "storage/postgres/migrate.h"
#include "tests/support/test_database.h"

namespace poold::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// How a release without the mark imports and hands out.
constexpr const char* kImport =
    "INSERT INTO inventory_numbers"
    " (phone_number, iso_country_code, number_type, number_capabilities, monthly_leasing_price)"
    " SELECT phone_number, country, type, string_to_array(capabilities, '|'), price"
    " FROM (VALUES ";
constexpr const char* kImportEnd =
    ") AS number (phone_number, country, type, capabilities, price)"
    " ON CONFLICT ON CONSTRAINT inventory_numbers_pkey DO UPDATE SET"
    "   iso_country_code = excluded.iso_country_code, number_type = excluded.number_type,"
    "   number_capabilities = excluded.number_capabilities, monthly_leasing_price = excluded.monthly_leasing_price";
constexpr const char* kTake =
    "UPDATE inventory_numbers SET held_by = '111122223333' WHERE phone_number = ("
    "  SELECT phone_number FROM inventory_numbers"
    "  WHERE iso_country_code = 'US' AND number_type = 'LONG_CODE' AND held_by IS NULL"
    "    AND number_capabilities @> ARRAY['SMS']"
    "  ORDER BY released_at NULLS FIRST, phone_number LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING phone_number";

class FictionalNumbersMigration : public testing::Test {
 protected:
  // The schema as it is before the numbers are marked.
  FictionalNumbersMigration() {
    std::vector<Migration> before;
    for (const Migration& migration : BuiltInMigrations()) {
      if (migration.name == "fictional_numbers") break;
      before.push_back(migration);
    }
    EXPECT_LT(before.size(), BuiltInMigrations().size());
    Migrate(url_, before);
  }

  std::vector<std::string> Ask(const std::string& sql) {
    pqxx::connection connection(url_);
    std::vector<std::string> answers;
    for (const auto& row : pqxx::nontransaction(connection).exec(sql)) answers.emplace_back(row[0].c_str());
    return answers;
  }

  void Import(const std::string& values) { Ask(kImport + values + kImportEnd); }

  const std::string url_ = FreshDatabase(false);
};

TEST_F(FictionalNumbersMigration, MarksWhatNobodyImported) {
  Import(
      "('+34600000001', 'ES', 'LONG_CODE', 'SMS', '1.00'),"
      // In the ranges: with another price, another type, another country, and with the same values as before.
      "('+12015550100', 'US', 'LONG_CODE', 'MMS|SMS|VOICE', '1.50'),"
      "('+12015550101', 'US', 'TEN_DLC', 'MMS|SMS|VOICE', '1.00'),"
      "('+12015550102', 'CA', 'LONG_CODE', 'MMS|SMS|VOICE', '1.00'),"
      "('+12015550103', 'US', 'LONG_CODE', 'SMS', '1.00'),"
      "('+12015550104', 'US', 'LONG_CODE', 'MMS|SMS|VOICE', '1.00'),"
      // Of an area code that the ranges don't have.
      "('+14645550100', 'US', 'LONG_CODE', 'MMS|SMS|VOICE', '1.00')");
  EXPECT_THAT(Ask(kTake), ElementsAre("+12015550100"));
  const auto all = Ask("SELECT count(*) FROM inventory_numbers");
  Migrate(url_);

  EXPECT_THAT(
      Ask("SELECT phone_number FROM inventory_numbers WHERE NOT fictional ORDER BY 1"),
      ElementsAre("+12015550100", "+12015550101", "+12015550102", "+12015550103", "+14645550100", "+34600000001"));
  EXPECT_THAT(Ask("SELECT held_by FROM inventory_numbers WHERE phone_number = '+12015550100'"),
              ElementsAre("111122223333"));
  EXPECT_THAT(Ask("SELECT count(*) FROM inventory_numbers WHERE phone_number LIKE '+1201555010%' AND fictional"),
              ElementsAre("6"));
}

TEST_F(FictionalNumbersMigration, MarksAllNumbersOfAnInventoryThatNobodyTouched) {
  Migrate(url_);
  EXPECT_THAT(Ask("SELECT phone_number FROM inventory_numbers WHERE NOT fictional LIMIT 5"), IsEmpty());
}

TEST_F(FictionalNumbersMigration, MarksNumbersThatAnAccountHas) {
  const std::string held = Ask(kTake).at(0);
  Migrate(url_);
  EXPECT_THAT(Ask("SELECT fictional FROM inventory_numbers WHERE phone_number = '" + held + "'"), ElementsAre("t"));
}

TEST_F(FictionalNumbersMigration, LetsTheReleaseBeforeGoOn) {
  Migrate(url_);
  EXPECT_THAT(Ask(kTake), ElementsAre("+12015550100"));
  Import("('+34600000001', 'ES', 'LONG_CODE', 'SMS', '1.00')");
  EXPECT_THAT(Ask("SELECT fictional FROM inventory_numbers WHERE phone_number = '+34600000001'"), ElementsAre("f"));
}

}  // namespace
}  // namespace poold::storage
