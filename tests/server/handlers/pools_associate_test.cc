// AssociateOriginationIdentity. Rules: behaviour 3, 4.4 to 4.8 and 5.

#include <gtest/gtest.h>

#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;

const std::string kGb = "iso_country_code: 'GB'";
const std::string kTopic = "arn:aws:sns:us-east-1:111122223333:inbound";
const std::string kRole = "arn:aws:iam::111122223333:role/inbound";

std::string Both(const std::string& pool, const std::string& identity) {
  return "pool_id: '" + pool + "' origination_identity: '" + identity + "' ";
}

auto Associate(Api& api, const std::string& pool, const std::string& identity, const std::string& more = {}) {
  return api.Call<AssociateOriginationIdentityRequest>(Both(pool, identity) + more);
}

auto Disassociate(Api& api, const std::string& pool, const std::string& identity, const std::string& more = {}) {
  return api.Call<DisassociateOriginationIdentityRequest>(Both(pool, identity) + more);
}

auto IsNumberConflict(std::string_view reason, const std::string& number) {
  return IsConflict(reason, ResourceType::kPhoneNumber, number);
}

std::string DigitsOf(Api& api, const std::string& number) { return TheNumber(api, number).phone_number().substr(1); }

// ---------------------------------------------------------------------------------------------------------------------
// The answer and the effect

TEST(AssociateOriginationIdentity, AnswersWithPoolAndNumberHoweverTheyWereNamed) {
  Api api;
  for (const auto& name : std::vector<std::function<std::string(const std::string&)>>{
           [](const std::string& number) { return number; },
           [&](const std::string& number) { return OwnArn(api, "phone-number", number); },
           [&](const std::string& number) { return DigitsOf(api, number); },
       }) {
    const std::string pool = GivenPool(api);
    const std::string number = GivenNumber(api);
    const auto associated = Associate(api, OwnArn(api, "pool", pool), name(number));
    ASSERT_THAT(associated, IsOk());
    EXPECT_THAT(associated.response, EqualsText("pool_arn: '" + OwnArn(api, "pool", pool) + "' pool_id: '" + pool +
                                                "' origination_identity_arn: '" + OwnArn(api, "phone-number", number) +
                                                "' origination_identity: '" + number + "' iso_country_code: 'US'"));
  }
}

TEST(AssociateOriginationIdentity, AnswersWithPoolAndSenderIdHoweverTheyWereNamed) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  for (const auto& [name, more] : {
           std::pair(std::string("ExampleCo"), kGb),
           std::pair(std::string("EXAMPLECO"), kGb),
           std::pair(OwnArn(api, "sender-id", "EXAMPLECO/GB"), kGb),
           std::pair(OwnArn(api, "sender-id", "EXAMPLECO/GB"), std::string()),
       }) {
    const std::string pool = GivenPool(api);
    const auto associated = Associate(api, pool, name, more);
    ASSERT_THAT(associated, IsOk()) << name;
    EXPECT_THAT(associated.response,
                EqualsText("pool_arn: '" + OwnArn(api, "pool", pool) + "' pool_id: '" + pool +
                           "' origination_identity_arn: '" + OwnArn(api, "sender-id", "EXAMPLECO/GB") +
                           "' origination_identity: 'EXAMPLECO' iso_country_code: 'GB'"));
  }
}

TEST(AssociateOriginationIdentity, PutsTheNumberInThePool) {
  Api api;
  const std::string founder = GivenNumber(api);
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, founder);
  ASSERT_THAT(Associate(api, pool, number), IsOk());
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(founder, number));
  EXPECT_EQ(TheNumber(api, number).pool_id(), pool);
}

TEST(AssociateOriginationIdentity, TakesAShortCodeByItsDigits) {
  Api api;
  const std::string number = GivenNumber(api);
  GivenShortCode(api, number, "62552");
  const std::string pool = GivenPool(api);
  const auto associated = Associate(api, pool, "62552");
  ASSERT_THAT(associated, IsOk());
  EXPECT_EQ(associated.response.origination_identity(), number);
}

