#pragma once

#include "server/call.h"

namespace poold {

// Writes what became of the call to the log, whole: a refusal of our own making (InternalServerException) as an error
// with its detail, which no caller sees; everything else at debug level. `error` is nullptr if the call went well.
void Record(const Call& call, const Error* error) noexcept;

}  // namespace poold
