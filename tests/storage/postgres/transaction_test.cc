#include "storage/postgres/transaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "storage/postgres/database.h"
#include "storage/postgres/failure.h"
#include "tests/support/test_database.h"

namespace poold::storage {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using Mode = Database::Mode;

Database& Db() {
  static Database database({.url = FreshDatabase(false), .connections = 2, .observe = {}});
  return database;
}

Bounds Soon() { return {std::chrono::steady_clock::now() + 20s, {}}; }

Rows Query(std::string_view sql, const Params& params = Params()) {
  Rows rows;
  Db().Run(Mode::kWrite, Soon(), [&](Transaction& tx) { rows = tx.Run({"query", sql}, params); });
  return rows;
}

// What the database gives back for a value of this SQL type.
template <typename T>
T RoundTrip(const char* type, const T& value) {
  T read{};
  Query(std::string("SELECT $1::") + type, Params(value))[0].Read(read);
  return read;
}

template <typename Call>
std::optional<StorageFailure> FailureOf(const Call& call) {
  try {
    call();
  } catch (const StorageFailure& failure) {
    return failure;
  }
  return std::nullopt;
}

void ExpectBug(const std::optional<StorageFailure>& failure, const std::string& text) {
  ASSERT_TRUE(failure.has_value()) << "nothing failed";
  EXPECT_EQ(failure->kind(), StorageFailure::Kind::kBug);
  EXPECT_THAT(failure->what(), HasSubstr(text));
}

TEST(Params, CarryTextUnchanged) {
  for (const std::string text :
       {"", "plain", "it's \"quoted\" \\ and $1", "NULL", "ünïcødé 電話 \U0001F4DE", "line\nbreak\ttab", "{a,b}"}) {
    EXPECT_EQ(RoundTrip("text", text), text);
  }
  std::string read;
  Query("SELECT $1::text || $2::text", Params("literal ", std::string_view("view")))[0].Read(read);
  EXPECT_EQ(read, "literal view");
}

TEST(Params, CarryBooleansAndIntegersToTheirLimits) {
  EXPECT_TRUE(RoundTrip("boolean", true));
  EXPECT_FALSE(RoundTrip("boolean", false));
  for (const int value : {std::numeric_limits<int>::min(), -1, 0, 1, std::numeric_limits<int>::max()}) {
    EXPECT_EQ(RoundTrip("integer", value), value);
  }
  for (const std::int64_t value :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(RoundTrip("bigint", value), value);
  }
}

TEST(Params, CarryEveryByte) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const std::string& data : {std::string(), std::string(1, '\0'), std::string("\\x41"), all}) {
    EXPECT_EQ(RoundTrip("bytea", Bytes{data}), Bytes{data});
    int length = 0;
    Query("SELECT length($1::bytea)", Params(Bytes{data}))[0].Read(length);
    EXPECT_EQ(length, static_cast<int>(data.size()));
  }
}

TEST(Params, CarryAbsenceAsNull) {
  const Rows rows = Query("SELECT $1::text, $2::int, $3::text[], $4::timestamptz, $5::bytea, $6::bool",
                          Params(std::nullopt, std::optional<int>(), std::optional<std::vector<std::string>>(),
                                 std::optional<Time>(), std::optional<Bytes>(), std::optional<bool>()));
  std::optional<std::string> text = "before";
  std::optional<int> number = 1;
  std::optional<std::vector<std::string>> texts = {{"before"}};
  std::optional<Time> time = Time(1ms);
  std::optional<Bytes> bytes = Bytes{"before"};
  std::optional<bool> flag = true;
  rows[0].Read(text, number, texts, time, bytes, flag);
  EXPECT_FALSE(text || number || texts || time || bytes || flag);
  EXPECT_EQ(RoundTrip("text", std::optional<std::string>("")), "");  // empty isn't absent
}

TEST(Params, RefuseTextWithNulWhichPostgresqlCannotStore) {
  ExpectBug(FailureOf([] { Params(std::string("a\0b", 3)); }), "NUL");
  ExpectBug(FailureOf([] { Params(std::vector<std::string>{std::string(1, '\0')}); }), "NUL");
}

