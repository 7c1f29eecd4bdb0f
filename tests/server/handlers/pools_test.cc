// CreatePool. Rules: behaviour 3, 4.3 to 4.8 and 5.

#include <gtest/gtest.h>

#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

// CreatePool of a transactional pool, unless `more` says otherwise.
auto Create(Api& api, const std::string& origination_identity, const std::string& more = {}) {
  auto request = Api::Parse<CreatePoolRequest>("message_type: MESSAGE_TYPE_TRANSACTIONAL origination_identity: '" +
                                               origination_identity + "'");
  request.MergeFrom(Api::Parse<CreatePoolRequest>(more));
  return api.Call(request);
}

auto Delete(Api& api, const std::string& pool_id_or_arn) {
  return api.Call<DeletePoolRequest>("pool_id: '" + pool_id_or_arn + "'");
}

std::vector<std::string> PlainKeywords(const Api& api) {
  return {"HELP: AUTOMATIC_RESPONSE: " + api.settings.api.help_message,
          "STOP: OPT_OUT: " + api.settings.api.stop_message};
}

std::string Tags(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "tags { key: 'key" + std::to_string(i) + "' value: 'v' } ";
  return text;
}

// ---------------------------------------------------------------------------------------------------------------------
// The answer and the effect

TEST(CreatePool, AnswersWithTheWholePool) {
  Api api;
  const auto pool = Create(api, GivenNumber(api));
  ASSERT_THAT(pool, IsOk());
  const std::string id = pool.response.pool_id();
  EXPECT_THAT(id, testing::MatchesRegex("pool-[0-9a-f]+"));
  EXPECT_THAT(id, SizeIs(5 + 32));
  EXPECT_THAT(pool.response, EqualsText("pool_arn: '" + OwnArn(api, "pool", id) + "' pool_id: '" + id +
                                        "' status: POOL_STATUS_ACTIVE message_type: MESSAGE_TYPE_TRANSACTIONAL"
                                        " opt_out_list_name: 'Default' created_timestamp { seconds: 1704067200 }"));
}

TEST(CreatePool, PutsTheNumberInThePool) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(number));
  EXPECT_EQ(TheNumber(api, number).pool_id(), pool);
}

TEST(CreatePool, PutsTheSenderIdInThePool) {
  Api api;
  const std::string pool = GivenSenderIdPool(api, "EXAMPLECO");
  EXPECT_THAT(MembersOf(api, pool), ElementsAre("EXAMPLECO"));
}

TEST(CreatePool, StampsThePoolWithTheTimeInMilliseconds) {
  Api api;
  api.world.Set(storage::Time(std::chrono::milliseconds(1645568542007)));
  const auto pool = Create(api, GivenNumber(api));
  ASSERT_THAT(pool, IsOk());
  EXPECT_EQ(pool.response.created_timestamp().seconds(), 1645568542);
  EXPECT_EQ(pool.response.created_timestamp().nanos(), 7'000'000);
  EXPECT_THAT(ThePool(api, pool.response.pool_id()).created_timestamp(),
              EqualsProto(pool.response.created_timestamp()));
}

TEST(CreatePool, MakesNoTwoPoolsWithOneId) {
  Api api;
  EXPECT_NE(GivenPool(api), GivenPool(api));
}

// ---------------------------------------------------------------------------------------------------------------------
// What the pool takes from its first identity

TEST(CreatePool, TakesTheNumbersMessageType) {
  Api api;
  const auto pool =
      Create(api, GivenNumber(api, "message_type: MESSAGE_TYPE_PROMOTIONAL"), "message_type: MESSAGE_TYPE_PROMOTIONAL");
  ASSERT_THAT(pool, IsOk());
  EXPECT_EQ(pool.response.message_type(), MESSAGE_TYPE_PROMOTIONAL);
}

TEST(CreatePool, InheritsTheNumbersOptOutList) {
  Api api;
  const auto pool = Create(api, GivenConfiguredNumber(api).id);
  ASSERT_THAT(pool, IsOk());
  EXPECT_EQ(pool.response.opt_out_list_name(), ConfiguredNumber::kList);
}

