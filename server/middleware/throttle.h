#pragma once

#include "server/rpc/call.h"

namespace poold {

// Holds each account to the rate that the settings allow it for this operation: Error::Throttled, with the time after
// which a call will pass. Costs no database work.
void Throttle(Call& call);

}  // namespace poold
