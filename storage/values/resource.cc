#include "storage/values/resource.h"

#include <algorithm>
#include <cctype>

namespace poold::storage {

std::string SenderIdText(std::string_view sender_id) {
  std::string text(sender_id);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string SenderIdKey(std::string_view sender_id) {
  std::string key(sender_id);
  std::ranges::transform(key, key.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return key;
}

Resource SenderIdResource(std::string_view sender_id, std::string_view iso_country_code) {
  return {"sender-id", SenderIdKey(sender_id).append("/").append(iso_country_code)};
}

}  // namespace poold::storage
