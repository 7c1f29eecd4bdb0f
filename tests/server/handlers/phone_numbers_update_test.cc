#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/handlers/phone_numbers_calls.h"
#include "tests/support/api.h"
#include "tests/support/bad_request.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses

TEST(UpdatePhoneNumber, AnswersEveryMember) {
  Api api;
  const std::string id = GivenNumber(api, "registration_id: 'registration-1'");
  GivenOptOutList(api, "Offers");
  const std::string number = TheNumber(api, id).phone_number();

  const auto result = UpdateNumber(api, id,
                                   "two_way_enabled: true two_way_channel_arn: '" + std::string(kChannel) +
                                       "' two_way_channel_role: '" + kRole +
                                       "' self_managed_opt_outs_enabled: true opt_out_list_name: 'Offers'"
                                       " deletion_protection_enabled: true");

  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result.response,
              EqualsText("phone_number_arn: '" + OwnArn(api, "phone-number", id) + "' phone_number_id: '" + id +
                         "' phone_number: '" + number +
                         "' status: NUMBER_STATUS_ACTIVE iso_country_code: 'US'"
                         " message_type: MESSAGE_TYPE_TRANSACTIONAL number_capabilities: NUMBER_CAPABILITY_SMS"
                         " number_type: NUMBER_TYPE_LONG_CODE monthly_leasing_price: '1.00' two_way_enabled: true"
                         " two_way_channel_arn: '" +
                         kChannel + "' two_way_channel_role: '" + kRole +
                         "' self_managed_opt_outs_enabled: true opt_out_list_name: 'Offers'"
                         " deletion_protection_enabled: true registration_id: 'registration-1'"
                         " created_timestamp { seconds: 1704067200 }"));
  PhoneNumberInformation kept = TheNumber(api, id);
  kept.set_international_sending_enabled(false);
  EXPECT_THAT(kept, EqualsText(result.response.DebugString() + "international_sending_enabled: false"));
}

TEST(UpdatePhoneNumber, TakesAnArn) {
  Api api;
  const std::string id = GivenNumber(api);
  const auto result = UpdateNumber(api, OwnArn(api, "phone-number", id), "deletion_protection_enabled: true");
  EXPECT_EQ(result.response.phone_number_id(), id);
  EXPECT_TRUE(TheNumber(api, id).deletion_protection_enabled());
}

TEST(UpdatePhoneNumber, LeavesAbsentMembersAsTheyAre) {
  Api api;
  const ConfiguredNumber number = GivenConfiguredNumber(api);
  PhoneNumberInformation expected = TheNumber(api, number.id);
  expected.set_deletion_protection_enabled(true);

  ASSERT_THAT(UpdateNumber(api, number.id, "deletion_protection_enabled: true"), IsOk());

  EXPECT_THAT(TheNumber(api, number.id), EqualsProto(expected));
}

TEST(UpdatePhoneNumber, WithoutAChangeAnswersThePresentState) {
  Api api;
  const ConfiguredNumber number = GivenConfiguredNumber(api);
  const PhoneNumberInformation before = TheNumber(api, number.id);
  const auto result = UpdateNumber(api, number.id, "");
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(before, EqualsText(result.response.DebugString() + "international_sending_enabled: false"));
  EXPECT_THAT(TheNumber(api, number.id), EqualsProto(before));
}

TEST(UpdatePhoneNumber, SwitchesDeletionProtectionBothWays) {
  Api api;
  const std::string id = GivenNumber(api);
  EXPECT_TRUE(UpdateNumber(api, id, "deletion_protection_enabled: true").response.deletion_protection_enabled());
  EXPECT_FALSE(UpdateNumber(api, id, "deletion_protection_enabled: false").response.deletion_protection_enabled());
  EXPECT_FALSE(TheNumber(api, id).deletion_protection_enabled());
}

TEST(UpdatePhoneNumber, TakesTheOptOutListByArnAndAnswersItsName) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string id = GivenNumber(api);
  const auto result = UpdateNumber(api, id, "opt_out_list_name: '" + OwnArn(api, "opt-out-list", "Offers") + "'");
  EXPECT_EQ(result.response.opt_out_list_name(), "Offers");
}

TEST(UpdatePhoneNumber, RefusesAnOptOutListThatIsNotThere) {
  Api api;
  const std::string id = GivenNumber(api);
  EXPECT_THAT(UpdateNumber(api, id, "opt_out_list_name: 'Nowhere'"), IsNotFound(ResourceType::kOptOutList, "Nowhere"));
}

