#include "storage/phone_numbers.h"

#include <algorithm>
#include <tuple>

#include "server/base/arn.h"
#include "server/base/filters.h"
#include "server/base/settings.h"
#include "server/base/world.h"
#include "server/handlers/configuration.h"
#include "server/handlers/guards.h"
#include "server/handlers/handlers.h"
#include "server/handlers/keywords.h"
#include "server/handlers/paging.h"
#include "server/handlers/render.h"
#include "storage/inventory.h"
#include "storage/pool_members.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests and responses of this noun

bool IsUsTollFree(std::string_view iso_country_code, std::string_view number_type) {
  return iso_country_code == "US" && number_type == AwsName(REQUESTABLE_NUMBER_TYPE_TOLL_FREE);
}

void RequireInternationalSendingAllowed(bool wanted, std::string_view iso_country_code, std::string_view number_type) {
  if (!wanted || IsUsTollFree(iso_country_code, number_type)) return;
  throw Error::Invalid(reason::kInternationalSendingNotSupported, "internationalSendingEnabled",
                       "can be true only for toll-free numbers of the United States");
}

// What the preferences mean as LIKE patterns. They are for numbers of the United States only, so digits without `+`
// are looked for in the national number and in the whole one.
std::vector<std::string> LikePatterns(const RequestPhoneNumberRequest& request) {
  std::vector<std::string> patterns;
  for (const NumberPreferenceItem& preference : request.number_preference()) {
    const PreferenceType type = preference.preference_type(0);
    const std::string before = type == PREFERENCE_TYPE_ENDS_WITH || type == PREFERENCE_TYPE_CONTAINS ? "%" : "";
    const std::string after = type == PREFERENCE_TYPE_STARTS_WITH || type == PREFERENCE_TYPE_CONTAINS ? "%" : "";
    for (const std::string& digits : preference.filter()) {
      if (!before.empty() || digits.starts_with('+')) {
        patterns.push_back(before + digits + after);
      } else {
        patterns.push_back("+1" + digits + after);
        patterns.push_back("+" + digits + after);
      }
    }
  }
  return patterns;
}

void RequireSoundRequest(const RequestPhoneNumberRequest& request) {
  const auto type = AwsName(request.number_type());
  RequireInternationalSendingAllowed(request.international_sending_enabled(), request.iso_country_code(), type);
  const bool may_prefer =
      request.iso_country_code() == "US" && request.number_type() == REQUESTABLE_NUMBER_TYPE_TEN_DLC;
  if (request.number_preference_size() > 0 && !may_prefer) {
    throw Error::Invalid(reason::kInvalidParameter, "numberPreference",
                         "can be given only for TEN_DLC numbers of the United States");
  }
}

// The pool that a new number goes into must be one that it can match: the same refusals as in associate, of the pool,
// since the number has no id yet.
void RequireFits(Call& call, const storage::Pool& pool, const RequestPhoneNumberRequest& request,
                 const std::vector<std::string>& capabilities) {
  const auto require = [&](bool same, std::string_view reason) {
    if (!same) throw Error::Conflict(reason, ResourceType::kPool, pool.id);
  };
  // All that is named is found before anything is compared (behaviour 2.2).
  const storage::OptOutListKey list = request.has_opt_out_list_name()
                                          ? RequireOptOutList(call, request.opt_out_list_name())
                                          : pool.configuration.opt_out_list;
  require(pool.configuration.message_type == AwsName(request.message_type()), reason::kMessageTypeMismatch);
  const auto present = storage::CapabilitiesOfNumbersIn(call.tx(), call.scope(), pool.id);
  require(!present || *present == capabilities, reason::kNumberCapabilitiesMismatch);
  require(pool.configuration.opt_out_list == list, reason::kOptOutListMismatch);
}

// Without a pool: the list that was asked for, or `Default`, and everything else off.
storage::Configuration FirstConfiguration(Call& call, const RequestPhoneNumberRequest& request) {
  storage::Configuration configuration;
  configuration.message_type = AwsName(request.message_type());
  configuration.opt_out_list = {call.scope().account, std::string(storage::kDefaultOptOutList)};
  if (request.has_opt_out_list_name()) {
    configuration.opt_out_list = RequireOptOutList(call, request.opt_out_list_name());
  }
  return configuration;
}

