// What resource policies share with other accounts, and what they don't. Rules: behaviour 3, 4.9, 10 and 11.

#include <gtest/gtest.h>

#include <set>

#include "server/middleware/validate.h"
#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

// Resources of all four types, two of each: one to be shared, one to be kept.
struct Resources {
  std::string pool;
  std::string number;  // in no pool
  std::string sender_id = "EXAMPLECO";
  std::string list = "Offers";
};

Resources GivenResources(Api& api) {
  Resources resources;
  resources.pool = GivenPool(api);
  resources.number = GivenNumber(api);
  GivenSenderId(api, resources.sender_id);
  GivenOptOutList(api, resources.list);
  return resources;
}

std::string PoolArnOf(const Api& api, const std::string& id) { return OwnArn(api, "pool", id); }
std::string NumberArnOf(const Api& api, const std::string& id) { return OwnArn(api, "phone-number", id); }
std::string SenderIdArnOf(const Api& api, const std::string& text, const std::string& country = "GB") {
  return OwnArn(api, "sender-id", text + "/" + country);
}
std::string ListArnOf(const Api& api, const std::string& name) { return OwnArn(api, "opt-out-list", name); }

std::vector<std::string> ArnsOf(const Api& api, const Resources& resources) {
  return {PoolArnOf(api, resources.pool), NumberArnOf(api, resources.number), SenderIdArnOf(api, resources.sender_id),
          ListArnOf(api, resources.list)};
}

// The ARNs that a listing shows, of whichever type.
std::vector<std::string> Arns(const DescribePoolsResponse& response) {
  std::vector<std::string> arns;
  for (const auto& item : response.pools()) arns.push_back(item.pool_arn());
  return arns;
}
std::vector<std::string> Arns(const DescribePhoneNumbersResponse& response) {
  std::vector<std::string> arns;
  for (const auto& item : response.phone_numbers()) arns.push_back(item.phone_number_arn());
  return arns;
}
std::vector<std::string> Arns(const DescribeSenderIdsResponse& response) {
  std::vector<std::string> arns;
  for (const auto& item : response.sender_ids()) arns.push_back(item.sender_id_arn());
  return arns;
}
std::vector<std::string> Arns(const DescribeOptOutListsResponse& response) {
  std::vector<std::string> arns;
  for (const auto& item : response.opt_out_lists()) arns.push_back(item.opt_out_list_arn());
  return arns;
}

template <class Request>
std::vector<std::string> Listed(Api& api, const std::string& text = "owner: OWNER_SHARED") {
  const auto result = api.Call<Request>(text);
  if (result.error) throw std::runtime_error(result.error->what());
  return Arns(result.response);
}

// All that other accounts share with this one.
std::vector<std::string> AllShared(Api& api) {
  std::vector<std::string> all = Listed<DescribePoolsRequest>(api);
  for (const auto& more : {Listed<DescribePhoneNumbersRequest>(api), Listed<DescribeSenderIdsRequest>(api),
                           Listed<DescribeOptOutListsRequest>(api)}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

// Every page of a listing of what is shared, `size` to a page.
template <class Request>
std::vector<std::string> ListedByPages(Api& api, int size) {
  std::vector<std::string> all;
  Request request;
  request.set_owner(OWNER_SHARED);
  request.set_max_results(size);
  while (true) {
    const auto result = api.Call(request);
    if (result.error) throw std::runtime_error(result.error->what());
    const auto some = Arns(result.response);
    EXPECT_LE(some.size(), static_cast<std::size_t>(size));
    all.insert(all.end(), some.begin(), some.end());
    if (!result.response.has_next_token()) return all;
    EXPECT_EQ(some.size(), static_cast<std::size_t>(size));
    request.set_next_token(result.response.next_token());
  }
}

std::string Named(const std::string& field, const std::string& name) { return field + ": '" + name + "' "; }

std::string SenderIdsField(const std::string& name, const std::string& country = "GB") {
  return "sender_ids { sender_id: '" + name + "' iso_country_code: '" + country + "' }";
}

std::string PolicyAllowing(const std::string& principal, const std::string& action = "sms-voice:*",
                           const std::string& more = {}) {
  return R"({"Statement": {"Effect": "Allow", "Principal": )" + principal + R"(, "Action": ")" + action + "\"" + more +
         "}}";
}

// ---------------------------------------------------------------------------------------------------------------------
// Listings

TEST(Sharing, ShowsEachTypeInTheListingsOfWhatIsShared) {
  Api owner;
  Api consumer;
  Api stranger;
  const Resources theirs = GivenResources(owner);
  GivenResources(consumer);
  for (const std::string& arn : ArnsOf(owner, theirs)) GivenShare(owner, arn, consumer.account());

  EXPECT_THAT(Listed<DescribePoolsRequest>(consumer), ElementsAre(PoolArnOf(owner, theirs.pool)));
  EXPECT_THAT(Listed<DescribePhoneNumbersRequest>(consumer), ElementsAre(NumberArnOf(owner, theirs.number)));
  EXPECT_THAT(Listed<DescribeSenderIdsRequest>(consumer), ElementsAre(SenderIdArnOf(owner, theirs.sender_id)));
  EXPECT_THAT(Listed<DescribeOptOutListsRequest>(consumer), ElementsAre(ListArnOf(owner, theirs.list)));
  EXPECT_THAT(AllShared(stranger), IsEmpty());
  EXPECT_THAT(AllShared(owner), IsEmpty());
}

TEST(Sharing, ShowsSharedThingsAsTheirOwnerSeesThem) {
  Api owner;
  Api consumer;
  const Resources theirs = GivenResources(owner);
  for (const std::string& arn : ArnsOf(owner, theirs)) GivenShare(owner, arn, consumer.account());
  EXPECT_THAT(consumer.Call<DescribePoolsRequest>("owner: OWNER_SHARED").response.pools(0),
              EqualsProto(ThePool(owner, theirs.pool)));
  EXPECT_THAT(consumer.Call<DescribePhoneNumbersRequest>("owner: OWNER_SHARED").response.phone_numbers(0),
              EqualsProto(TheNumber(owner, theirs.number)));
  const auto senders = owner.Call<DescribeSenderIdsRequest>("");
  EXPECT_THAT(consumer.Call<DescribeSenderIdsRequest>("owner: OWNER_SHARED").response, EqualsProto(senders.response));
  const auto lists = owner.Call<DescribeOptOutListsRequest>("opt_out_list_names: 'Offers'");
  EXPECT_THAT(consumer.Call<DescribeOptOutListsRequest>("owner: OWNER_SHARED").response, EqualsProto(lists.response));
}

TEST(Sharing, DoesNotMixSharedThingsIntoTheConsumersOwn) {
  Api owner;
  Api consumer;
  const Resources theirs = GivenResources(owner);
  for (const std::string& arn : ArnsOf(owner, theirs)) GivenShare(owner, arn, consumer.account());
  const Resources mine = GivenResources(consumer);
  for (const std::string request : {"", "owner: OWNER_SELF"}) {
    EXPECT_THAT(Listed<DescribePoolsRequest>(consumer, request), ElementsAre(PoolArnOf(consumer, mine.pool)));
    EXPECT_THAT(Listed<DescribeSenderIdsRequest>(consumer, request),
                ElementsAre(SenderIdArnOf(consumer, mine.sender_id)));
    EXPECT_THAT(Listed<DescribeOptOutListsRequest>(consumer, request),
                ElementsAre(ListArnOf(consumer, "Default"), ListArnOf(consumer, mine.list)));
    for (const std::string& arn : Listed<DescribePhoneNumbersRequest>(consumer, request)) {
      EXPECT_NE(arn, NumberArnOf(owner, theirs.number));
    }
  }
}

// In a region of its own: what everybody sees must not meet the other tests of this program.
TEST(Sharing, WithEverybodyReachesEveryoneButTheOwner) {
  Api owner;
  Api consumer;
  Api stranger;
  for (Api* api : {&owner, &consumer, &stranger}) api->scope.region = "eu-north-1";
  const Resources theirs = GivenResources(owner);
  for (const std::string& arn : ArnsOf(owner, theirs)) GivenPolicy(owner, arn, PolicyAllowing(R"("*")"));
  EXPECT_THAT(AllShared(consumer), ElementsAreArray(ArnsOf(owner, theirs)));
  EXPECT_THAT(AllShared(stranger), ElementsAreArray(ArnsOf(owner, theirs)));
  EXPECT_THAT(AllShared(owner), IsEmpty());
}

TEST(Sharing, WithEverybodyButOneLeavesOutThatOne) {
  Api owner;
  Api consumer;
  Api stranger;
  for (Api* api : {&owner, &consumer, &stranger}) api->scope.region = "eu-south-1";
  const std::string pool = GivenPool(owner);
  const std::string arn = PoolArnOf(owner, pool);
  GivenPolicy(owner, arn,
              R"({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sms-voice:*"},
                                {"Effect": "Deny", "Principal": ")" +
                  stranger.account() + R"(", "Action": "*"}]})");
  EXPECT_THAT(Listed<DescribePoolsRequest>(consumer), ElementsAre(arn));
  EXPECT_THAT(Listed<DescribePoolsRequest>(stranger), IsEmpty());
  EXPECT_THAT(consumer.Call<DescribePoolsRequest>(Named("pool_ids", arn)), IsOk());
  EXPECT_THAT(stranger.Call<DescribePoolsRequest>(Named("pool_ids", arn)), IsNotFound(ResourceType::kPool, arn));
}