TEST(UpdatePhoneNumber, SwitchesInternationalSendingOfAmericanTollFreeNumbers) {
  Api api;
  const std::string id = GivenNumber(api, "number_type: REQUESTABLE_NUMBER_TYPE_TOLL_FREE");
  EXPECT_TRUE(UpdateNumber(api, id, "international_sending_enabled: true").response.international_sending_enabled());
  EXPECT_TRUE(TheNumber(api, id).international_sending_enabled());
  EXPECT_FALSE(UpdateNumber(api, id, "international_sending_enabled: false").response.international_sending_enabled());
}

TEST(UpdatePhoneNumber, RefusesInternationalSendingOfOtherNumbers) {
  Api api;
  for (const std::string& id :
       {GivenNumber(api), GivenNumber(api, "number_type: REQUESTABLE_NUMBER_TYPE_TEN_DLC"),
        RequestNumber(api,
                      "iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL"
                      " number_capabilities: NUMBER_CAPABILITY_VOICE number_type: REQUESTABLE_NUMBER_TYPE_TOLL_FREE")
            .response.phone_number_id()}) {
    EXPECT_THAT(UpdateNumber(api, id, "international_sending_enabled: true"),
                IsInvalidField(reason::kInternationalSendingNotSupported, "internationalSendingEnabled"));
    EXPECT_THAT(UpdateNumber(api, id, "international_sending_enabled: false"), IsOk());
  }
}

TEST(UpdatePhoneNumber, RefusesANumberThatIsNotThere) {
  Api api;
  EXPECT_THAT(UpdateNumber(api, "phone-nowhere", ""), IsNotFound(ResourceType::kPhoneNumber, "phone-nowhere"));
}

TEST(UpdatePhoneNumber, DoesNotRevealNumbersOfAnotherAccountOrRegion) {
  Api other;
  const std::string id = GivenNumber(other);
  Api api;
  const std::string arn = ArnOfOtherAccount(other.account(), "phone-number", id);
  EXPECT_THAT(UpdateNumber(api, id, ""), IsNotFound(ResourceType::kPhoneNumber, id));
  EXPECT_THAT(UpdateNumber(api, arn, ""), IsNotFound(ResourceType::kPhoneNumber, arn));
  const std::string elsewhere = ArnOfOtherRegion(other, "phone-number", id);
  EXPECT_THAT(UpdateNumber(other, elsewhere, ""), IsNotFound(ResourceType::kPhoneNumber, elsewhere));
}

TEST(UpdatePhoneNumber, RefusesANumberThatIsNotActive) {
  Api api;
  const std::string id = GivenNumber(api);
  GivenStatus(api, id, "PENDING");
  EXPECT_THAT(UpdateNumber(api, id, "deletion_protection_enabled: true"),
              IsConflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, id));
}

TEST(UpdatePhoneNumber, RefusesAnyChangeOfANumberInAPool) {
  Api api;
  const std::string id = GivenNumber(api);
  GivenPool(api, id);
  for (const char* change : {"deletion_protection_enabled: true", "opt_out_list_name: 'Default'",
                             "two_way_enabled: false", "self_managed_opt_outs_enabled: false"}) {
    EXPECT_THAT(UpdateNumber(api, id, change),
                IsConflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, id))
        << change;
  }
  EXPECT_FALSE(TheNumber(api, id).deletion_protection_enabled());
}

// Section 2.2: existence, then status, then membership.
TEST(UpdatePhoneNumber, LooksForTheOptOutListBeforeTheNumbersState) {
  Api api;
  const std::string id = GivenNumber(api);
  GivenPool(api, id);
  GivenStatus(api, id, "PENDING");
  EXPECT_THAT(UpdateNumber(api, id, "opt_out_list_name: 'Nowhere'"), IsNotFound(ResourceType::kOptOutList, "Nowhere"));
  EXPECT_THAT(UpdateNumber(api, id, "opt_out_list_name: 'Default'"),
              IsConflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, id));
}

class UpdatePhoneNumberRefusal : public testing::TestWithParam<BadRequest> {};

TEST_P(UpdatePhoneNumberRefusal, NamesTheMember) {
  Api api;
  EXPECT_THAT(api.Call<UpdatePhoneNumberRequest>(GetParam().request),
              IsInvalidField(GetParam().reason, GetParam().field));
}

