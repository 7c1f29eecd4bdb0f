// DeletePool. Rules: behaviour 4.5 and 5.

#include <gtest/gtest.h>

#include "server/program/housekeeping.h"
#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::IsEmpty;
using testing::SizeIs;

// CreatePool of a transactional pool, unless `more` says otherwise.
auto Create(Api& api, const std::string& origination_identity, const std::string& more = {}) {
  auto request = Api::Parse<CreatePoolRequest>("message_type: MESSAGE_TYPE_TRANSACTIONAL origination_identity: '" +
                                               origination_identity + "'");
  request.MergeFrom(Api::Parse<CreatePoolRequest>(more));
  return api.Call(request);
}

auto Delete(Api& api, const std::string& pool_id_or_arn) {
  return api.Call<DeletePoolRequest>("pool_id: '" + pool_id_or_arn + "'");
}

std::string Tags(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "tags { key: 'key" + std::to_string(i) + "' value: 'v' } ";
  return text;
}

// DeletePoolResponse has neither Tags nor DeletionProtectionEnabled, as the model says.
TEST(DeletePool, AnswersWithThePoolAsDeleting) {
  Api api;
  const std::string pool = GivenPool(api, GivenConfiguredNumber(api).id, Tags(1));
  const auto deleted = Delete(api, pool);
  ASSERT_THAT(deleted, IsOk());
  EXPECT_THAT(
      deleted.response,
      EqualsText("pool_arn: '" + OwnArn(api, "pool", pool) + "' pool_id: '" + pool +
                 "' status: POOL_STATUS_DELETING message_type: MESSAGE_TYPE_TRANSACTIONAL two_way_enabled: true"
                 " two_way_channel_arn: '" +
                 std::string(ConfiguredNumber::kChannel) + "' two_way_channel_role: '" +
                 std::string(ConfiguredNumber::kRole) + "' self_managed_opt_outs_enabled: true opt_out_list_name: '" +
                 std::string(ConfiguredNumber::kList) + "' created_timestamp { seconds: 1704067200 }"));
}

TEST(DeletePool, TakesThePoolAwayAtOnceByDefault) {
  Api api;
  const std::string pool = GivenPool(api);
  ASSERT_THAT(Delete(api, pool), IsOk());
  EXPECT_FALSE(IsThere(api, pool));
  EXPECT_THAT(Delete(api, pool), IsNotFound(ResourceType::kPool, pool));
}

TEST(DeletePool, TakesAnArn) {
  Api api;
  const std::string pool = GivenPool(api);
  const auto deleted = Delete(api, OwnArn(api, "pool", pool));
  ASSERT_THAT(deleted, IsOk());
  EXPECT_EQ(deleted.response.pool_id(), pool);
  EXPECT_FALSE(IsThere(api, pool));
}

TEST(DeletePool, DoesNotFindThePoolsOfOtherAccountsAndRegions) {
  Api api;
  Api other;
  const std::string pool = GivenPool(other);
  const std::string arn = OwnArn(other, "pool", pool);
  const std::string elsewhere = ArnOfOtherRegion(other, "pool", pool);
  EXPECT_THAT(Delete(api, pool), IsNotFound(ResourceType::kPool, pool));
  EXPECT_THAT(Delete(api, arn), IsNotFound(ResourceType::kPool, arn));
  EXPECT_THAT(Delete(other, elsewhere), IsNotFound(ResourceType::kPool, elsewhere));
  EXPECT_TRUE(IsThere(other, pool));
}

TEST(DeletePool, RefusesWhatCannotBeAPool) {
  Api api;
  EXPECT_THAT(Delete(api, ""), IsInvalidField(reason::kMissingParameter, "poolId"));
  EXPECT_THAT(Delete(api, "pool+1"), IsInvalidField(reason::kInvalidParameter, "poolId"));
  EXPECT_THAT(Delete(api, OwnArn(api, "phone-number", GivenNumber(api))),
              IsInvalidField(reason::kInvalidArn, "poolId"));
}

