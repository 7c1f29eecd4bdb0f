#include "storage/client_tokens.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "storage/postgres/session.h"

namespace poold::storage {
namespace {

// Of a token among those of one operation.
ScopedId KeyOf(const ClientToken& token) { return {token.scope, std::string(token.token)}; }

}  // namespace

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

void ClaimClientTokens(Transaction& tx, const std::vector<TokenClaim>& claims, Time now,
                       std::function<void(const std::vector<bool>&)> claimed) {
  // In one order, so that two that wait for tokens of each other don't do so in a circle.
  static constexpr Statement kClaim{
      "client_tokens.claim_several",
      "INSERT INTO client_tokens (account_id, region, operation, client_token, request_hash, created_at)"
      " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[])"
      "   AS claim (account_id, region, operation, client_token, request_hash, created_at)"
      " ORDER BY account_id, region, operation, client_token"
      " ON CONFLICT ON CONSTRAINT client_tokens_pkey DO NOTHING RETURNING account_id, region, client_token"};
  if (claims.empty()) return;
  std::vector<ScopedId> keys;
  std::map<ScopedId, const TokenClaim*> firsts;
  for (const TokenClaim& claim : claims) {
    keys.push_back(KeyOf(claim.token));
    firsts.insert({keys.back(), &claim});
  }
  const auto columns = Params::Columns(firsts, [now](const auto& first) {
    const TokenClaim& claim = *first.second;
    const auto& [scope, operation, token] = claim.token;
    return std::tie(scope.account, scope.region, operation, token, claim.request_hash, now);
  });
  tx.Later(kClaim, columns, [keys = std::move(keys), claimed = std::move(claimed)](const Rows& rows) {
    std::set<ScopedId> made;
    for (const Row row : rows) {
      ScopedId key;
      row.Read(key.scope.account, key.scope.region, key.id);
      made.insert(std::move(key));
    }
    std::vector<bool> ours;
    for (const ScopedId& key : keys) ours.push_back(made.erase(key) == 1);
    claimed(ours);
  });
}

void ReleaseClientTokens(Transaction& tx, const std::vector<ClientToken>& tokens) {
  // LATERAL with LIMIT as in FindPoolsTogether. The rows stay where they are: this transaction made them.
  static constexpr Statement kRelease{
      "client_tokens.release",
      "DELETE FROM client_tokens AS used USING unnest($1::text[], $2::text[], $3::text[], $4::text[])"
      "   AS unused (account, region_, operation_, token)"
      " CROSS JOIN LATERAL (SELECT ctid FROM client_tokens WHERE account_id = account AND region = region_"
      "   AND operation = operation_ AND client_token = token LIMIT 1) AS found"
      " WHERE used.ctid = found.ctid"};
  if (tokens.empty()) return;
  tx.Later(kRelease, Params::Columns(tokens, [](const ClientToken& token) {
             return std::tie(token.scope.account, token.scope.region, token.operation, token.token);
           }));
}

void FollowCommits(Transaction& tx) { tx.Run(kFollowCommits); }

void StoreAnswers(Transaction& tx, const std::vector<AnswerToStore>& answers) {
  // The rows are there: this transaction has claimed them. Whatever a plan was made for, a conflict is looked up by the
  // key; an UPDATE that was planned when there were few tokens, after a quiet night, would read all of them.
  static constexpr Statement kStore{
      "client_tokens.store",
      "INSERT INTO client_tokens (account_id, region, operation, client_token, response, request_hash, created_at)"
      " SELECT *, '', now() FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])"
      " ON CONFLICT ON CONSTRAINT client_tokens_pkey DO UPDATE SET response = excluded.response"};
  if (answers.empty()) return;
  tx.Later(kStore, Params::Columns(answers, [](const AnswerToStore& answer) {
             const auto& [scope, operation, token] = answer.token;
             return std::tie(scope.account, scope.region, operation, token, answer.response);
           }));
}

std::int64_t PurgeClientTokens(Transaction& tx, Time before, int limit) {
  static constexpr Statement kPurge{
      "client_tokens.purge",
      "DELETE FROM client_tokens WHERE ctid = ANY (ARRAY("
      "  SELECT ctid FROM client_tokens WHERE created_at < $1 ORDER BY created_at LIMIT $2"
      "  FOR UPDATE SKIP LOCKED))"};
  return tx.Run(kPurge, Params(before, limit)).affected();
}

}  // namespace poold::storage
