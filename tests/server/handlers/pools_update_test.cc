// UpdatePool. Rules: behaviour 4.6, 4.8 and 5.

#include <gtest/gtest.h>

#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses

const std::string kTopic = "arn:aws:sns:us-east-1:111122223333:inbound";
const std::string kOtherTopic = "arn:aws:sns:us-east-1:111122223333:other";
const std::string kRole = "arn:aws:iam::111122223333:role/inbound";

auto Update(Api& api, const std::string& pool_id_or_arn, const std::string& change = {}) {
  return api.Call<UpdatePoolRequest>("pool_id: '" + pool_id_or_arn + "' " + change);
}

const std::string kTwoWay = "two_way_enabled: true two_way_channel_arn: '" + kTopic + "' ";
const std::string kSelfManaged = "self_managed_opt_outs_enabled: true ";

// A pool of one plain number, changed so.
std::string GivenChangedPool(Api& api, const std::string& change) {
  const std::string pool = GivenPool(api);
  if (const auto changed = Update(api, pool, change); changed.error) throw std::runtime_error(changed.error->what());
  return pool;
}

// ---------------------------------------------------------------------------------------------------------------------
// What it changes and what not

TEST(UpdatePool, AnswersWithTheWholePoolWithoutItsTags) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string pool = GivenPool(api, GivenNumber(api), "tags { key: 'Name' value: 'x' }");
  const auto updated = Update(api, pool,
                              kTwoWay + kSelfManaged + "two_way_channel_role: '" + kRole +
                                  "' opt_out_list_name: 'Offers' shared_routes_enabled: true"
                                  " deletion_protection_enabled: true");
  ASSERT_THAT(updated, IsOk());
  EXPECT_THAT(updated.response,
              EqualsText("pool_arn: '" + OwnArn(api, "pool", pool) + "' pool_id: '" + pool +
                         "' status: POOL_STATUS_ACTIVE message_type: MESSAGE_TYPE_TRANSACTIONAL two_way_enabled: true"
                         " two_way_channel_arn: '" +
                         kTopic + "' two_way_channel_role: '" + kRole +
                         "' self_managed_opt_outs_enabled: true opt_out_list_name: 'Offers'"
                         " shared_routes_enabled: true deletion_protection_enabled: true"
                         " created_timestamp { seconds: 1704067200 }"));
}

TEST(UpdatePool, AnswersWithTheStateThatDescribeShows) {
  Api api;
  const std::string pool = GivenPool(api);
  const auto updated = Update(api, pool, kTwoWay + "shared_routes_enabled: true");
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(ThePool(api, pool).ShortDebugString(), updated.response.ShortDebugString());
}

TEST(UpdatePool, WithNothingGivenAnswersThePresentStateAndChangesNothing) {
  Api api;
  const std::string pool = GivenPool(api, GivenConfiguredNumber(api).id, "deletion_protection_enabled: true");
  const auto before = ThePool(api, pool);
  const auto updated = Update(api, pool);
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated.response.ShortDebugString(), before.ShortDebugString());
  EXPECT_THAT(ThePool(api, pool), EqualsProto(before));
}