TEST(Sharing, DeniedOneActionToOneAccountOfAllLeavesTheOthers) {
  Api owner;
  Api consumer;
  for (Api* api : {&owner, &consumer}) api->scope.region = "eu-central-2";
  const std::string arn = PoolArnOf(owner, GivenPool(owner));
  GivenPolicy(owner, arn,
              R"({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sms-voice:*"},
                                {"Effect": "Deny", "Principal": ")" +
                  consumer.account() + R"(", "Action": "sms-voice:DescribePools"}]})");
  EXPECT_THAT(Listed<DescribePoolsRequest>(consumer), IsEmpty());
  EXPECT_THAT(consumer.Call<DescribePoolsRequest>(Named("pool_ids", arn)), IsFault(Fault::kAccessDenied));
  EXPECT_THAT(consumer.Call<ListPoolOriginationIdentitiesRequest>(Named("pool_id", arn)), IsOk());
}

TEST(Sharing, TakesAnAccountInEveryForm) {
  Api owner;
  Api consumer;
  const std::string arn = PoolArnOf(owner, GivenPool(owner));
  const std::string& account = consumer.account();
  for (const std::string& principal : {
           "\"" + account + "\"",
           R"({"AWS": ")" + account + R"("})",
           R"({"AWS": ["444455556666", ")" + account + R"("]})",
           R"({"AWS": "arn:aws:iam::)" + account + R"(:root"})",
       }) {
    GivenPolicy(owner, arn, PolicyAllowing(principal));
    EXPECT_THAT(Listed<DescribePoolsRequest>(consumer), ElementsAre(arn)) << principal;
    EXPECT_THAT(consumer.Call<DescribePoolsRequest>(Named("pool_ids", arn)), IsOk()) << principal;
  }
  for (const std::string& principal : {
           std::string(R"("444455556666")"),
           std::string(R"({"Service": "sms-voice.amazonaws.com"})"),
           std::string(R"({"AWS": "arn:aws:iam::444455556666:root"})"),
       }) {
    GivenPolicy(owner, arn, PolicyAllowing(principal));
    EXPECT_THAT(Listed<DescribePoolsRequest>(consumer), IsEmpty()) << principal;
    EXPECT_THAT(consumer.Call<DescribePoolsRequest>(Named("pool_ids", arn)), IsNotFound(ResourceType::kPool, arn));
  }
}

TEST(Sharing, CountsOnlyStatementsThatAllowThisResource) {
  Api owner;
  Api consumer;
  const std::string arn = PoolArnOf(owner, GivenPool(owner));
  const std::string account = "\"" + consumer.account() + "\"";
  for (const std::string& policy : {
           PolicyAllowing(account, "sms-voice:*", R"(, "Resource": ")" + PoolArnOf(owner, "pool-other") + "\""),
           PolicyAllowing(account, "sms-voice:*", R"(, "Condition": {"Bool": {"aws:SecureTransport": "true"}})"),
           PolicyAllowing(account, "sns:*"),
           R"({"Statement": {"Effect": "Allow", "NotPrincipal": "444455556666", "Action": "*"}})" + std::string(),
           R"({"Statement": {"Effect": "Allow", "Principal": )" + account + R"(, "NotAction": "sns:*"}})",
           R"({"Statement": {"Effect": "Deny", "Principal": )" + account + R"(, "Action": "*"}})",
           R"({"Statement": []})" + std::string(),
       }) {
    GivenPolicy(owner, arn, policy);
    EXPECT_THAT(Listed<DescribePoolsRequest>(consumer), IsEmpty()) << policy;
    EXPECT_THAT(consumer.Call<DescribePoolsRequest>(Named("pool_ids", arn)), IsNotFound(ResourceType::kPool, arn))
        << policy;
  }
}

TEST(Sharing, IsOfTheActionsThatThePolicyNames) {
  Api owner;
  Api consumer;
  const std::string arn = PoolArnOf(owner, GivenPool(owner));
  const auto describe = Named("pool_ids", arn);
  for (const std::string action : {"sms-voice:DescribePools", "SMS-VOICE:describepools", "sms-voice:Describe*", "*"}) {
    GivenShare(owner, arn, consumer.account(), {action});
    EXPECT_THAT(Listed<DescribePoolsRequest>(consumer), ElementsAre(arn)) << action;
    EXPECT_THAT(consumer.Call<DescribePoolsRequest>(describe), IsOk()) << action;
  }
  GivenShare(owner, arn, consumer.account(), {"sms-voice:ListPool*"});
  EXPECT_THAT(Listed<DescribePoolsRequest>(consumer), IsEmpty());
  EXPECT_THAT(consumer.Call<DescribePoolsRequest>(describe), IsFault(Fault::kAccessDenied));
  EXPECT_THAT(consumer.Call<ListPoolOriginationIdentitiesRequest>(Named("pool_id", arn)), IsOk());
}

TEST(Sharing, EndsWithThePolicyAndWithTheResource) {
  Api owner;
  Api consumer;
  const Resources theirs = GivenResources(owner);
  for (const std::string& arn : ArnsOf(owner, theirs)) {
    GivenShare(owner, arn, consumer.account());
    ASSERT_THAT(AllShared(consumer), ElementsAre(arn));
    ASSERT_THAT(owner.Call<DeleteResourcePolicyRequest>(Named("resource_arn", arn)), IsOk());
    EXPECT_THAT(AllShared(consumer), IsEmpty());
  }
  const std::string pool = PoolArnOf(owner, theirs.pool);
  GivenShare(owner, pool, consumer.account());
  ASSERT_THAT(owner.Call<DeletePoolRequest>(Named("pool_id", theirs.pool)), IsOk());
  EXPECT_THAT(AllShared(consumer), IsEmpty());
  EXPECT_THAT(consumer.Call<DescribePoolsRequest>(Named("pool_ids", pool)), IsNotFound(ResourceType::kPool, pool));
}

TEST(Sharing, FollowsThePolicyThatReplacesAnother) {
  Api owner;
  Api consumer;
  Api stranger;
  const std::string arn = PoolArnOf(owner, GivenPool(owner));
  GivenShare(owner, arn, consumer.account());
  GivenShare(owner, arn, stranger.account());
  EXPECT_THAT(Listed<DescribePoolsRequest>(consumer), IsEmpty());
  EXPECT_THAT(Listed<DescribePoolsRequest>(stranger), ElementsAre(arn));
}

