#include "storage/tags.h"

#include <algorithm>
#include <cctype>

namespace poold {

std::string SenderIdTagId(std::string_view sender_id, std::string_view iso_country_code) {
  std::string id(sender_id);
  std::ranges::transform(id, id.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return id.append("/").append(iso_country_code);
}

void InsertTags(Transaction& tx, const Scope& scope, const TaggedResource& resource, const std::vector<Tag>& tags) {
  if (tags.empty()) return;
  std::vector<std::string> keys;
  std::vector<std::string> values;
  for (const Tag& tag : tags) {
    keys.push_back(tag.key);
    values.push_back(tag.value);
  }
  static constexpr Statement kInsert{"tags.insert",
                                     "INSERT INTO tags (account_id, region, resource_type, resource_id, key, value)"
                                     " SELECT $1, $2, $3, $4, key, value"
                                     " FROM unnest($5::text[], $6::text[]) AS tag (key, value)"};
  tx.Run(kInsert, Params(scope.account, scope.region, resource.type, resource.id, keys, values));
}

void DeleteTags(Transaction& tx, const Scope& scope, const TaggedResource& resource) {
  static constexpr Statement kDelete{"tags.delete_all",
                                     "DELETE FROM tags WHERE account_id = $1 AND region = $2"
                                     " AND resource_type = $3 AND resource_id = $4"};
  tx.Run(kDelete, Params(scope.account, scope.region, resource.type, resource.id));
}

}  // namespace poold
