// What becomes of a two-way channel and its role, in pools and in phone numbers: behaviour 4.6 and 4.8.

#include <gtest/gtest.h>

#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;

const std::string kTopic = "arn:aws:sns:us-east-1:111122223333:inbound";
const std::string kOtherTopic = "arn:aws:sns:us-east-1:111122223333:other";
const std::string kRole = "arn:aws:iam::111122223333:role/inbound";
const std::string kOtherRole = "arn:aws:iam::111122223333:role/other";
const std::string kOn = "two_way_enabled: true ";
const std::string kOff = "two_way_enabled: false ";

std::string Channel(const std::string& arn) { return "two_way_channel_arn: '" + arn + "' "; }
std::string Role(const std::string& arn) { return "two_way_channel_role: '" + arn + "' "; }
const std::string kBoth = Channel(kTopic) + Role(kRole);

// "on inbound as inbound", "off", "off inbound": what a response says of two-way, by the last words of the ARNs.
template <class Response>
std::string TwoWayIn(const Response& response) {
  const auto last = [](const std::string& arn) { return arn.substr(arn.find_last_of(":/") + 1); };
  std::string text = response.two_way_enabled() ? "on" : "off";
  if (response.has_two_way_channel_arn()) text += " " + last(response.two_way_channel_arn());
  if (response.has_two_way_channel_role()) text += " as " + last(response.two_way_channel_role());
  return text;
}

// The rules of 4.6 hold of both alike.
class TwoWayChannel : public testing::TestWithParam<bool> {
 protected:
  TwoWayChannel() : id(IsPool() ? GivenPool(api) : GivenNumber(api)) {}

  static bool IsPool() { return GetParam(); }

  std::optional<Error> Change(const std::string& change) {
    if (IsPool()) return Answered(api.Call<UpdatePoolRequest>("pool_id: '" + id + "' " + change));
    return Answered(api.Call<UpdatePhoneNumberRequest>("phone_number_id: '" + id + "' " + change));
  }

  // What the last change answered, which is what Describe shows.
  std::string Now() {
    EXPECT_EQ(IsPool() ? TwoWayIn(ThePool(api, id)) : TwoWayIn(TheNumber(api, id)), answer_);
    return answer_;
  }

  bool IsListedBy(const std::string& topic) {
    const std::string values = "TWO_WAY_CHANNEL_ARN values: '" + topic + "' }";
    if (IsPool()) {
      return api.Call<DescribePoolsRequest>("filters { name: POOL_FILTER_NAME_" + values).response.pools_size() == 1;
    }
    return api.Call<DescribePhoneNumbersRequest>("filters { name: PHONE_NUMBER_FILTER_NAME_" + values)
               .response.phone_numbers_size() == 1;
  }

  static testing::Matcher<std::optional<Error>> IsRefusedFor(std::string_view reason, const std::string& field) {
    return testing::ResultOf(
        [](const std::optional<Error>& error) {
          if (!error) return std::string("no refusal");
          return error->reason() + " " + error->fields().at(0).name;
        },
        std::string(reason) + " " + field);
  }

  Api api;
  std::string id;

 private:
  template <class Response>
  std::optional<Error> Answered(const Result<Response>& result) {
    if (!result.error) answer_ = TwoWayIn(result.response);
    return result.error;
  }

  std::string answer_ = "off";
};

INSTANTIATE_TEST_SUITE_P(Of, TwoWayChannel, testing::Bool(),
                         [](const auto& of) { return of.param ? "Pool" : "PhoneNumber"; });

// The command of AWS's user guide names no flag.
TEST_P(TwoWayChannel, IsStoredWithItsRoleWithoutTheFlagAndTwoWayStaysOff) {
  ASSERT_FALSE(Change(kBoth));
  EXPECT_EQ(Now(), "off inbound as inbound");
}

TEST_P(TwoWayChannel, IsReplacedWithoutTheFlagAndTwoWayStaysOn) {
  ASSERT_FALSE(Change(kOn + kBoth));
  ASSERT_FALSE(Change(Channel(kOtherTopic)));
  EXPECT_EQ(Now(), "on other as inbound");
  ASSERT_FALSE(Change(Role(kOtherRole)));
  EXPECT_EQ(Now(), "on other as other");
}

