#pragma once

#include <string>
#include <vector>

#include "storage/resource_policies.h"

namespace poold {

// What a resource policy comes to: the accounts it names and, as "*", everybody else, each with the actions of this
// service that it allows them on the resource. Behaviour 4.9: a statement counts whose Resource is missing or matches
// the ARN; Deny beats Allow; a statement with a Condition never allows, but it does deny. What this service cannot
// judge (NotPrincipal, NotAction, NotResource) never allows, and denies as widely as it can be meant.
//
// Throws Error::Invalid, field "policy": CANNOT_PARSE for text that is no JSON object, INVALID_PARAMETER for an object
// without statements, or with one whose Effect, Principal or Action cannot be understood. Pure; any thread.
std::vector<Grant> GrantsFrom(const std::string& policy, const std::string& resource_arn);

}  // namespace poold
