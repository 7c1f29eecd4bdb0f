#include "storage/postgres/migrate.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <vector>

#include "storage/postgres/failure.h"
#include "storage/postgres/session.h"

namespace poold::storage {
namespace {

using Kind = StorageFailure::Kind;

// Whoever migrates this database holds the session lock of this number ("poold").
constexpr std::int64_t kLock = 0x706f6f6c64;

constexpr std::chrono::seconds kConnectTimeout{10};

// What a migration says of the builds that run on the schemas before and after it: migrations/README.md, rule 5.
constexpr std::string_view kWord = "-- poold: ";
constexpr std::string_view kOptional = "optional";
constexpr std::string_view kRequires = "requires ";

// A statement that waits for a table's lock makes everybody else queue behind it. Better to fail and be run again.
const std::string kBegin =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '10s'; "
    "SELECT pg_current_xact_id()";

constexpr std::string_view kCreateTable = R"sql(
  CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY CHECK (number > 0),
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    requires integer
  )
)sql";

// Databases that were first migrated by an early build have no such column.
constexpr std::string_view kAddRequires =
    "BEGIN; SET LOCAL lock_timeout = '10s'; ALTER TABLE schema_migrations ADD COLUMN requires integer; COMMIT";

constexpr Statement kTryLock{"try migration lock", "SELECT pg_try_advisory_lock($1)"};
constexpr Statement kWaitLock{"wait for migration lock", "SELECT pg_advisory_lock($1)"};
constexpr Statement kUnlock{"migration unlock", "SELECT pg_advisory_unlock($1)"};
constexpr Statement kTableExists{"schema_migrations exists", "SELECT to_regclass('schema_migrations') IS NOT NULL"};
constexpr Statement kHasRequires{
    "schema_migrations has requires",
    "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'schema_migrations'::regclass"
    " AND attname = 'requires')"};
// By way of JSON, since the column may not be there.
constexpr Statement kList{"list migrations",
                          "SELECT number, name, checksum, (to_jsonb(schema_migrations) ->> 'requires')::integer "
                          "FROM schema_migrations ORDER BY number"};
constexpr Statement kInsert{"insert migration",
                            "INSERT INTO schema_migrations (number, name, checksum, requires) VALUES ($1, $2, $3, $4)"};
constexpr Statement kCurrentXid{"current transaction", "SELECT pg_current_xact_id_if_assigned()"};
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

std::vector<std::string> ReadChecksums(const Rows& rows) {
  std::vector<std::string> checksums;
  for (const Row row : rows) row.Read(checksums.emplace_back());
  return checksums;
}

Params Texts(std::span<const Migration> migrations) {
  std::vector<std::string> texts;
  for (const Migration& migration : migrations) texts.emplace_back(migration.sql);
  return Params(texts);
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

  checksums = ReadChecksums(tx.Run(kChecksums, Texts(migrations)));
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

void Apply(Session& session, const Migration& migration, const std::string& checksum) {
  const std::string file = FileName(migration.number, migration.name);
  std::string before;
  session.RunText("begin", kBegin)[0].Read(before);
  try {
    session.RunText("migration " + file, std::string(migration.sql));
  } catch (const StorageFailure& failure) {
    throw StorageFailure(failure.kind(), std::string(failure.what()) + "; nothing of it was applied",
                         failure.sqlstate());
  }
  std::optional<std::string> after;
  session.Run(kCurrentXid, Params())[0].Read(after);
  if (after != before) {
    throw StorageFailure(Kind::kBug, "migration " + file + " ends its transaction by itself; it must not say COMMIT");
  }
  session.Run(kInsert, Params(migration.number, migration.name, checksum, CompatibilityOf(migration).requires_build));
  session.RunText("commit", "COMMIT");
}

int ApplyMissing(const std::string& database_url, std::span<const Migration> migrations,
                 const std::function<void(const std::string&)>& progress) {
  RequireCountingUp(migrations);
  for (const Migration& migration : migrations) CompatibilityOf(migration);
  const auto say = [&](const std::string& sentence) {
    if (progress) progress(sentence);
  };

  // Without limits of time: a migration takes what it takes.
  const auto session = Session::Connect(ConnectionParameters::Parse(database_url, {}), false,
                                        std::chrono::steady_clock::now() + kConnectTimeout, {});
  bool mine = false;
  session->Run(kTryLock, Params(kLock))[0].Read(mine);
  if (!mine) {
    say("Another migration of this database is running; waiting for it to end.");
    session->Run(kWaitLock, Params(kLock));
  }

  session->RunText("create schema_migrations", std::string(kCreateTable));
  bool has_requires = false;
  session->Run(kHasRequires, Params())[0].Read(has_requires);
  if (!has_requires) session->RunText("add requires", std::string(kAddRequires));
  const std::vector<Applied> applied = ReadApplied(session->Run(kList, Params()));
  const std::vector<std::string> checksums = ReadChecksums(session->Run(kChecksums, Texts(migrations)));
  if (const auto altered = Altered(migrations, checksums, applied)) {
    throw StorageFailure(Kind::kBug, *altered + "; a change of the schema must be a migration of its own");
  }

  int count = 0;
  for (std::size_t i = applied.size(); i < migrations.size(); ++i) {
    say("Applying " + FileName(migrations[i].number, migrations[i].name) + ".");
    Apply(*session, migrations[i], checksums[i]);
    ++count;
  }
  // It goes with the session, too, but that ends a little after the connection was closed here.
  session->Run(kUnlock, Params(kLock));
  return count;
}

}  // namespace

int Migrate(const std::string& database_url, std::function<void(const std::string&)> progress) {
  return Migrate(database_url, BuiltInMigrations(), std::move(progress));
}

int Migrate(const std::string& database_url, std::span<const Migration> migrations,
            std::function<void(const std::string&)> progress) {
  try {
    return ApplyMissing(database_url, migrations, progress);
  } catch (const StorageFailure& failure) {
    if (failure.sqlstate() != kInsufficientPrivilege) throw;
    throw StorageFailure(failure.kind(),
                         "`poold migrate` needs the role that owns the tables (docs/operations.md, Roles): " +
                             std::string(failure.what()),
                         failure.sqlstate());
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
