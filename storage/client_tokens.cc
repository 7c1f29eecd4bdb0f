#include "storage/client_tokens.h"

#include "storage/failure.h"

namespace poold {

std::optional<StoredAnswer> ClaimClientToken(Transaction& tx, const ClientToken& token, const Bytes& request_hash,
                                             Time now, Time expired_before) {
  // On a conflict the existing row is locked even where it isn't updated, so it is still there for the look-up below.
  static constexpr Statement kClaim{
      "client_tokens.claim",
      "INSERT INTO client_tokens (account_id, region, operation, client_token, request_hash, created_at)"
      " VALUES ($1, $2, $3, $4, $5, $6)"
      " ON CONFLICT ON CONSTRAINT client_tokens_pkey"
      " DO UPDATE SET request_hash = excluded.request_hash, response = NULL, created_at = excluded.created_at"
      " WHERE client_tokens.created_at < $7"};
  const Rows claimed = tx.Run(kClaim, Params(token.scope.account, token.scope.region, token.operation, token.token,
                                             request_hash, now, expired_before));
  if (claimed.affected() == 1) return std::nullopt;

  static constexpr Statement kFind{"client_tokens.find",
                                   "SELECT request_hash, response FROM client_tokens"
                                   " WHERE account_id = $1 AND region = $2 AND operation = $3 AND client_token = $4"};
  const Rows rows = tx.Run(kFind, Params(token.scope.account, token.scope.region, token.operation, token.token));
  if (rows.empty()) throw StorageFailure(StorageFailure::Kind::kBug, "client_tokens: a locked row is gone");
  StoredAnswer answer;
  rows[0].Read(answer.request_hash, answer.response);
  return answer;
}

void StoreAnswer(Transaction& tx, const ClientToken& token, const Bytes& response) {
  static constexpr Statement kStore{"client_tokens.store",
                                    "UPDATE client_tokens SET response = $5"
                                    " WHERE account_id = $1 AND region = $2 AND operation = $3 AND client_token = $4"};
  tx.Run(kStore, Params(token.scope.account, token.scope.region, token.operation, token.token, response));
}

std::int64_t PurgeClientTokens(Transaction& tx, Time before, int limit) {
  static constexpr Statement kPurge{
      "client_tokens.purge",
      "DELETE FROM client_tokens WHERE ctid = ANY (ARRAY("
      "  SELECT ctid FROM client_tokens WHERE created_at < $1 ORDER BY created_at LIMIT $2"
      "  FOR UPDATE SKIP LOCKED))"};
  return tx.Run(kPurge, Params(before, limit)).affected();
}

}  // namespace poold
