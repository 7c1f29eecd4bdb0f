#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/handlers/sender_ids_calls.h"
#include "tests/support/api.h"
#include "tests/support/bad_request.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;
using testing::IsEmpty;

TEST(DescribeSenderIds, AnswersNothingOfAnAccountWithoutAny) {
  Api api;
  EXPECT_THAT(api.Call<DescribeSenderIdsRequest>("").response, EqualsText(""));
}

TEST(DescribeSenderIds, AnswersEveryMember) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB", "deletion_protection_enabled: true tags { key: 'a' value: 'b' }");
  EXPECT_THAT(TheSenderId(api, "ExampleCo", "GB"),
              EqualsText("sender_id_arn: '" + OwnArn(api, "sender-id", "EXAMPLECO/GB") +
                         "' sender_id: 'EXAMPLECO' iso_country_code: 'GB'"
                         " message_types: MESSAGE_TYPE_PROMOTIONAL message_types: MESSAGE_TYPE_TRANSACTIONAL"
                         " monthly_leasing_price: '0.00' deletion_protection_enabled: true"));
}

TEST(DescribeSenderIds, AnswersThemByTextThenCountryWithoutMindingCase) {
  Api api;
  GivenSenderId(api, "beta", "GB");
  GivenSenderId(api, "Alpha", "GB");
  GivenSenderId(api, "alpha", "FR");
  GivenSenderId(api, "Beta", "DE");
  EXPECT_THAT(DescribedSenderIds(api), ElementsAre("ALPHA/FR", "ALPHA/GB", "BETA/DE", "BETA/GB"));
}

TEST(DescribeSenderIds, AnswersThoseNamedByTextOrArn) {
  Api api;
  GivenSenderId(api, "Alpha", "GB");
  GivenSenderId(api, "Beta", "GB");
  GivenSenderId(api, "Gamma", "FR");
  EXPECT_THAT(
      DescribedSenderIds(api, SenderItem(OwnArn(api, "sender-id", "Gamma/FR"), "FR") + SenderItem("Alpha", "GB")),
      ElementsAre("ALPHA/GB", "GAMMA/FR"));
}

TEST(DescribeSenderIds, FindsThemInAnyCaseAndAnswersUpperCase) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  EXPECT_THAT(DescribedSenderIds(api, SenderItem("EXAMPLECO", "GB")), ElementsAre("EXAMPLECO/GB"));
  EXPECT_THAT(DescribedSenderIds(api, SenderItem(OwnArn(api, "sender-id", "exampleco/GB"), "GB")),
              ElementsAre("EXAMPLECO/GB"));
}

TEST(DescribeSenderIds, AnswersOneNamedTwiceOnce) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  EXPECT_THAT(DescribedSenderIds(api, SenderItem("ExampleCo", "GB") + SenderItem("EXAMPLECO", "GB")),
              ElementsAre("EXAMPLECO/GB"));
}

TEST(DescribeSenderIds, FailsAsAWholeForOneThatIsNotThere) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  EXPECT_THAT(api.Call<DescribeSenderIdsRequest>(SenderItem("ExampleCo", "GB") + SenderItem("ExampleCo", "FR")),
              IsNotFound(ResourceType::kSenderId, "ExampleCo"));
}

TEST(DescribeSenderIds, RefusesAnArnOfAnotherCountry) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  EXPECT_THAT(api.Call<DescribeSenderIdsRequest>(SenderItem(OwnArn(api, "sender-id", "ExampleCo/GB"), "FR")),
              IsInvalidField(reason::kCountryCodeMismatch, "isoCountryCode"));
}

TEST(DescribeSenderIds, DoesNotRevealThoseOfAnotherAccount) {
  Api other;
  GivenSenderId(other, "ExampleCo", "GB");
  Api api;
  const std::string arn = ArnOfOtherAccount(other.account(), "sender-id", "ExampleCo/GB");
  EXPECT_THAT(DescribedSenderIds(api), IsEmpty());
  EXPECT_THAT(api.Call<DescribeSenderIdsRequest>(SenderItem("ExampleCo", "GB")),
              IsNotFound(ResourceType::kSenderId, "ExampleCo"));
  EXPECT_THAT(api.Call<DescribeSenderIdsRequest>(SenderItem(arn, "GB")), IsNotFound(ResourceType::kSenderId, arn));
}

TEST(DescribeSenderIds, DoesNotFindThoseOfAnotherRegion) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  const std::string arn = ArnOfOtherRegion(api, "sender-id", "ExampleCo/GB");
  EXPECT_THAT(api.Call<DescribeSenderIdsRequest>(SenderItem(arn, "GB")), IsNotFound(ResourceType::kSenderId, arn));
  EXPECT_THAT(api.CallIn({api.account(), "eu-west-2"}, DescribeSenderIdsRequest()).response, EqualsText(""));
}

TEST(DescribeSenderIds, ListsTheCallersOwnForOwnerSelf) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  EXPECT_THAT(DescribedSenderIds(api, "owner: OWNER_SELF"), ElementsAre("EXAMPLECO/GB"));
}

