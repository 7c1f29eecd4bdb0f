// RequestPhoneNumber, but for what a pool has to do with it. Sections are those of the behaviour page.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "storage/inventory.h"
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
using testing::SizeIs;
using testing::StartsWith;
using testing::UnorderedElementsAre;

TEST(RequestPhoneNumber, AnswersEveryMemberOfTheNewNumber) {
  Api api;
  const std::string country = NewCountry();
  const auto stock = GivenStock(api, country, 1);

  const auto result = RequestNumber(api, LongCode(country));

  ASSERT_THAT(result, IsOk());
  const std::string id = result.response.phone_number_id();
  EXPECT_THAT(id, testing::MatchesRegex("phone-[0-9a-f]{32}"));
  EXPECT_THAT(result.response, EqualsText("phone_number_arn: '" + OwnArn(api, "phone-number", id) +
                                          "' phone_number_id: '" + id + "' phone_number: '" + stock[0] +
                                          "' status: NUMBER_STATUS_ACTIVE iso_country_code: '" + country +
                                          "' message_type: MESSAGE_TYPE_TRANSACTIONAL"
                                          " number_capabilities: NUMBER_CAPABILITY_SMS"
                                          " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE"
                                          " monthly_leasing_price: '1.50' opt_out_list_name: 'Default'"
                                          " created_timestamp { seconds: 1704067200 }"));
}

TEST(RequestPhoneNumber, KeepsWhatItAnswered) {
  Api api;
  const auto result = RequestNumber(
      api,
      LongCode("US",
               "deletion_protection_enabled: true registration_id: 'registration-1' tags { key: 'a' value: 'b' }"));
  ASSERT_THAT(result, IsOk());

  RequestPhoneNumberResponse kept = result.response;
  kept.clear_tags();  // no part of what Describe answers
  std::string text = kept.DebugString();
  text.replace(text.find("REQUESTABLE_"), std::string_view("REQUESTABLE_").size(), "");
  EXPECT_THAT(TheNumber(api, kept.phone_number_id()), EqualsText(text + "international_sending_enabled: false"));
}

TEST(RequestPhoneNumber, GivesTheNumberTheKeywordsHelpAndStop) {
  Settings settings;
  settings.api.help_message = "Ask us";
  settings.api.stop_message = "Gone";
  Api api(settings);
  EXPECT_THAT(KeywordsOf(api, GivenNumber(api)),
              ElementsAre("HELP: AUTOMATIC_RESPONSE: Ask us", "STOP: OPT_OUT: Gone"));
}

TEST(RequestPhoneNumber, HandsOutANumberOfTheCountry) {
  Api api;
  const auto american = RequestNumber(api, LongCode("US"));
  const auto british = RequestNumber(api, LongCode("GB"));
  EXPECT_THAT(american.response.phone_number(), testing::StartsWith("+1"));
  EXPECT_THAT(british.response.phone_number(), testing::StartsWith("+44"));
  EXPECT_EQ(british.response.iso_country_code(), "GB");
}

struct TypeCase {
  std::string name;
  NumberType described;
};
class RequestPhoneNumberOfType : public testing::TestWithParam<TypeCase> {};

TEST_P(RequestPhoneNumberOfType, HandsOutANumberOfTheType) {
  Api api;
  const auto result = RequestNumber(api,
                                    "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL"
                                    " number_capabilities: NUMBER_CAPABILITY_SMS number_type: " +
                                        std::string("REQUESTABLE_NUMBER_TYPE_" + GetParam().name));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(RequestableNumberType_Name(result.response.number_type()), "REQUESTABLE_NUMBER_TYPE_" + GetParam().name);
  EXPECT_EQ(TheNumber(api, result.response.phone_number_id()).number_type(), GetParam().described);
}

INSTANTIATE_TEST_SUITE_P(All, RequestPhoneNumberOfType,
                         testing::Values(TypeCase{"LONG_CODE", NUMBER_TYPE_LONG_CODE},
                                         TypeCase{"TOLL_FREE", NUMBER_TYPE_TOLL_FREE},
                                         TypeCase{"TEN_DLC", NUMBER_TYPE_TEN_DLC},
                                         TypeCase{"SIMULATOR", NUMBER_TYPE_SIMULATOR}),
                         NameOfCase);

