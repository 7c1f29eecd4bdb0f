#include "storage/postgres/migrate.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <pqxx/pqxx>
#include <sstream>
#include <vector>

#include "storage/postgres/connection_parameters.h"
#include "storage/postgres/database_url.h"
#include "storage/postgres/failure.h"

namespace poold::storage {
namespace {

using Kind = StorageFailure::Kind;

// Whoever migrates this database holds the session lock of this number ("poold").
const std::string kLock = std::to_string(0x706f6f6c64);

// What a migration says of the builds that run on the schemas before and after it: migrations/README.md, rule 5.
constexpr std::string_view kWord = "-- poold: ";
constexpr std::string_view kOptional = "optional";
constexpr std::string_view kRequires = "requires ";

// A statement that waits for a table's lock makes everybody else queue behind it. Better to fail and be run again.
constexpr const char* kLimitLockWaits = "SET LOCAL lock_timeout = '10s'";

constexpr const char* kCreateTable = R"sql(
  CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY CHECK (number > 0),
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    requires integer
  )
)sql";

constexpr Statement kTableExists{"schema_migrations exists", "SELECT to_regclass('schema_migrations') IS NOT NULL"};
// By way of JSON, since the column may not be there.
constexpr Statement kList{"list migrations",
                          "SELECT number, name, checksum, (to_jsonb(schema_migrations) ->> 'requires')::integer "
                          "FROM schema_migrations ORDER BY number"};
constexpr Statement kChecksums{"migration checksums",
                               "SELECT encode(sha256(convert_to(sql, 'UTF8')), 'hex') "
                               "FROM unnest($1::text[]) WITH ORDINALITY AS texts (sql, place) ORDER BY place"};

struct Applied {
  int number;
  std::string name;
  std::string checksum;
  std::optional<int> requires_build;  // servers must know the migration of this number
};

struct Compatibility {
  bool optional = false;
  std::optional<int> requires_build;
};

std::string FileName(int number, std::string_view name) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%04d_", number);
  return digits + std::string(name);
}

Compatibility CompatibilityOf(const Migration& migration) {
  Compatibility said;
  std::istringstream text{std::string(migration.sql)};
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with(kWord)) continue;
    const std::string word = line.substr(kWord.size());
    int number = 0;
    if (word == kOptional) {
      said.optional = true;
    } else if (word.starts_with(kRequires) && (std::istringstream(word.substr(kRequires.size())) >> number) &&
               number >= 1 && number < migration.number) {
      said.requires_build = number;
    } else {
      throw StorageFailure(Kind::kBug, "migration " + FileName(migration.number, migration.name) + " says \"" + line +
                                           "\", which is neither optional nor requires an earlier migration");
    }
  }
  return said;
}

void RequireCountingUp(std::span<const Migration> migrations) {
  int expected = 1;
  for (const Migration& migration : migrations) {
    if (migration.number != expected) {
      throw StorageFailure(Kind::kBug,
                           "migrations must be numbered 1, 2, 3, ...: " + FileName(migration.number, migration.name) +
                               " stands where " + std::to_string(expected) + " belongs");
    }
    ++expected;
  }
}

std::vector<Applied> ReadApplied(const Rows& rows) {
  std::vector<Applied> applied;
  for (const Row row : rows) {
    Applied& one = applied.emplace_back();
    row.Read(one.number, one.name, one.checksum, one.requires_build);
  }
  return applied;
}

// What is wrong with what was applied, according to this build; nullopt if nothing is wrong.
std::optional<std::string> Altered(std::span<const Migration> migrations, const std::vector<std::string>& checksums,
                                   const std::vector<Applied>& applied) {
  int expected = 1;
  for (const Applied& one : applied) {
    if (one.number != expected) {
      return "schema_migrations has no row for migration " + std::to_string(expected) +
             " though later ones were applied";
    }
    const auto index = static_cast<std::size_t>(expected - 1);
    if (index < migrations.size() && one.checksum != checksums[index]) {
      return "migration " + FileName(one.number, one.name) + " was edited after it had been applied";
    }
    ++expected;
  }
  return std::nullopt;
}

// Checksums never change for a text, so they are asked for once.
std::vector<std::string> KnownChecksums(Transaction& tx, std::span<const Migration> migrations) {
  static std::mutex mutex;
  static std::map<std::string, std::string, std::less<>> known;

  std::vector<std::string> checksums;
  {
    const std::lock_guard lock(mutex);
    for (const Migration& migration : migrations) {
      const auto found = known.find(migration.sql);
      if (found == known.end()) break;
      checksums.push_back(found->second);
    }
  }
  if (checksums.size() == migrations.size()) return checksums;

  Params texts;
  texts.AddArray(migrations, &Migration::sql);
  checksums.clear();
  for (const Row row : tx.Run(kChecksums, texts)) row.Read(checksums.emplace_back());
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < migrations.size(); ++i) known.emplace(migrations[i].sql, checksums[i]);
  return checksums;
}