TEST(AssociateOriginationIdentity, PutsASenderIdInManyPools) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  for (int i = 0; i < 3; ++i) {
    const std::string number = GivenNumber(api);
    const std::string pool = GivenPool(api, number);
    ASSERT_THAT(Associate(api, pool, "EXAMPLECO", kGb), IsOk());
    EXPECT_THAT(MembersOf(api, pool), ElementsAre(number, "EXAMPLECO"));
  }
}

TEST(AssociateOriginationIdentity, TellsSenderIdsOfOneTextApartByTheirCountry) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "FR");
  const std::string pool = GivenSenderIdPool(api, "EXAMPLECO");
  ASSERT_THAT(Associate(api, pool, "EXAMPLECO", "iso_country_code: 'FR'"), IsOk());
  EXPECT_THAT(MembersOf(api, pool), ElementsAre("EXAMPLECO", "EXAMPLECO"));
}

TEST(AssociateOriginationIdentity, MixesCountriesInAPool) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(Associate(api, pool, GivenNumber(api, "iso_country_code: 'FR'"), "iso_country_code: 'FR'"), IsOk());
  GivenSenderId(api, "EXAMPLECO", "GB");
  EXPECT_THAT(Associate(api, pool, "EXAMPLECO", kGb), IsOk());
}

TEST(AssociateOriginationIdentity, WorksOnAProtectedPoolAndWithAProtectedNumber) {
  Api api;
  const std::string pool = GivenPool(api, GivenNumber(api), "deletion_protection_enabled: true");
  EXPECT_THAT(Associate(api, pool, GivenNumber(api, "deletion_protection_enabled: true")), IsOk());
}

// ---------------------------------------------------------------------------------------------------------------------
// What is not there, what is malformed

TEST(AssociateOriginationIdentity, RefusesAPoolThatIsNotThere) {
  Api api;
  Api other;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(other);
  for (const std::string& id : {
           std::string("pool-0123456789abcdef0123456789abcdef"),
           pool,
           OwnArn(other, "pool", pool),
           OwnArn(api, "pool", pool),
           ArnOfOtherRegion(api, "pool", GivenPool(api)),
       }) {
    EXPECT_THAT(Associate(api, id, number), IsNotFound(ResourceType::kPool, id));
  }
}

TEST(AssociateOriginationIdentity, RefusesAnIdentityThatIsNotThere) {
  Api api;
  Api other;
  const std::string pool = GivenPool(api);
  const std::string foreign = OwnArn(other, "phone-number", GivenNumber(other));
  const std::string elsewhere = ArnOfOtherRegion(api, "phone-number", GivenNumber(api));
  for (const std::string& id :
       {std::string("phone-0123456789abcdef"), std::string("12065550100"), foreign, elsewhere}) {
    EXPECT_THAT(Associate(api, pool, id), IsNotFound(ResourceType::kPhoneNumber, id));
  }
  EXPECT_THAT(Associate(api, pool, "NOBODY", kGb), IsNotFound(ResourceType::kSenderId, "NOBODY"));
}

TEST(AssociateOriginationIdentity, RefusesWhatTheModelRefuses) {
  Api api;
  const std::string pool = GivenPool(api);
  const struct {
    std::string claim, request;
    std::string_view reason;
    std::string field;
  } kCases[] = {
      {"no pool", Both("", "A"), reason::kMissingParameter, "poolId"},
      {"no identity", Both(pool, ""), reason::kMissingParameter, "originationIdentity"},
      {"a pool of strange characters", Both("pool 1", "A"), reason::kInvalidParameter, "poolId"},
      {"a number with a plus", Both(pool, "+12065550100"), reason::kInvalidParameter, "originationIdentity"},
      {"a country of one letter", Both(pool, "A") + "iso_country_code: 'G'", reason::kInvalidParameter,
       "isoCountryCode"},
      {"a client token with a blank", Both(pool, "A") + "client_token: 'a b'", reason::kInvalidParameter,
       "clientToken"},
      {"the ARN of a pool as identity", Both(pool, OwnArn(api, "pool", pool)), reason::kInvalidArn,
       "originationIdentity"},
      {"the ARN of a list as pool", Both(OwnArn(api, "opt-out-list", "Default"), "A"), reason::kInvalidArn, "poolId"},
  };
  for (const auto& [claim, request, reason, field] : kCases) {
    EXPECT_THAT(api.Call<AssociateOriginationIdentityRequest>(request), IsInvalidField(reason, field)) << claim;
    EXPECT_THAT(api.Call<DisassociateOriginationIdentityRequest>(request), IsInvalidField(reason, field)) << claim;
  }
}

