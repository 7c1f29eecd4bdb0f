#include "server/handlers/guards.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "server/arn.h"
#include "server/config.h"
#include "server/error.h"
#include "server/method.h"
#include "storage/account_quotas.h"

namespace poold {
namespace {

bool IsArn(std::string_view text) { return text.starts_with("arn:"); }

Error CountryMismatch() {
  return Error::Invalid(reason::kCountryCodeMismatch, "isoCountryCode", "is not the origination identity's country");
}

Resource ResourceOf(const Arn& arn) {
  const auto type = ResourceTypeFrom(arn.type).value_or(ResourceType::kNone);
  if (type != ResourceType::kSenderId) return {AwsName(type), arn.id};
  const auto parts = SplitSenderId(arn.id);
  return SenderIdResource(parts->sender_id, parts->iso_country_code);
}

// The ARN, if the caller has this access to what it names; see AccessLevel. CheckRules has seen that it is well formed.
Arn RequireArn(const Call& call, const std::string& text, AccessLevel level) {
  const auto arn = ParseArn(text);
  if (!arn) throw Error::Invalid(reason::kInvalidArn, "arn", "must be an sms-voice ARN");
  const auto type = ResourceTypeFrom(arn->type).value_or(ResourceType::kNone);
  const bool elsewhere = arn->region != call.scope().region || arn->partition != PartitionOf(arn->region);
  if (elsewhere || type == ResourceType::kNone) throw Error::NotFound(type, text);
  if (arn->scope() == call.scope()) return *arn;
  const auto granted = FindGrant(call.tx(), arn->scope(), ResourceOf(*arn), call.scope().account);
  if (!granted) throw Error::NotFound(type, text);
  const bool allowed =
      level == AccessLevel::kVisible ||
      (level == AccessLevel::kGranted && std::ranges::find(*granted, call.method().policy.action()) != granted->end());
  if (!allowed) {
    throw Error::AccessDenied("The resource is another account's, and its policy does not allow you this operation");
  }
  return *arn;
}

PhoneNumber RequirePhoneNumber(Call& call, const PhoneNumberName& name, const std::string& as_given, Locking locking) {
  auto number = locking == Locking::kLock ? LockPhoneNumber(call.tx(), call.scope(), name)
                                          : FindPhoneNumber(call.tx(), call.scope(), name);
  if (!number) throw Error::NotFound(ResourceType::kPhoneNumber, as_given);
  return *std::move(number);
}

SenderId RequireSenderId(Call& call, const SenderIdName& name, const std::string& as_given, Locking locking) {
  auto sender_id = locking == Locking::kLock ? LockSenderId(call.tx(), call.scope(), name, SenderIdLock::kForUse)
                                             : FindSenderId(call.tx(), call.scope(), name);
  if (!sender_id) throw Error::NotFound(ResourceType::kSenderId, as_given);
  return *std::move(sender_id);
}

Identity FindSenderIdIdentity(Call& call, const std::string& text, const std::optional<std::string>& iso_country_code,
                              Locking locking) {
  if (text.size() > limits::kSenderIdLength) throw Error::NotFound(ResourceType::kSenderId, text);
  if (!iso_country_code) {
    throw Error::Invalid(reason::kMissingParameter, "isoCountryCode", "is required with a sender ID");
  }
  return {RequireSenderId(call, {text, *iso_country_code}, text, locking)};
}

Identity FindIdentityByArn(Call& call, const std::string& text, const std::optional<std::string>& iso_country_code,
                           Locking locking) {
  const Arn arn = RequireArn(call, text, AccessLevel::kOwner);
  if (arn.type == AwsName(ResourceType::kPhoneNumber)) {
    return {RequirePhoneNumber(call, {PhoneNumberName::Kind::kId, arn.id}, text, locking)};
  }
  const auto parts = SplitSenderId(arn.id);
  if (iso_country_code && *iso_country_code != parts->iso_country_code) throw CountryMismatch();
  return {RequireSenderId(call, {std::string(parts->sender_id), std::string(parts->iso_country_code)}, text, locking)};
}

// The phone number that a plain text means; nullopt if it means a sender ID.
std::optional<PhoneNumberName> PhoneNumberNamed(const std::string& text) {
  if (IsPhoneNumberId(text)) return PhoneNumberName{PhoneNumberName::Kind::kId, text};
  if (IsDigits(text)) return PhoneNumberName{PhoneNumberName::Kind::kDigits, text};
  return std::nullopt;
}

Identity FindIdentity(Call& call, const std::string& text, const std::optional<std::string>& iso_country_code,
                      Locking locking) {
  if (IsArn(text)) return FindIdentityByArn(call, text, iso_country_code, locking);
  if (const auto name = PhoneNumberNamed(text)) return {RequirePhoneNumber(call, *name, text, locking)};
  return FindSenderIdIdentity(call, text, iso_country_code, locking);
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : ", ") + text;
  return joined;
}

std::string Described(bool value) { return value ? "true" : "false"; }

std::string Described(const TwoWay& two_way) {
  if (!two_way.enabled) return "off";
  return two_way.channel_arn.value_or("") + (two_way.channel_role ? " as " + *two_way.channel_role : "");
}

// A list of the caller's by its name, another's by its ARN: names alone would not tell them apart.
std::string Described(const Call& call, const OptOutListKey& list) {
  return list.account == call.scope().account ? list.name
                                              : OptOutListArn({list.account, call.scope().region}, list.name);
}

// The ARN of what this one names, as answers write it; nullopt if there is no such thing. Locks it.
std::optional<std::string> FindResource(Transaction& tx, const Arn& arn, ResourceType type, Locking locking) {
  const Scope scope = arn.scope();
  const bool lock = locking == Locking::kLock;
  switch (type) {
    case ResourceType::kPool:
      if (!(lock ? LockPool(tx, scope, arn.id) : FindPool(tx, scope, arn.id))) return std::nullopt;
      return PoolArn(scope, arn.id);
    case ResourceType::kPhoneNumber: {
      const PhoneNumberName name{PhoneNumberName::Kind::kId, arn.id};
      if (!(lock ? LockPhoneNumber(tx, scope, name) : FindPhoneNumber(tx, scope, name))) return std::nullopt;
      return PhoneNumberArn(scope, arn.id);
    }
    case ResourceType::kSenderId: {
      const auto parts = SplitSenderId(arn.id);
      const SenderIdName name{std::string(parts->sender_id), std::string(parts->iso_country_code)};
      const auto found = lock ? LockSenderId(tx, scope, name, SenderIdLock::kForChange) : FindSenderId(tx, scope, name);
      if (!found) return std::nullopt;
      return SenderIdArn(scope, found->sender_id, found->iso_country_code);
    }
    case ResourceType::kOptOutList:
      if (!(lock ? LockOptOutList(tx, scope, arn.id, OptOutListLock::kForDeletion)
                 : FindOptOutList(tx, scope, arn.id))) {
        return std::nullopt;
      }
      return OptOutListArn(scope, arn.id);
    default:
      return std::nullopt;
  }
}

std::vector<Keyword> AllKeywords(Call& call, const KeywordOwner& owner) {
  return ListKeywords(call.tx(), owner, {}, "", std::numeric_limits<int>::max());
}

// Those of the keywords that `others` have not.
std::string DescribedWithout(const std::vector<Keyword>& others, const std::vector<Keyword>& keywords) {
  std::string text;
  for (const Keyword& keyword : keywords) {
    if (std::ranges::find(others, keyword) != others.end()) continue;
    text += (text.empty() ? "" : ", ") + keyword.keyword + " " + keyword.action + " \"" + keyword.message + "\"";
  }
  return text.empty() ? "no such keyword" : text;
}

// A difference between a pool and an identity that would join it.
struct Mismatch {
  std::string_view reason;
  FieldViolation field;
};

Mismatch MismatchOf(std::string_view reason, std::string field, const std::string& expected,
                    const std::string& actual) {
  return {reason, {std::move(field), "expected " + expected + ", actual " + actual}};
}

std::optional<Mismatch> MessageTypeMismatch(const Identity& identity, std::string_view expected) {
  if (const PhoneNumber* number = identity.number()) {
    const std::string& actual = number->configuration.message_type;
    if (actual == expected) return std::nullopt;
    return MismatchOf(reason::kMessageTypeMismatch, "messageType", std::string(expected), actual);
  }
  const auto& types = identity.sender_id()->message_types;
  if (std::ranges::find(types, expected) != types.end()) return std::nullopt;
  return MismatchOf(reason::kMessageTypeMismatch, "messageTypes", std::string(expected), Joined(types));
}

// Says the first of the mismatches, and to a call that only validates all of them.
Error Refused(const Call& call, const Identity& identity, const std::vector<Mismatch>& mismatches) {
  const Error first = Error::Conflict(mismatches[0].reason, identity.type(), identity.id());
  if (!call.validate_only()) return first;
  std::vector<FieldViolation> fields;
  for (const Mismatch& mismatch : mismatches) fields.push_back(mismatch.field);
  return first.WithFields(std::move(fields));
}

// All of them, in the order of behaviour 4.8.
std::vector<Mismatch> MismatchesOf(Call& call, const Pool& pool, const Identity& identity, const PoolToJoin& found) {
  std::vector<Mismatch> mismatches;
  const Configuration& expected = pool.configuration;
  if (auto mismatch = MessageTypeMismatch(identity, expected.message_type)) mismatches.push_back(*std::move(mismatch));
  const auto compare = [&](bool same, std::string_view reason, std::string field, const std::string& expected_text,
                           const std::string& actual_text) {
    if (!same) mismatches.push_back(MismatchOf(reason, std::move(field), expected_text, actual_text));
  };
  const PhoneNumber& number = *identity.number();
  const Configuration& actual = number.configuration;
  const auto& capabilities = found.capabilities;
  compare(!capabilities || *capabilities == number.capabilities, reason::kNumberCapabilitiesMismatch,
          "numberCapabilities", capabilities ? Joined(*capabilities) : "", Joined(number.capabilities));
  compare(IsSameWay(expected.two_way, actual.two_way), reason::kTwoWayConfigMismatch, "twoWay",
          Described(expected.two_way), Described(actual.two_way));
  compare(expected.self_managed_opt_outs == actual.self_managed_opt_outs, reason::kSelfManagedOptOutsMismatch,
          "selfManagedOptOutsEnabled", Described(expected.self_managed_opt_outs),
          Described(actual.self_managed_opt_outs));
  compare(expected.opt_out_list == actual.opt_out_list, reason::kOptOutListMismatch, "optOutListName",
          Described(call, expected.opt_out_list), Described(call, actual.opt_out_list));
  if (!mismatches.empty() && !call.validate_only()) return mismatches;  // one is enough, and this one costs look-ups
  if (!found.same_keywords) {
    const auto pools = AllKeywords(call, {KeywordOwner::Kind::kPool, call.scope(), pool.id});
    const auto numbers = AllKeywords(call, {KeywordOwner::Kind::kPhoneNumber, call.scope(), number.id});
    compare(false, reason::kKeywordMismatch, "keywords", DescribedWithout(numbers, pools),
            DescribedWithout(pools, numbers));
  }
  return mismatches;
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

OwnedId RequireAccess(const Call& call, ResourceType type, const std::string& id_or_arn, AccessLevel level) {
  if (!IsArn(id_or_arn)) return {call.scope().account, id_or_arn};
  const Arn arn = RequireArn(call, id_or_arn, level);
  if (arn.type != AwsName(type)) throw Error::NotFound(type, id_or_arn);
  return {arn.account, arn.id};
}

std::string RequireOwnId(const Call& call, ResourceType type, const std::string& id_or_arn) {
  return RequireAccess(call, type, id_or_arn, AccessLevel::kOwner).id;
}

OwnedSenderId RequireSenderIdAccess(const Call& call, const std::string& sender_id_or_arn,
                                    const std::string& iso_country_code, AccessLevel level) {
  if (!IsArn(sender_id_or_arn)) return {call.scope().account, {sender_id_or_arn, iso_country_code}};
  const auto named = ParseArn(sender_id_or_arn);
  const auto parts = named ? SplitSenderId(named->id) : std::nullopt;
  if (!parts || parts->iso_country_code != iso_country_code) throw CountryMismatch();
  const Arn arn = RequireArn(call, sender_id_or_arn, level);
  return {arn.account, {std::string(parts->sender_id), iso_country_code}};
}

Pool RequirePool(Call& call, const std::string& id_or_arn) {
  auto pool = LockPool(call.tx(), call.scope(), RequireOwnId(call, ResourceType::kPool, id_or_arn));
  if (!pool) throw Error::NotFound(ResourceType::kPool, id_or_arn);
  return *std::move(pool);
}

Pool RequireActivePool(Call& call, const std::string& id_or_arn) {
  Pool pool = RequirePool(call, id_or_arn);
  RequireActive(pool);
  return pool;
}

PhoneNumber RequirePhoneNumber(Call& call, const std::string& id_or_arn) {
  const std::string id = RequireOwnId(call, ResourceType::kPhoneNumber, id_or_arn);
  return RequirePhoneNumber(call, {PhoneNumberName::Kind::kId, id}, id_or_arn, Locking::kLock);
}

PhoneNumber RequireActivePhoneNumber(Call& call, const std::string& id_or_arn) {
  PhoneNumber number = RequirePhoneNumber(call, id_or_arn);
  RequireActive(number);
  return number;
}

Identity RequireIdentity(Call& call, const std::string& text, const std::optional<std::string>& iso_country_code,
                         Locking locking) {
  Identity identity = FindIdentity(call, text, iso_country_code, locking);
  if (iso_country_code && *iso_country_code != identity.iso_country_code()) throw CountryMismatch();
  return identity;
}

bool IsPlainIdentity(const std::string& text, const std::optional<std::string>& iso_country_code) {
  if (IsPhoneNumberId(text)) return true;
  return iso_country_code && !IsArn(text) && !IsDigits(text) && text.size() <= limits::kSenderIdLength;
}

std::vector<std::optional<Identity>> TryLockIdentities(Transaction& tx, const std::vector<NamedIdentity>& named) {
  std::vector<ScopedId> ids;
  std::vector<ScopedSenderId> names;
  for (const auto& [scope, text, country] : named) {
    if (IsPhoneNumberId(text)) {
      ids.push_back({scope, text});
    } else {
      names.push_back({scope, {text, country.value()}});
    }
  }
  auto numbers = TryLockPhoneNumbers(tx, ids);
  auto sender_ids = TryLockSenderIds(tx, names);

  std::vector<std::optional<Identity>> identities;
  std::set<ScopedId> before;
  auto number = numbers.begin();
  auto sender_id = sender_ids.begin();
  for (const auto& [scope, text, country] : named) {
    auto& identity = identities.emplace_back();
    if (!IsPhoneNumberId(text)) {
      if (*sender_id) identity = {{**sender_id}};
      ++sender_id;
      continue;
    }
    const bool elsewhere = *number && country && (*number)->iso_country_code != *country;
    if (*number && !elsewhere && before.insert({scope, text}).second) identity = {{**number}};
    ++number;
  }
  return identities;
}

void LockPhoneNumbersAmong(Call& call, const std::vector<std::string>& identities) {
  std::vector<PhoneNumberName> names;
  for (const std::string& text : identities) {
    if (const auto arn = ParseArn(text)) {
      const bool own_number = arn->scope() == call.scope() && arn->type == AwsName(ResourceType::kPhoneNumber);
      if (own_number) names.push_back({PhoneNumberName::Kind::kId, arn->id});
    } else if (auto name = PhoneNumberNamed(text)) {
      names.push_back(*std::move(name));
    }
  }
  LockPhoneNumbers(call.tx(), call.scope(), names);
}

OptOutListName RequireOptOutListName(const Call& call, const std::string& name_or_arn, AccessLevel level) {
  OwnedId owned = RequireAccess(call, ResourceType::kOptOutList, name_or_arn, level);
  const std::string otherwise(IsArn(name_or_arn) ? std::string_view() : OtherMeaningOf(owned.id));
  return {std::move(owned.account), std::move(owned.id), otherwise};
}

OptOutListKey RequireOptOutList(Call& call, const std::string& name_or_arn) {
  const auto [account, name, otherwise] = RequireOptOutListName(call, name_or_arn, AccessLevel::kVisible);
  const Scope owner{account, call.scope().region};
  const auto list = LockOptOutList(call.tx(), owner, name, OptOutListLock::kForUse, otherwise);
  if (!list) throw Error::NotFound(ResourceType::kOptOutList, name_or_arn);
  return {list->account, list->name};
}

OptOutList RequireOptOutListAccess(Call& call, const std::string& name_or_arn, Locking locking) {
  const auto [account, name, otherwise] = RequireOptOutListName(call, name_or_arn, AccessLevel::kGranted);
  const Scope owner{account, call.scope().region};
  auto list = locking == Locking::kLock ? LockOptOutList(call.tx(), owner, name, OptOutListLock::kForUse, otherwise)
                                        : FindOptOutList(call.tx(), owner, name, otherwise);
  if (!list) throw Error::NotFound(ResourceType::kOptOutList, name_or_arn);
  return *std::move(list);
}

OwnedResource RequireResource(Call& call, const std::string& arn_text, AccessLevel level, Locking locking) {
  const Arn arn = RequireArn(call, arn_text, level);
  const auto type = ResourceTypeFrom(arn.type).value_or(ResourceType::kNone);
  auto found = FindResource(call.tx(), arn, type, locking);
  if (!found) throw Error::NotFound(type, arn_text);
  return {arn.scope(), ResourceOf(arn), *std::move(found)};
}

void RequireActive(const Pool& pool) {
  if (pool.status == "ACTIVE") return;
  throw Error::Conflict(reason::kResourceNotActive, ResourceType::kPool, pool.id);
}

void RequireActive(const PhoneNumber& number) {
  if (number.status == "ACTIVE") return;
  throw Error::Conflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, number.id);
}

void RequireMessageType(const Call& call, const Identity& identity, std::string_view message_type) {
  if (const auto mismatch = MessageTypeMismatch(identity, message_type)) throw Refused(call, identity, {*mismatch});
}

void RequireInNoPool(const PhoneNumber& number) {
  if (!number.pool_id) return;
  throw Error::Conflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, number.id,
                        "It is in the pool " + *number.pool_id + "; take it out of that first.");
}

