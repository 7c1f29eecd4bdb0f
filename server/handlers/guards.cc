#include "server/handlers/guards.h"

#include <algorithm>
#include <set>
#include <utility>

#include "server/base/arn.h"
#include "server/base/error.h"
#include "server/base/settings.h"
#include "server/handlers/beyond.h"
#include "server/rpc/method.h"
#include "storage/account_quotas.h"

namespace poold {
namespace {

// The ARN, if the caller has this access to what it names; see AccessLevel.
Arn RequireArn(const Call& call, const std::string& text, AccessLevel level) {
  Arn arn = ArnNamedBy(call, text);
  if (arn.scope() == call.scope()) return arn;
  const auto granted = storage::FindGrant(call.tx(), arn.scope(), ResourceOf(arn), call.scope().account);
  const bool allowed = level == AccessLevel::kGranted && granted &&
                       std::ranges::find(*granted, call.method().policy.action()) != granted->end();
  const auto type = ResourceTypeFrom(arn.type).value_or(ResourceType::kNone);
  RequireGranted(granted ? storage::Granted(allowed) : std::nullopt, type, text);
  return arn;
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : ", ") + text;
  return joined;
}

std::string Described(bool value) { return value ? "true" : "false"; }

std::string Described(const storage::TwoWay& two_way) {
  if (!two_way.enabled) return "off";
  return two_way.channel_arn.value_or("") + (two_way.channel_role ? " as " + *two_way.channel_role : "");
}

// A list of the caller's by its name, another's by its ARN: names alone would not tell them apart.
std::string Described(const Call& call, const storage::OptOutListKey& list) {
  return list.account == call.scope().account ? list.name
                                              : OptOutListArn({list.account, call.scope().region}, list.name);
}

// How the ARN of this resource of the caller's ends; nullopt if it isn't there. Locks it.
std::optional<std::string> LockResource(Call& call, const OwnedResource& resource) {
  storage::Transaction& tx = call.tx();
  const std::string& id = resource.resource.id;
  switch (resource.type) {
    case ResourceType::kPool:
      return storage::LockPool(tx, call.scope(), id) ? std::optional(id) : std::nullopt;
    case ResourceType::kPhoneNumber:
      return storage::LockPhoneNumber(tx, call.scope(), {storage::PhoneNumberName::Kind::kId, id}) ? std::optional(id)
                                                                                                   : std::nullopt;
    case ResourceType::kOptOutList:
      return storage::LockOptOutList(tx, call.scope(), id, storage::OptOutListLock::kForDeletion) ? std::optional(id)
                                                                                                  : std::nullopt;
    default:
      break;
  }
  const auto parts = SplitSenderId(id);
  const storage::SenderIdName name{std::string(parts->sender_id), std::string(parts->iso_country_code)};
  const auto found = storage::LockSenderId(tx, call.scope(), name, storage::SenderIdLock::kForChange);
  return found ? std::optional(found->sender_id + "/" + found->iso_country_code) : std::nullopt;
}

// Those of the keywords that `others` have not.
std::string DescribedWithout(const std::vector<storage::Keyword>& others,
                             const std::vector<storage::Keyword>& keywords) {
  std::string text;
  for (const storage::Keyword& keyword : keywords) {
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
  if (const storage::PhoneNumber* number = identity.number()) {
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
std::vector<Mismatch> MismatchesOf(Call& call, const storage::Pool& pool, const Identity& identity,
                                   const storage::PoolToJoin& found) {
  std::vector<Mismatch> mismatches;
  const storage::Configuration& expected = pool.configuration;
  if (auto mismatch = MessageTypeMismatch(identity, expected.message_type)) mismatches.push_back(*std::move(mismatch));
  const auto compare = [&](bool same, std::string_view reason, std::string field, const std::string& expected_text,
                           const std::string& actual_text) {
    if (!same) mismatches.push_back(MismatchOf(reason, std::move(field), expected_text, actual_text));
  };
  const storage::PhoneNumber& number = *identity.number();
  const storage::Configuration& actual = number.configuration;
  const auto& capabilities = found.capabilities;
  compare(!capabilities || *capabilities == number.capabilities, reason::kNumberCapabilitiesMismatch,
          "numberCapabilities", capabilities ? Joined(*capabilities) : "", Joined(number.capabilities));
  compare(storage::IsSameWay(expected.two_way, actual.two_way), reason::kTwoWayConfigMismatch, "twoWay",
          Described(expected.two_way), Described(actual.two_way));
  compare(expected.self_managed_opt_outs == actual.self_managed_opt_outs, reason::kSelfManagedOptOutsMismatch,
          "selfManagedOptOutsEnabled", Described(expected.self_managed_opt_outs),
          Described(actual.self_managed_opt_outs));
  compare(expected.opt_out_list == actual.opt_out_list, reason::kOptOutListMismatch, "optOutListName",
          Described(call, expected.opt_out_list), Described(call, actual.opt_out_list));
  if (!mismatches.empty() && !call.validate_only()) return mismatches;  // one is enough, and this one costs look-ups
  if (!found.same_keywords) {
    const auto pools = storage::ListKeywords(call.tx(), {storage::KeywordOwner::Kind::kPool, call.scope(), pool.id});
    const auto numbers =
        storage::ListKeywords(call.tx(), {storage::KeywordOwner::Kind::kPhoneNumber, call.scope(), number.id});
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

std::string Identity::Arn(const storage::Scope& scope) const {
  return number() ? PhoneNumberArn(scope, id()) : SenderIdArn(scope, id(), iso_country_code());
}

storage::SenderIdName Identity::sender_id_name() const { return {id(), iso_country_code()}; }

storage::OwnedId RequireAccess(const Call& call, ResourceType type, const std::string& id_or_arn, AccessLevel level) {
  if (IsArn(id_or_arn)) RequireArn(call, id_or_arn, level);
  return IdNamedBy(call, type, id_or_arn);
}

std::string RequireOwnId(const Call& call, ResourceType type, const std::string& id_or_arn) {
  return RequireAccess(call, type, id_or_arn, AccessLevel::kOwner).id;
}

void RequireOwn(const Call& call, const std::string& id_or_arn) {
  if (IsArn(id_or_arn)) RequireArn(call, id_or_arn, AccessLevel::kOwner);
}

storage::SenderIdName RequireOwnSenderId(const Call& call, const std::string& sender_id_or_arn,
                                         const std::string& iso_country_code) {
  const storage::OwnedSenderId named = SenderIdNamedBy(call, sender_id_or_arn, iso_country_code);
  RequireOwn(call, sender_id_or_arn);
  return named.name;
}

storage::Pool RequirePool(Call& call, const std::string& id_or_arn) {
  auto pool = storage::LockPool(call.tx(), call.scope(), RequireOwnId(call, ResourceType::kPool, id_or_arn));
  if (!pool) throw Error::NotFound(ResourceType::kPool, id_or_arn);
  RequireReach(call, pool->id);
  return *std::move(pool);
}

storage::Pool RequireActivePool(Call& call, const std::string& id_or_arn) {
  storage::Pool pool = RequirePool(call, id_or_arn);
  RequireActive(pool);
  return pool;
}

storage::PhoneNumber RequirePhoneNumber(Call& call, const std::string& id_or_arn) {
  const std::string id = RequireOwnId(call, ResourceType::kPhoneNumber, id_or_arn);
  auto number = storage::LockPhoneNumber(call.tx(), call.scope(), {storage::PhoneNumberName::Kind::kId, id});
  if (!number) throw Error::NotFound(ResourceType::kPhoneNumber, id_or_arn);
  return *std::move(number);
}

storage::PhoneNumber RequireActivePhoneNumber(Call& call, const std::string& id_or_arn) {
  storage::PhoneNumber number = RequirePhoneNumber(call, id_or_arn);
  RequireActive(number);
  return number;
}

Identity RequireIdentity(Call& call, const std::string& text, const std::optional<std::string>& iso_country_code) {
  const auto name = IdentityNamedBy(call, text, iso_country_code);
  RequireOwn(call, text);
  Identity identity;
  if (const auto* of_number = std::get_if<storage::PhoneNumberName>(&name)) {
    auto number = storage::LockPhoneNumber(call.tx(), call.scope(), *of_number);
    if (!number) throw Error::NotFound(ResourceType::kPhoneNumber, text);
    identity = {*std::move(number)};
  } else {
    auto sender_id = storage::LockSenderId(call.tx(), call.scope(), std::get<storage::SenderIdName>(name),
                                           storage::SenderIdLock::kForUse);
    if (!sender_id) throw Error::NotFound(ResourceType::kSenderId, text);
    identity = {*std::move(sender_id)};
  }
  RequireCountry(iso_country_code, identity.iso_country_code());
  return identity;
}

bool IsPlainIdentity(const std::string& text, const std::optional<std::string>& iso_country_code) {
  if (IsPhoneNumberId(text)) return true;
  return iso_country_code && !IsArn(text) && !IsDigits(text) && text.size() <= limits::kSenderIdLength;
}

std::vector<std::optional<Identity>> TryLockIdentities(storage::Transaction& tx,
                                                       const std::vector<NamedIdentity>& named) {
  std::vector<storage::ScopedId> ids;
  std::vector<storage::ScopedSenderId> names;
  for (const auto& [scope, text, country] : named) {
    if (IsPhoneNumberId(text)) {
      ids.push_back({scope, text});
    } else {
      names.push_back({scope, {text, country.value()}});
    }
  }
  auto numbers = storage::TryLockPhoneNumbers(tx, ids);
  auto sender_ids = storage::TryLockSenderIds(tx, names);

  std::vector<std::optional<Identity>> identities;
  std::set<storage::ScopedId> before;
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
  std::vector<storage::PhoneNumberName> names;
  for (const std::string& text : identities) {
    if (const auto arn = ParseArn(text)) {
      const bool own_number = arn->scope() == call.scope() && arn->type == AwsName(ResourceType::kPhoneNumber);
      if (own_number) names.push_back({storage::PhoneNumberName::Kind::kId, arn->id});
    } else if (auto name = PhoneNumberNamedBy(text)) {
      names.push_back(*std::move(name));
    }
  }
  storage::LockPhoneNumbers(call.tx(), call.scope(), names);
}

storage::OptOutListName RequireOptOutListName(const Call& call, const std::string& name_or_arn, AccessLevel level) {
  RequireAccess(call, ResourceType::kOptOutList, name_or_arn, level);
  return OptOutListNamedBy(call, name_or_arn);
}

storage::OptOutList RequireOptOutListAccess(Call& call, const std::string& name_or_arn) {
  const auto [account, name, otherwise] = RequireOptOutListName(call, name_or_arn, AccessLevel::kGranted);
  auto list = storage::LockOptOutList(call.tx(), {account, call.scope().region}, name, storage::OptOutListLock::kForUse,
                                      otherwise);
  if (!list) throw Error::NotFound(ResourceType::kOptOutList, name_or_arn);
  // Until it was locked its policy could change, and another list take its name.
  if (account != call.scope().account) {
    RequireAccess(call, ResourceType::kOptOutList, name_or_arn, AccessLevel::kGranted);
  }
  return *std::move(list);
}

storage::OptOutListKey RequireOptOutList(Call& call, const std::string& name_or_arn) {
  const storage::OptOutList list = RequireOptOutListAccess(call, name_or_arn);
  return {list.account, list.name};
}

LockedResource RequireResource(Call& call, const std::string& arn) {
  const OwnedResource named = ResourceNamedBy(call, arn);
  RequireOwn(call, arn);
  const auto name = LockResource(call, named);
  if (!name) throw Error::NotFound(named.type, arn);
  return {named.resource, ArnOf(named, *name)};
}

void RequireActive(const storage::Pool& pool) {
  if (pool.status == "ACTIVE") return;
  throw Error::Conflict(reason::kResourceNotActive, ResourceType::kPool, pool.id);
}

void RequireActive(const storage::PhoneNumber& number) {
  if (number.status == "ACTIVE") return;
  throw Error::Conflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, number.id);
}

void RequireMessageType(const Call& call, const Identity& identity, std::string_view message_type) {
  if (const auto mismatch = MessageTypeMismatch(identity, message_type)) throw Refused(call, identity, {*mismatch});
}

void RequireInNoPool(const storage::PhoneNumber& number) {
  if (!number.pool_id) return;
  throw Error::Conflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, number.id,
                        "It is in the pool " + *number.pool_id + "; take it out of that first.");
}

void RequireSameConfiguration(Call& call, const storage::Pool& pool, const Identity& number,
                              const storage::PoolToJoin& found) {
  const std::vector<Mismatch> mismatches = MismatchesOf(call, pool, number, found);
  if (!mismatches.empty()) throw Refused(call, number, mismatches);
}

void RequireRoomInPool(const Call& call, const storage::MemberCount& members) {
  const auto limit = members.quota.value_or(call.settings().quotas.origination_identities_per_pool);
  if (members.phone_numbers + members.sender_ids >= limit) {
    throw Error::Quota(reason::kOriginationIdentitiesPerPool, limit);
  }
}

void RequireRoomForTags(const Call& call, std::int64_t tags) {
  if (tags == 0) return;
  storage::FindAccountQuotaLater(
      call.tx(), call.scope(), reason::kTagsPerResource,
      [tags, usual = call.settings().quotas.tags_per_resource](std::optional<std::int64_t> own) {
        const auto limit = own.value_or(usual);
        if (tags > limit) throw Error::Quota(reason::kTagsPerResource, limit);
      });
}

void RequireRoomForPhoneNumber(Call& call) {
  const Quotas& quotas = call.settings().quotas;
  const std::int64_t in_all_regions = quotas.phone_numbers_in_all_regions > 0
                                          ? quotas.phone_numbers_in_all_regions
                                          : limits::kRegionsOfPhoneNumbers * quotas.phone_numbers;
  storage::CountPhoneNumber(call.tx(), call.scope(), quotas.phone_numbers, in_all_regions, [&call, in_all_regions] {
    const storage::CountedUse use =
        storage::FindUsageAndQuotas(call.tx(), call.scope()).at(storage::Counter::kPhoneNumbers);
    const std::int64_t limit = use.quota.value_or(call.settings().quotas.phone_numbers);
    throw Error::Quota(reason::kPhoneNumbersPerAccount, use.used >= limit ? limit : in_all_regions);
  });
}

void RequireRoomInAccount(Call& call, storage::Counter counter) {
  const Quotas& quotas = call.settings().quotas;
  const std::int64_t limit = counter == storage::Counter::kPools       ? quotas.pools
                             : counter == storage::Counter::kSenderIds ? quotas.sender_ids
                                                                       : quotas.opt_out_lists;
  storage::CountOne(call.tx(), call.scope(), counter, limit, [&call, counter, limit] {
    const auto own = storage::FindAccountQuota(call.tx(), call.scope(), storage::QuotaOf(counter));
    throw Error::Quota(storage::QuotaOf(counter), own.value_or(limit));
  });
}

}  // namespace poold
