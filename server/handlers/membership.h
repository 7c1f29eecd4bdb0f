#pragma once

// Joining and leaving a pool: the rules of AssociateOriginationIdentity and DisassociateOriginationIdentity, which
// the batches and what is done together share. The pool is locked and ACTIVE; whoever changes members raises its
// revision after.

#include <optional>
#include <string>

#include "server/base/arn.h"
#include "server/base/aws_names.h"
#include "server/handlers/guards.h"
#include "server/rpc/call.h"
#include "smsvoice/v2/pools.pb.h"
#include "storage/pool_members.h"

namespace poold {

template <class Request>
std::optional<std::string> CountryOf(const Request& request) {
  return request.has_iso_country_code() ? std::optional(request.iso_country_code()) : std::nullopt;
}

// Puts an identity, which passed every rule, in the pool. A number takes over the channel and role that the pool has
// stored.
void AddMember(Call& call, const storage::Pool& pool, const Identity& identity);

// Takes a member out. A number takes the pool's keywords with it.
void RemoveMember(Call& call, const storage::Pool& pool, const Identity& identity);

// Whether the identity is in this pool.
bool IsMember(Call& call, const storage::Pool& pool, const Identity& identity);

// What a number must be to join any pool: in none, and active; and then to join this one: like the numbers in it, with
// room for one more.
void RequireJoinable(const storage::PhoneNumber& number);
void RequireFit(Call& call, const storage::Pool& pool, const Identity& number, const storage::PoolToJoin& found);

// Checks an identity that is not in the pool by all rules and puts it in.
void Join(Call& call, const storage::Pool& pool, const Identity& identity);

// Adds the identity that a request names, or refuses it.
Identity Associate(Call& call, const storage::Pool& pool, const std::string& identity,
                   const std::optional<std::string>& iso_country_code);

// Takes out the identity that a request names, or refuses it.
Identity Disassociate(Call& call, const storage::Pool& pool, const std::string& identity,
                      const std::optional<std::string>& iso_country_code);

// Takes the member's texts.
void RenderMember(const storage::Scope& owner, storage::PoolMember&& member,
                  smsvoice::v2::OriginationIdentityMetadata& item);

}  // namespace poold
