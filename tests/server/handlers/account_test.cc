// DescribeAccountLimits, DescribeAccountAttributes. Rules: behaviour 4.4 and 12.

#include <gtest/gtest.h>

#include "storage/account_quotas.h"
#include "storage/pools.h"
#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;

// "POOLS 1/25", in the order of the answer.
std::vector<std::string> LimitsOf(const Result<DescribeAccountLimitsResponse>& result) {
  if (result.error) throw std::runtime_error(result.error->what());
  std::vector<std::string> limits;
  for (const auto& limit : result.response.account_limits()) {
    limits.push_back(AccountLimitName_Name(limit.name()).substr(sizeof("ACCOUNT_LIMIT_NAME_") - 1) + " " +
                     std::to_string(limit.used()) + "/" + std::to_string(limit.max()));
  }
  return limits;
}

auto Limits(Api& api, const std::string& request = {}) { return api.Call<DescribeAccountLimitsRequest>(request); }

// Pools, phone numbers, sender IDs and opt-out lists in use.
std::vector<int> Used(Api& api) {
  std::map<AccountLimitName, int> used;
  const auto result = Limits(api);
  if (result.error) throw std::runtime_error(result.error->what());
  for (const auto& limit : result.response.account_limits()) used[limit.name()] = static_cast<int>(limit.used());
  return {used[ACCOUNT_LIMIT_NAME_POOLS], used[ACCOUNT_LIMIT_NAME_PHONE_NUMBERS], used[ACCOUNT_LIMIT_NAME_SENDER_IDS],
          used[ACCOUNT_LIMIT_NAME_OPT_OUT_LISTS]};
}

TEST(DescribeAccountLimits, NamesAllEightOfAnAccountThatNeverCalled) {
  Api api;
  const auto limits = Limits(api);
  EXPECT_THAT(LimitsOf(limits), ElementsAre("PHONE_NUMBERS 0/25", "POOLS 0/25", "CONFIGURATION_SETS 0/25",
                                            "OPT_OUT_LISTS 1/25", "SENDER_IDS 0/500", "REGISTRATIONS 0/100",
                                            "REGISTRATION_ATTACHMENTS 0/400", "VERIFIED_DESTINATION_NUMBERS 0/10"));
  EXPECT_FALSE(limits.response.has_next_token());
}

