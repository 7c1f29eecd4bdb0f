// RequestSenderId and ReleaseSenderId. Sections are those of the behaviour page.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "server/base/text.h"
#include "tests/server/handlers/sender_ids_calls.h"
#include "tests/support/api.h"
#include "tests/support/bad_request.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::int64_t RowsAbout(Api& api, const std::string& tag_id) {
  std::int64_t rows = 0;
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test",
            "SELECT (SELECT count(*) FROM sender_ids WHERE account_id = $1)"
            " + (SELECT count(*) FROM tags WHERE account_id = $1 AND resource_id = $2)"},
           storage::Params(api.account(), tag_id))[0]
        .Read(rows);
  });
  return rows;
}

TEST(RequestSenderId, AnswersEveryMember) {
  Api api;
  const auto result = RequestSender(api, "sender_id: 'ExampleCo' iso_country_code: 'GB'");
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result.response,
              EqualsText("sender_id_arn: '" + OwnArn(api, "sender-id", "EXAMPLECO/GB") +
                         "' sender_id: 'EXAMPLECO' iso_country_code: 'GB'"
                         " message_types: MESSAGE_TYPE_PROMOTIONAL message_types: MESSAGE_TYPE_TRANSACTIONAL"
                         " monthly_leasing_price: '0.00'"));
}

TEST(RequestSenderId, KeepsWhatItAnswered) {
  Api api;
  const auto result = RequestSender(api,
                                    "sender_id: 'ExampleCo' iso_country_code: 'GB' deletion_protection_enabled: true"
                                    " message_types: MESSAGE_TYPE_PROMOTIONAL");
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(TheSenderId(api, "ExampleCo", "GB"), EqualsText(result.response.DebugString()));
}

TEST(RequestSenderId, TakesTheMessageTypesThatAreGiven) {
  Api api;
  const auto result =
      RequestSender(api, "sender_id: 'NEWS' iso_country_code: 'GB' message_types: MESSAGE_TYPE_PROMOTIONAL");
  EXPECT_THAT(result.response.message_types(), ElementsAre(MESSAGE_TYPE_PROMOTIONAL));
}

TEST(RequestSenderId, TakesAMessageTypeThatIsGivenTwiceOnce) {
  Api api;
  const auto result = RequestSender(api,
                                    "sender_id: 'NEWS' iso_country_code: 'GB'"
                                    " message_types: MESSAGE_TYPE_TRANSACTIONAL"
                                    " message_types: MESSAGE_TYPE_TRANSACTIONAL");
  EXPECT_THAT(result.response.message_types(), ElementsAre(MESSAGE_TYPE_TRANSACTIONAL));
}

TEST(RequestSenderId, ProtectsItOnlyWhenAsked) {
  Api api;
  EXPECT_TRUE(RequestSender(api, "sender_id: 'A1' iso_country_code: 'GB' deletion_protection_enabled: true")
                  .response.deletion_protection_enabled());
  EXPECT_FALSE(RequestSender(api, "sender_id: 'A2' iso_country_code: 'GB' deletion_protection_enabled: false")
                   .response.deletion_protection_enabled());
}

TEST(RequestSenderId, TagsIt) {
  Api api;
  const auto result = RequestSender(api, "sender_id: 'ExampleCo' iso_country_code: 'GB' tags { key: 'a' value: 'b' }");
  EXPECT_THAT(result.response.tags(), ElementsAre(EqualsText("key: 'a' value: 'b'")));
  EXPECT_EQ(TagsOf(api, "sender-id", "exampleco/GB"), (std::map<std::string, std::string>{{"a", "b"}}));
}

// Section 9: what a sender ID is made of.

class SoundSenderId : public testing::TestWithParam<const char*> {};

