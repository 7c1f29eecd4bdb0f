#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/scope.h"
#include "storage/transaction.h"

namespace poold {

// What is answered to which word.
struct Keyword {
  std::string keyword;  // upper case
  std::string message;
  std::string action;  // "AUTOMATIC_RESPONSE", "OPT_OUT" or "OPT_IN"
};

// Gives a new pool or number its first keywords.
void InsertPoolKeywords(Transaction& tx, const Scope& scope, std::string_view pool_id,
                        const std::vector<Keyword>& keywords);
void InsertPhoneNumberKeywords(Transaction& tx, const Scope& scope, std::string_view phone_number_id,
                               const std::vector<Keyword>& keywords);

// Gives a new pool the keywords of its first number.
void CopyKeywordsToPool(Transaction& tx, const Scope& scope, std::string_view phone_number_id,
                        std::string_view pool_id);

// Gives a number the keywords of a pool, instead of its own.
void CopyKeywordsToPhoneNumber(Transaction& tx, const Scope& scope, std::string_view pool_id,
                               std::string_view phone_number_id);

// Gives every number in the pool the pool's keywords, instead of its own.
void CopyKeywordsToPhoneNumbersOf(Transaction& tx, const Scope& scope, std::string_view pool_id);

// Whether pool and number have the same keywords, with the same messages and actions.
bool SameKeywords(Transaction& tx, const Scope& scope, std::string_view pool_id, std::string_view phone_number_id);

}  // namespace poold
