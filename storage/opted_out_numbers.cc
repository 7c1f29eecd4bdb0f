#include "storage/opted_out_numbers.h"

#include <algorithm>

#include "storage/postgres/query.h"
#include "storage/visibility.h"

namespace poold::storage {
namespace {

constexpr FilterColumn kFilters[] = {
    {"end-user-opted-out", "end_user_opted_out = ANY(?::boolean[])"},
};

OptedOutNumber ReadEntry(const Row& row, bool& meets_conditions) {
  OptedOutNumber entry;
  row.Read(entry.number, entry.opted_out, entry.by_end_user, meets_conditions);
  return entry;
}

}  // namespace

OptedOutNumber PutOptedOutNumber(Transaction& tx, const OptOutListRef& list, const OptedOutNumber& entry) {
  // The update changes nothing; it makes RETURNING answer the row that was there.
  static constexpr Statement kPut{
      "opted_out_numbers.put",
      "INSERT INTO opted_out_numbers AS present"
      " (account_id, region, list_id, phone_number, opted_out_at, end_user_opted_out)"
      " VALUES ($1, $2, $3, $4, $5, $6)"
      " ON CONFLICT ON CONSTRAINT opted_out_numbers_pkey DO UPDATE SET opted_out_at = present.opted_out_at"
      " RETURNING phone_number, opted_out_at, end_user_opted_out, true"};
  const Rows rows = tx.Run(kPut, Params(list.owner.account, list.owner.region, list.list_id, entry.number,
                                        entry.opted_out, entry.by_end_user));
  bool ignored = false;
  return ReadEntry(rows[0], ignored);
}

std::optional<OptedOutNumber> DeleteOptedOutNumber(Transaction& tx, const OptOutListRef& list,
                                                   std::string_view number) {
  static constexpr Statement kDelete{"opted_out_numbers.delete",
                                     "DELETE FROM opted_out_numbers"
                                     " WHERE account_id = $1 AND region = $2 AND list_id = $3 AND phone_number = $4"
                                     " RETURNING phone_number, opted_out_at, end_user_opted_out, true"};
  const Rows rows = tx.Run(kDelete, Params(list.owner.account, list.owner.region, list.list_id, number));
  if (rows.empty()) return std::nullopt;
  bool ignored = false;
  return ReadEntry(rows[0], ignored);
}

std::optional<Time> LastOptIn(Transaction& tx, const OptOutListRef& list, std::string_view number) {
  static constexpr Statement kFind{"opted_in_numbers.find",
                                   "SELECT opted_in_at FROM opted_in_numbers"
                                   " WHERE account_id = $1 AND region = $2 AND list_id = $3 AND phone_number = $4"};
  const Rows rows = tx.Run(kFind, Params(list.owner.account, list.owner.region, list.list_id, number));
  if (rows.empty()) return std::nullopt;
  Time time;
  rows[0].Read(time);
  return time;
}

void RecordOptIn(Transaction& tx, const OptOutListRef& list, std::string_view number, Time now) {
  static constexpr Statement kRecord{
      "opted_in_numbers.record",
      "INSERT INTO opted_in_numbers (account_id, region, list_id, phone_number, opted_in_at)"
      " VALUES ($1, $2, $3, $4, $5)"
      " ON CONFLICT ON CONSTRAINT opted_in_numbers_pkey DO UPDATE SET opted_in_at = excluded.opted_in_at"};
  tx.Later(kRecord, Params(list.owner.account, list.owner.region, list.list_id, number, now));
}

Contents<NamedOptedOutNumber> ReadOptedOutNumbers(Transaction& tx, const OptedOutNumberListing& listing) {
  const bool by_name = !listing.named.empty();
  Query query(by_name ? "opted_out_numbers.find_named" : "opted_out_numbers.list");
  query.Add("SELECT granted, name, phone_number, opted_out_at, end_user_opted_out, meets");
  AddOwner(query, listing.viewer, kOptOutListTable, listing.owner, listing.list, ", list_id AS id_of_list",
           listing.otherwise);
  query.Add(" LEFT JOIN LATERAL (SELECT phone_number, opted_out_at, end_user_opted_out, (true");
  if (by_name) AddConditions(query, kFilters, listing.conditions);
  query.Add(") AS meets FROM opted_out_numbers WHERE granted AND account_id = ?", listing.owner.account)
      .Add(" AND region = ?", listing.owner.region)
      .Add(" AND list_id = id_of_list");
  if (by_name) {
    query.Add(" AND phone_number = ANY(?::text[])", listing.named);
  } else {
    query.Add(" AND phone_number > ?", listing.after);
    for (const Condition& condition : listing.conditions) {
      // Written as the predicate of their index: those that recipients put there themselves may be few among millions.
      if (std::ranges::all_of(condition.values, [](const std::string& value) { return value == "true"; })) {
        query.Add(" AND end_user_opted_out");
      } else {
        AddConditions(query, kFilters, {condition});
      }
    }
  }
  query.Add(" ORDER BY phone_number LIMIT ?", by_name ? static_cast<int>(listing.named.size()) : listing.limit)
      .Add(") AS numbers ON true ORDER BY phone_number");
  return ReadContents(query.Run(tx), [](const Row& row) {
    NamedOptedOutNumber named;
    named.entry = ReadEntry(row, named.meets_conditions);
    return named;
  });
}

std::int64_t PurgeNumbersOfDeletedLists(Transaction& tx, int limit) {
  static constexpr Statement kPick{"deleted_opt_out_lists.pick",
                                   "SELECT account_id, region, list_id FROM deleted_opt_out_lists"
                                   " ORDER BY account_id, region, list_id LIMIT 1 FOR UPDATE SKIP LOCKED"};
  static constexpr Statement kNumbers{
      "opted_out_numbers.purge",
      "DELETE FROM opted_out_numbers WHERE ctid = ANY (ARRAY(SELECT ctid FROM opted_out_numbers"
      " WHERE account_id = $1 AND region = $2 AND list_id = $3 LIMIT $4))"};
  static constexpr Statement kOptIns{
      "opted_in_numbers.purge_list",
      "DELETE FROM opted_in_numbers WHERE ctid = ANY (ARRAY(SELECT ctid FROM opted_in_numbers"
      " WHERE account_id = $1 AND region = $2 AND list_id = $3 LIMIT $4))"};
  static constexpr Statement kDone{
      "deleted_opt_out_lists.delete",
      "DELETE FROM deleted_opt_out_lists WHERE account_id = $1 AND region = $2 AND list_id = $3"};
  // One list after the other, so that many small ones don't wait for a batch each.
  std::int64_t removed = 0;
  while (removed < limit) {
    const Rows rows = tx.Run(kPick);
    if (rows.empty()) break;
    OptOutListRef list;
    rows[0].Read(list.owner.account, list.owner.region, list.list_id);
    const auto purge = [&](const Statement& statement) {
      removed +=
          tx.Run(statement, Params(list.owner.account, list.owner.region, list.list_id, limit - removed)).affected();
    };
    purge(kNumbers);
    purge(kOptIns);
    if (removed >= limit) break;
    // Whoever writes numbers holds the list itself, so none can have come since it was deleted.
    tx.Run(kDone, Params(list.owner.account, list.owner.region, list.list_id));
    ++removed;
  }
  return removed;
}

std::int64_t PurgeOptIns(Transaction& tx, Time before, int limit) {
  static constexpr Statement kPurge{
      "opted_in_numbers.purge",
      "DELETE FROM opted_in_numbers WHERE ctid = ANY (ARRAY("
      "  SELECT ctid FROM opted_in_numbers WHERE opted_in_at < $1 ORDER BY opted_in_at LIMIT $2"
      "  FOR UPDATE SKIP LOCKED))"};
  return tx.Run(kPurge, Params(before, limit)).affected();
}

}  // namespace poold::storage
