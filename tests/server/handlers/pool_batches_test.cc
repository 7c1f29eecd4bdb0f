// The extensions that change several members of a pool at once: BatchAssociateOriginationIdentities,
// BatchDisassociateOriginationIdentities, ReplaceOriginationIdentities. Rules: smsvoice/v2/pools.proto and, for each
// identity, behaviour 4.8 and 5.

#include <gtest/gtest.h>

#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;

using Identities = std::vector<std::string>;

// "ExampleCo/GB" names a sender ID with its country, everything else a plain text or an ARN.
void AddTo(const Identities& identities, google::protobuf::RepeatedPtrField<OriginationIdentityReference>& references) {
  for (const std::string& text : identities) {
    auto& reference = *references.Add();
    const auto slash = text.starts_with("arn:") ? text.npos : text.find('/');
    reference.set_origination_identity(text.substr(0, slash));
    if (slash != text.npos) reference.set_iso_country_code(text.substr(slash + 1));
  }
}

template <class Request>
auto Change(Api& api, const std::string& pool, const Identities& identities, const std::string& more = {}) {
  auto request = Api::Parse<Request>("pool_id: '" + pool + "' " + more);
  AddTo(identities, *request.mutable_origination_identities());
  return api.Call(request);
}

auto Add(Api& api, const std::string& pool, const Identities& identities, const std::string& more = {}) {
  return Change<BatchAssociateOriginationIdentitiesRequest>(api, pool, identities, more);
}
auto Remove(Api& api, const std::string& pool, const Identities& identities, const std::string& more = {}) {
  return Change<BatchDisassociateOriginationIdentitiesRequest>(api, pool, identities, more);
}
auto Replace(Api& api, const std::string& pool, const Identities& identities, const std::string& more = {}) {
  return Change<ReplaceOriginationIdentitiesRequest>(api, pool, identities, more);
}

// The answer's members: numbers by id, sender IDs by text.
template <class Response>
Identities MembersIn(const Response& response) {
  Identities members;
  for (const auto& member : response.origination_identities()) members.push_back(member.origination_identity());
  return members;
}

Identities GivenNumbers(Api& api, int count, const std::string& wishes = {}) {
  Identities numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(GivenNumber(api, wishes));
  return numbers;
}

// A pool of these identities.
std::string GivenPoolOf(Api& api, const Identities& numbers) {
  const std::string pool = GivenPool(api, numbers[0]);
  for (std::size_t i = 1; i < numbers.size(); ++i) GivenMember(api, pool, numbers[i]);
  return pool;
}

Settings Roomy() {
  Settings settings;
  settings.api.quotas.phone_numbers = 1000;
  settings.api.quotas.sender_ids = 1000;
  return settings;
}

// "originationIdentities[2]: ConflictException MESSAGE_TYPE_MISMATCH", one for each refusal.
template <class Result>
Identities RefusalsIn(const Result& result) {
  Identities refusals;
  for (const FieldViolation& field : result.error->fields()) refusals.push_back(field.name + ": " + field.message);
  return refusals;
}

std::string Refusal(int index, const std::string& what) {
  return "originationIdentities[" + std::to_string(index) + "]: " + what;
}

const std::string kMissing = "phone-0123456789abcdef0123456789abcdef";

// ---------------------------------------------------------------------------------------------------------------------
// BatchAssociateOriginationIdentities

TEST(BatchAssociate, PutsAllIdentitiesInThePoolInTheirOrder) {
  Api api;
  const std::string founder = GivenNumber(api);
  const std::string pool = GivenPool(api, founder);
  const Identities numbers = GivenNumbers(api, 3);
  GivenSenderId(api, "ExampleCo");
  const auto added = Add(api, pool, {numbers[2], "EXAMPLECO/GB", numbers[0], numbers[1]});
  ASSERT_THAT(added, IsOk());
  const Identities expected{founder, numbers[2], "EXAMPLECO", numbers[0], numbers[1]};
  EXPECT_EQ(MembersIn(added.response), expected);
  EXPECT_EQ(MembersOf(api, pool), expected);
  for (const std::string& number : numbers) EXPECT_EQ(TheNumber(api, number).pool_id(), pool);
}

