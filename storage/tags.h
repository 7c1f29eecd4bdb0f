#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/resource.h"
#include "storage/scope.h"
#include "storage/transaction.h"

namespace poold {

struct Tag {
  std::string key;
  std::string value;
};

// Adds tags to a resource that has none with these keys. Does nothing for no tags.
void InsertTags(Transaction& tx, const Scope& scope, const Resource& resource, const std::vector<Tag>& tags);

// The same for several resources.
struct NewTag {
  Scope scope;
  Resource resource;
  Tag tag;
};
void InsertTags(Transaction& tx, const std::vector<NewTag>& tags);

// Adds tags, or changes the values of those whose keys are there.
void PutTags(Transaction& tx, const Scope& scope, const Resource& resource, const std::vector<Tag>& tags);

// Removes the tags with these keys, as far as they are there.
void DeleteTags(Transaction& tx, const Scope& scope, const Resource& resource, const std::vector<std::string>& keys);

std::int64_t CountTags(Transaction& tx, const Scope& scope, const Resource& resource);

// All tags of the resource, by key.
std::vector<Tag> ListTags(Transaction& tx, const Scope& scope, const Resource& resource);

// Takes all tags off a resource that goes away.
void DeleteTags(Transaction& tx, const Scope& scope, const Resource& resource);

}  // namespace poold
