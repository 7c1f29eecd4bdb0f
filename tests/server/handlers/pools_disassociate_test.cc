// DisassociateOriginationIdentity. Rules: behaviour 3, 4.5, 4.7, 4.8 and 5.

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

// A pool of two plain numbers.
struct Pair {
  std::string pool, first, second;
};
Pair GivenPair(Api& api) {
  Pair pair;
  pair.first = GivenNumber(api);
  pair.second = GivenNumber(api);
  pair.pool = GivenPool(api, pair.first);
  GivenMember(api, pair.pool, pair.second);
  return pair;
}

TEST(DisassociateOriginationIdentity, AnswersWithPoolAndNumberHoweverTheyWereNamed) {
  Api api;
  for (const auto& name : std::vector<std::function<std::string(const std::string&)>>{
           [](const std::string& number) { return number; },
           [&](const std::string& number) { return OwnArn(api, "phone-number", number); },
           [&](const std::string& number) { return DigitsOf(api, number); },
       }) {
    const Pair pair = GivenPair(api);
    const auto left = Disassociate(api, OwnArn(api, "pool", pair.pool), name(pair.second), "iso_country_code: 'US'");
    ASSERT_THAT(left, IsOk());
    EXPECT_THAT(left.response, EqualsText("pool_arn: '" + OwnArn(api, "pool", pair.pool) + "' pool_id: '" + pair.pool +
                                          "' origination_identity_arn: '" + OwnArn(api, "phone-number", pair.second) +
                                          "' origination_identity: '" + pair.second + "' iso_country_code: 'US'"));
  }
}

TEST(DisassociateOriginationIdentity, AnswersWithPoolAndSenderIdHoweverTheyWereNamed) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  const std::string pool = GivenPool(api);
  for (const auto& [name, more] : {
           std::pair(std::string("ExampleCo"), kGb),
           std::pair(std::string("EXAMPLECO"), kGb),
           std::pair(OwnArn(api, "sender-id", "EXAMPLECO/GB"), std::string()),
       }) {
    GivenMember(api, pool, "EXAMPLECO", kGb);
    const auto left = Disassociate(api, pool, name, more);
    ASSERT_THAT(left, IsOk()) << name;
    EXPECT_THAT(left.response, EqualsText("pool_arn: '" + OwnArn(api, "pool", pool) + "' pool_id: '" + pool +
                                          "' origination_identity_arn: '" + OwnArn(api, "sender-id", "EXAMPLECO/GB") +
                                          "' origination_identity: 'EXAMPLECO' iso_country_code: 'GB'"));
  }
}

TEST(DisassociateOriginationIdentity, TakesTheNumberOutAndSetsItFree) {
  Api api;
  const Pair pair = GivenPair(api);
  ASSERT_THAT(Disassociate(api, pair.pool, pair.first), IsOk());  // the founder may go too
  EXPECT_THAT(MembersOf(api, pair.pool), ElementsAre(pair.second));
  EXPECT_FALSE(TheNumber(api, pair.first).has_pool_id());
  EXPECT_EQ(TheNumber(api, pair.first).status(), NUMBER_STATUS_ACTIVE);
  EXPECT_THAT(Associate(api, GivenPool(api), pair.first), IsOk());
}

TEST(DisassociateOriginationIdentity, TakesTheSenderIdOutOfThatPoolOnly) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  const std::string other = GivenSenderIdPool(api, "EXAMPLECO");
  GivenMember(api, pool, "EXAMPLECO", kGb);
  ASSERT_THAT(Disassociate(api, pool, "EXAMPLECO", kGb), IsOk());
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(number));
  EXPECT_THAT(MembersOf(api, other), ElementsAre("EXAMPLECO"));
}

TEST(DisassociateOriginationIdentity, LetsANumberComeBackToTheEndOfThePool) {
  Api api;
  const Pair pair = GivenPair(api);
  ASSERT_THAT(Disassociate(api, pair.pool, pair.first), IsOk());
  ASSERT_THAT(Associate(api, pair.pool, pair.first), IsOk());
  EXPECT_THAT(MembersOf(api, pair.pool), ElementsAre(pair.second, pair.first));
}

