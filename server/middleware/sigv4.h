#pragma once

// AWS Signature Version 4, as a server checks it (behaviour 1). Pure functions, any thread; but for sorting headers and
// parameters, the time they take grows with the request's size and no faster.

#include <optional>
#include <string_view>

#include "server/base/world.h"
#include "server/rpc/http_request.h"

namespace poold {

// The Authorization header of a request, taken apart. The views point into the request.
struct Authorization {
  std::string_view access_key_id;
  std::string_view scope;  // "20150830/us-east-1/sms-voice/aws4_request", the four of which follow
  std::string_view date;
  std::string_view region;
  std::string_view service;
  std::string_view terminator;
  std::string_view signed_headers;  // "host;x-amz-date"
  std::string_view signature;
};

// nullopt if the request has no Authorization header. Throws Error kIncompleteSignature if it has several, or one that
// is not of this algorithm, lacks a part, has one twice, or has one that nobody knows. The parts may come in any order,
// and blanks may stand around commas. Judges the form only, and of the scope only whether the region can be one.
std::optional<Authorization> ReadAuthorization(const HttpRequest& request);

// Throws unless the request is signed with `secret`, for `service`, within five minutes of `now`.
//
// kIncompleteSignature: no date to go by (X-Amz-Date, or else Date).
// kInvalidSignature: anything else; if it is the signature itself, the message shows what should have been signed.
//
// The whole body counts, by its own SHA-256: UNSIGNED-PAYLOAD, which leaves it open to change on its way, is refused,
// as AWS does outside of S3. If X-Amz-Date or X-Amz-Target is present, it must be signed. X-Amz-Target names the
// operation: if it were unsigned, somebody on the way could turn a read into a deletion with the same body. A session
// token counts if it is signed.
void CheckSignature(const HttpRequest& request, const Authorization& authorization, std::string_view secret,
                    std::string_view service, storage::Time now);

// Throws what CheckSignature throws as far as the headers alone are reason for it: all but the signature and the
// comparison with the body. The request's body is not looked at. That this passes proves nothing.
void CheckSignatureHeaders(const HttpRequest& request, const Authorization& authorization, std::string_view service,
                           storage::Time now);

}  // namespace poold
