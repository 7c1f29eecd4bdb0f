#pragma once

// What a request says under the name of a header, or of a gRPC metadata entry. Pure functions, any thread.

#include <optional>
#include <string_view>
#include <vector>

#include "server/rpc/http_request.h"

namespace poold {

// The value of a header that may come several times only if it says the same each time; nullopt if it did not come.
// Two different values are refused with ValidationException, which names the header: a proxy may have judged the one
// while this program obeys the other.
std::optional<std::string_view> OnlyValue(std::string_view name, const std::vector<std::string_view>& values);

// Every value that came under the name (in lower case), in their order. The views live as long as the request.
std::vector<std::string_view> HeaderValues(const HttpRequest& request, std::string_view name);

// OnlyValue of these.
std::optional<std::string_view> HeaderOf(const HttpRequest& request, std::string_view name);

}  // namespace poold