TEST(DisassociateOriginationIdentity, LeavesTheNumberTheSettingsThatThePoolGaveIt) {
  Api api;
  GivenOptOutList(api, "Offers");
  const Pair pair = GivenPair(api);
  GivenChange(api, pair.pool,
              "opt_out_list_name: 'Offers' two_way_enabled: true self_managed_opt_outs_enabled: true"
              " two_way_channel_arn: '" +
                  kTopic + "' two_way_channel_role: '" + kRole + "'");
  ASSERT_THAT(Disassociate(api, pair.pool, pair.second), IsOk());
  GivenChange(api, pair.pool,
              "two_way_enabled: false self_managed_opt_outs_enabled: false opt_out_list_name: 'Default'");
  const auto number = TheNumber(api, pair.second);
  EXPECT_EQ(number.opt_out_list_name(), "Offers");
  EXPECT_TRUE(number.two_way_enabled());
  EXPECT_EQ(number.two_way_channel_arn(), kTopic);
  EXPECT_EQ(number.two_way_channel_role(), kRole);
  EXPECT_TRUE(number.self_managed_opt_outs_enabled());
}

TEST(DisassociateOriginationIdentity, LeavesTheNumberThePoolsKeywords) {
  Api api;
  const Pair pair = GivenPair(api);
  GivenKeyword(api, pair.second, "OWN", "The number's own, from before.");
  GivenKeyword(api, pair.pool, "HOURS", "9 to 5");
  GivenKeyword(api, pair.pool, "HELP", "Call us.");
  ASSERT_THAT(Disassociate(api, pair.pool, pair.second), IsOk());
  EXPECT_EQ(KeywordsOf(api, pair.second), KeywordsOf(api, pair.pool));
}

TEST(DisassociateOriginationIdentity, IsNotStoppedByDeletionProtection) {
  Api api;
  const std::string pool = GivenPool(api, GivenNumber(api), "deletion_protection_enabled: true");
  const std::string number = GivenNumber(api, "deletion_protection_enabled: true");
  GivenMember(api, pool, number);
  GivenMember(api, pool, GivenSenderId(api, "EXAMPLECO", "GB", "deletion_protection_enabled: true"), kGb);
  EXPECT_THAT(Disassociate(api, pool, number), IsOk());
  EXPECT_THAT(Disassociate(api, pool, "EXAMPLECO", kGb), IsOk());
}

// ---------------------------------------------------------------------------------------------------------------------
// The last one stays

TEST(DisassociateOriginationIdentity, KeepsTheLastNumber) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  EXPECT_THAT(Disassociate(api, pool, number), IsNumberConflict(reason::kLastPhoneNumber, number));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(number));
}

TEST(DisassociateOriginationIdentity, KeepsTheLastNumberEvenIfSenderIdsRemain) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  GivenMember(api, pool, GivenSenderId(api, "FIRST"), kGb);
  GivenMember(api, pool, GivenSenderId(api, "SECOND"), kGb);
  EXPECT_THAT(Disassociate(api, pool, number), IsNumberConflict(reason::kLastPhoneNumber, number));
}

TEST(DisassociateOriginationIdentity, KeepsTheLastNumberOfAPoolThatASenderIdFounded) {
  Api api;
  const std::string pool = GivenSenderIdPool(api, "EXAMPLECO");
  const std::string number = GivenNumber(api);
  GivenMember(api, pool, number);
  EXPECT_THAT(Disassociate(api, pool, number), IsNumberConflict(reason::kLastPhoneNumber, number));
}

TEST(DisassociateOriginationIdentity, LetsSenderIdsGoAsLongAsANumberStays) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  GivenMember(api, pool, GivenSenderId(api, "EXAMPLECO"), kGb);
  EXPECT_THAT(Disassociate(api, pool, "EXAMPLECO", kGb), IsOk());
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(number));
}

