#include "server/base/text.h"

#include <gtest/gtest.h>

#include <clocale>
#include <random>
#include <string>

namespace poold {
namespace {

TEST(Text, CountsCodePointsNotBytes) {
  EXPECT_EQ(CodePoints(""), 0u);
  EXPECT_EQ(CodePoints("abc"), 3u);
  EXPECT_EQ(CodePoints("ü€😀"), 3u);
  EXPECT_EQ(CodePoints("e\u0301"), 2u);  // a combining accent is a code point of its own
  EXPECT_EQ(CodePoints(std::string("a\0b", 3)), 3u);
  EXPECT_EQ(CodePoints("\xF4\x8F\xBF\xBF"), 1u);  // U+10FFFF
}

TEST(Text, RefusesWhatIsNotUtf8) {
  for (const char* text : {"\x80", "\xC3", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xE2\x82",
                           "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "a\xC3z"}) {
    EXPECT_EQ(CodePoints(text), std::nullopt);
  }
}

TEST(Text, PrintsOnlyWhatIsPrintable) {
  EXPECT_EQ(Printable("plain ü", 100), "plain ü");
  EXPECT_EQ(Printable("a\r\n\t\x7F\xC2\x85z", 100), "a?????z");
  EXPECT_EQ(Printable("\xC3(\xFF", 100), "?(?");
}

TEST(Text, ShortensBetweenCharacters) {
  EXPECT_EQ(Printable("123456", 6), "123456");
  EXPECT_EQ(Printable("1234567", 6), "123...");
  EXPECT_EQ(Printable("üüüü", 7), "üü...");
  EXPECT_EQ(Printable("üüüü", 6), "ü...");
  EXPECT_EQ(Printable("1234567", 2), "");
}

TEST(UpperCase, KnowsTheLettersOfAllScripts) {
  EXPECT_EQ(UpperCase(""), "");
  EXPECT_EQ(UpperCase("help me 2 day!"), "HELP ME 2 DAY!");
  EXPECT_EQ(UpperCase("información"), "INFORMACIÓN");
  EXPECT_EQ(UpperCase("привет"), "ПРИВЕТ");
  EXPECT_EQ(UpperCase("γειά σας"), "ΓΕΙΆ ΣΑΣ");  // both small sigmas have one capital
  EXPECT_EQ(UpperCase("ÿ"), "Ÿ");                // from another block of code points
  EXPECT_EQ(UpperCase("ⴀ"), "Ⴀ");                // three bytes
  EXPECT_EQ(UpperCase("𐐨"), "𐐀");                // four bytes
}

TEST(UpperCase, LeavesWhatHasNoCapital) {
  for (const char* text : {"ABC 123", "שלום", "مرحبا", "你好", "😀", "ß", "1\u0301"}) {
    EXPECT_EQ(UpperCase(text), text);
  }
}

TEST(UpperCase, GoesCharacterByCharacter) {
  EXPECT_EQ(UpperCase("straße"), "STRAßE");  // "STRASSE" would be longer than what was checked
  EXPECT_EQ(UpperCase("e\u0301"), "E\u0301");
  EXPECT_EQ(UpperCase(std::string("a\0b", 3)), std::string("A\0B", 3));
}

TEST(UpperCase, IsTheSameTheSecondTimeAndAsLong) {
  for (const char* text : {"información", "γειά σας", "ÿ𐐨ßıſ", "help"}) {
    const std::string upper = UpperCase(text);
    EXPECT_EQ(UpperCase(upper), upper);
    EXPECT_EQ(CodePoints(upper), CodePoints(text));
  }
}

TEST(UpperCase, DependsOnNoLocale) {
  const std::string before = setlocale(LC_ALL, nullptr);
  setlocale(LC_ALL, "C");
  EXPECT_EQ(UpperCase("üi"), "ÜI");
  setlocale(LC_ALL, before.c_str());
}

TEST(WithThousandths, HasThreeDecimals) {
  EXPECT_EQ(WithThousandths(0, 0), "0.000");
  EXPECT_EQ(WithThousandths(12, 7), "12.007");
  EXPECT_EQ(WithThousandths(1645568542, 999), "1645568542.999");
}

TEST(Text, KeepsItsPromisesForAnyBytes) {
  std::mt19937 random(3);
  for (int round = 0; round < 50000; ++round) {
    std::string text(random() % 24, '\0');
    for (char& c : text) c = static_cast<char>(random() % 3 == 0 ? random() : 0xC0 + random() % 0x30);
    const std::size_t room = random() % 24;
    const std::string printable = Printable(text, room);
    EXPECT_LE(printable.size(), room);
    EXPECT_TRUE(CodePoints(printable));
  }
}

}  // namespace
}  // namespace poold