TEST(Params, OfSeveralRowsAreTheirColumns) {
  using Pair = std::pair<std::optional<std::string>, int>;
  const std::vector<Pair> rows{{"plain", 1}, {"with \"quotes\", \\ and {braces}", -2}, {std::nullopt, 3}, {"NULL", 4}};
  const Params columns = Params::Columns(rows, [](const Pair& row) {
    return std::make_tuple(row.first, row.second, Bytes{std::string("\0\x7f\xff", 3)}, row.second > 2);
  });
  std::vector<Pair> back;
  std::vector<bool> flags;
  for (const Row row : Query("SELECT * FROM unnest($1::text[], $2::integer[], $3::bytea[], $4::boolean[])", columns)) {
    Pair& pair = back.emplace_back();
    Bytes bytes;
    bool flag = false;
    row.Read(pair.first, pair.second, bytes, flag);
    EXPECT_EQ(bytes.data, std::string("\0\x7f\xff", 3));
    flags.push_back(flag);
  }
  EXPECT_EQ(back, rows);
  EXPECT_EQ(flags, (std::vector{false, false, true, true}));
}

TEST(Params, AreAppendedInOrder) {
  Params params("one", std::nullopt);
  params.Append(Params(2, std::nullopt, "five"));
  std::optional<std::string> one, two, five;
  std::optional<int> three, four;
  Query("SELECT $1::text, $2::text, $3::integer, $4::integer, $5::text", params)[0].Read(one, two, three, four, five);
  EXPECT_EQ(one, "one");
  EXPECT_FALSE(two);
  EXPECT_EQ(three, 2);
  EXPECT_FALSE(four);
  EXPECT_EQ(five, "five");
}

TEST(TextArrays, QuoteWhateverHasAMeaningInAnArray) {
  const std::vector<std::vector<std::string>> cases = {
      {}, {""}, {"NULL"}, {"null"}, {"a,b", "{c}", "\"", "\\", "\\\\\"", " padded "}, {"電話", "\n"}, {"", "", "x"}};
  for (const auto& texts : cases) EXPECT_EQ(RoundTrip("text[]", texts), texts);
}

TEST(TextArrays, TellNullFromTheWordNull) {
  const std::vector<std::optional<std::string>> texts = {std::nullopt, "NULL", "", std::nullopt};
  EXPECT_EQ(RoundTrip("text[]", texts), texts);
}

// The server is the judge of what was sent: it takes the array apart itself.
TEST(TextArrays, AreReadByTheServerAsTheyWereMeant) {
  std::mt19937 random(20240506);  // NOLINT: the same every time
  constexpr std::string_view kAlphabet = "\"\\{},NUL \tab'$";
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> texts(random() % 6);
    for (std::string& text : texts) {
      for (std::size_t size = random() % 8; size > 0; --size) text += kAlphabet[random() % kAlphabet.size()];
    }
    std::vector<std::string> read;
    for (const Row row :
         Query("SELECT text FROM unnest($1::text[]) WITH ORDINALITY t (text, n) ORDER BY n", Params(texts))) {
      row.Read(read.emplace_back());
    }
    EXPECT_EQ(read, texts);
    EXPECT_EQ(RoundTrip("text[]", texts), texts);
  }
}

TEST(Times, KeepTheirMilliseconds) {
  for (const std::int64_t milliseconds :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{1715000000120}, std::int64_t{1709164799999},
        std::int64_t{-62135596800000} /* year 1 */, std::int64_t{253402300799999} /* year 9999 */}) {
    const Time time{std::chrono::milliseconds(milliseconds)};
    EXPECT_EQ(RoundTrip("timestamptz", time), time) << milliseconds;
    std::int64_t by_the_server = 0;
    Query("SELECT (extract(epoch FROM $1::timestamptz) * 1000)::bigint", Params(time))[0].Read(by_the_server);
    EXPECT_EQ(by_the_server, milliseconds);
  }
}

TEST(Times, MeanTheSameInEverySessionTimeZone) {
  const Time time{1715000000123ms};
  for (const std::string zone : {"Asia/Kolkata", "America/St_Johns", "Pacific/Apia", "UTC"}) {
    Time read{};
    Time stored{};
    Db().Run(Mode::kWrite, Soon(), [&](Transaction& tx) {
      tx.Run({"set zone", "SELECT set_config('TimeZone', $1, true)"}, Params(zone));
      tx.Run({"read", "SELECT $1::timestamptz, '2024-05-06 12:53:20.123+00'::timestamptz"}, Params(time))[0].Read(
          read, stored);
    });
    EXPECT_EQ(read, time) << zone;
    EXPECT_EQ(stored, time) << zone;
  }
}