TEST(BatchAssociate, AnswersWithThePoolAndItsMembersAsTheListDoes) {
  Api api;
  const std::string pool = GivenPool(api);
  GivenSenderId(api, "ExampleCo");
  const auto added = Add(api, OwnArn(api, "pool", pool), {GivenNumber(api), "ExampleCo/GB"});
  ASSERT_THAT(added, IsOk());
  const auto listed = api.Call<ListPoolOriginationIdentitiesRequest>("pool_id: '" + pool + "'").response;
  BatchAssociateOriginationIdentitiesResponse expected;
  expected.set_pool_arn(OwnArn(api, "pool", pool));
  expected.set_pool_id(pool);
  *expected.mutable_origination_identities() = listed.origination_identities();
  expected.set_revision(2);
  EXPECT_THAT(added.response, EqualsProto(expected));
}

TEST(BatchAssociate, TakesIdentitiesInEveryForm) {
  Api api;
  const std::string pool = GivenPool(api);
  const Identities numbers = GivenNumbers(api, 3);
  GivenShortCode(api, numbers[2], "62553");
  GivenSenderId(api, "ExampleCo");
  const std::string digits = TheNumber(api, numbers[0]).phone_number().substr(1);
  const auto added = Add(
      api, pool, {digits, OwnArn(api, "phone-number", numbers[1]), "62553", OwnArn(api, "sender-id", "EXAMPLECO/GB")});
  ASSERT_THAT(added, IsOk());
  EXPECT_THAT(MembersIn(added.response),
              ElementsAre(testing::_, numbers[0], numbers[1], numbers[2], std::string("EXAMPLECO")));
}

TEST(BatchAssociate, TakesAHundredIdentitiesAndNoMore) {
  Settings settings = Roomy();
  settings.api.quotas.origination_identities_per_pool = 1000;
  Api api(settings);
  const std::string pool = GivenPool(api);
  Identities numbers = GivenNumbers(api, 101);
  EXPECT_THAT(Add(api, pool, numbers), IsInvalidField(reason::kInvalidParameter, "originationIdentities"));
  EXPECT_EQ(MembersOf(api, pool).size(), 1u);
  const std::string last = numbers.back();
  numbers.pop_back();
  const auto added = Add(api, pool, numbers);
  ASSERT_THAT(added, IsOk());
  EXPECT_EQ(added.response.origination_identities_size(), 100);  // the first hundred of them; the rest are on a page
  ASSERT_THAT(Add(api, pool, {last}), IsOk());
}

TEST(BatchAssociate, NeedsAnIdentity) {
  Api api;
  EXPECT_THAT(Add(api, GivenPool(api), {}), IsInvalidField(reason::kMissingParameter, "originationIdentities"));
}

TEST(BatchAssociate, ChecksEachReferenceAsAssociateDoes) {
  Api api;
  EXPECT_THAT(Add(api, GivenPool(api), {GivenNumber(api), "+12065550100", "arn:aws:sns:us-east-1:1:x"}),
              IsFault(Fault::kInvalid));
  const auto result = Add(api, GivenPool(api), {GivenNumber(api), "+12065550100"});
  EXPECT_THAT(result, IsInvalidField(reason::kInvalidParameter, "originationIdentities[1].originationIdentity"));
}

TEST(BatchAssociate, AddsNothingWhenOneIsRefused) {
  Api api;
  const std::string founder = GivenNumber(api);
  const std::string pool = GivenPool(api, founder);
  const Identities numbers = GivenNumbers(api, 3);
  ASSERT_THAT(Add(api, pool, {numbers[0], numbers[1], kMissing, numbers[2]}), IsFault(Fault::kNotFound));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(founder));
  for (const std::string& number : numbers) EXPECT_FALSE(TheNumber(api, number).has_pool_id());
  EXPECT_EQ(ThePool(api, pool).revision(), 1);
}

TEST(BatchAssociate, ReportsEveryRefusalWithItsIndexAndTheFaultOfTheFirst) {
  Api api;
  const std::string founder = GivenNumber(api);
  const std::string pool = GivenPool(api, founder);
  const std::string good = GivenNumber(api);
  const std::string elsewhere = GivenNumber(api);
  GivenPool(api, elsewhere);
  const std::string promotional = GivenNumber(api, "message_type: MESSAGE_TYPE_PROMOTIONAL");
  GivenSenderId(api, "ExampleCo");
  const auto result = Add(api, pool, {good, elsewhere, "Nobody/GB", promotional, founder, "ExampleCo", kMissing});
  EXPECT_THAT(result, IsConflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, elsewhere));
  EXPECT_THAT(
      RefusalsIn(result),
      ElementsAre(Refusal(1, "ConflictException PHONE_NUMBER_ASSOCIATED_TO_POOL"),
                  Refusal(2, "ResourceNotFoundException"), Refusal(3, "ConflictException MESSAGE_TYPE_MISMATCH"),
                  Refusal(4, "ConflictException RESOURCE_ALREADY_ASSOCIATED"),
                  Refusal(5,
                          "ValidationException MISSING_PARAMETER; isoCountryCode is required with a sender "
                          "ID"),
                  Refusal(6, "ResourceNotFoundException")));
}