TEST(UpdatePool, LeavesEverythingThatIsNotGiven) {
  Api api;
  GivenOptOutList(api, "More");
  const std::string pool = GivenPool(api, GivenConfiguredNumber(api).id, "deletion_protection_enabled: true");
  const auto before = ThePool(api, pool);
  for (const auto& [change, expected] : std::vector<std::pair<std::string, std::function<void(PoolInformation&)>>>{
           {"shared_routes_enabled: true", [](auto& p) { p.set_shared_routes_enabled(true); }},
           {"shared_routes_enabled: false", [](auto& p) { p.set_shared_routes_enabled(false); }},
           {"deletion_protection_enabled: false", [](auto& p) { p.set_deletion_protection_enabled(false); }},
           {"deletion_protection_enabled: true", [](auto& p) { p.set_deletion_protection_enabled(true); }},
           {"opt_out_list_name: 'More'", [](auto& p) { p.set_opt_out_list_name("More"); }},
           {"opt_out_list_name: 'Offers'", [](auto& p) { p.set_opt_out_list_name("Offers"); }},
           {"self_managed_opt_outs_enabled: false", [](auto& p) { p.set_self_managed_opt_outs_enabled(false); }},
           {"self_managed_opt_outs_enabled: true", [](auto& p) { p.set_self_managed_opt_outs_enabled(true); }},
       }) {
    ASSERT_THAT(Update(api, pool, change), IsOk()) << change;
    auto after = before;
    expected(after);
    EXPECT_THAT(ThePool(api, pool), EqualsText(after.DebugString())) << change;
    ASSERT_THAT(Update(api, pool,
                       "shared_routes_enabled: false deletion_protection_enabled: true"
                       " opt_out_list_name: 'Offers' self_managed_opt_outs_enabled: true"),
                IsOk());
  }
}

TEST(UpdatePool, TakesAnArn) {
  Api api;
  const std::string pool = GivenPool(api);
  const auto updated = Update(api, OwnArn(api, "pool", pool), "shared_routes_enabled: true");
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated.response.pool_id(), pool);
}

TEST(UpdatePool, SwitchesSharedRoutesOnEvenForNumbersOfTheUnitedStates) {
  Api api;
  const auto updated = Update(api, GivenPool(api), "shared_routes_enabled: true");
  ASSERT_THAT(updated, IsOk());
  EXPECT_TRUE(updated.response.shared_routes_enabled());
}

TEST(UpdatePool, WorksOnAProtectedPool) {
  Api api;
  const std::string pool = GivenPool(api, GivenNumber(api), "deletion_protection_enabled: true");
  EXPECT_THAT(Update(api, pool, kTwoWay), IsOk());
}

TEST(UpdatePool, ChangesOnlyThatPool) {
  Api api;
  const std::string other = GivenPool(api);
  const auto before = ThePool(api, other);
  GivenChangedPool(api, kTwoWay);
  EXPECT_THAT(ThePool(api, other), EqualsProto(before));
}

// ---------------------------------------------------------------------------------------------------------------------
// Opt-out lists

TEST(UpdatePool, TakesAListByNameOrArnAndAnswersItsName) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string pool = GivenPool(api);
  for (const std::string& list : {std::string("Offers"), OwnArn(api, "opt-out-list", "Offers")}) {
    ASSERT_THAT(Update(api, pool, "opt_out_list_name: 'Default'"), IsOk());
    const auto updated = Update(api, pool, "opt_out_list_name: '" + list + "'");
    ASSERT_THAT(updated, IsOk());
    EXPECT_EQ(updated.response.opt_out_list_name(), "Offers");
  }
}

TEST(UpdatePool, RefusesAListThatIsNotThere) {
  Api api;
  Api other;
  GivenOptOutList(other, "Offers");
  GivenOptOutList(api, "News");
  const std::string pool = GivenPool(api);
  for (const std::string& list : {
           std::string("Offers"),
           std::string("news"),  // names mind case
           OwnArn(api, "opt-out-list", "default"),
           OwnArn(api, "opt-out-list", "Offers"),
           OwnArn(other, "opt-out-list", "Offers"),
           ArnOfOtherRegion(api, "opt-out-list", "Default"),
       }) {
    EXPECT_THAT(Update(api, pool, "opt_out_list_name: '" + list + "'"), IsNotFound(ResourceType::kOptOutList, list));
  }
  EXPECT_EQ(ThePool(api, pool).opt_out_list_name(), "Default");
}