TEST(CreatePool, InheritsTheNumbersTwoWayConfiguration) {
  Api api;
  const auto pool = Create(api, GivenConfiguredNumber(api).id);
  ASSERT_THAT(pool, IsOk());
  EXPECT_TRUE(pool.response.two_way_enabled());
  EXPECT_EQ(pool.response.two_way_channel_arn(), ConfiguredNumber::kChannel);
  EXPECT_EQ(pool.response.two_way_channel_role(), ConfiguredNumber::kRole);
}

TEST(CreatePool, InheritsTheNumbersSelfManagedOptOuts) {
  Api api;
  const auto pool = Create(api, GivenConfiguredNumber(api).id);
  ASSERT_THAT(pool, IsOk());
  EXPECT_TRUE(pool.response.self_managed_opt_outs_enabled());
}

TEST(CreatePool, InheritsTheNumbersKeywords) {
  Api api;
  const std::string number = GivenNumber(api);
  GivenKeyword(api, number, "HELP", "Call us.");
  GivenKeyword(api, number, "JOIN", "Welcome back.", "OPT_IN");
  const std::string pool = GivenPool(api, number);
  EXPECT_THAT(KeywordsOf(api, pool), ElementsAre("HELP: AUTOMATIC_RESPONSE: Call us.", "JOIN: OPT_IN: Welcome back.",
                                                 "STOP: OPT_OUT: " + api.settings.api.stop_message));
}

TEST(CreatePool, DoesNotInheritTheNumbersDeletionProtection) {
  Api api;
  const auto pool = Create(api, GivenNumber(api, "deletion_protection_enabled: true"));
  ASSERT_THAT(pool, IsOk());
  EXPECT_FALSE(pool.response.deletion_protection_enabled());
  EXPECT_THAT(Delete(api, pool.response.pool_id()), IsOk());
}

TEST(CreatePool, DoesNotInheritTheNumbersTags) {
  Api api;
  const auto pool = Create(api, GivenNumber(api, Tags(1)));
  ASSERT_THAT(pool, IsOk());
  EXPECT_THAT(pool.response.tags(), IsEmpty());
  EXPECT_THAT(TagsOf(api, "pool", pool.response.pool_id()), IsEmpty());
}

TEST(CreatePool, ProtectsThePoolFromDeletionIfAsked) {
  Api api;
  const auto pool = Create(api, GivenNumber(api), "deletion_protection_enabled: true");
  ASSERT_THAT(pool, IsOk());
  EXPECT_TRUE(pool.response.deletion_protection_enabled());
  EXPECT_THAT(Delete(api, pool.response.pool_id()),
              IsConflict(reason::kDeletionProtectionEnabled, ResourceType::kPool, pool.response.pool_id()));
}

TEST(CreatePool, FoundedOnASenderIdStartsWithTheDefaults) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB", "deletion_protection_enabled: true");
  const auto pool = Create(api, "EXAMPLECO", "iso_country_code: 'GB' message_type: MESSAGE_TYPE_PROMOTIONAL");
  ASSERT_THAT(pool, IsOk());
  const std::string id = pool.response.pool_id();
  EXPECT_THAT(pool.response, EqualsText("pool_arn: '" + OwnArn(api, "pool", id) + "' pool_id: '" + id +
                                        "' status: POOL_STATUS_ACTIVE message_type: MESSAGE_TYPE_PROMOTIONAL"
                                        " opt_out_list_name: 'Default' created_timestamp { seconds: 1704067200 }"));
}

TEST(CreatePool, FoundedOnASenderIdHasHelpAndStopOnly) {
  Api api;
  EXPECT_EQ(KeywordsOf(api, GivenSenderIdPool(api, "EXAMPLECO")), PlainKeywords(api));
}

// ---------------------------------------------------------------------------------------------------------------------
// How an identity is named

TEST(CreatePool, TakesANumberByItsArn) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, OwnArn(api, "phone-number", number));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(number));
}

TEST(CreatePool, TakesANumberByItsDigits) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string digits = TheNumber(api, number).phone_number().substr(1);
  EXPECT_THAT(MembersOf(api, GivenPool(api, digits)), ElementsAre(number));
}

TEST(CreatePool, TakesAShortCodeByItsDigits) {
  Api api;
  const std::string number = GivenNumber(api);
  GivenShortCode(api, number, "62551");
  EXPECT_THAT(MembersOf(api, GivenPool(api, "62551")), ElementsAre(number));
}

