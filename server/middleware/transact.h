#pragma once

#include "server/call.h"

namespace poold {

// Throws Error::Deadline or Error::Cancelled for a call that is past its deadline or called off: time spent on it would
// be taken from calls that still have somebody waiting.
void RefuseIfTooLate(Call& call);

// Runs the method's handler in a transaction and commits: read-only or read-write as the method's policy says.
//
// A writing call with a client token claims it in the same transaction. The first call acts and stores its answer with
// what it did; a repetition with the same parameters is answered with that; one with other parameters is refused with
// INVALID_REQUEST (behaviour 4.2). A call that fails rolls back, its claim included, so failures are not remembered.
//
// A call that only validates runs like any other and is rolled back at the end: what it answers is what it would have
// answered, and it checks what it would have checked.
//
// The handler runs again from the top when the database reports a conflict, each time with an empty response.
void Transact(Call& call);

}  // namespace poold