TEST(RequestPhoneNumber, PassesOverNumbersThatCannotDoAllThatIsAskedFor) {
  Api api;
  const std::string country = NewCountry();
  GivenStock(api, country, 1, "LONG_CODE", {"SMS"});
  GivenStock(api, country, 1, "LONG_CODE", {"VOICE"});
  const auto able = GivenStock(api, country, 1, "LONG_CODE", {"MMS", "SMS", "VOICE"});

  const auto result = RequestNumber(api, LongCode(country, "number_capabilities: NUMBER_CAPABILITY_VOICE"));

  EXPECT_EQ(result.response.phone_number(), able[0]);
}

TEST(RequestPhoneNumber, GivesTheCapabilitiesThatWereAskedForAndNoMore) {
  Api api;
  const std::string country = NewCountry();
  GivenStock(api, country, 1, "LONG_CODE", {"MMS", "SMS", "VOICE"});
  const auto result = RequestNumber(api, LongCode(country));
  EXPECT_THAT(result.response.number_capabilities(), ElementsAre(NUMBER_CAPABILITY_SMS));
}

TEST(RequestPhoneNumber, DoesNotMindOrderAndRepetitionOfCapabilities) {
  Api api;
  const auto result = RequestNumber(
      api, LongCode("US", "number_capabilities: NUMBER_CAPABILITY_VOICE number_capabilities: NUMBER_CAPABILITY_SMS"));
  EXPECT_THAT(result.response.number_capabilities(), ElementsAre(NUMBER_CAPABILITY_SMS, NUMBER_CAPABILITY_VOICE));
}

TEST(RequestPhoneNumber, RunsOutOfNumbers) {
  Api api;
  const std::string country = NewCountry();
  GivenStock(api, country, 1);
  ASSERT_THAT(RequestNumber(api, LongCode(country)), IsOk());
  EXPECT_THAT(RequestNumber(api, LongCode(country)), IsNotFound(ResourceType::kPhoneNumber, country + "/LONG_CODE"));
}

TEST(RequestPhoneNumber, FindsNothingInACountryWithoutNumbers) {
  Api api;
  EXPECT_THAT(RequestNumber(api, LongCode("TV")), IsNotFound(ResourceType::kPhoneNumber, "TV/LONG_CODE"));
}

TEST(RequestPhoneNumber, FindsNothingThatCanDoWhatNoNumberCan) {
  Api api;
  EXPECT_THAT(RequestNumber(api, LongCode("US", "number_capabilities: NUMBER_CAPABILITY_RCS")),
              IsNotFound(ResourceType::kPhoneNumber, "US/LONG_CODE"));
}

TEST(RequestPhoneNumber, FindsNoSimulatorForPromotionalMessages) {
  Api api;
  EXPECT_THAT(
      RequestNumber(api,
                    "iso_country_code: 'US' message_type: MESSAGE_TYPE_PROMOTIONAL"
                    " number_capabilities: NUMBER_CAPABILITY_SMS number_type: REQUESTABLE_NUMBER_TYPE_SIMULATOR"),
      IsNotFound(ResourceType::kPhoneNumber, "US/SIMULATOR"));
}

TEST(RequestPhoneNumber, HandsOutReturnedNumbersLast) {
  Api api;
  const std::string country = NewCountry();
  const auto stock = GivenStock(api, country, 3);
  const auto first = RequestNumber(api, LongCode(country));
  const auto second = RequestNumber(api, LongCode(country));
  // The second rests longer than the first.
  ASSERT_THAT(ReleaseNumber(api, second.response.phone_number_id()), IsOk());
  api.world.Advance(milliseconds(1));
  ASSERT_THAT(ReleaseNumber(api, first.response.phone_number_id()), IsOk());

  std::vector<std::string> handed_out;
  for (int i = 0; i < 3; ++i) handed_out.push_back(RequestNumber(api, LongCode(country)).response.phone_number());

  EXPECT_THAT(handed_out, ElementsAre(stock[2], stock[1], stock[0]));
}