TEST_P(SoundSenderId, IsTaken) {
  Api api;
  const auto result = RequestSender(api, "sender_id: '" + std::string(GetParam()) + "' iso_country_code: 'GB'");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result.response.sender_id(), UpperCase(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(All, SoundSenderId,
                         testing::Values("A", "z", "ABCDEFGHIJK", "1A", "2go", "a-b", "a--b", "123456789-X",
                                         "0-0-0-a"));

class RequestSenderIdRefusal : public testing::TestWithParam<BadRequest> {};

TEST_P(RequestSenderIdRefusal, NamesTheMember) {
  Api api;
  EXPECT_THAT(RequestSender(api, GetParam().request), IsInvalidField(GetParam().reason, GetParam().field));
  EXPECT_THAT(DescribedSenderIds(api), IsEmpty());
}

BadRequest BadSenderId(const std::string& name, const std::string& text) {
  return {name, "iso_country_code: 'GB' sender_id: '" + text + "'", reason::kInvalidParameter, "senderId"};
}

INSTANTIATE_TEST_SUITE_P(
    Text, RequestSenderIdRefusal,
    testing::Values(BadRequest{"Absent", "iso_country_code: 'GB'", reason::kMissingParameter, "senderId"},
                    BadRequest{"Empty", "iso_country_code: 'GB' sender_id: ''", reason::kMissingParameter, "senderId"},
                    BadSenderId("TwelveCharacters", "ABCDEFGHIJKL"), BadSenderId("DigitsOnly", "12345"),
                    BadSenderId("DigitsAndHyphensOnly", "12-34"), BadSenderId("HyphenOnly", "-"),
                    BadSenderId("HyphenFirst", "-ABC"), BadSenderId("HyphenLast", "ABC-"),
                    BadSenderId("Underscore", "AB_C"), BadSenderId("Blank", "AB C"), BadSenderId("Dot", "AB.C"),
                    BadSenderId("LetterWithAccent", "CAF\xC3\x89"), BadSenderId("Plus", "+ABC")),
    NameOfCase);

INSTANTIATE_TEST_SUITE_P(
    Shape, RequestSenderIdRefusal,
    testing::Values(
        BadRequest{"NoCountry", "sender_id: 'ABC'", reason::kMissingParameter, "isoCountryCode"},
        BadRequest{"LowerCaseCountry", "sender_id: 'ABC' iso_country_code: 'gb'", reason::kInvalidParameter,
                   "isoCountryCode"},
        BadRequest{"ThreeMessageTypes",
                   "sender_id: 'ABC' iso_country_code: 'GB' " + Repeated("message_types: MESSAGE_TYPE_PROMOTIONAL", 3),
                   reason::kInvalidParameter, "messageTypes"},
        BadRequest{"UnspecifiedMessageType",
                   "sender_id: 'ABC' iso_country_code: 'GB' message_types: MESSAGE_TYPE_UNSPECIFIED",
                   reason::kInvalidParameter, "messageTypes[0]"},
        BadRequest{"ReservedTagKey", "sender_id: 'ABC' iso_country_code: 'GB' tags { key: 'aws:a' value: 'b' }",
                   reason::kInvalidParameter, "tags[0].key"},
        BadRequest{"LongClientToken",
                   "sender_id: 'ABC' iso_country_code: 'GB' client_token: '" + std::string(65, 't') + "'",
                   reason::kInvalidParameter, "clientToken"}),
    NameOfCase);

// Section 9: countries.

class CountryWithoutSenderIds : public testing::TestWithParam<const char*> {};

TEST_P(CountryWithoutSenderIds, IsRefused) {
  Api api;
  EXPECT_THAT(RequestSender(api, "sender_id: 'ABC' iso_country_code: '" + std::string(GetParam()) + "'"),
              IsInvalidField(reason::kSenderIdNotSupported, "isoCountryCode"));
}

INSTANTIATE_TEST_SUITE_P(All, CountryWithoutSenderIds, testing::Values("US", "CA", "CN"));

class CountryThatRegistersSenderIds : public testing::TestWithParam<const char*> {};

TEST_P(CountryThatRegistersSenderIds, IsRefused) {
  Api api;
  EXPECT_THAT(RequestSender(api, "sender_id: 'ABC' iso_country_code: '" + std::string(GetParam()) + "'"),
              IsInvalidField(reason::kSenderIdRequiresRegistration, "isoCountryCode"));
}

INSTANTIATE_TEST_SUITE_P(All, CountryThatRegistersSenderIds, testing::Values("IN", "SG"));

TEST(RequestSenderId, FollowsTheConfiguredListsOfCountries) {
  Settings settings;
  settings.api.countries_without_sender_ids = {"GB"};
  settings.api.countries_requiring_registration = {"FR"};
  Api api(settings);
  EXPECT_THAT(RequestSender(api, "sender_id: 'ABC' iso_country_code: 'GB'"),
              IsInvalidField(reason::kSenderIdNotSupported, "isoCountryCode"));
  EXPECT_THAT(RequestSender(api, "sender_id: 'ABC' iso_country_code: 'FR'"),
              IsInvalidField(reason::kSenderIdRequiresRegistration, "isoCountryCode"));
  EXPECT_THAT(RequestSender(api, "sender_id: 'ABC' iso_country_code: 'US'"), IsOk());
  EXPECT_THAT(RequestSender(api, "sender_id: 'ABC' iso_country_code: 'IN'"), IsOk());
}

// Section 9: the key is text and country; case does not count.

TEST(RequestSenderId, RefusesOneThatIsTaken) {
  Api api;
  GivenSenderId(api, "ExampleCo");
  EXPECT_THAT(RequestSender(api, "sender_id: 'ExampleCo' iso_country_code: 'GB'"),
              IsConflict(reason::kResourceAlreadyExists, ResourceType::kSenderId, "EXAMPLECO"));
}

TEST(RequestSenderId, RefusesOneThatDiffersInCaseOnly) {
  Api api;
  GivenSenderId(api, "ExampleCo");
  EXPECT_THAT(RequestSender(api, "sender_id: 'EXAMPLECO' iso_country_code: 'GB'"),
              IsConflict(reason::kResourceAlreadyExists, ResourceType::kSenderId, "EXAMPLECO"));
  EXPECT_EQ(TheSenderId(api, "EXAMPLECO", "GB").sender_id(), "EXAMPLECO");
}

TEST(RequestSenderId, TakesTheSameTextForAnotherCountry) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  EXPECT_THAT(RequestSender(api, "sender_id: 'ExampleCo' iso_country_code: 'FR'"), IsOk());
}

TEST(RequestSenderId, TakesWhatAnotherAccountOrRegionHas) {
  Api api;
  GivenSenderId(api, "ExampleCo");
  const auto request = Api::Parse<RequestSenderIdRequest>("sender_id: 'ExampleCo' iso_country_code: 'GB'");
  EXPECT_THAT(api.CallAs(NewAccount(), request), IsOk());
  EXPECT_THAT(api.CallIn({api.account(), "eu-west-2"}, request), IsOk());
}

TEST(RequestSenderId, AtOnceGivesItToOne) {
  Api api;
  std::vector<Result<RequestSenderIdResponse>> results(6);
  {
    std::vector<std::jthread> callers;
    for (auto& result : results) {
      callers.emplace_back([&] { result = RequestSender(api, "sender_id: 'ExampleCo' iso_country_code: 'GB'"); });
    }
  }
  EXPECT_EQ(std::ranges::count_if(results, [](const auto& result) { return !result.error; }), 1);
  for (const auto& result : results) {
    if (result.error) {
      EXPECT_THAT(result, IsConflict(reason::kResourceAlreadyExists, ResourceType::kSenderId, "EXAMPLECO"));
    }
  }
}

// Sections 4.3 and 4.4.

std::string Tags(int count) {
  std::string tags;
  for (int i = 0; i < count; ++i) tags += "tags { key: 'k" + std::to_string(i) + "' value: 'v' } ";
  return tags;
}

TEST(RequestSenderId, TakesAsManyTagsAsAResourceMayCarry) {
  Api api;
  EXPECT_THAT(RequestSender(api, "sender_id: 'ABC' iso_country_code: 'GB' " + Tags(50)), IsOk());
}

TEST(RequestSenderId, RefusesMoreTagsThanAResourceMayCarry) {
  Api api;
  EXPECT_THAT(RequestSender(api, "sender_id: 'ABC' iso_country_code: 'GB' " + Tags(51)),
              IsOverQuota(reason::kTagsPerResource, 50));
  EXPECT_THAT(DescribedSenderIds(api), IsEmpty());
}

// Enough for a brand in 142 countries.
TEST(SenderIdQuota, IsFiveHundred) {
  Api api;
  for (int i = 0; i < 500; ++i) GivenSenderId(api, "S" + std::to_string(i));
  EXPECT_THAT(RequestSender(api, "sender_id: 'ABC' iso_country_code: 'GB'"),
              IsOverQuota(reason::kSenderIdsPerAccount, 500));
}

TEST(SenderIdQuota, CanBeConfiguredAndIsFreedByARelease) {
  Settings settings;
  settings.api.quotas.sender_ids = 1;
  Api api(settings);
  GivenSenderId(api, "FIRST");
  EXPECT_THAT(RequestSender(api, "sender_id: 'ABC' iso_country_code: 'GB'"),
              IsOverQuota(reason::kSenderIdsPerAccount, 1));
  ASSERT_THAT(ReleaseSender(api, "FIRST", "GB"), IsOk());
  EXPECT_THAT(RequestSender(api, "sender_id: 'ABC' iso_country_code: 'GB'"), IsOk());
}

TEST(SenderIdQuota, IsCheckedAfterTheText) {
  Settings settings;
  settings.api.quotas.sender_ids = 1;
  Api api(settings);
  GivenSenderId(api, "FIRST");
  EXPECT_THAT(RequestSender(api, "sender_id: 'first' iso_country_code: 'GB'"),
              IsConflict(reason::kResourceAlreadyExists, ResourceType::kSenderId, "FIRST"));
}

TEST(SenderIdQuota, CountsEachAccountAndRegionByItself) {
  Settings settings;
  settings.api.quotas.sender_ids = 1;
  Api api(settings);
  GivenSenderId(api, "FIRST");
  const auto request = Api::Parse<RequestSenderIdRequest>("sender_id: 'SECOND' iso_country_code: 'GB'");
  EXPECT_THAT(api.CallIn({api.account(), "eu-west-2"}, request), IsOk());
  EXPECT_THAT(api.CallAs(NewAccount(), request), IsOk());
}

// ---------------------------------------------------------------------------------------------------------------------

TEST(ReleaseSenderId, AnswersEveryMember) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB", "message_types: MESSAGE_TYPE_PROMOTIONAL");
  const auto result = ReleaseSender(api, "ExampleCo", "GB");
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result.response, EqualsText("sender_id_arn: '" + OwnArn(api, "sender-id", "EXAMPLECO/GB") +
                                          "' sender_id: 'EXAMPLECO' iso_country_code: 'GB'"
                                          " message_types: MESSAGE_TYPE_PROMOTIONAL monthly_leasing_price: '0.00'"));
}

