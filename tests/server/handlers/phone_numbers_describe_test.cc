#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "tests/server/handlers/phone_numbers_calls.h"
#include "tests/support/api.h"
#include "tests/support/bad_request.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(DescribePhoneNumbers, AnswersNothingOfAnAccountWithoutNumbers) {
  Api api;
  EXPECT_THAT(api.Call<DescribePhoneNumbersRequest>("").response, EqualsText(""));
}

TEST(DescribePhoneNumbers, AnswersEveryMember) {
  Api api;
  const ConfiguredNumber number = GivenConfiguredNumber(api);
  const std::string pool = GivenPool(api, number.id);

  PhoneNumberInformation described = TheNumber(api, number.id);

  EXPECT_THAT(described.phone_number(), testing::MatchesRegex("\\+1[0-9]{10}"));
  described.clear_phone_number();
  EXPECT_THAT(described, EqualsText("phone_number_arn: '" + OwnArn(api, "phone-number", number.id) +
                                    "' phone_number_id: '" + number.id +
                                    "' status: NUMBER_STATUS_ACTIVE iso_country_code: 'US'"
                                    " message_type: MESSAGE_TYPE_TRANSACTIONAL"
                                    " number_capabilities: NUMBER_CAPABILITY_SMS number_type: NUMBER_TYPE_LONG_CODE"
                                    " monthly_leasing_price: '1.00' two_way_enabled: true two_way_channel_arn: '" +
                                    std::string(ConfiguredNumber::kChannel) + "' two_way_channel_role: '" +
                                    std::string(ConfiguredNumber::kRole) +
                                    "' self_managed_opt_outs_enabled: true opt_out_list_name: 'Offers'"
                                    " international_sending_enabled: false pool_id: '" +
                                    pool + "' created_timestamp { seconds: 1704067200 }"));
}

TEST(DescribePhoneNumbers, LeavesOutWhatANumberDoesNotHave) {
  Api api;
  const auto number = TheNumber(api, GivenNumber(api));
  EXPECT_FALSE(number.has_pool_id());
  EXPECT_FALSE(number.has_registration_id());
  EXPECT_FALSE(number.has_two_way_channel_arn());
  EXPECT_FALSE(number.has_two_way_channel_role());
  EXPECT_FALSE(number.has_messaging_limits());
  EXPECT_FALSE(number.has_pricing_tier());
}

TEST(DescribePhoneNumbers, ShowsAShortCode) {
  Api api;
  const std::string id = GivenNumber(api);
  GivenShortCode(api, id, "12345");
  EXPECT_EQ(TheNumber(api, id).number_type(), NUMBER_TYPE_SHORT_CODE);
  EXPECT_EQ(TheNumber(api, id).phone_number(), "12345");
}

TEST(DescribePhoneNumbers, AnswersTheOldestFirstThenById) {
  Api api;
  const std::string third = GivenNumber(api);
  api.world.Set(FakeWorld::kStart - milliseconds(1));
  const std::string first = GivenNumber(api);
  const std::string second = GivenNumber(api);
  EXPECT_THAT(DescribedNumbers(api), ElementsAre(first, second, third));
}

TEST(DescribePhoneNumbers, AnswersTheNumbersNamedByIdOrArnInTheSameOrder) {
  Api api;
  const std::string first = GivenNumber(api);
  GivenNumber(api);
  const std::string third = GivenNumber(api);
  EXPECT_THAT(DescribedNumbers(api, "phone_number_ids: '" + OwnArn(api, "phone-number", third) +
                                        "' phone_number_ids: '" + first + "'"),
              ElementsAre(first, third));
}

TEST(DescribePhoneNumbers, AnswersANumberNamedTwiceOnce) {
  Api api;
  const std::string id = GivenNumber(api);
  EXPECT_THAT(DescribedNumbers(api, "phone_number_ids: '" + id + "' phone_number_ids: '" + id +
                                        "' phone_number_ids: '" + OwnArn(api, "phone-number", id) + "'"),
              ElementsAre(id));
}

TEST(DescribePhoneNumbers, FailsAsAWholeForOneThatIsNotThere) {
  Api api;
  const std::string id = GivenNumber(api);
  EXPECT_THAT(api.Call<DescribePhoneNumbersRequest>("phone_number_ids: '" + id + "' phone_number_ids: 'phone-nowhere'"),
              IsNotFound(ResourceType::kPhoneNumber, "phone-nowhere"));
}