TEST(RequestPhoneNumber, GivesEveryAccountNumbersOfItsOwn) {
  Api api;
  const std::string country = NewCountry();
  const auto stock = GivenStock(api, country, 2);
  const auto request = Api::Parse<RequestPhoneNumberRequest>(LongCode(country));

  const auto one = api.CallAs(NewAccount(), request);
  const auto other = api.CallAs(NewAccount(), request);

  EXPECT_THAT((std::vector{one.response.phone_number(), other.response.phone_number()}),
              UnorderedElementsAre(stock[0], stock[1]));
}

TEST(RequestPhoneNumber, GivesTheRegionsOfAnAccountDifferentNumbers) {
  Api api;
  const std::string country = NewCountry();
  const auto stock = GivenStock(api, country, 2);
  const auto request = Api::Parse<RequestPhoneNumberRequest>(LongCode(country));

  const auto one = api.CallIn({api.account(), "us-east-1"}, request);
  const auto other = api.CallIn({api.account(), "eu-west-2"}, request);

  EXPECT_EQ(one.response.phone_number(), stock[0]);
  EXPECT_EQ(other.response.phone_number(), stock[1]);
  EXPECT_THAT(other.response.phone_number_arn(), testing::StartsWith("arn:aws:sms-voice:eu-west-2:"));
}

TEST(RequestPhoneNumber, AtOnceGivesEveryCallANumberWithoutWaitingForTheOthers) {
  Api api;
  const std::string country = NewCountry();
  const auto stock = GivenStock(api, country, 8);
  std::vector<Result<RequestPhoneNumberResponse>> results(stock.size());
  {
    std::vector<std::jthread> callers;
    for (auto& result : results) callers.emplace_back([&] { result = RequestNumber(api, LongCode(country)); });
  }
  std::set<std::string> numbers;
  for (const auto& result : results) {
    EXPECT_THAT(result, IsOk());
    numbers.insert(result.response.phone_number());
  }
  EXPECT_THAT(numbers, ElementsAreArray(stock));
}

TEST(RequestPhoneNumber, ThatIsRefusedLeavesTheNumberInTheInventory) {
  Settings settings;
  settings.api.quotas.phone_numbers = 1;
  Api api(settings);
  const std::string country = NewCountry();
  const auto stock = GivenStock(api, country, 1);
  GivenNumber(api);

  ASSERT_THAT(RequestNumber(api, LongCode(country)), IsFault(Fault::kQuota));

  const auto elsewhere = api.CallAs(NewAccount(), Api::Parse<RequestPhoneNumberRequest>(LongCode(country)));
  EXPECT_EQ(elsewhere.response.phone_number(), stock[0]);
}

// The United States have 10,000 fictional numbers of this kind.
TEST(RequestPhoneNumber, TakesTheOneImportedNumberOfACountryThatHasFictionalOnes) {
  Api api({}, FreshDatabase(true));
  const auto stock = GivenStock(api, "US", 1);
  const auto first = RequestNumber(api, LongCode("US"));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first.response.phone_number(), stock[0]);
  EXPECT_THAT(RequestNumber(api, LongCode("US")).response.phone_number(), StartsWith("+1"));

  ASSERT_THAT(api.Call<ReleasePhoneNumberRequest>("phone_number_id: '" + first.response.phone_number_id() + "'"),
              IsOk());
  EXPECT_EQ(RequestNumber(api, LongCode("US")).response.phone_number(), stock[0]) << "it came back as what it was";
}

TEST(RequestPhoneNumber, FindsNoFictionalNumbersWhereTheyAreSwitchedOff) {
  Api api({}, FreshDatabase(true));
  api.settings.api.fictional_numbers = false;
  EXPECT_THAT(RequestNumber(api, LongCode("US")), IsNotFound(ResourceType::kPhoneNumber, "US/LONG_CODE"));
  const auto stock = GivenStock(api, "US", 1);
  EXPECT_EQ(RequestNumber(api, LongCode("US")).response.phone_number(), stock[0]);
  EXPECT_THAT(RequestNumber(api, LongCode("US")), IsNotFound(ResourceType::kPhoneNumber, "US/LONG_CODE"));
}

