#include "storage/sender_ids.h"

#include <algorithm>
#include <cctype>
#include <tuple>

#include "server/base/arn.h"
#include "server/base/filters.h"
#include "server/base/settings.h"
#include "server/base/world.h"
#include "server/handlers/guards.h"
#include "server/handlers/handlers.h"
#include "server/handlers/paging.h"
#include "server/handlers/render.h"
#include "storage/pool_members.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests and responses of this noun

// What the pattern of the model lets pass, but networks don't (behaviour 9).
void RequireSoundSenderId(const std::string& text) {
  const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
  const bool sound = text.find('_') == std::string::npos && std::ranges::any_of(text, is_letter) &&
                     text.front() != '-' && text.back() != '-';
  if (!sound) {
    throw Error::Invalid(reason::kInvalidParameter, "senderId",
                         "must be of letters, digits and hyphens, with at least one letter and no hyphen at the ends");
  }
}

void RequireCountryForSenderIds(const ApiSettings& settings, const std::string& iso_country_code) {
  if (settings.countries_without_sender_ids.contains(iso_country_code)) {
    throw Error::Invalid(reason::kSenderIdNotSupported, "isoCountryCode", "is a country without sender IDs");
  }
  if (settings.countries_requiring_registration.contains(iso_country_code)) {
    throw Error::Invalid(reason::kSenderIdRequiresRegistration, "isoCountryCode",
                         "is a country whose sender IDs must be registered");
  }
}

// The sender ID that the request names, locked against other changes. NotFound.
template <class Request>
storage::SenderId RequireSenderId(Call& call, const Request& request) {
  const storage::SenderIdName name = RequireOwnSenderId(call, request.sender_id(), request.iso_country_code());
  auto sender_id = storage::LockSenderId(call.tx(), call.scope(), name, storage::SenderIdLock::kForChange);
  if (!sender_id) throw Error::NotFound(ResourceType::kSenderId, request.sender_id());
  return *std::move(sender_id);
}

storage::SenderIdName NameOf(const storage::SenderId& sender_id) {
  return {sender_id.sender_id, sender_id.iso_country_code};
}

// The order of a listing: the text without its case, then the country, then the owner.
std::tuple<std::string, std::string, std::string> SortKey(const storage::SenderIdName& name,
                                                          const std::string& account) {
  return {storage::SenderIdKey(name.sender_id), name.iso_country_code, account};
}

// Into any of the responses that show a sender ID; they differ in what they leave out (behaviour 13).
template <class Answer>
void Render(const Call& call, const storage::SenderId& sender_id, Answer& answer) {
  const storage::Scope owner{sender_id.account, call.scope().region};
  answer.set_sender_id_arn(SenderIdArn(owner, sender_id.sender_id, sender_id.iso_country_code));
  answer.set_sender_id(sender_id.sender_id);
  answer.set_iso_country_code(sender_id.iso_country_code);
  for (const std::string& type : sender_id.message_types) answer.add_message_types(FromAwsName<MessageType>(type));
  answer.set_monthly_leasing_price(sender_id.monthly_leasing_price);
  answer.set_registered(sender_id.registered);
  if constexpr (requires { answer.set_deletion_protection_enabled(true); }) {
    answer.set_deletion_protection_enabled(sender_id.deletion_protected);
  }
  if constexpr (requires { answer.set_registration_id(std::string()); }) {
    if (sender_id.registration_id) answer.set_registration_id(*sender_id.registration_id);
  }
}

std::optional<storage::SenderIdPosition> PositionFrom(const Page& page) {
  if (page.after.empty()) return std::nullopt;
  return storage::SenderIdPosition{{page.after.at(0), page.after.at(1)}, page.after.at(2)};
}

// The sender IDs named by the request that meet its filters; NotFound for the first that isn't there.
std::vector<storage::SenderId> NamedSenderIds(Call& call, const DescribeSenderIdsRequest& request, const Page& page) {
  std::vector<storage::OwnedSenderId> names;
  for (const SenderIdAndCountry& wanted : request.sender_ids()) {
    names.push_back(SenderIdNamedBy(call, wanted.sender_id(), wanted.iso_country_code()));
  }
  const auto found = storage::FindSenderIds(call.tx(), ViewerOf(call), names, ConditionsFrom(request.filters()));
  const auto key_of = [](const storage::SenderId& sender_id) { return SortKey(NameOf(sender_id), sender_id.account); };
  RequireAllGranted(
      ResourceType::kSenderId, names, found,
      [&](const storage::NamedSenderId& named, const storage::OwnedSenderId& name) {
        return key_of(named.sender_id) == SortKey(name.name, name.account);
      },
      [&](int i) { return request.sender_ids(i).sender_id(); });
  const auto after = PositionFrom(page);
  std::vector<storage::SenderId> sender_ids;
  for (const auto& [sender_id, meets_conditions, granted] : found) {
    const bool shown_before = after && key_of(sender_id) <= SortKey(after->name, after->account);
    if (meets_conditions && !shown_before) sender_ids.push_back(sender_id);
  }
  return sender_ids;
}

}  // namespace

