// Whether the schema can be distributed over several machines by account, as Citus does it (docs/operations.md): asked
// of the catalogue of a migrated database. What doesn't fit is named here, with the reason why it may not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <pqxx/pqxx>
#include <set>
#include <string>

#include "tests/support/test_database.h"

namespace poold::storage {
namespace {

using testing::IsEmpty;
using Reasons = std::map<std::string, std::string>;

const Reasons kOnOneMachine = {
    {"inventory_numbers", "a number is handed out once, whoever asks: all accounts take from one stock"},
    {"secrets", "keys that all replicas share; read when a server starts, written by migrations alone"},
    {"schema_migrations", "which migrations were applied, to all machines alike"},
};

const Reasons kForeignKeysBetweenAccounts = {
    {"pool_uses_an_opt_out_list", "the list may be one that another account shares, and then lies elsewhere"},
    {"phone_number_uses_an_opt_out_list", "likewise"},
};

const Reasons kIndexesAcrossAccounts = {
    {"client_tokens_by_age", "housekeeping, which takes what is due wherever it is"},
    {"opted_in_numbers_by_age", "housekeeping"},
    {"pools_being_deleted", "housekeeping"},
    {"phone_numbers_pending", "housekeeping"},
    {"resource_grants_by_consumer", "what other accounts share with one: a question to every machine"},
    {"pools_by_opt_out_list", "whether any account still uses a shared list: a question to every machine"},
    {"phone_numbers_by_opt_out_list", "likewise"},
};

std::set<std::string> Names(const std::string& sql) {
  pqxx::connection connection(TestDatabaseUrl());
  pqxx::nontransaction look(connection);
  std::set<std::string> names;
  for (const auto& row : look.exec(sql)) names.insert(row[0].as<std::string>());
  return names;
}

std::set<std::string> NamesIn(const Reasons& reasons) {
  std::set<std::string> names;
  for (const auto& [name, reason] : reasons) names.insert(name);
  return names;
}

// Tables of accounts' things, and those of their columns that say whose they are.
constexpr char kDistributed[] =
    "WITH distributed AS ("
    "  SELECT pg_class.oid AS table_oid, relname, attnum AS account FROM pg_class"
    "  JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'account_id' AND attnotnull"
    "  WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace) ";

TEST(Distribution, EachTableHasAnAccountOrAReasonToBeOnOneMachine) {
  EXPECT_EQ(Names(std::string(kDistributed) +
                  "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
                  " AND oid NOT IN (SELECT table_oid FROM distributed)"),
            NamesIn(kOnOneMachine));
}

TEST(Distribution, EachDistributedTableHasAPrimaryKey) {
  EXPECT_THAT(Names(std::string(kDistributed) +
                    "SELECT relname FROM distributed"
                    " WHERE NOT EXISTS (SELECT FROM pg_index WHERE indrelid = table_oid AND indisprimary)"),
              IsEmpty());
}

// A machine can only see to what is unique among its own rows.
TEST(Distribution, EachUniqueKeyBeginsWithTheAccount) {
  EXPECT_THAT(Names(std::string(kDistributed) +
                    "SELECT indexrelid::regclass::text FROM pg_index JOIN distributed ON indrelid = table_oid"
                    " WHERE indisunique AND indkey[0] <> account"),
              IsEmpty());
}

// A machine can only look up what a row refers to if both are of the same account.
TEST(Distribution, EachForeignKeyPairsTheAccountsOrHasAReasonNotTo) {
  EXPECT_EQ(Names(std::string(kDistributed) +
                  "SELECT conname FROM pg_constraint JOIN distributed AS here ON conrelid = here.table_oid"
                  " LEFT JOIN distributed AS there ON confrelid = there.table_oid WHERE contype = 'f'"
                  " AND (there.table_oid IS NULL OR array_position(conkey, here.account) IS NULL OR"
                  "      confkey[array_position(conkey, here.account)] <> there.account)"),
            NamesIn(kForeignKeysBetweenAccounts));
}

// Other indexes tell which statements go to every machine.
TEST(Distribution, EachIndexBeginsWithTheAccountOrHasAReasonNotTo) {
  EXPECT_EQ(Names(std::string(kDistributed) +
                  "SELECT indexrelid::regclass::text FROM pg_index JOIN distributed ON indrelid = table_oid"
                  " WHERE indkey[0] <> account"),
            NamesIn(kIndexesAcrossAccounts));
}

// What Citus can't distribute at all, or only in ways of its own.
TEST(Distribution, NoTriggersExclusionsInheritanceOrRowSecurity) {
  EXPECT_THAT(Names("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
                    " UNION ALL SELECT conname FROM pg_constraint WHERE contype = 'x'"
                    " UNION ALL SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                    " AND (relrowsecurity OR relhassubclass)"),
              IsEmpty());
}

}  // namespace
}  // namespace poold::storage