storage::InventoryNumber RequireStock(Call& call, const RequestPhoneNumberRequest& request,
                                      const std::vector<std::string>& capabilities) {
  const storage::InventoryWish wish{request.iso_country_code(), std::string(AwsName(request.number_type())),
                                    capabilities, LikePatterns(request), call.settings().fictional_numbers};
  // Simulator numbers carry transactional messages only.
  const bool impossible = request.number_type() == REQUESTABLE_NUMBER_TYPE_SIMULATOR &&
                          request.message_type() != MESSAGE_TYPE_TRANSACTIONAL;
  auto stock = impossible ? std::nullopt : storage::TakeNumber(call.tx(), wish, call.scope().account);
  if (!stock) {
    throw Error::NotFound(ResourceType::kPhoneNumber, wish.iso_country_code + "/" + wish.number_type);
  }
  return *std::move(stock);
}

// Into any of the responses that show a number; they differ in what they leave out (behaviour 13).
template <class Answer>
void Render(const Call& call, const storage::PhoneNumber& number, Answer& answer) {
  answer.set_phone_number_arn(PhoneNumberArn({number.account, call.scope().region}, number.id));
  answer.set_phone_number_id(number.id);
  answer.set_phone_number(number.number);
  answer.set_status(FromAwsName<NumberStatus>(number.status));
  answer.set_iso_country_code(number.iso_country_code);
  for (const std::string& capability : number.capabilities) {
    answer.add_number_capabilities(FromAwsName<NumberCapability>(capability));
  }
  answer.set_number_type(FromAwsName<decltype(answer.number_type())>(number.number_type));
  answer.set_monthly_leasing_price(number.monthly_leasing_price);
  RenderConfiguration(number.configuration, answer);
  if (number.registration_id) answer.set_registration_id(*number.registration_id);
  if constexpr (requires { answer.set_deletion_protection_enabled(true); }) {
    answer.set_deletion_protection_enabled(number.deletion_protected);
    answer.set_international_sending_enabled(number.international_sending);
  }
  if constexpr (requires { answer.set_pool_id(std::string()); }) {
    if (number.pool_id) answer.set_pool_id(*number.pool_id);
  }
  SetTime(*answer.mutable_created_timestamp(), number.created);
}

std::optional<storage::PhoneNumberPosition> PositionFrom(const Page& page) {
  if (page.after.empty()) return std::nullopt;
  return storage::PhoneNumberPosition{TimeFromPart(page.after.at(0)), page.after.at(1)};
}

