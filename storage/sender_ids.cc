#include "storage/sender_ids.h"

#include "storage/postgres/ordinality.h"
#include "storage/postgres/query.h"
#include "storage/resource_policies.h"
#include "storage/tags.h"
#include "storage/visibility.h"

namespace poold::storage {
namespace {

#define SENDER_ID_COLUMNS                                                                                       \
  "account_id, sender_id, iso_country_code, message_types, monthly_leasing_price, deletion_protection_enabled," \
  " registered, registration_id, created_at"

constexpr FilterColumn kFilters[] = {
    {"sender-id", "sender_id_key = ANY(ARRAY(SELECT lower(value COLLATE \"C\") FROM unnest(?::text[]) AS value))"},
    {"iso-country-code", "iso_country_code = ANY(?::text[])"},
    {"message-type", "message_types && ?::text[]"},
    {"deletion-protection-enabled", "deletion_protection_enabled = ANY(?::boolean[])"},
    {"registered", "registered = ANY(?::boolean[])"},
};

template <typename... Further>
SenderId ReadSenderId(const Row& row, Further&... further) {
  SenderId sender_id;
  row.Read(sender_id.account, sender_id.sender_id, sender_id.iso_country_code, sender_id.message_types,
           sender_id.monthly_leasing_price, sender_id.deletion_protected, sender_id.registered,
           sender_id.registration_id, sender_id.created, further...);
  sender_id.sender_id = SenderIdText(sender_id.sender_id);  // builds before migration 0009 write it as requested
  return sender_id;
}

std::optional<SenderId> ReadOne(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return ReadSenderId(rows[0]);
}

}  // namespace

std::optional<SenderId> FindSenderId(Transaction& tx, const Scope& scope, const SenderIdName& name) {
  static constexpr Statement kFind{"sender_ids.find",
                                   "SELECT " SENDER_ID_COLUMNS
                                   " FROM sender_ids"
                                   " WHERE account_id = $1 AND region = $2"
                                   " AND sender_id_key = lower($3 COLLATE \"C\") AND iso_country_code = $4"};
  return ReadOne(tx.Run(kFind, Params(scope.account, scope.region, name.sender_id, name.iso_country_code)));
}

std::optional<SenderId> LockSenderId(Transaction& tx, const Scope& scope, const SenderIdName& name, SenderIdLock lock) {
  static constexpr Statement kForUse{
      "sender_ids.lock_for_use",
      "SELECT " SENDER_ID_COLUMNS
      " FROM sender_ids"
      " WHERE account_id = $1 AND region = $2"
      " AND sender_id_key = lower($3 COLLATE \"C\") AND iso_country_code = $4 FOR KEY SHARE"};
  static constexpr Statement kForChange{
      "sender_ids.lock_for_change",
      "SELECT " SENDER_ID_COLUMNS
      " FROM sender_ids"
      " WHERE account_id = $1 AND region = $2"
      " AND sender_id_key = lower($3 COLLATE \"C\") AND iso_country_code = $4 FOR UPDATE"};
  const Statement& statement = lock == SenderIdLock::kForUse ? kForUse : kForChange;
  return ReadOne(tx.Run(statement, Params(scope.account, scope.region, name.sender_id, name.iso_country_code)));
}

std::vector<std::optional<SenderId>> TryLockSenderIds(Transaction& tx, const std::vector<ScopedSenderId>& wanted) {
  static constexpr Statement kLock{
      "sender_ids.try_lock",
      "SELECT found.*, number"
      " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS"
      "   wanted (account, region_, name, country, number)"
      " CROSS JOIN LATERAL (SELECT " SENDER_ID_COLUMNS
      "   FROM sender_ids WHERE account_id = account AND region = region_"
      "   AND sender_id_key = lower(name COLLATE \"C\") AND iso_country_code = country LIMIT 1"
      "   FOR KEY SHARE SKIP LOCKED) AS found"};
  if (wanted.empty()) return {};
  const auto columns = Params::Columns(wanted, [](const ScopedSenderId& one) {
    return std::tie(one.scope.account, one.scope.region, one.name.sender_id, one.name.iso_country_code);
  });
  return ByNumber<SenderId>(tx.Run(kLock, columns), wanted.size(),
                            [](const Row& row, std::int64_t& number) { return ReadSenderId(row, number); });
}

std::vector<SenderId> ListSenderIds(Transaction& tx, const Viewer& viewer, const std::vector<Condition>& conditions,
                                    const std::optional<SenderIdPosition>& after, int limit) {
  Query query("sender_ids.list");
  query.Add("SELECT " SENDER_ID_COLUMNS " FROM sender_ids WHERE ");
  AddVisibleTo(query, viewer, kSenderIdTable);
  if (after) {
    query.Add(" AND (sender_id_key, iso_country_code, account_id) > (lower(? COLLATE \"C\")", after->name.sender_id)
        .Add(", ?", after->name.iso_country_code)
        .Add(", ?)", after->account);
  }
  AddConditions(query, kFilters, conditions);
  query.Add(" ORDER BY sender_id_key, iso_country_code, account_id LIMIT ?", limit);

  std::vector<SenderId> sender_ids;
  for (const Row row : query.Run(tx)) sender_ids.push_back(ReadSenderId(row));
  return sender_ids;
}

std::vector<NamedSenderId> FindSenderIds(Transaction& tx, const Viewer& viewer, const std::vector<OwnedSenderId>& names,
                                         const std::vector<Condition>& conditions) {
  Query query("sender_ids.find_named");
  query.Add("SELECT " SENDER_ID_COLUMNS ", (true");
  AddConditions(query, kFilters, conditions);
  query.Add("), ");
  AddGranted(query, viewer, kSenderIdTable);
  query.Add(" FROM sender_ids WHERE region = ?", viewer.scope.region)
      .AddEach(
          " AND (account_id, sender_id_key, iso_country_code) IN (SELECT account, lower(name COLLATE \"C\"), country"
          " FROM unnest(?::text[]",
          names, &OwnedSenderId::account)
      .AddEach(
          ", ?::text[]", names, [](const OwnedSenderId& owned) -> const auto& { return owned.name.sender_id; })
      .AddEach(
          ", ?::text[]) AS wanted (account, name, country))", names,
          [](const OwnedSenderId& owned) -> const auto& { return owned.name.iso_country_code; });
  query.Add(" ORDER BY sender_id_key, iso_country_code, account_id");

  std::vector<NamedSenderId> sender_ids;
  for (const Row row : query.Run(tx)) {
    NamedSenderId& named = sender_ids.emplace_back();
    named.sender_id = ReadSenderId(row, named.meets_conditions, named.granted);
  }
  return sender_ids;
}

bool InsertSenderId(Transaction& tx, const Scope& scope, const SenderId& sender_id) {
  static constexpr Statement kInsert{"sender_ids.insert", "INSERT INTO sender_ids (region, " SENDER_ID_COLUMNS
                                                          ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
                                                          " ON CONFLICT ON CONSTRAINT sender_ids_pkey DO NOTHING"};
  return tx.Run(kInsert, Params(scope.region, scope.account, sender_id.sender_id, sender_id.iso_country_code,
                                sender_id.message_types, sender_id.monthly_leasing_price, sender_id.deletion_protected,
                                sender_id.registered, sender_id.registration_id, sender_id.created))
             .affected() == 1;
}

void UpdateSenderId(Transaction& tx, const Scope& scope, const SenderId& sender_id) {
  static constexpr Statement kUpdate{"sender_ids.update",
                                     "UPDATE sender_ids SET deletion_protection_enabled = $5"
                                     " WHERE account_id = $1 AND region = $2"
                                     " AND sender_id_key = lower($3 COLLATE \"C\") AND iso_country_code = $4"};
  tx.Later(kUpdate, Params(scope.account, scope.region, sender_id.sender_id, sender_id.iso_country_code,
                           sender_id.deletion_protected));
}

void DeleteSenderId(Transaction& tx, const Scope& scope, const SenderIdName& name) {
  const Resource resource = SenderIdResource(name.sender_id, name.iso_country_code);
  DeleteTags(tx, scope, resource);
  DeletePolicy(tx, scope, resource);
  static constexpr Statement kDelete{"sender_ids.delete",
                                     "DELETE FROM sender_ids WHERE account_id = $1 AND region = $2"
                                     " AND sender_id_key = lower($3 COLLATE \"C\") AND iso_country_code = $4"};
  tx.Later(kDelete, Params(scope.account, scope.region, name.sender_id, name.iso_country_code));
}

#undef SENDER_ID_COLUMNS

}  // namespace poold::storage
