#include "server/program/inventory_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <stdexcept>

namespace poold {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr const char* kHeader = "phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price\n";

std::vector<storage::InventoryNumber> Read(const std::string& text,
                                           InventoryFile::Columns columns = InventoryFile::Columns::kAll) {
  std::istringstream file(text);
  InventoryFile numbers(file, columns);
  return numbers.Next(1000);
}

auto IsNumber(const std::string& phone_number) { return Field(&storage::InventoryNumber::phone_number, phone_number); }

TEST(InventoryFile, ReadsEveryColumn) {
  const auto numbers = Read(std::string(kHeader) + "+12065550100,US,TEN_DLC,VOICE|SMS,1.25\n");
  ASSERT_EQ(numbers.size(), 1u);
  EXPECT_EQ(numbers[0].phone_number, "+12065550100");
  EXPECT_EQ(numbers[0].iso_country_code, "US");
  EXPECT_EQ(numbers[0].number_type, "TEN_DLC");
  EXPECT_THAT(numbers[0].capabilities, ElementsAre("SMS", "VOICE"));
  EXPECT_EQ(numbers[0].monthly_leasing_price, "1.25");
}

TEST(InventoryFile, TakesTheColumnsInAnyOrderAmongOthers) {
  const auto numbers = Read(
      "remark,monthly_leasing_price,number_capabilities,number_type,phone_number,iso_country_code\n"
      "bought in May,2.00,SMS,LONG_CODE,+447700900123,GB\n");
  ASSERT_EQ(numbers.size(), 1u);
  EXPECT_EQ(numbers[0].phone_number, "+447700900123");
  EXPECT_EQ(numbers[0].iso_country_code, "GB");
  EXPECT_EQ(numbers[0].monthly_leasing_price, "2.00");
}

TEST(InventoryFile, TakesLinesAsSpreadsheetsEndThem) {
  const auto numbers = Read(
      "phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price\r\n"
      "+12065550100,US,LONG_CODE,SMS,1.00\r\n"
      "\r\n"
      "+12065550101,US,LONG_CODE,SMS,1.00");
  EXPECT_THAT(numbers, ElementsAre(IsNumber("+12065550100"), IsNumber("+12065550101")));
}

TEST(InventoryFile, TakesEveryTypeAndCapability) {
  const auto numbers = Read(std::string(kHeader) +
                            "+12065550100,US,LONG_CODE,SMS|VOICE|MMS|RCS,0.00\n"
                            "+12065550101,US,TOLL_FREE,SMS,0.00\n"
                            "+12065550102,US,TEN_DLC,SMS,0.00\n"
                            "+12065550103,US,SIMULATOR,SMS,123456789.00\n");
  EXPECT_THAT(numbers[0].capabilities, ElementsAre("MMS", "RCS", "SMS", "VOICE"));
  EXPECT_EQ(numbers.size(), 4u);
}

TEST(InventoryFile, IsReadSomeNumbersAtATime) {
  std::istringstream file(std::string(kHeader) +
                          "+12065550100,US,LONG_CODE,SMS,1.00\n"
                          "+12065550101,US,LONG_CODE,SMS,1.00\n"
                          "\n"
                          "+12065550102,US,LONG_CODE,SMS,1.00\n"
                          "+12065550100,US,LONG_CODE,SMS,1.00\n");
  InventoryFile numbers(file);
  EXPECT_THAT(numbers.Next(2), ElementsAre(IsNumber("+12065550100"), IsNumber("+12065550101")));
  EXPECT_THAT(numbers.Next(1), ElementsAre(IsNumber("+12065550102")));
  try {
    numbers.Next(1);
    FAIL() << "was read";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "line 6: names a number for the second time");
  }
}

TEST(InventoryFile, SaysOfANumberWhetherItIsFictionalIfItHasTheColumn) {
  const auto numbers = Read(
      "phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price,fictional\n"
      "+12065550100,US,LONG_CODE,SMS,1.00,true\n"
      "+12065550101,US,LONG_CODE,SMS,1.00,false\n");
  ASSERT_EQ(numbers.size(), 2u);
  EXPECT_TRUE(numbers[0].fictional);
  EXPECT_FALSE(numbers[1].fictional);
  EXPECT_FALSE(Read(std::string(kHeader) + "+12065550100,US,LONG_CODE,SMS,1.00\n")[0].fictional);
}

TEST(InventoryFile, NeedsOnlyTheNumberWhereNothingElseCounts) {
  EXPECT_THAT(Read("remark,phone_number\nsold,+12065550100\n", InventoryFile::Columns::kPhoneNumber),
              ElementsAre(IsNumber("+12065550100")));
  EXPECT_THROW(Read("number\n+12065550100\n", InventoryFile::Columns::kPhoneNumber), std::runtime_error);
}