TEST(CreatePool, TakesASenderIdByItsArnWithoutACountry) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  const std::string pool = GivenPool(api, OwnArn(api, "sender-id", "EXAMPLECO/GB"));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre("EXAMPLECO"));
}

TEST(CreatePool, TakesASenderIdByItsArnWithItsCountry) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  EXPECT_THAT(Create(api, OwnArn(api, "sender-id", "EXAMPLECO/GB"), "iso_country_code: 'GB'"), IsOk());
}

TEST(CreatePool, TakesASenderIdInAnyCase) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  const std::string pool = GivenPool(api, "EXAMPLECO", "iso_country_code: 'GB'");
  EXPECT_THAT(MembersOf(api, pool), ElementsAre("EXAMPLECO"));
}

TEST(CreatePool, TakesATextOfUpTo11CharactersForASenderIdEvenIfItLooksLikeAnId) {
  Api api;
  GivenSenderId(api, "phone-12345", "GB");
  EXPECT_THAT(Create(api, "phone-12345", "iso_country_code: 'GB'"), IsOk());
}

TEST(CreatePool, TakesTheSenderIdOfTheCountryThatIsGiven) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  GivenSenderId(api, "EXAMPLECO", "FR");
  const std::string pool = GivenPool(api, "EXAMPLECO", "iso_country_code: 'FR'");
  const auto listed = api.Call<ListPoolOriginationIdentitiesRequest>("pool_id: '" + pool + "'");
  ASSERT_THAT(listed, IsOk());
  EXPECT_EQ(listed.response.origination_identities(0).iso_country_code(), "FR");
}

TEST(CreatePool, RefusesANumberWithAPlus) {
  Api api;
  const std::string number = TheNumber(api, GivenNumber(api)).phone_number();
  ASSERT_EQ(number.front(), '+');
  EXPECT_THAT(Create(api, number), IsInvalidField(reason::kInvalidParameter, "originationIdentity"));
}

TEST(CreatePool, RefusesAnIdentityThatIsNotThere) {
  Api api;
  const std::string id = "phone-0123456789abcdef0123456789abcdef";
  EXPECT_THAT(Create(api, id), IsNotFound(ResourceType::kPhoneNumber, id));
  EXPECT_THAT(Create(api, "12065550100"), IsNotFound(ResourceType::kPhoneNumber, "12065550100"));
  EXPECT_THAT(Create(api, "NOBODY", "iso_country_code: 'GB'"), IsNotFound(ResourceType::kSenderId, "NOBODY"));
}

TEST(CreatePool, RefusesATextThatIsTooLongForASenderId) {
  Api api;
  EXPECT_THAT(Create(api, "TWELVELETTER", "iso_country_code: 'GB'"),
              IsNotFound(ResourceType::kSenderId, "TWELVELETTER"));
}

TEST(CreatePool, NamesAnArnThatLeadsNowhereAsItWasGiven) {
  Api api;
  for (const auto& [type, arn] : {
           std::pair(ResourceType::kPhoneNumber, OwnArn(api, "phone-number", "phone-00000000000000000000000000000000")),
           std::pair(ResourceType::kSenderId, OwnArn(api, "sender-id", "NOBODY/GB")),
       }) {
    EXPECT_THAT(Create(api, arn), IsNotFound(type, arn));
  }
}

TEST(CreatePool, RefusesTheIdentitiesOfOtherAccountsAsIfTheyWereNotThere) {
  Api api;
  Api other;
  const std::string number = GivenNumber(other);
  const std::string digits = TheNumber(other, number).phone_number().substr(1);
  GivenSenderId(other, "EXAMPLECO", "GB");
  const std::string number_arn = OwnArn(other, "phone-number", number);
  const std::string sender_id_arn = OwnArn(other, "sender-id", "EXAMPLECO/GB");

  EXPECT_THAT(Create(api, number), IsNotFound(ResourceType::kPhoneNumber, number));
  EXPECT_THAT(Create(api, digits), IsNotFound(ResourceType::kPhoneNumber, digits));
  EXPECT_THAT(Create(api, "EXAMPLECO", "iso_country_code: 'GB'"), IsNotFound(ResourceType::kSenderId, "EXAMPLECO"));
  EXPECT_THAT(Create(api, number_arn), IsNotFound(ResourceType::kPhoneNumber, number_arn));
  EXPECT_THAT(Create(api, sender_id_arn), IsNotFound(ResourceType::kSenderId, sender_id_arn));
}