TEST(ReleaseSenderId, TakesItOutOfTheAccountAndNoOther) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  GivenSenderId(api, "ExampleCo", "FR");
  ASSERT_THAT(ReleaseSender(api, "ExampleCo", "GB"), IsOk());
  EXPECT_THAT(DescribedSenderIds(api), ElementsAre("EXAMPLECO/FR"));
  EXPECT_THAT(ReleaseSender(api, "ExampleCo", "GB"), IsNotFound(ResourceType::kSenderId, "ExampleCo"));
}

TEST(ReleaseSenderId, DoesNotMindCase) {
  Api api;
  GivenSenderId(api, "ExampleCo");
  EXPECT_EQ(ReleaseSender(api, "exampleCO", "GB").response.sender_id(), "EXAMPLECO");
  EXPECT_THAT(DescribedSenderIds(api), IsEmpty());
}

TEST(ReleaseSenderId, TakesAnArn) {
  Api api;
  GivenSenderId(api, "ExampleCo");
  EXPECT_THAT(ReleaseSender(api, OwnArn(api, "sender-id", "ExampleCo/GB"), "GB"), IsOk());
}

TEST(ReleaseSenderId, LeavesNothingOfItBehindAndCanBeRequestedAgain) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB", "tags { key: 'a' value: 'b' }");
  ASSERT_EQ(RowsAbout(api, "exampleco/GB"), 2);
  ASSERT_THAT(ReleaseSender(api, "ExampleCo", "GB"), IsOk());
  EXPECT_EQ(RowsAbout(api, "exampleco/GB"), 0);
  EXPECT_THAT(RequestSender(api, "sender_id: 'ExampleCo' iso_country_code: 'GB' tags { key: 'a' value: 'c' }"), IsOk());
}

