#include "storage/pool_members.h"

#include <algorithm>

#include "storage/postgres/ordinality.h"
#include "storage/postgres/query.h"
#include "storage/visibility.h"

namespace poold::storage {
namespace {

constexpr FilterColumn kFilters[] = {
    {"iso-country-code", "country = ANY(?::text[])"},
    {"number-capability", "capabilities && ?::text[]"},
};

bool ReadBool(const Rows& rows) {
  bool value = false;
  rows[0].Read(value);
  return value;
}

// " FROM <members> WHERE <condition> …": a page of them.
void AddMembers(Query& query, const MemberListing& listing, std::string_view condition) {
  query
      .Add(
          // LATERAL with LIMIT as in FindPoolsTogether.
          " FROM (SELECT member.position, member.phone_number_id, number.phone_number,"
          "    upper(member.sender_id_key COLLATE \"C\") AS sender_id,"
          "    coalesce(number.iso_country_code, member.iso_country_code) AS country,"
          "    coalesce(number.number_capabilities, ARRAY['SMS']) AS capabilities"
          "  FROM pool_members AS member"
          "  LEFT JOIN LATERAL (SELECT phone_number, iso_country_code, number_capabilities FROM phone_numbers AS of"
          "    WHERE of.account_id = member.account_id AND of.region = member.region"
          "    AND of.phone_number_id = member.phone_number_id LIMIT 1) AS number ON true"
          "  WHERE member.account_id = ?",
          listing.scope.account)
      .Add(" AND member.region = ?", listing.scope.region)
      .Add(" AND member.pool_id = ?", listing.pool_id)
      .Add(" AND member.position > ?::bigint) AS members WHERE ", listing.after)
      .Add(condition);
  AddConditions(query, kFilters, listing.conditions);
  if (listing.viewer.reach) {
    query.Add(" AND ");
    AddIdentityReached(query, *listing.viewer.reach, listing.scope.account,
                       {"phone_number_id", "sender_id", "country"});
  }
  query.Add(" ORDER BY position LIMIT ?", listing.limit);
}

Query QueryOf(const MemberListing& listing) {
  Query query("pool_members.list");
  if (listing.viewer.scope == listing.scope) {
    // Without a policy to look at, a row of the pool's own is enough: a join costs an eighth more.
    query.Add("(SELECT true AS granted, NULL AS name, members.*");
    AddMembers(query, listing, "true");
    query
        .Add(") UNION ALL SELECT true, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM pools WHERE account_id = ?",
             listing.scope.account)
        .Add(" AND region = ?", listing.scope.region)
        .Add(" AND pool_id = ?", listing.pool_id);
    return query;
  }
  query.Add("SELECT granted, NULL, members.*");
  AddOwner(query, listing.viewer, kPoolTable, listing.scope, listing.pool_id);
  query.Add(" LEFT JOIN LATERAL (SELECT members.*");
  AddMembers(query, listing, "granted");
  query.Add(") AS members ON true");
  return query;
}

Contents<PoolMember> ReadMembers(const Rows& rows) {
  auto members = ReadContents(rows, [](const Row& row) {
    PoolMember member;
    row.Read(member.position, member.phone_number_id, member.phone_number, member.sender_id, member.iso_country_code,
             member.capabilities);
    return member;
  });
  // They are sorted, but what surrounds an ORDER BY promises nothing.
  if (!std::ranges::is_sorted(members.items, {}, &PoolMember::position)) {
    std::ranges::sort(members.items, {}, &PoolMember::position);
  }
  return members;
}

}  // namespace

// Of the pool with the columns or parameters `account`, `region` and `pool`.
#define MEMBER_COUNT(account, region_)                                                                           \
  "count(phone_number_id), count(sender_id_key), (SELECT amount FROM account_quotas WHERE account_id = " account \
  " AND region = " region_ " AND quota = 'ORIGINATION_IDENTITIES_PER_POOL')"

#define CAPABILITIES_IN_POOL(account, region_, pool)                                                   \
  "SELECT number_capabilities FROM phone_numbers WHERE account_id = " account " AND region = " region_ \
  " AND pool_id = " pool " LIMIT 1"

MemberCount CountMembers(Transaction& tx, const Scope& scope, std::string_view pool_id) {
  static constexpr Statement kCount{
      "pool_members.count",
      "SELECT " MEMBER_COUNT("$1", "$2") " FROM pool_members WHERE account_id = $1 AND region = $2 AND pool_id = $3"};
  MemberCount count;
  tx.Run(kCount, Params(scope.account, scope.region, pool_id))[0].Read(count.phone_numbers, count.sender_ids,
                                                                       count.quota);
  return count;
}

std::vector<PoolToJoin> FindPoolsToJoin(Transaction& tx, const std::vector<NumberInPool>& joining) {
  static constexpr Statement kFind{
      "pool_members.pools_to_join",
      "SELECT found.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS"
      "   joining (account, region_, pool, number, place)"
      " CROSS JOIN LATERAL ("
      "   WITH of_pool AS ("
      "     SELECT keyword, keyword_message, keyword_action FROM pool_keywords"
      "     WHERE account_id = account AND region = region_ AND pool_id = pool),"
      "   of_number AS ("
      "     SELECT keyword, keyword_message, keyword_action FROM phone_number_keywords"
      "     WHERE account_id = account AND region = region_ AND phone_number_id = number)"
      "   SELECT " MEMBER_COUNT("account", "region_") ", (" CAPABILITIES_IN_POOL("account", "region_", "pool")
      "),"
      "   NOT EXISTS (SELECT FROM (TABLE of_pool EXCEPT TABLE of_number) AS missing)"
      "   AND NOT EXISTS (SELECT FROM (TABLE of_number EXCEPT TABLE of_pool) AS extra)"
      "   FROM pool_members WHERE account_id = account AND region = region_ AND pool_id = pool) AS found"
      " ORDER BY place"};
  std::vector<PoolToJoin> pools;
  if (joining.empty()) return pools;
  for (const Row row : tx.Run(kFind, ColumnsOf(joining))) {
    PoolToJoin& found = pools.emplace_back();
    row.Read(found.count.phone_numbers, found.count.sender_ids, found.count.quota, found.capabilities,
             found.same_keywords);
  }
  return pools;
}

std::optional<std::vector<std::string>> CapabilitiesOfNumbersIn(Transaction& tx, const Scope& scope,
                                                                std::string_view pool_id) {
  static constexpr Statement kFind{"phone_numbers.capabilities_in_pool", CAPABILITIES_IN_POOL("$1", "$2", "$3")};
  const Rows rows = tx.Run(kFind, Params(scope.account, scope.region, pool_id));
  if (rows.empty()) return std::nullopt;
  std::vector<std::string> capabilities;
  rows[0].Read(capabilities);
  return capabilities;
}

#undef CAPABILITIES_IN_POOL
#undef MEMBER_COUNT

bool HasMemberBeyond(Transaction& tx, const Scope& scope, std::string_view pool_id, const Reach& reach,
                     bool numbers_only) {
  Query query("pool_members.beyond_reach");
  query.Add("SELECT EXISTS (SELECT FROM pool_members WHERE account_id = ?", scope.account)
      .Add(" AND region = ?", scope.region)
      .Add(" AND pool_id = ?", pool_id)
      .Add(numbers_only ? " AND phone_number_id IS NOT NULL" : "")
      .Add(" AND NOT (");
  AddIdentityReached(query, reach, scope.account, {"phone_number_id", "sender_id_key", "iso_country_code"});
  return ReadBool(query.Add("))").Run(tx));
}

bool IsSenderIdInPool(Transaction& tx, const Scope& scope, std::string_view pool_id, const SenderIdName& name) {
  static constexpr Statement kExists{"pool_members.has_sender_id",
                                     "SELECT EXISTS (SELECT FROM pool_members"
                                     " WHERE account_id = $1 AND region = $2 AND pool_id = $3"
                                     " AND sender_id_key = lower($4 COLLATE \"C\") AND iso_country_code = $5)"};
  return ReadBool(tx.Run(kExists, Params(scope.account, scope.region, pool_id, name.sender_id, name.iso_country_code)));
}

bool IsSenderIdInAnyPool(Transaction& tx, const Scope& scope, const SenderIdName& name) {
  static constexpr Statement kExists{"pool_members.any_has_sender_id",
                                     "SELECT EXISTS (SELECT FROM pool_members"
                                     " WHERE account_id = $1 AND region = $2"
                                     " AND sender_id_key = lower($3 COLLATE \"C\") AND iso_country_code = $4)"};
  return ReadBool(tx.Run(kExists, Params(scope.account, scope.region, name.sender_id, name.iso_country_code)));
}

void AddPhoneNumbersToPools(Transaction& tx, const std::vector<NumberInPool>& numbers) {
  static constexpr Statement kAdd{
      "pool_members.add_phone_numbers",
      "WITH joining AS ("
      "  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS joining (account, region_, pool, id)),"
      " number AS ("
      "  UPDATE phone_numbers SET pool_id = pool FROM joining"
      "  WHERE account_id = account AND region = region_ AND phone_number_id = id)"
      " INSERT INTO pool_members (account_id, region, pool_id, phone_number_id) TABLE joining"};
  if (numbers.empty()) return;
  tx.Later(kAdd, ColumnsOf(numbers));
}

void AddSenderIdsToPools(Transaction& tx, const std::vector<SenderIdInPool>& sender_ids) {
  static constexpr Statement kAdd{
      "pool_members.add_sender_ids",
      "INSERT INTO pool_members (account_id, region, pool_id, sender_id_key, iso_country_code)"
      " SELECT account, region_, pool, lower(name COLLATE \"C\"), country"
      " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])"
      "   AS joining (account, region_, pool, name, country)"};
  if (sender_ids.empty()) return;
  tx.Later(kAdd, Params::Columns(sender_ids, [](const SenderIdInPool& joining) {
             return std::tie(joining.scope.account, joining.scope.region, joining.pool_id, joining.name.sender_id,
                             joining.name.iso_country_code);
           }));
}

void RemovePhoneNumberFromPool(Transaction& tx, const Scope& scope, std::string_view pool_id,
                               std::string_view phone_number_id) {
  static constexpr Statement kRemove{
      "pool_members.remove_phone_number",
      "WITH member AS ("
      "  DELETE FROM pool_members"
      "  WHERE account_id = $1 AND region = $2 AND pool_id = $3 AND phone_number_id = $4)"
      " UPDATE phone_numbers SET pool_id = NULL"
      " WHERE account_id = $1 AND region = $2 AND phone_number_id = $4 AND pool_id = $3"};
  tx.Later(kRemove, Params(scope.account, scope.region, pool_id, phone_number_id));
}

void RemoveSenderIdFromPool(Transaction& tx, const Scope& scope, std::string_view pool_id, const SenderIdName& name) {
  static constexpr Statement kRemove{"pool_members.remove_sender_id",
                                     "DELETE FROM pool_members"
                                     " WHERE account_id = $1 AND region = $2 AND pool_id = $3"
                                     " AND sender_id_key = lower($4 COLLATE \"C\") AND iso_country_code = $5"};
  tx.Later(kRemove, Params(scope.account, scope.region, pool_id, name.sender_id, name.iso_country_code));
}

void RemoveAllFromPool(Transaction& tx, const Scope& scope, std::string_view pool_id) {
  // Locked as LockPhoneNumbers does it: a batch for another pool may name them too.
  static constexpr Statement kRemove{
      "pool_members.remove_all",
      "WITH members AS ("
      "  DELETE FROM pool_members WHERE account_id = $1 AND region = $2 AND pool_id = $3),"
      " numbers AS ("
      "  SELECT phone_number_id FROM phone_numbers WHERE account_id = $1 AND region = $2 AND pool_id = $3"
      "  ORDER BY phone_number_id FOR NO KEY UPDATE)"
      " UPDATE phone_numbers AS number SET pool_id = NULL FROM numbers"
      " WHERE number.account_id = $1 AND number.region = $2 AND number.phone_number_id = numbers.phone_number_id"};
  tx.Later(kRemove, Params(scope.account, scope.region, pool_id));
}

Contents<PoolMember> ListMembers(Transaction& tx, const MemberListing& listing) {
  return std::move(ListMembers(tx, std::vector{listing}).front());
}

std::vector<Contents<PoolMember>> ListMembers(Transaction& tx, const std::vector<MemberListing>& listings) {
  std::vector<Query> queries;
  for (const MemberListing& listing : listings) queries.push_back(QueryOf(listing));
  return RunTogether(tx, queries, &ReadMembers);
}

}  // namespace poold::storage