TEST(Sharing, ShowsDeletedPoolsWhileTheirOwnerSeesThem) {
  Settings slow;
  slow.api.pool_deletion_delay = std::chrono::hours(1);
  Api owner(slow);
  Api consumer;
  const std::string pool = GivenPool(owner);
  GivenShare(owner, PoolArnOf(owner, pool), consumer.account());
  ASSERT_THAT(owner.Call<DeletePoolRequest>(Named("pool_id", pool)), IsOk());
  EXPECT_THAT(Listed<DescribePoolsRequest>(consumer,
                                           "owner: OWNER_SHARED filters { name: POOL_FILTER_NAME_STATUS"
                                           " values: 'DELETING' }"),
              ElementsAre(PoolArnOf(owner, pool)));
}

TEST(Sharing, OfAFilteredListingShowsWhatPasses) {
  Api owner;
  Api consumer;
  GivenOptOutList(owner, "Offers");
  const std::string plain = GivenPool(owner);
  const std::string marked = GivenPool(owner, GivenNumber(owner), "deletion_protection_enabled: true");
  const std::string kept = GivenPool(owner, GivenNumber(owner), "deletion_protection_enabled: true");
  const std::string home = GivenNumber(owner);
  const std::string abroad = GivenNumber(owner, "iso_country_code: 'FR'");
  GivenSenderId(owner, "BRITISH", "GB");
  GivenSenderId(owner, "FRENCH", "FR");
  for (const std::string& arn :
       {PoolArnOf(owner, plain), PoolArnOf(owner, marked), NumberArnOf(owner, home), NumberArnOf(owner, abroad),
        SenderIdArnOf(owner, "BRITISH"), SenderIdArnOf(owner, "FRENCH", "FR")}) {
    GivenShare(owner, arn, consumer.account());
  }
  const std::string shared = "owner: OWNER_SHARED ";
  EXPECT_THAT(Listed<DescribePoolsRequest>(
                  consumer, shared + "filters { name: POOL_FILTER_NAME_DELETION_PROTECTION_ENABLED values: 'true' }"),
              ElementsAre(PoolArnOf(owner, marked)));
  EXPECT_THAT(Listed<DescribePhoneNumbersRequest>(
                  consumer, shared + "filters { name: PHONE_NUMBER_FILTER_NAME_ISO_COUNTRY_CODE values: 'FR' }"),
              ElementsAre(NumberArnOf(owner, abroad)));
  EXPECT_THAT(Listed<DescribeSenderIdsRequest>(
                  consumer, shared + "filters { name: SENDER_ID_FILTER_NAME_SENDER_ID values: 'French' }"),
              ElementsAre(SenderIdArnOf(owner, "FRENCH", "FR")));
  EXPECT_THAT(Listed<DescribeSenderIdsRequest>(
                  consumer, shared + "filters { name: SENDER_ID_FILTER_NAME_SENDER_ID values: 'Nobody' }"),
              IsEmpty());
}

// Three owners whose resources were made in turn, each with the same names.
struct ThreeOwners {
  Api owners[3];
  std::vector<std::string> pools;       // in the order of creation
  std::vector<std::string> numbers;     // likewise
  std::vector<std::string> sender_ids;  // by text, country and owner
  std::vector<std::string> lists;       // in the order of creation, then name, then owner

  explicit ThreeOwners(Api& consumer) {
    for (int turn = 0; turn < 2; ++turn) {
      for (Api& owner : owners) {
        if (turn == 1) owner.world.Advance(std::chrono::minutes(1));
        const std::string list = turn == 0 ? "Offers" : "News";
        GivenOptOutList(owner, list);
        pools.push_back(PoolArnOf(owner, GivenPool(owner)));
        numbers.push_back(NumberArnOf(owner, GivenNumber(owner)));
        lists.push_back(ListArnOf(owner, list));
        for (const std::string& arn : {pools.back(), numbers.back(), lists.back()}) {
          GivenShare(owner, arn, consumer.account());
        }
      }
    }
    for (const std::string text : {"ALPHA", "BETA", "GAMMA"}) {
      for (const std::string country : {"FR", "GB"}) {
        for (Api& owner : owners) {
          GivenSenderId(owner, text, country);
          sender_ids.push_back(SenderIdArnOf(owner, text, country));
          GivenShare(owner, sender_ids.back(), consumer.account());
        }
      }
    }
  }
};

TEST(Sharing, ListsThingsOfTheSameNameFromSeveralOwnersInOrder) {
  Api consumer;
  const ThreeOwners three(consumer);
  EXPECT_THAT(Listed<DescribePoolsRequest>(consumer), ElementsAreArray(three.pools));
  EXPECT_THAT(Listed<DescribePhoneNumbersRequest>(consumer), ElementsAreArray(three.numbers));
  EXPECT_THAT(Listed<DescribeSenderIdsRequest>(consumer), ElementsAreArray(three.sender_ids));
  EXPECT_THAT(Listed<DescribeOptOutListsRequest>(consumer), ElementsAreArray(three.lists));
}

TEST(Sharing, PagesThroughThingsOfTheSameNameWithoutSkippingOrRepeating) {
  Api consumer;
  const ThreeOwners three(consumer);
  for (int size = 1; size <= 7; ++size) {
    EXPECT_THAT(ListedByPages<DescribePoolsRequest>(consumer, size), ElementsAreArray(three.pools)) << size;
    EXPECT_THAT(ListedByPages<DescribePhoneNumbersRequest>(consumer, size), ElementsAreArray(three.numbers)) << size;
    EXPECT_THAT(ListedByPages<DescribeSenderIdsRequest>(consumer, size), ElementsAreArray(three.sender_ids)) << size;
    EXPECT_THAT(ListedByPages<DescribeOptOutListsRequest>(consumer, size), ElementsAreArray(three.lists)) << size;
  }
}

TEST(Sharing, NamesThingsOfSeveralOwnersInOneCall) {
  Api consumer;
  ThreeOwners three(consumer);
  const Resources mine = GivenResources(consumer);
  EXPECT_THAT(Listed<DescribeOptOutListsRequest>(consumer, Named("opt_out_list_names", three.lists[2]) +
                                                               Named("opt_out_list_names", three.lists[0]) +
                                                               Named("opt_out_list_names", "Offers")),
              testing::UnorderedElementsAre(three.lists[0], three.lists[2], ListArnOf(consumer, "Offers")));
  EXPECT_THAT(Listed<DescribePoolsRequest>(consumer, Named("pool_ids", three.pools[1]) + Named("pool_ids", mine.pool) +
                                                         Named("pool_ids", three.pools[0])),
              testing::UnorderedElementsAre(three.pools[0], three.pools[1], PoolArnOf(consumer, mine.pool)));
  EXPECT_THAT(Listed<DescribeSenderIdsRequest>(
                  consumer, SenderIdsField(three.sender_ids[0], "FR") + SenderIdsField(three.sender_ids[1], "FR")),
              ElementsAre(three.sender_ids[0], three.sender_ids[1]));
  EXPECT_THAT(Listed<DescribePhoneNumbersRequest>(
                  consumer, Named("phone_number_ids", three.numbers[4]) + Named("phone_number_ids", three.numbers[3])),
              ElementsAre(three.numbers[3], three.numbers[4]));
}

TEST(Sharing, RefusesOwnerTogetherWithNames) {
  Api consumer;
  EXPECT_THAT(
      consumer.Call<DescribePoolsRequest>("owner: OWNER_SHARED pool_ids: 'pool-1'"),
      IsInvalid(std::string(reason::kParametersCannotBeUsedTogether), std::vector<std::string>{"owner", "poolIds"}));
}

// ---------------------------------------------------------------------------------------------------------------------
// By ARN