INSTANTIATE_TEST_SUITE_P(
    Shape, UpdatePhoneNumberRefusal,
    testing::Values(
        BadRequest{"NoId", "deletion_protection_enabled: true", reason::kMissingParameter, "phoneNumberId"},
        BadRequest{"LongId", "phone_number_id: '" + std::string(257, 'p') + "'", reason::kInvalidParameter,
                   "phoneNumberId"},
        BadRequest{"IdWithPlus", "phone_number_id: '+12065550100'", reason::kInvalidParameter, "phoneNumberId"},
        BadRequest{"ArnOfAPool", "phone_number_id: 'arn:aws:sms-voice:us-east-1:111122223333:pool/pool-1'",
                   reason::kInvalidArn, "phoneNumberId"},
        BadRequest{"ArnOfAnotherService", "phone_number_id: 'arn:aws:sns:us-east-1:111122223333:inbound'",
                   reason::kInvalidArn, "phoneNumberId"},
        BadRequest{"ShortChannel", "phone_number_id: 'phone-1' two_way_channel_arn: 'arn:aws:sns'",
                   reason::kInvalidParameter, "twoWayChannelArn"},
        BadRequest{"ChannelWithBlank", "phone_number_id: 'phone-1' two_way_channel_arn: 'arn:aws:sns:us-east-1: topic'",
                   reason::kInvalidParameter, "twoWayChannelArn"},
        BadRequest{"RoleThatIsNoArn", "phone_number_id: 'phone-1' two_way_channel_role: 'role/of-some-such-name'",
                   reason::kInvalidParameter, "twoWayChannelRole"},
        BadRequest{"EmptyOptOutList", "phone_number_id: 'phone-1' opt_out_list_name: ''", reason::kInvalidParameter,
                   "optOutListName"}),
    NameOfCase);

// Section 4.6 on numbers.

class TwoWayOfANumber : public testing::Test {
 protected:
  TwoWayOfANumber() : id(GivenNumber(api)) {}

  void SwitchOn() {
    ASSERT_THAT(UpdateNumber(api, id,
                             "two_way_enabled: true two_way_channel_arn: '" + std::string(kChannel) +
                                 "' two_way_channel_role: '" + kRole + "'"),
                IsOk());
  }

  Api api;
  std::string id;
};

TEST_F(TwoWayOfANumber, NeedsAChannel) {
  EXPECT_THAT(UpdateNumber(api, id, "two_way_enabled: true"),
              IsInvalidField(reason::kTwoWayChannelNotPresent, "twoWayChannelArn"));
}

TEST_F(TwoWayOfANumber, TakesATopicWithoutARole) {
  const auto result =
      UpdateNumber(api, id, "two_way_enabled: true two_way_channel_arn: '" + std::string(kChannel) + "'");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result.response.two_way_channel_arn(), kChannel);
  EXPECT_FALSE(result.response.has_two_way_channel_role());
}

TEST_F(TwoWayOfANumber, TakesAmazonConnect) {
  const auto result =
      UpdateNumber(api, id, "two_way_enabled: true two_way_channel_arn: 'connect.us-east-1.amazonaws.com'");
  EXPECT_EQ(result.response.two_way_channel_arn(), "connect.us-east-1.amazonaws.com");
}

TEST_F(TwoWayOfANumber, TakesNothingElseAsChannel) {
  for (const char* channel : {"arn:aws:sns:us-east-1:111122223333:inbound.fifo", "arn:aws:sqs:us-east-1:111122223333:q",
                              "https://example.com/inbound", "connect.us-east-1.example.com"}) {
    EXPECT_THAT(UpdateNumber(api, id, "two_way_enabled: true two_way_channel_arn: '" + std::string(channel) + "'"),
                IsInvalidField(reason::kInvalidParameter, "twoWayChannelArn"))
        << channel;
  }
}

TEST_F(TwoWayOfANumber, ChangesItsChannelWhileOn) {
  SwitchOn();
  const auto result = UpdateNumber(api, id, "two_way_channel_arn: 'connect.us-east-1.amazonaws.com'");
  EXPECT_EQ(result.response.two_way_channel_arn(), "connect.us-east-1.amazonaws.com");
}

TEST_F(TwoWayOfANumber, ChangesTheRoleOfItsStoredChannel) {
  SwitchOn();
  const auto result = UpdateNumber(api, id, "two_way_channel_role: 'arn:aws:iam::111122223333:role/another'");
  EXPECT_EQ(result.response.two_way_channel_role(), "arn:aws:iam::111122223333:role/another");
  EXPECT_EQ(result.response.two_way_channel_arn(), kChannel);
}

TEST_F(TwoWayOfANumber, IsNeededForSelfManagedOptOuts) {
  EXPECT_THAT(UpdateNumber(api, id, "self_managed_opt_outs_enabled: true"),
              IsInvalidField(reason::kTwoWayNotEnabled, "selfManagedOptOutsEnabled"));
}

TEST_F(TwoWayOfANumber, StaysOnAsLongAsOptOutsAreSelfManaged) {
  SwitchOn();
  ASSERT_THAT(UpdateNumber(api, id, "self_managed_opt_outs_enabled: true"), IsOk());
  EXPECT_THAT(UpdateNumber(api, id, "two_way_enabled: false"),
              IsInvalidField(reason::kTwoWayNotEnabled, "selfManagedOptOutsEnabled"));
  EXPECT_THAT(UpdateNumber(api, id, "two_way_enabled: false self_managed_opt_outs_enabled: false"), IsOk());
}

}  // namespace
}  // namespace poold