RequestSenderIdResponse RequestSenderId(Call& call, const RequestSenderIdRequest& request) {
  RequireSoundSenderId(request.sender_id());
  RequireCountryForSenderIds(call.settings(), request.iso_country_code());

  storage::SenderId sender_id;
  sender_id.account = call.scope().account;
  sender_id.sender_id = storage::SenderIdText(request.sender_id());
  sender_id.iso_country_code = request.iso_country_code();
  sender_id.message_types = SortedAwsNames<MessageType>(request.message_types());
  if (sender_id.message_types.empty()) sender_id.message_types = {"PROMOTIONAL", "TRANSACTIONAL"};
  sender_id.monthly_leasing_price = "0.00";
  sender_id.deletion_protected = request.deletion_protection_enabled();
  sender_id.created = call.world().Now();

  if (!storage::InsertSenderId(call.tx(), call.scope(), sender_id)) {
    throw Error::Conflict(reason::kResourceAlreadyExists, ResourceType::kSenderId, sender_id.sender_id);
  }
  RequireRoomForTags(call, request.tags_size());
  storage::PutTags(call.tx(), call.scope(), storage::SenderIdResource(sender_id.sender_id, sender_id.iso_country_code),
                   TagsFrom(request.tags()));
  RequireRoomInAccount(call, storage::Counter::kSenderIds);

  RequestSenderIdResponse response;
  Render(call, sender_id, response);
  *response.mutable_tags() = request.tags();
  return response;
}

void DescribeSenderIds(Call& call, const DescribeSenderIdsRequest& request, DescribeSenderIdsResponse& response) {
  const Page page = RequirePage(call);
  auto sender_ids = request.sender_ids().empty()
                        ? storage::ListSenderIds(call.tx(), ViewerOf(call, request), ConditionsFrom(request.filters()),
                                                 PositionFrom(page), page.limit + 1)
                        : NamedSenderIds(call, request, page);
  RenderPage(
      call, page, std::move(sender_ids), response,
      [](const storage::SenderId& sender_id) {
        return std::vector{sender_id.sender_id, sender_id.iso_country_code, sender_id.account};
      },
      [&](const storage::SenderId& sender_id) { Render(call, sender_id, *response.add_sender_ids()); });
}

UpdateSenderIdResponse UpdateSenderId(Call& call, const UpdateSenderIdRequest& request) {
  storage::SenderId sender_id = RequireSenderId(call, request);
  if (request.has_deletion_protection_enabled()) {
    sender_id.deletion_protected = request.deletion_protection_enabled();
    storage::UpdateSenderId(call.tx(), call.scope(), sender_id);
  }
  UpdateSenderIdResponse response;
  Render(call, sender_id, response);
  return response;
}

ReleaseSenderIdResponse ReleaseSenderId(Call& call, const ReleaseSenderIdRequest& request) {
  const storage::SenderId sender_id = RequireSenderId(call, request);
  if (sender_id.deletion_protected) {
    throw Error::Conflict(reason::kDeletionProtectionEnabled, ResourceType::kSenderId, sender_id.sender_id,
                          "Switch its deletion protection off first.");
  }
  if (storage::IsSenderIdInAnyPool(call.tx(), call.scope(), NameOf(sender_id))) {
    throw Error::Conflict(reason::kSenderIdAssociatedToPool, ResourceType::kSenderId, sender_id.sender_id,
                          "Take it out of its pools first.");
  }
  storage::DeleteSenderId(call.tx(), call.scope(), NameOf(sender_id));
  storage::UncountOne(call.tx(), call.scope(), storage::Counter::kSenderIds);

  ReleaseSenderIdResponse response;
  Render(call, sender_id, response);
  return response;
}

}  // namespace poold