TEST(Sharing, LetsConsumersReadByArnWhatThePolicyCovers) {
  Api owner;
  Api consumer;
  const Resources theirs = GivenResources(owner);
  GivenKeyword(owner, theirs.number, "HOURS", "9 to 5");
  for (const std::string& arn : ArnsOf(owner, theirs)) {
    GivenShare(owner, arn, consumer.account());
    ASSERT_THAT(owner.Call<TagResourceRequest>(Named("resource_arn", arn) + "tags { key: 'Name' value: 'x' }"), IsOk());
  }
  const std::string pool = PoolArnOf(owner, theirs.pool);
  const std::string number = NumberArnOf(owner, theirs.number);

  const auto members = consumer.Call<ListPoolOriginationIdentitiesRequest>(Named("pool_id", pool));
  ASSERT_THAT(members, IsOk());
  EXPECT_EQ(members.response.pool_arn(), pool);
  EXPECT_EQ(members.response.pool_id(), theirs.pool);
  ASSERT_EQ(members.response.origination_identities_size(), 1);
  EXPECT_EQ(members.response.origination_identities(0).origination_identity_arn(),
            NumberArnOf(owner, MembersOf(owner, theirs.pool)[0]));

  const auto of_pool = consumer.Call<DescribeKeywordsRequest>(Named("origination_identity", pool));
  ASSERT_THAT(of_pool, IsOk());
  EXPECT_EQ(of_pool.response.origination_identity_arn(), pool);
  EXPECT_EQ(of_pool.response.keywords_size(), 2);
  const auto of_number = consumer.Call<DescribeKeywordsRequest>(Named("origination_identity", number));
  ASSERT_THAT(of_number, IsOk());
  EXPECT_EQ(of_number.response.origination_identity_arn(), number);
  EXPECT_EQ(of_number.response.keywords_size(), 3);

  for (const std::string& arn : ArnsOf(owner, theirs)) {
    const auto tags = consumer.Call<ListTagsForResourceRequest>(Named("resource_arn", arn));
    ASSERT_THAT(tags, IsOk()) << arn;
    EXPECT_THAT(tags.response, EqualsText("resource_arn: '" + arn + "' tags { key: 'Name' value: 'x' }"));
  }
}

TEST(Sharing, ShowsAPooledNumbersKeywordsToThoseWhoMayReadTheNumber) {
  Api owner;
  Api consumer;
  const std::string number = GivenNumber(owner);
  const std::string pool = GivenPool(owner, number);
  GivenKeyword(owner, pool, "HOURS", "9 to 5");
  GivenShare(owner, NumberArnOf(owner, number), consumer.account());
  const auto keywords =
      consumer.Call<DescribeKeywordsRequest>(Named("origination_identity", NumberArnOf(owner, number)));
  ASSERT_THAT(keywords, IsOk());
  EXPECT_EQ(keywords.response.keywords_size(), 3);
  EXPECT_THAT(consumer.Call<DescribeKeywordsRequest>(Named("origination_identity", PoolArnOf(owner, pool))),
              IsNotFound(ResourceType::kPool, PoolArnOf(owner, pool)));
}

TEST(Sharing, NamesASharedSenderIdInAnyCase) {
  Api owner;
  Api consumer;
  GivenSenderId(owner, "EXAMPLECO");
  GivenShare(owner, SenderIdArnOf(owner, "EXAMPLECO"), consumer.account());
  const std::string arn = SenderIdArnOf(owner, "EXAMPLECO");
  EXPECT_THAT(Listed<DescribeSenderIdsRequest>(consumer), ElementsAre(arn));
  EXPECT_THAT(Listed<DescribeSenderIdsRequest>(consumer, SenderIdsField(SenderIdArnOf(owner, "exampleCO"))),
              ElementsAre(arn));
  const auto tags = consumer.Call<ListTagsForResourceRequest>(Named("resource_arn", SenderIdArnOf(owner, "EXAMPLEco")));
  ASSERT_THAT(tags, IsOk());
  EXPECT_EQ(tags.response.resource_arn(), arn);
}

TEST(Sharing, LeavesPlainNamesToTheCallersOwn) {
  Api owner;
  Api consumer;
  const Resources theirs = GivenResources(owner);
  for (const std::string& arn : ArnsOf(owner, theirs)) GivenShare(owner, arn, consumer.account());
  EXPECT_THAT(consumer.Call<DescribePoolsRequest>(Named("pool_ids", theirs.pool)),
              IsNotFound(ResourceType::kPool, theirs.pool));
  EXPECT_THAT(consumer.Call<DescribePhoneNumbersRequest>(Named("phone_number_ids", theirs.number)),
              IsNotFound(ResourceType::kPhoneNumber, theirs.number));
  EXPECT_THAT(consumer.Call<DescribeSenderIdsRequest>(SenderIdsField(theirs.sender_id)),
              IsNotFound(ResourceType::kSenderId, theirs.sender_id));
  EXPECT_THAT(consumer.Call<DescribeOptOutListsRequest>(Named("opt_out_list_names", theirs.list)),
              IsNotFound(ResourceType::kOptOutList, theirs.list));
  EXPECT_THAT(consumer.Call<DescribeOptedOutNumbersRequest>(Named("opt_out_list_name", theirs.list)),
              IsNotFound(ResourceType::kOptOutList, theirs.list));
}

TEST(Sharing, StaysInItsRegion) {
  Api owner;
  Api consumer;
  const Resources theirs = GivenResources(owner);
  for (const std::string& arn : ArnsOf(owner, theirs)) GivenShare(owner, arn, consumer.account());
  consumer.scope.region = "eu-west-2";
  EXPECT_THAT(AllShared(consumer), IsEmpty());
  for (const std::string& arn : {PoolArnOf(owner, theirs.pool), ArnOfOtherRegion(owner, "pool", theirs.pool)}) {
    EXPECT_THAT(consumer.Call<DescribePoolsRequest>(Named("pool_ids", arn)), IsNotFound(ResourceType::kPool, arn));
  }
  consumer.scope.region = "us-east-1";
  const std::string elsewhere = ArnOfOtherRegion(owner, "pool", theirs.pool);
  EXPECT_THAT(consumer.Call<DescribePoolsRequest>(Named("pool_ids", elsewhere)),
              IsNotFound(ResourceType::kPool, elsewhere));
}

// ---------------------------------------------------------------------------------------------------------------------
// What a consumer may not do, and what nobody learns

// A call of each operation that names a resource, of the owner's things by ARN. With `refused`: what a consumer gets
// whose policy covers every action. Each request is sound apart from whose the resource is.
struct NamingCall {
  std::unique_ptr<google::protobuf::Message> request;
  ResourceType type;
  std::string arn;
};

template <class Request>
NamingCall Naming(ResourceType type, const std::string& arn, const std::string& text) {
  return {std::make_unique<Request>(Api::Parse<Request>(text)), type, arn};
}

struct Named4 {
  std::string pool;
  std::string number;
  std::string sender_id;
  std::string list;
};

