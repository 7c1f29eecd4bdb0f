#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/handlers/sender_ids_calls.h"
#include "tests/support/api.h"
#include "tests/support/bad_request.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses

TEST(UpdateSenderId, AnswersEveryMember) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB", "message_types: MESSAGE_TYPE_TRANSACTIONAL");
  const auto result = UpdateSender(api, "EXAMPLECO", "GB", "deletion_protection_enabled: true");
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result.response, EqualsText("sender_id_arn: '" + OwnArn(api, "sender-id", "EXAMPLECO/GB") +
                                          "' sender_id: 'EXAMPLECO' iso_country_code: 'GB'"
                                          " message_types: MESSAGE_TYPE_TRANSACTIONAL monthly_leasing_price: '0.00'"
                                          " deletion_protection_enabled: true"));
}

TEST(UpdateSenderId, SwitchesDeletionProtectionBothWays) {
  Api api;
  GivenSenderId(api, "EXAMPLECO");
  ASSERT_THAT(UpdateSender(api, "EXAMPLECO", "GB", "deletion_protection_enabled: true"), IsOk());
  EXPECT_TRUE(TheSenderId(api, "EXAMPLECO", "GB").deletion_protection_enabled());
  ASSERT_THAT(UpdateSender(api, "EXAMPLECO", "GB", "deletion_protection_enabled: false"), IsOk());
  EXPECT_FALSE(TheSenderId(api, "EXAMPLECO", "GB").deletion_protection_enabled());
}

TEST(UpdateSenderId, WithoutAChangeAnswersThePresentState) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB", "deletion_protection_enabled: true");
  EXPECT_TRUE(UpdateSender(api, "EXAMPLECO", "GB", "").response.deletion_protection_enabled());
  EXPECT_TRUE(TheSenderId(api, "EXAMPLECO", "GB").deletion_protection_enabled());
}

TEST(UpdateSenderId, DoesNotMindCaseAndAnswersTheCaseOfTheRequest) {
  Api api;
  GivenSenderId(api, "EXAMPLECO");
  EXPECT_EQ(UpdateSender(api, "exampleco", "GB", "deletion_protection_enabled: true").response.sender_id(),
            "EXAMPLECO");
  EXPECT_TRUE(TheSenderId(api, "EXAMPLECO", "GB").deletion_protection_enabled());
}

TEST(UpdateSenderId, TakesAnArn) {
  Api api;
  GivenSenderId(api, "EXAMPLECO");
  const auto result = UpdateSender(api, OwnArn(api, "sender-id", "EXAMPLECO/GB"), "GB", "");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result.response.sender_id(), "EXAMPLECO");
}

TEST(UpdateSenderId, ChangesThatOfOneCountryOnly) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  GivenSenderId(api, "EXAMPLECO", "FR");
  ASSERT_THAT(UpdateSender(api, "EXAMPLECO", "GB", "deletion_protection_enabled: true"), IsOk());
  EXPECT_FALSE(TheSenderId(api, "EXAMPLECO", "FR").deletion_protection_enabled());
}

TEST(UpdateSenderId, IsAllowedWhileItIsInPools) {
  Api api;
  GivenSenderIdPool(api, "EXAMPLECO");
  GivenPool(api, "EXAMPLECO", "iso_country_code: 'GB'");
  EXPECT_THAT(UpdateSender(api, "EXAMPLECO", "GB", "deletion_protection_enabled: true"), IsOk());
}

TEST(UpdateSenderId, RefusesOneThatIsNotThere) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  EXPECT_THAT(UpdateSender(api, "EXAMPLECO", "FR", ""), IsNotFound(ResourceType::kSenderId, "EXAMPLECO"));
}

TEST(UpdateSenderId, RefusesAnArnOfAnotherCountry) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  EXPECT_THAT(UpdateSender(api, OwnArn(api, "sender-id", "EXAMPLECO/GB"), "FR", ""),
              IsInvalidField(reason::kCountryCodeMismatch, "isoCountryCode"));
}

TEST(UpdateSenderId, DoesNotRevealThoseOfAnotherAccountOrRegion) {
  Api other;
  GivenSenderId(other, "EXAMPLECO");
  Api api;
  const std::string arn = ArnOfOtherAccount(other.account(), "sender-id", "EXAMPLECO/GB");
  EXPECT_THAT(UpdateSender(api, "EXAMPLECO", "GB", ""), IsNotFound(ResourceType::kSenderId, "EXAMPLECO"));
  EXPECT_THAT(UpdateSender(api, arn, "GB", ""), IsNotFound(ResourceType::kSenderId, arn));
  const std::string elsewhere = ArnOfOtherRegion(other, "sender-id", "EXAMPLECO/GB");
  EXPECT_THAT(UpdateSender(other, elsewhere, "GB", ""), IsNotFound(ResourceType::kSenderId, elsewhere));
}

class UpdateSenderIdRefusal : public testing::TestWithParam<BadRequest> {};

TEST_P(UpdateSenderIdRefusal, NamesTheMember) {
  Api api;
  EXPECT_THAT(api.Call<UpdateSenderIdRequest>(GetParam().request), IsInvalidField(GetParam().reason, GetParam().field));
}

INSTANTIATE_TEST_SUITE_P(
    Shape, UpdateSenderIdRefusal,
    testing::Values(BadRequest{"NoSenderId", "iso_country_code: 'GB'", reason::kMissingParameter, "senderId"},
                    BadRequest{"NoCountry", "sender_id: 'ABC'", reason::kMissingParameter, "isoCountryCode"},
                    BadRequest{"LongSenderId", "iso_country_code: 'GB' sender_id: '" + std::string(257, 'a') + "'",
                               reason::kInvalidParameter, "senderId"},
                    BadRequest{"ArnOfAnotherService",
                               "iso_country_code: 'GB' sender_id: 'arn:aws:sns:us-east-1:111122223333:ABC'",
                               reason::kInvalidArn, "senderId"}),
    NameOfCase);

}  // namespace
}  // namespace poold