TEST(BatchAssociate, TellsRefusalsToGrpcClientsItemByItem) {
  Api api;
  const std::string pool = GivenPool(api);
  const auto result = Add(api, pool, {GivenNumber(api), kMissing, "Nobody/GB"});
  ASSERT_THAT(result, IsNotFound(ResourceType::kPhoneNumber, kMissing));
  const Error seen = FromGrpcStatus(ToGrpcStatus(*result.error, "request"));
  EXPECT_EQ(seen.exception(), "ResourceNotFoundException");
  EXPECT_EQ(seen.fields(), result.error->fields());
}

// A status has room for the first ones only.
TEST(BatchAssociate, TellsGrpcClientsTheFirstOfManyRefusalsAndHowManyMoreThereAre) {
  Api api;
  const std::string pool = GivenPool(api);
  const auto result = Add(api, pool, Identities(100, kMissing));
  ASSERT_THAT(result, IsNotFound(ResourceType::kPhoneNumber, kMissing));
  ASSERT_EQ(result.error->fields().size(), 100u);
  const Error seen = FromGrpcStatus(ToGrpcStatus(*result.error, "request"));
  const std::size_t told = seen.fields().size() - 1;
  EXPECT_GE(told, 20u);
  for (std::size_t i = 0; i < told; ++i) EXPECT_EQ(seen.fields()[i], result.error->fields()[i]);
  EXPECT_EQ(seen.fields().back(), (FieldViolation{"", std::to_string(100 - told) + " more left out"}));
}

TEST(BatchAssociate, RefusesAnIdentityThatIsNamedTwice) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  GivenSenderId(api, "ExampleCo");
  const auto numbers = Add(api, pool, {number, OwnArn(api, "phone-number", number)});
  EXPECT_THAT(numbers, IsConflict(reason::kResourceAlreadyAssociated, ResourceType::kPhoneNumber, number));
  EXPECT_THAT(RefusalsIn(numbers), ElementsAre(Refusal(1, "ConflictException RESOURCE_ALREADY_ASSOCIATED")));
  const auto sender_ids = Add(api, pool, {"ExampleCo/GB", "EXAMPLECO/GB"});
  EXPECT_THAT(sender_ids,
              IsConflict(reason::kResourceAlreadyAssociated, ResourceType::kSenderId, std::string("EXAMPLECO")));
}

TEST(BatchAssociate, TellsSenderIdsOfOneTextApartByTheirCountry) {
  Api api;
  const std::string pool = GivenPool(api);
  GivenSenderId(api, "ExampleCo", "GB");
  GivenSenderId(api, "ExampleCo", "FR");
  EXPECT_THAT(Add(api, pool, {"ExampleCo/GB", "ExampleCo/FR"}), IsOk());
}

TEST(BatchAssociate, ComparesNumbersWithThoseThatJoinedBeforeThem) {
  Api api;
  const std::string pool = GivenSenderIdPool(api, "ExampleCo");
  const std::string text = GivenNumber(api);
  const std::string voice =
      GivenNumber(api, "number_capabilities: NUMBER_CAPABILITY_SMS number_capabilities: NUMBER_CAPABILITY_VOICE");
  const auto result = Add(api, pool, {text, voice});
  EXPECT_THAT(result, IsConflict(reason::kNumberCapabilitiesMismatch, ResourceType::kPhoneNumber, voice));
  EXPECT_THAT(RefusalsIn(result), ElementsAre(Refusal(1, "ConflictException NUMBER_CAPABILITIES_MISMATCH")));
}

TEST(BatchAssociate, RefusesWhatDoesNotFitInThePool) {
  Settings settings;
  settings.api.quotas.origination_identities_per_pool = 3;
  Api api(settings);
  const std::string pool = GivenPool(api);
  const Identities numbers = GivenNumbers(api, 4);
  const auto result = Add(api, pool, numbers);
  EXPECT_THAT(result, IsOverQuota(reason::kOriginationIdentitiesPerPool, 3));
  EXPECT_THAT(RefusalsIn(result),
              ElementsAre(Refusal(2, "ServiceQuotaExceededException ORIGINATION_IDENTITIES_PER_POOL"),
                          Refusal(3, "ServiceQuotaExceededException ORIGINATION_IDENTITIES_PER_POOL")));
  EXPECT_EQ(MembersOf(api, pool).size(), 1u);
  EXPECT_THAT(Add(api, pool, {numbers[0], numbers[1]}), IsOk());
}