// Every writing operation but those that make something new (which name nothing), and GetResourcePolicy.
// `own_pool`, `own_number`: of the caller's own, for operations that name two things.
std::vector<NamingCall> CallsOfTheOwnerOnly(const Named4& arns, const std::string& own_pool,
                                            const std::string& own_number) {
  const auto kPool = ResourceType::kPool;
  const auto kNumber = ResourceType::kPhoneNumber;
  const auto kSenderId = ResourceType::kSenderId;
  const auto kList = ResourceType::kOptOutList;
  const std::string pool = Named("pool_id", arns.pool);
  const std::string identity = Named("origination_identity", own_number);
  const std::string batch = "origination_identities { " + identity + "}";
  const std::string transactional = "message_type: MESSAGE_TYPE_TRANSACTIONAL ";
  std::vector<NamingCall> calls;
  const auto add = [&](NamingCall call) { calls.push_back(std::move(call)); };
  add(Naming<UpdatePoolRequest>(kPool, arns.pool, pool + "shared_routes_enabled: true"));
  add(Naming<DeletePoolRequest>(kPool, arns.pool, pool));
  add(Naming<AssociateOriginationIdentityRequest>(kPool, arns.pool, pool + identity));
  add(Naming<DisassociateOriginationIdentityRequest>(kPool, arns.pool, pool + identity));
  add(Naming<BatchAssociateOriginationIdentitiesRequest>(kPool, arns.pool, pool + batch));
  add(Naming<BatchDisassociateOriginationIdentitiesRequest>(kPool, arns.pool, pool + batch));
  add(Naming<ReplaceOriginationIdentitiesRequest>(kPool, arns.pool, pool + batch));
  add(Naming<RequestPhoneNumberRequest>(kPool, arns.pool,
                                        pool + transactional +
                                            "iso_country_code: 'US' number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE"
                                            " number_capabilities: NUMBER_CAPABILITY_SMS"));
  // Identities: in every place that takes one.
  for (const auto& [type, arn] : {std::pair(kNumber, arns.number), std::pair(kSenderId, arns.sender_id)}) {
    const std::string theirs = Named("origination_identity", arn);
    const std::string own = Named("pool_id", own_pool);
    const std::string many = "origination_identities { " + theirs + "}";
    add(Naming<CreatePoolRequest>(type, arn, theirs + transactional));
    add(Naming<AssociateOriginationIdentityRequest>(type, arn, own + theirs));
    add(Naming<DisassociateOriginationIdentityRequest>(type, arn, own + theirs));
    add(Naming<BatchAssociateOriginationIdentitiesRequest>(type, arn, own + many));
    add(Naming<BatchDisassociateOriginationIdentitiesRequest>(type, arn, own + many));
    add(Naming<ReplaceOriginationIdentitiesRequest>(type, arn, own + many));
    add(Naming<ListPoolsForOriginationIdentityRequest>(type, arn, theirs));
  }
  add(Naming<UpdatePhoneNumberRequest>(kNumber, arns.number,
                                       Named("phone_number_id", arns.number) + "two_way_enabled: false"));
  add(Naming<ReleasePhoneNumberRequest>(kNumber, arns.number, Named("phone_number_id", arns.number)));
  add(Naming<UpdateSenderIdRequest>(kSenderId, arns.sender_id,
                                    Named("sender_id", arns.sender_id) + "iso_country_code: 'GB'"));
  add(Naming<ReleaseSenderIdRequest>(kSenderId, arns.sender_id,
                                     Named("sender_id", arns.sender_id) + "iso_country_code: 'GB'"));
  add(Naming<DeleteOptOutListRequest>(kList, arns.list, Named("opt_out_list_name", arns.list)));
  for (const auto& [type, arn] : {std::pair(kPool, arns.pool), std::pair(kNumber, arns.number)}) {
    const std::string theirs = Named("origination_identity", arn);
    add(Naming<PutKeywordRequest>(type, arn, theirs + "keyword: 'HOURS' keyword_message: '9 to 5'"));
    add(Naming<DeleteKeywordRequest>(type, arn, theirs + "keyword: 'HOURS'"));
  }
  for (const auto& [type, arn] : {std::pair(kPool, arns.pool), std::pair(kNumber, arns.number),
                                  std::pair(kSenderId, arns.sender_id), std::pair(kList, arns.list)}) {
    const std::string theirs = Named("resource_arn", arn);
    add(Naming<TagResourceRequest>(type, arn, theirs + "tags { key: 'a' value: 'b' }"));
    add(Naming<UntagResourceRequest>(type, arn, theirs + "tag_keys: 'Name'"));
    add(Naming<PutResourcePolicyRequest>(type, arn, theirs + "policy: '{\"Statement\": []}'"));
    add(Naming<GetResourcePolicyRequest>(type, arn, theirs));
    add(Naming<DeleteResourcePolicyRequest>(type, arn, theirs));
  }
  return calls;
}

// The operations that a policy can open to others.
std::vector<NamingCall> CallsThatCanBeShared(const Named4& arns) {
  std::vector<NamingCall> calls;
  const auto add = [&](NamingCall call) { calls.push_back(std::move(call)); };
  const std::string list = Named("opt_out_list_name", arns.list);
  const std::string recipient = "opted_out_number: '+12065550100'";
  add(Naming<DescribePoolsRequest>(ResourceType::kPool, arns.pool, Named("pool_ids", arns.pool)));
  add(Naming<ListPoolOriginationIdentitiesRequest>(ResourceType::kPool, arns.pool, Named("pool_id", arns.pool)));
  add(Naming<DescribePhoneNumbersRequest>(ResourceType::kPhoneNumber, arns.number,
                                          Named("phone_number_ids", arns.number)));
  add(Naming<DescribeSenderIdsRequest>(ResourceType::kSenderId, arns.sender_id, SenderIdsField(arns.sender_id)));
  add(Naming<DescribeOptOutListsRequest>(ResourceType::kOptOutList, arns.list, Named("opt_out_list_names", arns.list)));
  add(Naming<DescribeOptedOutNumbersRequest>(ResourceType::kOptOutList, arns.list, list));
  add(Naming<PutOptedOutNumberRequest>(ResourceType::kOptOutList, arns.list, list + recipient));
  add(Naming<DeleteOptedOutNumberRequest>(ResourceType::kOptOutList, arns.list, list + recipient));
  for (const auto& [type, arn] :
       {std::pair(ResourceType::kPool, arns.pool), std::pair(ResourceType::kPhoneNumber, arns.number)}) {
    add(Naming<DescribeKeywordsRequest>(type, arn, Named("origination_identity", arn)));
  }
  for (const auto& [type, arn] :
       {std::pair(ResourceType::kPool, arns.pool), std::pair(ResourceType::kPhoneNumber, arns.number),
        std::pair(ResourceType::kSenderId, arns.sender_id), std::pair(ResourceType::kOptOutList, arns.list)}) {
    add(Naming<ListTagsForResourceRequest>(type, arn, Named("resource_arn", arn)));
  }
  return calls;
}

const Method& MethodOf(const google::protobuf::Message& request) {
  const std::string& name = request.GetDescriptor()->name();
  return *FindMethod(name.substr(0, name.size() - std::string_view("Request").size()));
}

std::optional<Error> ErrorOf(Api& api, const google::protobuf::Message& request) {
  const auto* type = MethodOf(request).descriptor->output_type();
  const std::unique_ptr<google::protobuf::Message> response(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  return api.Run(api.scope, {}, request, *response);
}

Named4 ArnsFor(const Api& owner, const Resources& resources) {
  return {PoolArnOf(owner, resources.pool), NumberArnOf(owner, resources.number),
          SenderIdArnOf(owner, resources.sender_id), ListArnOf(owner, resources.list)};
}

// Whether a field of the message, or of a message in it, takes ARNs.
bool TakesArns(const google::protobuf::Descriptor& type) {
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& rule = type.field(i)->options().GetExtension(smsvoice::v2::rule);
    if (rule.arn_types_size() > 0 || rule.items().arn_types_size() > 0) return true;
    if (const auto* inner = type.field(i)->message_type(); inner != nullptr && TakesArns(*inner)) return true;
  }
  return false;
}

TEST(Sharing, HasATestForEveryOperationThatTakesAnArn) {
  const Named4 arns{"arn:aws:sms-voice:us-east-1:111122223333:pool/pool-1",
                    "arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1",
                    "arn:aws:sms-voice:us-east-1:111122223333:sender-id/EXAMPLECO/GB",
                    "arn:aws:sms-voice:us-east-1:111122223333:opt-out-list/Offers"};
  std::set<std::string_view> tested;
  for (const NamingCall& call : CallsOfTheOwnerOnly(arns, "pool-2", "phone-0000002")) {
    tested.insert(MethodOf(*call.request).name);
    EXPECT_NO_THROW(CheckRules(*call.request)) << call.request->GetTypeName();
  }
  for (const NamingCall& call : CallsThatCanBeShared(arns)) {
    tested.insert(MethodOf(*call.request).name);
    EXPECT_NO_THROW(CheckRules(*call.request)) << call.request->GetTypeName();
  }
  for (const Method& method : Methods()) {
    EXPECT_EQ(tested.contains(method.name), TakesArns(*method.descriptor->input_type())) << method.name;
  }
}

