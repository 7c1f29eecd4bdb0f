#include "server/base/regions.h"

#include "server/base/arn.h"
#include "server/base/settings.h"

namespace poold {
namespace {

// A refusal lists no more regions than a person reads.
constexpr std::size_t kListed = 8;

}  // namespace

bool HasRegion(const ApiSettings& settings, std::string_view region) {
  if (!settings.regions.empty()) return settings.regions.contains(region);
  return region == settings.default_region || IsRegionOfAws(region);
}

std::string RegionRule(const ApiSettings& settings) {
  if (settings.regions.empty()) return "must be a region of AWS, such as us-east-1";
  if (settings.regions.size() > kListed) return "must be a region of this deployment";
  std::string list;
  for (const std::string& region : settings.regions) list += (list.empty() ? "" : ", ") + region;
  return (settings.regions.size() == 1 ? "must be " : "must be one of ") + list;
}

}  // namespace poold