TEST(ReleaseSenderId, RefusesOneThatIsNotThere) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  EXPECT_THAT(ReleaseSender(api, "ExampleCo", "FR"), IsNotFound(ResourceType::kSenderId, "ExampleCo"));
  EXPECT_THAT(ReleaseSender(api, "Another", "GB"), IsNotFound(ResourceType::kSenderId, "Another"));
}

TEST(ReleaseSenderId, DoesNotTouchThoseOfAnotherAccountOrRegion) {
  Api other;
  GivenSenderId(other, "ExampleCo");
  Api api;
  const std::string arn = ArnOfOtherAccount(other.account(), "sender-id", "ExampleCo/GB");
  EXPECT_THAT(ReleaseSender(api, "ExampleCo", "GB"), IsNotFound(ResourceType::kSenderId, "ExampleCo"));
  EXPECT_THAT(ReleaseSender(api, arn, "GB"), IsNotFound(ResourceType::kSenderId, arn));
  const std::string elsewhere = ArnOfOtherRegion(other, "sender-id", "ExampleCo/GB");
  EXPECT_THAT(ReleaseSender(other, elsewhere, "GB"), IsNotFound(ResourceType::kSenderId, elsewhere));
  EXPECT_THAT(DescribedSenderIds(other), ElementsAre("EXAMPLECO/GB"));
}

