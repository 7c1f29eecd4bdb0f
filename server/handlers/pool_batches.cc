// The extensions that change several members of a pool at once, all or none.

#include <algorithm>
#include <map>
#include <set>

#include "server/base/arn.h"
#include "server/base/limits.h"
#include "server/handlers/guards.h"
#include "server/handlers/handlers.h"
#include "server/handlers/membership.h"
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

// One identity that is refused, as a rehearsal answers it.
void RenderRefusal(int index, const OriginationIdentityReference& reference, const Error& error,
                   RefusedOriginationIdentity& refused) {
  refused.set_index(index);
  refused.set_origination_identity(reference.origination_identity());
  if (reference.has_iso_country_code()) refused.set_iso_country_code(reference.iso_country_code());
  refused.set_exception(std::string(error.exception()));
  if (!error.reason().empty()) refused.set_reason(error.reason());
  if (error.resource_type() != ResourceType::kNone) {
    refused.set_resource_type(std::string(AwsName(error.resource_type())));
    refused.set_resource_id(error.resource_id());
  }
  refused.set_message(error.message());
  for (const FieldViolation& field : error.fields()) {
    auto& violation = *refused.add_fields();
    violation.set_name(field.name);
    violation.set_message(field.message);
  }
}

// The identities of a request that are refused. One is enough to undo the whole transaction, so that nothing of the
// others stays.
class Refusals {
 public:
  explicit Refusals(const References& identities) : identities_(identities) {}

  // Does what there is to do for the identity of this index, and keeps the error if it is refused.
  template <class Step>
  void Try(int index, const Step& step) {
    try {
      step();
    } catch (const Error& error) {
      refused_.emplace(index, error);
    }
  }

  bool any() const { return !refused_.empty(); }

  // Only if there are any. A rehearsal answers `unchanged`, the pool as it stays, with all of them: a response has room
  // for what a status has not. Any other call is refused as the first of them is.
  template <class Response>
  Response Answer(const Call& call, Response unchanged) const {
    if (!call.validate_only()) Throw();
    for (const auto& [index, error] : refused_) {
      RenderRefusal(index, identities_[index], error, *unchanged.add_refused_identities());
    }
    return unchanged;
  }

 private:
  [[noreturn]] void Throw() const {
    std::vector<FieldViolation> fields;
    for (const auto& [index, error] : refused_) {
      fields.push_back({"originationIdentities[" + std::to_string(index) + "]", Described(error)});
    }
    throw refused_.begin()->second.WithFields(std::move(fields));
  }

  const References& identities_;
  std::map<int, Error> refused_;
};

template <class Step>
Refusals ForEachIdentity(const References& identities, const Step& step) {
  Refusals refusals(identities);
  for (int i = 0; i < identities.size(); ++i) refusals.Try(i, [&] { step(identities[i]); });
  return refusals;
}

// Locks the phone numbers among a request's identities and among those that are `present`.
void LockNumbers(Call& call, const References& identities, const std::vector<storage::PoolMember>& present = {}) {
  std::vector<std::string> texts;
  for (const OriginationIdentityReference& reference : identities) texts.push_back(reference.origination_identity());
  for (const storage::PoolMember& member : present) {
    if (member.phone_number_id) texts.push_back(*member.phone_number_id);
  }
  LockPhoneNumbersAmong(call, texts);
}

// A page of the members of a pool, which is locked.
std::vector<storage::PoolMember> MembersAfter(Call& call, const storage::Pool& pool, std::int64_t position) {
  const storage::MemberListing listing{.viewer = ViewerOf(call),
                                       .scope = call.scope(),
                                       .pool_id = pool.id,
                                       .after = position,
                                       .limit = limits::kPageSize};
  return storage::ListMembers(call.tx(), listing).items;
}

template <class Response>
Response Render(Call& call, const storage::Pool& pool) {
  Response response;
  response.set_pool_arn(PoolArn(call.scope(), pool.id));
  response.set_pool_id(pool.id);
  for (storage::PoolMember& member : MembersAfter(call, pool, 0)) {
    RenderMember(call.scope(), std::move(member), *response.add_origination_identities());
  }
  response.set_revision(pool.revision);
  return response;
}

// What a rehearsal answers if an identity is refused; nothing for other calls, which don't need it. To be asked for
// before anything is changed.
template <class Response>
Response RenderUnchanged(Call& call, const storage::Pool& pool) {
  return call.validate_only() ? Render<Response>(call, pool) : Response();
}

// The number's id, or the sender ID with its country as its key.
std::string KeyOf(const Identity& identity) {
  return identity.number() ? identity.id() : storage::SenderIdResource(identity.id(), identity.iso_country_code()).id;
}

std::string KeyOf(const storage::PoolMember& member) {
  return member.phone_number_id ? *member.phone_number_id
                                : storage::SenderIdResource(*member.sender_id, member.iso_country_code).id;
}