TEST(DescribePhoneNumbers, DoesNotFindANumberByItsDigits) {
  Api api;
  const std::string digits = TheNumber(api, GivenNumber(api)).phone_number().substr(1);
  EXPECT_THAT(api.Call<DescribePhoneNumbersRequest>("phone_number_ids: '" + digits + "'"),
              IsNotFound(ResourceType::kPhoneNumber, digits));
}

TEST(DescribePhoneNumbers, DoesNotRevealNumbersOfAnotherAccount) {
  Api other;
  const std::string id = GivenNumber(other);
  Api api;
  const std::string arn = ArnOfOtherAccount(other.account(), "phone-number", id);
  EXPECT_THAT(DescribedNumbers(api), IsEmpty());
  EXPECT_THAT(api.Call<DescribePhoneNumbersRequest>("phone_number_ids: '" + id + "'"),
              IsNotFound(ResourceType::kPhoneNumber, id));
  EXPECT_THAT(api.Call<DescribePhoneNumbersRequest>("phone_number_ids: '" + arn + "'"),
              IsNotFound(ResourceType::kPhoneNumber, arn));
}

TEST(DescribePhoneNumbers, DoesNotFindNumbersOfAnotherRegion) {
  Api api;
  const std::string id = GivenNumber(api);
  const std::string arn = ArnOfOtherRegion(api, "phone-number", id);
  EXPECT_THAT(api.Call<DescribePhoneNumbersRequest>("phone_number_ids: '" + arn + "'"),
              IsNotFound(ResourceType::kPhoneNumber, arn));
  EXPECT_THAT(api.CallIn({api.account(), "eu-west-2"}, DescribePhoneNumbersRequest()).response, EqualsText(""));
}

TEST(DescribePhoneNumbers, ListsTheCallersOwnForOwnerSelf) {
  Api api;
  const std::string id = GivenNumber(api);
  EXPECT_THAT(DescribedNumbers(api, "owner: OWNER_SELF"), ElementsAre(id));
}

TEST(DescribePhoneNumbers, ListsNothingAsSharedWhileNothingIs) {
  Api api;
  GivenNumber(api);
  EXPECT_THAT(DescribedNumbers(api, "owner: OWNER_SHARED"), IsEmpty());
}

class DescribePhoneNumbersRefusal : public testing::TestWithParam<BadRequest> {};

TEST_P(DescribePhoneNumbersRefusal, NamesTheMember) {
  Api api;
  EXPECT_THAT(api.Call<DescribePhoneNumbersRequest>(GetParam().request),
              IsInvalidField(GetParam().reason, GetParam().field));
}

INSTANTIATE_TEST_SUITE_P(
    All, DescribePhoneNumbersRefusal,
    testing::Values(
        BadRequest{"SixIds", Repeated("phone_number_ids: 'phone-1'", 6), reason::kInvalidParameter, "phoneNumberIds"},
        BadRequest{"EmptyId", "phone_number_ids: ''", reason::kInvalidParameter, "phoneNumberIds[0]"},
        BadRequest{"IdWithPlus", "phone_number_ids: '+12065550100'", reason::kInvalidParameter, "phoneNumberIds[0]"},
        BadRequest{"ArnOfAPool", "phone_number_ids: 'arn:aws:sms-voice:us-east-1:111122223333:pool/pool-1'",
                   reason::kInvalidArn, "phoneNumberIds[0]"},
        BadRequest{"FilterWithoutName", "filters { values: 'ACTIVE' }", reason::kMissingParameter, "filters[0].name"},
        BadRequest{"FilterWithoutValues", NumberFilter("STATUS", {}), reason::kMissingParameter, "filters[0].values"},
        BadRequest{"UnknownFilter", "filters { name: 99 values: 'x' }", reason::kInvalidParameter, "filters[0].name"},
        BadRequest{"ManyFilterValues", NumberFilter("ISO_COUNTRY_CODE", std::vector<std::string>(21, "US")),
                   reason::kInvalidParameter, "filters[0].values"},
        BadRequest{"ManyFilters", Repeated(NumberFilter("ISO_COUNTRY_CODE", {"US"}), 21), reason::kInvalidParameter,
                   "filters"},
        BadRequest{"FilterValueWithBlank", NumberFilter("ISO_COUNTRY_CODE", {"U S"}), reason::kInvalidParameter,
                   "filters[0].values[0]"},
        BadRequest{"NoSuchStatus",
                   NumberFilter("ISO_COUNTRY_CODE", {"US"}) + NumberFilter("STATUS", {"ACTIVE", "ASLEEP"}),
                   reason::kInvalidFilterValues, "filters[1].values[1]"},
        BadRequest{"NoSuchMessageType", NumberFilter("MESSAGE_TYPE", {"SPAM"}), reason::kInvalidFilterValues,
                   "filters[0].values[0]"},
        BadRequest{"NoSuchCapability", NumberFilter("NUMBER_CAPABILITY", {"FAX"}), reason::kInvalidFilterValues,
                   "filters[0].values[0]"},
        BadRequest{"NoSuchNumberType", NumberFilter("NUMBER_TYPE", {"PAGER"}), reason::kInvalidFilterValues,
                   "filters[0].values[0]"},
        BadRequest{"NoBoolean", NumberFilter("TWO_WAY_ENABLED", {"yes"}), reason::kInvalidFilterValues,
                   "filters[0].values[0]"},
        BadRequest{"NoResults", "max_results: 0", reason::kInvalidParameter, "maxResults"},
        BadRequest{"TooManyResults", "max_results: 101", reason::kInvalidParameter, "maxResults"},
        BadRequest{"EmptyToken", "next_token: ''", reason::kInvalidParameter, "nextToken"},
        BadRequest{"MadeUpToken", "next_token: 'bWFkZSB1cA'", reason::kInvalidNextToken, "nextToken"}),
    NameOfCase);