TEST(ReleaseSenderId, RefusesAnArnOfAnotherCountry) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  EXPECT_THAT(ReleaseSender(api, OwnArn(api, "sender-id", "ExampleCo/GB"), "FR"),
              IsInvalidField(reason::kCountryCodeMismatch, "isoCountryCode"));
}

TEST(ReleaseSenderId, RefusesAProtectedOne) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB", "deletion_protection_enabled: true");
  EXPECT_THAT(ReleaseSender(api, "ExampleCo", "GB"),
              IsConflict(reason::kDeletionProtectionEnabled, ResourceType::kSenderId, "EXAMPLECO"));
  EXPECT_THAT(DescribedSenderIds(api), ElementsAre("EXAMPLECO/GB"));
}

TEST(ReleaseSenderId, RefusesOneThatIsInAnyPool) {
  Api api;
  const std::string pool = GivenSenderIdPool(api, "ExampleCo");
  EXPECT_THAT(ReleaseSender(api, "exampleco", "GB"),
              IsConflict(reason::kSenderIdAssociatedToPool, ResourceType::kSenderId, "EXAMPLECO"));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre("EXAMPLECO"));
}

TEST(ReleaseSenderId, AllowsItForTheOtherCountryOfOneThatIsInAPool) {
  Api api;
  GivenSenderIdPool(api, "ExampleCo");
  GivenSenderId(api, "ExampleCo", "FR");
  EXPECT_THAT(ReleaseSender(api, "ExampleCo", "FR"), IsOk());
}

TEST(ReleaseSenderId, AllowsItOnceItIsInNoPoolAnyMore) {
  Api api;
  const std::string pool = GivenSenderIdPool(api, "ExampleCo");
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
  EXPECT_THAT(ReleaseSender(api, "ExampleCo", "GB"), IsOk());
}

TEST(ReleaseSenderId, LooksAtTheProtectionBeforeThePools) {
  Api api;
  GivenSenderIdPool(api, "ExampleCo");
  ASSERT_THAT(UpdateSender(api, "ExampleCo", "GB", "deletion_protection_enabled: true"), IsOk());
  EXPECT_THAT(ReleaseSender(api, "ExampleCo", "GB"),
              IsConflict(reason::kDeletionProtectionEnabled, ResourceType::kSenderId, "EXAMPLECO"));
}

class ReleaseSenderIdRefusal : public testing::TestWithParam<BadRequest> {};

TEST_P(ReleaseSenderIdRefusal, NamesTheMember) {
  Api api;
  EXPECT_THAT(api.Call<ReleaseSenderIdRequest>(GetParam().request),
              IsInvalidField(GetParam().reason, GetParam().field));
}

INSTANTIATE_TEST_SUITE_P(
    Shape, ReleaseSenderIdRefusal,
    testing::Values(BadRequest{"NoSenderId", "iso_country_code: 'GB'", reason::kMissingParameter, "senderId"},
                    BadRequest{"NoCountry", "sender_id: 'ABC'", reason::kMissingParameter, "isoCountryCode"},
                    BadRequest{"ArnOfAPhoneNumber",
                               "iso_country_code: 'GB' sender_id:"
                               " 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1'",
                               reason::kInvalidArn, "senderId"},
                    BadRequest{"ArnWithoutCountry",
                               "iso_country_code: 'GB' sender_id:"
                               " 'arn:aws:sms-voice:us-east-1:111122223333:sender-id/ABC'",
                               reason::kInvalidArn, "senderId"}),
    NameOfCase);

}  // namespace
}  // namespace poold
