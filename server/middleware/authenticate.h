#pragma once

#include "server/call.h"

namespace poold {

// Decides whose call it is and sets the call's scope: the account and region that the metadata `x-account-id` and
// `x-region` name, or else the configured ones. Callers are trusted: who reaches the port may act for any account.
// Throws Error::Invalid for an account or region that cannot be one.
void Authenticate(Call& call);

}  // namespace poold
