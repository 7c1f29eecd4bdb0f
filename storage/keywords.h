#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/phone_numbers.h"
#include "storage/postgres/transaction.h"
#include "storage/sharing.h"
#include "storage/values/condition.h"
#include "storage/values/scope.h"

namespace poold::storage {

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

// All of them, in alphabetical order.
std::vector<Keyword> ListKeywords(Transaction& tx, const KeywordOwner& owner);

// A keyword, and whether it meets the conditions.
struct NamedKeyword {
  Keyword keyword;
  bool meets_conditions = false;
};

// What a viewer asks for of the keywords of a pool or a number. Of a number in a pool they are the pool's.
struct KeywordListing {
  Viewer viewer;
  KeywordOwner owner;
  std::vector<Condition> conditions;
  std::vector<std::string> named;  // these, whether they meet the conditions or not; none: all that do, by page
  std::string after;               // a page begins after this keyword …
  int limit = 0;                   // … and has so many at most
};

// In alphabetical order.
Contents<NamedKeyword> ReadKeywords(Transaction& tx, const KeywordListing& listing);

}  // namespace poold::storage