TEST(UpdatePool, RefusesAListArnOfAnotherType) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(Update(api, pool, "opt_out_list_name: '" + OwnArn(api, "pool", pool) + "'"),
              IsInvalidField(reason::kInvalidArn, "optOutListName"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Two-way

TEST(UpdatePool, TakesAnSnsTopicOrConnectForAChannel) {
  Api api;
  const std::string pool = GivenPool(api);
  for (const std::string channel : {
           "arn:aws:sns:us-east-1:111122223333:inbound",
           "arn:aws:sns:eu-west-2:444455556666:In_bound-2",
           "arn:aws-cn:sns:cn-north-1:111122223333:inbound",
           "arn:aws-us-gov:sns:us-gov-west-1:111122223333:inbound",
           "connect.us-east-1.amazonaws.com",
       }) {
    const auto updated = Update(api, pool, "two_way_enabled: true two_way_channel_arn: '" + channel + "'");
    ASSERT_THAT(updated, IsOk()) << channel;
    EXPECT_EQ(updated.response.two_way_channel_arn(), channel);
  }
}

TEST(UpdatePool, RefusesAnythingElseForAChannel) {
  Api api;
  const std::string pool = GivenPool(api);
  for (const std::string channel : {
           "arn:aws:sns:us-east-1:111122223333:inbound.fifo",
           "arn:aws:sqs:us-east-1:111122223333:inbound",
           "arn:aws:sns:us-east-1:111122223333:",
           "arn:aws:sns:us-east-1:1111:inbound-messages",
           "arn:aws:sns:us-east-1:111122223333:inbound:3f1c2b4a",
           "connect.amazonaws.com",
           "connect.us-east-1.amazonaws.com.example.org",
           "https://example.org/inbound",
           "arn:aws:sns:us-east-1:111122223333:in bound",
           "too short",
           "",
       }) {
    EXPECT_THAT(Update(api, pool, "two_way_enabled: true two_way_channel_arn: '" + channel + "'"),
                IsInvalidField(reason::kInvalidParameter, "twoWayChannelArn"))
        << channel;
  }
  EXPECT_THAT(Update(api, pool,
                     "two_way_enabled: true two_way_channel_arn: 'arn:aws:sns:us-east-1:111122223333:" +
                         std::string(2048, 'x') + "'"),
              IsInvalidField(reason::kInvalidParameter, "twoWayChannelArn"));
  EXPECT_FALSE(ThePool(api, pool).two_way_enabled());
}

TEST(UpdatePool, RefusesARoleThatIsNoArn) {
  Api api;
  EXPECT_THAT(Update(api, GivenPool(api), kTwoWay + "two_way_channel_role: 'role/inbound-messages'"),
              IsInvalidField(reason::kInvalidParameter, "twoWayChannelRole"));
}

TEST(UpdatePool, NeedsAChannelForTwoWay) {
  Api api;
  const std::string pool = GivenPool(api);
  const auto refusal = IsInvalidField(reason::kTwoWayChannelNotPresent, "twoWayChannelArn");
  EXPECT_THAT(Update(api, pool, "two_way_enabled: true"), refusal);
  EXPECT_THAT(Update(api, pool, "two_way_enabled: true two_way_channel_role: '" + kRole + "'"), refusal);
}

TEST(UpdatePool, ReplacesTheChannelAndTheRoleWhileTwoWayIsOn) {
  Api api;
  const std::string pool = GivenChangedPool(api, kTwoWay);
  const auto channel = Update(api, pool, "two_way_channel_arn: '" + kOtherTopic + "'");
  ASSERT_THAT(channel, IsOk());
  EXPECT_TRUE(channel.response.two_way_enabled());
  EXPECT_EQ(channel.response.two_way_channel_arn(), kOtherTopic);
  const auto role = Update(api, pool, "two_way_channel_role: '" + kRole + "'");
  ASSERT_THAT(role, IsOk());
  EXPECT_EQ(role.response.two_way_channel_arn(), kOtherTopic);
  EXPECT_EQ(role.response.two_way_channel_role(), kRole);
}

// ---------------------------------------------------------------------------------------------------------------------
// Self-managed opt-outs

TEST(UpdatePool, SwitchesSelfManagedOptOutsOnWithTwoWay) {
  Api api;
  const auto together = Update(api, GivenPool(api), kTwoWay + kSelfManaged);
  ASSERT_THAT(together, IsOk());
  EXPECT_TRUE(together.response.self_managed_opt_outs_enabled());
  const auto later = Update(api, GivenChangedPool(api, kTwoWay), kSelfManaged);
  ASSERT_THAT(later, IsOk());
  EXPECT_TRUE(later.response.self_managed_opt_outs_enabled());
}

TEST(UpdatePool, RefusesSelfManagedOptOutsWithoutTwoWay) {
  Api api;
  const auto refusal = IsInvalidField(reason::kTwoWayNotEnabled, "selfManagedOptOutsEnabled");
  EXPECT_THAT(Update(api, GivenPool(api), kSelfManaged), refusal);
  EXPECT_THAT(Update(api, GivenChangedPool(api, kTwoWay), kSelfManaged + "two_way_enabled: false"), refusal);
}

TEST(UpdatePool, RefusesToSwitchTwoWayOffWhileSelfManagedOptOutsStayOn) {
  Api api;
  const std::string pool = GivenChangedPool(api, kTwoWay + kSelfManaged);
  EXPECT_THAT(Update(api, pool, "two_way_enabled: false"),
              IsInvalidField(reason::kTwoWayNotEnabled, "selfManagedOptOutsEnabled"));
  EXPECT_TRUE(ThePool(api, pool).two_way_enabled());
}

TEST(UpdatePool, SwitchesBothOffTogether) {
  Api api;
  const std::string pool = GivenChangedPool(api, kTwoWay + kSelfManaged);
  const auto updated = Update(api, pool, "two_way_enabled: false self_managed_opt_outs_enabled: false");
  ASSERT_THAT(updated, IsOk());
  EXPECT_FALSE(updated.response.two_way_enabled());
  EXPECT_FALSE(updated.response.self_managed_opt_outs_enabled());
}

TEST(UpdatePool, ChangesNothingAtAllWhenItRefuses) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  const auto pool_before = ThePool(api, pool);
  const auto number_before = TheNumber(api, number);
  ASSERT_THAT(Update(api, pool, "opt_out_list_name: 'Offers' shared_routes_enabled: true two_way_enabled: true"),
              IsRefused(Fault::kInvalid, reason::kTwoWayChannelNotPresent));
  EXPECT_THAT(ThePool(api, pool), EqualsProto(pool_before));
  EXPECT_THAT(TheNumber(api, number), EqualsProto(number_before));
}

// ---------------------------------------------------------------------------------------------------------------------
// Writing through to the members

TEST(UpdatePool, WritesItsSettingsThroughToAllItsNumbers) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string first = GivenNumber(api);
  const std::string second = GivenNumber(api);
  const std::string pool = GivenPool(api, first);
  GivenMember(api, pool, second);
  ASSERT_THAT(
      Update(api, pool, kTwoWay + kSelfManaged + "two_way_channel_role: '" + kRole + "' opt_out_list_name: 'Offers'"),
      IsOk());
  for (const std::string& id : {first, second}) {
    const auto number = TheNumber(api, id);
    EXPECT_EQ(number.opt_out_list_name(), "Offers");
    EXPECT_TRUE(number.two_way_enabled());
    EXPECT_EQ(number.two_way_channel_arn(), kTopic);
    EXPECT_EQ(number.two_way_channel_role(), kRole);
    EXPECT_TRUE(number.self_managed_opt_outs_enabled());
  }
}

