#pragma once

#include <string>
#include <string_view>

namespace poold {

struct ApiSettings;

// Which regions a deployment has (--regions). Without that setting: those of AWS, and its own default region. Quotas
// and accounts are per region, so a region is never what a caller makes up. Pure functions, any thread.
bool HasRegion(const ApiSettings& settings, std::string_view region);

// What a region must be, for refusals: "must be one of eu-west-1, us-east-1".
std::string RegionRule(const ApiSettings& settings);

}  // namespace poold
