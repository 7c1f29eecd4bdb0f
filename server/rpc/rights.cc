#include "server/rpc/rights.h"

#include <algorithm>

#include "server/base/arn.h"
#include "server/base/text.h"

namespace poold {

bool Rights::Allow(std::string_view action) const {
  const auto matches = [&](const std::string& pattern) { return MatchesPattern(pattern, action); };
  return std::ranges::any_of(allow, matches) && std::ranges::none_of(deny, matches);
}

bool Rights::Reach(std::string_view arn) const {
  return std::ranges::any_of(resources, [&](const std::string& pattern) { return ArnMatches(pattern, arn); });
}

bool Rights::ReachEverything() const { return std::ranges::find(resources, "*") != resources.end(); }

}  // namespace poold