TEST(Times, AreCutToTheMillisecond) {
  Time read{};
  Query("SELECT '2024-05-06 12:53:20.123999+00'::timestamptz")[0].Read(read);
  EXPECT_EQ(read, Time(1715000000123ms));
}

TEST(Row, RefusesWhatTheFieldCannotHold) {
  std::string text;
  bool flag = false;
  int number = 0;
  Time time{};
  std::vector<std::string> texts;
  ExpectBug(FailureOf([&] { Query("SELECT NULL::text AS note")[0].Read(text); }), "(note): NULL");
  ExpectBug(FailureOf([&] { Query("SELECT 'yes'::text")[0].Read(flag); }), "not a boolean");
  ExpectBug(FailureOf([&] { Query("SELECT 2147483648")[0].Read(number); }), "not an int");
  ExpectBug(FailureOf([&] { Query("SELECT 12.5")[0].Read(number); }), "not an int");
  ExpectBug(FailureOf([&] { Query("SELECT 'infinity'::timestamptz")[0].Read(time); }), "not a timestamptz");
  ExpectBug(FailureOf([&] { Query("SELECT '0044-03-15 BC'::timestamptz")[0].Read(time); }), "not a timestamptz");
  ExpectBug(FailureOf([&] { Query("SELECT ARRAY['a', NULL]")[0].Read(texts); }), "NULL inside an array");
  ExpectBug(FailureOf([&] { Query("SELECT ARRAY[['a'], ['b']]")[0].Read(texts); }), "not a text[]");
  ExpectBug(FailureOf([&] { Query("SELECT 'a'")[0].Read(text, text); }), "no such column");
  ExpectBug(FailureOf([&] { Query("SELECT 'a' WHERE false")[0].Read(text); }), "no such row");
}

TEST(Rows, OutliveTheirTransactionAndAreReadInOrder) {
  const Rows rows = Query("SELECT n, 'row ' || n FROM generate_series(1, 3) n ORDER BY n");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_FALSE(rows.empty());
  std::vector<std::string> texts;
  for (const Row row : rows) {
    int number = 0;
    row.Read(number, texts.emplace_back());
  }
  EXPECT_THAT(texts, ElementsAre("row 1", "row 2", "row 3"));
  EXPECT_TRUE(Rows().empty());
}

TEST(Rows, CountWhatAStatementTouched) {
  Query("DROP TABLE IF EXISTS touched");
  Query("CREATE TABLE touched (id integer, note text)");
  EXPECT_EQ(Query("INSERT INTO touched SELECT n FROM generate_series(1, 5) n").affected(), 5);
  EXPECT_EQ(Query("UPDATE touched SET note = 'x' WHERE id > 2 RETURNING id").affected(), 3);
  EXPECT_EQ(Query("DELETE FROM touched WHERE id = 77").affected(), 0);
  EXPECT_EQ(Query("SELECT id FROM touched").affected(), 0);
}

TEST(Transaction, RunsMoreTextsThanItKeepsPrepared) {
  Database database({.url = FreshDatabase(false), .connections = 1, .observe = {}});
  int sum = 0;
  int kept = 0;
  database.Run(Mode::kRead, Soon(), [&](Transaction& tx) {
    sum = 0;
    for (int round = 0; round < 2; ++round) {
      for (int i = 0; i < 300; ++i) {
        int read = 0;
        const std::string sql = "SELECT $1::integer + " + std::to_string(i);
        tx.Run({"sum", sql}, Params(1))[0].Read(read);
        sum += read;
      }
    }
    tx.Run({"kept", "SELECT count(*) FROM pg_prepared_statements"})[0].Read(kept);
  });
  EXPECT_EQ(sum, 2 * (300 + 299 * 300 / 2));
  EXPECT_EQ(kept, 256);
}

TEST(Transaction, PreparesNothingWhenToldSo) {
  Database database({.url = FreshDatabase(false), .connections = 1, .prepare = false, .observe = {}});
  int kept = -1;
  database.Run(Mode::kRead, Soon(), [&](Transaction& tx) {
    tx.Run({"one", "SELECT 1"});
    tx.Run({"kept", "SELECT count(*) FROM pg_prepared_statements"})[0].Read(kept);
  });
  EXPECT_EQ(kept, 0);
}

