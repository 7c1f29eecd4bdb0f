#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/postgres/transaction.h"
#include "storage/sharing.h"
#include "storage/values/resource.h"
#include "storage/values/scope.h"

namespace poold::storage {

struct Tag {
  std::string key;
  std::string value;
};

// Adds tags, or changes the values of those whose keys are there. No key twice. Does nothing for no tags.
void PutTags(Transaction& tx, const Scope& scope, const Resource& resource, const std::vector<Tag>& tags);

// The same for several resources.
struct ResourceTag {
  Scope scope;
  Resource resource;
  Tag tag;
};
void PutTags(Transaction& tx, const std::vector<ResourceTag>& tags);

// Removes the tags with these keys, as far as they are there.
void DeleteTags(Transaction& tx, const Scope& scope, const Resource& resource, const std::vector<std::string>& keys);

std::int64_t CountTags(Transaction& tx, const Scope& scope, const Resource& resource);

// All tags of the resource, by key, as the viewer may see them.
Contents<Tag> ListTags(Transaction& tx, const Viewer& viewer, const Scope& scope, const Resource& resource);

// Takes all tags off a resource that goes away.
void DeleteTags(Transaction& tx, const Scope& scope, const Resource& resource);

}  // namespace poold::storage
