// PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy. Rules: behaviour 11. What policies share:
// sharing_test.cc.

#include <gtest/gtest.h>

#include "storage/pools.h"
#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses

const std::string kPolicy =
    R"({"Statement": {"Effect": "Allow", "Principal": "444455556666", "Action": "sms-voice:DescribePools"}})";

auto Put(Api& api, const std::string& arn, const std::string& policy) {
  PutResourcePolicyRequest request;
  request.set_resource_arn(arn);
  request.set_policy(policy);
  return api.Call(request);
}

auto Get(Api& api, const std::string& arn) {
  GetResourcePolicyRequest request;
  request.set_resource_arn(arn);
  return api.Call(request);
}

auto Delete(Api& api, const std::string& arn) {
  DeleteResourcePolicyRequest request;
  request.set_resource_arn(arn);
  return api.Call(request);
}

template <class Answer>
void ExpectPolicy(const Answer& answer, const std::string& arn, const std::string& policy, std::int64_t created) {
  EXPECT_EQ(answer.resource_arn(), arn);
  EXPECT_EQ(answer.policy(), policy) << arn;
  EXPECT_EQ(answer.created_timestamp().seconds(), created) << arn;
}

constexpr std::int64_t kStart = 1704067200;

// The ARNs of a pool, a phone number, a sender ID and an opt-out list of the account. The pool is of the number's own.
std::vector<std::string> GivenOneOfEach(Api& api) {
  GivenOptOutList(api, "Offers");
  return {OwnArn(api, "pool", GivenPool(api)), OwnArn(api, "phone-number", GivenNumber(api)),
          OwnArn(api, "sender-id", GivenSenderId(api, "ExampleCo") + "/GB"), OwnArn(api, "opt-out-list", "Offers")};
}

// Rows of the account in the tables of policies and of what they grant.
int RowsOf(Api& api) {
  int rows = 0;
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test",
            "SELECT (SELECT count(*) FROM resource_policies WHERE account_id = $1)"
            " + (SELECT count(*) FROM resource_grants WHERE account_id = $1)"},
           storage::Params(api.scope.account))[0]
        .Read(rows);
  });
  return rows;
}

// ---------------------------------------------------------------------------------------------------------------------
// PutResourcePolicy

TEST(PutResourcePolicy, SetsThePolicyOfAnythingThatCanBeShared) {
  Api api;
  for (const std::string& arn : GivenOneOfEach(api)) {
    const auto put = Put(api, arn, kPolicy);
    ASSERT_THAT(put, IsOk()) << arn;
    ExpectPolicy(put.response, arn, kPolicy, kStart);
    const auto got = Get(api, arn);
    ASSERT_THAT(got, IsOk()) << arn;
    ExpectPolicy(got.response, arn, kPolicy, kStart);
  }
}

TEST(PutResourcePolicy, TakesTheListDefault) {
  Api api;
  EXPECT_THAT(Put(api, OwnArn(api, "opt-out-list", "Default"), kPolicy), IsOk());
}

TEST(PutResourcePolicy, KeepsTheTextAsItWasGiven) {
  Api api;
  const std::string arn = OwnArn(api, "pool", GivenPool(api));
  for (const std::string text : {
           " {\n\t\"Statement\" : [ ]\r\n}\n",
           R"({"Version":"2012-10-17","Statement":[]})",
           "{\"Id\": \"für Übung 電話\", \"Statement\": []}",
           R"({"Id": "\u0000 '; DROP TABLE pools; -- \\ $1 ?", "Statement": []})",
       }) {
    ASSERT_THAT(Put(api, arn, text), IsOk()) << text;
    EXPECT_EQ(Get(api, arn).response.policy(), text);
  }
}

TEST(PutResourcePolicy, OverwritesTheOneBefore) {
  Api api;
  const std::string arn = OwnArn(api, "pool", GivenPool(api));
  ASSERT_THAT(Put(api, arn, kPolicy), IsOk());
  api.world.Advance(std::chrono::hours(1));
  const std::string other = R"({"Statement": []})";
  const auto put = Put(api, arn, other);
  ASSERT_THAT(put, IsOk());
  ExpectPolicy(put.response, arn, other, kStart + 3600);
  ExpectPolicy(Get(api, arn).response, arn, other, kStart + 3600);
  EXPECT_EQ(RowsOf(api), 1);  // what the old one granted is gone
}

