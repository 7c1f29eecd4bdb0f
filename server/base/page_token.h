#pragma once

// The opaque NextToken: a version byte, the position after the page (the sort key of its last item) and a truncated
// HMAC-SHA256, in base64url without padding. Nothing is stored on the server. The position can be read by who decodes
// it, so it must hold nothing the caller may not see; it cannot be altered, nor used with another request.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poold {

// Immutable; any thread may use it.
class PageTokens {
 public:
  // All replicas of a service need the same key; a token sealed with another key is refused like an altered one.
  // Throws std::invalid_argument for a key of less than 16 bytes.
  explicit PageTokens(std::string key);

  // `scope`: whatever must be the same when the token comes back: operation, account, region and the request's other
  // parameters. It is not stored, only authenticated; build it so that different requests cannot give one text.
  // Throws std::length_error if the token would be longer than 1024 characters (about 740 bytes of position).
  std::string Seal(std::string_view scope, const std::vector<std::string>& position) const;

  // nullopt: unreadable, altered, of another scope or another key (the caller answers INVALID_NEXT_TOKEN). Never throws
  // because of what the token holds.
  std::optional<std::vector<std::string>> Open(std::string_view scope, std::string_view token) const;

 private:
  std::string Mac(std::string_view scope, std::string_view payload) const;

  std::string key_;
};

}  // namespace poold
