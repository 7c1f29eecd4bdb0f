#pragma once

// AWS JSON 1.0 ⇄ messages, by reflection (behaviour 1 and 4): members are called PoolId where the .proto says pool_id,
// enum values go by their AWS names, timestamps are numbers. Members of ours that the service model doesn't have are
// neither read nor written. Pure functions; any thread.

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "server/base/error.h"

namespace poold {

// Fills `message`, which must be empty. Unknown members are ignored, `null` is absent. A text that an enum doesn't have
// becomes a number that it doesn't have, for Validate to refuse with its name.
// Throws Error (SerializationException) unless `json` is one object in UTF-8, at most 16 levels deep, that has no
// member twice and no NUL character, and whose members are of the message's types; (ValidationException) for an empty
// list where there must be items, since a message can't tell that from no list, and for a list that has more items than
// its rule allows, as soon as that is seen: nothing is kept of the rest.
void FromAwsJson(std::string_view json, google::protobuf::Message& message);

// Members without presence are written always, others when they are set. `message` must hold valid UTF-8.
std::string ToAwsJson(const google::protobuf::Message& message);

// The body of a refusal: __type, Message, and what else the error has of Reason, Fields, ResourceType and ResourceId;
// RequestId with InternalServerException.
std::string ToAwsJson(const Error& error, std::string_view request_id);

}  // namespace poold