TEST(PutResourcePolicy, OfOneResourceLeavesOthersAlone) {
  Api api;
  const auto arns = GivenOneOfEach(api);
  for (const std::string& arn : arns) ASSERT_THAT(Put(api, arn, kPolicy), IsOk());
  ASSERT_THAT(Put(api, arns[0], R"({"Statement": []})"), IsOk());
  for (std::size_t i = 1; i < arns.size(); ++i) EXPECT_EQ(Get(api, arns[i]).response.policy(), kPolicy);
}

TEST(PutResourcePolicy, TakesASenderIdInAnyCaseAndAnswersInUpperCase) {
  Api api;
  GivenSenderId(api, "ExampleCo");
  const std::string arn = OwnArn(api, "sender-id", "EXAMPLECO/GB");
  const std::string as_requested = OwnArn(api, "sender-id", "ExampleCo/GB");
  const auto put = Put(api, as_requested, kPolicy);
  ASSERT_THAT(put, IsOk());
  ExpectPolicy(put.response, arn, kPolicy, kStart);
  for (const std::string& name : {arn, as_requested, OwnArn(api, "sender-id", "exampleco/GB")}) {
    ExpectPolicy(Get(api, name).response, arn, kPolicy, kStart);
  }
  const std::string other = R"({"Statement": []})";
  ASSERT_THAT(Put(api, arn, other), IsOk());
  EXPECT_EQ(Get(api, as_requested).response.policy(), other);
  ASSERT_THAT(Delete(api, OwnArn(api, "sender-id", "EXAMPLEco/GB")), IsOk());
  EXPECT_EQ(Get(api, arn).response.policy(), "{}");
}

TEST(PutResourcePolicy, TellsSenderIdsOfOneTextApartByTheirCountry) {
  Api api;
  GivenSenderId(api, "ExampleCo", "GB");
  GivenSenderId(api, "ExampleCo", "FR");
  ASSERT_THAT(Put(api, OwnArn(api, "sender-id", "ExampleCo/GB"), kPolicy), IsOk());
  EXPECT_EQ(Get(api, OwnArn(api, "sender-id", "ExampleCo/FR")).response.policy(), "{}");
}

TEST(PutResourcePolicy, TakesTenThousandCharactersAndNoMore) {
  Api api;
  const std::string arn = OwnArn(api, "pool", GivenPool(api));
  const std::string begin = R"({"Id": ")";
  const std::string end = R"(", "Statement": []})";
  for (const std::string& letter : {std::string("x"), std::string("ü"), std::string("電")}) {
    std::string text = begin;
    for (std::size_t i = begin.size() + end.size(); i < 10'000; ++i) text += letter;
    text += end;
    EXPECT_THAT(Put(api, arn, text), IsOk()) << letter;
    EXPECT_EQ(Get(api, arn).response.policy(), text);
    EXPECT_THAT(Put(api, arn, text + " "), IsInvalidField(reason::kInvalidParameter, "policy")) << letter;
  }
}

TEST(PutResourcePolicy, RefusesATextThatIsNoJsonObject) {
  Api api;
  const std::string arn = OwnArn(api, "pool", GivenPool(api));
  for (const std::string text : {"x", "{", "[]", "7", "\"{}\"", "{} {}"}) {
    EXPECT_THAT(Put(api, arn, text), IsInvalidField(reason::kCannotParse, "policy")) << text;
  }
}

TEST(PutResourcePolicy, RefusesStatementsThatCannotBeUnderstood) {
  Api api;
  const std::string arn = OwnArn(api, "pool", GivenPool(api));
  for (
      const std::string text : {
          R"({})",
          R"({"Statement": 7})",
          R"({"Statement": {"Effect": "Maybe", "Principal": "*", "Action": "*"}})",
          R"({"Statement": {"Effect": "Allow", "Principal": "ann", "Action": "*"}})",
          R"({"Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:user/ann"}, "Action": "*"}})",
          R"({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*"}, "Statement": []})",
          R"({"Statement": {"Effect": "Allow", "Principal": "*"}})",
      }) {
    EXPECT_THAT(Put(api, arn, text), IsInvalidField(reason::kInvalidParameter, "policy")) << text;
  }
}