TEST(AssociateOriginationIdentity, ChecksTheCountryAsCreatePoolDoes) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  GivenSenderId(api, "EXAMPLECO", "GB");
  const auto mismatch = IsInvalidField(reason::kCountryCodeMismatch, "isoCountryCode");
  EXPECT_THAT(Associate(api, pool, "EXAMPLECO"), IsInvalidField(reason::kMissingParameter, "isoCountryCode"));
  EXPECT_THAT(Associate(api, pool, OwnArn(api, "sender-id", "EXAMPLECO/GB"), "iso_country_code: 'FR'"), mismatch);
  EXPECT_THAT(Associate(api, pool, number, kGb), mismatch);
  EXPECT_THAT(Associate(api, pool, OwnArn(api, "phone-number", number), kGb), mismatch);
}

// ---------------------------------------------------------------------------------------------------------------------
// Conflicts

TEST(AssociateOriginationIdentity, RefusesAPoolThatIsNotActive) {
  Api api;
  const std::string pool = GivenPool(api);
  GivenStatus(api, pool, "CREATING");
  EXPECT_THAT(Associate(api, pool, GivenNumber(api)),
              IsConflict(reason::kResourceNotActive, ResourceType::kPool, pool));
}

TEST(AssociateOriginationIdentity, RefusesWhatIsInThisPoolAlready) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  GivenSenderId(api, "EXAMPLECO", "GB");
  GivenMember(api, pool, "EXAMPLECO", kGb);
  EXPECT_THAT(Associate(api, pool, number), IsNumberConflict(reason::kResourceAlreadyAssociated, number));
  EXPECT_THAT(Associate(api, pool, "exampleco", kGb),
              IsConflict(reason::kResourceAlreadyAssociated, ResourceType::kSenderId, "EXAMPLECO"));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(number, "EXAMPLECO"));
}

TEST(AssociateOriginationIdentity, RefusesANumberInAnotherPool) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string home = GivenPool(api, number);
  EXPECT_THAT(Associate(api, GivenPool(api), number), IsNumberConflict(reason::kPhoneNumberAssociatedToPool, number));
  EXPECT_EQ(TheNumber(api, number).pool_id(), home);
}

TEST(AssociateOriginationIdentity, RefusesANumberThatIsNotActive) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  for (const std::string status : {"PENDING", "ASSOCIATING", "DISASSOCIATING", "DELETED"}) {
    GivenStatus(api, number, status);
    EXPECT_THAT(Associate(api, pool, number), IsNumberConflict(reason::kResourceNotActive, number)) << status;
  }
}

TEST(AssociateOriginationIdentity, RefusesAMessageTypeThatIsNotThePools) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api, "message_type: MESSAGE_TYPE_PROMOTIONAL");
  GivenSenderId(api, "PROMO", "GB", "message_types: MESSAGE_TYPE_PROMOTIONAL");
  EXPECT_THAT(Associate(api, pool, number), IsNumberConflict(reason::kMessageTypeMismatch, number));
  EXPECT_THAT(Associate(api, pool, "PROMO", kGb),
              IsConflict(reason::kMessageTypeMismatch, ResourceType::kSenderId, "PROMO"));
}

TEST(AssociateOriginationIdentity, RefusesOtherCapabilitiesThanThoseOfTheNumbersInThePool) {
  Api api;
  const std::string pool = GivenPool(api, GivenNumber(api,
                                                      "number_capabilities: [NUMBER_CAPABILITY_SMS,"
                                                      " NUMBER_CAPABILITY_VOICE]"));
  for (const std::string capabilities : {"NUMBER_CAPABILITY_SMS", "NUMBER_CAPABILITY_VOICE",
                                         "NUMBER_CAPABILITY_SMS, NUMBER_CAPABILITY_VOICE, NUMBER_CAPABILITY_MMS"}) {
    const std::string number = GivenNumber(api, "number_capabilities: [" + capabilities + "]");
    EXPECT_THAT(Associate(api, pool, number), IsNumberConflict(reason::kNumberCapabilitiesMismatch, number));
  }
}

