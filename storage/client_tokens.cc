#include "storage/client_tokens.h"

#include <utility>

#include "storage/session.h"

namespace poold {

void ClaimClientToken(Transaction& tx, const ClientToken& token, const Bytes& request_hash, Time now,
                      Time expired_before, std::function<void(const StoredAnswer&)> used) {
  // A row that is used already is written as it is, to be answered in the same round trip. Only a row that this
  // transaction has made or taken over has no response.
  static constexpr Statement kClaim{
      "client_tokens.claim",
      "INSERT INTO client_tokens AS used (account_id, region, operation, client_token, request_hash, created_at)"
      " VALUES ($1, $2, $3, $4, $5, $6)"
      " ON CONFLICT ON CONSTRAINT client_tokens_pkey DO UPDATE SET"
      "   request_hash = CASE WHEN used.created_at < $7 THEN excluded.request_hash ELSE used.request_hash END,"
      "   response = CASE WHEN used.created_at < $7 THEN NULL ELSE used.response END,"
      "   created_at = CASE WHEN used.created_at < $7 THEN excluded.created_at ELSE used.created_at END"
      " RETURNING request_hash, response"};
  tx.Later(
      kClaim,
      Params(token.scope.account, token.scope.region, token.operation, token.token, request_hash, now, expired_before),
      [used = std::move(used)](const Rows& rows) {
        if (rows[0].IsNull(1)) return;
        StoredAnswer answer;
        rows[0].Read(answer.request_hash, answer.response);
        used(answer);
      });
}

void FollowCommits(Transaction& tx) { tx.Run(kFollowCommits); }

void StoreAnswer(Transaction& tx, const ClientToken& token, const Bytes& response) {
  static constexpr Statement kStore{"client_tokens.store",
                                    "UPDATE client_tokens SET response = $5"
                                    " WHERE account_id = $1 AND region = $2 AND operation = $3 AND client_token = $4"};
  tx.Later(kStore, Params(token.scope.account, token.scope.region, token.operation, token.token, response));
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