TEST(Sharing, RefusesAConsumerWhateverOnlyTheOwnerMayDo) {
  Api owner;
  Api consumer;
  const Resources theirs = GivenResources(owner);
  for (const std::string& arn : ArnsOf(owner, theirs)) GivenShare(owner, arn, consumer.account(), {"*"});
  const std::string pool = GivenPool(consumer);
  const auto before = AllShared(consumer);
  for (const NamingCall& call : CallsOfTheOwnerOnly(ArnsFor(owner, theirs), pool, GivenNumber(consumer))) {
    const auto error = ErrorOf(consumer, *call.request);
    ASSERT_TRUE(error) << call.request->GetTypeName();
    EXPECT_EQ(error->fault(), Fault::kAccessDenied) << call.request->GetTypeName() << ": " << error->what();
    EXPECT_EQ(error->reason(), "") << "no documented Reason fits";
  }
  EXPECT_EQ(AllShared(consumer), before);
}

TEST(Sharing, DeniesAConsumerTheReadingOperationsThatThePolicyDoesNotCover) {
  Api owner;
  Api consumer;
  const Resources theirs = GivenResources(owner);
  const Named4 arns = ArnsFor(owner, theirs);
  for (const NamingCall& call : CallsThatCanBeShared(arns)) {
    const Method& method = MethodOf(*call.request);
    // Something else is granted, so that the thing is visible ...
    for (const std::string& arn : ArnsOf(owner, theirs)) {
      GivenShare(owner, arn, consumer.account(), {"sms-voice:DeletePool"});
    }
    const auto denied = ErrorOf(consumer, *call.request);
    ASSERT_TRUE(denied) << method.name;
    EXPECT_EQ(denied->fault(), Fault::kAccessDenied) << method.name;
    // ... and with this very operation all is well.
    GivenShare(owner, call.arn, consumer.account(), {std::string(method.policy.action())});
    const auto error = ErrorOf(consumer, *call.request);
    EXPECT_FALSE(error) << method.name << ": " << error->what();
  }
}

TEST(Sharing, NeverTellsAStrangerWhetherSomethingExists) {
  Api owner;
  Api consumer;
  Api stranger;
  const Resources theirs = GivenResources(owner);
  for (const std::string& arn : ArnsOf(owner, theirs)) GivenShare(owner, arn, consumer.account(), {"*"});
  const Named4 there = ArnsFor(owner, theirs);
  // Of the same length as those that exist, in the same account.
  const Named4 nowhere{PoolArnOf(owner, std::string("pool-") + std::string(32, 'f')),
                       NumberArnOf(owner, std::string("phone-") + std::string(32, 'f')),
                       SenderIdArnOf(owner, "Imaginary"), ListArnOf(owner, "Absent")};
  const std::string pool = GivenPool(stranger);
  const std::string number = GivenNumber(stranger);
  const auto compare = [&](const std::vector<NamingCall>& existing, const std::vector<NamingCall>& missing) {
    for (std::size_t i = 0; i < existing.size(); ++i) {
      const std::string& name = existing[i].request->GetTypeName();
      const auto one = ErrorOf(stranger, *existing[i].request);
      const auto other = ErrorOf(stranger, *missing[i].request);
      ASSERT_TRUE(one && other) << name;
      EXPECT_EQ(one->fault(), Fault::kNotFound) << name << ": " << one->what();
      EXPECT_EQ(one->resource_type(), existing[i].type) << name;
      EXPECT_EQ(one->resource_id(), existing[i].arn) << name;
      EXPECT_EQ(other->resource_id(), missing[i].arn) << name;
      std::string text = other->message();
      if (const auto at = text.find(missing[i].arn); at != text.npos) {
        text.replace(at, missing[i].arn.size(), existing[i].arn);
      }
      EXPECT_EQ(one->message(), text) << name;
      EXPECT_EQ(one->fields().size(), other->fields().size()) << name;
    }
  };
  compare(CallsOfTheOwnerOnly(there, pool, number), CallsOfTheOwnerOnly(nowhere, pool, number));
  compare(CallsThatCanBeShared(there), CallsThatCanBeShared(nowhere));
}

TEST(Sharing, CannotBePassedOn) {
  Api owner;
  Api consumer;
  Api stranger;
  const std::string arn = PoolArnOf(owner, GivenPool(owner));
  GivenShare(owner, arn, consumer.account(), {"*"});
  PutResourcePolicyRequest pass_on;
  pass_on.set_resource_arn(arn);
  pass_on.set_policy(PolicyAllowing("\"" + stranger.account() + "\""));
  EXPECT_THAT(consumer.Call(pass_on), IsFault(Fault::kAccessDenied));
  EXPECT_THAT(stranger.Call(pass_on), IsNotFound(ResourceType::kPool, arn));
  EXPECT_THAT(Listed<DescribePoolsRequest>(stranger), IsEmpty());
  EXPECT_THAT(Listed<DescribePoolsRequest>(consumer), ElementsAre(arn));
}

TEST(Sharing, OfAPoolDoesNotShareWhatIsInIt) {
  Api owner;
  Api consumer;
  const std::string number = GivenNumber(owner);
  GivenShare(owner, PoolArnOf(owner, GivenPool(owner, number)), consumer.account(), {"*"});
  EXPECT_THAT(Listed<DescribePhoneNumbersRequest>(consumer), IsEmpty());
  EXPECT_THAT(consumer.Call<DescribePhoneNumbersRequest>(Named("phone_number_ids", NumberArnOf(owner, number))),
              IsNotFound(ResourceType::kPhoneNumber, NumberArnOf(owner, number)));
}

// ---------------------------------------------------------------------------------------------------------------------
// Shared opt-out lists: their numbers

TEST(SharedOptOutList, LetsConsumersReadAddAndRemoveNumbers) {
  Api owner;
  Api consumer;
  GivenOptOutList(owner, "Offers");
  GivenOptOutList(consumer, "Offers");
  const std::string arn = ListArnOf(owner, "Offers");
  GivenShare(owner, arn, consumer.account());
  const std::string list = Named("opt_out_list_name", arn);

  const auto put = consumer.Call<PutOptedOutNumberRequest>(list + "opted_out_number: '+12065550100'");
  ASSERT_THAT(put, IsOk());
  EXPECT_EQ(put.response.opt_out_list_arn(), arn);
  EXPECT_EQ(put.response.opt_out_list_name(), "Offers");

  const auto described = consumer.Call<DescribeOptedOutNumbersRequest>(list);
  ASSERT_THAT(described, IsOk());
  EXPECT_EQ(described.response.opt_out_list_arn(), arn);
  ASSERT_EQ(described.response.opted_out_numbers_size(), 1);
  const auto own = owner.Call<DescribeOptedOutNumbersRequest>("opt_out_list_name: 'Offers'");
  EXPECT_THAT(own.response, EqualsProto(described.response));
  // The consumer's own list of that name is another.
  EXPECT_EQ(
      consumer.Call<DescribeOptedOutNumbersRequest>("opt_out_list_name: 'Offers'").response.opted_out_numbers_size(),
      0);

  ASSERT_THAT(consumer.Call<DeleteOptedOutNumberRequest>(list + "opted_out_number: '+12065550100'"), IsOk());
  EXPECT_EQ(owner.Call<DescribeOptedOutNumbersRequest>("opt_out_list_name: 'Offers'").response.opted_out_numbers_size(),
            0);
}

TEST(SharedOptOutList, TakesANumberOffOnceInThirtyDaysWhoeverDoesIt) {
  Api owner;
  Api consumer;
  GivenOptOutList(owner, "Offers");
  GivenShare(owner, ListArnOf(owner, "Offers"), consumer.account());
  const std::string number = "opted_out_number: '+12065550100'";
  const std::string theirs = Named("opt_out_list_name", ListArnOf(owner, "Offers")) + number;
  const std::string own = "opt_out_list_name: 'Offers' " + number;
  ASSERT_THAT(owner.Call<PutOptedOutNumberRequest>(own), IsOk());
  ASSERT_THAT(consumer.Call<DeleteOptedOutNumberRequest>(theirs), IsOk());
  ASSERT_THAT(consumer.Call<PutOptedOutNumberRequest>(theirs), IsOk());
  EXPECT_THAT(owner.Call<DeleteOptedOutNumberRequest>(own),
              IsInvalidField(reason::kPhoneNumberCannotBeOptedIn, "optedOutNumber"));
}