TEST(AssociateOriginationIdentity, ComparesCapabilitiesAsASet) {
  Api api;
  const std::string pool = GivenPool(api, GivenNumber(api,
                                                      "number_capabilities: [NUMBER_CAPABILITY_SMS,"
                                                      " NUMBER_CAPABILITY_VOICE]"));
  EXPECT_THAT(Associate(api, pool,
                        GivenNumber(api,
                                    "number_capabilities: [NUMBER_CAPABILITY_VOICE,"
                                    " NUMBER_CAPABILITY_SMS]")),
              IsOk());
}

TEST(AssociateOriginationIdentity, TakesAnyCapabilitiesIntoAPoolWithoutNumbers) {
  Api api;
  const std::string pool = GivenSenderIdPool(api, "EXAMPLECO");
  EXPECT_THAT(Associate(api, pool, GivenNumber(api, "number_capabilities: NUMBER_CAPABILITY_VOICE")), IsOk());
  const std::string other = GivenNumber(api);
  EXPECT_THAT(Associate(api, pool, other), IsNumberConflict(reason::kNumberCapabilitiesMismatch, other));
}

TEST(AssociateOriginationIdentity, RefusesAnyDifferenceInTwoWay) {
  Api api;
  const std::string on = "two_way_enabled: true two_way_channel_arn: '" + kTopic + "' ";
  const std::string with_role = on + "two_way_channel_role: '" + kRole + "' ";
  const std::string elsewhere = "two_way_enabled: true two_way_channel_arn: '" + kTopic + "2' ";
  const std::string off = "two_way_enabled: false ";
  const struct {
    std::string claim, pool, number;
  } kCases[] = {
      {"on against off", on, off},
      {"off against on", off, on},
      {"another channel", on, elsewhere},
      {"a role against none", with_role, on},
      {"none against a role", on, with_role},
      {"another role", with_role, on + "two_way_channel_role: '" + kRole + "2' "},
  };
  for (const auto& [claim, of_pool, of_number] : kCases) {
    const std::string pool = GivenPool(api);
    const std::string number = GivenNumber(api);
    GivenChange(api, pool, of_pool);
    GivenChange(api, number, of_number);
    EXPECT_THAT(Associate(api, pool, number), IsNumberConflict(reason::kTwoWayConfigMismatch, number)) << claim;
  }
}

TEST(AssociateOriginationIdentity, RefusesAnyDifferenceInSelfManagedOptOuts) {
  Api api;
  const std::string two_way = "two_way_enabled: true two_way_channel_arn: '" + kTopic + "' ";
  for (const bool of_pool : {true, false}) {
    const std::string pool = GivenPool(api);
    const std::string number = GivenNumber(api);
    GivenChange(api, pool, two_way + "self_managed_opt_outs_enabled: " + (of_pool ? "true" : "false"));
    GivenChange(api, number, two_way + "self_managed_opt_outs_enabled: " + (of_pool ? "false" : "true"));
    EXPECT_THAT(Associate(api, pool, number), IsNumberConflict(reason::kSelfManagedOptOutsMismatch, number));
  }
}

TEST(AssociateOriginationIdentity, RefusesAnotherOptOutList) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string number = GivenNumber(api, "opt_out_list_name: 'Offers'");
  EXPECT_THAT(Associate(api, GivenPool(api), number), IsNumberConflict(reason::kOptOutListMismatch, number));
}