TEST(DescribePhoneNumbers, RefusesOwnerTogetherWithIds) {
  Api api;
  const std::string id = GivenNumber(api);
  EXPECT_THAT(
      api.Call<DescribePhoneNumbersRequest>("owner: OWNER_SELF phone_number_ids: '" + id + "'"),
      IsInvalid(reason::kParametersCannotBeUsedTogether, (std::vector<std::string>{"owner", "phoneNumberIds"})));
}

// Section 4.1: filters. Two numbers that differ in every way that can be filtered by.
struct FilterCase {
  std::string name;
  std::string plain;  // a value that only the plain number has; empty: none can be named
  std::string other;  // and one that only the other has
};
class PhoneNumberFilter : public testing::TestWithParam<FilterCase> {
 protected:
  PhoneNumberFilter() : plain(GivenNumber(api)) {
    GivenOptOutList(api, "Offers");
    RequestPhoneNumberRequest request = Api::Parse<RequestPhoneNumberRequest>(
        "iso_country_code: 'GB' message_type: MESSAGE_TYPE_PROMOTIONAL number_capabilities: NUMBER_CAPABILITY_VOICE"
        " number_type: REQUESTABLE_NUMBER_TYPE_TOLL_FREE deletion_protection_enabled: true opt_out_list_name: "
        "'Offers'");
    other = api.Call(request).response.phone_number_id();
    EXPECT_THAT(UpdateNumber(api, other,
                             "two_way_enabled: true self_managed_opt_outs_enabled: true two_way_channel_arn: '" +
                                 std::string(kChannel) + "'"),
                IsOk());
    GivenStatus(api, other, "PENDING");
  }

  Api api;
  std::string plain;
  std::string other;
};

TEST_P(PhoneNumberFilter, LetsPassWhoHasOneOfItsValues) {
  const auto& [name, of_plain, of_other] = GetParam();
  EXPECT_THAT(DescribedNumbers(api, NumberFilter(name, {of_other})), ElementsAre(other));
  if (of_plain.empty()) return;
  EXPECT_THAT(DescribedNumbers(api, NumberFilter(name, {of_plain})), ElementsAre(plain));
  EXPECT_THAT(DescribedNumbers(api, NumberFilter(name, {of_other, of_plain})), ElementsAre(plain, other));
}

TEST_P(PhoneNumberFilter, AppliesToNamedNumbersToo) {
  const auto& [name, of_plain, of_other] = GetParam();
  const std::string both = "phone_number_ids: '" + plain + "' phone_number_ids: '" + other + "' ";
  EXPECT_THAT(DescribedNumbers(api, both + NumberFilter(name, {of_other})), ElementsAre(other));
}

