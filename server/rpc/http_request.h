#pragma once

#include <string>
#include <utility>
#include <vector>

namespace poold {

// An HTTP request as it came, for whoever judges it by its bytes.
struct HttpRequest {
  std::string method;                                        // "POST"
  std::string target;                                        // path and query, undecoded: "/"
  std::vector<std::pair<std::string, std::string>> headers;  // in their order; names in lower case
  std::string body;
};

}  // namespace poold
