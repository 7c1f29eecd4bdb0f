#include "server/base/page_token.h"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace poold {
namespace {

using Position = std::vector<std::string>;

const std::string kKey = "0123456789abcdef0123456789abcdef";
const std::string kRequest = "DescribePools|111122223333|us-east-1|";
const Position kPosition{"1704067200000", "pool-00000000000000000000000000000001"};

TEST(PageToken, ReturnsItsPosition) {
  const PageTokens tokens(kKey);
  for (const Position& position : {kPosition, Position{}, Position{""}, Position{"", "a", ""},
                                   Position{std::string("\0\xFF\n", 3)}, Position{std::string(700, 'x')}}) {
    EXPECT_EQ(tokens.Open(kRequest, tokens.Seal(kRequest, position)), position);
  }
}

TEST(PageToken, FitsTheModelsNextToken) {
  const PageTokens tokens(kKey);
  for (std::size_t size = 0; size <= 740; ++size) {
    const std::string token = tokens.Seal(kRequest, {std::string(size, '\xFF')});
    EXPECT_LE(token.size(), 1024u);
    EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), token.npos);
  }
  EXPECT_THROW(tokens.Seal(kRequest, {std::string(800, 'x')}), std::length_error);
  EXPECT_THROW(tokens.Seal(kRequest, {std::string(70000, 'x')}), std::length_error);
}

TEST(PageToken, RefusesATokenOfAnotherRequest) {
  const PageTokens tokens(kKey);
  const std::string token = tokens.Seal(kRequest, kPosition);
  EXPECT_FALSE(tokens.Open("DescribePools|999988887777|us-east-1|", token));
  EXPECT_FALSE(tokens.Open("DescribePhoneNumbers|111122223333|us-east-1|", token));
  EXPECT_FALSE(tokens.Open("", token));
}

TEST(PageToken, TellsScopeFromPosition) {
  const PageTokens tokens(kKey);
  EXPECT_FALSE(tokens.Open("", tokens.Seal("x", {})));
  // A scope whose beginning reads as one more part of the position: moving it over there must not keep the token valid.
  const std::string part("\0\1x", 3);  // "AAF4" in base64
  const std::string token = tokens.Seal(part + "rest", {"abc"});
  const std::string moved = token.substr(0, 8) + "AAF4" + token.substr(8);
  EXPECT_EQ(tokens.Seal("rest", {"abc", "x"}).substr(0, 12), moved.substr(0, 12));
  EXPECT_FALSE(tokens.Open("rest", moved));
}

TEST(PageToken, RefusesATokenOfAnotherKey) {
  EXPECT_FALSE(PageTokens(kKey).Open(kRequest, PageTokens("another key, as long as it is").Seal(kRequest, kPosition)));
}

TEST(PageToken, RefusesEveryChangeOfOneCharacter) {
  const PageTokens tokens(kKey);
  const std::string token = tokens.Seal(kRequest, kPosition);
  for (std::size_t at = 0; at < token.size(); ++at) {
    for (const char c : std::string("AZaz09-_=+/ \n") + '\0' + '\xFF') {
      std::string altered = token;
      if (altered[at] == c) continue;
      altered[at] = c;
      EXPECT_FALSE(tokens.Open(kRequest, altered)) << at << " " << c;
    }
    EXPECT_FALSE(tokens.Open(kRequest, token.substr(0, at)));
  }
  for (const char* more : {"A", "=", "==", "AAAA"}) EXPECT_FALSE(tokens.Open(kRequest, token + more)) << more;
}

TEST(PageToken, HasOneSpellingOnly) {
  const PageTokens tokens(kKey);
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (std::size_t size = 0; size < 3; ++size) {  // each number of left-over bits
    std::string token = tokens.Seal(kRequest, {std::string(size, 'x')});
    const char last = token.back();
    int accepted = 0;
    for (const char c : alphabet) {
      token.back() = c;
      if (tokens.Open(kRequest, token)) ++accepted;
    }
    token.back() = last;
    EXPECT_TRUE(tokens.Open(kRequest, token));
    EXPECT_EQ(accepted, 1);
  }
}

TEST(PageToken, SurvivesAnyBytes) {
  const PageTokens tokens(kKey);
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::mt19937 random(2);
  for (int round = 0; round < 50000; ++round) {
    std::string text(random() % 200, '\0');
    for (char& c : text) c = round % 2 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
    EXPECT_FALSE(tokens.Open(kRequest, text));
  }
  EXPECT_FALSE(tokens.Open(kRequest, std::string(10'000'000, 'A')));
}

TEST(PageToken, WantsAKeyThatCannotBeGuessed) {
  EXPECT_THROW(PageTokens(""), std::invalid_argument);
  EXPECT_THROW(PageTokens("short"), std::invalid_argument);
}

}  // namespace
}  // namespace poold