TEST(CreatePool, RefusesAnArnOfAnotherRegionAsIfItWereNotThere) {
  Api api;
  const std::string number_arn = ArnOfOtherRegion(api, "phone-number", GivenNumber(api));
  GivenSenderId(api, "EXAMPLECO", "GB");
  const std::string sender_id_arn = ArnOfOtherRegion(api, "sender-id", "EXAMPLECO/GB");
  EXPECT_THAT(Create(api, number_arn), IsNotFound(ResourceType::kPhoneNumber, number_arn));
  EXPECT_THAT(Create(api, sender_id_arn), IsNotFound(ResourceType::kSenderId, sender_id_arn));
}

TEST(CreatePool, RefusesAnArnOfAnythingElse) {
  Api api;
  for (const std::string& arn : {
           OwnArn(api, "pool", GivenPool(api)),
           OwnArn(api, "opt-out-list", "Default"),
           std::string("arn:aws:sns:us-east-1:111122223333:topic"),
           OwnArn(api, "sender-id", "EXAMPLECO"),
           std::string("arn:nothing"),
       }) {
    EXPECT_THAT(Create(api, arn), IsInvalidField(reason::kInvalidArn, "originationIdentity")) << arn;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The identity's country

TEST(CreatePool, TakesANumberWithOrWithoutItsCountry) {
  Api api;
  EXPECT_THAT(Create(api, GivenNumber(api)), IsOk());
  EXPECT_THAT(Create(api, GivenNumber(api), "iso_country_code: 'US'"), IsOk());
}

TEST(CreatePool, NeedsTheCountryOfABareSenderId) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  EXPECT_THAT(Create(api, "EXAMPLECO"), IsInvalidField(reason::kMissingParameter, "isoCountryCode"));
}

TEST(CreatePool, RefusesACountryThatIsNotTheNumbers) {
  Api api;
  const std::string number = GivenNumber(api);
  const auto mismatch = IsInvalidField(reason::kCountryCodeMismatch, "isoCountryCode");
  EXPECT_THAT(Create(api, number, "iso_country_code: 'GB'"), mismatch);
  EXPECT_THAT(Create(api, OwnArn(api, "phone-number", number), "iso_country_code: 'GB'"), mismatch);
  EXPECT_THAT(Create(api, TheNumber(api, number).phone_number().substr(1), "iso_country_code: 'GB'"), mismatch);
}

TEST(CreatePool, RefusesACountryThatIsNotTheSenderIdArns) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  GivenSenderId(api, "EXAMPLECO", "FR");
  EXPECT_THAT(Create(api, OwnArn(api, "sender-id", "EXAMPLECO/GB"), "iso_country_code: 'FR'"),
              IsInvalidField(reason::kCountryCodeMismatch, "isoCountryCode"));
}

TEST(CreatePool, DoesNotFindASenderIdInACountryWhereItIsNot) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  EXPECT_THAT(Create(api, "EXAMPLECO", "iso_country_code: 'FR'"), IsNotFound(ResourceType::kSenderId, "EXAMPLECO"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Conflicts

TEST(CreatePool, RefusesAMessageTypeThatIsNotTheNumbers) {
  Api api;
  const std::string number = GivenNumber(api, "message_type: MESSAGE_TYPE_PROMOTIONAL");
  EXPECT_THAT(Create(api, number), IsConflict(reason::kMessageTypeMismatch, ResourceType::kPhoneNumber, number));
}

TEST(CreatePool, RefusesAMessageTypeThatIsNotAmongTheSenderIds) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB", "message_types: MESSAGE_TYPE_PROMOTIONAL");
  EXPECT_THAT(Create(api, "EXAMPLECO", "iso_country_code: 'GB'"),
              IsConflict(reason::kMessageTypeMismatch, ResourceType::kSenderId, "EXAMPLECO"));
}

TEST(CreatePool, TakesASenderIdForEitherOfItsMessageTypes) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  for (const std::string type : {"MESSAGE_TYPE_PROMOTIONAL", "MESSAGE_TYPE_TRANSACTIONAL"}) {
    EXPECT_THAT(Create(api, "EXAMPLECO", "iso_country_code: 'GB' message_type: " + type), IsOk());
  }
}

