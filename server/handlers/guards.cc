#include "server/handlers/guards.h"

#include <algorithm>

#include "server/arn.h"
#include "server/config.h"
#include "server/error.h"
#include "storage/keywords.h"
#include "storage/pool_members.h"

namespace poold {
namespace {

bool IsArn(std::string_view text) { return text.starts_with("arn:"); }

bool IsDigits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Error CountryMismatch() {
  return Error::Invalid(reason::kCountryCodeMismatch, "isoCountryCode", "is not the origination identity's country");
}

// The ARN, if it is one of the caller's own; NotFound of the type it names otherwise. CheckRules has seen that it is
// well formed and of a type allowed here.
Arn RequireOwnArn(const Call& call, const std::string& text) {
  const auto arn = ParseArn(text);
  if (!arn) throw Error::Invalid(reason::kInvalidArn, "arn", "must be an sms-voice ARN");
  if (arn->scope() != call.scope()) {
    throw Error::NotFound(ResourceTypeFrom(arn->type).value_or(ResourceType::kNone), text);
  }
  return *arn;
}

PhoneNumber RequirePhoneNumber(Call& call, const PhoneNumberName& name, const std::string& as_given) {
  auto number = LockPhoneNumber(call.tx(), call.scope(), name);
  if (!number) throw Error::NotFound(ResourceType::kPhoneNumber, as_given);
  return *std::move(number);
}

SenderId RequireSenderId(Call& call, const SenderIdName& name, const std::string& as_given) {
  auto sender_id = LockSenderId(call.tx(), call.scope(), name, SenderIdLock::kForUse);
  if (!sender_id) throw Error::NotFound(ResourceType::kSenderId, as_given);
  return *std::move(sender_id);
}

Identity RequireSenderIdIdentity(Call& call, const std::string& text,
                                 const std::optional<std::string>& iso_country_code) {
  if (text.size() > limits::kSenderIdLength) throw Error::NotFound(ResourceType::kSenderId, text);
  if (!iso_country_code) {
    throw Error::Invalid(reason::kMissingParameter, "isoCountryCode", "is required with a sender ID");
  }
  return {RequireSenderId(call, {text, *iso_country_code}, text)};
}

Identity RequireIdentityByArn(Call& call, const std::string& text, const std::optional<std::string>& iso_country_code) {
  const Arn arn = RequireOwnArn(call, text);
  if (arn.type == AwsName(ResourceType::kPhoneNumber)) {
    return {RequirePhoneNumber(call, {PhoneNumberName::Kind::kId, arn.id}, text)};
  }
  const SenderIdName name =
      RequireSenderIdName(call, text, iso_country_code.value_or(std::string(SplitSenderId(arn.id)->iso_country_code)));
  return {RequireSenderId(call, name, text)};
}

Identity FindIdentity(Call& call, const std::string& text, const std::optional<std::string>& iso_country_code) {
  if (IsArn(text)) return RequireIdentityByArn(call, text, iso_country_code);
  if (text.starts_with("phone-") && text.size() > limits::kSenderIdLength) {
    return {RequirePhoneNumber(call, {PhoneNumberName::Kind::kId, text}, text)};
  }
  if (IsDigits(text)) return {RequirePhoneNumber(call, {PhoneNumberName::Kind::kDigits, text}, text)};
  return RequireSenderIdIdentity(call, text, iso_country_code);
}

}  // namespace

ResourceType Identity::type() const { return number() ? ResourceType::kPhoneNumber : ResourceType::kSenderId; }

const std::string& Identity::id() const { return number() ? number()->id : sender_id()->sender_id; }

const std::string& Identity::iso_country_code() const {
  return number() ? number()->iso_country_code : sender_id()->iso_country_code;
}

std::string Identity::Arn(const Scope& scope) const {
  return number() ? PhoneNumberArn(scope, id()) : SenderIdArn(scope, id(), iso_country_code());
}

SenderIdName Identity::sender_id_name() const { return {id(), iso_country_code()}; }

std::string RequireLocalId(const Call& call, ResourceType type, const std::string& id_or_arn) {
  if (!IsArn(id_or_arn)) return id_or_arn;
  const Arn arn = RequireOwnArn(call, id_or_arn);
  if (arn.type != AwsName(type)) throw Error::NotFound(type, id_or_arn);
  return arn.id;
}

SenderIdName RequireSenderIdName(const Call& call, const std::string& sender_id_or_arn,
                                 const std::string& iso_country_code) {
  if (!IsArn(sender_id_or_arn)) return {sender_id_or_arn, iso_country_code};
  const auto arn = ParseArn(sender_id_or_arn);
  const auto parts = arn ? SplitSenderId(arn->id) : std::nullopt;
  if (!parts || parts->iso_country_code != iso_country_code) throw CountryMismatch();
  RequireOwnArn(call, sender_id_or_arn);
  return {std::string(parts->sender_id), std::string(parts->iso_country_code)};
}

Pool RequirePool(Call& call, const std::string& id_or_arn) {
  auto pool = LockPool(call.tx(), call.scope(), RequireLocalId(call, ResourceType::kPool, id_or_arn));
  if (!pool) throw Error::NotFound(ResourceType::kPool, id_or_arn);
  return *std::move(pool);
}

Pool RequireActivePool(Call& call, const std::string& id_or_arn) {
  Pool pool = RequirePool(call, id_or_arn);
  RequireActive(pool);
  return pool;
}

PhoneNumber RequirePhoneNumber(Call& call, const std::string& id_or_arn) {
  const std::string id = RequireLocalId(call, ResourceType::kPhoneNumber, id_or_arn);
  return RequirePhoneNumber(call, {PhoneNumberName::Kind::kId, id}, id_or_arn);
}

PhoneNumber RequireActivePhoneNumber(Call& call, const std::string& id_or_arn) {
  PhoneNumber number = RequirePhoneNumber(call, id_or_arn);
  RequireActive(number);
  return number;
}

Identity RequireIdentity(Call& call, const std::string& text, const std::optional<std::string>& iso_country_code) {
  Identity identity = FindIdentity(call, text, iso_country_code);
  if (iso_country_code && *iso_country_code != identity.iso_country_code()) throw CountryMismatch();
  return identity;
}

OptOutList RequireOptOutList(Call& call, const std::string& name_or_arn) {
  const std::string name = RequireLocalId(call, ResourceType::kOptOutList, name_or_arn);
  auto list = LockOptOutList(call.tx(), call.scope(), name);
  if (!list) throw Error::NotFound(ResourceType::kOptOutList, name_or_arn);
  return *std::move(list);
}

void RequireActive(const Pool& pool) {
  if (pool.status == "ACTIVE") return;
  throw Error::Conflict(reason::kResourceNotActive, ResourceType::kPool, pool.id);
}

void RequireActive(const PhoneNumber& number) {
  if (number.status == "ACTIVE") return;
  throw Error::Conflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, number.id);
}