TEST(BatchAssociate, RefusesAPoolThatIsNotThereOrNotActive) {
  Settings slow;
  slow.api.pool_deletion_delay = std::chrono::hours(1);
  Api api(slow);
  const std::string number = GivenNumber(api);
  const std::string missing = "pool-0123456789abcdef0123456789abcdef";
  const std::string pool = GivenPool(api);
  EXPECT_THAT(Add(api, missing, {number}), IsNotFound(ResourceType::kPool, missing));
  EXPECT_THAT(Remove(api, missing, {number}), IsNotFound(ResourceType::kPool, missing));
  EXPECT_THAT(Replace(api, missing, {number}), IsNotFound(ResourceType::kPool, missing));
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
  const auto not_active = IsConflict(reason::kResourceNotActive, ResourceType::kPool, pool);
  EXPECT_THAT(Add(api, pool, {number}), not_active);
  EXPECT_THAT(Remove(api, pool, {number}), not_active);
  EXPECT_THAT(Replace(api, pool, {number}), not_active);
}

TEST(BatchAssociate, RaisesTheRevisionOnce) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_EQ(Add(api, pool, GivenNumbers(api, 5)).response.revision(), 2);
  EXPECT_EQ(ThePool(api, pool).revision(), 2);
}

TEST(BatchAssociate, AnswersARepetitionWithTheFirstAnswer) {
  Api api;
  const std::string pool = GivenPool(api);
  const Identities numbers = GivenNumbers(api, 2);
  const auto first = Add(api, pool, numbers, "client_token: 'one'");
  ASSERT_THAT(first, IsOk());
  GivenMember(api, pool, GivenNumber(api));
  const auto again = Add(api, pool, numbers, "client_token: 'one'");
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(again.response, EqualsProto(first.response));
  EXPECT_THAT(Add(api, pool, {numbers[1], numbers[0]}, "client_token: 'one'"),
              IsInvalidField(reason::kInvalidRequest, "clientToken"));
}

TEST(BatchAssociate, ForgetsTheTokenOfARefusedCall) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  ASSERT_THAT(Add(api, pool, {number, kMissing}, "client_token: 'one'"), IsFault(Fault::kNotFound));
  EXPECT_THAT(Add(api, pool, {number}, "client_token: 'one'"), IsOk());
}

// ---------------------------------------------------------------------------------------------------------------------
// BatchDisassociateOriginationIdentities

TEST(BatchDisassociate, TakesAllIdentitiesOut) {
  Api api;
  const Identities numbers = GivenNumbers(api, 4);
  const std::string pool = GivenPoolOf(api, numbers);
  GivenSenderId(api, "ExampleCo");
  GivenMember(api, pool, "ExampleCo", "iso_country_code: 'GB'");
  const auto removed = Remove(api, pool, {numbers[2], "EXAMPLECO/GB", OwnArn(api, "phone-number", numbers[0])});
  ASSERT_THAT(removed, IsOk());
  EXPECT_THAT(MembersIn(removed.response), ElementsAre(numbers[1], numbers[3]));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(numbers[1], numbers[3]));
  EXPECT_EQ(removed.response.revision(), ThePool(api, pool).revision());
  EXPECT_FALSE(TheNumber(api, numbers[0]).has_pool_id());
}

TEST(BatchDisassociate, TakesNothingOutWhenOneIsRefusedAndReportsEveryRefusal) {
  Api api;
  const Identities numbers = GivenNumbers(api, 3);
  const std::string pool = GivenPoolOf(api, numbers);
  const std::string outside = GivenNumber(api);
  GivenSenderId(api, "ExampleCo");
  const auto result = Remove(api, pool, {numbers[0], "ExampleCo/GB", outside, numbers[0], kMissing});
  EXPECT_THAT(result, IsNotFound(ResourceType::kSenderId, std::string("EXAMPLECO")));
  EXPECT_THAT(RefusalsIn(result),
              ElementsAre(Refusal(1, "ResourceNotFoundException"),
                          Refusal(2, "ConflictException PHONE_NUMBER_NOT_ASSOCIATED_TO_POOL"),
                          Refusal(3, "ConflictException PHONE_NUMBER_NOT_ASSOCIATED_TO_POOL"),  // named twice
                          Refusal(4, "ResourceNotFoundException")));
  EXPECT_EQ(MembersOf(api, pool), numbers);
}