TEST(CreatePool, RefusesAPhoneNumberAlreadyInAPool) {
  Api api;
  const std::string number = GivenNumber(api);
  GivenPool(api, number);
  const auto refusal = IsConflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, number);
  EXPECT_THAT(Create(api, number), refusal);
  EXPECT_THAT(Create(api, OwnArn(api, "phone-number", number)), refusal);
}

TEST(CreatePool, TakesASenderIdThatIsInAnotherPool) {
  Api api;
  const std::string first = GivenSenderIdPool(api, "EXAMPLECO");
  const std::string second = GivenPool(api, "EXAMPLECO", "iso_country_code: 'GB'");
  EXPECT_THAT(MembersOf(api, first), ElementsAre("EXAMPLECO"));
  EXPECT_THAT(MembersOf(api, second), ElementsAre("EXAMPLECO"));
}

TEST(CreatePool, RefusesANumberThatIsNotActive) {
  Api api;
  const std::string number = GivenNumber(api);
  for (const std::string status : {"PENDING", "ASSOCIATING", "DISASSOCIATING", "DELETED"}) {
    GivenStatus(api, number, status);
    EXPECT_THAT(Create(api, number), IsConflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, number))
        << status;
  }
}

TEST(CreatePool, LooksAtTheNumbersStatusBeforeItsMessageTypeAndAtItsPoolLast) {
  Api api;
  const std::string number = GivenNumber(api);
  GivenPool(api, number);
  const std::string promotional = "message_type: MESSAGE_TYPE_PROMOTIONAL";
  EXPECT_THAT(Create(api, number, promotional),
              IsConflict(reason::kMessageTypeMismatch, ResourceType::kPhoneNumber, number));
  GivenStatus(api, number, "PENDING");
  EXPECT_THAT(Create(api, number, promotional),
              IsConflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, number));
}

// ---------------------------------------------------------------------------------------------------------------------
// Quotas and tags

TEST(CreatePool, RefusesThe26thPool) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  for (int i = 0; i < 25; ++i) GivenPool(api, "EXAMPLECO", "iso_country_code: 'GB'");
  EXPECT_THAT(Create(api, "EXAMPLECO", "iso_country_code: 'GB'"), IsOverQuota(reason::kPoolsPerAccount, 25));
}

TEST(CreatePool, HasTheQuotaThatIsConfigured) {
  Settings settings;
  settings.api.quotas.pools = 1;
  Api api(settings);
  GivenPool(api);
  EXPECT_THAT(Create(api, GivenNumber(api)), IsOverQuota(reason::kPoolsPerAccount, 1));
}

TEST(CreatePool, CountsTheQuotaPerAccountAndRegion) {
  Settings settings;
  settings.api.quotas.pools = 1;
  Api api(settings);
  GivenPool(api);
  Api other(settings);
  EXPECT_THAT(Create(other, GivenNumber(other)), IsOk());
  api.scope.region = "eu-west-2";
  EXPECT_THAT(Create(api, GivenNumber(api)), IsOk());
}

TEST(CreatePool, LeavesTheNumberFreeWhenTheQuotaRefuses) {
  Settings settings;
  settings.api.quotas.pools = 1;
  Api api(settings);
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  ASSERT_THAT(Create(api, number), IsFault(Fault::kQuota));
  EXPECT_FALSE(TheNumber(api, number).has_pool_id());
  ASSERT_THAT(Delete(api, pool), IsOk());
  EXPECT_THAT(Create(api, number), IsOk());
}

TEST(CreatePool, AnswersWithItsTags) {
  Api api;
  const auto pool =
      Create(api, GivenNumber(api), "tags { key: 'Name' value: 'Offers' } tags { key: 'name' value: '' }");
  ASSERT_THAT(pool, IsOk());
  ASSERT_THAT(pool.response.tags(), SizeIs(2));
  EXPECT_THAT(pool.response.tags(0), EqualsText("key: 'Name' value: 'Offers'"));
  EXPECT_THAT(pool.response.tags(1), EqualsText("key: 'name' value: ''"));  // keys mind case, values may be empty
}

