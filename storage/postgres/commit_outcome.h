#pragma once

#include <chrono>
#include <string>

#include "storage/postgres/connections.h"
#include "storage/postgres/session.h"

// Private to storage/: what became of a transaction whose COMMIT went unanswered.
namespace poold::storage {

struct CommitOutcome {
  enum class Kind { kCommitted, kAborted, kUnknown };
  Kind kind;
  std::string known = {};  // of kUnknown: what is known all the same, for the log
};

// Asks on new connections until it is known or `until`. Leaves the lease with whatever connection it used last.
CommitOutcome LookUpCommit(Connections::Lease& lease, const Session::Begun& begun,
                           std::chrono::steady_clock::time_point until);

}  // namespace poold::storage
