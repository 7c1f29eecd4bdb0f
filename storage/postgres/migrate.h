#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "storage/postgres/database.h"

namespace poold::storage {

// One step of the schema. The rules for writing one are in migrations/README.md.
struct Migration {
  int number;             // 1, 2, 3, ... without gaps
  std::string_view name;  // what follows the number in the file's name, without .sql
  std::string_view sql;   // one or several statements, without BEGIN and COMMIT; comments may begin with `-- poold:`
};

// Those of migrations/*.sql, in order, built into the binary by CMake.
std::span<const Migration> BuiltInMigrations();

// Applies what is missing, oldest first, each in a transaction of its own together with its row in schema_migrations
// (number, name, checksum, applied_at, requires). Returns how many were applied: 0 when nothing was missing, or when
// the database is ahead of this build. Two at once wait for each other; the second finds nothing to do. What a failed
// run applied stays; running again goes on from there.
//
// `progress` is told one sentence per step. Needs a direct connection (no transaction pooler) and a role that may
// create tables. Throws StorageFailure:
//   kUnavailable  the database cannot be reached, or the connection broke; run again
//   kContended    a table's lock wasn't to be had within 10 seconds; run again
//   kBug          a migration failed; or, and then nothing was tried, the numbers have gaps or duplicates, a
//                 `-- poold:` comment is unknown, or a migration was edited after it had been applied
int Migrate(const std::string& database_url, std::function<void(const std::string&)> progress = {});
int Migrate(const std::string& database_url, std::span<const Migration> migrations,
            std::function<void(const std::string&)> progress = {});

enum class SchemaState {
  kReady,   // one that this build knows and needs no more of
  kBehind,  // migrations are missing that this build needs
  kAhead,   // a newer build has migrated it already, and builds like this one still run on it
  kBeyond,  // a newer build has migrated it, and this one is too old for it
  kEmpty,   // never migrated
  kAltered  // what was applied isn't what this build would have applied
};

struct SchemaStatus {
  SchemaState state;
  int found;             // number of the newest applied migration; 0 when empty
  int oldest_supported;  // this build runs on schemas from this number ...
  int newest_supported;  // ... to this, and on newer ones until one of their migrations requires a newer build
  std::string advice;    // one sentence for the operator, naming the command that mends it; empty when ready

  bool usable() const { return state == SchemaState::kReady || state == SchemaState::kAhead; }
};

// Looks at the schema of the database. Throws as Database::Run. Cheap enough to be asked every few seconds.
SchemaStatus CheckSchema(Database& database, const Bounds& bounds);
SchemaStatus CheckSchema(Database& database, const Bounds& bounds, std::span<const Migration> migrations);

// The same for commands that work on the database: throws std::runtime_error with the advice if the schema is not
// usable.
SchemaStatus RequireSchema(Database& database, const Bounds& bounds);

}  // namespace poold::storage
