#include "storage/pools.h"

#include "storage/opt_out_lists.h"
#include "storage/postgres/ordinality.h"
#include "storage/postgres/query.h"
#include "storage/resource_policies.h"
#include "storage/tags.h"
#include "storage/visibility.h"

namespace poold::storage {
namespace {

#define POOL_COLUMNS                                                                                       \
  "account_id, pool_id, status, message_type, two_way_enabled, two_way_channel_arn, two_way_channel_role," \
  " self_managed_opt_outs_enabled, opt_out_list_account_id, opt_out_list_name, shared_routes_enabled,"     \
  " deletion_protection_enabled, created_at, revision"

constexpr FilterColumn kFilters[] = {
    {"status", "status = ANY(?::text[])"},
    {"message-type", "message_type = ANY(?::text[])"},
    {"two-way-enabled", "two_way_enabled = ANY(?::boolean[])"},
    {"self-managed-opt-outs-enabled", "self_managed_opt_outs_enabled = ANY(?::boolean[])"},
    {"opt-out-list-name", USES_OPT_OUT_LIST("pools")},
    {"shared-routes-enabled", "shared_routes_enabled = ANY(?::boolean[])"},
    {"deletion-protection-enabled", "deletion_protection_enabled = ANY(?::boolean[])"},
    {"two-way-channel-arn", "coalesce(two_way_channel_arn = ANY(?::text[]), false)"},
};

// The columns of a pool, and those that follow them into `further`.
template <typename... Further>
void ReadPool(const Row& row, Pool& pool, Further&... further) {
  Configuration& configuration = pool.configuration;
  row.Read(pool.account, pool.id, pool.status, configuration.message_type, configuration.two_way.enabled,
           configuration.two_way.channel_arn, configuration.two_way.channel_role, configuration.self_managed_opt_outs,
           configuration.opt_out_list.account, configuration.opt_out_list.name, pool.shared_routes,
           pool.deletion_protected, pool.created, pool.revision, further...);
}

std::optional<Pool> ReadOnePool(const Rows& rows) {
  std::optional<Pool> pool;
  if (!rows.empty()) ReadPool(rows[0], pool.emplace());
  return pool;
}

void AddPage(Query& query, const std::optional<PoolPosition>& after, int limit) {
  if (after) query.Add(" AND (created_at, pool_id) > (?::timestamptz", after->created).Add(", ?)", after->id);
  query.Add(" ORDER BY created_at, pool_id LIMIT ?", limit);
}

std::vector<Pool> ReadPools(const Rows& rows) {
  std::vector<Pool> pools;
  pools.reserve(rows.size());
  for (const Row row : rows) ReadPool(row, pools.emplace_back());
  return pools;
}

// Ends a statement that reads the country of an identity, if it is there, and a page of its pools.
std::optional<PoolsOfIdentity> RunPoolsOfIdentity(Transaction& tx, const Viewer& viewer, Query& query,
                                                  const std::optional<PoolPosition>& after, int limit) {
  if (viewer.reach) {
    query.Add(" AND ");
    AddPoolReached(query, *viewer.reach, viewer.scope.account, "pools.pool_id");
  }
  AddPage(query, after, limit);
  query.Add(") AS pool ON true ORDER BY created_at, pool_id");
  std::optional<PoolsOfIdentity> found;
  for (const Row row : query.Run(tx)) {
    if (!found) found.emplace();
    row.Read(found->iso_country_code);
    const Row pool = row.From(1);
    if (!pool.IsNull(0)) ReadPool(pool, found->pools.emplace_back());
  }
  return found;
}

}  // namespace

std::optional<Pool> FindPool(Transaction& tx, const Scope& scope, std::string_view pool_id) {
  static constexpr Statement kFind{"pools.find", "SELECT " POOL_COLUMNS
                                                 " FROM pools"
                                                 " WHERE account_id = $1 AND region = $2 AND pool_id = $3"};
  return ReadOnePool(tx.Run(kFind, Params(scope.account, scope.region, pool_id)));
}

std::optional<Pool> LockPool(Transaction& tx, const Scope& scope, std::string_view pool_id) {
  static constexpr Statement kLock{"pools.lock", "SELECT " POOL_COLUMNS
                                                 " FROM pools"
                                                 " WHERE account_id = $1 AND region = $2 AND pool_id = $3"
                                                 " FOR NO KEY UPDATE"};
  return ReadOnePool(tx.Run(kLock, Params(scope.account, scope.region, pool_id)));
}

std::vector<Pool> ListPools(Transaction& tx, const PoolListing& listing) {
  return std::move(ListPools(tx, std::vector{listing}).front());
}

std::vector<std::vector<Pool>> ListPools(Transaction& tx, const std::vector<PoolListing>& listings) {
  std::vector<Query> queries;
  for (const PoolListing& listing : listings) {
    Query& query = queries.emplace_back("pools.list");
    query.Add("SELECT " POOL_COLUMNS " FROM pools WHERE ");
    AddVisibleTo(query, listing.viewer, kPoolTable);
    AddConditions(query, kFilters, listing.conditions);
    AddPage(query, listing.after, listing.limit);
  }
  return RunTogether(tx, queries, &ReadPools);
}

std::optional<PoolsOfIdentity> ListPoolsOfPhoneNumber(Transaction& tx, const Viewer& viewer,
                                                      const PhoneNumberName& name,
                                                      const std::optional<PoolPosition>& after, int limit) {
  const Scope& scope = viewer.scope;
  const bool by_id = name.kind == PhoneNumberName::Kind::kId;
  Query query("pools.list_of_phone_number");
  query.Add("SELECT identity.iso_country_code, pool.* FROM (SELECT iso_country_code, pool_id FROM phone_numbers")
      .Add(" WHERE account_id = ?", scope.account)
      .Add(" AND region = ?", scope.region)
      .Add(by_id ? " AND phone_number_id = ?" : " AND phone_number IN ('+' || ?, ?)", name.text)
      .Add(" LIMIT 1) AS identity LEFT JOIN LATERAL (SELECT " POOL_COLUMNS " FROM pools WHERE account_id = ?",
           scope.account)
      .Add(" AND region = ?", scope.region)
      .Add(" AND pools.pool_id = identity.pool_id");
  return RunPoolsOfIdentity(tx, viewer, query, after, limit);
}

std::optional<PoolsOfIdentity> ListPoolsOfSenderId(Transaction& tx, const Viewer& viewer, const SenderIdName& name,
                                                   const std::optional<PoolPosition>& after, int limit) {
  const Scope& scope = viewer.scope;
  Query query("pools.list_of_sender_id");
  query.Add("SELECT identity.iso_country_code, pool.* FROM (SELECT iso_country_code FROM sender_ids")
      .Add(" WHERE account_id = ?", scope.account)
      .Add(" AND region = ?", scope.region)
      .Add(" AND sender_id_key = lower(? COLLATE \"C\")", name.sender_id)
      .Add(" AND iso_country_code = ?", name.iso_country_code)
      .Add(" LIMIT 1) AS identity LEFT JOIN LATERAL (SELECT " POOL_COLUMNS " FROM pools WHERE account_id = ?",
           scope.account)
      .Add(" AND region = ?", scope.region)
      .Add(" AND pool_id IN (SELECT pool_id FROM pool_members WHERE account_id = ?", scope.account)
      .Add(" AND region = ?", scope.region)
      .Add(" AND sender_id_key = lower(? COLLATE \"C\")", name.sender_id)
      .Add(" AND iso_country_code = ?)", name.iso_country_code);
  return RunPoolsOfIdentity(tx, viewer, query, after, limit);
}

std::vector<NamedPool> FindPools(Transaction& tx, const Viewer& viewer, const std::vector<OwnedId>& pool_ids,
                                 const std::vector<Condition>& conditions) {
  static ConstantText unconditional;
  Query query("pools.find_named", conditions.empty() ? &unconditional : nullptr);
  query.Add("SELECT " POOL_COLUMNS ", (true");
  AddConditions(query, kFilters, conditions);
  query.Add("), ");
  AddGranted(query, viewer, kPoolTable);
  query.Add(" FROM pools WHERE region = ?", viewer.scope.region).Add(" AND ");
  AddNamed(query, pool_ids, "account_id, pool_id");
  query.Add(" ORDER BY created_at, pool_id");

  std::vector<NamedPool> pools;
  for (const Row row : query.Run(tx)) {
    NamedPool& named = pools.emplace_back();
    ReadPool(row, named.pool, named.meets_conditions, named.granted);
  }
  return pools;
}

std::vector<std::vector<NamedPool>> FindPoolsTogether(Transaction& tx, const std::vector<WantedPool>& wanted,
                                                      std::size_t askers) {
  static constexpr Statement kFind{
      "pools.find_together",
      // LATERAL with its LIMIT keeps it to one look into the index for each, however few pools there are.
      "SELECT found.*, number FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS"
      " wanted (wanted_account, wanted_region, wanted_id, number)"
      " CROSS JOIN LATERAL (SELECT " POOL_COLUMNS
      "   FROM pools WHERE account_id = wanted_account AND region = wanted_region AND pool_id = wanted_id LIMIT 1) AS "
      "found"
      " ORDER BY created_at, pool_id"};
  const auto columns = Params::Columns(
      wanted, [](const WantedPool& pool) { return std::tie(pool.scope.account, pool.scope.region, pool.id); });
  std::vector<std::vector<NamedPool>> found(askers);
  for (const Row row : tx.Run(kFind, columns)) {
    NamedPool named;
    int number = 0;  // from 1
    ReadPool(row, named.pool, number);
    named.meets_conditions = true;
    named.granted = true;
    const WantedPool& asked = wanted.at(static_cast<std::size_t>(number) - 1);
    found.at(static_cast<std::size_t>(asked.asker)).push_back(std::move(named));
  }
  return found;
}

std::vector<std::optional<Pool>> TryLockPools(Transaction& tx, const std::vector<ScopedId>& wanted) {
  static constexpr Statement kLock{
      "pools.try_lock",
      "SELECT found.*, number"
      " FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (account, region_, id, number)"
      " CROSS JOIN LATERAL (SELECT " POOL_COLUMNS
      "   FROM pools WHERE account_id = account AND region = region_ AND pool_id = id LIMIT 1"
      "   FOR NO KEY UPDATE SKIP LOCKED) AS found"};
  if (wanted.empty()) return {};
  return ByNumber<Pool>(tx.Run(kLock, ColumnsOf(wanted)), wanted.size(), [](const Row& row, std::int64_t& number) {
    Pool pool;
    ReadPool(row, pool, number);
    return pool;
  });
}

void InsertPools(Transaction& tx, const std::vector<NewPool>& pools) {
  static constexpr Statement kInsert{
      "pools.insert",
      "INSERT INTO pools (region, " POOL_COLUMNS
      ") SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[],"
      " $8::text[], $9::boolean[], $10::text[], $11::text[], $12::boolean[], $13::boolean[], $14::timestamptz[],"
      " $15::bigint[])"};
  if (pools.empty()) return;
  tx.Later(kInsert, Params::Columns(pools, [](const NewPool& made) {
             const Pool& pool = made.pool;
             const Configuration& configuration = pool.configuration;
             return std::tie(made.scope.region, made.scope.account, pool.id, pool.status, configuration.message_type,
                             configuration.two_way.enabled, configuration.two_way.channel_arn,
                             configuration.two_way.channel_role, configuration.self_managed_opt_outs,
                             configuration.opt_out_list.account, configuration.opt_out_list.name, pool.shared_routes,
                             pool.deletion_protected, pool.created, pool.revision);
           }));
}

void UpdatePool(Transaction& tx, const Scope& scope, Pool& pool) {
  // The members are locked as LockPhoneNumbers does it: a batch for another pool may name them too.
  static constexpr Statement kUpdate{
      "pools.update",
      "WITH members AS ("
      "  SELECT phone_number_id FROM phone_numbers WHERE account_id = $1 AND region = $2 AND pool_id = $3"
      "  ORDER BY phone_number_id FOR NO KEY UPDATE),"
      " numbers AS ("
      "  UPDATE phone_numbers AS number SET two_way_enabled = $4, two_way_channel_arn = $5,"
      "    two_way_channel_role = $6, self_managed_opt_outs_enabled = $7, opt_out_list_account_id = $8,"
      "    opt_out_list_name = $9"
      "  FROM members WHERE number.account_id = $1 AND number.region = $2"
      "  AND number.phone_number_id = members.phone_number_id)"
      " UPDATE pools SET two_way_enabled = $4, two_way_channel_arn = $5, two_way_channel_role = $6,"
      "   self_managed_opt_outs_enabled = $7, opt_out_list_account_id = $8, opt_out_list_name = $9,"
      "   shared_routes_enabled = $10, deletion_protection_enabled = $11, revision = revision + 1"
      " WHERE account_id = $1 AND region = $2 AND pool_id = $3"};
  const Configuration& configuration = pool.configuration;
  tx.Later(kUpdate, Params(scope.account, scope.region, pool.id, configuration.two_way.enabled,
                           configuration.two_way.channel_arn, configuration.two_way.channel_role,
                           configuration.self_managed_opt_outs, configuration.opt_out_list.account,
                           configuration.opt_out_list.name, pool.shared_routes, pool.deletion_protected));
  ++pool.revision;
}

void TouchPool(Transaction& tx, const Scope& scope, Pool& pool) {
  TouchPools(tx, {{scope, pool.id}});
  ++pool.revision;
}

void TouchPools(Transaction& tx, const std::vector<ScopedId>& pools) {
  static constexpr Statement kTouch{"pools.touch",
                                    "UPDATE pools SET revision = revision + 1"
                                    " FROM unnest($1::text[], $2::text[], $3::text[]) AS touched (account, region_, id)"
                                    " WHERE account_id = account AND region = region_ AND pool_id = id"};
  if (pools.empty()) return;
  tx.Later(kTouch, ColumnsOf(pools));
}

void MarkPoolDeleting(Transaction& tx, const Scope& scope, std::string_view pool_id, Time now) {
  static constexpr Statement kMark{"pools.mark_deleting",
                                   "UPDATE pools SET status = 'DELETING', deleted_at = $4, revision = revision + 1"
                                   " WHERE account_id = $1 AND region = $2 AND pool_id = $3"};
  tx.Later(kMark, Params(scope.account, scope.region, pool_id, now));
}

void DeletePool(Transaction& tx, const Scope& scope, std::string_view pool_id) {
  DeleteTags(tx, scope, {"pool", std::string(pool_id)});
  DeletePolicy(tx, scope, {"pool", std::string(pool_id)});
  static constexpr Statement kDelete{"pools.delete",
                                     "DELETE FROM pools WHERE account_id = $1 AND region = $2 AND pool_id = $3"};
  tx.Later(kDelete, Params(scope.account, scope.region, pool_id));
}

std::int64_t FinishPoolDeletions(Transaction& tx, Time before, int limit) {
  static constexpr Statement kDue{"pools.deletions_due",
                                  "SELECT account_id, region, pool_id FROM pools WHERE deleted_at <= $1"
                                  " ORDER BY deleted_at LIMIT $2 FOR UPDATE SKIP LOCKED"};
  std::int64_t finished = 0;
  for (const Row row : tx.Run(kDue, Params(before, limit))) {
    Scope scope;
    std::string pool_id;
    row.Read(scope.account, scope.region, pool_id);
    DeletePool(tx, scope, pool_id);
    ++finished;
  }
  return finished;
}

#undef POOL_COLUMNS

}  // namespace poold::storage
