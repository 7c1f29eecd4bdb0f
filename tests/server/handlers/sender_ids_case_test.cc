// The case of a sender ID does not count anywhere, and all answers have it in upper case: behaviour 9.

#include <gtest/gtest.h>

#include "tests/server/handlers/sender_ids_calls.h"
#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const std::string kSpellings[] = {"ExampleCo", "exampleco", "EXAMPLECO"};
const std::string kGb = "iso_country_code: 'GB' ";

std::string Stored(Api& api) {
  std::string text;
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test", "SELECT sender_id FROM sender_ids WHERE account_id = $1"}, storage::Params(api.account()))[0].Read(
        text);
  });
  return text;
}

TEST(SenderIdCase, IsUpperInStorageAndInAllAnswersOfItsOperations) {
  for (const std::string& given : kSpellings) {
    Api api;
    const std::string arn = OwnArn(api, "sender-id", "EXAMPLECO/GB");
    const auto requested = RequestSender(api, NamedSender(given, "GB"));
    ASSERT_THAT(requested, IsOk());
    EXPECT_EQ(requested.response.sender_id(), "EXAMPLECO");
    EXPECT_EQ(requested.response.sender_id_arn(), arn);
    EXPECT_EQ(Stored(api), "EXAMPLECO");
    for (const std::string& name : kSpellings) {
      const auto described = TheSenderId(api, name, "GB");
      EXPECT_EQ(described.sender_id(), "EXAMPLECO");
      EXPECT_EQ(described.sender_id_arn(), arn);
      EXPECT_EQ(TheSenderId(api, OwnArn(api, "sender-id", name + "/GB"), "GB").sender_id(), "EXAMPLECO");
      const auto updated = UpdateSender(api, name, "GB", "deletion_protection_enabled: false");
      EXPECT_EQ(updated.response.sender_id(), "EXAMPLECO");
      EXPECT_EQ(updated.response.sender_id_arn(), arn);
      EXPECT_THAT(RequestSender(api, NamedSender(name, "GB")),
                  IsConflict(reason::kResourceAlreadyExists, ResourceType::kSenderId, "EXAMPLECO"));
    }
    const auto released = ReleaseSender(api, given, "GB");
    EXPECT_EQ(released.response.sender_id(), "EXAMPLECO");
    EXPECT_EQ(released.response.sender_id_arn(), arn);
  }
}

TEST(SenderIdCase, DoesNotCountInTheFilter) {
  Api api;
  GivenSenderId(api, "ExampleCo");
  GivenSenderId(api, "Other-1");
  for (const std::string& name : kSpellings) {
    EXPECT_THAT(DescribedSenderIds(api, SenderFilter("SENDER_ID", {name})), ElementsAre("EXAMPLECO/GB")) << name;
  }
  EXPECT_THAT(DescribedSenderIds(api, SenderFilter("SENDER_ID", {"other-1", "eXAMPLECO", "nobody"})),
              ElementsAre("EXAMPLECO/GB", "OTHER-1/GB"));
  EXPECT_THAT(DescribedSenderIds(api, SenderItem("exampleco", "GB") + SenderFilter("SENDER_ID", {"other-1"})),
              IsEmpty());
  EXPECT_THAT(DescribedSenderIds(api, SenderItem("exampleco", "GB") + SenderFilter("SENDER_ID", {"exampleCo"})),
              ElementsAre("EXAMPLECO/GB"));
  EXPECT_THAT(DescribedSenderIds(api, SenderFilter("SENDER_ID", {"example", "EXAMPLECO2"})), IsEmpty());
}

TEST(SenderIdCase, DoesNotCountInPools) {
  Api api;
  GivenSenderId(api, "ExampleCo");
  const std::string arn = OwnArn(api, "sender-id", "EXAMPLECO/GB");
  for (const std::string& name : kSpellings) {
    const std::string pool = GivenPool(api, name, kGb);
    EXPECT_THAT(MembersOf(api, pool), ElementsAre("EXAMPLECO"));
    const std::string other = GivenPool(api);
    const std::string both = "pool_id: '" + other + "' origination_identity: '" + name + "' " + kGb;
    const auto associated = api.Call<AssociateOriginationIdentityRequest>(both);
    EXPECT_EQ(associated.response.origination_identity(), "EXAMPLECO");
    EXPECT_EQ(associated.response.origination_identity_arn(), arn);
    for (const std::string& again : kSpellings) {
      EXPECT_THAT(api.Call<AssociateOriginationIdentityRequest>("pool_id: '" + other + "' origination_identity: '" +
                                                                again + "' " + kGb),
                  IsConflict(reason::kResourceAlreadyAssociated, ResourceType::kSenderId, "EXAMPLECO"));
      const auto pools =
          api.Call<ListPoolsForOriginationIdentityRequest>("origination_identity: '" + again + "' " + kGb);
      EXPECT_GE(pools.response.pools_size(), 2) << again;
    }
    const auto members = api.Call<ListPoolOriginationIdentitiesRequest>("pool_id: '" + other + "'");
    EXPECT_EQ(members.response.origination_identities(1).origination_identity_arn(), arn);
    const auto left = api.Call<DisassociateOriginationIdentityRequest>(both);
    EXPECT_EQ(left.response.origination_identity(), "EXAMPLECO");
  }
}

