#pragma once

#include "server/rpc/call.h"

namespace poold {

// Finds out whether a writing call may be a repetition: by its member client_token or, for every writing operation, by
// the metadata `idempotency-key`, which means the same (an extension: most shapes have no client token). Sets
// call.client_token(). Throws Error::Invalid: INVALID_PARAMETER for a key that is not 1 to 64 printable ASCII
// characters, PARAMETERS_CANNOT_BE_USED_TOGETHER for both, if they differ.
void ReadClientToken(Call& call);

}  // namespace poold
