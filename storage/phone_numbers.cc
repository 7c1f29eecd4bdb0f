#include "storage/phone_numbers.h"

#include "storage/opt_out_lists.h"
#include "storage/postgres/ordinality.h"
#include "storage/postgres/query.h"
#include "storage/resource_policies.h"
#include "storage/tags.h"
#include "storage/visibility.h"

namespace poold::storage {
namespace {

#define PHONE_NUMBER_COLUMNS                                                                                    \
  "account_id, phone_number_id, phone_number, status, iso_country_code, message_type, two_way_enabled,"         \
  " two_way_channel_arn, two_way_channel_role, self_managed_opt_outs_enabled, opt_out_list_account_id,"         \
  " opt_out_list_name, number_capabilities, number_type, monthly_leasing_price, international_sending_enabled," \
  " deletion_protection_enabled, registration_id, pool_id, created_at"

constexpr FilterColumn kFilters[] = {
    {"status", "status = ANY(?::text[])"},
    {"iso-country-code", "iso_country_code = ANY(?::text[])"},
    {"message-type", "message_type = ANY(?::text[])"},
    {"number-capability", "number_capabilities && ?::text[]"},
    {"number-type", "number_type = ANY(?::text[])"},
    {"two-way-enabled", "two_way_enabled = ANY(?::boolean[])"},
    {"self-managed-opt-outs-enabled", "self_managed_opt_outs_enabled = ANY(?::boolean[])"},
    {"opt-out-list-name", USES_OPT_OUT_LIST("phone_numbers")},
    {"deletion-protection-enabled", "deletion_protection_enabled = ANY(?::boolean[])"},
    {"two-way-channel-arn", "coalesce(two_way_channel_arn = ANY(?::text[]), false)"},
};

template <typename... Further>
PhoneNumber ReadPhoneNumber(const Row& row, Further&... further) {
  PhoneNumber number;
  Configuration& configuration = number.configuration;
  row.Read(number.account, number.id, number.number, number.status, number.iso_country_code, configuration.message_type,
           configuration.two_way.enabled, configuration.two_way.channel_arn, configuration.two_way.channel_role,
           configuration.self_managed_opt_outs, configuration.opt_out_list.account, configuration.opt_out_list.name,
           number.capabilities, number.number_type, number.monthly_leasing_price, number.international_sending,
           number.deletion_protected, number.registration_id, number.pool_id, number.created, further...);
  return number;
}

std::optional<PhoneNumber> ReadOne(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return ReadPhoneNumber(rows[0]);
}

}  // namespace

Params ColumnsOf(const std::vector<NumberInPool>& numbers) {
  return Params::Columns(numbers, [](const NumberInPool& number) {
    return std::tie(number.scope.account, number.scope.region, number.pool_id, number.phone_number_id);
  });
}

std::optional<PhoneNumber> FindPhoneNumber(Transaction& tx, const Scope& scope, const PhoneNumberName& name) {
  static constexpr Statement kById{"phone_numbers.find", "SELECT " PHONE_NUMBER_COLUMNS
                                                         " FROM phone_numbers"
                                                         " WHERE account_id = $1 AND region = $2"
                                                         " AND phone_number_id = $3"};
  static constexpr Statement kByDigits{"phone_numbers.find_by_digits",
                                       "SELECT " PHONE_NUMBER_COLUMNS
                                       " FROM phone_numbers"
                                       " WHERE account_id = $1 AND region = $2 AND phone_number IN ('+' || $3, $3)"};
  const Statement& statement = name.kind == PhoneNumberName::Kind::kId ? kById : kByDigits;
  return ReadOne(tx.Run(statement, Params(scope.account, scope.region, name.text)));
}

std::optional<PhoneNumber> LockPhoneNumber(Transaction& tx, const Scope& scope, const PhoneNumberName& name) {
  static constexpr Statement kById{"phone_numbers.lock", "SELECT " PHONE_NUMBER_COLUMNS
                                                         " FROM phone_numbers"
                                                         " WHERE account_id = $1 AND region = $2"
                                                         " AND phone_number_id = $3 FOR NO KEY UPDATE"};
  static constexpr Statement kByDigits{"phone_numbers.lock_by_digits",
                                       "SELECT " PHONE_NUMBER_COLUMNS
                                       " FROM phone_numbers"
                                       " WHERE account_id = $1 AND region = $2 AND phone_number IN ('+' || $3, $3)"
                                       " FOR NO KEY UPDATE"};
  const Statement& statement = name.kind == PhoneNumberName::Kind::kId ? kById : kByDigits;
  return ReadOne(tx.Run(statement, Params(scope.account, scope.region, name.text)));
}

std::vector<std::optional<PhoneNumber>> TryLockPhoneNumbers(Transaction& tx, const std::vector<ScopedId>& wanted) {
  static constexpr Statement kLock{
      "phone_numbers.try_lock",
      "SELECT found.*, number"
      " FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (account, region_, id, number)"
      " CROSS JOIN LATERAL (SELECT " PHONE_NUMBER_COLUMNS
      "   FROM phone_numbers WHERE account_id = account AND region = region_ AND phone_number_id = id LIMIT 1"
      "   FOR NO KEY UPDATE SKIP LOCKED) AS found"};
  if (wanted.empty()) return {};
  return ByNumber<PhoneNumber>(tx.Run(kLock, ColumnsOf(wanted)), wanted.size(),
                               [](const Row& row, std::int64_t& place) { return ReadPhoneNumber(row, place); });
}

void LockPhoneNumbers(Transaction& tx, const Scope& scope, const std::vector<PhoneNumberName>& names) {
  std::vector<std::string> ids;
  std::vector<std::string> numbers;
  for (const PhoneNumberName& name : names) {
    if (name.kind == PhoneNumberName::Kind::kId) {
      ids.push_back(name.text);
    } else {
      numbers.push_back(name.text);
      numbers.push_back("+" + name.text);
    }
  }
  static constexpr Statement kLock{"phone_numbers.lock_several",
                                   "SELECT 1 FROM phone_numbers WHERE account_id = $1 AND region = $2"
                                   " AND (phone_number_id = ANY($3::text[]) OR phone_number = ANY($4::text[]))"
                                   " ORDER BY phone_number_id FOR NO KEY UPDATE"};
  tx.Later(kLock, Params(scope.account, scope.region, ids, numbers));
}

std::vector<PhoneNumber> ListPhoneNumbers(Transaction& tx, const Viewer& viewer,
                                          const std::vector<Condition>& conditions,
                                          const std::optional<PhoneNumberPosition>& after, int limit) {
  Query query("phone_numbers.list");
  query.Add("SELECT " PHONE_NUMBER_COLUMNS " FROM phone_numbers WHERE ");
  AddVisibleTo(query, viewer, kPhoneNumberTable);
  if (after) query.Add(" AND (created_at, phone_number_id) > (?::timestamptz", after->created).Add(", ?)", after->id);
  AddConditions(query, kFilters, conditions);
  query.Add(" ORDER BY created_at, phone_number_id LIMIT ?", limit);

  std::vector<PhoneNumber> numbers;
  for (const Row row : query.Run(tx)) numbers.push_back(ReadPhoneNumber(row));
  return numbers;
}

std::vector<NamedPhoneNumber> FindPhoneNumbers(Transaction& tx, const Viewer& viewer, const std::vector<OwnedId>& ids,
                                               const std::vector<Condition>& conditions) {
  Query query("phone_numbers.find_named");
  query.Add("SELECT " PHONE_NUMBER_COLUMNS ", (true");
  AddConditions(query, kFilters, conditions);
  query.Add("), ");
  AddGranted(query, viewer, kPhoneNumberTable);
  query.Add(" FROM phone_numbers WHERE region = ?", viewer.scope.region).Add(" AND ");
  AddNamed(query, ids, "account_id, phone_number_id");
  query.Add(" ORDER BY created_at, phone_number_id");

  std::vector<NamedPhoneNumber> numbers;
  for (const Row row : query.Run(tx)) {
    NamedPhoneNumber& named = numbers.emplace_back();
    named.number = ReadPhoneNumber(row, named.meets_conditions, named.granted);
  }
  return numbers;
}

void InsertPhoneNumber(Transaction& tx, const Scope& scope, const PhoneNumber& number) {
  static constexpr Statement kInsert{
      "phone_numbers.insert",
      "INSERT INTO phone_numbers (region, " PHONE_NUMBER_COLUMNS
      ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)"};
  const Configuration& configuration = number.configuration;
  tx.Later(kInsert,
           Params(scope.region, scope.account, number.id, number.number, number.status, number.iso_country_code,
                  configuration.message_type, configuration.two_way.enabled, configuration.two_way.channel_arn,
                  configuration.two_way.channel_role, configuration.self_managed_opt_outs,
                  configuration.opt_out_list.account, configuration.opt_out_list.name, number.capabilities,
                  number.number_type, number.monthly_leasing_price, number.international_sending,
                  number.deletion_protected, number.registration_id, number.pool_id, number.created));
}

void UpdatePhoneNumber(Transaction& tx, const Scope& scope, const PhoneNumber& number) {
  static constexpr Statement kUpdate{
      "phone_numbers.update",
      "UPDATE phone_numbers SET two_way_enabled = $4, two_way_channel_arn = $5, two_way_channel_role = $6,"
      " self_managed_opt_outs_enabled = $7, opt_out_list_account_id = $8, opt_out_list_name = $9,"
      " international_sending_enabled = $10, deletion_protection_enabled = $11"
      " WHERE account_id = $1 AND region = $2 AND phone_number_id = $3"};
  const Configuration& configuration = number.configuration;
  tx.Later(kUpdate, Params(scope.account, scope.region, number.id, configuration.two_way.enabled,
                           configuration.two_way.channel_arn, configuration.two_way.channel_role,
                           configuration.self_managed_opt_outs, configuration.opt_out_list.account,
                           configuration.opt_out_list.name, number.international_sending, number.deletion_protected));
}

void DeletePhoneNumber(Transaction& tx, const Scope& scope, std::string_view id) {
  DeleteTags(tx, scope, {"phone-number", std::string(id)});
  DeletePolicy(tx, scope, {"phone-number", std::string(id)});
  static constexpr Statement kDelete{
      "phone_numbers.delete",
      "DELETE FROM phone_numbers WHERE account_id = $1 AND region = $2 AND phone_number_id = $3"};
  tx.Later(kDelete, Params(scope.account, scope.region, id));
}

std::int64_t ActivatePhoneNumbers(Transaction& tx, Time before, int limit) {
  static constexpr Statement kActivate{
      "phone_numbers.activate",
      "UPDATE phone_numbers SET status = 'ACTIVE' WHERE ctid = ANY (ARRAY("
      "  SELECT ctid FROM phone_numbers WHERE status = 'PENDING' AND created_at <= $1 ORDER BY created_at LIMIT $2"
      "  FOR NO KEY UPDATE SKIP LOCKED))"};
  return tx.Run(kActivate, Params(before, limit)).affected();
}

#undef PHONE_NUMBER_COLUMNS

}  // namespace poold::storage
