#pragma once

#include <optional>
#include <string_view>

#include "storage/scope.h"
#include "storage/transaction.h"

namespace poold {

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

// Claims the token for this transaction: nullopt means that the caller is the first, must act, and store its answer
// before it commits. Otherwise the first call's answer, which the caller has to compare and replay. While another
// transaction holds the token this waits for its end, so two calls at once never both act: the primary key decides.
// A token that was used before `expired_before` is free again.
std::optional<StoredAnswer> ClaimClientToken(Transaction& tx, const ClientToken& token, const Bytes& request_hash,
                                             Time now, Time expired_before);

// Stores the answer under the claimed token.
void StoreAnswer(Transaction& tx, const ClientToken& token, const Bytes& response);

// Forgets at most `limit` of the tokens used before `before`. Returns how many; several at once don't wait for each
// other.
std::int64_t PurgeClientTokens(Transaction& tx, Time before, int limit);

}  // namespace poold
