#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "storage/postgres/transaction.h"
#include "storage/values/scope.h"

namespace poold::storage {

// What makes a call a repetition: the same token, for the same operation, in the same account and region.
struct ClientToken {
  Scope scope;
  std::string_view operation;
  std::string_view token;
};

// What the first call with a token asked and was answered.
struct StoredAnswer {
  Bytes request_hash;
  Bytes response;
};

// Claims the token for this transaction, together with its next statements (Transaction::Later). The caller, if it is
// the first, must act, and store its answer before it commits. Otherwise `used` is given the first call's answer, to
// compare and replay, and must throw: nothing may come of what was done since, not even of this. While another
// transaction holds the token the claim waits for its end, so two calls at once never both act: the primary key
// decides. A token that was used before `expired_before` is free again.
void ClaimClientToken(Transaction& tx, const ClientToken& token, const Bytes& request_hash, Time now,
                      Time expired_before, std::function<void(const StoredAnswer&)> used);

// The same for the calls of a group, of one operation: `claimed` is told which of the tokens are theirs now, and which
// somebody has used, whatever for and however long ago. A token that is there twice is the first one's.
struct TokenClaim {
  ClientToken token;
  Bytes request_hash;
};
void ClaimClientTokens(Transaction& tx, const std::vector<TokenClaim>& claims, Time now,
                       std::function<void(const std::vector<bool>&)> claimed);

// Gives claimed tokens back unused.
void ReleaseClientTokens(Transaction& tx, const std::vector<ClientToken>& tokens);

// For a transaction of its own, before a stored answer is told: once that has committed, what the first call did is as
// safe as commits are in this database. It can be seen before, if the first call's wait for the standbys was called
// off.
void FollowCommits(Transaction& tx);

// Stores the answers under the claimed tokens.
struct AnswerToStore {
  ClientToken token;
  Bytes response;
};
void StoreAnswers(Transaction& tx, const std::vector<AnswerToStore>& answers);

// Forgets at most `limit` of the tokens used before `before`. Returns how many; several at once don't wait for each
// other.
std::int64_t PurgeClientTokens(Transaction& tx, Time before, int limit);

}  // namespace poold::storage