TEST(DeletePool, LeavesItsIdentitiesInTheAccountAndFree) {
  Api api;
  const std::string first = GivenNumber(api);
  const std::string second = GivenNumber(api);
  GivenSenderId(api, "EXAMPLECO", "GB");
  const std::string pool = GivenPool(api, first);
  GivenMember(api, pool, second);
  GivenMember(api, pool, "EXAMPLECO", "iso_country_code: 'GB'");

  ASSERT_THAT(Delete(api, pool), IsOk());
  for (const std::string& number : {first, second}) {
    EXPECT_FALSE(TheNumber(api, number).has_pool_id());
    EXPECT_EQ(TheNumber(api, number).status(), NUMBER_STATUS_ACTIVE);
    EXPECT_THAT(Create(api, number), IsOk());
  }
  EXPECT_THAT(api.Call<ReleaseSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'"), IsOk());
}

TEST(DeletePool, LeavesItsNumbersTheSettingsThatItGaveThem) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  ASSERT_THAT(api.Call<UpdatePoolRequest>("pool_id: '" + pool +
                                          "' opt_out_list_name: 'Offers' two_way_enabled: true"
                                          " two_way_channel_arn: 'connect.us-east-1.amazonaws.com'"),
              IsOk());
  ASSERT_THAT(Delete(api, pool), IsOk());
  const auto left = TheNumber(api, number);
  EXPECT_EQ(left.opt_out_list_name(), "Offers");
  EXPECT_TRUE(left.two_way_enabled());
  EXPECT_EQ(left.two_way_channel_arn(), "connect.us-east-1.amazonaws.com");
}

TEST(DeletePool, LeavesItsNumbersItsKeywords) {
  Api api;
  const std::string number = GivenNumber(api);
  GivenKeyword(api, number, "GONE", "Only the number's own, before.");
  const std::string pool = GivenPool(api, number);
  GivenKeyword(api, pool, "HOURS", "9 to 5");
  GivenNoKeyword(api, pool, "GONE");
  const auto keywords = KeywordsOf(api, pool);
  ASSERT_THAT(Delete(api, pool), IsOk());
  EXPECT_EQ(KeywordsOf(api, number), keywords);
}

TEST(DeletePool, TakesItsKeywordsAndTagsWithIt) {
  Api api;
  const std::string pool = GivenPool(api, GivenNumber(api), Tags(2));
  ASSERT_THAT(TagsOf(api, "pool", pool), SizeIs(2));
  ASSERT_THAT(Delete(api, pool), IsOk());
  EXPECT_THAT(TagsOf(api, "pool", pool), IsEmpty());
  EXPECT_THAT(KeywordsOf(api, pool), IsEmpty());
}

TEST(DeletePool, MakesRoomInTheQuota) {
  Settings settings;
  settings.api.quotas.pools = 1;
  Api api(settings);
  ASSERT_THAT(Delete(api, GivenPool(api)), IsOk());
  EXPECT_THAT(Create(api, GivenNumber(api)), IsOk());
}

TEST(DeletePool, RefusesAProtectedPool) {
  Api api;
  const std::string pool = GivenPool(api, GivenNumber(api), "deletion_protection_enabled: true");
  EXPECT_THAT(Delete(api, pool), IsConflict(reason::kDeletionProtectionEnabled, ResourceType::kPool, pool));
  EXPECT_TRUE(IsThere(api, pool));
}

TEST(DeletePool, DeletesAPoolWhoseProtectionWasSwitchedOff) {
  Api api;
  const std::string pool = GivenPool(api, GivenNumber(api), "deletion_protection_enabled: true");
  ASSERT_THAT(api.Call<UpdatePoolRequest>("pool_id: '" + pool + "' deletion_protection_enabled: false"), IsOk());
  EXPECT_THAT(Delete(api, pool), IsOk());
}

TEST(DeletePool, RefusesAPoolThatIsNotActive) {
  Api api;
  const std::string pool = GivenPool(api);
  GivenStatus(api, pool, "CREATING");
  EXPECT_THAT(Delete(api, OwnArn(api, "pool", pool)),
              IsConflict(reason::kResourceNotActive, ResourceType::kPool, pool));
}

