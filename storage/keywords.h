#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/condition.h"
#include "storage/phone_numbers.h"
#include "storage/scope.h"
#include "storage/transaction.h"

namespace poold {

// What is answered to which word.
struct Keyword {
  std::string keyword;  // upper case
  std::string message;
  std::string action;  // "AUTOMATIC_RESPONSE", "OPT_OUT" or "OPT_IN"

  bool operator==(const Keyword&) const = default;
};

// Gives new pools, or a new number, their first keywords.
void InsertPoolKeywords(Transaction& tx, const std::vector<ScopedId>& pools, const std::vector<Keyword>& keywords);
void InsertPhoneNumberKeywords(Transaction& tx, const Scope& scope, std::string_view phone_number_id,
                               const std::vector<Keyword>& keywords);

// Gives each new pool the keywords of its first number.
void CopyKeywordsToPools(Transaction& tx, const std::vector<NumberInPool>& first_numbers);

// Gives a number the keywords of a pool, instead of its own.
void CopyKeywordsToPhoneNumber(Transaction& tx, const Scope& scope, std::string_view pool_id,
                               std::string_view phone_number_id);

// Gives every number in the pool the pool's keywords, instead of its own.
void CopyKeywordsToPhoneNumbersOf(Transaction& tx, const Scope& scope, std::string_view pool_id);

// Whose keywords: a pool's or a phone number's.
struct KeywordOwner {
  enum class Kind { kPool, kPhoneNumber } kind;
  Scope scope;
  std::string id;
};

std::optional<Keyword> FindKeyword(Transaction& tx, const KeywordOwner& owner, std::string_view keyword);

std::int64_t CountKeywords(Transaction& tx, const KeywordOwner& owner);

// Adds the keyword, or replaces its message and action.
void PutKeyword(Transaction& tx, const KeywordOwner& owner, const Keyword& keyword);

void DeleteKeyword(Transaction& tx, const KeywordOwner& owner, std::string_view keyword);

// The first `limit` keywords after the given one that meet the conditions, in alphabetical order.
std::vector<Keyword> ListKeywords(Transaction& tx, const KeywordOwner& owner, const std::vector<Condition>& conditions,
                                  const std::string& after, int limit);

// A keyword that was asked for, and whether it meets the conditions.
struct NamedKeyword {
  Keyword keyword;
  bool meets_conditions = false;
};

// Those of the keywords that are there, in alphabetical order.
std::vector<NamedKeyword> FindKeywords(Transaction& tx, const KeywordOwner& owner,
                                       const std::vector<std::string>& keywords,
                                       const std::vector<Condition>& conditions);

}  // namespace poold