// Of the newest migrations this build can do without those that say so; the last that doesn't, it needs.
int OldestSupported(std::span<const Migration> migrations) {
  while (!migrations.empty() && CompatibilityOf(migrations.back()).optional) {
    migrations = migrations.first(migrations.size() - 1);
  }
  return static_cast<int>(migrations.size());
}

// libpqxx 6 leaves out the SQLSTATE of some failures, which only their types tell apart.
StorageFailure FailureOf(const pqxx::failure& failure, const std::string& doing, const std::string& result = {}) {
  std::string text = failure.what();
  while (text.ends_with('\n')) text.pop_back();
  text = doing + ": " + text + result;
  if (dynamic_cast<const pqxx::insufficient_privilege*>(&failure) != nullptr) {
    return {Kind::kBug, "`poold migrate` needs the role that owns the tables (docs/operations.md, Roles): " + text,
            kInsufficientPrivilege};
  }
  if (dynamic_cast<const pqxx::transaction_rollback*>(&failure) != nullptr) return {Kind::kContended, text};
  if (const auto* error = dynamic_cast<const pqxx::sql_error*>(&failure)) {
    return {KindOfSqlstate(error->sqlstate()), text, error->sqlstate()};
  }
  return {Kind::kUnavailable, text};
}

// By libpqxx, on a connection without limits of time: a migration takes what it takes.
class Migrating {
 public:
  Migrating(const std::string& connection_string, const std::function<void(const std::string&)>& progress)
      : connection_(connection_string), progress_(progress) {}

  // Until the connection is closed, or Unlock.
  void Lock() {
    pqxx::nontransaction tx(connection_);
    if (tx.exec("SELECT pg_try_advisory_lock(" + kLock + ")")[0][0].as<bool>()) return;
    Say("Another migration of this database is running; waiting for it to end.");
    tx.exec("SELECT pg_advisory_lock(" + kLock + ")");
  }

  // The server ends the session a little after the connection was closed here, so the lock is given back first.
  void Unlock() { pqxx::nontransaction(connection_).exec("SELECT pg_advisory_unlock(" + kLock + ")"); }

  // Makes schema_migrations as this build needs it.
  void MakeTable() {
    pqxx::work tx(connection_);
    tx.exec(kLimitLockWaits);
    tx.exec("SET LOCAL client_min_messages = warning");  // else the server says that the table is there already
    // Also where the table is there: PostgreSQL then refuses a role that may not change the schema.
    tx.exec(kCreateTable);
    const pqxx::result requires_build =
        tx.exec("SELECT FROM pg_attribute WHERE attrelid = 'schema_migrations'::regclass AND attname = 'requires'");
    // Databases that were first migrated by an early build have no such column.
    if (requires_build.empty()) tx.exec("ALTER TABLE schema_migrations ADD COLUMN requires integer");
    tx.commit();
  }

  std::vector<Applied> ListApplied() {
    std::vector<Applied> applied;
    for (const auto& row : pqxx::nontransaction(connection_).exec(std::string(kList.sql))) {
      Applied& one = applied.emplace_back();
      one.number = row[0].as<int>();
      one.name = row[1].c_str();
      one.checksum = row[2].c_str();
      if (!row[3].is_null()) one.requires_build = row[3].as<int>();
    }
    return applied;
  }

  std::vector<std::string> Checksums(std::span<const Migration> migrations) {
    std::vector<std::string> checksums;
    pqxx::nontransaction tx(connection_);
    for (const Migration& migration : migrations) {
      const std::string text = tx.quote(std::string(migration.sql));
      checksums.emplace_back(tx.exec("SELECT encode(sha256(convert_to(" + text + ", 'UTF8')), 'hex')")[0][0].c_str());
    }
    return checksums;
  }

  void Apply(const Migration& migration, const std::string& checksum) {
    const std::string file = FileName(migration.number, migration.name);
    Say("Applying " + file + ".");
    pqxx::work tx(connection_);
    tx.exec(kLimitLockWaits);
    const auto before = tx.exec("SELECT pg_current_xact_id()")[0][0].as<std::string>();
    try {
      tx.exec(std::string(migration.sql));
    } catch (const pqxx::failure& failure) {
      throw FailureOf(failure, "migration " + file, "; nothing of it was applied");
    }
    const pqxx::result after = tx.exec("SELECT pg_current_xact_id_if_assigned()");
    if (after[0][0].is_null() || after[0][0].as<std::string>() != before) {
      throw StorageFailure(Kind::kBug, "migration " + file + " ends its transaction by itself; it must not say COMMIT");
    }
    const auto requires_build = CompatibilityOf(migration).requires_build;
    tx.exec("INSERT INTO schema_migrations (number, name, checksum, requires) VALUES (" +
            pqxx::to_string(migration.number) + ", " + tx.quote(std::string(migration.name)) + ", " +
            tx.quote(checksum) + ", " + (requires_build ? pqxx::to_string(*requires_build) : "NULL") + ")");
    tx.commit();
  }