TEST(UpdatePool, WritesThroughThatTwoWayIsOff) {
  Api api;
  const ConfiguredNumber number = GivenConfiguredNumber(api);
  const std::string pool = GivenPool(api, number.id);
  ASSERT_THAT(Update(api, pool, "two_way_enabled: false self_managed_opt_outs_enabled: false"), IsOk());
  EXPECT_FALSE(TheNumber(api, number.id).two_way_enabled());
  EXPECT_FALSE(TheNumber(api, number.id).self_managed_opt_outs_enabled());
}

TEST(UpdatePool, LeavesTheNumbersDeletionProtectionAlone) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  ASSERT_THAT(Update(api, pool, "deletion_protection_enabled: true"), IsOk());
  EXPECT_FALSE(TheNumber(api, number).deletion_protection_enabled());
}

TEST(UpdatePool, LeavesNumbersOutsideThePoolAlone) {
  Api api;
  const std::string member = GivenNumber(api);
  const std::string left = GivenNumber(api);
  const std::string never = GivenNumber(api);
  const std::string pool = GivenPool(api, member);
  GivenMember(api, pool, left);
  ASSERT_THAT(
      api.Call<DisassociateOriginationIdentityRequest>("pool_id: '" + pool + "' origination_identity: '" + left + "'"),
      IsOk());
  ASSERT_THAT(Update(api, pool, kTwoWay), IsOk());
  EXPECT_FALSE(TheNumber(api, left).two_way_enabled());
  EXPECT_FALSE(TheNumber(api, never).two_way_enabled());
}