// Section 8: preferences. The database is the test's own, since the numbers must be American.
class NumberPreference : public testing::Test {
 protected:
  NumberPreference() : api({}, Url()) {
    api.Sql([](storage::Transaction& tx) {
      tx.Run({"test", "DELETE FROM inventory_numbers"});
      std::vector<storage::InventoryNumber> stock;
      for (const char* number : {"+12065550100", "+12065550199", "+13125550106", "+15305552065"}) {
        stock.push_back({number, "US", "TEN_DLC", {"SMS"}, "1.00"});
      }
      storage::ImportNumbers(tx, stock);
    });
  }

  static const std::string& Url() {
    static const std::string url = FreshDatabase(true);
    return url;
  }

  static std::string TenDlc(const std::string& preference) {
    return "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL"
           " number_capabilities: NUMBER_CAPABILITY_SMS number_type: REQUESTABLE_NUMBER_TYPE_TEN_DLC"
           " number_preference { " +
           preference + " }";
  }

  // All numbers that the preference lets out, until none is left.
  std::vector<std::string> Preferred(const std::string& preference) {
    std::vector<std::string> numbers;
    while (true) {
      const auto result = RequestNumber(api, TenDlc(preference));
      if (result.error) {
        EXPECT_THAT(result, IsNotFound(ResourceType::kPhoneNumber, "US/TEN_DLC"));
        return numbers;
      }
      numbers.push_back(result.response.phone_number());
    }
  }

  Api api;
};

TEST_F(NumberPreference, StartsWithLooksAtTheNationalNumber) {
  EXPECT_THAT(Preferred("preference_type: PREFERENCE_TYPE_STARTS_WITH filter: '206'"),
              ElementsAre("+12065550100", "+12065550199"));
}

TEST_F(NumberPreference, StartsWithTakesTheCountryCodeToo) {
  EXPECT_THAT(Preferred("preference_type: PREFERENCE_TYPE_STARTS_WITH filter: '1312'"), ElementsAre("+13125550106"));
}

TEST_F(NumberPreference, StartsWithAPlusLooksAtTheWholeNumber) {
  EXPECT_THAT(Preferred("preference_type: PREFERENCE_TYPE_STARTS_WITH filter: '+1530'"), ElementsAre("+15305552065"));
  EXPECT_THAT(Preferred("preference_type: PREFERENCE_TYPE_STARTS_WITH filter: '+206'"), IsEmpty());
}

TEST_F(NumberPreference, EndsWithLooksAtTheLastDigits) {
  EXPECT_THAT(Preferred("preference_type: PREFERENCE_TYPE_ENDS_WITH filter: '2065'"), ElementsAre("+15305552065"));
}

TEST_F(NumberPreference, ContainsLooksEverywhere) {
  EXPECT_THAT(Preferred("preference_type: PREFERENCE_TYPE_CONTAINS filter: '206'"),
              ElementsAre("+12065550100", "+12065550199", "+15305552065"));
}

TEST_F(NumberPreference, ExactMatchTakesTheNumberInAnyOfItsForms) {
  EXPECT_THAT(Preferred("preference_type: PREFERENCE_TYPE_EXACT_MATCH filter: '+12065550100'"),
              ElementsAre("+12065550100"));
  EXPECT_THAT(Preferred("preference_type: PREFERENCE_TYPE_EXACT_MATCH filter: '12065550199'"),
              ElementsAre("+12065550199"));
  EXPECT_THAT(Preferred("preference_type: PREFERENCE_TYPE_EXACT_MATCH filter: '3125550106'"),
              ElementsAre("+13125550106"));
}

TEST_F(NumberPreference, ExactMatchWantsAllDigits) {
  EXPECT_THAT(Preferred("preference_type: PREFERENCE_TYPE_EXACT_MATCH filter: '206555010'"), IsEmpty());
}

