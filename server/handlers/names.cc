#include "server/handlers/names.h"

#include "server/base/aws_names.h"
#include "server/base/limits.h"
#include "server/handlers/beyond.h"
#include "server/rpc/method.h"

namespace poold {

bool IsArn(std::string_view text) { return text.starts_with("arn:"); }

Arn ArnNamedBy(const Call& call, const std::string& text) {
  const auto arn = ParseArn(text);
  if (!arn) throw Error::Invalid(reason::kInvalidArn, "arn", "must be an sms-voice ARN");
  const auto type = ResourceTypeFrom(arn->type).value_or(ResourceType::kNone);
  const bool elsewhere = arn->region != call.scope().region || arn->partition != PartitionOf(arn->region);
  if (elsewhere || type == ResourceType::kNone) throw Error::NotFound(type, text);
  return *arn;
}

storage::OwnedId IdNamedBy(const Call& call, ResourceType type, const std::string& id_or_arn) {
  if (!IsArn(id_or_arn)) return {call.scope().account, id_or_arn};
  const Arn arn = ArnNamedBy(call, id_or_arn);
  if (arn.type != AwsName(type)) throw Error::NotFound(type, id_or_arn);
  return {arn.account, arn.id};
}

storage::OwnedSenderId SenderIdNamedBy(const Call& call, const std::string& sender_id_or_arn,
                                       const std::string& iso_country_code) {
  if (!IsArn(sender_id_or_arn)) return {call.scope().account, {sender_id_or_arn, iso_country_code}};
  const auto named = ParseArn(sender_id_or_arn);
  const auto parts = named ? SplitSenderId(named->id) : std::nullopt;
  RequireCountry(iso_country_code, parts ? std::string(parts->iso_country_code) : "");
  return {ArnNamedBy(call, sender_id_or_arn).account, {std::string(parts->sender_id), iso_country_code}};
}

storage::OptOutListName OptOutListNamedBy(const Call& call, const std::string& name_or_arn) {
  storage::OwnedId named = IdNamedBy(call, ResourceType::kOptOutList, name_or_arn);
  const std::string otherwise(IsArn(name_or_arn) ? std::string_view() : storage::OtherMeaningOf(named.id));
  return {std::move(named.account), std::move(named.id), otherwise};
}

storage::Resource ResourceOf(const Arn& arn) {
  const auto type = ResourceTypeFrom(arn.type).value_or(ResourceType::kNone);
  if (type != ResourceType::kSenderId) return {AwsName(type), arn.id};
  const auto parts = SplitSenderId(arn.id);
  return storage::SenderIdResource(parts->sender_id, parts->iso_country_code);
}

OwnedResource ResourceNamedBy(const Call& call, const std::string& text) {
  const Arn arn = ArnNamedBy(call, text);
  const auto type = ResourceTypeFrom(arn.type).value_or(ResourceType::kNone);
  switch (type) {
    case ResourceType::kPool:
    case ResourceType::kPhoneNumber:
    case ResourceType::kSenderId:
    case ResourceType::kOptOutList:
      return {arn.scope(), type, ResourceOf(arn)};
    default:
      throw Error::NotFound(type, text);
  }
}

std::string ArnOf(const OwnedResource& resource, const std::string& name) {
  return MakeArn(PartitionOf(resource.owner.region), resource.owner.region, resource.owner.account,
                 resource.resource.type, name);
}

std::optional<storage::PhoneNumberName> PhoneNumberNamedBy(const std::string& text) {
  if (IsPhoneNumberId(text)) return storage::PhoneNumberName{storage::PhoneNumberName::Kind::kId, text};
  if (IsDigits(text)) return storage::PhoneNumberName{storage::PhoneNumberName::Kind::kDigits, text};
  return std::nullopt;
}

std::variant<storage::PhoneNumberName, storage::SenderIdName> IdentityNamedBy(
    const Call& call, const std::string& text, const std::optional<std::string>& iso_country_code) {
  if (IsArn(text)) {
    const Arn arn = ArnNamedBy(call, text);
    if (arn.type == AwsName(ResourceType::kPhoneNumber))
      return storage::PhoneNumberName{storage::PhoneNumberName::Kind::kId, arn.id};
    const auto parts = SplitSenderId(arn.id);
    storage::SenderIdName name{std::string(parts->sender_id), std::string(parts->iso_country_code)};
    RequireCountry(iso_country_code, name.iso_country_code);
    return name;
  }
  if (auto name = PhoneNumberNamedBy(text)) return *std::move(name);
  if (text.size() > limits::kSenderIdLength) throw Error::NotFound(ResourceType::kSenderId, text);
  if (!iso_country_code) {
    throw Error::Invalid(reason::kMissingParameter, "isoCountryCode", "is required with a sender ID");
  }
  return storage::SenderIdName{text, *iso_country_code};
}

void RequireCountry(const std::optional<std::string>& given, const std::string& iso_country_code) {
  if (!given || *given == iso_country_code) return;
  throw Error::Invalid(reason::kCountryCodeMismatch, "isoCountryCode", "is not the origination identity's country");
}

storage::Viewer ViewerOf(const Call& call) {
  return {.scope = call.scope(), .action = call.method().policy.action(), .reach = ReachOf(call)};
}

void RequireGranted(const storage::Granted& granted, ResourceType type, const std::string& as_given) {
  if (!granted) throw Error::NotFound(type, as_given);
  if (!*granted) {
    throw Error::AccessDenied("The resource is another account's, and its policy does not allow you this operation");
  }
}

}  // namespace poold