TEST(DescribeSenderIds, ListsNothingAsSharedWhileNothingIs) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  EXPECT_THAT(DescribedSenderIds(api, "owner: OWNER_SHARED"), IsEmpty());
}

TEST(DescribeSenderIds, RefusesOwnerTogetherWithSenderIds) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  EXPECT_THAT(api.Call<DescribeSenderIdsRequest>("owner: OWNER_SELF " + SenderItem("ExampleCo", "GB")),
              IsInvalid(reason::kParametersCannotBeUsedTogether, (std::vector<std::string>{"owner", "senderIds"})));
}

class DescribeSenderIdsRefusal : public testing::TestWithParam<BadRequest> {};

TEST_P(DescribeSenderIdsRefusal, NamesTheMember) {
  Api api;
  EXPECT_THAT(api.Call<DescribeSenderIdsRequest>(GetParam().request),
              IsInvalidField(GetParam().reason, GetParam().field));
}

INSTANTIATE_TEST_SUITE_P(
    All, DescribeSenderIdsRefusal,
    testing::Values(
        BadRequest{"Six", Repeated(SenderItem("ABC", "GB"), 6), reason::kInvalidParameter, "senderIds"},
        BadRequest{"WithoutText", "sender_ids { iso_country_code: 'GB' }", reason::kMissingParameter,
                   "senderIds[0].senderId"},
        BadRequest{"WithoutCountry", "sender_ids { sender_id: 'ABC' }", reason::kMissingParameter,
                   "senderIds[0].isoCountryCode"},
        BadRequest{"BlankInText", SenderItem("A C", "GB"), reason::kInvalidParameter, "senderIds[0].senderId"},
        BadRequest{"ArnOfAPool", SenderItem("arn:aws:sms-voice:us-east-1:111122223333:pool/pool-1", "GB"),
                   reason::kInvalidArn, "senderIds[0].senderId"},
        BadRequest{"UnknownFilter", "filters { name: 99 values: 'x' }", reason::kInvalidParameter, "filters[0].name"},
        BadRequest{"FilterWithoutValues", SenderFilter("REGISTERED", {}), reason::kMissingParameter,
                   "filters[0].values"},
        BadRequest{"NoSuchMessageType", SenderFilter("MESSAGE_TYPE", {"SPAM"}), reason::kInvalidFilterValues,
                   "filters[0].values[0]"},
        BadRequest{"NoBoolean", SenderFilter("REGISTERED", {"1"}), reason::kInvalidFilterValues,
                   "filters[0].values[0]"},
        BadRequest{"NoResults", "max_results: 0", reason::kInvalidParameter, "maxResults"},
        BadRequest{"TooManyResults", "max_results: 101", reason::kInvalidParameter, "maxResults"},
        BadRequest{"MadeUpToken", "next_token: 'bWFkZSB1cA'", reason::kInvalidNextToken, "nextToken"}),
    NameOfCase);

// Section 4.1: filters.

class SenderIdFilters : public testing::Test {
 protected:
  SenderIdFilters() {
    GivenSenderId(api, "Alpha", "GB", "message_types: MESSAGE_TYPE_TRANSACTIONAL");
    GivenSenderId(api, "Beta", "FR", "message_types: MESSAGE_TYPE_PROMOTIONAL deletion_protection_enabled: true");
    GivenSenderId(api, "Gamma", "GB");
    api.Sql([&](storage::Transaction& tx) {
      // Registration has no operation here.
      tx.Run({"test",
              "UPDATE sender_ids SET registered = true, registration_id = 'registration-1'"
              " WHERE account_id = $1 AND sender_id = 'GAMMA'"},
             storage::Params(api.account()));
    });
  }

  Api api;
};

TEST_F(SenderIdFilters, BySenderIdMindNoCase) {
  EXPECT_THAT(DescribedSenderIds(api, SenderFilter("SENDER_ID", {"Alpha", "BETA"})),
              ElementsAre("ALPHA/GB", "BETA/FR"));
  EXPECT_THAT(DescribedSenderIds(api, SenderFilter("SENDER_ID", {"aLPHA"})), ElementsAre("ALPHA/GB"));
}

TEST_F(SenderIdFilters, ByCountry) {
  EXPECT_THAT(DescribedSenderIds(api, SenderFilter("ISO_COUNTRY_CODE", {"FR"})), ElementsAre("BETA/FR"));
  EXPECT_THAT(DescribedSenderIds(api, SenderFilter("ISO_COUNTRY_CODE", {"gb"})), IsEmpty());
}

TEST_F(SenderIdFilters, ByMessageTypeLetPassWhoHasItAmongOthers) {
  EXPECT_THAT(DescribedSenderIds(api, SenderFilter("MESSAGE_TYPE", {"TRANSACTIONAL"})),
              ElementsAre("ALPHA/GB", "GAMMA/GB"));
  EXPECT_THAT(DescribedSenderIds(api, SenderFilter("MESSAGE_TYPE", {"promotional"})),
              ElementsAre("BETA/FR", "GAMMA/GB"));
}

