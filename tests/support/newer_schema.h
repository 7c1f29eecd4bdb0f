#pragma once

#include <string>
#include <vector>

#include "storage/postgres/migrate.h"

namespace poold {

// What a newer build than this one would migrate to: this build's migrations and one that it can do without; then one
// that requires builds which know that one, if `contracted`.
inline std::vector<storage::Migration> NewerMigrations(bool contracted) {
  std::vector<storage::Migration> migrations(storage::BuiltInMigrations().begin(), storage::BuiltInMigrations().end());
  const int next = static_cast<int>(migrations.size()) + 1;
  migrations.push_back({next, "expands", "ALTER TABLE pools ADD COLUMN fresh text"});
  static const std::string contraction = "-- poold: requires " + std::to_string(next) + "\nDROP TABLE tags";
  if (contracted) migrations.push_back({next + 1, "contracts", contraction});
  return migrations;
}

}  // namespace poold
