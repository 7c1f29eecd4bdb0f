#include "storage/inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <set>

#include "storage/postgres/database.h"
#include "tests/support/test_database.h"

namespace poold::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Time kStart{std::chrono::milliseconds{1704067200000}};
constexpr std::chrono::milliseconds kTick{1};

// A country of its own with numbers of its own, +998… upwards.
class InventoryTest : public testing::Test {
 protected:
  static Database& database() {
    static Database database({.url = TestDatabaseUrl(), .observe = {}});
    return database;
  }

  static void Run(const std::function<void(Transaction&)>& body) {
    database().Run(Database::Mode::kWrite, {std::chrono::steady_clock::now() + std::chrono::seconds(20), {}}, body);
  }

  static std::string NewNumber() {
    static int count = 0;
    char number[16];
    std::snprintf(number, sizeof(number), "+998%08d", ++count);
    return number;
  }

  std::string Import(const std::string& type = "LONG_CODE", const std::vector<std::string>& capabilities = {"SMS"},
                     const std::string& number = NewNumber()) {
    Run([&](Transaction& tx) { ImportNumbers(tx, {{number, country, type, capabilities, "1.00"}}); });
    return number;
  }

  std::optional<InventoryNumber> Take(const InventoryWish& wish, const std::string& account = "111122223333") {
    std::optional<InventoryNumber> taken;
    Run([&](Transaction& tx) { taken = TakeNumber(tx, wish, account); });
    return taken;
  }

  // The number alone; "" when there is none.
  std::string TakeAny(const std::vector<std::string>& capabilities = {"SMS"},
                      const std::vector<std::string>& like = {}) {
    const auto taken = Take({country, "LONG_CODE", capabilities, like});
    return taken ? taken->phone_number : "";
  }

  std::string TakeAnyOrFictional() {
    const auto taken = Take({country, "LONG_CODE", {"SMS"}, {}, true});
    return taken ? taken->phone_number : "";
  }

  std::string ImportFictional(const std::string& number = NewNumber()) {
    Run([&](Transaction& tx) { ImportNumbers(tx, {{number, country, "LONG_CODE", {"SMS"}, "1.00", true}}); });
    return number;
  }

  void Return(const std::string& number, Time when) {
    Run([&](Transaction& tx) { ReturnNumber(tx, number, when); });
  }

  const std::string country = NewCountry();
};

TEST_F(InventoryTest, HandsOutAllThatIsKnownOfANumber) {
  const std::string number = Import("TEN_DLC", {"MMS", "SMS"});
  const auto taken = Take({country, "TEN_DLC", {"SMS"}, {}});
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->phone_number, number);
  EXPECT_EQ(taken->iso_country_code, country);
  EXPECT_EQ(taken->number_type, "TEN_DLC");
  EXPECT_THAT(taken->capabilities, ElementsAre("MMS", "SMS"));
  EXPECT_EQ(taken->monthly_leasing_price, "1.00");
}

TEST_F(InventoryTest, HandsANumberOutOnce) {
  Import();
  EXPECT_NE(TakeAny(), "");
  EXPECT_EQ(TakeAny(), "");
}

TEST_F(InventoryTest, RemembersWhoHasIt) {
  const std::string number = Import();
  Take({country, "LONG_CODE", {"SMS"}, {}}, "444455556666");
  std::string holder;
  Run([&](Transaction& tx) {
    tx.Run({"test", "SELECT held_by FROM inventory_numbers WHERE phone_number = $1"}, Params(number))[0].Read(holder);
  });
  EXPECT_EQ(holder, "444455556666");
}

TEST_F(InventoryTest, HandsOutTheCountryAndTypeAskedFor) {
  Import("TOLL_FREE");
  EXPECT_EQ(TakeAny(), "");
  EXPECT_FALSE(Take({"ZZ", "TOLL_FREE", {"SMS"}, {}}).has_value());
  EXPECT_TRUE(Take({country, "TOLL_FREE", {"SMS"}, {}}).has_value());
}