 private:
  void Say(const std::string& sentence) const {
    if (progress_) progress_(sentence);
  }

  pqxx::connection connection_;
  const std::function<void(const std::string&)>& progress_;
};

int ApplyMissing(const std::string& database_url, std::span<const Migration> migrations,
                 const std::function<void(const std::string&)>& progress) {
  RequireCountingUp(migrations);
  for (const Migration& migration : migrations) CompatibilityOf(migration);

  auto parameters = ConnectionParameters::Parse(database_url, {}).values;
  // In seconds, for each host. What the url says comes later and wins.
  parameters.insert(parameters.begin(), {"connect_timeout", "10"});
  Migrating migrating(ToConnectionString(parameters), progress);
  migrating.Lock();
  migrating.MakeTable();
  const std::vector<Applied> applied = migrating.ListApplied();
  const std::vector<std::string> checksums = migrating.Checksums(migrations);
  if (const auto altered = Altered(migrations, checksums, applied)) {
    throw StorageFailure(Kind::kBug, *altered + "; a change of the schema must be a migration of its own");
  }
  for (std::size_t i = applied.size(); i < migrations.size(); ++i) migrating.Apply(migrations[i], checksums[i]);
  migrating.Unlock();
  return static_cast<int>(migrations.size() - std::min(applied.size(), migrations.size()));
}

}  // namespace

int Migrate(const std::string& database_url, std::function<void(const std::string&)> progress) {
  return Migrate(database_url, BuiltInMigrations(), std::move(progress));
}

int Migrate(const std::string& database_url, std::span<const Migration> migrations,
            std::function<void(const std::string&)> progress) {
  try {
    return ApplyMissing(database_url, migrations, progress);
  } catch (const pqxx::failure& failure) {
    throw FailureOf(failure, "cannot migrate");
  }
}

SchemaStatus CheckSchema(Database& database, const Bounds& bounds) {
  return CheckSchema(database, bounds, BuiltInMigrations());
}

SchemaStatus CheckSchema(Database& database, const Bounds& bounds, std::span<const Migration> migrations) {
  std::vector<Applied> applied;
  std::vector<std::string> checksums;
  database.Run(Database::Mode::kRead, bounds, [&](Transaction& tx) {
    applied.clear();
    bool exists = false;
    tx.Run(kTableExists)[0].Read(exists);
    if (exists) applied = ReadApplied(tx.Run(kList));
    checksums = KnownChecksums(tx, migrations);
  });

  SchemaStatus status{};
  status.newest_supported = static_cast<int>(migrations.size());
  status.oldest_supported = OldestSupported(migrations);
  status.found = applied.empty() ? 0 : applied.back().number;
  int required = 0;
  for (const Applied& one : applied) required = std::max(required, one.requires_build.value_or(0));

  const std::string found = std::to_string(status.found);
  const std::string newest = std::to_string(status.newest_supported);
  if (const auto altered = Altered(migrations, checksums, applied)) {
    status.state = SchemaState::kAltered;
    status.advice = "The schema is not this build's (" + *altered +
                    "): use the build that applied it, or a database of its own, and then run `poold migrate`.";
  } else if (required > status.newest_supported) {
    status.state = SchemaState::kBeyond;
    status.advice = "The schema is at migration " + found + ", which requires builds that know migration " +
                    std::to_string(required) + ", and this build knows those up to " + newest +
                    ", so it cannot serve: update this server to the release whose `poold migrate` was run.";
  } else if (status.found > status.newest_supported) {
    status.state = SchemaState::kAhead;
    status.advice = "The schema is at migration " + found + ", and this build knows those up to " + newest +
                    ". It can serve on it, but update this server to the release whose `poold migrate` was run.";
  } else if (status.found >= status.oldest_supported) {
    status.state = SchemaState::kReady;
  } else if (status.found == 0) {
    status.state = SchemaState::kEmpty;
    status.advice = "The database has no schema yet: run `poold migrate`.";
  } else {
    status.state = SchemaState::kBehind;
    status.advice = "The schema is at migration " + found + ", and this build needs " +
                    std::to_string(status.oldest_supported) + ": run `poold migrate`.";
  }
  return status;
}

SchemaStatus RequireSchema(Database& database, const Bounds& bounds) {
  SchemaStatus schema = CheckSchema(database, bounds);
  if (!schema.usable()) throw std::runtime_error(schema.advice);
  return schema;
}

}  // namespace poold::storage
