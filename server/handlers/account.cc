#include "server/base/settings.h"
#include "server/handlers/handlers.h"
#include "server/handlers/paging.h"
#include "storage/accounts.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests and responses of this noun

struct Limit {
  AccountLimitName name;
  std::int64_t used;
  std::int64_t max;
};

std::vector<Limit> LimitsOf(Call& call) {
  const auto counted = storage::FindUsageAndQuotas(call.tx(), call.scope());
  const Quotas& quotas = call.settings().quotas;
  const auto limit = [&](AccountLimitName name, storage::Counter counter, std::int64_t deployments) {
    const storage::CountedUse& use = counted.at(counter);
    return Limit{name, use.used, use.quota.value_or(deployments)};
  };
  return {
      limit(ACCOUNT_LIMIT_NAME_PHONE_NUMBERS, storage::Counter::kPhoneNumbers, quotas.phone_numbers),
      limit(ACCOUNT_LIMIT_NAME_POOLS, storage::Counter::kPools, quotas.pools),
      {ACCOUNT_LIMIT_NAME_CONFIGURATION_SETS, 0, limits::kConfigurationSets},
      limit(ACCOUNT_LIMIT_NAME_OPT_OUT_LISTS, storage::Counter::kOptOutLists, quotas.opt_out_lists),
      limit(ACCOUNT_LIMIT_NAME_SENDER_IDS, storage::Counter::kSenderIds, quotas.sender_ids),
      {ACCOUNT_LIMIT_NAME_REGISTRATIONS, 0, limits::kRegistrations},
      {ACCOUNT_LIMIT_NAME_REGISTRATION_ATTACHMENTS, 0, limits::kRegistrationAttachments},
      {ACCOUNT_LIMIT_NAME_VERIFIED_DESTINATION_NUMBERS, 0, limits::kVerifiedDestinationNumbers},
  };
}

// Of a list that is short and always the same, the items of a page; the position is the last one's number.
template <class Item, class Response, class Add>
void RenderFixed(const Call& call, const std::vector<Item>& items, Response& response, Add add) {
  const Page page = RequirePage(call);
  const auto first = page.after.empty() ? std::size_t{0} : std::stoul(page.after.at(0));
  const auto last = std::min(items.size(), first + static_cast<std::size_t>(page.limit));
  for (std::size_t i = first; i < last; ++i) add(items[i]);
  if (last < items.size()) response.set_next_token(NextToken(call, {std::to_string(last)}));
}

}  // namespace

DescribeAccountLimitsResponse DescribeAccountLimits(Call& call, const DescribeAccountLimitsRequest&) {
  DescribeAccountLimitsResponse response;
  RenderFixed(call, LimitsOf(call), response, [&](const Limit& limit) {
    auto& item = *response.add_account_limits();
    item.set_name(limit.name);
    item.set_used(limit.used);
    item.set_max(limit.max);
  });
  return response;
}

DescribeAccountAttributesResponse DescribeAccountAttributes(Call& call, const DescribeAccountAttributesRequest&) {
  DescribeAccountAttributesResponse response;
  RenderFixed(call, std::vector{call.settings().account_tier}, response, [&](const std::string& tier) {
    auto& item = *response.add_account_attributes();
    item.set_name(ACCOUNT_ATTRIBUTE_NAME_ACCOUNT_TIER);
    item.set_value(tier);
  });
  return response;
}

}  // namespace poold