TEST_F(NumberPreference, OneOfItsPatternsIsEnough) {
  EXPECT_THAT(Preferred("preference_type: PREFERENCE_TYPE_STARTS_WITH filter: '312' filter: '530'"),
              ElementsAre("+13125550106", "+15305552065"));
}

class RequestPhoneNumberRefusal : public testing::TestWithParam<BadRequest> {};

TEST_P(RequestPhoneNumberRefusal, NamesTheMember) {
  Api api;
  EXPECT_THAT(RequestNumber(api, GetParam().request), IsInvalidField(GetParam().reason, GetParam().field));
  EXPECT_THAT(DescribedNumbers(api), IsEmpty());
}

std::string TenDlcPreference(const std::string& items) {
  return "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL number_capabilities: NUMBER_CAPABILITY_SMS"
         " number_type: REQUESTABLE_NUMBER_TYPE_TEN_DLC " +
         items;
}

const std::string kOfType = "message_type: MESSAGE_TYPE_TRANSACTIONAL number_capabilities: NUMBER_CAPABILITY_SMS ";
const std::string kPreference = "number_preference { preference_type: PREFERENCE_TYPE_CONTAINS filter: '55' } ";

INSTANTIATE_TEST_SUITE_P(
    Shape, RequestPhoneNumberRefusal,
    testing::Values(
        BadRequest{"NoCountry", kOfType + "number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE", reason::kMissingParameter,
                   "isoCountryCode"},
        BadRequest{"LowerCaseCountry", LongCode("us"), reason::kInvalidParameter, "isoCountryCode"},
        BadRequest{"LongCountry", LongCode("USA"), reason::kInvalidParameter, "isoCountryCode"},
        BadRequest{"NoMessageType",
                   "iso_country_code: 'US' number_capabilities: NUMBER_CAPABILITY_SMS"
                   " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE",
                   reason::kMissingParameter, "messageType"},
        BadRequest{"NoCapabilities",
                   "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL"
                   " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE",
                   reason::kMissingParameter, "numberCapabilities"},
        BadRequest{"FiveCapabilities", LongCode("US", Repeated("number_capabilities: NUMBER_CAPABILITY_SMS", 4)),
                   reason::kInvalidParameter, "numberCapabilities"},
        BadRequest{"UnspecifiedCapability", LongCode("US", "number_capabilities: NUMBER_CAPABILITY_UNSPECIFIED"),
                   reason::kInvalidParameter, "numberCapabilities[1]"},
        BadRequest{"NoNumberType", "iso_country_code: 'US' " + kOfType, reason::kMissingParameter, "numberType"},
        BadRequest{"EmptyOptOutList", LongCode("US", "opt_out_list_name: ''"), reason::kInvalidParameter,
                   "optOutListName"},
        BadRequest{"BlankInOptOutList", LongCode("US", "opt_out_list_name: 'my list'"), reason::kInvalidParameter,
                   "optOutListName"},
        BadRequest{"ArnOfAPoolAsOptOutList",
                   LongCode("US", "opt_out_list_name: 'arn:aws:sms-voice:us-east-1:111122223333:pool/pool-1'"),
                   reason::kInvalidArn, "optOutListName"},
        BadRequest{"NoArnAsPool", LongCode("US", "pool_id: 'arn:aws:sms-voice'"), reason::kInvalidArn, "poolId"},
        BadRequest{"ArnOfAPhoneNumberAsPool",
                   LongCode("US", "pool_id: 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1'"),
                   reason::kInvalidArn, "poolId"},
        BadRequest{"LongPoolId", LongCode("US", "pool_id: '" + std::string(257, 'p') + "'"), reason::kInvalidParameter,
                   "poolId"},
        BadRequest{"EmptyRegistration", LongCode("US", "registration_id: ''"), reason::kInvalidParameter,
                   "registrationId"},
        BadRequest{"ReservedTagKey", LongCode("US", "tags { key: 'aws:x' value: '' }"), reason::kInvalidParameter,
                   "tags[0].key"},
        BadRequest{"TwiceTheSameTagKey", LongCode("US", "tags { key: 'x' value: '1' } tags { key: 'x' value: '2' }"),
                   reason::kInvalidParameter, "tags[1].key"},
        BadRequest{"NoTagValue", LongCode("US", "tags { key: 'x' }"), reason::kMissingParameter, "tags[0].value"},
        BadRequest{"LongClientToken", LongCode("US", "client_token: '" + std::string(65, 't') + "'"),
                   reason::kInvalidParameter, "clientToken"}),
    NameOfCase);

