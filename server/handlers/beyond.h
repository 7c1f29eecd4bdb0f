#pragma once

// What an operation changes or shows besides what its request names and what it makes. Where an access file limits the
// `resources` of a caller (server/middleware/access.h), AuthorizeResources asks about what a request names before the
// database is used. What a call changes or shows besides is known only in its transaction, and is asked about there:
// what is changed must all be reached, or the call is refused; what is shown and can't be reached is left out.

#include <optional>
#include <span>
#include <string_view>

#include "server/rpc/call.h"
#include "storage/sharing.h"

namespace poold {

struct Beyond {
  enum class Changes {
    kNothing,
    kNumbersInPool,  // the pool's settings or keywords, which are those of its phone numbers too
    kMembersOfPool,  // phone numbers and sender IDs: they leave the pool
  };
  enum class Shows {
    kNothing,  // but the ids and names of other things, as settings of what is named
    kMembersOfPool,
    kPoolsOfIdentity,
  };

  std::string_view method;
  Changes changes = Changes::kNothing;
  Shows shows = Shows::kNothing;
};

// One row for each method; a test says which is missing. Constant, any thread.
std::span<const Beyond> BeyondOfMethods();

// What the caller may reach; nullopt: everything.
std::optional<storage::Reach> ReachOf(const Call& call);

// AccessDenied unless the caller may reach all that the method changes in this pool of the caller's, which is locked.
void RequireReach(const Call& call, std::string_view pool_id);

}  // namespace poold