INSTANTIATE_TEST_SUITE_P(All, PhoneNumberFilter,
                         testing::Values(FilterCase{"STATUS", "ACTIVE", "PENDING"},
                                         FilterCase{"ISO_COUNTRY_CODE", "US", "GB"},
                                         FilterCase{"MESSAGE_TYPE", "TRANSACTIONAL", "PROMOTIONAL"},
                                         FilterCase{"NUMBER_CAPABILITY", "SMS", "VOICE"},
                                         FilterCase{"NUMBER_TYPE", "LONG_CODE", "TOLL_FREE"},
                                         FilterCase{"TWO_WAY_ENABLED", "false", "true"},
                                         FilterCase{"SELF_MANAGED_OPT_OUTS_ENABLED", "false", "true"},
                                         FilterCase{"OPT_OUT_LIST_NAME", "Default", "Offers"},
                                         FilterCase{"DELETION_PROTECTION_ENABLED", "false", "true"},
                                         FilterCase{"TWO_WAY_CHANNEL_ARN", "", kChannel}),
                         NameOfCase);

TEST_F(PhoneNumberFilter, MustAllPass) {
  EXPECT_THAT(DescribedNumbers(api, NumberFilter("STATUS", {"ACTIVE"}) + NumberFilter("ISO_COUNTRY_CODE", {"US"})),
              ElementsAre(plain));
  EXPECT_THAT(DescribedNumbers(api, NumberFilter("STATUS", {"ACTIVE"}) + NumberFilter("ISO_COUNTRY_CODE", {"GB"})),
              IsEmpty());
}

TEST_F(PhoneNumberFilter, OfOneNameMustAllPassToo) {
  EXPECT_THAT(DescribedNumbers(api, NumberFilter("STATUS", {"ACTIVE"}) + NumberFilter("STATUS", {"PENDING"})),
              IsEmpty());
}

TEST_F(PhoneNumberFilter, IgnoresTheCaseOfEnumsAndBooleans) {
  EXPECT_THAT(DescribedNumbers(api, NumberFilter("MESSAGE_TYPE", {"Transactional"})), ElementsAre(plain));
  EXPECT_THAT(DescribedNumbers(api, NumberFilter("TWO_WAY_ENABLED", {"True"})), ElementsAre(other));
}

TEST_F(PhoneNumberFilter, MindsTheCaseOfEverythingElse) {
  EXPECT_THAT(DescribedNumbers(api, NumberFilter("OPT_OUT_LIST_NAME", {"offers"})), IsEmpty());
  EXPECT_THAT(DescribedNumbers(api, NumberFilter("ISO_COUNTRY_CODE", {"gb"})), IsEmpty());
}

TEST_F(PhoneNumberFilter, ByCapabilityPassesWhoHasItAmongOthers) {
  const std::string both =
      GivenNumber(api, "number_capabilities: NUMBER_CAPABILITY_SMS number_capabilities: NUMBER_CAPABILITY_VOICE");
  EXPECT_THAT(DescribedNumbers(api, NumberFilter("NUMBER_CAPABILITY", {"VOICE"})), UnorderedElementsAre(other, both));
}

TEST_F(PhoneNumberFilter, DoesNotExcuseANumberThatIsNotThere) {
  EXPECT_THAT(
      api.Call<DescribePhoneNumbersRequest>("phone_number_ids: 'phone-nowhere' " + NumberFilter("STATUS", {"ACTIVE"})),
      IsNotFound(ResourceType::kPhoneNumber, "phone-nowhere"));
}

// Section 4.1: pages.

class PhoneNumberPages : public testing::Test {
 protected:
  PhoneNumberPages() {
    for (int i = 0; i < 5; ++i) {
      ids.push_back(GivenNumber(api));
      if (i % 2 == 1) api.world.Advance(milliseconds(1));  // some are as old as others
    }
  }

  // Calls until there is no token; `between` happens after each page.
  std::vector<std::vector<std::string>> Pages(
      const std::string& text, const std::function<void()>& between = [] {}) {
    std::vector<std::vector<std::string>> pages;
    auto request = Api::Parse<DescribePhoneNumbersRequest>(text);
    while (pages.size() < 10) {
      const auto result = api.Call(request);
      if (result.error) {
        ADD_FAILURE() << result.error->what();
        break;
      }
      pages.push_back(NumberIds(result.response));
      if (!result.response.has_next_token()) break;
      EXPECT_LE(result.response.next_token().size(), 1024u);
      request.set_next_token(result.response.next_token());
      between();
    }
    return pages;
  }

