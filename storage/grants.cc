#include "storage/grants.h"

#include <string_view>

#include "storage/postgres/migrate.h"

namespace poold::storage {
namespace {

// Every table that a migration makes.
std::vector<std::string> TablesOfMigrations() {
  constexpr std::string_view kCreate = "CREATE TABLE ";
  std::vector<std::string> names;
  for (const Migration& migration : BuiltInMigrations()) {
    for (std::size_t at = migration.sql.find(kCreate); at != migration.sql.npos;) {
      const std::size_t begin = at + kCreate.size();
      const std::size_t end = migration.sql.find_first_of(" (\n", begin);
      names.emplace_back(migration.sql.substr(begin, end - begin));
      at = migration.sql.find(kCreate, begin);
    }
  }
  return names;
}

}  // namespace

std::vector<std::string> TablesWithoutGrants(Transaction& tx) {
  static constexpr Statement kLacking{
      "grants.lacking",
      "SELECT name FROM unnest($1::text[]) WITH ORDINALITY AS tables (name, place), to_regclass(name) AS table_oid"
      " WHERE NOT (has_table_privilege(table_oid, 'SELECT') AND has_table_privilege(table_oid, 'INSERT')"
      "   AND has_table_privilege(table_oid, 'UPDATE') AND has_table_privilege(table_oid, 'DELETE'))"
      " ORDER BY place"};
  std::vector<std::string> lacking;
  for (const Row row : tx.Run(kLacking, Params(TablesOfMigrations()))) row.Read(lacking.emplace_back());
  return lacking;
}

}  // namespace poold::storage