INSTANTIATE_TEST_SUITE_P(
    Preference, RequestPhoneNumberRefusal,
    testing::Values(
        BadRequest{"TwoPreferences", TenDlcPreference(kPreference + kPreference), reason::kInvalidParameter,
                   "numberPreference"},
        BadRequest{"NoPreferenceType", TenDlcPreference("number_preference { filter: '55' }"),
                   reason::kMissingParameter, "numberPreference[0].preferenceType"},
        BadRequest{"TwoPreferenceTypes",
                   TenDlcPreference("number_preference { preference_type: PREFERENCE_TYPE_CONTAINS"
                                    " preference_type: PREFERENCE_TYPE_ENDS_WITH filter: '55' }"),
                   reason::kInvalidParameter, "numberPreference[0].preferenceType"},
        BadRequest{"NoPattern", TenDlcPreference("number_preference { preference_type: PREFERENCE_TYPE_CONTAINS }"),
                   reason::kMissingParameter, "numberPreference[0].filter"},
        BadRequest{"ElevenPatterns",
                   TenDlcPreference("number_preference { preference_type: PREFERENCE_TYPE_CONTAINS " +
                                    Repeated("filter: '55'", 11) + "}"),
                   reason::kInvalidParameter, "numberPreference[0].filter"},
        BadRequest{"OneDigit",
                   TenDlcPreference("number_preference { preference_type: PREFERENCE_TYPE_CONTAINS filter: '5' }"),
                   reason::kInvalidParameter, "numberPreference[0].filter[0]"},
        BadRequest{"SeventeenDigits",
                   TenDlcPreference("number_preference { preference_type: PREFERENCE_TYPE_CONTAINS filter: '" +
                                    std::string(17, '5') + "' }"),
                   reason::kInvalidParameter, "numberPreference[0].filter[0]"},
        BadRequest{"AWildcard",
                   TenDlcPreference("number_preference { preference_type: PREFERENCE_TYPE_CONTAINS filter: '5%5' }"),
                   reason::kInvalidParameter, "numberPreference[0].filter[0]"},
        BadRequest{"OfALongCode", LongCode("US", kPreference), reason::kInvalidParameter, "numberPreference"},
        BadRequest{"OutsideTheUnitedStates",
                   "iso_country_code: 'CA' number_type: REQUESTABLE_NUMBER_TYPE_TEN_DLC " + kOfType + kPreference,
                   reason::kInvalidParameter, "numberPreference"}),
    NameOfCase);

INSTANTIATE_TEST_SUITE_P(
    InternationalSending, RequestPhoneNumberRefusal,
    testing::Values(BadRequest{"OfALongCode", LongCode("US", "international_sending_enabled: true"),
                               reason::kInternationalSendingNotSupported, "internationalSendingEnabled"},
                    BadRequest{"OfATenDlcNumber", TenDlcPreference("international_sending_enabled: true"),
                               reason::kInternationalSendingNotSupported, "internationalSendingEnabled"},
                    BadRequest{
                        "OfAnotherCountrysTollFreeNumber",
                        "iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL"
                        " number_capabilities: NUMBER_CAPABILITY_VOICE number_type: REQUESTABLE_NUMBER_TYPE_TOLL_FREE"
                        " international_sending_enabled: true",
                        reason::kInternationalSendingNotSupported, "internationalSendingEnabled"}),
    NameOfCase);

TEST(RequestPhoneNumber, ReportsAllThatIsWrongWithTheRequestAtOnce) {
  Api api;
  EXPECT_THAT(
      RequestNumber(api, "iso_country_code: 'usa' number_capabilities: NUMBER_CAPABILITY_SMS"),
      IsInvalid(reason::kInvalidParameter, (std::vector<std::string>{"isoCountryCode", "messageType", "numberType"})));
}