TEST(PutResourcePolicy, LeavesTheOneBeforeWhenItIsRefused) {
  Api api;
  const std::string arn = OwnArn(api, "pool", GivenPool(api));
  ASSERT_THAT(Put(api, arn, kPolicy), IsOk());
  ASSERT_THAT(Put(api, arn, "{}"), IsFault(Fault::kInvalid));
  ExpectPolicy(Get(api, arn).response, arn, kPolicy, kStart);
}

TEST(PutResourcePolicy, NeedsAPolicy) {
  Api api;
  EXPECT_THAT(Put(api, OwnArn(api, "pool", GivenPool(api)), ""), IsInvalidField(reason::kMissingParameter, "policy"));
}

// ---------------------------------------------------------------------------------------------------------------------
// GetResourcePolicy, DeleteResourcePolicy

TEST(GetResourcePolicy, AnswersAnEmptyObjectWithoutATimeWhenThereIsNoPolicy) {
  Api api;
  for (const std::string& arn : GivenOneOfEach(api)) {
    const auto got = Get(api, arn);
    ASSERT_THAT(got, IsOk());
    EXPECT_THAT(got.response, EqualsText("resource_arn: '" + arn + "' policy: '{}'"));
    EXPECT_FALSE(got.response.has_created_timestamp());
  }
}

TEST(DeleteResourcePolicy, AnswersWithThePolicyThatItRemoved) {
  Api api;
  for (const std::string& arn : GivenOneOfEach(api)) {
    ASSERT_THAT(Put(api, arn, kPolicy), IsOk());
    api.world.Advance(std::chrono::hours(1));
    const auto deleted = Delete(api, arn);
    ASSERT_THAT(deleted, IsOk());
    EXPECT_EQ(deleted.response.resource_arn(), arn);
    EXPECT_EQ(deleted.response.policy(), kPolicy);
    EXPECT_EQ(Get(api, arn).response.policy(), "{}");
    EXPECT_FALSE(Get(api, arn).response.has_created_timestamp());
  }
  EXPECT_EQ(RowsOf(api), 0);
}

TEST(DeleteResourcePolicy, AnswersWithTheTimeAtWhichThePolicyWasSet) {
  Api api;
  const std::string arn = OwnArn(api, "pool", GivenPool(api));
  ASSERT_THAT(Put(api, arn, kPolicy), IsOk());
  api.world.Advance(std::chrono::hours(1));
  EXPECT_EQ(Delete(api, arn).response.created_timestamp().seconds(), kStart);
}