TEST(BatchDisassociate, KeepsTheLastNumber) {
  Api api;
  const Identities numbers = GivenNumbers(api, 2);
  const std::string pool = GivenPoolOf(api, numbers);
  GivenSenderId(api, "ExampleCo");
  GivenMember(api, pool, "ExampleCo", "iso_country_code: 'GB'");
  const auto result = Remove(api, pool, numbers);
  EXPECT_THAT(result, IsConflict(reason::kLastPhoneNumber, ResourceType::kPhoneNumber, numbers[1]));
  EXPECT_THAT(RefusalsIn(result), ElementsAre(Refusal(1, "ConflictException LAST_PHONE_NUMBER")));
  EXPECT_EQ(MembersOf(api, pool).size(), 3u);
}

TEST(BatchDisassociate, KeepsTheLastSenderIdOfAPoolOfSenderIds) {
  Api api;
  const std::string pool = GivenSenderIdPool(api, "Alpha");
  GivenSenderId(api, "Beta");
  GivenMember(api, pool, "Beta", "iso_country_code: 'GB'");
  EXPECT_THAT(Remove(api, pool, {"Alpha/GB", "Beta/GB"}),
              IsConflict(reason::kLastPhoneNumber, ResourceType::kSenderId, std::string("BETA")));
}

TEST(BatchDisassociate, LeavesNumbersThePoolsSettingsAndKeywords) {
  Api api;
  GivenOptOutList(api, "Offers");
  const Identities numbers = GivenNumbers(api, 3);
  const std::string pool = GivenPoolOf(api, numbers);
  GivenChange(api, pool, "opt_out_list_name: 'Offers'");
  GivenKeyword(api, pool, "HOURS", "9 to 5");
  ASSERT_THAT(Remove(api, pool, {numbers[0], numbers[1]}), IsOk());
  for (int i : {0, 1}) {
    EXPECT_EQ(TheNumber(api, numbers[static_cast<std::size_t>(i)]).opt_out_list_name(), "Offers");
    EXPECT_EQ(KeywordsOf(api, numbers[static_cast<std::size_t>(i)]), KeywordsOf(api, pool));
  }
}

TEST(BatchDisassociate, RefusesANumberThatIsNotActive) {
  Api api;
  const Identities numbers = GivenNumbers(api, 3);
  const std::string pool = GivenPoolOf(api, numbers);
  GivenStatus(api, numbers[1], "DISASSOCIATING");
  EXPECT_THAT(Remove(api, pool, {numbers[0], numbers[1]}),
              IsConflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, numbers[1]));
}

TEST(BatchDisassociate, TakesAHundredIdentitiesAndNoMore) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(Remove(api, pool, Identities(101, kMissing)),
              IsInvalidField(reason::kInvalidParameter, "originationIdentities"));
  const auto result = Remove(api, pool, Identities(100, kMissing));
  EXPECT_THAT(result, IsNotFound(ResourceType::kPhoneNumber, kMissing));
  EXPECT_EQ(RefusalsIn(result).size(), 100u);
  EXPECT_THAT(Remove(api, pool, {}), IsInvalidField(reason::kMissingParameter, "originationIdentities"));
}

TEST(BatchDisassociate, AnswersARepetitionWithTheFirstAnswer) {
  Api api;
  const Identities numbers = GivenNumbers(api, 3);
  const std::string pool = GivenPoolOf(api, numbers);
  const auto first = Remove(api, pool, {numbers[0], numbers[1]}, "client_token: 'one'");
  ASSERT_THAT(first, IsOk());
  const auto again = Remove(api, pool, {numbers[0], numbers[1]}, "client_token: 'one'");
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(again.response, EqualsProto(first.response));
}

// ---------------------------------------------------------------------------------------------------------------------
// ReplaceOriginationIdentities

TEST(Replace, SwapsAllNumbersAtOnce) {
  Api api;
  const Identities before = GivenNumbers(api, 3);
  const Identities after = GivenNumbers(api, 2);
  const std::string pool = GivenPoolOf(api, before);
  const auto replaced = Replace(api, OwnArn(api, "pool", pool), after);
  ASSERT_THAT(replaced, IsOk());
  EXPECT_EQ(replaced.response.pool_id(), pool);
  EXPECT_EQ(replaced.response.pool_arn(), OwnArn(api, "pool", pool));
  EXPECT_EQ(MembersIn(replaced.response), after);
  EXPECT_EQ(MembersOf(api, pool), after);
  for (const std::string& number : before) EXPECT_FALSE(TheNumber(api, number).has_pool_id());
  for (const std::string& number : after) EXPECT_EQ(TheNumber(api, number).pool_id(), pool);
  EXPECT_EQ(replaced.response.revision(), ThePool(api, pool).revision());
}