TEST(RequestPhoneNumber, AllowsInternationalSendingOfAmericanTollFreeNumbers) {
  Api api;
  const auto result = RequestNumber(api, "iso_country_code: 'US' number_type: REQUESTABLE_NUMBER_TYPE_TOLL_FREE " +
                                             kOfType + "international_sending_enabled: true");
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result.response.international_sending_enabled());
}

TEST(RequestPhoneNumber, TakesInternationalSendingFalseForAnyNumber) {
  Api api;
  EXPECT_THAT(RequestNumber(api, LongCode("GB", "international_sending_enabled: false")), IsOk());
}

TEST(RequestPhoneNumber, ProtectsTheNumberOnlyWhenAsked) {
  Api api;
  EXPECT_TRUE(
      RequestNumber(api, LongCode("US", "deletion_protection_enabled: true")).response.deletion_protection_enabled());
  EXPECT_FALSE(
      RequestNumber(api, LongCode("US", "deletion_protection_enabled: false")).response.deletion_protection_enabled());
}

TEST(RequestPhoneNumber, EchoesTheRegistrationWithoutLookingForIt) {
  Api api;
  const auto result = RequestNumber(api, LongCode("US", "registration_id: 'registration-of-nobody'"));
  EXPECT_EQ(result.response.registration_id(), "registration-of-nobody");
  EXPECT_FALSE(RequestNumber(api, LongCode("US")).response.has_registration_id());
}

TEST(RequestPhoneNumber, TagsTheNumber) {
  Api api;
  const auto result =
      RequestNumber(api, LongCode("US", "tags { key: 'team' value: 'blue' } tags { key: 'Team' value: '' }"));
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result.response.tags(),
              ElementsAre(EqualsText("key: 'team' value: 'blue'"), EqualsText("key: 'Team' value: ''")));
  EXPECT_EQ(TagsOf(api, "phone-number", result.response.phone_number_id()),
            (std::map<std::string, std::string>{{"team", "blue"}, {"Team", ""}}));
}

std::string Tags(int count) {
  std::string tags;
  for (int i = 0; i < count; ++i) tags += "tags { key: 'k" + std::to_string(i) + "' value: 'v' } ";
  return tags;
}

TEST(RequestPhoneNumber, TakesAsManyTagsAsAResourceMayCarry) {
  Api api;
  EXPECT_THAT(RequestNumber(api, LongCode("US", Tags(50))), IsOk());
}

TEST(RequestPhoneNumber, RefusesMoreTagsThanAResourceMayCarry) {
  Api api;
  EXPECT_THAT(RequestNumber(api, LongCode("US", Tags(51))), IsOverQuota(reason::kTagsPerResource, 50));
  EXPECT_THAT(DescribedNumbers(api), IsEmpty());
}

TEST(RequestPhoneNumber, RefusesMoreTagsThanACallMayCarry) {
  Api api;
  EXPECT_THAT(RequestNumber(api, LongCode("US", Tags(201))), IsInvalidField(reason::kInvalidParameter, "tags"));
}

TEST(RequestPhoneNumber, TakesTheOptOutListByName) {
  Api api;
  GivenOptOutList(api, "Offers");
  EXPECT_EQ(RequestNumber(api, LongCode("US", "opt_out_list_name: 'Offers'")).response.opt_out_list_name(), "Offers");
}

TEST(RequestPhoneNumber, TakesTheOptOutListByArnAndAnswersItsName) {
  Api api;
  GivenOptOutList(api, "Offers");
  const auto result =
      RequestNumber(api, LongCode("US", "opt_out_list_name: '" + OwnArn(api, "opt-out-list", "Offers") + "'"));
  EXPECT_EQ(result.response.opt_out_list_name(), "Offers");
}

