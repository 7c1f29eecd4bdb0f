#pragma once

#include "server/rpc/call.h"

namespace poold {

// May the caller do this? Both steps pass every call where there is no access file, and throw Error::AccessDenied,
// which names the operation, and the resource if it is one that fails.

// By the operation's name alone: costs nothing, and comes before the request is read.
void AuthorizeAction(Call& call);

// By what the request names, for callers whose `resources` are limited. Every field whose rule has arn_types names
// resources, by ARN or by an id of the caller's account and region; each must be among those of the caller. A phone
// number that is named by its digits is `phone-number/<digits>` here, since its id takes a look into the database. What
// makes a resource (`creates` in the method's policy) needs `<type>/*` too. A request that names and makes none, such
// as a listing of all pools, is for callers with `*` only, as it is of AWS. What a call changes or shows besides what
// it names is asked about in its transaction (handlers/beyond.h). After Validate, so that what is named has its form.
void AuthorizeResources(Call& call);

}  // namespace poold
