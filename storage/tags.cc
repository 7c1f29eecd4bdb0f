#include "storage/tags.h"

namespace poold {

namespace {

struct Columns {
  std::vector<std::string> keys;
  std::vector<std::string> values;
};

Columns ColumnsOf(const std::vector<Tag>& tags) {
  Columns columns;
  for (const Tag& tag : tags) {
    columns.keys.push_back(tag.key);
    columns.values.push_back(tag.value);
  }
  return columns;
}

}  // namespace

void InsertTags(Transaction& tx, const Scope& scope, const Resource& resource, const std::vector<Tag>& tags) {
  std::vector<NewTag> made;
  for (const Tag& tag : tags) made.push_back({scope, resource, tag});
  InsertTags(tx, made);
}

void InsertTags(Transaction& tx, const std::vector<NewTag>& tags) {
  static constexpr Statement kInsert{
      "tags.insert",
      "INSERT INTO tags (account_id, region, resource_type, resource_id, key, value)"
      " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])"};
  if (tags.empty()) return;
  tx.Later(kInsert, Params::Columns(tags, [](const NewTag& made) {
             return Params(made.scope.account, made.scope.region, made.resource.type, made.resource.id, made.tag.key,
                           made.tag.value);
           }));
}

void PutTags(Transaction& tx, const Scope& scope, const Resource& resource, const std::vector<Tag>& tags) {
  const Columns columns = ColumnsOf(tags);
  static constexpr Statement kPut{"tags.put",
                                  "INSERT INTO tags (account_id, region, resource_type, resource_id, key, value)"
                                  " SELECT $1, $2, $3, $4, key, value"
                                  " FROM unnest($5::text[], $6::text[]) AS tag (key, value)"
                                  " ON CONFLICT ON CONSTRAINT tags_pkey DO UPDATE SET value = excluded.value"};
  tx.Later(kPut, Params(scope.account, scope.region, resource.type, resource.id, columns.keys, columns.values));
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

std::vector<Tag> ListTags(Transaction& tx, const Scope& scope, const Resource& resource) {
  static constexpr Statement kList{"tags.list",
                                   "SELECT key, value FROM tags WHERE account_id = $1 AND region = $2"
                                   " AND resource_type = $3 AND resource_id = $4 ORDER BY key"};
  std::vector<Tag> tags;
  for (const Row row : tx.Run(kList, Params(scope.account, scope.region, resource.type, resource.id))) {
    Tag& tag = tags.emplace_back();
    row.Read(tag.key, tag.value);
  }
  return tags;
}

void DeleteTags(Transaction& tx, const Scope& scope, const Resource& resource) {
  static constexpr Statement kDelete{"tags.delete_all",
                                     "DELETE FROM tags WHERE account_id = $1 AND region = $2"
                                     " AND resource_type = $3 AND resource_id = $4"};
  tx.Later(kDelete, Params(scope.account, scope.region, resource.type, resource.id));
}

}  // namespace poold