std::vector<storage::PoolMember> AllMembers(Call& call, const storage::Pool& pool) {
  std::vector<storage::PoolMember> all;
  while (true) {
    const auto some = MembersAfter(call, pool, all.empty() ? 0 : all.back().position);
    all.insert(all.end(), some.begin(), some.end());
    if (some.size() < static_cast<std::size_t>(limits::kPageSize)) return all;
  }
}

Identity LockMember(Call& call, const storage::PoolMember& member) {
  return member.phone_number_id ? RequireIdentity(call, *member.phone_number_id, std::nullopt)
                                : RequireIdentity(call, *member.sender_id, member.iso_country_code);
}

}  // namespace

BatchAssociateOriginationIdentitiesResponse BatchAssociateOriginationIdentities(
    Call& call, const BatchAssociateOriginationIdentitiesRequest& request) {
  storage::Pool pool = RequireActivePool(call, request.pool_id());
  RequireRevision(pool, request);
  LockNumbers(call, request.origination_identities());
  auto unchanged = RenderUnchanged<BatchAssociateOriginationIdentitiesResponse>(call, pool);
  const Refusals refusals =
      ForEachIdentity(request.origination_identities(), [&](const OriginationIdentityReference& reference) {
        Associate(call, pool, reference.origination_identity(), CountryOf(reference));
      });
  if (refusals.any()) return refusals.Answer(call, std::move(unchanged));
  storage::TouchPool(call.tx(), call.scope(), pool);
  return Render<BatchAssociateOriginationIdentitiesResponse>(call, pool);
}

BatchDisassociateOriginationIdentitiesResponse BatchDisassociateOriginationIdentities(
    Call& call, const BatchDisassociateOriginationIdentitiesRequest& request) {
  storage::Pool pool = RequireActivePool(call, request.pool_id());
  RequireRevision(pool, request);
  LockNumbers(call, request.origination_identities());
  auto unchanged = RenderUnchanged<BatchDisassociateOriginationIdentitiesResponse>(call, pool);
  const Refusals refusals =
      ForEachIdentity(request.origination_identities(), [&](const OriginationIdentityReference& reference) {
        Disassociate(call, pool, reference.origination_identity(), CountryOf(reference));
      });
  if (refusals.any()) return refusals.Answer(call, std::move(unchanged));
  storage::TouchPool(call.tx(), call.scope(), pool);
  return Render<BatchDisassociateOriginationIdentitiesResponse>(call, pool);
}

ReplaceOriginationIdentitiesResponse ReplaceOriginationIdentities(Call& call,
                                                                  const ReplaceOriginationIdentitiesRequest& request) {
  storage::Pool pool = RequireActivePool(call, request.pool_id());
  RequireRevision(pool, request);
  const References& identities = request.origination_identities();
  const auto present = AllMembers(call, pool);
  LockNumbers(call, identities, present);
  auto unchanged = RenderUnchanged<ReplaceOriginationIdentitiesResponse>(call, pool);

  Refusals refusals(identities);
  std::set<std::string> wanted;
  std::map<int, Identity> joining;
  for (int i = 0; i < identities.size(); ++i) {
    refusals.Try(i, [&] {
      Identity identity = RequireIdentity(call, identities[i].origination_identity(), CountryOf(identities[i]));
      if (!wanted.insert(KeyOf(identity)).second) {
        throw Error::Conflict(reason::kResourceAlreadyAssociated, identity.type(), identity.id(), "It is named twice.");
      }
      if (!IsMember(call, pool, identity)) joining.emplace(i, std::move(identity));
    });
  }

  // Leaving first: what joins is compared with those that stay, and has the room of those that left.
  std::vector<Identity> leaving;
  for (const storage::PoolMember& member : present) {
    if (wanted.contains(KeyOf(member))) continue;
    leaving.push_back(LockMember(call, member));
    RemoveMember(call, pool, leaving.back());
  }
  for (const auto& [index, identity] : joining) {
    refusals.Try(index, [&, &one = identity] { Join(call, pool, one); });
  }
  if (refusals.any()) return refusals.Answer(call, std::move(unchanged));
  for (const Identity& left : leaving) {
    if (left.number()) RequireActive(*left.number());
  }
  const auto has_number = [](const storage::PoolMember& member) { return member.phone_number_id.has_value(); };
  if (std::ranges::any_of(present, has_number) &&
      storage::CountMembers(call.tx(), call.scope(), pool.id).phone_numbers == 0) {
    throw Error::Conflict(reason::kLastPhoneNumber, ResourceType::kPool, pool.id,
                          "A pool of numbers keeps at least one.");
  }
  if (!leaving.empty() || !joining.empty()) storage::TouchPool(call.tx(), call.scope(), pool);
  return Render<ReplaceOriginationIdentitiesResponse>(call, pool);
}

}  // namespace poold
