#include "server/middleware/pattern.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace poold {
namespace {

// Every ASCII character, alone, twice and behind one that most patterns take; and what is no ASCII.
std::vector<std::string> Texts() {
  std::vector<std::string> texts{"", "AA", "AAA", "é", "AÀ", "\xff", "A\xff", std::string(300, 'A')};
  for (int c = 0; c < 0x80; ++c) {
    texts.emplace_back(1, static_cast<char>(c));
    texts.emplace_back(2, static_cast<char>(c));
    texts.push_back(std::string("A") + static_cast<char>(c));
  }
  return texts;
}

// The table must never take what RE2 refuses. Of one class of characters it also knows every ASCII text that matches.
TEST(Pattern, IsTheSameByTableAsByRe2) {
  for (const char* pattern : {"[A-Za-z0-9_:/-]+", "[A-Za-z0-9_-]*", "[A-Z]{2}", "[!-~]+", R"([/\.:A-Za-z0-9+_-]+)",
                              R"([^\]\\]+)", R"(\S+)", ".+", ".*", "[^a]*"}) {
    const re2::RE2 expected(pattern);
    const Pattern tried(pattern);
    for (const std::string& text : Texts()) {
      const bool is_ascii = text.find('\0') == text.npos && std::ranges::all_of(text, [](char c) { return c >= 0; });
      EXPECT_EQ(tried.Matches(text), re2::RE2::FullMatch(text, expected)) << pattern << " on " << text;
      EXPECT_EQ(tried.MatchesByTable(text), is_ascii && tried.Matches(text)) << pattern << " on " << text;
    }
  }
}

TEST(Pattern, LeavesOtherFormsToRe2) {
  for (const char* pattern : {"arn:[a-z]+", R"(\+?[0-9]{1,15})", "[a-z]", "[a-z]{1,2}", "A+|B", "[a-z]+[0-9]*", "A*",
                              "[[:alpha:]]+", "(?i)[a-z]+", "[a-z]+?", "[]a]+", R"(\d+)"}) {
    const re2::RE2 expected(pattern);
    const Pattern tried(pattern);
    for (const std::string& text : Texts()) {
      EXPECT_EQ(tried.Matches(text), re2::RE2::FullMatch(text, expected)) << pattern << " on " << text;
      EXPECT_FALSE(tried.MatchesByTable(text)) << pattern << " on " << text;
    }
  }
}

TEST(Pattern, SaysWhyItIsNone) {
  try {
    const Pattern pattern("[a-");
    FAIL() << "was taken";
  } catch (const std::invalid_argument& problem) {
    EXPECT_STREQ(problem.what(), "missing ]: [a-");
  }
}

}  // namespace
}  // namespace poold