void RequireSameConfiguration(Call& call, const Pool& pool, const Identity& number, const PoolToJoin& found) {
  const std::vector<Mismatch> mismatches = MismatchesOf(call, pool, number, found);
  if (!mismatches.empty()) throw Refused(call, number, mismatches);
}

void RequireRoomInPool(const Call& call, const MemberCount& members) {
  const auto limit = members.quota.value_or(call.settings().quotas.origination_identities_per_pool);
  if (members.phone_numbers + members.sender_ids >= limit) {
    throw Error::Quota(reason::kOriginationIdentitiesPerPool, limit);
  }
}

void RequireRoomForTags(const Call& call, std::int64_t tags) {
  if (tags == 0) return;
  FindAccountQuotaLater(call.tx(), call.scope(), reason::kTagsPerResource,
                        [tags, usual = call.settings().quotas.tags_per_resource](std::optional<std::int64_t> own) {
                          const auto limit = own.value_or(usual);
                          if (tags > limit) throw Error::Quota(reason::kTagsPerResource, limit);
                        });
}

void RequireRoomInAccount(Call& call, Counter counter) {
  const Quotas& quotas = call.settings().quotas;
  const std::int64_t limit = counter == Counter::kPools          ? quotas.pools
                             : counter == Counter::kPhoneNumbers ? quotas.phone_numbers
                             : counter == Counter::kSenderIds    ? quotas.sender_ids
                                                                 : quotas.opt_out_lists;
  CountOne(call.tx(), call.scope(), counter, limit, [&call, counter, limit] {
    const auto own = FindAccountQuota(call.tx(), call.scope(), QuotaOf(counter));
    throw Error::Quota(QuotaOf(counter), own.value_or(limit));
  });
}

}  // namespace poold
