#include "storage/keywords.h"

namespace poold {
namespace {

void Insert(Transaction& tx, const Statement& statement, const Scope& scope, std::string_view owner_id,
            const std::vector<Keyword>& keywords) {
  std::vector<std::string> words;
  std::vector<std::string> messages;
  std::vector<std::string> actions;
  for (const Keyword& keyword : keywords) {
    words.push_back(keyword.keyword);
    messages.push_back(keyword.message);
    actions.push_back(keyword.action);
  }
  tx.Run(statement, Params(scope.account, scope.region, owner_id, words, messages, actions));
}

}  // namespace

void InsertPoolKeywords(Transaction& tx, const Scope& scope, std::string_view pool_id,
                        const std::vector<Keyword>& keywords) {
  static constexpr Statement kInsert{
      "pool_keywords.insert",
      "INSERT INTO pool_keywords (account_id, region, pool_id, keyword, keyword_message, keyword_action)"
      " SELECT $1, $2, $3, word, message, action"
      " FROM unnest($4::text[], $5::text[], $6::text[]) AS keyword (word, message, action)"};
  Insert(tx, kInsert, scope, pool_id, keywords);
}

void InsertPhoneNumberKeywords(Transaction& tx, const Scope& scope, std::string_view phone_number_id,
                               const std::vector<Keyword>& keywords) {
  static constexpr Statement kInsert{
      "phone_number_keywords.insert",
      "INSERT INTO phone_number_keywords"
      " (account_id, region, phone_number_id, keyword, keyword_message, keyword_action)"
      " SELECT $1, $2, $3, word, message, action"
      " FROM unnest($4::text[], $5::text[], $6::text[]) AS keyword (word, message, action)"};
  Insert(tx, kInsert, scope, phone_number_id, keywords);
}

void CopyKeywordsToPool(Transaction& tx, const Scope& scope, std::string_view phone_number_id,
                        std::string_view pool_id) {
  static constexpr Statement kCopy{
      "pool_keywords.copy_from_phone_number",
      "INSERT INTO pool_keywords (account_id, region, pool_id, keyword, keyword_message, keyword_action)"
      " SELECT account_id, region, $4, keyword, keyword_message, keyword_action FROM phone_number_keywords"
      " WHERE account_id = $1 AND region = $2 AND phone_number_id = $3"};
  tx.Run(kCopy, Params(scope.account, scope.region, phone_number_id, pool_id));
}

void CopyKeywordsToPhoneNumber(Transaction& tx, const Scope& scope, std::string_view pool_id,
                               std::string_view phone_number_id) {
  static constexpr Statement kDelete{
      "phone_number_keywords.delete_all",
      "DELETE FROM phone_number_keywords WHERE account_id = $1 AND region = $2 AND phone_number_id = $3"};
  static constexpr Statement kCopy{
      "phone_number_keywords.copy_from_pool",
      "INSERT INTO phone_number_keywords"
      " (account_id, region, phone_number_id, keyword, keyword_message, keyword_action)"
      " SELECT account_id, region, $4, keyword, keyword_message, keyword_action FROM pool_keywords"
      " WHERE account_id = $1 AND region = $2 AND pool_id = $3"};
  tx.Run(kDelete, Params(scope.account, scope.region, phone_number_id));
  tx.Run(kCopy, Params(scope.account, scope.region, pool_id, phone_number_id));
}

void CopyKeywordsToPhoneNumbersOf(Transaction& tx, const Scope& scope, std::string_view pool_id) {
  static constexpr Statement kDelete{
      "phone_number_keywords.delete_of_members",
      "DELETE FROM phone_number_keywords USING phone_numbers"
      " WHERE phone_numbers.account_id = $1 AND phone_numbers.region = $2 AND phone_numbers.pool_id = $3"
      " AND phone_number_keywords.account_id = $1 AND phone_number_keywords.region = $2"
      " AND phone_number_keywords.phone_number_id = phone_numbers.phone_number_id"};
  static constexpr Statement kCopy{"phone_number_keywords.copy_to_members",
                                   "INSERT INTO phone_number_keywords"
                                   " (account_id, region, phone_number_id, keyword, keyword_message, keyword_action)"
                                   " SELECT $1, $2, phone_number_id, keyword, keyword_message, keyword_action"
                                   " FROM phone_numbers JOIN pool_keywords USING (account_id, region, pool_id)"
                                   " WHERE account_id = $1 AND region = $2 AND pool_id = $3"};
  tx.Run(kDelete, Params(scope.account, scope.region, pool_id));
  tx.Run(kCopy, Params(scope.account, scope.region, pool_id));
}

bool SameKeywords(Transaction& tx, const Scope& scope, std::string_view pool_id, std::string_view phone_number_id) {
  static constexpr Statement kSame{"keywords.same",
                                   "WITH pool AS ("
                                   "  SELECT keyword, keyword_message, keyword_action FROM pool_keywords"
                                   "  WHERE account_id = $1 AND region = $2 AND pool_id = $3),"
                                   " number AS ("
                                   "  SELECT keyword, keyword_message, keyword_action FROM phone_number_keywords"
                                   "  WHERE account_id = $1 AND region = $2 AND phone_number_id = $4)"
                                   " SELECT NOT EXISTS (SELECT FROM (TABLE pool EXCEPT TABLE number) AS missing)"
                                   " AND NOT EXISTS (SELECT FROM (TABLE number EXCEPT TABLE pool) AS extra)"};
  bool same = false;
  tx.Run(kSame, Params(scope.account, scope.region, pool_id, phone_number_id))[0].Read(same);
  return same;
}

}  // namespace poold