TEST(CreatePool, KeepsItsTags) {
  Api api;
  const std::string pool = GivenPool(api, GivenNumber(api), "tags { key: 'Name' value: 'Offers' }");
  EXPECT_THAT(TagsOf(api, "pool", pool), UnorderedElementsAre(Pair("Name", "Offers")));
}

TEST(CreatePool, Takes50TagsAndNot51) {
  Api api;
  EXPECT_THAT(Create(api, GivenNumber(api), Tags(50)), IsOk());
  EXPECT_THAT(Create(api, GivenNumber(api), Tags(51)), IsOverQuota(reason::kTagsPerResource, 50));
}

TEST(CreatePool, RefusesMoreThan200TagsInACallAsInvalid) {
  Api api;
  EXPECT_THAT(Create(api, GivenNumber(api), Tags(201)), IsInvalidField(reason::kInvalidParameter, "tags"));
}

TEST(CreatePool, RefusesTagsThatBreakTheRules) {
  Api api;
  const std::string number = GivenNumber(api);
  const struct {
    std::string claim, tags;
    std::string_view reason;
    std::string field;
  } kCases[] = {
      {"a key twice", "tags { key: 'k' value: '1' } tags { key: 'k' value: '2' }", reason::kInvalidParameter,
       "tags[1].key"},
      {"a reserved key", "tags { key: 'aws:k' value: '1' }", reason::kInvalidParameter, "tags[0].key"},
      {"no key", "tags { value: '1' }", reason::kMissingParameter, "tags[0].key"},
      {"no value", "tags { key: 'k' }", reason::kMissingParameter, "tags[0].value"},
      {"a key of 129 characters", "tags { key: '" + std::string(129, 'k') + "' value: '1' }", reason::kInvalidParameter,
       "tags[0].key"},
      {"a value of 257 characters", "tags { key: 'k' value: '" + std::string(257, 'v') + "' }",
       reason::kInvalidParameter, "tags[0].value"},
  };
  for (const auto& [claim, tags, reason, field] : kCases) {
    EXPECT_THAT(Create(api, number, tags), IsInvalidField(reason, field)) << claim;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The model's constraints

TEST(CreatePool, RefusesWhatTheModelRefuses) {
  Api api;
  const std::string number = "origination_identity: 'phone-1' ";
  const std::string type = "message_type: MESSAGE_TYPE_TRANSACTIONAL ";
  const struct {
    std::string claim, request;
    std::string_view reason;
    std::string field;
  } kCases[] = {
      {"no identity", type, reason::kMissingParameter, "originationIdentity"},
      {"257 characters", type + "origination_identity: '" + std::string(257, 'a') + "'", reason::kInvalidParameter,
       "originationIdentity"},
      {"a blank in it", type + "origination_identity: 'A B'", reason::kInvalidParameter, "originationIdentity"},
      {"no message type", number, reason::kMissingParameter, "messageType"},
      {"lower-case country", number + type + "iso_country_code: 'us'", reason::kInvalidParameter, "isoCountryCode"},
      {"a country of three letters", number + type + "iso_country_code: 'USA'", reason::kInvalidParameter,
       "isoCountryCode"},
      {"an empty client token", number + type + "client_token: ''", reason::kInvalidParameter, "clientToken"},
      {"a client token of 65 characters", number + type + "client_token: '" + std::string(65, 't') + "'",
       reason::kInvalidParameter, "clientToken"},
  };
  for (const auto& [claim, request, reason, field] : kCases) {
    EXPECT_THAT(api.Call<CreatePoolRequest>(request), IsInvalidField(reason, field)) << claim;
  }
}

TEST(CreatePool, NamesAllViolationsAndTheReasonOfTheFirst) {
  Api api;
  EXPECT_THAT(api.Call<CreatePoolRequest>("iso_country_code: 'us' client_token: ''"),
              IsInvalid(reason::kMissingParameter, std::vector<std::string>{"originationIdentity", "isoCountryCode",
                                                                            "messageType", "clientToken"}));
}

TEST(CreatePool, LooksAtConstraintsBeforeExistence) {
  Api api;
  EXPECT_THAT(Create(api, "phone-0123456789", "client_token: ''"), IsFault(Fault::kInvalid));
}

}  // namespace
}  // namespace poold
