#pragma once

// Every number the API imposes that no rule in the .proto files holds, each with where it comes from. [model] is the
// service model of 2022-03-31, [doc] its documentation, [ours] a choice where neither says.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace poold::limits {

// Characters of a sender ID [model].
inline constexpr std::size_t kSenderIdLength = 11;

// Items on a page when the caller names no MaxResults [ours]; also the greatest MaxResults [model].
inline constexpr int kPageSize = 100;
// Characters of a NextToken [model].
inline constexpr std::size_t kNextTokenLength = 1024;

// How long a ClientToken's answer is kept [ours].
inline constexpr std::chrono::hours kClientTokenLife{24};

// A number may be taken off the same opt-out list only once in this time [doc].
inline constexpr std::chrono::hours kOptInPause{30 * 24};

// What DescribeAccountLimits says of things this service doesn't have.
inline constexpr std::int64_t kConfigurationSets = 25;           // [doc]
inline constexpr std::int64_t kRegistrations = 100;              // [ours]
inline constexpr std::int64_t kRegistrationAttachments = 400;    // [ours]
inline constexpr std::int64_t kVerifiedDestinationNumbers = 10;  // [doc]

// How much the time at which a request was signed may differ from ours [ours, as AWS does].
inline constexpr std::chrono::minutes kSignatureSkew{5};

// Quotas per account and region, the documented defaults; all of them can be configured.
inline constexpr std::int64_t kPools = 25;                          // [doc]
inline constexpr std::int64_t kOriginationIdentitiesPerPool = 100;  // [doc]
inline constexpr std::int64_t kPhoneNumbers = 25;                   // [doc]
inline constexpr std::int64_t kSenderIds = 500;                     // [ours]
inline constexpr std::int64_t kOptOutLists = 25;                    // [doc] `Default` included
inline constexpr std::int64_t kKeywords = 30;                       // [doc] per number or pool, HELP and STOP included
inline constexpr std::int64_t kTagsPerResource = 50;                // [doc]

// Phone numbers of an account in all regions together, as a multiple of its quota in one [ours]: all regions share one
// inventory, so without a total an account could take a country's numbers region by region.
inline constexpr std::int64_t kRegionsOfPhoneNumbers = 4;

// Calls per second of one account and operation where there is an access file and no --throttle [ours]: far more than
// people and ordinary programs need, and about a twentieth of the writes that a server with two cores can do.
inline constexpr double kCallsPerSecond = 200;

// Bytes of a request, in either encoding [ours]: the model's largest (a policy, 200 tags) stay well below.
inline constexpr std::size_t kRequestBytes = 1 << 20;
// Field violations reported in one answer [ours]: enough for any person, too few to be used against the server.
inline constexpr std::size_t kViolations = 100;
// Bytes of one value that a message may repeat [ours].
inline constexpr std::size_t kQuotedBytes = 256;
// Bytes of what the AWS JSON door's own refusals say [ours]: a wrong signature shows the text that should have been
// signed.
inline constexpr std::size_t kFrontEndMessage = 2048;
// Field names listed in the text of a ValidationException [ours]; `Fields` itself has them all.
inline constexpr std::size_t kFieldsInText = 10;

// Bytes of a whole refusal over gRPC, headers and trailers, uncompressed [ours]. nginx holds them in one buffer of 4096
// (grpc_buffer_size), which also takes the HTTP/2 frames before them, and answers 502 to more.
inline constexpr std::size_t kRefusal = 4000;
// Bytes of it that message and details share as they are sent, percent-encoded and in base64. The others are for the
// names of all headers, the short values, and the framing.
inline constexpr std::size_t kRefusalTexts = kRefusal - 400;
// Bytes of the message, percent-encoded. The details repeat it, and must have room for ErrorInfo besides.
inline constexpr std::size_t kStatusMessage = 1024;
// Bytes of a Reason or a request id in the details. Ours and the service model's are shorter.
inline constexpr std::size_t kNameInDetails = 64;

}  // namespace poold::limits
