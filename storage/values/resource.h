#pragma once

#include <string>
#include <string_view>

namespace poold::storage {

// What tags and policies hang on: a pool, phone number, sender ID or opt-out list.
struct Resource {
  std::string_view type;  // as in ARNs: "pool", "phone-number", "sender-id", "opt-out-list"
  std::string id;         // the tail of the ARN; of a sender ID see SenderIdResource
};

// A sender ID as it is stored and answered, whatever case a caller writes it in: in upper case.
std::string SenderIdText(std::string_view sender_id);

// What makes two sender IDs the same, in keys of tables: the text in lower case.
std::string SenderIdKey(std::string_view sender_id);

// A sender ID as a resource: its case does not count, so its text is in lower case.
Resource SenderIdResource(std::string_view sender_id, std::string_view iso_country_code);

}  // namespace poold::storage