TEST(DescribeAccountLimits, CountsWhatComesAndGoes) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string other = GivenNumber(api);
  GivenSenderId(api, "ExampleCo");
  const std::string pool = GivenPool(api, number);
  ASSERT_THAT(api.Call<CreateOptOutListRequest>("opt_out_list_name: 'Offers'"), IsOk());
  EXPECT_THAT(Used(api), ElementsAre(1, 2, 1, 2));

  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
  EXPECT_THAT(Used(api), ElementsAre(0, 2, 1, 2));
  ASSERT_THAT(api.Call<ReleasePhoneNumberRequest>("phone_number_id: '" + other + "'"), IsOk());
  EXPECT_THAT(Used(api), ElementsAre(0, 1, 1, 2));
  ASSERT_THAT(api.Call<ReleaseSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'"), IsOk());
  EXPECT_THAT(Used(api), ElementsAre(0, 1, 0, 2));
  ASSERT_THAT(api.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'"), IsOk());
  EXPECT_THAT(Used(api), ElementsAre(0, 1, 0, 1));
}

TEST(DescribeAccountLimits, CountsNothingForCallsThatWereRefusedOrReplayed) {
  Api api;
  GivenSenderId(api, "ExampleCo");
  EXPECT_THAT(api.Call<RequestSenderIdRequest>("sender_id: 'exampleco' iso_country_code: 'GB'"),
              IsFault(Fault::kConflict));
  EXPECT_THAT(api.Call<CreateOptOutListRequest>("opt_out_list_name: 'Default'"), IsFault(Fault::kConflict));
  EXPECT_THAT(api.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Default'"), IsFault(Fault::kConflict));
  EXPECT_THAT(api.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Nothing'"), IsFault(Fault::kNotFound));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(api.Call<CreateOptOutListRequest>("opt_out_list_name: 'Offers' client_token: 'once'"), IsOk());
  }
  EXPECT_THAT(Used(api), ElementsAre(0, 0, 1, 2));
}

TEST(DescribeAccountLimits, DoesNotCountPoolsThatAreBeingDeleted) {
  Api api;
  api.settings.api.pool_deletion_delay = std::chrono::seconds(60);
  const std::string pool = GivenSenderIdPool(api, "FOUNDER");
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
  EXPECT_EQ(ThePool(api, pool).status(), POOL_STATUS_DELETING);
  EXPECT_THAT(Used(api), ElementsAre(0, 0, 1, 1));
  // Nor are they counted back twice once they are gone.
  api.world.Advance(std::chrono::seconds(61));
  api.Sql([&](storage::Transaction& tx) {
    storage::FinishPoolDeletions(tx, api.world.Now() - std::chrono::seconds(60), 1000);
  });
  ASSERT_FALSE(IsThere(api, pool));
  EXPECT_THAT(Used(api), ElementsAre(0, 0, 1, 1));
}

TEST(DescribeAccountLimits, ShowsTheQuotasOfTheDeploymentAndOfTheAccount) {
  Settings settings;
  settings.api.quotas.pools = 3;
  settings.api.quotas.phone_numbers = 4;
  settings.api.quotas.sender_ids = 5;
  settings.api.quotas.opt_out_lists = 6;
  Api api(settings);
  const auto eight = [](const std::string& numbers, const std::string& pools, const std::string& lists,
                        const std::string& sender_ids) {
    return ElementsAre("PHONE_NUMBERS " + numbers, "POOLS " + pools, "CONFIGURATION_SETS 0/25",
                       "OPT_OUT_LISTS " + lists, "SENDER_IDS " + sender_ids, "REGISTRATIONS 0/100",
                       "REGISTRATION_ATTACHMENTS 0/400", "VERIFIED_DESTINATION_NUMBERS 0/10");
  };
  EXPECT_THAT(LimitsOf(Limits(api)), eight("0/4", "0/3", "1/6", "0/5"));
  api.Sql([&](storage::Transaction& tx) {
    storage::SetAccountQuota(tx, api.scope, "POOLS_PER_ACCOUNT", 1000);
    storage::SetAccountQuota(tx, api.scope, "OPT_OUT_LISTS_PER_ACCOUNT", 0);
  });
  EXPECT_THAT(LimitsOf(Limits(api)), eight("0/4", "0/1000", "1/0", "0/5"));
  const storage::Scope elsewhere{api.account(), "eu-west-2"};  // quotas are per region as well
  EXPECT_THAT(LimitsOf(api.CallIn(elsewhere, DescribeAccountLimitsRequest())), eight("0/4", "0/3", "1/6", "0/5"));
}

TEST(DescribeAccountLimits, CountsEachAccountAndRegionByItself) {
  Api api;
  GivenSenderId(api, "ExampleCo");
  Api other;
  EXPECT_THAT(Used(other), ElementsAre(0, 0, 0, 1));
  const auto elsewhere = api.CallIn({api.account(), "eu-west-2"}, DescribeAccountLimitsRequest());
  EXPECT_EQ(LimitsOf(elsewhere).at(4), "SENDER_IDS 0/500");
}

TEST(DescribeAccountLimits, PagesThroughAllOnce) {
  Api api;
  std::vector<std::string> limits;
  std::vector<std::size_t> sizes;
  std::string token;
  do {
    const auto page = Limits(api, "max_results: 3" + (token.empty() ? "" : " next_token: '" + token + "'"));
    const auto on_page = LimitsOf(page);
    sizes.push_back(on_page.size());
    limits.insert(limits.end(), on_page.begin(), on_page.end());
    token = page.response.next_token();
  } while (!token.empty() && sizes.size() < 10);
  EXPECT_THAT(sizes, ElementsAre(3u, 3u, 2u));
  EXPECT_EQ(limits, LimitsOf(Limits(api)));
  EXPECT_FALSE(Limits(api, "max_results: 8").response.has_next_token());
}

TEST(DescribeAccountLimits, RefusesPagesThatAreNotItsOwn) {
  Api api;
  for (const char* request : {"max_results: 0", "max_results: 101", "max_results: -1"}) {
    EXPECT_THAT(Limits(api, request), IsInvalidField(reason::kInvalidParameter, "maxResults"));
    EXPECT_THAT(api.Call<DescribeAccountAttributesRequest>(request),
                IsInvalidField(reason::kInvalidParameter, "maxResults"));
  }
  const auto refused = IsInvalidField(reason::kInvalidNextToken, "nextToken");
  EXPECT_THAT(Limits(api, "next_token: 'nonsense'"), refused);
  const std::string token = "next_token: '" + Limits(api, "max_results: 1").response.next_token() + "'";
  EXPECT_THAT(Limits(api, token), IsOk());
  EXPECT_THAT(api.Call<DescribeAccountAttributesRequest>(token), refused);
  Api other;
  EXPECT_THAT(Limits(other, token), refused);
}

TEST(DescribeAccountAttributes, TellsTheTier) {
  for (const char* tier : {"SANDBOX", "PRODUCTION"}) {
    Settings settings;
    settings.api.account_tier = tier;
    Api api(settings);
    const auto attributes = api.Call(DescribeAccountAttributesRequest());
    ASSERT_THAT(attributes, IsOk());
    EXPECT_THAT(attributes.response,
                EqualsText("account_attributes { name: ACCOUNT_ATTRIBUTE_NAME_ACCOUNT_TIER value: '" +
                           std::string(tier) + "' }"));
  }
}

TEST(DescribeAccountAttributes, SaysProductionUnlessToldOtherwise) {
  Api api;
  EXPECT_EQ(api.Call<DescribeAccountAttributesRequest>("max_results: 1").response.account_attributes(0).value(),
            "PRODUCTION");
}

}  // namespace
}  // namespace poold