TEST_F(InventoryTest, HandsOutWhatCanDoAtLeastWhatIsAskedFor) {
  Import("LONG_CODE", {"SMS"});
  const std::string able = Import("LONG_CODE", {"MMS", "SMS", "VOICE"});
  EXPECT_EQ(TakeAny({"MMS", "VOICE"}), able);
  EXPECT_EQ(TakeAny({"VOICE"}), "");
}

TEST_F(InventoryTest, HandsOutWhatIsLikeOneOfThePatterns) {
  const std::string first = Import();
  const std::string second = Import();
  EXPECT_EQ(TakeAny({"SMS"}, {"+1%", "%" + second.substr(6)}), second);
  EXPECT_EQ(TakeAny({"SMS"}, {"+1%"}), "");
  EXPECT_EQ(TakeAny({"SMS"}, {first}), first);
}

TEST_F(InventoryTest, HandsOutInTheOrderOfTheNumbers) {
  const std::string first = NewNumber();
  const std::string second = NewNumber();
  Import("LONG_CODE", {"SMS"}, second);
  Import("LONG_CODE", {"SMS"}, first);
  EXPECT_EQ(TakeAny(), first);
  EXPECT_EQ(TakeAny(), second);
}

TEST_F(InventoryTest, HandsOutWhatRestedLongest) {
  const std::string first = Import();
  const std::string second = Import();
  const std::string third = Import();
  for (int i = 0; i < 3; ++i) TakeAny();
  Return(third, kStart);
  Return(first, kStart + 2 * kTick);
  Return(second, kStart + kTick);
  const std::string fresh = Import();

  EXPECT_EQ(TakeAny(), fresh) << "never handed out";
  EXPECT_EQ(TakeAny(), third);
  EXPECT_EQ(TakeAny(), second);
  EXPECT_EQ(TakeAny(), first);
}

TEST_F(InventoryTest, HandsOutImportedNumbersFirstHoweverShortlyTheyRested) {
  const std::string fictional = ImportFictional();
  const std::string imported = Import();
  ASSERT_LT(fictional, imported);
  EXPECT_EQ(TakeAnyOrFictional(), imported);
  Return(imported, kStart);
  EXPECT_EQ(TakeAnyOrFictional(), imported) << "rested, while the other never went out";
  EXPECT_EQ(TakeAnyOrFictional(), fictional) << "no imported one is left";
  EXPECT_EQ(TakeAnyOrFictional(), "");
}

TEST_F(InventoryTest, HandsOutAFictionalNumberWhereNoImportedOneFits) {
  Import("LONG_CODE", {"VOICE"});
  const std::string fictional = ImportFictional();
  EXPECT_EQ(TakeAnyOrFictional(), fictional);
}

TEST_F(InventoryTest, HandsOutFictionalNumbersOnlyIfToldSo) {
  const std::string fictional = ImportFictional();
  EXPECT_EQ(TakeAny(), "");
  EXPECT_EQ(TakeAnyOrFictional(), fictional);
  Return(fictional, kStart);
  EXPECT_EQ(TakeAny(), "") << "a fictional number that comes back is still fictional";
  EXPECT_EQ(TakeAnyOrFictional(), fictional);
}

TEST_F(InventoryTest, ImportedNumbersStayImportedWhenTheyComeBack) {
  const std::string number = Import();
  TakeAny();
  Return(number, kStart);
  EXPECT_EQ(TakeAny(), number);
}

TEST_F(InventoryTest, AFictionalNumberThatIsImportedIsFictionalNoMore) {
  const std::string number = ImportFictional();
  Import("LONG_CODE", {"SMS"}, number);
  EXPECT_EQ(TakeAny(), number);
}

