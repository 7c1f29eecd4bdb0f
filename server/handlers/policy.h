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
// Throws Error::Invalid, field "policy": CANNOT_PARSE for text that is no JSON object, INVALID_PARAMETER for a document
// in which an object has a member twice, that has no statements, or one whose Effect, Principal, Action or Resource
// cannot be understood. A principal is everybody, an account, or an account's root: accounts are known here, not the
// users and roles in them, so a policy that names one of these is refused. Pure; any thread.
std::vector<storage::Grant> GrantsFrom(const std::string& policy, const std::string& resource_arn);

}  // namespace poold
