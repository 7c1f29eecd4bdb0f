#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace poold {

// What a principal may do. Patterns, as they stand in the access file (access.h). Any thread.
struct Rights {
  std::vector<std::string> allow = {"*"};
  std::vector<std::string> deny;
  std::vector<std::string> resources = {"*"};

  // `action`: "sms-voice:DescribePools".
  bool Allow(std::string_view action) const;
  bool Reach(std::string_view arn) const;
  // Also calls that name no resource.
  bool ReachEverything() const;
};

}  // namespace poold
