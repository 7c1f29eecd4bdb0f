#pragma once

// Pieces of statements that say which resources are meant, whose they are, and who may see them. Private to storage/.

#include <string_view>
#include <vector>

#include "storage/postgres/query.h"
#include "storage/postgres/transaction.h"
#include "storage/sharing.h"
#include "storage/values/scope.h"

namespace poold::storage {

// Where a kind of resource is kept. Its resource_id is that of Resource, tags and policies.
struct ResourceTable {
  std::string_view type;              // in ARNs
  std::string_view name;              // of the table
  std::string_view columns;           // its key after the account and the region
  std::string_view from_resource_id;  // these columns in terms of a column resource_id
  std::string_view has_resource_id;   // predicate with '?' for a resource_id
  std::string_view resource_id;       // the resource_id in terms of these columns
  std::string_view arn_tail;          // how its ARN ends
};
inline constexpr ResourceTable kPoolTable{"pool",        "pools",   "pool_id", "resource_id",
                                          "pool_id = ?", "pool_id", "pool_id"};
inline constexpr ResourceTable kPhoneNumberTable{"phone-number",   "phone_numbers",       "phone_number_id",
                                                 "resource_id",    "phone_number_id = ?", "phone_number_id",
                                                 "phone_number_id"};
inline constexpr ResourceTable kSenderIdTable{
    "sender-id",
    "sender_ids",
    "sender_id_key, iso_country_code",
    "split_part(resource_id, '/', 1), split_part(resource_id, '/', 2)",
    "sender_id_key = split_part(?, '/', 1) AND iso_country_code = split_part(?, '/', 2)",
    "sender_id_key || '/' || iso_country_code",
    "upper(sender_id COLLATE \"C\") || '/' || iso_country_code"};
inline constexpr ResourceTable kOptOutListTable{"opt-out-list",     "opt_out_lists",         "opt_out_list_name",
                                                "resource_id",      "opt_out_list_name = ?", "opt_out_list_name",
                                                "opt_out_list_name"};

// Throws StorageFailure kBug for a type that has none.
const ResourceTable& TableOf(std::string_view type);

// Adds the predicate that a row is the viewer's own, or is shared with it.
void AddVisibleTo(Query& query, const Viewer& viewer, const ResourceTable& table);

// Adds an expression: Granted, of a row of the table, which goes by its own name.
void AddGranted(Query& query, const Viewer& viewer, const ResourceTable& table);

// Adds the predicate that the viewer may reach a pool of the account, or an identity: a phone number, or else a sender
// ID in a country, whose case does not count. `pool_id` and IdentityColumns are names of columns; the phone number is
// NULL where the identity is a sender ID.
void AddPoolReached(Query& query, const Reach& reach, std::string_view account, std::string_view pool_id);
struct IdentityColumns {
  std::string_view phone_number_id;
  std::string_view sender_id;
  std::string_view iso_country_code;
};
void AddIdentityReached(Query& query, const Reach& reach, std::string_view account, const IdentityColumns& columns);

// Adds the beginning of a FROM that reads what belongs to one resource: a row with `granted`, how its ARN ends as
// `name`, and `further` columns, if the resource is there. What follows is joined to it by LEFT JOIN LATERAL (… WHERE
// granted …) ON true, so that there is a row whether or not the resource has any of it. Where it isn't there, that of
// the id `otherwise` is taken, if that isn't empty.
void AddOwner(Query& query, const Viewer& viewer, const ResourceTable& table, const Scope& scope,
              std::string_view resource_id, std::string_view further = {}, std::string_view otherwise = {});

// What a statement with AddOwner found. Its columns are granted, the name (Contents) or NULL, and those of an item, of
// which the first is NULL only where there is none; `read` reads these.
template <typename Read>
auto ReadContents(const Rows& rows, const Read& read) {
  Contents<decltype(read(rows[0]))> contents;
  contents.items.reserve(rows.size());
  for (const Row row : rows) {
    row.Read(contents.granted, contents.name);
    const Row item = row.From(2);
    if (!item.IsNull(0)) contents.items.push_back(read(item));
  }
  return contents;
}

// Adds the predicate that a row is one of these; `columns` are the account and the id.
void AddNamed(Query& query, const std::vector<OwnedId>& ids, std::string_view columns);

}  // namespace poold::storage
