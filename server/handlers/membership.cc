#include "server/handlers/membership.h"

namespace poold {
namespace {

// A sender ID that is not in the pool is NotFound: no Reason of ConflictException fits it.
void RequireMember(Call& call, const storage::Pool& pool, const Identity& identity) {
  if (IsMember(call, pool, identity)) return;
  if (identity.sender_id()) throw Error::NotFound(ResourceType::kSenderId, identity.id());
  throw Error::Conflict(reason::kPhoneNumberNotAssociatedToPool, ResourceType::kPhoneNumber, identity.id());
}

// A pool keeps its last number, whatever sender IDs it has beside; a pool of sender IDs only keeps its last one. Exact
// because the pool is locked: without that, two calls could each see two numbers and take one away.
void RequireAnotherMember(Call& call, const storage::Pool& pool, const Identity& leaving) {
  const storage::MemberCount count = storage::CountMembers(call.tx(), call.scope(), pool.id);
  const bool last = leaving.number() ? count.phone_numbers == 1 : count.phone_numbers == 0 && count.sender_ids == 1;
  if (last) {
    throw Error::Conflict(reason::kLastPhoneNumber, leaving.type(), leaving.id(),
                          "A pool keeps its last number; delete the pool instead.");
  }
}

// What a number that matches a pool may still have of its own is what it stored while two-way was off: then it takes
// over the pool's, so that every member's configuration is its pool's.
void TakeConfiguration(Call& call, const storage::Pool& pool, storage::PhoneNumber number) {
  if (number.configuration == pool.configuration) return;
  number.configuration = pool.configuration;
  storage::UpdatePhoneNumber(call.tx(), call.scope(), number);
}

}  // namespace

void AddMember(Call& call, const storage::Pool& pool, const Identity& identity) {
  if (identity.number()) {
    TakeConfiguration(call, pool, *identity.number());
    storage::AddPhoneNumbersToPools(call.tx(), {{call.scope(), pool.id, identity.id()}});
  } else {
    storage::AddSenderIdsToPools(call.tx(), {{call.scope(), pool.id, identity.sender_id_name()}});
  }
}

void RemoveMember(Call& call, const storage::Pool& pool, const Identity& identity) {
  if (identity.number()) {
    storage::CopyKeywordsToPhoneNumber(call.tx(), call.scope(), pool.id, identity.id());
    storage::RemovePhoneNumberFromPool(call.tx(), call.scope(), pool.id, identity.id());
  } else {
    storage::RemoveSenderIdFromPool(call.tx(), call.scope(), pool.id, identity.sender_id_name());
  }
}

bool IsMember(Call& call, const storage::Pool& pool, const Identity& identity) {
  return identity.number() ? identity.number()->pool_id == pool.id
                           : storage::IsSenderIdInPool(call.tx(), call.scope(), pool.id, identity.sender_id_name());
}

void RequireJoinable(const storage::PhoneNumber& number) {
  RequireInNoPool(number);
  RequireActive(number);
}

void RequireFit(Call& call, const storage::Pool& pool, const Identity& number, const storage::PoolToJoin& found) {
  RequireSameConfiguration(call, pool, number, found);
  RequireRoomInPool(call, found.count);
}

void Join(Call& call, const storage::Pool& pool, const Identity& identity) {
  if (identity.number()) {
    RequireJoinable(*identity.number());
    RequireFit(call, pool, identity,
               storage::FindPoolsToJoin(call.tx(), {{call.scope(), pool.id, identity.id()}}).at(0));
  } else {
    RequireMessageType(call, identity, pool.configuration.message_type);  // it has nothing else to compare
    RequireRoomInPool(call, storage::CountMembers(call.tx(), call.scope(), pool.id));
  }
  AddMember(call, pool, identity);
}

Identity Associate(Call& call, const storage::Pool& pool, const std::string& identity,
                   const std::optional<std::string>& iso_country_code) {
  const Identity found = RequireIdentity(call, identity, iso_country_code);
  if (IsMember(call, pool, found)) {
    throw Error::Conflict(reason::kResourceAlreadyAssociated, found.type(), found.id());
  }
  Join(call, pool, found);
  return found;
}

Identity Disassociate(Call& call, const storage::Pool& pool, const std::string& identity,
                      const std::optional<std::string>& iso_country_code) {
  const Identity found = RequireIdentity(call, identity, iso_country_code);
  RequireMember(call, pool, found);
  if (found.number()) RequireActive(*found.number());
  RequireAnotherMember(call, pool, found);
  RemoveMember(call, pool, found);
  return found;
}

void RenderMember(const storage::Scope& owner, storage::PoolMember&& member,
                  smsvoice::v2::OriginationIdentityMetadata& item) {
  if (member.phone_number_id) {
    item.set_origination_identity_arn(PhoneNumberArn(owner, *member.phone_number_id));
    item.set_origination_identity(*std::move(member.phone_number_id));
    item.set_phone_number(*std::move(member.phone_number));
  } else {
    item.set_origination_identity_arn(SenderIdArn(owner, *member.sender_id, member.iso_country_code));
    item.set_origination_identity(*std::move(member.sender_id));
  }
  item.set_iso_country_code(member.iso_country_code);
  for (const std::string& capability : member.capabilities) {
    item.add_number_capabilities(FromAwsName<smsvoice::v2::NumberCapability>(capability));
  }
}

}  // namespace poold