void RequireMessageType(const Identity& identity, std::string_view message_type) {
  const bool fits = identity.number() ? identity.number()->configuration.message_type == message_type
                                      : std::ranges::find(identity.sender_id()->message_types, message_type) !=
                                            identity.sender_id()->message_types.end();
  if (!fits) throw Error::Conflict(reason::kMessageTypeMismatch, identity.type(), identity.id());
}

void RequireInNoPool(const PhoneNumber& number) {
  if (!number.pool_id) return;
  throw Error::Conflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, number.id,
                        "It is in the pool " + *number.pool_id + "; take it out of that first.");
}

void RequireSameConfiguration(Call& call, const Pool& pool, const Identity& identity) {
  RequireMessageType(identity, pool.configuration.message_type);
  if (identity.sender_id()) return;  // of the rest a sender ID has nothing

  const PhoneNumber& number = *identity.number();
  const auto require = [&](bool same, std::string_view reason) {
    if (!same) throw Error::Conflict(reason, ResourceType::kPhoneNumber, number.id);
  };
  const auto capabilities = CapabilitiesOfNumbersIn(call.tx(), call.scope(), pool.id);
  require(!capabilities || *capabilities == number.capabilities, reason::kNumberCapabilitiesMismatch);
  require(pool.configuration.two_way == number.configuration.two_way, reason::kTwoWayConfigMismatch);
  require(pool.configuration.self_managed_opt_outs == number.configuration.self_managed_opt_outs,
          reason::kSelfManagedOptOutsMismatch);
  require(pool.configuration.opt_out_list_name == number.configuration.opt_out_list_name, reason::kOptOutListMismatch);
  require(SameKeywords(call.tx(), call.scope(), pool.id, number.id), reason::kKeywordMismatch);
}

void RequireRoomInPool(Call& call, const Pool& pool) {
  const MemberCount count = CountMembers(call.tx(), call.scope(), pool.id);
  const auto limit = call.settings().quotas.origination_identities_per_pool;
  if (count.phone_numbers + count.sender_ids >= limit) {
    throw Error::Quota(reason::kOriginationIdentitiesPerPool, limit);
  }
}

void RequireRoomForTags(const Call& call, int tags) {
  const auto limit = call.settings().quotas.tags_per_resource;
  if (tags > limit) throw Error::Quota(reason::kTagsPerResource, limit);
}

void RequireRoomInAccount(Call& call, Counter counter) {
  const Quotas& quotas = call.settings().quotas;
  const auto [reason, limit] = [&]() -> std::pair<std::string_view, std::int64_t> {
    switch (counter) {
      case Counter::kPools:
        return {reason::kPoolsPerAccount, quotas.pools};
      case Counter::kPhoneNumbers:
        return {reason::kPhoneNumbersPerAccount, quotas.phone_numbers};
      case Counter::kSenderIds:
        return {reason::kSenderIdsPerAccount, quotas.sender_ids};
      case Counter::kOptOutLists:
        break;
    }
    return {reason::kOptOutListsPerAccount, limits::kOptOutLists};
  }();
  if (!CountOne(call.tx(), call.scope(), counter, limit)) throw Error::Quota(reason, limit);
}

}  // namespace poold