  std::string TokenOf(const std::string& text) {
    return api.Call<DescribePhoneNumbersRequest>(text).response.next_token();
  }

  Api api;
  std::vector<std::string> ids;
};

TEST_F(PhoneNumberPages, HoldEachNumberOnceInOrder) {
  EXPECT_THAT(Pages("max_results: 2"),
              ElementsAre(ElementsAre(ids[0], ids[1]), ElementsAre(ids[2], ids[3]), ElementsAre(ids[4])));
}

TEST_F(PhoneNumberPages, EndWithoutATokenWhenTheLastOneIsFull) {
  EXPECT_THAT(Pages("max_results: 5"), ElementsAre(ElementsAreArray(ids)));
}

TEST_F(PhoneNumberPages, OfNamedNumbersHoldEachOnce) {
  std::string named;
  for (const std::string& id : ids) named += "phone_number_ids: '" + id + "' ";
  EXPECT_THAT(Pages(named + "max_results: 2"),
              ElementsAre(ElementsAre(ids[0], ids[1]), ElementsAre(ids[2], ids[3]), ElementsAre(ids[4])));
}

TEST_F(PhoneNumberPages, HoldOnlyWhatPassesTheFilters) {
  GivenStatus(api, ids[1], "PENDING");
  GivenStatus(api, ids[3], "PENDING");
  EXPECT_THAT(Pages("max_results: 2 " + NumberFilter("STATUS", {"ACTIVE"})),
              ElementsAre(ElementsAre(ids[0], ids[2]), ElementsAre(ids[4])));
}

TEST_F(PhoneNumberPages, NeitherSkipNorRepeatWhenNumbersComeAndGo) {
  std::vector<std::string> shown;
  bool first = true;
  const auto pages = Pages("max_results: 2", [&] {
    if (!std::exchange(first, false)) return;
    EXPECT_THAT(ReleaseNumber(api, ids[0]), IsOk());  // before the position
    api.world.Set(FakeWorld::kStart - milliseconds(1));
    GivenNumber(api);                                 // it too
    EXPECT_THAT(ReleaseNumber(api, ids[3]), IsOk());  // after it
  });
  EXPECT_THAT(pages, ElementsAre(ElementsAre(ids[0], ids[1]), ElementsAre(ids[2], ids[4])));
}

TEST_F(PhoneNumberPages, MayChangeTheirSizeOnTheWay) {
  const std::string token = TokenOf("max_results: 1");
  EXPECT_THAT(DescribedNumbers(api, "max_results: 100 next_token: '" + token + "'"),
              ElementsAre(ids[1], ids[2], ids[3], ids[4]));
}

TEST_F(PhoneNumberPages, RefuseATokenOfAnotherSelection) {
  const std::string token = TokenOf("max_results: 1");
  EXPECT_THAT(api.Call<DescribePhoneNumbersRequest>("max_results: 1 next_token: '" + token + "' " +
                                                    NumberFilter("STATUS", {"ACTIVE"})),
              IsInvalidField(reason::kInvalidNextToken, "nextToken"));
}

TEST_F(PhoneNumberPages, RefuseATokenOfAnotherAccountOrRegion) {
  auto request = Api::Parse<DescribePhoneNumbersRequest>("max_results: 1");
  request.set_next_token(TokenOf("max_results: 1"));
  EXPECT_THAT(api.CallAs(NewAccount(), request), IsInvalidField(reason::kInvalidNextToken, "nextToken"));
  EXPECT_THAT(api.CallIn({api.account(), "eu-west-2"}, request),
              IsInvalidField(reason::kInvalidNextToken, "nextToken"));
}

TEST_F(PhoneNumberPages, RefuseATokenOfAnotherOperation) {
  const std::string token = TokenOf("max_results: 1");
  EXPECT_THAT(api.Call<DescribeSenderIdsRequest>("max_results: 1 next_token: '" + token + "'"),
              IsInvalidField(reason::kInvalidNextToken, "nextToken"));
}

TEST(PhoneNumberPage, HoldsAHundredUnlessAskedForLess) {
  Settings settings;
  settings.api.quotas.phone_numbers = 101;
  Api api(settings);
  for (int i = 0; i < 101; ++i) GivenNumber(api);
  const auto result = api.Call<DescribePhoneNumbersRequest>("");
  EXPECT_EQ(result.response.phone_numbers_size(), 100);
  EXPECT_TRUE(result.response.has_next_token());
}

}  // namespace
}  // namespace poold
