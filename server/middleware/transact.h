#pragma once

#include <span>
#include <vector>

#include "server/rpc/call.h"
#include "server/rpc/together.h"

namespace poold {

// Throws Error::Deadline or Error::Cancelled for a call that is past its deadline or called off: time spent on it would
// be taken from calls that still have somebody waiting.
void RefuseIfTooLate(Call& call);

// The first of the method's ways to batch it that fits the call, as far as its request says; nullptr if none does.
// After Validate.
const Together* TogetherOf(const Call& call, std::span<const Together* const> ways);

// Whether the call may be answered with others right now: it has enough time left (a batch runs under the earliest
// deadline of its calls), and it is not the first call of its account.
bool CanJoin(const Together& together, const Call& call);

// Answers calls of one method who all fit `together` as that does it: one outcome for each. Calls that write do so
// in one transaction, committed when it returns, with their client tokens as in Transact; a token that somebody else
// has used or is using makes its call go apart. They don't try twice. If nobody can say whether the commit happened,
// those that would have been answered are refused with Unavailable.
//
// The deadline of the whole is the earliest of theirs; listings have 800 ms at most, and each of them 100; what writes
// has a second, but its commit is waited for as long as any of them would wait, up to five. Throws StorageFailure, as
// Database::Run: nothing was done.
std::vector<Outcome> AnswerTogether(const Together& together, std::span<Call* const> calls);

// Runs `handle`, the method's handler, in a transaction and commits: read-only or read-write as the method's policy
// says.
//
// The first call of an account that writes makes the account, in a transaction of its own. One that only reads leaves
// no row behind: it makes the account, reads, and rolls back.
//
// A writing call with a client token claims it in the same transaction. The first call acts and stores its answer with
// what it did; a repetition with the same parameters is answered with that; one with other parameters is refused with
// INVALID_REQUEST (behaviour 4.2). A call that fails rolls back, its claim included, so failures are not remembered.
//
// A call that only validates runs like any other and is rolled back at the end: what it answers is what it would have
// answered, and it checks what it would have checked.
//
// The handler runs again from the top when the database reports a conflict, each time with an empty response.
void Transact(Call& call, void (*handle)(Call&));

}  // namespace poold