// Terraform's schema sends the channel whatever the flag is.
TEST_P(TwoWayChannel, IsStoredTogetherWithFalseAndTwoWayGoesOff) {
  ASSERT_FALSE(Change(kOff + kBoth));
  EXPECT_EQ(Now(), "off inbound as inbound");
  ASSERT_FALSE(Change(kOn));
  EXPECT_EQ(Now(), "on inbound as inbound");
  ASSERT_FALSE(Change(kOff + Channel(kOtherTopic) + Role(kOtherRole)));
  EXPECT_EQ(Now(), "off other as other");
}

TEST_P(TwoWayChannel, IsKeptByFalseAloneAndServesTrueAlone) {
  ASSERT_FALSE(Change(kOn + kBoth));
  ASSERT_FALSE(Change(kOff));
  EXPECT_EQ(Now(), "off inbound as inbound");
  ASSERT_FALSE(Change(kOn));
  EXPECT_EQ(Now(), "on inbound as inbound");
}

TEST_P(TwoWayChannel, IsNeededForTrue) {
  EXPECT_THAT(Change(kOn), IsRefusedFor(reason::kTwoWayChannelNotPresent, "twoWayChannelArn"));
  EXPECT_EQ(Now(), "off");
}

TEST_P(TwoWayChannel, IsNeededForARoleWhateverTheFlag) {
  for (const std::string flag : {"", "two_way_enabled: false ", "two_way_enabled: true "}) {
    EXPECT_THAT(Change(flag + Role(kRole)), IsRefusedFor(reason::kTwoWayChannelNotPresent, "twoWayChannelArn")) << flag;
  }
  EXPECT_EQ(Now(), "off");
}

TEST_P(TwoWayChannel, MayBeTheStoredOneForARole) {
  ASSERT_FALSE(Change(Channel(kTopic)));
  EXPECT_EQ(Now(), "off inbound");
  ASSERT_FALSE(Change(Role(kRole)));
  EXPECT_EQ(Now(), "off inbound as inbound");
}

TEST_P(TwoWayChannel, MustHaveItsFormWhileTwoWayIsOffToo) {
  for (const std::string flag : {"", "two_way_enabled: false "}) {
    EXPECT_THAT(Change(flag + Channel(kTopic + ".fifo")), IsRefusedFor(reason::kInvalidParameter, "twoWayChannelArn"));
  }
  EXPECT_EQ(Now(), "off");
}

TEST_P(TwoWayChannel, DoesNotLetOptOutsBeSelfManagedWhileItIsOnlyStored) {
  const std::string self_managed = "self_managed_opt_outs_enabled: true ";
  const auto refusal = IsRefusedFor(reason::kTwoWayNotEnabled, "selfManagedOptOutsEnabled");
  EXPECT_THAT(Change(kBoth + self_managed), refusal);
  ASSERT_FALSE(Change(kBoth));
  EXPECT_THAT(Change(self_managed), refusal);
  EXPECT_THAT(Change(kOff + kBoth + self_managed), refusal);
  ASSERT_FALSE(Change(kOn + self_managed));
  EXPECT_THAT(Change(kOff), refusal);
  EXPECT_THAT(Change(kOff + Channel(kOtherTopic)), refusal);
}

TEST_P(TwoWayChannel, IsFilteredByWhileItIsOnlyStored) {
  ASSERT_FALSE(Change(kOff + kBoth));
  EXPECT_TRUE(IsListedBy(kTopic));
  EXPECT_FALSE(IsListedBy(kOtherTopic));
}

// ---------------------------------------------------------------------------------------------------------------------
// Between pools and their numbers (behaviour 4.8)

auto Associate(Api& api, const std::string& pool, const std::string& number) {
  return api.Call<AssociateOriginationIdentityRequest>("pool_id: '" + pool + "' origination_identity: '" + number +
                                                       "'");
}

TEST(StoredTwoWayChannel, IsInheritedFromTheFirstNumber) {
  Api api;
  const std::string number = GivenNumber(api);
  GivenChange(api, number, kBoth);
  const std::string pool = GivenPool(api, number);
  EXPECT_EQ(TwoWayIn(ThePool(api, pool)), "off inbound as inbound");
  GivenChange(api, pool, kOn);
  EXPECT_EQ(TwoWayIn(TheNumber(api, number)), "on inbound as inbound");
}

TEST(StoredTwoWayChannel, IsWrittenThroughToTheMembers) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  GivenChange(api, pool, kBoth);
  EXPECT_EQ(TwoWayIn(TheNumber(api, number)), "off inbound as inbound");
  GivenChange(api, pool, kOn);
  GivenChange(api, pool, kOff + Channel(kOtherTopic));
  EXPECT_EQ(TwoWayIn(TheNumber(api, number)), "off other as inbound");
}