TEST(SenderIdCase, DoesNotMakeItAnotherInABatch) {
  Api api;
  GivenSenderId(api, "ExampleCo");
  const std::string pool = GivenPool(api);
  const std::string twice = "pool_id: '" + pool + "' origination_identities { origination_identity: 'ExampleCo' " +
                            kGb + "} origination_identities { origination_identity: 'exampleco' " + kGb + "}";
  const auto refusal = IsConflict(reason::kResourceAlreadyAssociated, ResourceType::kSenderId, "EXAMPLECO");
  EXPECT_THAT(api.Call<BatchAssociateOriginationIdentitiesRequest>(twice), refusal);
  EXPECT_THAT(api.Call<ReplaceOriginationIdentitiesRequest>(twice), refusal);
  EXPECT_THAT(MembersOf(api, pool), testing::SizeIs(1));
}

TEST(SenderIdCase, DoesNotCountInArnsOfTagsAndPolicies) {
  Api owner;
  Api api;
  GivenSenderId(owner, "ExampleCo");
  const std::string arn = OwnArn(owner, "sender-id", "EXAMPLECO/GB");
  const std::string named = OwnArn(owner, "sender-id", "exampleCo/GB");
  ASSERT_THAT(owner.Call<TagResourceRequest>("resource_arn: '" + named + "' tags { key: 'a' value: '1' }"), IsOk());
  EXPECT_THAT(TagsOf(owner, "sender-id", "exampleco/GB"), ElementsAre(Pair("a", "1")));
  EXPECT_EQ(owner.Call<ListTagsForResourceRequest>("resource_arn: '" + named + "'").response.resource_arn(), arn);
  GivenShare(owner, named, api.account(), {"sms-voice:DescribeSenderIds"});
  for (const std::string& name : kSpellings) {
    const std::string other = ArnOfOtherAccount(owner.account(), "sender-id", name + "/GB");
    EXPECT_EQ(TheSenderId(api, other, "GB").sender_id_arn(), arn);
    EXPECT_EQ(owner.Call<GetResourcePolicyRequest>("resource_arn: '" + OwnArn(owner, "sender-id", name + "/GB") + "'")
                  .response.resource_arn(),
              arn);
  }
  EXPECT_THAT(DescribedSenderIds(api, "owner: OWNER_SHARED " + SenderFilter("SENDER_ID", {"exampleco"})),
              ElementsAre("EXAMPLECO/GB"));
}

// Behaviour 4.2: a token compares what was written.
TEST(SenderIdCase, IsAnotherParameterToAClientToken) {
  Api api;
  const std::string token = "client_token: 'token'";
  ASSERT_THAT(RequestSender(api, NamedSender("ExampleCo", "GB") + token), IsOk());
  EXPECT_EQ(RequestSender(api, NamedSender("ExampleCo", "GB") + token).response.sender_id(), "EXAMPLECO");
  EXPECT_THAT(RequestSender(api, NamedSender("EXAMPLECO", "GB") + token),
              IsInvalidField(reason::kInvalidRequest, "clientToken"));
}

// What the previous release writes while it still runs beside this one.
TEST(SenderIdCase, IsUpperInAnswersWhateverAnotherBuildStored) {
  Api api;
  GivenSenderId(api, "ExampleCo");
  const std::string pool = GivenPool(api, "ExampleCo", kGb);
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test", "UPDATE sender_ids SET sender_id = 'ExampleCo' WHERE account_id = $1"},
           storage::Params(api.account()));
  });
  EXPECT_THAT(DescribedSenderIds(api), ElementsAre("EXAMPLECO/GB"));
  EXPECT_THAT(DescribedSenderIds(api, SenderFilter("SENDER_ID", {"EXAMPLECO"})), ElementsAre("EXAMPLECO/GB"));
  EXPECT_THAT(MembersOf(api, pool), ElementsAre("EXAMPLECO"));
  EXPECT_EQ(UpdateSender(api, "exampleco", "GB", "").response.sender_id(), "EXAMPLECO");
}

}  // namespace
}  // namespace poold