TEST(Replace, KeepsThoseThatStayInTheirPlaces) {
  Api api;
  const Identities numbers = GivenNumbers(api, 4);
  const std::string pool = GivenPoolOf(api, {numbers[0], numbers[1], numbers[2]});
  GivenSenderId(api, "ExampleCo");
  const auto replaced = Replace(api, pool, {"ExampleCo/GB", numbers[3], numbers[2], numbers[0]});
  ASSERT_THAT(replaced, IsOk());
  EXPECT_THAT(MembersIn(replaced.response), ElementsAre(numbers[0], numbers[2], "EXAMPLECO", numbers[3]));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(numbers[0], numbers[2], "EXAMPLECO", numbers[3]));
}

TEST(Replace, KnowsThoseThatStayHoweverTheyAreNamed) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  GivenSenderId(api, "ExampleCo");
  GivenMember(api, pool, "ExampleCo", "iso_country_code: 'GB'");
  const std::string digits = TheNumber(api, number).phone_number().substr(1);
  for (const Identities& names :
       {Identities{number, "ExampleCo/GB"}, Identities{digits, "EXAMPLECO/GB"},
        Identities{OwnArn(api, "sender-id", "exampleco/GB"), OwnArn(api, "phone-number", number)}}) {
    ASSERT_THAT(Replace(api, pool, names), IsOk());
    EXPECT_THAT(MembersOf(api, pool), ElementsAre(number, "EXAMPLECO"));
  }
}

TEST(Replace, ByTheSameIdentitiesChangesNothing) {
  Api api;
  const Identities numbers = GivenNumbers(api, 2);
  const std::string pool = GivenPoolOf(api, numbers);
  const auto revision = ThePool(api, pool).revision();
  const auto replaced = Replace(api, pool, {numbers[1], numbers[0]});
  ASSERT_THAT(replaced, IsOk());
  EXPECT_EQ(MembersIn(replaced.response), numbers);
  EXPECT_EQ(replaced.response.revision(), revision);
  EXPECT_EQ(ThePool(api, pool).revision(), revision);
}

TEST(Replace, RaisesTheRevisionOnceForJoiningOnlyForLeavingOnlyAndForBoth) {
  Api api;
  const Identities numbers = GivenNumbers(api, 3);
  const std::string pool = GivenPool(api, numbers[0]);
  EXPECT_EQ(Replace(api, pool, {numbers[0], numbers[1]}).response.revision(), 2);
  EXPECT_EQ(Replace(api, pool, {numbers[1]}).response.revision(), 3);
  EXPECT_EQ(Replace(api, pool, {numbers[0], numbers[2]}).response.revision(), 4);
  EXPECT_EQ(ThePool(api, pool).revision(), 4);
}

TEST(Replace, HasTheRoomOfThoseThatLeave) {
  Settings settings;
  settings.api.quotas.origination_identities_per_pool = 3;
  Api api(settings);
  const Identities before = GivenNumbers(api, 3);
  const Identities after = GivenNumbers(api, 4);
  const std::string pool = GivenPoolOf(api, before);
  const auto too_many = Replace(api, pool, after);
  EXPECT_THAT(too_many, IsOverQuota(reason::kOriginationIdentitiesPerPool, 3));
  EXPECT_THAT(RefusalsIn(too_many),
              ElementsAre(Refusal(3, "ServiceQuotaExceededException ORIGINATION_IDENTITIES_PER_POOL")));
  EXPECT_EQ(MembersOf(api, pool), before);
  EXPECT_THAT(Replace(api, pool, {after[0], after[1], after[2]}), IsOk());
}

TEST(Replace, ComparesCapabilitiesWithThoseThatStay) {
  Api api;
  const std::string voice = "number_capabilities: NUMBER_CAPABILITY_SMS number_capabilities: NUMBER_CAPABILITY_VOICE";
  const Identities text_only = GivenNumbers(api, 2);
  const Identities with_voice = GivenNumbers(api, 2, voice);
  const std::string pool = GivenPoolOf(api, text_only);
  const auto mixed = Replace(api, pool, {text_only[0], with_voice[0]});
  EXPECT_THAT(mixed, IsConflict(reason::kNumberCapabilitiesMismatch, ResourceType::kPhoneNumber, with_voice[0]));
  EXPECT_EQ(MembersOf(api, pool), text_only);
  // Nobody stays that could differ.
  ASSERT_THAT(Replace(api, pool, with_voice), IsOk());
  EXPECT_EQ(MembersOf(api, pool), with_voice);
}

