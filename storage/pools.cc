#include "storage/pools.h"

#include "storage/query.h"
#include "storage/tags.h"

namespace poold {
namespace {

#define POOL_COLUMNS                                                                           \
  "pool_id, status, message_type, two_way_enabled, two_way_channel_arn, two_way_channel_role," \
  " self_managed_opt_outs_enabled, opt_out_list_name, shared_routes_enabled, deletion_protection_enabled, created_at"

constexpr FilterColumn kFilters[] = {
    {"status", "status = ANY(?::text[])"},
    {"message-type", "message_type = ANY(?::text[])"},
    {"two-way-enabled", "two_way_enabled = ANY(?::boolean[])"},
    {"self-managed-opt-outs-enabled", "self_managed_opt_outs_enabled = ANY(?::boolean[])"},
    {"opt-out-list-name", "opt_out_list_name = ANY(?::text[])"},
    {"shared-routes-enabled", "shared_routes_enabled = ANY(?::boolean[])"},
    {"deletion-protection-enabled", "deletion_protection_enabled = ANY(?::boolean[])"},
    {"two-way-channel-arn", "coalesce(two_way_channel_arn = ANY(?::text[]), false)"},
};

Pool ReadPool(const Row& row, bool& meets_conditions) {
  Pool pool;
  Configuration& configuration = pool.configuration;
  row.Read(pool.id, pool.status, configuration.message_type, configuration.two_way.enabled,
           configuration.two_way.channel_arn, configuration.two_way.channel_role, configuration.self_managed_opt_outs,
           configuration.opt_out_list_name, pool.shared_routes, pool.deletion_protected, pool.created,
           meets_conditions);
  return pool;
}

Pool ReadPool(const Row& row) {
  bool ignored = false;
  return ReadPool(row, ignored);
}

}  // namespace

std::optional<Pool> FindPool(Transaction& tx, const Scope& scope, std::string_view pool_id) {
  static constexpr Statement kFind{"pools.find", "SELECT " POOL_COLUMNS
                                                 ", true FROM pools"
                                                 " WHERE account_id = $1 AND region = $2 AND pool_id = $3"};
  const Rows rows = tx.Run(kFind, Params(scope.account, scope.region, pool_id));
  if (rows.empty()) return std::nullopt;
  return ReadPool(rows[0]);
}

std::optional<Pool> LockPool(Transaction& tx, const Scope& scope, std::string_view pool_id) {
  static constexpr Statement kLock{"pools.lock", "SELECT " POOL_COLUMNS
                                                 ", true FROM pools"
                                                 " WHERE account_id = $1 AND region = $2 AND pool_id = $3"
                                                 " FOR NO KEY UPDATE"};
  const Rows rows = tx.Run(kLock, Params(scope.account, scope.region, pool_id));
  if (rows.empty()) return std::nullopt;
  return ReadPool(rows[0]);
}

std::vector<Pool> ListPools(Transaction& tx, const Scope& scope, const std::vector<Condition>& conditions,
                            const std::optional<PoolPosition>& after, int limit) {
  Query query("pools.list");
  query.Add("SELECT " POOL_COLUMNS ", true FROM pools WHERE account_id = ?", scope.account)
      .Add(" AND region = ?", scope.region);
  if (after) query.Add(" AND (created_at, pool_id) > (?::timestamptz", after->created).Add(", ?)", after->id);
  AddConditions(query, kFilters, conditions);
  query.Add(" ORDER BY created_at, pool_id LIMIT ?", limit);

  std::vector<Pool> pools;
  for (const Row row : query.Run(tx)) pools.push_back(ReadPool(row));
  return pools;
}

std::vector<NamedPool> FindPools(Transaction& tx, const Scope& scope, const std::vector<std::string>& pool_ids,
                                 const std::vector<Condition>& conditions) {
  Query query("pools.find_named");
  query.Add("SELECT " POOL_COLUMNS ", (true");
  AddConditions(query, kFilters, conditions);
  query.Add(") FROM pools WHERE account_id = ?", scope.account)
      .Add(" AND region = ?", scope.region)
      .Add(" AND pool_id = ANY(?::text[]) ORDER BY created_at, pool_id", pool_ids);

  std::vector<NamedPool> pools;
  for (const Row row : query.Run(tx)) {
    NamedPool& named = pools.emplace_back();
    named.pool = ReadPool(row, named.meets_conditions);
  }
  return pools;
}

void InsertPool(Transaction& tx, const Scope& scope, const Pool& pool) {
  static constexpr Statement kInsert{"pools.insert",
                                     "INSERT INTO pools (account_id, region, " POOL_COLUMNS
                                     ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"};
  const Configuration& configuration = pool.configuration;
  tx.Run(kInsert, Params(scope.account, scope.region, pool.id, pool.status, configuration.message_type,
                         configuration.two_way.enabled, configuration.two_way.channel_arn,
                         configuration.two_way.channel_role, configuration.self_managed_opt_outs,
                         configuration.opt_out_list_name, pool.shared_routes, pool.deletion_protected, pool.created));
}

void UpdatePool(Transaction& tx, const Scope& scope, const Pool& pool) {
  static constexpr Statement kUpdate{
      "pools.update",
      "WITH numbers AS ("
      "  UPDATE phone_numbers SET two_way_enabled = $4, two_way_channel_arn = $5, two_way_channel_role = $6,"
      "    self_managed_opt_outs_enabled = $7, opt_out_list_name = $8"
      "  WHERE account_id = $1 AND region = $2 AND pool_id = $3)"
      " UPDATE pools SET two_way_enabled = $4, two_way_channel_arn = $5, two_way_channel_role = $6,"
      "   self_managed_opt_outs_enabled = $7, opt_out_list_name = $8, shared_routes_enabled = $9,"
      "   deletion_protection_enabled = $10"
      " WHERE account_id = $1 AND region = $2 AND pool_id = $3"};
  const Configuration& configuration = pool.configuration;
  tx.Run(kUpdate,
         Params(scope.account, scope.region, pool.id, configuration.two_way.enabled, configuration.two_way.channel_arn,
                configuration.two_way.channel_role, configuration.self_managed_opt_outs,
                configuration.opt_out_list_name, pool.shared_routes, pool.deletion_protected));
}

void MarkPoolDeleting(Transaction& tx, const Scope& scope, std::string_view pool_id, Time now) {
  static constexpr Statement kMark{"pools.mark_deleting",
                                   "UPDATE pools SET status = 'DELETING', deleted_at = $4"
                                   " WHERE account_id = $1 AND region = $2 AND pool_id = $3"};
  tx.Run(kMark, Params(scope.account, scope.region, pool_id, now));
}

void DeletePool(Transaction& tx, const Scope& scope, std::string_view pool_id) {
  DeleteTags(tx, scope, {"pool", std::string(pool_id)});
  static constexpr Statement kDelete{"pools.delete",
                                     "DELETE FROM pools WHERE account_id = $1 AND region = $2 AND pool_id = $3"};
  tx.Run(kDelete, Params(scope.account, scope.region, pool_id));
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

}  // namespace poold