TEST(StoredTwoWayChannel, StaysWithANumberThatLeaves) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api);
  GivenMember(api, pool, number);
  GivenChange(api, pool, kBoth);
  ASSERT_THAT(api.Call<DisassociateOriginationIdentityRequest>("pool_id: '" + pool + "' origination_identity: '" +
                                                               number + "'"),
              IsOk());
  EXPECT_EQ(TwoWayIn(TheNumber(api, number)), "off inbound as inbound");
}

TEST(StoredTwoWayChannel, IsTakenByANumberThatIsRequestedIntoThePool) {
  Api api;
  const std::string pool = GivenPool(api);
  GivenChange(api, pool, kBoth);
  EXPECT_EQ(TwoWayIn(TheNumber(api, GivenNumber(api, "pool_id: '" + pool + "'"))), "off inbound as inbound");
}

// Where two-way is off nothing of it is compared. The pool rules its members, so a number takes over what it has
// stored.
TEST(StoredTwoWayChannel, IsNotComparedAndANumberThatJoinsTakesThePools) {
  Api api;
  const struct {
    std::string claim, pool, number, after;
  } kCases[] = {
      {"another channel and role", kBoth, Channel(kOtherTopic) + Role(kOtherRole), "off inbound as inbound"},
      {"a channel on the pool alone", kBoth, "", "off inbound as inbound"},
      {"a channel on the number alone", "", kBoth, "off"},
      {"a role on the number alone", Channel(kTopic), kBoth, "off inbound"},
  };
  for (const auto& [claim, of_pool, of_number, after] : kCases) {
    const std::string pool = GivenPool(api);
    const std::string number = GivenNumber(api);
    GivenChange(api, pool, of_pool);
    GivenChange(api, number, of_number);
    ASSERT_THAT(Associate(api, pool, number), IsOk()) << claim;
    EXPECT_EQ(TwoWayIn(TheNumber(api, number)), after) << claim;
    EXPECT_THAT(MembersOf(api, pool), testing::Contains(number)) << claim;
  }
}

TEST(StoredTwoWayChannel, DoesNotMakeANumberWithTwoWayOnFit) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  GivenChange(api, pool, kBoth);
  GivenChange(api, number, kOn + kBoth);
  EXPECT_THAT(Associate(api, pool, number),
              IsConflict(reason::kTwoWayConfigMismatch, ResourceType::kPhoneNumber, number));
  EXPECT_EQ(TwoWayIn(TheNumber(api, number)), "on inbound as inbound");
}

TEST(StoredTwoWayChannel, IsNotComparedInBatchesEither) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string first = GivenNumber(api);
  const std::string second = GivenNumber(api);
  GivenChange(api, pool, kBoth);
  GivenChange(api, first, Channel(kOtherTopic));
  GivenChange(api, second, Channel(kOtherTopic));
  ASSERT_THAT(api.Call<BatchAssociateOriginationIdentitiesRequest>(
                  "pool_id: '" + pool + "' origination_identities { origination_identity: '" + first + "' }"),
              IsOk());
  EXPECT_EQ(TwoWayIn(TheNumber(api, first)), "off inbound as inbound");
  ASSERT_THAT(api.Call<ReplaceOriginationIdentitiesRequest>(
                  "pool_id: '" + pool + "' origination_identities { origination_identity: '" + second + "' }"),
              IsOk());
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(second));
  EXPECT_EQ(TwoWayIn(TheNumber(api, second)), "off inbound as inbound");
}

TEST(StoredTwoWayChannel, IsNoMismatchForACallThatOnlyValidates) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  GivenChange(api, number, kBoth);
  ASSERT_THAT(api.Call<AssociateOriginationIdentityRequest>("validate_only: true pool_id: '" + pool +
                                                            "' origination_identity: '" + number + "'"),
              IsOk());
  EXPECT_EQ(TwoWayIn(TheNumber(api, number)), "off inbound as inbound");
}

TEST(StoredTwoWayChannel, GrowsThePoolsRevisionWhenItChanges) {
  Api api;
  const std::string pool = GivenPool(api);
  GivenChange(api, pool, kBoth);
  EXPECT_EQ(ThePool(api, pool).revision(), 2);
  GivenChange(api, pool, kOff + kBoth);
  EXPECT_EQ(ThePool(api, pool).revision(), 2) << "nothing changed";
}

}  // namespace
}  // namespace poold
