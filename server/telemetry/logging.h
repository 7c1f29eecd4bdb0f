#pragma once

// The log on standard error: a line for each call (middleware/record.cc) and the program's own messages. Written by a
// thread of its own a moment later, so that a reader who stops reading never holds up a call: then lines are lost, and
// the log says how many.

#include <string_view>

#include "server/base/settings.h"

namespace poold {

// Lines of calls: text whose form the caller knows, "request_id=... method=..." or, in JSON, members without braces.
inline constexpr const char* kCallLog = "calls";

// Sets up what spdlog::info and the like write to, and the logger kCallLog, as the settings say. Once, before other
// threads use them.
void SetUpLogging(const LogSettings& settings);

// The line of a request that was refused before it became a call.
void LogRefusedRequest(const LogSettings& settings, std::string_view request_id, std::string_view door,
                       std::string_view exception);

// Writes what is still queued; afterwards nothing is logged.
void FinishLogging();

// `text` as a JSON string with its quotes.
std::string JsonString(std::string_view text);

// Without anything that could be a phone number: of seven digits and more only the first three remain.
std::string WithoutNumbers(std::string_view text);

}  // namespace poold
