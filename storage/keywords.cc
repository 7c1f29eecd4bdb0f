#include "storage/keywords.h"

#include "storage/postgres/ordinality.h"
#include "storage/postgres/query.h"
#include "storage/visibility.h"

namespace poold::storage {
namespace {

#define KEYWORD_COLUMNS "keyword, keyword_message, keyword_action"

Params Columns(const std::vector<Keyword>& keywords) {
  return Params::Columns(
      keywords, [](const Keyword& keyword) { return std::tie(keyword.keyword, keyword.message, keyword.action); });
}

}  // namespace

void InsertPoolKeywords(Transaction& tx, const std::vector<ScopedId>& pools, const std::vector<Keyword>& keywords) {
  static constexpr Statement kInsert{
      "pool_keywords.insert",
      "INSERT INTO pool_keywords (account_id, region, pool_id, keyword, keyword_message, keyword_action)"
      " SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS pool,"
      "   unnest($4::text[], $5::text[], $6::text[]) AS keyword"};
  if (pools.empty() || keywords.empty()) return;
  Params params = ColumnsOf(pools);
  params.Append(Columns(keywords));
  tx.Later(kInsert, std::move(params));
}

void InsertPhoneNumberKeywords(Transaction& tx, const Scope& scope, std::string_view phone_number_id,
                               const std::vector<Keyword>& keywords) {
  static constexpr Statement kInsert{
      "phone_number_keywords.insert",
      "INSERT INTO phone_number_keywords"
      " (account_id, region, phone_number_id, keyword, keyword_message, keyword_action)"
      " SELECT $1, $2, $3, word, message, action"
      " FROM unnest($4::text[], $5::text[], $6::text[]) AS keyword (word, message, action)"};
  Params params(scope.account, scope.region, phone_number_id);
  params.Append(Columns(keywords));
  tx.Later(kInsert, std::move(params));
}

void CopyKeywordsToPools(Transaction& tx, const std::vector<NumberInPool>& first_numbers) {
  static constexpr Statement kCopy{
      "pool_keywords.copy_from_phone_number",
      "INSERT INTO pool_keywords (account_id, region, pool_id, keyword, keyword_message, keyword_action)"
      " SELECT account_id, region, pool, keyword, keyword_message, keyword_action"
      " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS first (account, region_, pool, number)"
      " JOIN phone_number_keywords ON account_id = account AND region = region_ AND phone_number_id = number"};
  if (first_numbers.empty()) return;
  tx.Later(kCopy, ColumnsOf(first_numbers));
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
  tx.Later(kDelete, Params(scope.account, scope.region, phone_number_id));
  tx.Later(kCopy, Params(scope.account, scope.region, pool_id, phone_number_id));
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
  tx.Later(kDelete, Params(scope.account, scope.region, pool_id));
  tx.Later(kCopy, Params(scope.account, scope.region, pool_id));
}

namespace {

constexpr FilterColumn kFilters[] = {
    {"keyword-action", "keyword_action = ANY(?::text[])"},
};

// " FROM <the owner's table> WHERE <its key>".
void AddFromOwner(Query& query, const KeywordOwner& owner) {
  const bool pool = owner.kind == KeywordOwner::Kind::kPool;
  query.Add(pool ? " FROM pool_keywords" : " FROM phone_number_keywords")
      .Add(" WHERE account_id = ?", owner.scope.account)
      .Add(" AND region = ?", owner.scope.region)
      .Add(pool ? " AND pool_id = ?" : " AND phone_number_id = ?", owner.id);
}

template <typename... Further>
Keyword ReadKeyword(const Row& row, Further&... further) {
  Keyword keyword;
  row.Read(keyword.keyword, keyword.message, keyword.action, further...);
  return keyword;
}

}  // namespace

std::optional<Keyword> FindKeyword(Transaction& tx, const KeywordOwner& owner, std::string_view keyword) {
  Query query("keywords.find");
  query.Add("SELECT " KEYWORD_COLUMNS);
  AddFromOwner(query, owner);
  query.Add(" AND keyword = ?", keyword);
  const Rows rows = query.Run(tx);
  if (rows.empty()) return std::nullopt;
  return ReadKeyword(rows[0]);
}

std::int64_t CountKeywords(Transaction& tx, const KeywordOwner& owner) {
  Query query("keywords.count");
  query.Add("SELECT count(*)");
  AddFromOwner(query, owner);
  std::int64_t count = 0;
  query.Run(tx)[0].Read(count);
  return count;
}

void PutKeyword(Transaction& tx, const KeywordOwner& owner, const Keyword& keyword) {
  static constexpr Statement kOfPool{
      "pool_keywords.put",
      "INSERT INTO pool_keywords (account_id, region, pool_id, keyword, keyword_message, keyword_action)"
      " VALUES ($1, $2, $3, $4, $5, $6)"
      " ON CONFLICT ON CONSTRAINT pool_keywords_pkey DO UPDATE"
      " SET keyword_message = excluded.keyword_message, keyword_action = excluded.keyword_action"};
  static constexpr Statement kOfPhoneNumber{
      "phone_number_keywords.put",
      "INSERT INTO phone_number_keywords"
      " (account_id, region, phone_number_id, keyword, keyword_message, keyword_action)"
      " VALUES ($1, $2, $3, $4, $5, $6)"
      " ON CONFLICT ON CONSTRAINT phone_number_keywords_pkey DO UPDATE"
      " SET keyword_message = excluded.keyword_message, keyword_action = excluded.keyword_action"};
  tx.Later(owner.kind == KeywordOwner::Kind::kPool ? kOfPool : kOfPhoneNumber,
           Params(owner.scope.account, owner.scope.region, owner.id, keyword.keyword, keyword.message, keyword.action));
}

void DeleteKeyword(Transaction& tx, const KeywordOwner& owner, std::string_view keyword) {
  Query query("keywords.delete");
  query.Add("DELETE");
  AddFromOwner(query, owner);
  query.Add(" AND keyword = ?", keyword).Later(tx);
}

std::vector<Keyword> ListKeywords(Transaction& tx, const KeywordOwner& owner) {
  Query query("keywords.list");
  query.Add("SELECT " KEYWORD_COLUMNS);
  AddFromOwner(query, owner);
  query.Add(" ORDER BY keyword");
  std::vector<Keyword> keywords;
  for (const Row row : query.Run(tx)) keywords.push_back(ReadKeyword(row));
  return keywords;
}

namespace {

// "(<the keywords that are answered for this owner>)", of a row that AddOwner has added.
void AddKeywordsAnswered(Query& query, const KeywordOwner& owner) {
  const bool pool = owner.kind == KeywordOwner::Kind::kPool;
  query.Add("(SELECT " KEYWORD_COLUMNS " FROM pool_keywords WHERE account_id = ?", owner.scope.account)
      .Add(" AND region = ?", owner.scope.region);
  if (pool) {
    query.Add(" AND pool_id = ?)", owner.id);
    return;
  }
  query.Add(" AND pool_id = number_pool_id UNION ALL SELECT " KEYWORD_COLUMNS " FROM phone_number_keywords")
      .Add(" WHERE number_pool_id IS NULL AND account_id = ?", owner.scope.account)
      .Add(" AND region = ?", owner.scope.region)
      .Add(" AND phone_number_id = ?)", owner.id);
}

}  // namespace

Contents<NamedKeyword> ReadKeywords(Transaction& tx, const KeywordListing& listing) {
  const KeywordOwner& owner = listing.owner;
  const bool pool = owner.kind == KeywordOwner::Kind::kPool;
  const bool by_name = !listing.named.empty();
  Query query(by_name ? "keywords.find_named" : "keywords.list");
  query.Add("SELECT granted, name, " KEYWORD_COLUMNS ", meets");
  AddOwner(query, listing.viewer, pool ? kPoolTable : kPhoneNumberTable, owner.scope, owner.id,
           pool ? "" : ", pool_id AS number_pool_id");
  query.Add(" LEFT JOIN LATERAL (SELECT " KEYWORD_COLUMNS ", (true");
  if (by_name) AddConditions(query, kFilters, listing.conditions);
  query.Add(") AS meets FROM ");
  AddKeywordsAnswered(query, owner);
  query.Add(" AS answered WHERE granted");
  if (by_name) {
    query.Add(" AND keyword = ANY(?::text[])", listing.named);
  } else {
    query.Add(" AND keyword > ?", listing.after);
    AddConditions(query, kFilters, listing.conditions);
  }
  // The LIMIT makes it a look-up whatever the plan is made for (see FindPoolsTogether).
  query.Add(" ORDER BY keyword LIMIT ?", by_name ? static_cast<int>(listing.named.size()) : listing.limit)
      .Add(") AS keywords ON true ORDER BY keyword");
  return ReadContents(query.Run(tx), [](const Row& row) {
    NamedKeyword named;
    named.keyword = ReadKeyword(row, named.meets_conditions);
    return named;
  });
}

#undef KEYWORD_COLUMNS

}  // namespace poold::storage