TEST(DisassociateOriginationIdentity, KeepsTheLastSenderIdOfAPoolWithoutNumbers) {
  Api api;
  const std::string pool = GivenSenderIdPool(api, "FIRST");
  GivenMember(api, pool, GivenSenderId(api, "SECOND"), kGb);
  ASSERT_THAT(Disassociate(api, pool, "FIRST", kGb), IsOk());
  EXPECT_THAT(Disassociate(api, pool, "SECOND", kGb),
              IsConflict(reason::kLastPhoneNumber, ResourceType::kSenderId, "SECOND"));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre("SECOND"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Refusals

TEST(DisassociateOriginationIdentity, RefusesANumberThatIsNotInThisPool) {
  Api api;
  const Pair pair = GivenPair(api);
  const std::string free = GivenNumber(api);
  const Pair other = GivenPair(api);
  for (const std::string& number : {free, other.first}) {
    EXPECT_THAT(Disassociate(api, pair.pool, number),
                IsNumberConflict(reason::kPhoneNumberNotAssociatedToPool, number));
  }
  EXPECT_EQ(TheNumber(api, other.first).pool_id(), other.pool);
}

TEST(DisassociateOriginationIdentity, DoesNotFindASenderIdThatIsNotInThisPool) {
  Api api;
  const Pair pair = GivenPair(api);
  const std::string other = GivenSenderIdPool(api, "EXAMPLECO");
  EXPECT_THAT(Disassociate(api, pair.pool, "EXAMPLECO", kGb), IsNotFound(ResourceType::kSenderId, "EXAMPLECO"));
  EXPECT_THAT(MembersOf(api, other), ElementsAre("EXAMPLECO"));
}

TEST(DisassociateOriginationIdentity, DoesNotFindTheSenderIdOfAnotherCountry) {
  Api api;
  const std::string pool = GivenSenderIdPool(api, "FIRST");
  GivenMember(api, pool, GivenSenderId(api, "EXAMPLECO", "GB"), kGb);
  GivenSenderId(api, "EXAMPLECO", "FR");
  EXPECT_THAT(Disassociate(api, pool, "EXAMPLECO", "iso_country_code: 'FR'"),
              IsNotFound(ResourceType::kSenderId, "EXAMPLECO"));
}

TEST(DisassociateOriginationIdentity, RefusesAPoolOrIdentityThatIsNotThere) {
  Api api;
  const Pair pair = GivenPair(api);
  Api other;
  const Pair foreign = GivenPair(other);
  const std::string foreign_pool = OwnArn(other, "pool", foreign.pool);
  const std::string foreign_number = OwnArn(other, "phone-number", foreign.first);
  EXPECT_THAT(Disassociate(api, "pool-0", pair.first), IsNotFound(ResourceType::kPool, "pool-0"));
  EXPECT_THAT(Disassociate(api, foreign_pool, foreign.first), IsNotFound(ResourceType::kPool, foreign_pool));
  EXPECT_THAT(Disassociate(api, pair.pool, foreign_number), IsNotFound(ResourceType::kPhoneNumber, foreign_number));
  EXPECT_THAT(Disassociate(api, pair.pool, "NOBODY", kGb), IsNotFound(ResourceType::kSenderId, "NOBODY"));
  EXPECT_THAT(MembersOf(other, foreign.pool), ElementsAre(foreign.first, foreign.second));
}

TEST(DisassociateOriginationIdentity, ChecksTheCountryAsCreatePoolDoes) {
  Api api;
  const Pair pair = GivenPair(api);
  GivenMember(api, pair.pool, GivenSenderId(api, "EXAMPLECO"), kGb);
  const auto mismatch = IsInvalidField(reason::kCountryCodeMismatch, "isoCountryCode");
  EXPECT_THAT(Disassociate(api, pair.pool, "EXAMPLECO"), IsInvalidField(reason::kMissingParameter, "isoCountryCode"));
  EXPECT_THAT(Disassociate(api, pair.pool, OwnArn(api, "sender-id", "EXAMPLECO/GB"), "iso_country_code: 'FR'"),
              mismatch);
  EXPECT_THAT(Disassociate(api, pair.pool, pair.first, kGb), mismatch);
}

TEST(DisassociateOriginationIdentity, RefusesAPoolThatIsNotActive) {
  Api api;
  const Pair pair = GivenPair(api);
  GivenStatus(api, pair.pool, "CREATING");
  EXPECT_THAT(Disassociate(api, pair.pool, pair.first),
              IsConflict(reason::kResourceNotActive, ResourceType::kPool, pair.pool));
}

TEST(DisassociateOriginationIdentity, RefusesANumberThatIsNotActive) {
  Api api;
  const Pair pair = GivenPair(api);
  GivenStatus(api, pair.first, "PENDING");
  EXPECT_THAT(Disassociate(api, pair.pool, pair.first), IsNumberConflict(reason::kResourceNotActive, pair.first));
}

}  // namespace
}  // namespace poold
