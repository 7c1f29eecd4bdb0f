#pragma once

#include "server/rpc/call.h"

namespace poold {

// Decides whose call it is and sets the call's scope (account and region) and, with an access file, its principal and
// rights.
//
// Without an access file callers are trusted: who reaches a door may act for any account. The headers (metadata of a
// gRPC call) x-account-id and x-region say which account and region; else, of an HTTP request, its Authorization: the
// access key's id if it is 12 digits, and the region that it is signed for; else the configured ones. The signature is
// not looked at. An access key id that looks like an account but has not 12 digits is refused (kUnrecognizedClient):
// the caller would otherwise work in the default account without a word. Throws Error::Invalid for an account that
// cannot be one, and kIncompleteSignature.
//
// The region must be one of the deployment's (server/base/regions.h), with an access file also one of the principal's.
// Throws Error::Invalid for another one in x-region, kInvalidSignature for one that a request is signed for, and
// Error::AccessDenied for one of the deployment's where the principal may not call.
//
// With an access file nobody is trusted. A caller is known by
//   - HTTP: the signature of an access key; the region is the one that it is signed for, and x-account-id and x-region
//     say nothing. Throws kUnrecognizedClient and what ReadAuthorization and CheckSignature throw.
//   - gRPC: `authorization: Bearer <key>`, once;
//   - either: the connection's client certificate, by one of its names.
// What is given must be right, even if something else would do: a bad signature or key beside a good certificate is
// refused. So is a key of one principal over a certificate of another, and a certificate of two. A certificate of
// nobody (of a proxy, say) proves nothing, and needs a key beside it. Callers that sign nothing choose the region by
// x-region; x-account-id, if they send it, must be their own: Error::AccessDenied. Who shows nothing, or nothing that
// counts, gets Error::Unauthenticated on gRPC; on HTTP kMissingAuthentication or kUnrecognizedClient.
void Authenticate(Call& call);

// Throws what Authenticate throws as far as the headers and the connection alone are reason for it: all but a wrong
// signature. The call's body need not have been read. That this passes proves nothing about the caller.
void CheckCredentials(const Call& call);

}  // namespace poold