TEST(AssociateOriginationIdentity, RefusesAnyDifferenceInKeywords) {
  Api api;
  const struct {
    std::string claim;
    std::function<void(const std::string& pool, const std::string& number)> change;
  } kCases[] = {
      {"one more on the number", [&](auto&, auto& number) { GivenKeyword(api, number, "HOURS", "9 to 5"); }},
      {"one more on the pool", [&](auto& pool, auto&) { GivenKeyword(api, pool, "HOURS", "9 to 5"); }},
      {"another message", [&](auto&, auto& number) { GivenKeyword(api, number, "HELP", "Call us."); }},
      {"another word",
       [&](auto& pool, auto& number) {
         GivenKeyword(api, pool, "HOURS", "9 to 5");
         GivenKeyword(api, number, "OPEN", "9 to 5");
       }},
      {"another action",
       [&](auto& pool, auto& number) {
         GivenKeyword(api, pool, "JOIN", "Welcome.", "AUTOMATIC_RESPONSE");
         GivenKeyword(api, number, "JOIN", "Welcome.", "OPT_IN");
       }},
      {"another answer to STOP", [&](auto&, auto& number) { GivenKeyword(api, number, "STOP", "Bye.", "OPT_OUT"); }},
  };
  for (const auto& [claim, change] : kCases) {
    const std::string pool = GivenPool(api);
    const std::string number = GivenNumber(api);
    change(pool, number);
    EXPECT_THAT(Associate(api, pool, number), IsNumberConflict(reason::kKeywordMismatch, number)) << claim;
  }
}

TEST(AssociateOriginationIdentity, TakesANumberThatIsConfiguredAsThePoolIs) {
  Api api;
  const ConfiguredNumber founder = GivenConfiguredNumber(api);
  const std::string pool = GivenPool(api, founder.id);
  const std::string number = GivenNumber(api);
  GivenChange(api, number,
              "opt_out_list_name: 'Offers' two_way_enabled: true self_managed_opt_outs_enabled: true"
              " two_way_channel_arn: '" +
                  kTopic + "' two_way_channel_role: '" + kRole + "'");
  GivenKeyword(api, number, "HOURS", "9 to 5");
  EXPECT_THAT(Associate(api, pool, number), IsOk());
}

TEST(AssociateOriginationIdentity, ComparesWithThePoolAsItIsNowNotAsItsFirstNumberWas) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string pool = GivenPool(api);
  GivenChange(api, pool, "opt_out_list_name: 'Offers'");
  GivenKeyword(api, pool, "HOURS", "9 to 5");
  const std::string as_first = GivenNumber(api);
  const std::string as_now = GivenNumber(api, "opt_out_list_name: 'Offers'");
  GivenKeyword(api, as_now, "HOURS", "9 to 5");
  EXPECT_THAT(Associate(api, pool, as_first), IsNumberConflict(reason::kOptOutListMismatch, as_first));
  EXPECT_THAT(Associate(api, pool, as_now), IsOk());
}

TEST(AssociateOriginationIdentity, ComparesNothingButTheMessageTypeOfASenderId) {
  Api api;
  const std::string pool = GivenPool(api, GivenConfiguredNumber(api).id);
  GivenSenderId(api, "EXAMPLECO", "GB", "message_types: MESSAGE_TYPE_TRANSACTIONAL");
  EXPECT_THAT(Associate(api, pool, "EXAMPLECO", kGb), IsOk());
}

// ---------------------------------------------------------------------------------------------------------------------
// The quota, and the order of it all

TEST(AssociateOriginationIdentity, RefusesThe101stIdentity) {
  Settings settings;
  settings.api.quotas.sender_ids = 200;
  Api api(settings);
  const std::string pool = GivenPool(api);
  for (int i = 1; i < 100; ++i) GivenMember(api, pool, GivenSenderId(api, "S" + std::to_string(i)), kGb);
  const std::string number = GivenNumber(api);
  EXPECT_THAT(Associate(api, pool, number), IsOverQuota(reason::kOriginationIdentitiesPerPool, 100));
  EXPECT_FALSE(TheNumber(api, number).has_pool_id());
}

TEST(AssociateOriginationIdentity, HasTheQuotaThatIsConfiguredForNumbersAndSenderIdsTogether) {
  Settings settings;
  settings.api.quotas.origination_identities_per_pool = 2;
  Api api(settings);
  const std::string pool = GivenPool(api);
  GivenMember(api, pool, GivenSenderId(api, "FIRST"), kGb);
  GivenSenderId(api, "SECOND");
  const auto refusal = IsOverQuota(reason::kOriginationIdentitiesPerPool, 2);
  EXPECT_THAT(Associate(api, pool, "SECOND", kGb), refusal);
  EXPECT_THAT(Associate(api, pool, GivenNumber(api)), refusal);
  ASSERT_THAT(Disassociate(api, pool, "FIRST", kGb), IsOk());
  EXPECT_THAT(Associate(api, pool, "SECOND", kGb), IsOk());
}