// The numbers named by the request that meet its filters; NotFound for the first that isn't there.
std::vector<storage::PhoneNumber> NamedNumbers(Call& call, const DescribePhoneNumbersRequest& request,
                                               const Page& page) {
  std::vector<storage::OwnedId> ids;
  for (const std::string& id_or_arn : request.phone_number_ids()) {
    ids.push_back(IdNamedBy(call, ResourceType::kPhoneNumber, id_or_arn));
  }
  const auto found = storage::FindPhoneNumbers(call.tx(), ViewerOf(call), ids, ConditionsFrom(request.filters()));
  RequireAllGranted(
      ResourceType::kPhoneNumber, ids, found,
      [](const storage::NamedPhoneNumber& named, const storage::OwnedId& id) {
        return named.number.account == id.account && named.number.id == id.id;
      },
      [&](int i) { return request.phone_number_ids(i); });
  const auto after = PositionFrom(page);
  std::vector<storage::PhoneNumber> numbers;
  for (const auto& [number, meets_conditions, granted] : found) {
    const bool shown_before = after && std::tie(number.created, number.id) <= std::tie(after->created, after->id);
    if (meets_conditions && !shown_before) numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

RequestPhoneNumberResponse RequestPhoneNumber(Call& call, const RequestPhoneNumberRequest& request) {
  storage::Transaction& tx = call.tx();
  RequireSoundRequest(request);
  const auto capabilities = SortedAwsNames<NumberCapability>(request.number_capabilities());
  std::optional<storage::Pool> pool;
  if (!request.pool_id().empty()) {
    pool = RequireActivePool(call, request.pool_id());
    RequireFits(call, *pool, request, capabilities);
  }

  storage::PhoneNumber number;
  number.configuration = pool ? pool->configuration : FirstConfiguration(call, request);
  const storage::InventoryNumber stock = RequireStock(call, request, capabilities);
  if (pool) RequireRoomInPool(call, storage::CountMembers(tx, call.scope(), pool->id));
  RequireRoomForTags(call, request.tags_size());

  number.account = call.scope().account;
  number.id = call.world().NewPhoneNumberId();
  number.number = stock.phone_number;
  number.status = call.settings().number_activation_delay.count() == 0 ? "ACTIVE" : "PENDING";
  number.iso_country_code = stock.iso_country_code;
  number.capabilities = capabilities;
  number.number_type = stock.number_type;
  number.monthly_leasing_price = stock.monthly_leasing_price;
  number.international_sending = request.international_sending_enabled();
  number.deletion_protected = request.deletion_protection_enabled();
  if (request.has_registration_id()) number.registration_id = request.registration_id();
  number.created = call.world().Now();

  storage::InsertPhoneNumber(tx, call.scope(), number);
  storage::PutTags(tx, call.scope(), {"phone-number", number.id}, TagsFrom(request.tags()));
  if (pool) {
    storage::AddPhoneNumbersToPools(tx, {{call.scope(), pool->id, number.id}});
    number.pool_id = pool->id;
    storage::CopyKeywordsToPhoneNumber(tx, call.scope(), pool->id, number.id);
    storage::TouchPool(tx, call.scope(), *pool);
  } else {
    storage::InsertPhoneNumberKeywords(tx, call.scope(), number.id, FirstKeywords(call.settings()));
  }
  RequireRoomForPhoneNumber(call);

  RequestPhoneNumberResponse response;
  Render(call, number, response);
  *response.mutable_tags() = request.tags();
  return response;
}

void DescribePhoneNumbers(Call& call, const DescribePhoneNumbersRequest& request,
                          DescribePhoneNumbersResponse& response) {
  const Page page = RequirePage(call);
  auto numbers = request.phone_number_ids().empty()
                     ? storage::ListPhoneNumbers(call.tx(), ViewerOf(call, request), ConditionsFrom(request.filters()),
                                                 PositionFrom(page), page.limit + 1)
                     : NamedNumbers(call, request, page);
  RenderPage(
      call, page, std::move(numbers), response,
      [](const storage::PhoneNumber& number) {
        return std::vector{PositionPart(number.created), number.id};
      },
      [&](const storage::PhoneNumber& number) { Render(call, number, *response.add_phone_numbers()); });
}

UpdatePhoneNumberResponse UpdatePhoneNumber(Call& call, const UpdatePhoneNumberRequest& request) {
  const ConfigurationChange change = ConfigurationChangeFrom(request);
  RequireSound(change);
  storage::PhoneNumber number = RequirePhoneNumber(call, request.phone_number_id());
  if (request.has_opt_out_list_name()) {
    number.configuration.opt_out_list = RequireOptOutList(call, request.opt_out_list_name());
  }
  RequireActive(number);  // after all that is named is found (behaviour 2.2)
  RequireInNoPool(number);
  RequireInternationalSendingAllowed(request.international_sending_enabled(), number.iso_country_code,
                                     number.number_type);
  number.configuration = Changed(number.configuration, change);
  if (request.has_international_sending_enabled()) {
    number.international_sending = request.international_sending_enabled();
  }
  if (request.has_deletion_protection_enabled()) number.deletion_protected = request.deletion_protection_enabled();
  storage::UpdatePhoneNumber(call.tx(), call.scope(), number);

  UpdatePhoneNumberResponse response;
  Render(call, number, response);
  return response;
}

ReleasePhoneNumberResponse ReleasePhoneNumber(Call& call, const ReleasePhoneNumberRequest& request) {
  storage::Transaction& tx = call.tx();
  storage::PhoneNumber number = RequireActivePhoneNumber(call, request.phone_number_id());
  RequireInNoPool(number);
  if (number.deletion_protected) {
    throw Error::Conflict(reason::kDeletionProtectionEnabled, ResourceType::kPhoneNumber, number.id,
                          "Switch its deletion protection off first.");
  }
  storage::DeletePhoneNumber(tx, call.scope(), number.id);
  storage::ReturnNumber(tx, number.number, call.world().Now());
  storage::UncountOne(tx, call.scope(), storage::Counter::kPhoneNumbers);

  number.status = "DELETED";
  ReleasePhoneNumberResponse response;
  Render(call, number, response);
  return response;
}

}  // namespace poold
