#include "storage/postgres/failure.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/storage/postgres/database_fixture.h"

namespace poold::storage {
namespace {

struct StateCase {
  const char* sqlstate;
  Kind kind;
};

TEST(Sqlstate, HasTheKindThatCallersCanActOn) {
  constexpr StateCase kCases[] = {
      {"08000", Kind::kUnavailable}, {"08003", Kind::kUnavailable},
      {"08006", Kind::kUnavailable}, {"08001", Kind::kUnavailable},
      {"08004", Kind::kUnavailable}, {"08P01", Kind::kBug},
      {"57P01", Kind::kUnavailable}, {"57P02", Kind::kUnavailable},
      {"57P03", Kind::kUnavailable}, {"57P04", Kind::kUnavailable},
      {"57P05", Kind::kUnavailable}, {"57014", Kind::kDeadline},
      {"53000", Kind::kUnavailable}, {"53100", Kind::kUnavailable},
      {"53200", Kind::kUnavailable}, {"53300", Kind::kUnavailable},
      {"53400", Kind::kUnavailable}, {"25006", Kind::kUnavailable},
      {"25P03", Kind::kUnavailable}, {"25P02", Kind::kBug},
      {"25001", Kind::kBug},         {"58000", Kind::kUnavailable},
      {"58030", Kind::kUnavailable}, {"28P01", Kind::kUnavailable},
      {"26000", Kind::kUnavailable}, {"42P05", Kind::kUnavailable},
      {"3D000", Kind::kUnavailable}, {"40000", Kind::kContended},
      {"40001", Kind::kContended},   {"40P01", Kind::kContended},
      {"40002", Kind::kBug},         {"40003", Kind::kUnavailable},
      {"55P03", Kind::kContended},   {"55006", Kind::kContended},
      {"55000", Kind::kBug},         {"23505", Kind::kContended},
      {"23P01", Kind::kContended},   {"23502", Kind::kBug},
      {"23503", Kind::kBug},         {"23514", Kind::kBug},
      {"22001", Kind::kBug},         {"22012", Kind::kBug},
      {"22P02", Kind::kBug},         {"42601", Kind::kBug},
      {"42P01", Kind::kBug},         {"42501", Kind::kBug},
      {"0A000", Kind::kBug},         {"P0001", Kind::kBug},
      {"XX000", Kind::kBug},         {"XX001", Kind::kBug},
      {"ZZZZZ", Kind::kBug},         {"", Kind::kBug},
  };
  for (const auto& [sqlstate, kind] : kCases) {
    EXPECT_EQ(KindName(KindOfSqlstate(sqlstate)), KindName(kind)) << sqlstate;
  }
}

TEST(Sqlstate, TellsALostLinkFromAServerThatSaysNo) {
  for (const char* state : {"", "08006", "08001", "57P01", "57P02", "57P03", "57P05", "25P03"}) {
    EXPECT_TRUE(IsLostLink({Kind::kUnavailable, "for the test", state})) << state;
  }
  for (const char* state : {"53100", "53300", "25006", "58030", "28P01", "26000", "40003"}) {
    EXPECT_FALSE(IsLostLink({Kind::kUnavailable, "for the test", state})) << state;
  }
  EXPECT_FALSE(IsLostLink({Kind::kContended, "for the test", "40001"}));
  EXPECT_FALSE(IsLostLink({Kind::kDeadline, "the deadline passed"}));
}

// The server raises each of them for real: libpqxx gives some no SQLSTATE and makes others a lost connection.
TEST_F(DatabaseTest, ReportsEachStateAsTheServerRaisesIt) {
  DatabaseOptions options = Options(1);
  options.max_tries = 1;
  Database database(options);
  for (const std::string state : {"40001", "40P01", "40003", "40000", "23505", "23P01", "23502", "23503", "23514",
                                  "53100", "53200", "53300", "53400", "55P03", "57014", "57P01", "58030", "25006",
                                  "08006", "22012", "42601", "42501", "0A000", "P0001", "XX000"}) {
    const std::string sql = "DO $$ BEGIN RAISE EXCEPTION 'for the test' USING ERRCODE = '" + state + "'; END $$";
    const auto failure = FailureOf([&] {
      database.Run(Mode::kWrite, In(20s), [&](Transaction& tx) { tx.Run({"raise", sql}); });
    });
    ASSERT_TRUE(failure) << state;
    EXPECT_EQ(KindName(failure->kind()), KindName(KindOfSqlstate(state))) << state << ": " << failure->what();
    EXPECT_EQ(failure->sqlstate(), state) << failure->what();
  }
}

}  // namespace
}  // namespace poold::storage