TEST(Transaction, TellsTheObserverOfEachStatement) {
  std::vector<std::string> seen;
  Database database({.url = FreshDatabase(false),
                     .connections = 1,
                     .observe = [&](std::string_view name, std::chrono::nanoseconds took, bool ok) {
                       EXPECT_GT(took.count(), 0);
                       seen.push_back(std::string(name) + (ok ? " ok" : " failed"));
                     }});
  EXPECT_THROW(database.Run(Mode::kRead, Soon(),
                            [&](Transaction& tx) {
                              tx.Run({"good", "SELECT 1"});
                              tx.Run({"bad", "SELECT 1/0"});
                            }),
               StorageFailure);
  EXPECT_THAT(seen, ElementsAre("connect ok", "good ok", "bad failed"));
}

std::string Told(const WorkLog& log) {
  std::string told;
  for (const WorkLog::Attempt& attempt : log.attempts) {
    told += attempt.outcome == WorkLog::Outcome::kCommitted    ? "committed:"
            : attempt.outcome == WorkLog::Outcome::kRolledBack ? "rolled back:"
                                                               : "failed:";
    EXPECT_LE(attempt.began, attempt.ended);
    for (std::size_t i = attempt.first_statement; i < attempt.end_statement; ++i) {
      const WorkLog::Statement& statement = log.statements.at(i);
      told += " " + std::string(statement.name) + (statement.ok ? "" : "(" + statement.sqlstate + ")");
      EXPECT_LE(attempt.began, statement.began);
      EXPECT_LE(statement.began, statement.ended);
      EXPECT_LE(statement.ended, attempt.ended);
    }
    told += "; ";
  }
  return told;
}

TEST(WorkLog, TellsWhatARunDid) {
  Database database({.url = FreshDatabase(false), .connections = 1, .observe = {}});
  database.Run(Mode::kRead, Soon(), [](Transaction& tx) { tx.Run({"one", "SELECT 1"}); });

  WorkLog read;
  database.Run(
      Mode::kRead, Soon(),
      [](Transaction& tx) {
        tx.Run({"one", "SELECT 1"});
      },
      &read);
  EXPECT_EQ(Told(read), "committed: one; ");

  WorkLog first_write;
  database.Run(
      Mode::kWrite, Soon(),
      [](Transaction& tx) {
        tx.Run({"one", "SELECT 1"});
      },
      &first_write);
  EXPECT_EQ(Told(first_write), "committed: begin one commit; ");

  WorkLog refused;
  const auto refuse = [](Transaction& tx) {
    tx.Run({"one", "SELECT 1"});
    throw std::logic_error("refused");
  };
  EXPECT_THROW(database.Run(Mode::kWrite, Soon(), refuse, &refused), std::logic_error);
  EXPECT_EQ(Told(refused), "rolled back: begin transaction id one rollback; ");
  EXPECT_EQ(database.stats().rolled_back, 1U);

  WorkLog contended;
  int tries = 0;
  const auto deadlock_once = [&](Transaction& tx) {
    tx.Run({"lock", ++tries == 1 ? "DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40P01'; END $$" : "SELECT 1"});
  };
  database.Run(Mode::kWrite, Soon(), deadlock_once, &contended);
  EXPECT_EQ(Told(contended),
            "failed: begin transaction id lock(40P01) rollback; committed: begin transaction id lock commit; ");
  EXPECT_EQ(database.stats().retries_deadlock, 1U);
}

TEST(WorkLog, IsBounded) {
  Database database({.url = FreshDatabase(false), .connections = 1, .observe = {}});
  WorkLog log;
  database.Run(
      Mode::kRead, Soon(),
      [](Transaction& tx) {
        for (std::size_t i = 0; i < WorkLog::kMostStatements + 5; ++i) tx.Run({"one", "SELECT 1"});
      },
      &log);
  EXPECT_EQ(log.statements.size(), WorkLog::kMostStatements);
  EXPECT_EQ(log.statements_left_out, 6U);  // and the connect
}

}  // namespace
}  // namespace poold::storage