TEST(DeleteResourcePolicy, FindsNoPolicyWhereThereIsNone) {
  Api api;
  for (const std::string& arn : GivenOneOfEach(api)) {
    EXPECT_THAT(Delete(api, arn), IsNotFound(ResourceType::kPolicy, arn));
    ASSERT_THAT(Put(api, arn, kPolicy), IsOk());
    ASSERT_THAT(Delete(api, arn), IsOk());
    EXPECT_THAT(Delete(api, arn), IsNotFound(ResourceType::kPolicy, arn));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What all three refuse

template <class Check>
void ForAllThree(Api& api, const std::string& arn, const Check& check) {
  SCOPED_TRACE(arn);
  check(Put(api, arn, kPolicy));
  check(Get(api, arn));
  check(Delete(api, arn));
}

TEST(ResourcePolicies, AreOnlyOfPoolsNumbersSenderIdsAndLists) {
  Api api;
  for (const std::string& arn : {
           OwnArn(api, "configuration-set", "x"),
           OwnArn(api, "registration", "registration-1"),
           OwnArn(api, "protect-configuration", "protect-1"),
           OwnArn(api, "keyword", "HELP"),
           OwnArn(api, "sender-id", "ExampleCo"),
           OwnArn(api, "pool", "pool-1/x"),
           std::string("arn:aws:sns:us-east-1:111122223333:pool/pool-1"),
           std::string("arn:aws:sms-voice:us-east-1:1111:pool/pool-1"),
           std::string("arn:aws:sms-voice:us-east-1:111122223333:pool"),
       }) {
    ForAllThree(api, arn,
                [](const auto& result) { EXPECT_THAT(result, IsInvalidField(reason::kInvalidArn, "resourceArn")); });
  }
}

TEST(ResourcePolicies, AreNamedByArn) {
  Api api;
  for (const std::string& name : {GivenPool(api), std::string("arn:short"), std::string(257, 'x')}) {
    ForAllThree(api, name, [](const auto& result) {
      EXPECT_THAT(result, IsInvalidField(reason::kInvalidParameter, "resourceArn"));
    });
  }
  ForAllThree(api, "", [](const auto& result) {
    EXPECT_THAT(result, IsInvalidField(reason::kMissingParameter, "resourceArn"));
  });
}

TEST(ResourcePolicies, AreNotFoundOfWhatIsNotThere) {
  Api api;
  Api other;
  const auto theirs = GivenOneOfEach(other);
  const std::vector<std::pair<ResourceType, std::string>> kinds = {
      {ResourceType::kPool, "pool/pool-0123456789abcdef0123456789abcdef"},
      {ResourceType::kPhoneNumber, "phone-number/phone-0123456789abcdef0123456789abcdef"},
      {ResourceType::kSenderId, "sender-id/Nobody/GB"},
      {ResourceType::kOptOutList, "opt-out-list/Nothing"}};
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const auto& [type, tail] = kinds[i];
    for (const std::string& arn : {
             "arn:aws:sms-voice:us-east-1:" + api.account() + ":" + tail,
             "arn:aws:sms-voice:eu-west-2:" + api.account() + ":" + tail,
             theirs[i],
         }) {
      ForAllThree(api, arn, [&, type = type](const auto& result) { EXPECT_THAT(result, IsNotFound(type, arn)); });
    }
  }
}

TEST(ResourcePolicies, AreFoundInTheirRegionOnly) {
  Api api;
  const std::string arn = OwnArn(api, "pool", GivenPool(api));
  ASSERT_THAT(Put(api, arn, kPolicy), IsOk());
  GetResourcePolicyRequest request;
  request.set_resource_arn(arn);
  EXPECT_THAT(api.CallIn({api.account(), "eu-west-2"}, request), IsNotFound(ResourceType::kPool, arn));
}

// ---------------------------------------------------------------------------------------------------------------------
// Policies go with their resources

TEST(ResourcePolicies, GoWithTheirResources) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  GivenSenderId(api, "ExampleCo");
  for (const std::string& tail : {"pool/" + pool, "phone-number/" + number, std::string("sender-id/ExampleCo/GB"),
                                  std::string("opt-out-list/Offers")}) {
    GivenPolicy(api, "arn:aws:sms-voice:us-east-1:" + api.account() + ":" + tail, kPolicy);
  }
  ASSERT_EQ(RowsOf(api), 8);
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
  ASSERT_THAT(api.Call<ReleasePhoneNumberRequest>("phone_number_id: '" + number + "'"), IsOk());
  ASSERT_THAT(api.Call<ReleaseSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'"), IsOk());
  ASSERT_THAT(api.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'"), IsOk());
  EXPECT_EQ(RowsOf(api), 0);
}

TEST(ResourcePolicies, AreNotInheritedByANewResourceOfTheSameName) {
  Api api;
  GivenOptOutList(api, "Offers");
  GivenSenderId(api, "ExampleCo");
  GivenPolicy(api, OwnArn(api, "opt-out-list", "Offers"), kPolicy);
  GivenPolicy(api, OwnArn(api, "sender-id", "ExampleCo/GB"), kPolicy);
  ASSERT_THAT(api.Call<ReleaseSenderIdRequest>("sender_id: 'ExampleCo' iso_country_code: 'GB'"), IsOk());
  ASSERT_THAT(api.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'"), IsOk());
  GivenOptOutList(api, "Offers");
  GivenSenderId(api, "exampleco");
  EXPECT_EQ(Get(api, OwnArn(api, "opt-out-list", "Offers")).response.policy(), "{}");
  EXPECT_EQ(Get(api, OwnArn(api, "sender-id", "ExampleCo/GB")).response.policy(), "{}");
}

TEST(ResourcePolicies, OfAPoolStayUntilItsDeletionIsFinished) {
  Settings slow;
  slow.api.pool_deletion_delay = std::chrono::hours(1);
  Api api(slow);
  const std::string pool = GivenPool(api);
  const std::string arn = OwnArn(api, "pool", pool);
  GivenPolicy(api, arn, kPolicy);
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
  EXPECT_EQ(Get(api, arn).response.policy(), kPolicy);
  api.Sql([&](storage::Transaction& tx) { storage::DeletePool(tx, api.scope, pool); });
  EXPECT_THAT(Get(api, arn), IsNotFound(ResourceType::kPool, arn));
  EXPECT_EQ(RowsOf(api), 0);
}

}  // namespace
}  // namespace poold
