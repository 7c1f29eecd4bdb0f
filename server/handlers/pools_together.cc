// CreatePool and AssociateOriginationIdentity of several callers in one transaction. Whoever is simply to be done is
// done here, by the same rules and in the same order of locks as the operations themselves (pools.cc); whoever would be
// refused, or would have to wait for a pool or an identity, goes apart. So there is one place that says how a call is
// refused.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/base/arn.h"
#include "server/base/aws_names.h"
#include "server/base/settings.h"
#include "server/handlers/guards.h"
#include "server/handlers/handlers.h"
#include "server/handlers/membership.h"
#include "server/handlers/pools.h"
#include "storage/accounts.h"
#include "storage/pool_members.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests and responses of this noun

template <class Request>
std::vector<NamedIdentity> IdentitiesIn(std::span<Call* const> calls) {
  std::vector<NamedIdentity> named;
  for (const Call* call : calls) {
    const auto& request = call->request<Request>();
    named.push_back({call->scope(), request.origination_identity(), CountryOf(request)});
  }
  return named;
}

std::set<storage::Scope> AccountsOf(std::span<Call* const> calls) {
  std::set<storage::Scope> accounts;
  for (const Call* call : calls) accounts.insert(call->scope());
  return accounts;
}

// ---- CreatePool

bool NamesPlainIdentity(const Call& call) {
  const auto& request = call.request<CreatePoolRequest>();
  return IsPlainIdentity(request.origination_identity(), CountryOf(request));
}

void CreatePoolsTogether(storage::Transaction& tx, std::span<Call* const> calls, std::span<Outcome> outcomes) {
  const ApiSettings& settings = calls[0]->settings();
  const auto rooms = std::make_shared<std::map<storage::Scope, storage::RoomForPools>>();
  storage::FindRoomForPools(tx, AccountsOf(calls), [rooms](auto found) { *rooms = std::move(found); });
  const auto identities = TryLockIdentities(tx, IdentitiesIn<CreatePoolRequest>(calls));

  std::vector<PlannedPool> planned;
  std::map<storage::Scope, std::int64_t> made;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    Call& call = *calls[i];
    const auto& request = call.request<CreatePoolRequest>();
    if (outcomes[i].apart) continue;
    outcomes[i].apart = true;
    if (!identities[i]) continue;
    storage::RoomForPools& room = (*rooms)[call.scope()];
    const bool room_for_tags = request.tags_size() <= room.tags_quota.value_or(settings.quotas.tags_per_resource);
    const bool room_for_pool = room.pools < room.pools_quota.value_or(settings.quotas.pools);
    if (!room_for_tags || !room_for_pool) continue;
    if (RefusalOf([&] { planned.push_back(PlanPool(call, request, *identities[i])); })) continue;
    ++room.pools;
    ++made[call.scope()];
    call.response<CreatePoolResponse>() = RenderCreated(call, planned.back().pool, request);
    outcomes[i].apart = false;
  }
  MakePools(tx, planned, settings);
  storage::Count(tx, storage::Counter::kPools, made, settings.quotas.pools, [] { throw AllApart(); });
}

// ---- AssociateOriginationIdentity

bool NamesPlainNumberAndPool(const Call& call) {
  const auto& request = call.request<AssociateOriginationIdentityRequest>();
  return IsPoolId(request.pool_id()) && IsPhoneNumberId(request.origination_identity());
}

// What is to be done for a call, if no rule refuses it.
struct Association {
  std::size_t call;
  storage::Pool pool;
  Identity number;
};

// Of the calls whose pool and number could be locked, those that may be.
std::vector<Association> AllowedOf(storage::Transaction& tx, std::span<Call* const> calls,
                                   std::vector<Association> candidates) {
  std::vector<storage::NumberInPool> joining;
  for (const auto& [i, pool, number] : candidates) joining.push_back({calls[i]->scope(), pool.id, number.id()});
  const auto found = storage::FindPoolsToJoin(tx, joining);
  std::vector<Association> allowed;
  for (std::size_t n = 0; n < candidates.size(); ++n) {
    Association& candidate = candidates[n];
    // A number that has to take over what the pool has stored (AddMember) runs alone.
    const bool has_nothing_to_take = candidate.number.number()->configuration == candidate.pool.configuration;
    const bool is_allowed = has_nothing_to_take && found[n].same_keywords && !RefusalOf([&] {
                              RequireFit(*calls[candidate.call], candidate.pool, candidate.number, found[n]);
                            });
    if (is_allowed) allowed.push_back(std::move(candidate));
  }
  return allowed;
}

void AssociateTogether(storage::Transaction& tx, std::span<Call* const> calls, std::span<Outcome> outcomes) {
  using Request = AssociateOriginationIdentityRequest;
  const auto request_of = [&](std::size_t i) -> const Request& { return calls[i]->request<Request>(); };
  std::vector<storage::ScopedId> wanted;
  for (std::size_t i = 0; i < calls.size(); ++i) wanted.push_back({calls[i]->scope(), request_of(i).pool_id()});
  auto pools = storage::TryLockPools(tx, wanted);
  auto numbers = TryLockIdentities(tx, IdentitiesIn<Request>(calls));

  // One for each pool (and each number is locked once): what the second may do depends on the first.
  std::set<storage::ScopedId> taken;
  std::vector<Association> candidates;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (outcomes[i].apart) continue;
    outcomes[i].apart = true;
    if (!pools[i] || !numbers[i]) continue;
    const bool is_allowed = !RefusalOf([&] {
      RequireActive(*pools[i]);
      RequireRevision(*pools[i], request_of(i));
      RequireJoinable(*numbers[i]->number());
    });
    if (!is_allowed || !taken.insert(wanted[i]).second) continue;
    candidates.push_back({i, *std::move(pools[i]), *std::move(numbers[i])});
  }

  std::vector<storage::NumberInPool> joined;
  std::vector<storage::ScopedId> touched;
  for (auto& [i, pool, number] : AllowedOf(tx, calls, std::move(candidates))) {
    Call& call = *calls[i];
    joined.push_back({call.scope(), pool.id, number.id()});
    touched.push_back({call.scope(), pool.id});
    ++pool.revision;
    call.response<AssociateOriginationIdentityResponse>() =
        RenderMembership<AssociateOriginationIdentityResponse>(call, pool, number);
    outcomes[i].apart = false;
  }
  storage::AddPhoneNumbersToPools(tx, joined);
  storage::TouchPools(tx, touched);
}

}  // namespace

const Together kCreatePoolsTogether{Together::Kind::kChange, &NamesPlainIdentity, &CreatePoolsTogether};
const Together kAssociateTogether{Together::Kind::kChange, &NamesPlainNumberAndPool, &AssociateTogether};

}  // namespace poold