TEST_F(SenderIdFilters, ByDeletionProtection) {
  EXPECT_THAT(DescribedSenderIds(api, SenderFilter("DELETION_PROTECTION_ENABLED", {"True"})), ElementsAre("BETA/FR"));
  EXPECT_THAT(DescribedSenderIds(api, SenderFilter("DELETION_PROTECTION_ENABLED", {"false"})),
              ElementsAre("ALPHA/GB", "GAMMA/GB"));
}

TEST_F(SenderIdFilters, ByRegistration) {
  EXPECT_THAT(DescribedSenderIds(api, SenderFilter("REGISTERED", {"true"})), ElementsAre("GAMMA/GB"));
  EXPECT_EQ(TheSenderId(api, "Gamma", "GB").registration_id(), "registration-1");
}

TEST_F(SenderIdFilters, MustAllPass) {
  EXPECT_THAT(
      DescribedSenderIds(api, SenderFilter("ISO_COUNTRY_CODE", {"GB"}) + SenderFilter("MESSAGE_TYPE", {"PROMOTIONAL"})),
      ElementsAre("GAMMA/GB"));
  EXPECT_THAT(
      DescribedSenderIds(api, SenderFilter("ISO_COUNTRY_CODE", {"GB"}) + SenderFilter("ISO_COUNTRY_CODE", {"FR"})),
      IsEmpty());
}

TEST_F(SenderIdFilters, ApplyToNamedOnesToo) {
  EXPECT_THAT(DescribedSenderIds(
                  api, SenderItem("Alpha", "GB") + SenderItem("Beta", "FR") + SenderFilter("ISO_COUNTRY_CODE", {"GB"})),
              ElementsAre("ALPHA/GB"));
}

TEST_F(SenderIdFilters, DoNotExcuseOneThatIsNotThere) {
  EXPECT_THAT(api.Call<DescribeSenderIdsRequest>(SenderItem("Nobody", "GB") + SenderFilter("ISO_COUNTRY_CODE", {"FR"})),
              IsNotFound(ResourceType::kSenderId, "Nobody"));
}

// Section 4.1: pages.

class SenderIdPages : public testing::Test {
 protected:
  SenderIdPages() {
    for (const char* name : {"alpha", "BETA", "Gamma"}) GivenSenderId(api, name, "GB");
    GivenSenderId(api, "beta", "FR");
  }

  std::vector<std::vector<std::string>> Pages(const std::string& text) {
    std::vector<std::vector<std::string>> pages;
    auto request = Api::Parse<DescribeSenderIdsRequest>(text);
    while (pages.size() < 10) {
      const auto result = api.Call(request);
      if (result.error) {
        ADD_FAILURE() << result.error->what();
        break;
      }
      pages.push_back(SenderNames(result.response));
      if (!result.response.has_next_token()) break;
      request.set_next_token(result.response.next_token());
    }
    return pages;
  }

  Api api;
};

TEST_F(SenderIdPages, HoldEachOnceInOrder) {
  EXPECT_THAT(Pages("max_results: 1"), ElementsAre(ElementsAre("ALPHA/GB"), ElementsAre("BETA/FR"),
                                                   ElementsAre("BETA/GB"), ElementsAre("GAMMA/GB")));
}

TEST_F(SenderIdPages, EndWithoutATokenWhenTheLastOneIsFull) {
  EXPECT_THAT(Pages("max_results: 2"),
              ElementsAre(ElementsAre("ALPHA/GB", "BETA/FR"), ElementsAre("BETA/GB", "GAMMA/GB")));
}

TEST_F(SenderIdPages, OfNamedOnesHoldEachOnce) {
  EXPECT_THAT(
      Pages("max_results: 2 " + SenderItem("gamma", "GB") + SenderItem("BETA", "GB") + SenderItem("BETA", "FR")),
      ElementsAre(ElementsAre("BETA/FR", "BETA/GB"), ElementsAre("GAMMA/GB")));
}

TEST_F(SenderIdPages, GoOnAfterTheirLastOneWasReleased) {
  const std::string token = api.Call<DescribeSenderIdsRequest>("max_results: 2").response.next_token();
  ASSERT_THAT(ReleaseSender(api, "beta", "FR"), IsOk());
  EXPECT_THAT(DescribedSenderIds(api, "next_token: '" + token + "'"), ElementsAre("BETA/GB", "GAMMA/GB"));
}

TEST_F(SenderIdPages, RefuseATokenOfAnotherSelection) {
  const std::string token = api.Call<DescribeSenderIdsRequest>("max_results: 1").response.next_token();
  EXPECT_THAT(
      api.Call<DescribeSenderIdsRequest>("next_token: '" + token + "' " + SenderFilter("ISO_COUNTRY_CODE", {"GB"})),
      IsInvalidField(reason::kInvalidNextToken, "nextToken"));
}

TEST_F(SenderIdPages, RefuseATokenOfAnotherAccount) {
  auto request = Api::Parse<DescribeSenderIdsRequest>("max_results: 1");
  request.set_next_token(api.Call(request).response.next_token());
  EXPECT_THAT(api.CallAs(NewAccount(), request), IsInvalidField(reason::kInvalidNextToken, "nextToken"));
}

}  // namespace
}  // namespace poold