TEST(Replace, ComparesThoseThatJoinWithThePoolsSettings) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string pool = GivenPool(api);
  const std::string other = GivenNumber(api, "opt_out_list_name: 'Offers'");
  EXPECT_THAT(Replace(api, pool, {other}), IsConflict(reason::kOptOutListMismatch, ResourceType::kPhoneNumber, other));
}

TEST(Replace, KeepsANumberInAPoolOfNumbers) {
  Api api;
  const Identities numbers = GivenNumbers(api, 2);
  const std::string pool = GivenPoolOf(api, numbers);
  GivenSenderId(api, "ExampleCo");
  EXPECT_THAT(Replace(api, pool, {"ExampleCo/GB"}), IsConflict(reason::kLastPhoneNumber, ResourceType::kPool, pool));
  EXPECT_EQ(MembersOf(api, pool), numbers);
  EXPECT_THAT(Replace(api, pool, {"ExampleCo/GB", numbers[1]}), IsOk());
}

TEST(Replace, SwapsTheOnlySenderIdOfAPool) {
  Api api;
  const std::string pool = GivenSenderIdPool(api, "Alpha");
  GivenSenderId(api, "Beta");
  ASSERT_THAT(Replace(api, pool, {"Beta/GB"}), IsOk());
  EXPECT_THAT(MembersOf(api, pool), ElementsAre("BETA"));
  EXPECT_THAT(api.Call<ReleaseSenderIdRequest>("sender_id: 'Alpha' iso_country_code: 'GB'"), IsOk());
}

TEST(Replace, TurnsAPoolOfSenderIdsIntoOneOfNumbers) {
  Api api;
  const std::string pool = GivenSenderIdPool(api, "Alpha");
  const std::string number = GivenNumber(api);
  ASSERT_THAT(Replace(api, pool, {number}), IsOk());
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(number));
}

TEST(Replace, LeavesNumbersThePoolsSettingsAndKeywords) {
  Api api;
  GivenOptOutList(api, "Offers");
  const Identities before = GivenNumbers(api, 2);
  const std::string pool = GivenPoolOf(api, before);
  GivenChange(api, pool, "opt_out_list_name: 'Offers'");
  GivenKeyword(api, pool, "HOURS", "9 to 5");
  GivenSenderId(api, "ExampleCo");
  ASSERT_THAT(Replace(api, pool, {before[1], "ExampleCo/GB"}), IsOk());
  EXPECT_EQ(TheNumber(api, before[0]).opt_out_list_name(), "Offers");
  EXPECT_EQ(KeywordsOf(api, before[0]), KeywordsOf(api, pool));
  // So it can come back.
  EXPECT_THAT(Replace(api, pool, before), IsOk());
}

TEST(Replace, RefusesAnIdentityThatIsNamedTwice) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  GivenSenderId(api, "ExampleCo");
  for (const Identities& names :
       {Identities{number, number}, Identities{number, OwnArn(api, "phone-number", number)}}) {
    const auto result = Replace(api, pool, names);
    EXPECT_THAT(result, IsConflict(reason::kResourceAlreadyAssociated, ResourceType::kPhoneNumber, number));
    EXPECT_THAT(RefusalsIn(result), ElementsAre(Refusal(1, "ConflictException RESOURCE_ALREADY_ASSOCIATED")));
  }
  EXPECT_THAT(Replace(api, pool, {number, "ExampleCo/GB", "EXAMPLECO/GB"}),
              IsConflict(reason::kResourceAlreadyAssociated, ResourceType::kSenderId, std::string("EXAMPLECO")));
}

TEST(Replace, ReportsEveryRefusalWithItsIndexAndChangesNothing) {
  Api api;
  const Identities before = GivenNumbers(api, 2);
  const std::string pool = GivenPoolOf(api, before);
  const std::string promotional = GivenNumber(api, "message_type: MESSAGE_TYPE_PROMOTIONAL");
  const std::string elsewhere = GivenNumber(api);
  GivenPool(api, elsewhere);
  const auto revision = ThePool(api, pool).revision();
  // What isn't there and what doesn't fit, in one answer, in the order of the request.
  const auto result = Replace(api, pool, {before[0], promotional, kMissing, GivenNumber(api), elsewhere, before[0]});
  EXPECT_THAT(result, IsConflict(reason::kMessageTypeMismatch, ResourceType::kPhoneNumber, promotional));
  EXPECT_THAT(RefusalsIn(result), ElementsAre(Refusal(1, "ConflictException MESSAGE_TYPE_MISMATCH"),
                                              Refusal(2, "ResourceNotFoundException"),
                                              Refusal(4, "ConflictException PHONE_NUMBER_ASSOCIATED_TO_POOL"),
                                              Refusal(5, "ConflictException RESOURCE_ALREADY_ASSOCIATED")));
  EXPECT_EQ(MembersOf(api, pool), before);
  EXPECT_EQ(ThePool(api, pool).revision(), revision);
}