// 10,000 fictional numbers of the same country and type make taking one no dearer.
TEST_F(InventoryTest, TakesANumberByOneLookAtTheIndex) {
  Run([&](Transaction& tx) {
    tx.Run({"test",
            "INSERT INTO inventory_numbers (phone_number, iso_country_code, number_type, number_capabilities,"
            " monthly_leasing_price, fictional)"
            " SELECT '+997' || to_char(n, 'FM00000000'), $1, 'LONG_CODE', ARRAY['SMS'], '1.00', true"
            " FROM generate_series(1, 10000) AS n"},
           Params(country));
    tx.Run({"test", "ANALYZE inventory_numbers"});  // as autovacuum does: the planner knows the table
  });
  Import();
  // Entries of the table and its indexes that this connection has read so far.
  const auto entries = [](Transaction& tx) {
    std::int64_t read = -1;
    tx.Run({"test",
            "SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(oid)), 0)::bigint FROM pg_class"
            " WHERE relname LIKE 'inventory_numbers%'"})[0]
        .Read(read);
    return read;
  };
  Database planned_now({.url = TestDatabaseUrl(), .connections = 1, .observe = {}});
  for (const bool fictional : {false, false, true}) {
    std::int64_t read = -1;
    planned_now.Run(Database::Mode::kWrite, {std::chrono::steady_clock::now() + std::chrono::seconds(20), {}},
                    [&](Transaction& tx) {
                      read = -entries(tx);
                      TakeNumber(tx, {country, "LONG_CODE", {"SMS"}, {}, fictional}, "111122223333");
                      read += entries(tx);
                    });
    EXPECT_GE(read, 0);
    EXPECT_LE(read, 5);
  }
}

TEST_F(InventoryTest, CountsByCountryAndType) {
  Import();
  Import("TOLL_FREE");
  Import("TOLL_FREE");
  ImportFictional();
  TakeAny();
  std::vector<InventoryCount> counts;
  Run([&](Transaction& tx) {
    counts = CountNumbers(tx);
    std::erase_if(counts, [&](const InventoryCount& count) { return count.iso_country_code != country; });
  });
  ASSERT_THAT(counts, SizeIs(2));
  EXPECT_EQ(counts[0].number_type, "LONG_CODE");
  EXPECT_EQ(counts[0].imported, 1);
  EXPECT_EQ(counts[0].fictional, 1);
  EXPECT_EQ(counts[0].held, 1);
  EXPECT_EQ(counts[1].number_type, "TOLL_FREE");
  EXPECT_EQ(counts[1].imported, 2);
  EXPECT_EQ(counts[1].fictional, 0);
  EXPECT_EQ(counts[1].held, 0);
}

TEST_F(InventoryTest, ListsWhatIsSelectedInPages) {
  const std::string first = Import();
  const std::string other = Import("TOLL_FREE");
  const std::string last = ImportFictional();
  Take({country, "TOLL_FREE", {"SMS"}, {}}, "444455556666");
  const auto list = [&](const InventorySelection& selection, const std::string& after, int limit) {
    std::vector<std::string> lines;
    Run([&](Transaction& tx) {
      lines.clear();
      for (const auto& [number, held_by] : ListNumbers(tx, selection, after, limit)) {
        lines.push_back(number.phone_number + (number.fictional ? " fictional" : "") +
                        (held_by ? " of " + *held_by : ""));
      }
    });
    return lines;
  };
  EXPECT_THAT(list({country, ""}, "", 2), ElementsAre(first, other + " of 444455556666"));
  EXPECT_THAT(list({country, ""}, other, 2), ElementsAre(last + " fictional"));
  EXPECT_THAT(list({country, "LONG_CODE"}, "", 10), ElementsAre(first, last + " fictional"));
  EXPECT_THAT(list({country, "SIMULATOR"}, "", 10), IsEmpty());
  EXPECT_THAT(list({"", ""}, "", 3), SizeIs(3));
}

