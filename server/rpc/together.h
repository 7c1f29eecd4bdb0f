#pragma once

#include <optional>
#include <span>

#include "server/base/error.h"

namespace poold::storage {
class Transaction;
}  // namespace poold::storage

namespace poold {

class Call;

// What became of a call that was to be answered together with others.
struct Outcome {
  bool apart = false;                 // it must go its own way: nothing was done for it
  std::optional<Error> refusal = {};  // of one that isn't apart: nothing if it is answered
};

// Thrown by Together::answer to undo what it did: all of them go their own ways.
struct AllApart {};

// How several calls of a method, of whatever accounts, are answered together if they wait at the same time: what reads
// in one round trip, what writes in one transaction of few statements.
struct Together {
  // In which queue they wait: what is quick must not wait behind what isn't.
  enum class Kind {
    kLookUp,   // reads a few rows by their keys: one statement for all of them
    kListing,  // reads a page: a statement for each, in one round trip
    kChange,   // writes
  };
  Kind kind;
  // Whether this call may be answered so. Looks at the request alone.
  bool (*fits)(const Call& call);
  // Fills each call's response, or says what else becomes of it; that has no effect on the other calls. Does nothing
  // for calls that are `apart` once the first statement has been answered. A batch of writes never refuses a call: it
  // marks a call that a rule would refuse as `apart`, and that call then runs alone.
  void (*answer)(storage::Transaction& tx, std::span<Call* const> calls, std::span<Outcome> outcomes);
};

}  // namespace poold
