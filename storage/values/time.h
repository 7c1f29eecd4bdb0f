#pragma once

#include <chrono>

namespace poold::storage {

// A moment, in milliseconds since 1970 UTC: the precision of the API. A timestamptz column holds it exactly. Finer
// fractions that the database made itself (now()) are cut off towards the past when read.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

}  // namespace poold::storage
