// RequestPhoneNumber with a pool: behaviour 8 with 4.8.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/handlers/phone_numbers_calls.h"
#include "tests/support/api.h"
#include "tests/support/bad_request.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;
using testing::SizeIs;

TEST(RequestPhoneNumberIntoAPool, TakesSettingsAndKeywordsFromThePool) {
  Api api;
  const std::string pool = GivenPool(api, GivenConfiguredNumber(api).id);
  // What the pool has now counts, not what it was founded with.
  GivenKeyword(api, pool, "HOURS", "8 to 4");
  GivenOptOutList(api, "Latest");
  ASSERT_THAT(api.Call<UpdatePoolRequest>("pool_id: '" + pool + "' opt_out_list_name: 'Latest'"), IsOk());

  const auto result = RequestNumber(api, LongCode("US", "pool_id: '" + pool + "'"));

  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result.response.pool_id(), pool);
  EXPECT_TRUE(result.response.two_way_enabled());
  EXPECT_EQ(result.response.two_way_channel_arn(), ConfiguredNumber::kChannel);
  EXPECT_EQ(result.response.two_way_channel_role(), ConfiguredNumber::kRole);
  EXPECT_TRUE(result.response.self_managed_opt_outs_enabled());
  EXPECT_EQ(result.response.opt_out_list_name(), "Latest");
  EXPECT_EQ(KeywordsOf(api, result.response.phone_number_id()), KeywordsOf(api, pool));
}

TEST(RequestPhoneNumberIntoAPool, MakesTheNumberThePoolsLastMember) {
  Api api;
  const std::string first = GivenNumber(api);
  const std::string pool = GivenPool(api, first);
  const auto result = RequestNumber(api, LongCode("US", "pool_id: '" + pool + "'"));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(first, result.response.phone_number_id()));
  EXPECT_EQ(TheNumber(api, result.response.phone_number_id()).pool_id(), pool);
}

TEST(RequestPhoneNumberIntoAPool, TakesThePoolsArn) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_EQ(RequestNumber(api, LongCode("US", "pool_id: '" + OwnArn(api, "pool", pool) + "'")).response.pool_id(),
            pool);
}

TEST(RequestPhoneNumberIntoAPool, TakesAnEmptyPoolForNone) {
  Api api;
  const auto result = RequestNumber(api, LongCode("US", "pool_id: ''"));
  ASSERT_THAT(result, IsOk());
  EXPECT_FALSE(result.response.has_pool_id());
}

TEST(RequestPhoneNumberIntoAPool, KeepsItsOwnProtectionAndCountry) {
  Api api;
  const std::string pool = GivenPool(api);
  const auto result = RequestNumber(api, LongCode("GB", "deletion_protection_enabled: true pool_id: '" + pool + "'"));
  EXPECT_TRUE(result.response.deletion_protection_enabled());
  EXPECT_EQ(result.response.iso_country_code(), "GB");
}

TEST(RequestPhoneNumberIntoAPool, RefusesAPoolThatIsNotThere) {
  Api api;
  EXPECT_THAT(RequestNumber(api, LongCode("US", "pool_id: 'pool-1'")), IsNotFound(ResourceType::kPool, "pool-1"));
}

TEST(RequestPhoneNumberIntoAPool, DoesNotRevealThePoolOfAnotherAccount) {
  Api other;
  const std::string pool = GivenPool(other);
  Api api;
  const std::string arn = ArnOfOtherAccount(other.account(), "pool", pool);
  EXPECT_THAT(RequestNumber(api, LongCode("US", "pool_id: '" + pool + "'")), IsNotFound(ResourceType::kPool, pool));
  EXPECT_THAT(RequestNumber(api, LongCode("US", "pool_id: '" + arn + "'")), IsNotFound(ResourceType::kPool, arn));
}

TEST(RequestPhoneNumberIntoAPool, RefusesAPoolThatIsNotActive) {
  Settings settings;
  settings.api.pool_deletion_delay = std::chrono::hours(1);
  Api api(settings);
  const std::string pool = GivenPool(api);
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
  EXPECT_THAT(RequestNumber(api, LongCode("US", "pool_id: '" + pool + "'")),
              IsConflict(reason::kResourceNotActive, ResourceType::kPool, pool));
}