TEST(DeletePool, LooksAtTheStatusBeforeTheProtection) {
  Api api;
  const std::string pool = GivenPool(api, GivenNumber(api), "deletion_protection_enabled: true");
  GivenStatus(api, pool, "CREATING");
  EXPECT_THAT(Delete(api, pool), IsConflict(reason::kResourceNotActive, ResourceType::kPool, pool));
}

// ---------------------------------------------------------------------------------------------------------------------
// DeletePool where deleted pools stay visible for a while

Settings WithDeletionDelay(std::chrono::milliseconds delay) {
  Settings settings;
  settings.api.pool_deletion_delay = delay;
  return settings;
}

TEST(DeletePoolWithDelay, ShowsThePoolAsDeletingAndEmpty) {
  Api api(WithDeletionDelay(std::chrono::seconds(3)));
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  ASSERT_THAT(Delete(api, pool), IsOk());
  EXPECT_EQ(ThePool(api, pool).status(), POOL_STATUS_DELETING);
  EXPECT_THAT(MembersOf(api, pool), IsEmpty());
  EXPECT_FALSE(TheNumber(api, number).has_pool_id());
}

TEST(DeletePoolWithDelay, FreesTheNumbersAtOnce) {
  Api api(WithDeletionDelay(std::chrono::seconds(3)));
  const std::string number = GivenNumber(api);
  ASSERT_THAT(Delete(api, GivenPool(api, number)), IsOk());
  EXPECT_THAT(Create(api, number), IsOk());
}

TEST(DeletePoolWithDelay, RefusesEveryChangeOfADeletingPool) {
  Api api(WithDeletionDelay(std::chrono::seconds(3)));
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  ASSERT_THAT(Delete(api, pool), IsOk());
  const auto refusal = IsConflict(reason::kResourceNotActive, ResourceType::kPool, pool);
  const std::string both = "pool_id: '" + pool + "' origination_identity: '" + number + "'";
  EXPECT_THAT(Delete(api, pool), refusal);
  EXPECT_THAT(api.Call<UpdatePoolRequest>("pool_id: '" + pool + "'"), refusal);
  EXPECT_THAT(api.Call<AssociateOriginationIdentityRequest>(both), refusal);
  EXPECT_THAT(api.Call<DisassociateOriginationIdentityRequest>(both), refusal);
}

TEST(DeletePoolWithDelay, DoesNotCountADeletingPool) {
  Settings settings = WithDeletionDelay(std::chrono::seconds(3));
  settings.api.quotas.pools = 1;
  Api api(settings);
  const std::string pool = GivenPool(api);
  ASSERT_THAT(Delete(api, pool), IsOk());
  EXPECT_THAT(Create(api, GivenNumber(api)), IsOk());
  EXPECT_TRUE(IsThere(api, pool));
}

TEST(DeletePoolWithDelay, HousekeepingTakesThePoolAwayWhenTheDelayIsOverAndNoneBefore) {
  Api api(WithDeletionDelay(std::chrono::seconds(3)), FreshDatabase(/*migrated=*/true));  // it sees all accounts
  const std::string first = GivenPool(api, GivenNumber(api), Tags(1));
  const std::string second = GivenPool(api);
  ASSERT_THAT(Delete(api, first), IsOk());
  api.world.Advance(std::chrono::seconds(1));
  ASSERT_THAT(Delete(api, second), IsOk());
  api.world.Advance(std::chrono::seconds(2));

  const Housekeeping housekeeping(api.service());
  EXPECT_TRUE(Eventually([&] { return !IsThere(api, first); }));
  EXPECT_THAT(TagsOf(api, "pool", first), IsEmpty());
  EXPECT_THAT(Delete(api, first), IsNotFound(ResourceType::kPool, first));
  EXPECT_TRUE(IsThere(api, second));  // one second left

  api.world.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(Eventually([&] { return !IsThere(api, second); }));
}

}  // namespace
}  // namespace poold
