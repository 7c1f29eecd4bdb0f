#include "storage/tags.h"

#include "storage/postgres/query.h"
#include "storage/visibility.h"

namespace poold::storage {

void PutTags(Transaction& tx, const Scope& scope, const Resource& resource, const std::vector<Tag>& tags) {
  std::vector<ResourceTag> of_resource;
  for (const Tag& tag : tags) of_resource.push_back({scope, resource, tag});
  PutTags(tx, of_resource);
}

void PutTags(Transaction& tx, const std::vector<ResourceTag>& tags) {
  static constexpr Statement kPut{
      "tags.put",
      "INSERT INTO tags (account_id, region, resource_type, resource_id, key, value)"
      " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])"
      " ON CONFLICT ON CONSTRAINT tags_pkey DO UPDATE SET value = excluded.value"};
  if (tags.empty()) return;
  tx.Later(kPut, Params::Columns(tags, [](const ResourceTag& one) {
             return std::tie(one.scope.account, one.scope.region, one.resource.type, one.resource.id, one.tag.key,
                             one.tag.value);
           }));
}

void DeleteTags(Transaction& tx, const Scope& scope, const Resource& resource, const std::vector<std::string>& keys) {
  static constexpr Statement kDelete{"tags.delete",
                                     "DELETE FROM tags WHERE account_id = $1 AND region = $2"
                                     " AND resource_type = $3 AND resource_id = $4 AND key = ANY($5::text[])"};
  tx.Later(kDelete, Params(scope.account, scope.region, resource.type, resource.id, keys));
}

std::int64_t CountTags(Transaction& tx, const Scope& scope, const Resource& resource) {
  static constexpr Statement kCount{"tags.count",
                                    "SELECT count(*) FROM tags WHERE account_id = $1 AND region = $2"
                                    " AND resource_type = $3 AND resource_id = $4"};
  std::int64_t count = 0;
  tx.Run(kCount, Params(scope.account, scope.region, resource.type, resource.id))[0].Read(count);
  return count;
}

Contents<Tag> ListTags(Transaction& tx, const Viewer& viewer, const Scope& scope, const Resource& resource) {
  Query query("tags.list");
  query.Add("SELECT granted, name, key, value");
  AddOwner(query, viewer, TableOf(resource.type), scope, resource.id);
  query.Add(" LEFT JOIN LATERAL (SELECT key, value FROM tags WHERE granted AND account_id = ?", scope.account)
      .Add(" AND region = ?", scope.region)
      .Add(" AND resource_type = ?", resource.type)
      .Add(" AND resource_id = ?) AS tag ON true ORDER BY key", resource.id);
  return ReadContents(query.Run(tx), [](const Row& row) {
    Tag tag;
    row.Read(tag.key, tag.value);
    return tag;
  });
}

void DeleteTags(Transaction& tx, const Scope& scope, const Resource& resource) {
  static constexpr Statement kDelete{"tags.delete_all",
                                     "DELETE FROM tags WHERE account_id = $1 AND region = $2"
                                     " AND resource_type = $3 AND resource_id = $4"};
  tx.Later(kDelete, Params(scope.account, scope.region, resource.type, resource.id));
}

}  // namespace poold::storage