TEST_F(InventoryTest, RemovesWhatNobodyHas) {
  const std::string free = Import();
  const std::string held = Import();
  TakeAny({"SMS"}, {held});
  Run([&](Transaction& tx) {
    const auto of_accounts = LockNumbers(tx, {free, held, "+99800000000000"});
    ASSERT_THAT(of_accounts, SizeIs(1));
    EXPECT_EQ(of_accounts[0].number.phone_number, held);
    EXPECT_EQ(of_accounts[0].held_by, "111122223333");
    EXPECT_EQ(TakeAny(), "") << "locked: nobody gets it meanwhile";
    EXPECT_EQ(RemoveNumbers(tx, {free, held, "+99800000000000"}), 1);
  });
  Return(held, kStart);
  EXPECT_EQ(TakeAny(), held);
  EXPECT_EQ(TakeAny(), "");
}

TEST_F(InventoryTest, PassesOverANumberThatAnotherIsTaking) {
  const std::string first = Import();
  const std::string second = Import();
  std::optional<InventoryNumber> mine;
  Run([&](Transaction& tx) {
    const InventoryWish wish{country, "LONG_CODE", {"SMS"}, {}};
    mine = TakeNumber(tx, wish, "111122223333");
    // Not committed yet; the other neither waits nor gets the same.
    EXPECT_EQ(TakeAny(), second);
  });
  ASSERT_TRUE(mine.has_value());
  EXPECT_EQ(mine->phone_number, first);
}

TEST_F(InventoryTest, KeepsANumberWhoseTakerRollsBack) {
  const std::string number = Import();
  try {
    Run([&](Transaction& tx) {
      TakeNumber(tx, {country, "LONG_CODE", {"SMS"}, {}}, "111122223333");
      throw std::runtime_error("changed my mind");
    });
    FAIL();
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(TakeAny(), number);
}

TEST_F(InventoryTest, TakesBackWhatItDoesNotKnowWithoutAWord) { EXPECT_NO_THROW(Return("+99700000000", kStart)); }

TEST_F(InventoryTest, ImportChangesWhatIsKnownOfANumber) {
  const std::string number = Import("LONG_CODE", {"SMS"});
  std::int64_t written = 0;
  Run([&](Transaction& tx) {
    written = ImportNumbers(tx, {{number, country, "TOLL_FREE", {"SMS", "VOICE"}, "3.50"}});
  });
  EXPECT_EQ(written, 1);
  const auto taken = Take({country, "TOLL_FREE", {"VOICE"}, {}});
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->monthly_leasing_price, "3.50");
}

TEST_F(InventoryTest, ImportDoesNotTakeANumberAwayFromItsHolder) {
  const std::string number = Import();
  ASSERT_EQ(TakeAny(), number);
  Import("LONG_CODE", {"SMS"}, number);
  EXPECT_EQ(TakeAny(), "");
}

TEST_F(InventoryTest, ImportTakesManyAtOnceAndNone) {
  std::vector<InventoryNumber> many;
  for (int i = 0; i < 1000; ++i) many.push_back({NewNumber(), country, "LONG_CODE", {"SMS", "VOICE"}, "1.00"});
  std::int64_t written = 0;
  Run([&](Transaction& tx) { written = ImportNumbers(tx, many); });
  EXPECT_EQ(written, 1000);
  Run([&](Transaction& tx) { written = ImportNumbers(tx, {}); });
  EXPECT_EQ(written, 0);
}

TEST_F(InventoryTest, ImportOfOneThatMakesNoSenseImportsNothing) {
  const std::string good = NewNumber();
  EXPECT_THROW(Run([&](Transaction& tx) {
                 ImportNumbers(tx, {{good, country, "LONG_CODE", {"SMS"}, "1.00"},
                                    {"not a number", country, "LONG_CODE", {"SMS"}, "1.00"}});
               }),
               StorageFailure);
  EXPECT_EQ(TakeAny(), "");
}

// The fictional numbers that a new database has.

