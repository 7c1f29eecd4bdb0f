#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/server/handlers/phone_numbers_calls.h"
#include "tests/support/api.h"
#include "tests/support/bad_request.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;

// Of the tables of the account, how many rows speak of the id.
std::int64_t RowsAbout(Api& api, const std::string& id) {
  std::int64_t rows = 0;
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test",
            "SELECT (SELECT count(*) FROM phone_numbers WHERE phone_number_id = $1)"
            " + (SELECT count(*) FROM phone_number_keywords WHERE phone_number_id = $1)"
            " + (SELECT count(*) FROM tags WHERE resource_id = $1)"},
           storage::Params(id))[0]
        .Read(rows);
  });
  return rows;
}

// ReleasePhoneNumber

TEST(ReleasePhoneNumber, AnswersEveryMember) {
  Api api;
  const ConfiguredNumber number = GivenConfiguredNumber(api);
  const std::string digits = TheNumber(api, number.id).phone_number();

  const auto result = ReleaseNumber(api, number.id);

  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result.response,
              EqualsText("phone_number_arn: '" + OwnArn(api, "phone-number", number.id) + "' phone_number_id: '" +
                         number.id + "' phone_number: '" + digits +
                         "' status: NUMBER_STATUS_DELETED iso_country_code: 'US'"
                         " message_type: MESSAGE_TYPE_TRANSACTIONAL number_capabilities: NUMBER_CAPABILITY_SMS"
                         " number_type: NUMBER_TYPE_LONG_CODE monthly_leasing_price: '1.00' two_way_enabled: true"
                         " two_way_channel_arn: '" +
                         std::string(ConfiguredNumber::kChannel) + "' two_way_channel_role: '" +
                         std::string(ConfiguredNumber::kRole) +
                         "' self_managed_opt_outs_enabled: true opt_out_list_name: 'Offers'"
                         " created_timestamp { seconds: 1704067200 }"));
}

TEST(ReleasePhoneNumber, TakesTheNumberOutOfTheAccount) {
  Api api;
  const std::string kept = GivenNumber(api);
  const std::string id = GivenNumber(api);
  ASSERT_THAT(ReleaseNumber(api, id), IsOk());
  EXPECT_THAT(DescribedNumbers(api), ElementsAre(kept));
  EXPECT_THAT(api.Call<DescribePhoneNumbersRequest>("phone_number_ids: '" + id + "'"),
              IsNotFound(ResourceType::kPhoneNumber, id));
}

TEST(ReleasePhoneNumber, TakesAnArn) {
  Api api;
  const std::string id = GivenNumber(api);
  EXPECT_EQ(ReleaseNumber(api, OwnArn(api, "phone-number", id)).response.phone_number_id(), id);
}

TEST(ReleasePhoneNumber, LeavesNothingOfTheNumberBehind) {
  Api api;
  const std::string id = GivenNumber(api, "tags { key: 'a' value: 'b' }");
  ASSERT_GT(RowsAbout(api, id), 3);
  ASSERT_THAT(ReleaseNumber(api, id), IsOk());
  EXPECT_EQ(RowsAbout(api, id), 0);
}

TEST(ReleasePhoneNumber, GivesTheNumberBackToTheInventory) {
  Api api;
  const std::string country = NewCountry();
  const auto stock = GivenStock(api, country, 1);
  const auto first = RequestNumber(api, LongCode(country));
  ASSERT_THAT(ReleaseNumber(api, first.response.phone_number_id()), IsOk());

  const auto second = api.CallAs(NewAccount(), Api::Parse<RequestPhoneNumberRequest>(LongCode(country)));

  EXPECT_EQ(second.response.phone_number(), stock[0]);
  EXPECT_NE(second.response.phone_number_id(), first.response.phone_number_id());
}

TEST(ReleasePhoneNumber, RefusesANumberThatIsNotThere) {
  Api api;
  const std::string id = GivenNumber(api);
  ASSERT_THAT(ReleaseNumber(api, id), IsOk());
  EXPECT_THAT(ReleaseNumber(api, id), IsNotFound(ResourceType::kPhoneNumber, id));
}

TEST(ReleasePhoneNumber, DoesNotTouchNumbersOfAnotherAccountOrRegion) {
  Api other;
  const std::string id = GivenNumber(other);
  Api api;
  const std::string arn = ArnOfOtherAccount(other.account(), "phone-number", id);
  EXPECT_THAT(ReleaseNumber(api, id), IsNotFound(ResourceType::kPhoneNumber, id));
  EXPECT_THAT(ReleaseNumber(api, arn), IsNotFound(ResourceType::kPhoneNumber, arn));
  const std::string elsewhere = ArnOfOtherRegion(other, "phone-number", id);
  EXPECT_THAT(ReleaseNumber(other, elsewhere), IsNotFound(ResourceType::kPhoneNumber, elsewhere));
  EXPECT_THAT(DescribedNumbers(other), ElementsAre(id));
}

TEST(ReleasePhoneNumber, RefusesAProtectedNumber) {
  Api api;
  const std::string id = GivenNumber(api, "deletion_protection_enabled: true");
  EXPECT_THAT(ReleaseNumber(api, id), IsConflict(reason::kDeletionProtectionEnabled, ResourceType::kPhoneNumber, id));
  ASSERT_THAT(UpdateNumber(api, id, "deletion_protection_enabled: false"), IsOk());
  EXPECT_THAT(ReleaseNumber(api, id), IsOk());
}

TEST(ReleasePhoneNumber, RefusesANumberInAPool) {
  Api api;
  const std::string id = GivenNumber(api);
  const std::string pool = GivenPool(api, id);
  EXPECT_THAT(ReleaseNumber(api, id), IsConflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, id));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(id));
}

TEST(ReleasePhoneNumber, LooksAtThePoolBeforeTheProtection) {
  Api api;
  const std::string id = GivenNumber(api, "deletion_protection_enabled: true");
  GivenPool(api, id);
  EXPECT_THAT(ReleaseNumber(api, id), IsConflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, id));
}

TEST(ReleasePhoneNumber, AllowsItOnceThePoolIsGone) {
  Api api;
  const std::string id = GivenNumber(api);
  const std::string pool = GivenPool(api, id);
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
  EXPECT_THAT(ReleaseNumber(api, id), IsOk());
}

TEST(ReleasePhoneNumber, RefusesANumberThatIsNotActive) {
  Api api;
  const std::string id = GivenNumber(api);
  GivenStatus(api, id, "PENDING");
  EXPECT_THAT(ReleaseNumber(api, id), IsConflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, id));
}

TEST(ReleasePhoneNumber, AtOnceReleasesOnlyOnce) {
  Settings settings;
  settings.api.quotas.phone_numbers = 2;
  Api api(settings);
  GivenNumber(api);
  const std::string id = GivenNumber(api);
  std::vector<Result<ReleasePhoneNumberResponse>> results(4);
  {
    std::vector<std::jthread> callers;
    for (auto& result : results) callers.emplace_back([&] { result = ReleaseNumber(api, id); });
  }
  EXPECT_EQ(std::ranges::count_if(results, [](const auto& result) { return !result.error; }), 1);
  for (const auto& result : results) {
    if (result.error) {
      EXPECT_THAT(result, IsNotFound(ResourceType::kPhoneNumber, id));
    }
  }
  // One place was freed, not four.
  EXPECT_THAT(RequestNumber(api, LongCode("US")), IsOk());
  EXPECT_THAT(RequestNumber(api, LongCode("US")), IsOverQuota(reason::kPhoneNumbersPerAccount, 2));
}

}  // namespace
}  // namespace poold