TEST(SharedOptOutList, OpensEachOperationByItself) {
  Api owner;
  Api consumer;
  GivenOptOutList(owner, "Offers");
  const std::string arn = ListArnOf(owner, "Offers");
  const std::string list = Named("opt_out_list_name", arn);
  const std::string number = "opted_out_number: '+12065550100'";
  GivenShare(owner, arn, consumer.account(), {"sms-voice:DescribeOptedOutNumbers"});
  EXPECT_THAT(consumer.Call<DescribeOptedOutNumbersRequest>(list), IsOk());
  EXPECT_THAT(consumer.Call<PutOptedOutNumberRequest>(list + number), IsFault(Fault::kAccessDenied));
  EXPECT_THAT(consumer.Call<DeleteOptedOutNumberRequest>(list + number), IsFault(Fault::kAccessDenied));
  EXPECT_THAT(consumer.Call<DescribeOptOutListsRequest>(Named("opt_out_list_names", arn)),
              IsFault(Fault::kAccessDenied));
  GivenShare(owner, arn, consumer.account(), {"sms-voice:PutOptedOutNumber"});
  EXPECT_THAT(consumer.Call<PutOptedOutNumberRequest>(list + number), IsOk());
  EXPECT_THAT(consumer.Call<DescribeOptedOutNumbersRequest>(list), IsFault(Fault::kAccessDenied));
}

// ---------------------------------------------------------------------------------------------------------------------
// Shared opt-out lists: in use by consumers

struct SharedList {
  Api owner;
  Api consumer;
  std::string arn;

  SharedList() : arn(ListArnOf(owner, "Offers")) {
    GivenOptOutList(owner, "Offers");
    GivenShare(owner, arn, consumer.account(),
               {"sms-voice:UpdatePool", "sms-voice:UpdatePhoneNumber", "sms-voice:RequestPhoneNumber"});
  }

  auto DeleteIt() { return owner.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'"); }
};

TEST(SharedOptOutList, IsTakenByUpdatePoolAndAnsweredByItsName) {
  SharedList shared;
  const std::string number = GivenNumber(shared.consumer);
  const std::string pool = GivenPool(shared.consumer, number);
  const auto updated =
      shared.consumer.Call<UpdatePoolRequest>(Named("pool_id", pool) + Named("opt_out_list_name", shared.arn));
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated.response.opt_out_list_name(), "Offers");
  EXPECT_EQ(ThePool(shared.consumer, pool).opt_out_list_name(), "Offers");
  EXPECT_EQ(TheNumber(shared.consumer, number).opt_out_list_name(), "Offers");
}

TEST(SharedOptOutList, IsTakenByUpdatePhoneNumberAndAnsweredByItsName) {
  SharedList shared;
  const std::string number = GivenNumber(shared.consumer);
  const auto updated = shared.consumer.Call<UpdatePhoneNumberRequest>(Named("phone_number_id", number) +
                                                                      Named("opt_out_list_name", shared.arn));
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated.response.opt_out_list_name(), "Offers");
  EXPECT_EQ(TheNumber(shared.consumer, number).opt_out_list_name(), "Offers");
  // A pool founded on it uses the list as well.
  EXPECT_EQ(ThePool(shared.consumer, GivenPool(shared.consumer, number)).opt_out_list_name(), "Offers");
}

TEST(SharedOptOutList, IsTakenByRequestPhoneNumberAndAnsweredByItsName) {
  SharedList shared;
  const std::string number = GivenNumber(shared.consumer, Named("opt_out_list_name", shared.arn));
  EXPECT_EQ(TheNumber(shared.consumer, number).opt_out_list_name(), "Offers");
}

TEST(SharedOptOutList, IsNotTakenFromThoseItIsNotSharedWith) {
  SharedList shared;
  Api stranger;
  const std::string number = GivenNumber(stranger);
  const std::string list = Named("opt_out_list_name", shared.arn);
  EXPECT_THAT(stranger.Call<UpdatePhoneNumberRequest>(Named("phone_number_id", number) + list),
              IsNotFound(ResourceType::kOptOutList, shared.arn));
  EXPECT_THAT(stranger.Call<UpdatePoolRequest>(Named("pool_id", GivenPool(stranger, number)) + list),
              IsNotFound(ResourceType::kOptOutList, shared.arn));
  EXPECT_THAT(stranger.Call<RequestPhoneNumberRequest>(
                  list + "message_type: MESSAGE_TYPE_TRANSACTIONAL iso_country_code: 'US'"
                         " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE number_capabilities: NUMBER_CAPABILITY_SMS"),
              IsNotFound(ResourceType::kOptOutList, shared.arn));
}

TEST(SharedOptOutList, CannotBeDeletedWhileAConsumerUsesIt) {
  SharedList shared;
  const std::string number = GivenNumber(shared.consumer, Named("opt_out_list_name", shared.arn));
  const auto in_use = IsConflict(reason::kResourceDeletionNotAllowed, ResourceType::kOptOutList, std::string("Offers"));
  EXPECT_THAT(shared.DeleteIt(), in_use);
  const std::string pool = GivenPool(shared.consumer, number);
  EXPECT_THAT(shared.DeleteIt(), in_use);
  GivenChange(shared.consumer, pool, "opt_out_list_name: 'Default'");
  EXPECT_THAT(shared.DeleteIt(), IsOk());
}