struct Fiction {
  std::string country;
  std::string type;
  std::vector<std::string> capabilities;
};
void PrintTo(const Fiction& fiction, std::ostream* out) { *out << fiction.country << " " << fiction.type; }

class FictionalNumbers : public InventoryTest, public testing::WithParamInterface<Fiction> {};

TEST_P(FictionalNumbers, AreThereFromTheStart) {
  const auto& [country_code, type, capabilities] = GetParam();
  const auto taken = Take({country_code, type, capabilities, {}, true});
  ASSERT_TRUE(taken.has_value());
  EXPECT_TRUE(taken->fictional);
  Return(taken->phone_number, kStart);
}

INSTANTIATE_TEST_SUITE_P(
    All, FictionalNumbers,
    testing::Values(Fiction{"US", "LONG_CODE", {"MMS", "SMS", "VOICE"}},
                    Fiction{"US", "TOLL_FREE", {"MMS", "SMS", "VOICE"}},
                    Fiction{"US", "TEN_DLC", {"MMS", "SMS", "VOICE"}}, Fiction{"US", "SIMULATOR", {"SMS", "VOICE"}},
                    Fiction{"CA", "LONG_CODE", {"MMS", "SMS", "VOICE"}},
                    Fiction{"CA", "TOLL_FREE", {"MMS", "SMS", "VOICE"}}, Fiction{"CA", "SIMULATOR", {"SMS", "VOICE"}},
                    Fiction{"GB", "LONG_CODE", {"SMS", "VOICE"}}, Fiction{"GB", "TOLL_FREE", {"VOICE"}},
                    Fiction{"FR", "LONG_CODE", {"SMS"}}, Fiction{"DE", "LONG_CODE", {"SMS", "VOICE"}},
                    Fiction{"AU", "LONG_CODE", {"SMS"}}, Fiction{"SE", "LONG_CODE", {"SMS"}},
                    Fiction{"IE", "LONG_CODE", {"SMS", "VOICE"}}));

TEST(NewDatabase, HasNoNumberThatIsNotFictional) {
  Database database({.url = FreshDatabase(true), .observe = {}});
  database.Run(Database::Mode::kWrite, {std::chrono::steady_clock::now() + std::chrono::seconds(20), {}},
               [](Transaction& tx) {
                 EXPECT_FALSE(HasImportedNumbers(tx));
                 const auto numbers = ListNumbers(tx, {}, "", 1);
                 ASSERT_THAT(numbers, SizeIs(1));
                 const auto taken = TakeNumber(tx, {"US", "LONG_CODE", {"SMS"}, {}, true}, "111122223333");
                 EXPECT_GT(RemoveFictionalNumbers(tx), 20'000);
                 const auto counts = CountNumbers(tx);
                 ASSERT_THAT(counts, SizeIs(1)) << "the one that an account has stays";
                 EXPECT_EQ(counts[0].fictional, 1);
                 EXPECT_EQ(counts[0].held, 1);
                 ImportNumbers(tx, {{"+34600000001", "ES", "LONG_CODE", {"SMS"}, "1.00"}});
                 EXPECT_TRUE(HasImportedNumbers(tx));
               });
}

// 555-0100 to 555-0199 is what North America keeps for fiction.
TEST_F(InventoryTest, HoldsOnlyFictionalNumbersOfNorthAmericaFromTheStart) {
  std::vector<std::string> real;
  Run([&](Transaction& tx) {
    const Rows rows = tx.Run({"test",
                              "SELECT phone_number FROM inventory_numbers WHERE iso_country_code IN ('US', 'CA')"
                              " AND phone_number !~ '^\\+1[2-9][0-9]{2}55501[0-9]{2}$' LIMIT 5"});
    real.clear();
    for (const Row row : rows) row.Read(real.emplace_back());
  });
  EXPECT_THAT(real, IsEmpty());
}

}  // namespace
}  // namespace poold::storage