TEST(InventoryFile, IsReadAsItIsWritten) {
  const storage::InventoryNumber first{"+12065550100", "US", "LONG_CODE", {"MMS", "SMS"}, "1.00", true};
  const storage::InventoryNumber second{"+4412345678901234567", "GB", "TOLL_FREE", {"VOICE"}, "20.50", false};
  std::stringstream file;
  WriteInventoryHeader(file);
  WriteInventory(file, {{first, std::nullopt}, {second, "111122223333"}});
  EXPECT_EQ(file.str(),
            "phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price,fictional,held_by\n"
            "+12065550100,US,LONG_CODE,MMS|SMS,1.00,true,\n"
            "+4412345678901234567,GB,TOLL_FREE,VOICE,20.50,false,111122223333\n");
  const auto numbers = InventoryFile(file).Next(10);
  ASSERT_EQ(numbers.size(), 2u);
  for (const auto& [read, written] : {std::pair(numbers[0], first), std::pair(numbers[1], second)}) {
    EXPECT_EQ(read.phone_number, written.phone_number);
    EXPECT_EQ(read.iso_country_code, written.iso_country_code);
    EXPECT_EQ(read.number_type, written.number_type);
    EXPECT_EQ(read.capabilities, written.capabilities);
    EXPECT_EQ(read.monthly_leasing_price, written.monthly_leasing_price);
    EXPECT_EQ(read.fictional, written.fictional);
  }
}

TEST(InventoryFile, MayHoldNoNumbers) { EXPECT_THAT(Read(kHeader), IsEmpty()); }

struct BadFile {
  std::string name;
  std::string text;
  std::string says;
  int line;  // 0: none
};
void PrintTo(const BadFile& bad, std::ostream* out) { *out << bad.text; }

class InventoryFileRefusal : public testing::TestWithParam<BadFile> {};

TEST_P(InventoryFileRefusal, NamesTheLineAndWhatIsWrong) {
  const auto& [name, text, says, line] = GetParam();
  try {
    Read(text);
    FAIL() << "was read";
  } catch (const std::runtime_error& error) {
    if (line > 0) {
      EXPECT_THAT(error.what(), StartsWith("line " + std::to_string(line) + ": "));
    }
    EXPECT_THAT(error.what(), HasSubstr(says));
  }
}

BadFile BadLine(const std::string& name, const std::string& line, const std::string& says) {
  return {name, std::string(kHeader) + "+12065550100,US,LONG_CODE,SMS,1.00\n" + line + "\n", says, 3};
}

INSTANTIATE_TEST_SUITE_P(
    All, InventoryFileRefusal,
    testing::Values(
        BadFile{"Empty", "", "needs a header line", 0},
        BadFile{"MissingColumn", "phone_number,iso_country_code,number_type,number_capabilities\n",
                "monthly_leasing_price", 1},
        BadFile{"ColumnTwice",
                "phone_number,phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price\n",
                "phone_number", 1},
        BadFile{"NoHeader", "+12065550100,US,LONG_CODE,SMS,1.00\n", "header", 1},
        BadFile{
            "FictionalTwice",
            "phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price,fictional,fictional\n",
            "fictional twice", 1},
        BadFile{"FictionalOrNot",
                "phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price,fictional\n"
                "+12065550100,US,LONG_CODE,SMS,1.00,yes\n",
                "fictional must be true or false", 2},
        BadFile{"LaterLine",
                std::string(kHeader) + "\n\n+12065550100,US,LONG_CODE,SMS,1.00\n\nnonsense,US,LONG_CODE,SMS,1.00\n",
                "E.164", 6},
        BadLine("FewValues", "+12065550101,US,LONG_CODE,SMS", "as many values"),
        BadLine("ManyValues", "+12065550101,US,LONG_CODE,SMS,1.00,", "as many values"),
        BadLine("NumberWithoutPlus", "12065550101,US,LONG_CODE,SMS,1.00", "E.164"),
        BadLine("NumberWithLeadingZero", "+02065550101,US,LONG_CODE,SMS,1.00", "E.164"),
        BadLine("NumberTooLong", "+12345678901234567890,US,LONG_CODE,SMS,1.00", "E.164"),
        BadLine("NumberTooShort", "+1,US,LONG_CODE,SMS,1.00", "E.164"),
        BadLine("NumberWithBlank", "+1206555 0101,US,LONG_CODE,SMS,1.00", "E.164"),
        BadLine("NumberEmpty", ",US,LONG_CODE,SMS,1.00", "E.164"),
        BadLine("CountryInLowerCase", "+12065550101,us,LONG_CODE,SMS,1.00", "two upper-case letters"),
        BadLine("CountryTooLong", "+12065550101,USA,LONG_CODE,SMS,1.00", "two upper-case letters"),
        BadLine("UnknownType", "+12065550101,US,PAGER,SMS,1.00", "LONG_CODE, TOLL_FREE, TEN_DLC, SIMULATOR"),
        BadLine("TypeThatCannotBeRequested", "+12065550101,US,SHORT_CODE,SMS,1.00", "number_type must be one of"),
        BadLine("TypeInLowerCase", "+12065550101,US,long_code,SMS,1.00", "number_type must be one of"),
        BadLine("NoCapability", "+12065550101,US,LONG_CODE,,1.00", "SMS, VOICE, MMS, RCS"),
        BadLine("UnknownCapability", "+12065550101,US,LONG_CODE,SMS|FAX,1.00", "SMS, VOICE, MMS, RCS"),
        BadLine("CapabilityTwice", "+12065550101,US,LONG_CODE,SMS|VOICE|SMS,1.00", "names one twice"),
        BadLine("PriceWithoutCents", "+12065550101,US,LONG_CODE,SMS,1", "must look like 1.00"),
        BadLine("PriceWithCurrency", "+12065550101,US,LONG_CODE,SMS,$1.00", "must look like 1.00"),
        BadLine("NegativePrice", "+12065550101,US,LONG_CODE,SMS,-1.00", "must look like 1.00"),
        BadLine("NumberTwice", "+12065550100,US,LONG_CODE,SMS,1.00", "second time")),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace poold
