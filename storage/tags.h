#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/scope.h"
#include "storage/transaction.h"

namespace poold {

struct Tag {
  std::string key;
  std::string value;
};

// What a tag hangs on.
struct TaggedResource {
  std::string_view type;  // as in ARNs: "pool", "phone-number", "sender-id", "opt-out-list"
  std::string id;         // the tail of the ARN; of a sender ID in lower case: SenderIdTagId
};

// The id under which a sender ID's tags are kept: its case does not count.
std::string SenderIdTagId(std::string_view sender_id, std::string_view iso_country_code);

// Adds tags to a resource that has none with these keys. Does nothing for no tags.
void InsertTags(Transaction& tx, const Scope& scope, const TaggedResource& resource, const std::vector<Tag>& tags);

// Takes all tags off a resource that goes away.
void DeleteTags(Transaction& tx, const Scope& scope, const TaggedResource& resource);

}  // namespace poold