// The documented order. The number is everything that can be refused at once; then one fault after the
// other is mended, and each time the next refusal comes to light.
TEST(AssociateOriginationIdentity, RefusesWithTheFirstReasonOfTheDocumentedOrder) {
  Settings settings;
  settings.api.quotas.origination_identities_per_pool = 1;
  Api api(settings);
  GivenOptOutList(api, "Offers");
  const std::string number = GivenNumber(api,
                                         "message_type: MESSAGE_TYPE_PROMOTIONAL opt_out_list_name: 'Offers'"
                                         " number_capabilities: [NUMBER_CAPABILITY_SMS, NUMBER_CAPABILITY_VOICE]");
  GivenChange(api, number,
              "two_way_enabled: true self_managed_opt_outs_enabled: true two_way_channel_arn: '" + kTopic + "'");
  GivenKeyword(api, number, "HOURS", "9 to 5");
  const std::string home = GivenPool(api, number, "message_type: MESSAGE_TYPE_PROMOTIONAL");
  GivenStatus(api, number, "PENDING");
  const std::string pool = GivenPool(api);
  GivenStatus(api, pool, "CREATING");
  const std::string missing = "phone-00000000000000000000000000000000";

  EXPECT_THAT(Associate(api, "pool-0", missing), IsNotFound(ResourceType::kPool, "pool-0"));
  EXPECT_THAT(Associate(api, pool, missing), IsConflict(reason::kResourceNotActive, ResourceType::kPool, pool));
  GivenStatus(api, pool, "ACTIVE");
  EXPECT_THAT(Associate(api, pool, missing), IsNotFound(ResourceType::kPhoneNumber, missing));
  EXPECT_THAT(Associate(api, home, number), IsNumberConflict(reason::kResourceAlreadyAssociated, number));
  EXPECT_THAT(Associate(api, pool, number), IsNumberConflict(reason::kPhoneNumberAssociatedToPool, number));
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + home + "'"), IsOk());
  EXPECT_THAT(Associate(api, pool, number), IsNumberConflict(reason::kResourceNotActive, number));
  GivenStatus(api, number, "ACTIVE");
  EXPECT_THAT(Associate(api, pool, number), IsNumberConflict(reason::kMessageTypeMismatch, number));

  const std::string promotional = GivenPool(api, GivenNumber(api, "message_type: MESSAGE_TYPE_PROMOTIONAL"),
                                            "message_type: MESSAGE_TYPE_PROMOTIONAL");
  EXPECT_THAT(Associate(api, promotional, number), IsNumberConflict(reason::kNumberCapabilitiesMismatch, number));

  const std::string last =
      GivenPool(api,
                GivenNumber(api,
                            "message_type: MESSAGE_TYPE_PROMOTIONAL"
                            " number_capabilities: [NUMBER_CAPABILITY_SMS, NUMBER_CAPABILITY_VOICE]"),
                "message_type: MESSAGE_TYPE_PROMOTIONAL");
  EXPECT_THAT(Associate(api, last, number), IsNumberConflict(reason::kTwoWayConfigMismatch, number));
  GivenChange(api, last, "two_way_enabled: true two_way_channel_arn: '" + kTopic + "'");
  EXPECT_THAT(Associate(api, last, number), IsNumberConflict(reason::kSelfManagedOptOutsMismatch, number));
  GivenChange(api, last, "self_managed_opt_outs_enabled: true");
  EXPECT_THAT(Associate(api, last, number), IsNumberConflict(reason::kOptOutListMismatch, number));
  GivenChange(api, last, "opt_out_list_name: 'Offers'");
  EXPECT_THAT(Associate(api, last, number), IsNumberConflict(reason::kKeywordMismatch, number));
  GivenKeyword(api, last, "HOURS", "9 to 5");
  EXPECT_THAT(Associate(api, last, number), IsOverQuota(reason::kOriginationIdentitiesPerPool, 1));
}

}  // namespace
}  // namespace poold