TEST(Replace, RefusesToTakeOutANumberThatIsNotActive) {
  Api api;
  const Identities numbers = GivenNumbers(api, 2);
  const std::string pool = GivenPoolOf(api, numbers);
  GivenStatus(api, numbers[0], "DISASSOCIATING");
  EXPECT_THAT(Replace(api, pool, {numbers[1]}),
              IsConflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, numbers[0]));
  EXPECT_THAT(Replace(api, pool, {numbers[1], numbers[0], GivenNumber(api)}), IsOk());  // it stays: no matter
}

TEST(Replace, RefusesANewNumberThatIsNotActive) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  GivenStatus(api, number, "PENDING");
  EXPECT_THAT(Replace(api, pool, {number}), IsConflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, number));
}

TEST(Replace, SwapsAHundredForAHundred) {
  Api api(Roomy());
  const Identities before = GivenNumbers(api, 100);
  const Identities after = GivenNumbers(api, 100);
  const std::string pool = GivenPool(api, before[0]);
  ASSERT_THAT(Replace(api, pool, before), IsOk());
  ASSERT_EQ(MembersOf(api, pool), before);
  const auto replaced = Replace(api, pool, after);
  ASSERT_THAT(replaced, IsOk());
  EXPECT_EQ(MembersIn(replaced.response), after);
  EXPECT_THAT(Replace(api, pool, Identities(101, kMissing)),
              IsInvalidField(reason::kInvalidParameter, "originationIdentities"));
}

TEST(Replace, SeesAllMembersOfAPoolOfMoreThanAHundred) {
  Settings settings = Roomy();
  settings.api.quotas.origination_identities_per_pool = 1000;
  Api api(settings);
  const std::string pool = GivenPool(api);
  for (int i = 0; i < 3; ++i) ASSERT_THAT(Add(api, pool, GivenNumbers(api, 70)), IsOk());
  const std::string only = GivenNumber(api);
  const auto replaced = Replace(api, pool, {only});
  ASSERT_THAT(replaced, IsOk());
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(only));
}

TEST(Replace, WorksOnAProtectedPool) {
  Api api;
  const std::string pool = GivenPool(api, GivenNumber(api), "deletion_protection_enabled: true");
  EXPECT_THAT(Replace(api, pool, {GivenNumber(api)}), IsOk());
}

TEST(Replace, AnswersARepetitionWithTheFirstAnswer) {
  Api api;
  const std::string pool = GivenPool(api);
  const Identities numbers = GivenNumbers(api, 2);
  const auto first = Replace(api, pool, {numbers[0]}, "client_token: 'one'");
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(Replace(api, pool, {numbers[1]}), IsOk());
  const auto again = Replace(api, pool, {numbers[0]}, "client_token: 'one'");
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(again.response, EqualsProto(first.response));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre(numbers[1]));
}

// ---------------------------------------------------------------------------------------------------------------------
// expected_revision

TEST(PoolBatches, MindTheExpectedRevision) {
  Api api;
  const Identities numbers = GivenNumbers(api, 4);
  const std::string pool = GivenPool(api, numbers[0]);
  const auto is_stale = [&](const std::string& expected, const std::string& actual) {
    return testing::Truly([=](const auto& result) {
      return result.error && result.error->fault() == Fault::kStaleRevision && result.error->resource_id() == pool &&
             result.error->message().find("revision " + expected + ",") != std::string::npos &&
             result.error->message().find("revision " + actual) != std::string::npos;
    });
  };
  EXPECT_THAT(Add(api, pool, {numbers[1]}, "expected_revision: 2"), is_stale("2", "1"));
  EXPECT_THAT(Add(api, pool, {numbers[1], numbers[2]}, "expected_revision: 1"), IsOk());
  EXPECT_THAT(Remove(api, pool, {numbers[1]}, "expected_revision: 1"), is_stale("1", "2"));
  EXPECT_THAT(Remove(api, pool, {numbers[1]}, "expected_revision: 2"), IsOk());
  EXPECT_THAT(Replace(api, pool, {numbers[3]}, "expected_revision: 2"), is_stale("2", "3"));
  EXPECT_THAT(Replace(api, pool, {numbers[3]}, "expected_revision: 3"), IsOk());
  EXPECT_EQ(ThePool(api, pool).revision(), 4);
}

}  // namespace
}  // namespace poold