TEST(RequestPhoneNumber, RefusesAnOptOutListThatIsNotThere) {
  Api api;
  GivenOptOutList(api, "Offers");
  EXPECT_THAT(RequestNumber(api, LongCode("US", "opt_out_list_name: 'offers'")),
              IsNotFound(ResourceType::kOptOutList, "offers"));
  EXPECT_THAT(DescribedNumbers(api), IsEmpty());
}

TEST(RequestPhoneNumber, RefusesTheOptOutListOfAnotherRegion) {
  Api api;
  const std::string arn = ArnOfOtherRegion(api, "opt-out-list", "Default");
  EXPECT_THAT(RequestNumber(api, LongCode("US", "opt_out_list_name: '" + arn + "'")),
              IsNotFound(ResourceType::kOptOutList, arn));
}

TEST(RequestPhoneNumber, DoesNotRevealTheOptOutListOfAnotherAccount) {
  Api other;
  GivenOptOutList(other, "Offers");
  Api api;
  const std::string arn = ArnOfOtherAccount(other.account(), "opt-out-list", "Offers");
  EXPECT_THAT(RequestNumber(api, LongCode("US", "opt_out_list_name: '" + arn + "'")),
              IsNotFound(ResourceType::kOptOutList, arn));
}

// Section 4.4.

TEST(PhoneNumberQuota, IsTwentyFive) {
  Api api;
  for (int i = 0; i < 25; ++i) GivenNumber(api);
  EXPECT_THAT(RequestNumber(api, LongCode("US")), IsOverQuota(reason::kPhoneNumbersPerAccount, 25));
  EXPECT_THAT(DescribedNumbers(api), SizeIs(25));
}

TEST(PhoneNumberQuota, CanBeConfigured) {
  Settings settings;
  settings.api.quotas.phone_numbers = 1;
  Api api(settings);
  GivenNumber(api);
  EXPECT_THAT(RequestNumber(api, LongCode("US")), IsOverQuota(reason::kPhoneNumbersPerAccount, 1));
}

TEST(PhoneNumberQuota, IsFreedByARelease) {
  Settings settings;
  settings.api.quotas.phone_numbers = 1;
  Api api(settings);
  ASSERT_THAT(ReleaseNumber(api, GivenNumber(api)), IsOk());
  EXPECT_THAT(RequestNumber(api, LongCode("US")), IsOk());
}

TEST(PhoneNumberQuota, CountsEachAccountAndRegionByItself) {
  Settings settings;
  settings.api.quotas.phone_numbers = 1;
  Api api(settings);
  GivenNumber(api);
  const auto request = Api::Parse<RequestPhoneNumberRequest>(LongCode("US"));
  EXPECT_THAT(api.CallIn({api.account(), "eu-west-2"}, request), IsOk());
  EXPECT_THAT(api.CallAs(NewAccount(), request), IsOk());
}

TEST(PhoneNumberQuota, GivesTheLastPlaceToOneOfManyAtOnce) {
  Settings settings;
  settings.api.quotas.phone_numbers = 3;
  Api api(settings);
  std::vector<Result<RequestPhoneNumberResponse>> results(8);
  {
    std::vector<std::jthread> callers;
    for (auto& result : results) callers.emplace_back([&] { result = RequestNumber(api, LongCode("US")); });
  }
  EXPECT_EQ(std::ranges::count_if(results, [](const auto& result) { return !result.error; }), 3);
  for (const auto& result : results) {
    if (result.error) {
      EXPECT_THAT(result, IsOverQuota(reason::kPhoneNumbersPerAccount, 3));
    }
  }
  EXPECT_THAT(DescribedNumbers(api), SizeIs(3));
}

// Section 4.5. What makes the number ACTIVE in the end is tested with housekeeping.
TEST(RequestPhoneNumber, AnswersPendingWhileActivationTakesTime) {
  Settings settings;
  settings.api.number_activation_delay = milliseconds(1);
  Api api(settings);
  const auto result = RequestNumber(api, LongCode("US"));
  EXPECT_EQ(result.response.status(), NUMBER_STATUS_PENDING);
  EXPECT_EQ(TheNumber(api, result.response.phone_number_id()).status(), NUMBER_STATUS_PENDING);
}

}  // namespace
}  // namespace poold
