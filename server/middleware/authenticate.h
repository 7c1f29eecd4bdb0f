#pragma once

#include "server/call.h"

namespace poold {

// Decides whose call it is and sets the call's scope: account and region.
//
// Without an access file callers are trusted: who reaches a door may act for any account. The headers (metadata of a
// gRPC call) x-account-id and x-region say which account and region; else, of an HTTP request, its Authorization: the
// access key's id if it is 12 digits, and the region that it is signed for; else the configured ones. The signature is
// not looked at. Throws Error::Invalid for an account or region that cannot be one, and kIncompleteSignature.
//
// With an access file nobody is trusted. An HTTP request must be signed with one of the file's access keys, and is its
// principal's, in the region that it is signed for; x-account-id and x-region say nothing. Throws
// kMissingAuthentication, kUnrecognizedClient and what CheckSignature throws. A gRPC call has nothing to show yet:
// throws Error::Unauthenticated.
void Authenticate(Call& call);

}  // namespace poold
