#pragma once

#include <vector>

#include "server/base/settings.h"
#include "storage/keywords.h"

namespace poold {

// The two keywords that every number and pool has from the start (behaviour 4.7).
inline std::vector<storage::Keyword> FirstKeywords(const ApiSettings& settings) {
  return {{"HELP", settings.help_message, "AUTOMATIC_RESPONSE"}, {"STOP", settings.stop_message, "OPT_OUT"}};
}

}  // namespace poold
