#pragma once

#include "server/rpc/call.h"

namespace poold {

// Tells what became of the call, just before it is answered: counts it, ends its spans, and writes one line to the log:
// request id, trace id, principal, method, outcome and time; of an InternalServerException with its detail, which no
// caller sees; of a slow call with where the time went. Never anything that the request or the answer contained.
// `error` is nullptr if the call went well.
void Record(const Call& call, const Error* error) noexcept;

// Record without the line in the log: for refusals that are logged together.
void RecordUnlogged(const Call& call, const Error* error) noexcept;

}  // namespace poold