TEST(SharedOptOutList, IsUsedByTheOperationThatThePolicyAllowsAndByNoOther) {
  Api owner;
  Api consumer;
  GivenOptOutList(owner, "Offers");
  const std::string arn = ListArnOf(owner, "Offers");
  const std::string list = Named("opt_out_list_name", arn);
  const std::string number = GivenNumber(consumer);
  const std::string pool = GivenPool(consumer);
  // What comes of each of the three, by its name.
  const auto allowed = [&] {
    std::set<std::string> done;
    const auto note = [&](const char* operation, const auto& result) {
      if (!result.error) {
        done.insert(operation);
      } else {
        EXPECT_THAT(result, IsFault(Fault::kAccessDenied)) << operation;
      }
    };
    note("UpdatePool", consumer.Call<UpdatePoolRequest>(Named("pool_id", pool) + list));
    note("UpdatePhoneNumber", consumer.Call<UpdatePhoneNumberRequest>(Named("phone_number_id", number) + list));
    note("RequestPhoneNumber",
         consumer.Call<RequestPhoneNumberRequest>(
             list + "message_type: MESSAGE_TYPE_TRANSACTIONAL iso_country_code: 'US'"
                    " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE number_capabilities: NUMBER_CAPABILITY_SMS"));
    return done;
  };
  GivenShare(owner, arn, consumer.account(), {"sms-voice:Describe*", "sms-voice:*OptedOutNumber"});
  EXPECT_THAT(allowed(), IsEmpty());
  EXPECT_THAT(owner.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers' validate_only: true"), IsOk())
      << "who may only look cannot keep the list from being deleted";
  for (const std::string operation : {"UpdatePool", "UpdatePhoneNumber", "RequestPhoneNumber"}) {
    GivenShare(owner, arn, consumer.account(), {"sms-voice:" + operation});
    EXPECT_THAT(allowed(), ElementsAre(operation));
    EXPECT_THAT(owner.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers' validate_only: true"),
                IsConflict(reason::kResourceDeletionNotAllowed, ResourceType::kOptOutList, std::string("Offers")));
  }
}

// In a region of its own, as above.
TEST(SharedOptOutList, TellsItsOwnerWhoUsesIt) {
  Api owner;
  owner.scope.region = "ap-south-1";
  GivenOptOutList(owner, "Offers");
  const std::string arn = ListArnOf(owner, "Offers");
  GivenPolicy(owner, arn, PolicyAllowing(R"("*")"));
  const auto message = [&] {
    return owner.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers' validate_only: true").error->message();
  };
  const std::string own = GivenNumber(owner, "opt_out_list_name: 'Offers'");
  EXPECT_THAT(message(), testing::HasSubstr("Pools or phone numbers use it; give them another list first."));
  // A number and a pool of one account, and the numbers of more accounts than a refusal names.
  std::vector<std::string> users;
  for (int i = 0; i < 11; ++i) {
    Api consumer;
    consumer.scope.region = "ap-south-1";
    GivenPool(consumer, GivenNumber(consumer, Named("opt_out_list_name", arn)));
    users.push_back(consumer.account());
  }
  std::ranges::sort(users);
  std::string named = owner.account();
  for (int i = 0; i < 9; ++i) named += ", " + users[static_cast<std::size_t>(i)];
  EXPECT_THAT(message(), testing::HasSubstr("these accounts use it: " + named + " and 2 more. "));
  EXPECT_THAT(message(), testing::HasSubstr("take it out of the list's policy, then delete the list again"));
}

// The policy is withdrawn from a consumer, then the list is deleted.
TEST(SharedOptOutList, IsTakenFromWhomItsPolicyNoLongerAllowsItWhenItsOwnerDeletesIt) {
  SharedList shared;
  Api other;
  const std::string number = GivenNumber(shared.consumer, Named("opt_out_list_name", shared.arn));
  const std::string pooled = GivenNumber(shared.consumer, Named("opt_out_list_name", shared.arn));
  const std::string pool = GivenPool(shared.consumer, pooled);
  const std::string plain = GivenPool(shared.consumer);
  const auto revision = ThePool(shared.consumer, pool).revision();
  const auto plain_revision = ThePool(shared.consumer, plain).revision();

  // Others than the consumer may use it from now on, and one does.
  GivenShare(shared.owner, shared.arn, other.account());
  const std::string others = GivenNumber(other, Named("opt_out_list_name", shared.arn));
  const auto refused = shared.DeleteIt();
  ASSERT_THAT(refused,
              IsConflict(reason::kResourceDeletionNotAllowed, ResourceType::kOptOutList, std::string("Offers")));
  EXPECT_THAT(refused.error->message(), testing::HasSubstr("these accounts use it: " + other.account() + ". "));
  EXPECT_EQ(TheNumber(shared.consumer, number).opt_out_list_name(), "Offers") << "nothing was done";

  GivenShare(shared.owner, shared.arn, "999999999999");
  EXPECT_THAT(shared.owner.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers' validate_only: true"), IsOk());
  EXPECT_EQ(TheNumber(shared.consumer, number).opt_out_list_name(), "Offers") << "it was a rehearsal";
  ASSERT_THAT(shared.DeleteIt(), IsOk());
  for (const std::string& id : {number, pooled}) {
    EXPECT_EQ(TheNumber(shared.consumer, id).opt_out_list_name(), "Default");
  }
  EXPECT_EQ(ThePool(shared.consumer, pool).opt_out_list_name(), "Default");
  EXPECT_EQ(ThePool(shared.consumer, pool).revision(), revision + 1) << "it was changed";
  EXPECT_EQ(ThePool(shared.consumer, plain).revision(), plain_revision);
  EXPECT_EQ(TheNumber(other, others).opt_out_list_name(), "Default");
  // The list is the consumer's own: a number of its own list joins, and the consumer may use it as any other.
  EXPECT_THAT(shared.consumer.Call<AssociateOriginationIdentityRequest>(
                  Named("pool_id", pool) + Named("origination_identity", GivenNumber(shared.consumer))),
              IsOk());
  EXPECT_THAT(shared.owner.Call<DescribeOptOutListsRequest>("opt_out_list_names: 'Offers'"),
              IsNotFound(ResourceType::kOptOutList, std::string("Offers")));
}

TEST(SharedOptOutList, IsTakenFromWhomThePolicyDeniesWhatItAllowsEverybody) {
  SharedList shared;
  const std::string number = GivenNumber(shared.consumer, Named("opt_out_list_name", shared.arn));
  GivenPolicy(shared.owner, shared.arn,
              R"({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sms-voice:*"},
                                {"Effect": "Deny", "Principal": ")" +
                  shared.consumer.account() + R"(", "Action": "*"}]})");
  ASSERT_THAT(shared.DeleteIt(), IsOk());
  EXPECT_EQ(TheNumber(shared.consumer, number).opt_out_list_name(), "Default");
}

TEST(SharedOptOutList, StaysInUseWhenItIsNoLongerShared) {
  SharedList shared;
  const std::string number = GivenNumber(shared.consumer, Named("opt_out_list_name", shared.arn));
  ASSERT_THAT(shared.owner.Call<DeleteResourcePolicyRequest>(Named("resource_arn", shared.arn)), IsOk());
  EXPECT_EQ(TheNumber(shared.consumer, number).opt_out_list_name(), "Offers");
  GivenChange(shared.consumer, number, "deletion_protection_enabled: true");
  EXPECT_EQ(TheNumber(shared.consumer, number).opt_out_list_name(), "Offers");
  EXPECT_THAT(shared.consumer.Call<UpdatePhoneNumberRequest>(Named("phone_number_id", number) +
                                                             Named("opt_out_list_name", shared.arn)),
              IsNotFound(ResourceType::kOptOutList, shared.arn));
}

TEST(SharedOptOutList, OfTheSameNameAsAnotherDoesNotMatchIt) {
  SharedList shared;
  GivenOptOutList(shared.consumer, "Offers");
  const std::string pool = GivenPool(shared.consumer, GivenNumber(shared.consumer, "opt_out_list_name: 'Offers'"));
  const std::string theirs = GivenNumber(shared.consumer, Named("opt_out_list_name", shared.arn));
  const std::string both = Named("pool_id", pool) + Named("origination_identity", theirs);
  EXPECT_THAT(shared.consumer.Call<AssociateOriginationIdentityRequest>(both),
              IsConflict(reason::kOptOutListMismatch, ResourceType::kPhoneNumber, theirs));
  // A rehearsal tells the two apart.
  const auto rehearsed = shared.consumer.Call<AssociateOriginationIdentityRequest>(both + "validate_only: true");
  ASSERT_THAT(rehearsed, IsConflict(reason::kOptOutListMismatch, ResourceType::kPhoneNumber, theirs));
  EXPECT_THAT(rehearsed.error->fields(),
              ElementsAre(FieldViolation{"optOutListName", "expected Offers, actual " + shared.arn}));
  GivenChange(shared.consumer, pool, Named("opt_out_list_name", shared.arn));
  EXPECT_THAT(shared.consumer.Call<AssociateOriginationIdentityRequest>(both), IsOk());
}

TEST(SharedOptOutList, DoesNotStopTheConsumersListOfThatNameFromBeingDeleted) {
  SharedList shared;
  GivenOptOutList(shared.consumer, "Offers");
  GivenNumber(shared.consumer, Named("opt_out_list_name", shared.arn));
  EXPECT_THAT(shared.consumer.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'"), IsOk());
}

TEST(SharedOptOutList, InANewNumbersPoolMustBeThePools) {
  SharedList shared;
  GivenOptOutList(shared.consumer, "Offers");
  const std::string pool = GivenPool(shared.consumer);
  GivenChange(shared.consumer, pool, Named("opt_out_list_name", shared.arn));
  const std::string wish =
      Named("pool_id", pool) +
      "message_type: MESSAGE_TYPE_TRANSACTIONAL iso_country_code: 'US'"
      " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE number_capabilities: NUMBER_CAPABILITY_SMS ";
  EXPECT_THAT(shared.consumer.Call<RequestPhoneNumberRequest>(wish + "opt_out_list_name: 'Offers'"),
              IsConflict(reason::kOptOutListMismatch, ResourceType::kPool, pool));
  EXPECT_THAT(shared.consumer.Call<RequestPhoneNumberRequest>(wish + Named("opt_out_list_name", shared.arn)), IsOk());
}

}  // namespace
}  // namespace poold