TEST(RequestPhoneNumberIntoAPool, RefusesAnotherMessageType) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(RequestNumber(api,
                            "iso_country_code: 'US' message_type: MESSAGE_TYPE_PROMOTIONAL"
                            " number_capabilities: NUMBER_CAPABILITY_SMS"
                            " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE pool_id: '" +
                                pool + "'"),
              IsConflict(reason::kMessageTypeMismatch, ResourceType::kPool, pool));
}

TEST(RequestPhoneNumberIntoAPool, RefusesOtherCapabilitiesThanThePoolsNumbersHave) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(
      RequestNumber(api, LongCode("US", "number_capabilities: NUMBER_CAPABILITY_VOICE pool_id: '" + pool + "'")),
      IsConflict(reason::kNumberCapabilitiesMismatch, ResourceType::kPool, pool));
}

TEST(RequestPhoneNumberIntoAPool, TakesAnyCapabilitiesWhileThePoolHasNoNumber) {
  Api api;
  const std::string pool = GivenSenderIdPool(api, "NOTICES");
  EXPECT_THAT(
      RequestNumber(api, LongCode("US", "number_capabilities: NUMBER_CAPABILITY_VOICE pool_id: '" + pool + "'")),
      IsOk());
}

TEST(RequestPhoneNumberIntoAPool, RefusesAnotherOptOutListThanThePools) {
  Api api;
  const std::string pool = GivenPool(api);
  GivenOptOutList(api, "Offers");
  EXPECT_THAT(RequestNumber(api, LongCode("US", "opt_out_list_name: 'Offers' pool_id: '" + pool + "'")),
              IsConflict(reason::kOptOutListMismatch, ResourceType::kPool, pool));
}

TEST(RequestPhoneNumberIntoAPool, TakesThePoolsOwnOptOutListByName) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(RequestNumber(api, LongCode("US", "opt_out_list_name: 'Default' pool_id: '" + pool + "'")), IsOk());
}

TEST(RequestPhoneNumberIntoAPool, NamesTheFirstDifferenceInTheOrderOfTheRules) {
  Api api;
  const std::string pool = GivenPool(api);
  GivenOptOutList(api, "Offers");
  EXPECT_THAT(RequestNumber(api,
                            "iso_country_code: 'US' message_type: MESSAGE_TYPE_PROMOTIONAL"
                            " number_capabilities: NUMBER_CAPABILITY_VOICE opt_out_list_name: 'Offers'"
                            " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE pool_id: '" +
                                pool + "'"),
              IsConflict(reason::kMessageTypeMismatch, ResourceType::kPool, pool));
  EXPECT_THAT(RequestNumber(api, LongCode("US",
                                          "number_capabilities: NUMBER_CAPABILITY_VOICE opt_out_list_name: 'Offers'"
                                          " pool_id: '" +
                                              pool + "'")),
              IsConflict(reason::kNumberCapabilitiesMismatch, ResourceType::kPool, pool));
}

// Section 2.2: what is named must exist before anything is compared.
TEST(RequestPhoneNumberIntoAPool, LooksForTheOptOutListBeforeItCompares) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(RequestNumber(api, LongCode("US",
                                          "number_capabilities: NUMBER_CAPABILITY_VOICE opt_out_list_name: 'Nowhere'"
                                          " pool_id: '" +
                                              pool + "'")),
              IsNotFound(ResourceType::kOptOutList, "Nowhere"));
}

TEST(RequestPhoneNumberIntoAPool, RefusesAFullPool) {
  Settings settings;
  settings.api.quotas.origination_identities_per_pool = 2;
  Api api(settings);
  const std::string pool = GivenPool(api);
  ASSERT_THAT(RequestNumber(api, LongCode("US", "pool_id: '" + pool + "'")), IsOk());

  EXPECT_THAT(RequestNumber(api, LongCode("US", "pool_id: '" + pool + "'")),
              IsOverQuota(reason::kOriginationIdentitiesPerPool, 2));
  EXPECT_THAT(DescribedNumbers(api), SizeIs(2));
}

}  // namespace
}  // namespace poold
