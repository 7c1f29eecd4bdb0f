#include "server/rpc/header.h"

#include <algorithm>
#include <functional>
#include <string>

#include "server/base/error.h"

namespace poold {

std::optional<std::string_view> OnlyValue(std::string_view name, const std::vector<std::string_view>& values) {
  if (values.empty()) return std::nullopt;
  if (std::ranges::adjacent_find(values, std::ranges::not_equal_to{}) != values.end()) {
    throw Error::Invalid(reason::kInvalidParameter, std::string(name),
                         "came several times with different values; give it once");
  }
  return values.front();
}

std::vector<std::string_view> HeaderValues(const HttpRequest& request, std::string_view name) {
  std::vector<std::string_view> values;
  for (const auto& [its_name, value] : request.headers) {
    if (its_name == name) values.push_back(value);
  }
  return values;
}

std::optional<std::string_view> HeaderOf(const HttpRequest& request, std::string_view name) {
  return OnlyValue(name, HeaderValues(request, name));
}

}  // namespace poold