TEST(UpdatePool, ChangesAPoolOfSenderIdsToo) {
  Api api;
  const auto updated = Update(api, GivenSenderIdPool(api, "EXAMPLECO"), kTwoWay);
  ASSERT_THAT(updated, IsOk());
  EXPECT_TRUE(updated.response.two_way_enabled());
}

// ---------------------------------------------------------------------------------------------------------------------
// Refusals of the pool

TEST(UpdatePool, RefusesAPoolThatIsNotThere) {
  Api api;
  Api other;
  const std::string pool = GivenPool(other);
  for (const std::string& id : {
           std::string("pool-0123456789abcdef0123456789abcdef"),
           pool,
           OwnArn(other, "pool", pool),
           OwnArn(api, "pool", pool),
           ArnOfOtherRegion(api, "pool", GivenPool(api)),
       }) {
    EXPECT_THAT(Update(api, id, "shared_routes_enabled: true"), IsNotFound(ResourceType::kPool, id));
  }
}

TEST(UpdatePool, RefusesWhatCannotBeAPool) {
  Api api;
  EXPECT_THAT(Update(api, ""), IsInvalidField(reason::kMissingParameter, "poolId"));
  EXPECT_THAT(Update(api, std::string(257, 'p')), IsInvalidField(reason::kInvalidParameter, "poolId"));
  EXPECT_THAT(Update(api, OwnArn(api, "opt-out-list", "Default")), IsInvalidField(reason::kInvalidArn, "poolId"));
}

TEST(UpdatePool, RefusesAPoolThatIsNotActive) {
  Api api;
  const std::string pool = GivenPool(api);
  GivenStatus(api, pool, "CREATING");
  EXPECT_THAT(Update(api, pool), IsConflict(reason::kResourceNotActive, ResourceType::kPool, pool));
}

TEST(UpdatePool, LooksForThePoolBeforeTheList) {
  Api api;
  EXPECT_THAT(Update(api, "pool-0", "opt_out_list_name: 'Nowhere'"), IsNotFound(ResourceType::kPool, "pool-0"));
}

// The documented order: existence of everything named, then the status (behaviour 2.2).
TEST(UpdatePool, LooksForTheListBeforeThePoolsStatus) {
  Api api;
  const std::string pool = GivenPool(api);
  GivenStatus(api, pool, "CREATING");
  EXPECT_THAT(Update(api, pool, "opt_out_list_name: 'Nowhere'"), IsNotFound(ResourceType::kOptOutList, "Nowhere"));
}

}  // namespace
}  // namespace poold
