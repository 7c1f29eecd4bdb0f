// The extensions that change several members of a pool at once, all or none.

#include <algorithm>
#include <map>
#include <set>

#include "server/arn.h"
#include "server/handlers/guards.h"
#include "server/handlers/handlers.h"
#include "server/handlers/membership.h"
#include "server/limits.h"
#include "storage/pool_members.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests and responses of this noun

using References = google::protobuf::RepeatedPtrField<OriginationIdentityReference>;

std::string Described(const Error& error) {
  std::string text(error.exception());
  if (!error.reason().empty()) text += " " + error.reason();
  for (const FieldViolation& field : error.fields()) text += "; " + field.name + " " + field.message;
  return text;
}

// Does `step` for each identity. If any is refused, all that are go into one error, which is otherwise the first one's:
// the transaction is rolled back whole, so that nothing of the others stays.
template <class Step>
void ForEachIdentity(const References& identities, const Step& step) {
  std::optional<Error> first;
  std::vector<FieldViolation> refusals;
  for (int i = 0; i < identities.size(); ++i) {
    try {
      step(identities[i]);
    } catch (const Error& error) {
      if (!first) first = error;
      refusals.push_back({"originationIdentities[" + std::to_string(i) + "]", Described(error)});
    }
  }
  if (first) throw first->WithFields(std::move(refusals));
}

template <class Response>
Response Finish(Call& call, Pool& pool) {
  TouchPool(call.tx(), call.scope(), pool);
  Response response;
  response.set_pool_arn(PoolArn(call.scope(), pool.id));
  response.set_pool_id(pool.id);
  for (const PoolMember& member : ListMembers(call.tx(), call.scope(), pool.id, {}, 0, limits::kPageSize)) {
    RenderMember(call.scope(), member, *response.add_origination_identities());
  }
  response.set_revision(pool.revision);
  return response;
}

// The number's id, or the sender ID with its country as its key.
std::string KeyOf(const Identity& identity) {
  return identity.number() ? identity.id() : SenderIdResource(identity.id(), identity.iso_country_code()).id;
}

std::string KeyOf(const PoolMember& member) {
  return member.phone_number_id ? *member.phone_number_id
                                : SenderIdResource(*member.sender_id, member.iso_country_code).id;
}

std::vector<PoolMember> AllMembers(Call& call, const Pool& pool) {
  std::vector<PoolMember> all;
  while (true) {
    const std::int64_t after = all.empty() ? 0 : all.back().position;
    const auto some = ListMembers(call.tx(), call.scope(), pool.id, {}, after, limits::kPageSize);
    all.insert(all.end(), some.begin(), some.end());
    if (some.size() < static_cast<std::size_t>(limits::kPageSize)) return all;
  }
}

Identity LockMember(Call& call, const PoolMember& member) {
  return member.phone_number_id ? RequireIdentity(call, *member.phone_number_id, std::nullopt)
                                : RequireIdentity(call, *member.sender_id, member.iso_country_code);
}

}  // namespace

BatchAssociateOriginationIdentitiesResponse BatchAssociateOriginationIdentities(
    Call& call, const BatchAssociateOriginationIdentitiesRequest& request) {
  Pool pool = RequireActivePool(call, request.pool_id());
  RequireRevision(pool, request);
  ForEachIdentity(request.origination_identities(), [&](const OriginationIdentityReference& reference) {
    Associate(call, pool, reference.origination_identity(), CountryOf(reference));
  });
  return Finish<BatchAssociateOriginationIdentitiesResponse>(call, pool);
}

BatchDisassociateOriginationIdentitiesResponse BatchDisassociateOriginationIdentities(
    Call& call, const BatchDisassociateOriginationIdentitiesRequest& request) {
  Pool pool = RequireActivePool(call, request.pool_id());
  RequireRevision(pool, request);
  ForEachIdentity(request.origination_identities(), [&](const OriginationIdentityReference& reference) {
    Disassociate(call, pool, reference.origination_identity(), CountryOf(reference));
  });
  return Finish<BatchDisassociateOriginationIdentitiesResponse>(call, pool);
}

ReplaceOriginationIdentitiesResponse ReplaceOriginationIdentities(Call& call,
                                                                  const ReplaceOriginationIdentitiesRequest& request) {
  Pool pool = RequireActivePool(call, request.pool_id());
  RequireRevision(pool, request);
  const auto present = AllMembers(call, pool);

  std::set<std::string> wanted;
  std::map<const OriginationIdentityReference*, Identity> joining;
  ForEachIdentity(request.origination_identities(), [&](const OriginationIdentityReference& reference) {
    Identity identity = RequireIdentity(call, reference.origination_identity(), CountryOf(reference));
    if (!wanted.insert(KeyOf(identity)).second) {
      throw Error::Conflict(reason::kResourceAlreadyAssociated, identity.type(), identity.id(), "It is named twice.");
    }
    if (!IsMember(call, pool, identity)) joining.emplace(&reference, std::move(identity));
  });

  // Leaving first: what joins is compared with those that stay, and has the room of those that left.
  for (const PoolMember& member : present) {
    if (wanted.contains(KeyOf(member))) continue;
    const Identity leaving = LockMember(call, member);
    if (leaving.number()) RequireActive(*leaving.number());
    RemoveMember(call, pool, leaving);
  }
  ForEachIdentity(request.origination_identities(), [&](const OriginationIdentityReference& reference) {
    const auto found = joining.find(&reference);
    if (found != joining.end()) Join(call, pool, found->second);
  });

  const auto has_number = [](const PoolMember& member) { return member.phone_number_id.has_value(); };
  if (std::ranges::any_of(present, has_number) && CountMembers(call.tx(), call.scope(), pool.id).phone_numbers == 0) {
    throw Error::Conflict(reason::kLastPhoneNumber, ResourceType::kPool, pool.id,
                          "A pool of numbers keeps at least one.");
  }
  return Finish<ReplaceOriginationIdentitiesResponse>(call, pool);
}

}  // namespace poold
