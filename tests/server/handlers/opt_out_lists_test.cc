// CreateOptOutList, DescribeOptOutLists, DeleteOptOutList, PutOptedOutNumber, DescribeOptedOutNumbers,
// DeleteOptedOutNumber. Rules: behaviour 2.1, 2.2, 3, 4.1, 4.2, 4.4 and 10.

#include "storage/opt_out_lists.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <set>
#include <thread>

#include "server/program/housekeeping.h"
#include "storage/accounts.h"
#include "storage/opted_out_numbers.h"
#include "tests/support/api.h"
#include "tests/support/given.h"
#include "tests/support/parallel.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const std::string kStart = "seconds: 1704067200";  // FakeWorld::kStart

auto Create(Api& api, const std::string& name, const std::string& more = {}) {
  return api.Call<CreateOptOutListRequest>("opt_out_list_name: '" + name + "' " + more);
}

auto Delete(Api& api, const std::string& name) {
  return api.Call<DeleteOptOutListRequest>("opt_out_list_name: '" + name + "'");
}

auto Describe(Api& api, const std::string& request = {}) { return api.Call<DescribeOptOutListsRequest>(request); }

std::string ListNames(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += " opt_out_list_names: '" + name + "'";
  return text;
}

std::vector<std::string> NamesOf(const Result<DescribeOptOutListsResponse>& result) {
  if (result.error) throw std::runtime_error(result.error->what());
  std::vector<std::string> names;
  for (const auto& list : result.response.opt_out_lists()) names.push_back(list.opt_out_list_name());
  return names;
}

auto Put(Api& api, const std::string& list, const std::string& number) {
  return api.Call<PutOptedOutNumberRequest>("opt_out_list_name: '" + list + "' opted_out_number: '" + number + "'");
}

auto TakeOff(Api& api, const std::string& list, const std::string& number) {
  return api.Call<DeleteOptedOutNumberRequest>("opt_out_list_name: '" + list + "' opted_out_number: '" + number + "'");
}

auto Numbers(Api& api, const std::string& list, const std::string& more = {}) {
  return api.Call<DescribeOptedOutNumbersRequest>("opt_out_list_name: '" + list + "' " + more);
}

std::string NumberList(const std::vector<std::string>& numbers) {
  std::string text;
  for (const std::string& number : numbers) text += " opted_out_numbers: '" + number + "'";
  return text;
}

std::string EndUserFilter(const std::vector<std::string>& values) {
  std::string text = " filters { name: OPTED_OUT_FILTER_NAME_END_USER_OPTED_OUT";
  for (const std::string& value : values) text += " values: '" + value + "'";
  return text + " }";
}

std::vector<std::string> DigitsOf(const Result<DescribeOptedOutNumbersResponse>& result) {
  if (result.error) throw std::runtime_error(result.error->what());
  std::vector<std::string> numbers;
  for (const auto& entry : result.response.opted_out_numbers()) numbers.push_back(entry.opted_out_number());
  return numbers;
}

std::string After(const std::string& token) { return " next_token: '" + token + "'"; }

// Nothing but a message from a phone makes such an entry, and messages are another part of the service.
void GivenOptedOutByEndUser(Api& api, const std::string& list, const std::string& number) {
  api.Sql([&](storage::Transaction& tx) {
    const auto found = storage::FindOptOutList(tx, api.scope, list);
    storage::PutOptedOutNumber(tx, {api.scope, found->list_id}, {number, api.world.Now(), /*by_end_user=*/true});
  });
}

std::int64_t RowsIn(Api& api, const std::string& table) {
  std::int64_t count = 0;
  api.Sql([&](storage::Transaction& tx) {
    const std::string sql = "SELECT count(*) FROM " + table + " WHERE account_id = $1";
    tx.Run({"test", sql}, storage::Params(api.account()))[0].Read(count);
  });
  return count;
}

// ---------------------------------------------------------------------------------------------------------------------

TEST(CreateOptOutList, AnswersTheList) {
  Api api;
  const auto created = Create(api, "Offers_2-b", "tags { key: 'Name' value: 'Shop' } tags { key: 'A' value: '' }");
  ASSERT_THAT(created, IsOk());
  EXPECT_THAT(created.response, EqualsText("opt_out_list_arn: '" + OwnArn(api, "opt-out-list", "Offers_2-b") +
                                           "' opt_out_list_name: 'Offers_2-b' tags { key: 'Name' value: 'Shop' }"
                                           " tags { key: 'A' value: '' } created_timestamp { " +
                                           kStart + " }"));
  EXPECT_THAT(NamesOf(Describe(api)), ElementsAre("Default", "Offers_2-b"));
  EXPECT_THAT(TagsOf(api, "opt-out-list", "Offers_2-b"), ElementsAre(Pair("A", ""), Pair("Name", "Shop")));
}

TEST(CreateOptOutList, LeavesTagsOutWhenThereAreNone) {
  Api api;
  EXPECT_EQ(Create(api, "Offers").response.tags_size(), 0);
}

TEST(CreateOptOutList, RefusesANameThatIsTaken) {
  Api api;
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  EXPECT_THAT(Create(api, "Offers"), IsConflict(reason::kResourceAlreadyExists, ResourceType::kOptOutList, "Offers"));
  EXPECT_EQ(Create(api, "Offers").error->code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_THAT(Create(api, "Default"), IsConflict(reason::kResourceAlreadyExists, ResourceType::kOptOutList, "Default"));
}

TEST(CreateOptOutList, RefusesTheNameDefaultAsTheVeryFirstCall) {
  Api api;
  EXPECT_THAT(Create(api, "Default"), IsConflict(reason::kResourceAlreadyExists, ResourceType::kOptOutList, "Default"));
}

TEST(CreateOptOutList, TellsTheCaseOfNamesApart) {
  Api api;
  ASSERT_THAT(Create(api, "offers"), IsOk());
  EXPECT_THAT(Create(api, "OFFERS"), IsOk());
  EXPECT_THAT(Create(api, "default"), IsOk());
  EXPECT_THAT(NamesOf(Describe(api, ListNames({"offers"}))), ElementsAre("offers"));
}

TEST(CreateOptOutList, MakesOneListOfOneNameHoweverManyAskAtOnce) {
  Api api;
  const auto results = InParallel(20, [&](int) { return Create(api, "Offers"); });
  EXPECT_EQ(std::ranges::count_if(results, [](const auto& result) { return !result.error; }), 1);
  for (const auto& result : results) {
    if (!result.error) continue;
    EXPECT_THAT(result, IsConflict(reason::kResourceAlreadyExists, ResourceType::kOptOutList, "Offers"));
  }
  EXPECT_THAT(NamesOf(Describe(api)), testing::UnorderedElementsAre("Default", "Offers"));
}

TEST(CreateOptOutList, RefusesNamesAndTagsThatBreakTheRules) {
  Api api;
  EXPECT_THAT(Create(api, ""), IsInvalidField(reason::kMissingParameter, "optOutListName"));
  for (const std::string& name : {std::string(65, 'a'), std::string("two words"), std::string("a/b"),
                                  std::string("a:b"), std::string("Ärger"), OwnArn(api, "opt-out-list", "Offers")}) {
    EXPECT_THAT(Create(api, name), IsInvalidField(reason::kInvalidParameter, "optOutListName")) << name;
  }
  EXPECT_THAT(Create(api, std::string(64, 'a')), IsOk());
  EXPECT_THAT(Create(api, "Offers", "tags { key: 'aws:a' value: '' }"),
              IsInvalidField(reason::kInvalidParameter, "tags[0].key"));
  EXPECT_THAT(Create(api, "Offers", "tags { key: 'a' value: '' } tags { key: 'a' value: '' }"),
              IsInvalidField(reason::kInvalidParameter, "tags[1].key"));
  EXPECT_THAT(Create(api, "Offers", "client_token: ''"), IsInvalidField(reason::kInvalidParameter, "clientToken"));
  EXPECT_THAT(Create(api, "Offers", "client_token: 'two words'"),
              IsInvalidField(reason::kInvalidParameter, "clientToken"));
}

TEST(CreateOptOutList, ReplaysTheAnswerToTheSameToken) {
  Api api;
  const std::string token = "client_token: 'once' tags { key: 'a' value: '1' }";
  const auto first = Create(api, "Offers", token);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(Delete(api, "Offers"), IsOk());
  const auto again = Create(api, "Offers", token);
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(again.response, EqualsProto(first.response));
  EXPECT_THAT(NamesOf(Describe(api)), ElementsAre("Default"));  // nothing was done
  EXPECT_THAT(Create(api, "Others", token), IsInvalidField(reason::kInvalidRequest, "clientToken"));
}

// ---------------------------------------------------------------------------------------------------------------------

TEST(DescribeOptOutLists, ShowsDefaultToAnAccountThatNeverCalled) {
  Api api;
  const auto lists = Describe(api);
  ASSERT_THAT(lists, IsOk());
  EXPECT_THAT(lists.response,
              EqualsText("opt_out_lists { opt_out_list_arn: '" + OwnArn(api, "opt-out-list", "Default") +
                         "' opt_out_list_name: 'Default' created_timestamp { " + kStart + " } }"));
}

TEST(DescribeOptOutLists, ShowsDefaultInEveryRegion) {
  Api api;
  const auto lists = api.CallIn({api.account(), "cn-north-1"}, DescribeOptOutListsRequest());
  ASSERT_EQ(NamesOf(lists), std::vector<std::string>{"Default"});
  EXPECT_EQ(lists.response.opt_out_lists(0).opt_out_list_arn(),
            "arn:aws-cn:sms-voice:cn-north-1:" + api.account() + ":opt-out-list/Default");
}

TEST(DescribeOptOutLists, ShowsDefaultHoweverManyCallFirst) {
  Api api;
  for (const auto& result : InParallel(20, [&](int) { return Describe(api); })) {
    EXPECT_EQ(NamesOf(result), std::vector<std::string>{"Default"});
  }
}

TEST(CreateOptOutList, MakesDefaultOnceHoweverManyCallFirst) {
  Api api;
  for (const auto& result : InParallel(20, [&](int i) { return Create(api, "List" + std::to_string(i)); })) {
    EXPECT_THAT(result, IsOk());
  }
  EXPECT_EQ(RowsIn(api, "opt_out_lists"), 21);
}

TEST(DescribeOptOutLists, ListsInTheOrderOfCreationThenByName) {
  Api api;
  GivenAccount(api, api.account());
  api.world.Advance(milliseconds(1));
  for (const char* name : {"b", "a", "C"}) ASSERT_THAT(Create(api, name), IsOk());
  api.world.Advance(milliseconds(1));
  ASSERT_THAT(Create(api, "A"), IsOk());
  EXPECT_THAT(NamesOf(Describe(api)), ElementsAre("Default", "C", "a", "b", "A"));
  EXPECT_THAT(NamesOf(Describe(api, "owner: OWNER_SELF")), ElementsAre("Default", "C", "a", "b", "A"));
  EXPECT_THAT(NamesOf(Describe(api, "owner: OWNER_SHARED")), IsEmpty());
  EXPECT_THAT(NamesOf(Describe(api, ListNames({"b", "A", "Default", "b"}))), ElementsAre("Default", "b", "A"));
}

TEST(DescribeOptOutLists, TakesNamesAndArns) {
  Api api;
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  const auto lists = Describe(api, ListNames({OwnArn(api, "opt-out-list", "Offers"), "Offers"}));
  EXPECT_THAT(NamesOf(lists), ElementsAre("Offers"));
  EXPECT_EQ(lists.response.opt_out_lists(0).opt_out_list_arn(), OwnArn(api, "opt-out-list", "Offers"));
}

// Where a list is named by name or ARN, and the operation gives NotFound for one that isn't there.
template <class Call>
void ExpectListRules(Api& api, const std::string& field, const Call& call) {
  EXPECT_THAT(call("two words"), IsInvalidField(reason::kInvalidParameter, field));
  EXPECT_THAT(call(std::string(257, 'a')), IsInvalidField(reason::kInvalidParameter, field));
  EXPECT_THAT(call(OwnArn(api, "pool", "pool-1")), IsInvalidField(reason::kInvalidArn, field));
  EXPECT_THAT(call("arn:aws:sns:us-east-1:111122223333:opt-out-list/x"), IsInvalidField(reason::kInvalidArn, field));
  Api other;
  GivenOptOutList(other, "Theirs");
  for (const std::string& name :
       {std::string("Nothing"), OwnArn(api, "opt-out-list", "default"), std::string("Theirs"), std::string(256, 'a'),
        OwnArn(other, "opt-out-list", "Theirs"), OwnArn(api, "opt-out-list", "Nothing"),
        ArnOfOtherRegion(api, "opt-out-list", "Default")}) {
    EXPECT_THAT(call(name), IsNotFound(ResourceType::kOptOutList, name));
  }
}

TEST(DescribeOptOutLists, RefusesAllForOneThatIsNotThere) {
  Api api;
  ExpectListRules(api, "optOutListNames[1]", [&](const std::string& name) {
    return Describe(api, ListNames({"Default", name}));
  });
}

TEST(DescribeOptOutLists, RefusesWhatIsOutOfBounds) {
  Api api;
  EXPECT_THAT(Describe(api, ListNames({"a", "b", "c", "d", "e", "f"})),
              IsInvalidField(reason::kInvalidParameter, "optOutListNames"));
  EXPECT_THAT(Describe(api, ListNames({""})), IsInvalidField(reason::kInvalidParameter, "optOutListNames[0]"));
  EXPECT_THAT(Describe(api, "owner: OWNER_SELF" + ListNames({"Default"})),
              IsInvalid(reason::kParametersCannotBeUsedTogether, std::vector<std::string>{"owner", "optOutListNames"}));
  EXPECT_THAT(Describe(api, "max_results: 0"), IsInvalidField(reason::kInvalidParameter, "maxResults"));
  EXPECT_THAT(Describe(api, "max_results: 101"), IsInvalidField(reason::kInvalidParameter, "maxResults"));
  EXPECT_THAT(Describe(api, "next_token: 'nonsense'"), IsInvalidField(reason::kInvalidNextToken, "nextToken"));
}

TEST(DescribeOptOutLists, NeitherSkipsNorRepeatsWhatStaysWhileOthersComeAndGo) {
  Api api;
  GivenAccount(api, api.account());
  for (const char* name : {"A", "B", "C", "D", "E"}) {
    api.world.Advance(milliseconds(1));
    ASSERT_THAT(Create(api, name), IsOk());
  }
  const auto first = Describe(api, "max_results: 3");
  EXPECT_THAT(NamesOf(first), ElementsAre("Default", "A", "B"));
  ASSERT_THAT(Delete(api, "A"), IsOk());
  ASSERT_THAT(Delete(api, "B"), IsOk());  // the very one the token stands on
  ASSERT_THAT(Delete(api, "C"), IsOk());
  ASSERT_THAT(Create(api, "A"), IsOk());  // another A, younger than all but E
  const auto second = Describe(api, "max_results: 1" + After(first.response.next_token()));
  EXPECT_THAT(NamesOf(second), ElementsAre("D"));
  const auto rest = Describe(api, After(second.response.next_token()));
  EXPECT_THAT(NamesOf(rest), ElementsAre("A", "E"));
  EXPECT_FALSE(rest.response.has_next_token());
}

TEST(DescribeOptOutLists, PagesThroughThoseNamed) {
  Api api;
  for (const char* name : {"A", "B"}) ASSERT_THAT(Create(api, name), IsOk());
  const std::string named = ListNames({"B", "Default", "A"}) + " max_results: 2";
  const auto first = Describe(api, named);
  EXPECT_THAT(NamesOf(first), ElementsAre("A", "B"));  // all three are of one moment
  const auto second = Describe(api, named + After(first.response.next_token()));
  EXPECT_THAT(NamesOf(second), ElementsAre("Default"));
  EXPECT_FALSE(second.response.has_next_token());
}

// ---------------------------------------------------------------------------------------------------------------------

TEST(DeleteOptOutList, AnswersWhatItDeleted) {
  Api api;
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  api.world.Advance(hours(1));
  const auto deleted = Delete(api, OwnArn(api, "opt-out-list", "Offers"));
  ASSERT_THAT(deleted, IsOk());
  EXPECT_THAT(deleted.response, EqualsText("opt_out_list_arn: '" + OwnArn(api, "opt-out-list", "Offers") +
                                           "' opt_out_list_name: 'Offers' created_timestamp { " + kStart + " }"));
  EXPECT_THAT(NamesOf(Describe(api)), ElementsAre("Default"));
  EXPECT_THAT(Delete(api, "Offers"), IsNotFound(ResourceType::kOptOutList, "Offers"));
}

TEST(DeleteOptOutList, KeepsDefault) {
  Api api;
  for (const std::string& name : {std::string("Default"), OwnArn(api, "opt-out-list", "Default")}) {
    EXPECT_THAT(Delete(api, name),
                IsConflict(reason::kResourceModificationNotAllowed, ResourceType::kOptOutList, "Default"));
  }
  GivenNumber(api);  // which uses it
  EXPECT_THAT(Delete(api, "Default"),
              IsConflict(reason::kResourceModificationNotAllowed, ResourceType::kOptOutList, "Default"));
  EXPECT_THAT(NamesOf(Describe(api)), ElementsAre("Default"));
}

TEST(DeleteOptOutList, RefusesAListThatIsNotThere) {
  Api api;
  EXPECT_THAT(Delete(api, ""), IsInvalidField(reason::kMissingParameter, "optOutListName"));
  ExpectListRules(api, "optOutListName", [&](const std::string& name) { return Delete(api, name); });
}

TEST(DeleteOptOutList, RefusesAListThatANumberUses) {
  Api api;
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  const std::string number = GivenNumber(api, "opt_out_list_name: 'Offers'");
  const auto refused = IsConflict(reason::kResourceDeletionNotAllowed, ResourceType::kOptOutList, "Offers");
  EXPECT_THAT(Delete(api, "Offers"), refused);
  GivenChange(api, number, "opt_out_list_name: 'Default'");
  EXPECT_THAT(Delete(api, "Offers"), IsOk());
}

TEST(DeleteOptOutList, RefusesAListThatAPoolUses) {
  Api api;
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  const std::string pool = GivenSenderIdPool(api, "FOUNDER");
  GivenChange(api, pool, "opt_out_list_name: 'Offers'");
  EXPECT_THAT(Delete(api, "Offers"),
              IsConflict(reason::kResourceDeletionNotAllowed, ResourceType::kOptOutList, "Offers"));
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
  EXPECT_THAT(Delete(api, "Offers"), IsOk());
}

// Makes the call while the list Offers is being deleted, by a transaction that ends when the call waits for it (or is
// through already, as it must not be).
template <class Request>
auto CallWhileDeletingOffers(Api& api, const Request& request) {
  std::future<decltype(api.Call(request))> call;
  api.Sql([&](storage::Transaction& tx) {
    const auto list = storage::LockOptOutList(tx, api.scope, "Offers", storage::OptOutListLock::kForDeletion);
    storage::DeleteOptOutList(tx, api.scope, *list);
    call = std::async(std::launch::async, [&] { return api.Call(request); });
    EXPECT_TRUE(Eventually([&] {
      std::int64_t waiting = 0;
      tx.Run({"test", "SELECT count(*) FROM pg_locks WHERE NOT granted"})[0].Read(waiting);
      return waiting > 0 || call.wait_for(milliseconds(0)) == std::future_status::ready;
    }));
  });
  return call.get();
}

TEST(DeleteOptOutList, IsWaitedForByWhoeverPutsTheListToUse) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenSenderIdPool(api, "FOUNDER");
  const auto not_found = IsNotFound(ResourceType::kOptOutList, "Offers");
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  EXPECT_THAT(CallWhileDeletingOffers(api, Api::Parse<UpdatePhoneNumberRequest>("phone_number_id: '" + number +
                                                                                "' opt_out_list_name: 'Offers'")),
              not_found);
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  EXPECT_THAT(CallWhileDeletingOffers(
                  api, Api::Parse<UpdatePoolRequest>("pool_id: '" + pool + "' opt_out_list_name: 'Offers'")),
              not_found);
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  EXPECT_THAT(CallWhileDeletingOffers(
                  api, Api::Parse<RequestPhoneNumberRequest>(
                           "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL opt_out_list_name: 'Offers'"
                           " number_capabilities: NUMBER_CAPABILITY_SMS"
                           " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE")),
              not_found);
}

TEST(DeleteOptOutList, IsWaitedForByWhoeverPutsANumberOnTheList) {
  Api api;
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  EXPECT_THAT(CallWhileDeletingOffers(api, Api::Parse<PutOptedOutNumberRequest>(
                                               "opt_out_list_name: 'Offers' opted_out_number: '15550100'")),
              IsNotFound(ResourceType::kOptOutList, "Offers"));
  EXPECT_EQ(RowsIn(api, "opted_out_numbers"), 0);  // which nobody would ever remove
}

TEST(DeleteOptOutList, NeverDeletesAListThatAnotherCallPutsToUse) {
  for (int round = 0; round < 20; ++round) {
    Api api;
    const std::string number = GivenNumber(api);
    ASSERT_THAT(Create(api, "Offers"), IsOk());
    const auto refusals = InParallel(2, [&](int i) {
      if (i == 0) return Delete(api, "Offers").error;
      return api.Call<UpdatePhoneNumberRequest>("phone_number_id: '" + number + "' opt_out_list_name: 'Offers'").error;
    });
    if (refusals[0]) {  // the number was first
      EXPECT_EQ(refusals[0]->reason(), reason::kResourceDeletionNotAllowed);
      EXPECT_FALSE(refusals[1]);
    } else {
      ASSERT_TRUE(refusals[1]);
      EXPECT_EQ(refusals[1]->fault(), Fault::kNotFound);
    }
    EXPECT_EQ(TheNumber(api, number).opt_out_list_name(), refusals[0] ? "Offers" : "Default");
  }
}

TEST(DeleteOptOutList, TakesItsNumbersWithIt) {
  Api api;
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  ASSERT_THAT(Put(api, "Offers", "+15550100"), IsOk());
  ASSERT_THAT(Put(api, "Offers", "+15550101"), IsOk());
  ASSERT_THAT(TakeOff(api, "Offers", "+15550101"), IsOk());
  ASSERT_THAT(Put(api, "Default", "+15550100"), IsOk());
  ASSERT_THAT(Delete(api, "Offers"), IsOk());
  EXPECT_THAT(Numbers(api, "Offers"), IsNotFound(ResourceType::kOptOutList, "Offers"));
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  EXPECT_THAT(DigitsOf(Numbers(api, "Offers")), IsEmpty());
  EXPECT_THAT(Numbers(api, "Offers", NumberList({"+15550100"})),
              IsNotFound(ResourceType::kOptedOutNumber, "+15550100"));
  EXPECT_THAT(DigitsOf(Numbers(api, "Default")), ElementsAre("+15550100"));
  // The new list knows nothing of what was taken off the old one, either.
  ASSERT_THAT(Put(api, "Offers", "+15550101"), IsOk());
  EXPECT_THAT(TakeOff(api, "Offers", "+15550101"), IsOk());
}

// A list that is gone leaves rows behind until housekeeping gets to them.
class PurgingDeletedLists : public testing::Test {
 protected:
  // A database of its own: housekeeping is for all accounts at once.
  Api api_{Settings(), FreshDatabase(/*migrated=*/true)};

  void GivenDeletedList(const std::string& name, int numbers) {
    ASSERT_THAT(Create(api_, name), IsOk());
    api_.Sql([&](storage::Transaction& tx) {
      const auto list = storage::FindOptOutList(tx, api_.scope, name);
      tx.Run({"test",
              "INSERT INTO opted_out_numbers SELECT $1, $2, $3::bigint, '+1' || i, now(), false"
              " FROM generate_series(1, $4::int) AS i"},
             storage::Params(api_.scope.account, api_.scope.region, list->list_id, numbers));
    });
    ASSERT_THAT(Put(api_, name, "+4420"), IsOk());
    ASSERT_THAT(TakeOff(api_, name, "+4420"), IsOk());
    ASSERT_THAT(Delete(api_, name), IsOk());
  }

  std::int64_t Purge(int limit) {
    std::int64_t purged = 0;
    api_.Sql([&](storage::Transaction& tx) { purged = storage::PurgeNumbersOfDeletedLists(tx, limit); });
    return purged;
  }
};

TEST_F(PurgingDeletedLists, IsDoneByHousekeeping) {
  ASSERT_THAT(Put(api_, "Default", "+15550100"), IsOk());
  ASSERT_THAT(Put(api_, "Default", "+15550101"), IsOk());
  ASSERT_THAT(TakeOff(api_, "Default", "+15550101"), IsOk());
  for (const char* name : {"A", "B", "C"}) GivenDeletedList(name, 1200);
  ASSERT_EQ(RowsIn(api_, "opted_out_numbers"), 3601);
  Housekeeping housekeeping(api_.service());
  EXPECT_TRUE(Eventually([&] { return RowsIn(api_, "deleted_opt_out_lists") == 0; }));
  EXPECT_EQ(RowsIn(api_, "opted_out_numbers"), 1);
  EXPECT_EQ(RowsIn(api_, "opted_in_numbers"), 1);
  EXPECT_THAT(DigitsOf(Numbers(api_, "Default")), ElementsAre("+15550100"));
}

TEST_F(PurgingDeletedLists, TakesAtMostSoManyRowsAtOnce) {
  GivenDeletedList("A", 25);
  EXPECT_EQ(Purge(10), 10);
  EXPECT_EQ(RowsIn(api_, "opted_out_numbers"), 15);
  EXPECT_EQ(Purge(10), 10);
  EXPECT_LT(Purge(10), 10);
  EXPECT_EQ(RowsIn(api_, "opted_out_numbers"), 0);
  EXPECT_EQ(RowsIn(api_, "opted_in_numbers"), 0);
  EXPECT_EQ(RowsIn(api_, "deleted_opt_out_lists"), 0);
  EXPECT_EQ(Purge(10), 0);
}

TEST_F(PurgingDeletedLists, GetsThroughManySmallListsInOneGo) {
  for (int i = 0; i < 12; ++i) GivenDeletedList("List" + std::to_string(i), i % 3);
  Purge(500);
  EXPECT_EQ(RowsIn(api_, "deleted_opt_out_lists"), 0);
  EXPECT_EQ(RowsIn(api_, "opted_out_numbers"), 0);
}

// ---------------------------------------------------------------------------------------------------------------------

TEST(PutOptedOutNumber, PutsTheNumberOnTheList) {
  Api api;
  const auto put = Put(api, "Default", "+15550100");
  ASSERT_THAT(put, IsOk());
  EXPECT_THAT(put.response, EqualsText("opt_out_list_arn: '" + OwnArn(api, "opt-out-list", "Default") +
                                       "' opt_out_list_name: 'Default' opted_out_number: '+15550100'"
                                       " opted_out_timestamp { " +
                                       kStart + " } end_user_opted_out: false"));
  EXPECT_THAT(DigitsOf(Numbers(api, "Default")), ElementsAre("+15550100"));
}

TEST(PutOptedOutNumber, AnswersTheNumberWithAPlusWhetherGivenOrNot) {
  Api api;
  ASSERT_THAT(Put(api, "Default", "15550100"), IsOk());
  EXPECT_EQ(Put(api, "Default", "+15550100").response.opted_out_number(), "+15550100");
  EXPECT_EQ(Put(api, "Default", "15550100").response.opted_out_number(), "+15550100");
  EXPECT_THAT(DigitsOf(Numbers(api, "Default")), ElementsAre("+15550100"));
  EXPECT_THAT(DigitsOf(Numbers(api, "Default", NumberList({"15550100", "+15550100"}))), ElementsAre("+15550100"));
  EXPECT_EQ(TakeOff(api, "Default", "15550100").response.opted_out_number(), "+15550100");
}

TEST(PutOptedOutNumber, KeepsTheEntryThatIsThere) {
  Api api;
  const auto first = Put(api, "Default", "+15550100");
  GivenOptedOutByEndUser(api, "Default", "+15550101");
  api.world.Advance(hours(1));
  const auto again = Put(api, OwnArn(api, "opt-out-list", "Default"), "15550100");
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(again.response, EqualsProto(first.response));
  const auto by_end_user = Put(api, "Default", "+15550101");
  ASSERT_THAT(by_end_user, IsOk());
  EXPECT_TRUE(by_end_user.response.end_user_opted_out());
  EXPECT_EQ(by_end_user.response.opted_out_timestamp().seconds(), 1704067200);
}

TEST(PutOptedOutNumber, PutsANumberOnEachListByItself) {
  Api api;
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  ASSERT_THAT(Put(api, "Offers", "+15550100"), IsOk());
  EXPECT_THAT(DigitsOf(Numbers(api, "Default")), IsEmpty());
  Api other;
  EXPECT_THAT(DigitsOf(Numbers(other, "Default")), IsEmpty());
}

template <class Call>
void ExpectNumberRules(const std::string& field, const Call& call) {
  for (const char* number : {"+", "5", "+5", "0155501", "+0155501", "++15550100", "1555 0100", "1-555-0100", "phone",
                             "12345678901234567890", "+12345678901234567890"}) {
    EXPECT_THAT(call(number), IsInvalidField(reason::kInvalidParameter, field)) << number;
  }
}

TEST(PutOptedOutNumber, RefusesWhatIsNoNumberAndListsThatAreNotThere) {
  Api api;
  ExpectNumberRules("optedOutNumber", [&](const std::string& number) { return Put(api, "Default", number); });
  EXPECT_THAT(api.Call(PutOptedOutNumberRequest()),
              IsInvalid(reason::kMissingParameter, std::vector<std::string>{"optOutListName", "optedOutNumber"}));
  ExpectListRules(api, "optOutListName", [&](const std::string& name) { return Put(api, name, "+15550100"); });
  EXPECT_THAT(Put(api, "Default", "+1234567890123456789"), IsOk());  // the longest
  EXPECT_THAT(Put(api, "Default", "12"), IsOk());                    // the shortest
}

TEST(PutOptedOutNumber, LeavesNothingOnAListThatIsDeletedAtTheSameTime) {
  Api api(Settings(), FreshDatabase(/*migrated=*/true));
  for (int round = 0; round < 20; ++round) {
    ASSERT_THAT(Create(api, "Offers"), IsOk());
    const auto went_well = InParallel(4, [&](int i) -> bool {
      if (i == 0) return !Delete(api, "Offers").error;
      const auto put = Put(api, "Offers", "+1555010" + std::to_string(i));
      if (put.error && put.error->fault() != Fault::kNotFound) ADD_FAILURE() << put.error->what();
      return !put.error || put.error->fault() == Fault::kNotFound;
    });
    EXPECT_THAT(went_well, testing::Each(true));
    // What is left belongs to a list that is known to be purged.
    api.Sql([&](storage::Transaction& tx) { storage::PurgeNumbersOfDeletedLists(tx, 500); });
    EXPECT_EQ(RowsIn(api, "opted_out_numbers"), 0);
  }
}

// ---------------------------------------------------------------------------------------------------------------------

TEST(DeleteOptedOutNumber, AnswersTheEntryWithTheTimeOfOptingOut) {
  Api api;
  const auto put = Put(api, "Default", "+15550100");
  api.world.Advance(hours(1));
  const auto taken_off = TakeOff(api, OwnArn(api, "opt-out-list", "Default"), "+15550100");
  ASSERT_THAT(taken_off, IsOk());
  EXPECT_EQ(taken_off.response.SerializeAsString(), put.response.SerializeAsString());  // the same members
  EXPECT_THAT(DigitsOf(Numbers(api, "Default")), IsEmpty());
}

TEST(DeleteOptedOutNumber, TellsWhetherTheEndUserHadOptedOut) {
  Api api;
  GivenAccount(api, api.account());
  GivenOptedOutByEndUser(api, "Default", "+15550100");
  EXPECT_TRUE(TakeOff(api, "Default", "+15550100").response.end_user_opted_out());
}

TEST(DeleteOptedOutNumber, RefusesWhatIsNotThere) {
  Api api;
  EXPECT_THAT(TakeOff(api, "Default", "15550100"), IsNotFound(ResourceType::kOptedOutNumber, "+15550100"));
  ExpectNumberRules("optedOutNumber", [&](const std::string& number) { return TakeOff(api, "Default", number); });
  EXPECT_THAT(api.Call(DeleteOptedOutNumberRequest()),
              IsInvalid(reason::kMissingParameter, std::vector<std::string>{"optOutListName", "optedOutNumber"}));
  ExpectListRules(api, "optOutListName", [&](const std::string& name) { return TakeOff(api, name, "+15550100"); });
}

TEST(DeleteOptedOutNumber, TakesANumberOffAListOnlyOnceInThirtyDays) {
  Api api;
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  for (const char* list : {"Default", "Offers"}) ASSERT_THAT(Put(api, list, "+15550100"), IsOk());
  ASSERT_THAT(TakeOff(api, "Default", "+15550100"), IsOk());
  EXPECT_THAT(TakeOff(api, "Default", "+15550100"), IsNotFound(ResourceType::kOptedOutNumber, "+15550100"));
  ASSERT_THAT(Put(api, "Default", "+15550100"), IsOk());
  const auto refused = IsInvalidField(reason::kPhoneNumberCannotBeOptedIn, "optedOutNumber");
  EXPECT_THAT(TakeOff(api, "Default", "15550100"), refused);
  EXPECT_THAT(DigitsOf(Numbers(api, "Default")), ElementsAre("+15550100"));  // still there
  EXPECT_THAT(TakeOff(api, "Offers", "+15550100"), IsOk());                  // each list by itself

  api.world.Advance(hours(30 * 24) - milliseconds(1));
  EXPECT_THAT(TakeOff(api, "Default", "+15550100"), refused);
  api.world.Advance(milliseconds(1));
  EXPECT_THAT(TakeOff(api, "Default", "+15550100"), IsOk());
  ASSERT_THAT(Put(api, "Default", "+15550100"), IsOk());
  EXPECT_THAT(TakeOff(api, "Default", "+15550100"), refused);  // the thirty days begin anew
}

TEST(DeleteOptedOutNumber, RemembersThirtyDaysWhateverHousekeepingForgets) {
  Api api(Settings(), FreshDatabase(/*migrated=*/true));
  ASSERT_THAT(Put(api, "Default", "+15550100"), IsOk());
  ASSERT_THAT(TakeOff(api, "Default", "+15550100"), IsOk());
  ASSERT_THAT(Put(api, "Default", "+15550100"), IsOk());
  const auto purge = [&] {
    std::int64_t purged = 0;
    api.Sql([&](storage::Transaction& tx) {
      purged = storage::PurgeOptIns(tx, api.world.Now() - limits::kOptInPause, 10);
    });
    return purged;
  };
  api.world.Advance(hours(30 * 24) - milliseconds(1));
  EXPECT_EQ(purge(), 0);
  EXPECT_THAT(TakeOff(api, "Default", "+15550100"), IsFault(Fault::kInvalid));
  api.world.Advance(milliseconds(2));
  EXPECT_EQ(purge(), 1);
  EXPECT_THAT(TakeOff(api, "Default", "+15550100"), IsOk());
}

TEST(DeleteOptedOutNumber, LetsOneOfManyTakeItOff) {
  Api api;
  ASSERT_THAT(Put(api, "Default", "+15550100"), IsOk());
  const auto results = InParallel(16, [&](int) { return TakeOff(api, "Default", "+15550100"); });
  EXPECT_EQ(std::ranges::count_if(results, [](const auto& result) { return !result.error; }), 1);
  for (const auto& result : results) {
    if (!result.error) continue;
    EXPECT_THAT(result, IsNotFound(ResourceType::kOptedOutNumber, "+15550100"));
  }
}

// ---------------------------------------------------------------------------------------------------------------------

TEST(DescribeOptedOutNumbers, ShowsTheListAndItsNumbersInOrder) {
  Api api;
  ASSERT_THAT(Put(api, "Default", "+4420"), IsOk());
  api.world.Advance(milliseconds(1500));
  ASSERT_THAT(Put(api, "Default", "+15550101"), IsOk());
  GivenOptedOutByEndUser(api, "Default", "+155501");
  const auto numbers = Numbers(api, OwnArn(api, "opt-out-list", "Default"));
  ASSERT_THAT(numbers, IsOk());
  const std::string later = "opted_out_timestamp { seconds: 1704067201 nanos: 500000000 }";
  EXPECT_THAT(numbers.response,
              EqualsText("opt_out_list_arn: '" + OwnArn(api, "opt-out-list", "Default") +
                         "' opt_out_list_name: 'Default' opted_out_numbers { opted_out_number: '+155501' " + later +
                         " end_user_opted_out: true } opted_out_numbers { opted_out_number: '+15550101' " + later +
                         " } opted_out_numbers { opted_out_number: '+4420' opted_out_timestamp { " + kStart + " } }"));
}

TEST(DescribeOptedOutNumbers, RefusesAllForOneThatIsNotOnTheList) {
  Api api;
  ASSERT_THAT(Put(api, "Default", "+15550100"), IsOk());
  EXPECT_THAT(Numbers(api, "Default", NumberList({"+15550100", "15550101", "15550102"})),
              IsNotFound(ResourceType::kOptedOutNumber, "+15550101"));
  ExpectNumberRules("optedOutNumbers[0]",
                    [&](const std::string& number) { return Numbers(api, "Default", NumberList({number})); });
  ExpectListRules(api, "optOutListName", [&](const std::string& name) { return Numbers(api, name); });
  EXPECT_THAT(Numbers(api, ""), IsInvalidField(reason::kMissingParameter, "optOutListName"));
  EXPECT_THAT(Numbers(api, "Default", NumberList({"11", "12", "13", "14", "15", "16"})),
              IsInvalidField(reason::kInvalidParameter, "optedOutNumbers"));
}

TEST(DescribeOptedOutNumbers, FiltersByWhoOptedOut) {
  Api api;
  ASSERT_THAT(Put(api, "Default", "+11"), IsOk());
  ASSERT_THAT(Put(api, "Default", "+13"), IsOk());
  GivenOptedOutByEndUser(api, "Default", "+12");
  EXPECT_THAT(DigitsOf(Numbers(api, "Default", EndUserFilter({"True"}))), ElementsAre("+12"));
  EXPECT_THAT(DigitsOf(Numbers(api, "Default", EndUserFilter({"false"}))), ElementsAre("+11", "+13"));
  EXPECT_THAT(DigitsOf(Numbers(api, "Default", EndUserFilter({"true", "FALSE"}))), ElementsAre("+11", "+12", "+13"));
  EXPECT_THAT(DigitsOf(Numbers(api, "Default", EndUserFilter({"true"}) + EndUserFilter({"false"}))), IsEmpty());
  EXPECT_THAT(DigitsOf(Numbers(api, "Default", NumberList({"+11", "+12"}) + EndUserFilter({"true"}))),
              ElementsAre("+12"));
  EXPECT_THAT(Numbers(api, "Default", NumberList({"+14"}) + EndUserFilter({"true"})),
              IsNotFound(ResourceType::kOptedOutNumber, "+14"));
  const auto first = Numbers(api, "Default", EndUserFilter({"false"}) + " max_results: 1");
  EXPECT_THAT(DigitsOf(first), ElementsAre("+11"));
  EXPECT_THAT(DigitsOf(Numbers(api, "Default",
                               EndUserFilter({"false"}) + " max_results: 1" + After(first.response.next_token()))),
              ElementsAre("+13"));
}

TEST(DescribeOptedOutNumbers, RefusesFiltersThatMakeNoSense) {
  Api api;
  EXPECT_THAT(Numbers(api, "Default", EndUserFilter({"true", "maybe"})),
              IsInvalidField(reason::kInvalidFilterValues, "filters[0].values[1]"));
  EXPECT_THAT(Numbers(api, "Default", EndUserFilter({})),
              IsInvalidField(reason::kMissingParameter, "filters[0].values"));
  EXPECT_THAT(Numbers(api, "Default", "filters { values: 'true' }"),
              IsInvalidField(reason::kMissingParameter, "filters[0].name"));
  EXPECT_THAT(Numbers(api, "Default", "max_results: 0"), IsInvalidField(reason::kInvalidParameter, "maxResults"));
  EXPECT_THAT(Numbers(api, "Default", "max_results: 101"), IsInvalidField(reason::kInvalidParameter, "maxResults"));
}

TEST(DescribeOptedOutNumbers, HasAHundredOnAPageUnlessToldOtherwise) {
  Api api;
  GivenAccount(api, api.account());
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test",
            "INSERT INTO opted_out_numbers SELECT account_id, region, list_id, '+1' || (1000 + i), now(), false"
            " FROM opt_out_lists, generate_series(1, 101) AS i WHERE account_id = $1 AND region = $2"},
           storage::Params(api.scope.account, api.scope.region));
  });
  const auto first = Numbers(api, "Default");
  EXPECT_EQ(DigitsOf(first).size(), 100u);
  const auto second = Numbers(api, "Default", After(first.response.next_token()));
  EXPECT_THAT(DigitsOf(second), ElementsAre("+11101"));
  EXPECT_FALSE(second.response.has_next_token());
  EXPECT_EQ(second.response.opt_out_list_name(), "Default");
  EXPECT_EQ(second.response.opt_out_list_arn(), OwnArn(api, "opt-out-list", "Default"));
}

TEST(DescribeOptedOutNumbers, RefusesTokensOfAnotherListing) {
  Api api;
  ASSERT_THAT(Create(api, "Offers"), IsOk());
  for (const char* number : {"+11", "+12"}) ASSERT_THAT(Put(api, "Default", number), IsOk());
  const std::string token = After(Numbers(api, "Default", "max_results: 1").response.next_token());
  EXPECT_THAT(DigitsOf(Numbers(api, "Default", token)), ElementsAre("+12"));
  const auto refused = IsInvalidField(reason::kInvalidNextToken, "nextToken");
  EXPECT_THAT(Numbers(api, "Offers", token), refused);
  EXPECT_THAT(Numbers(api, "Default", token + EndUserFilter({"false"})), refused);
  EXPECT_THAT(Numbers(api, "Default", token + NumberList({"+12"})), refused);
  EXPECT_THAT(Describe(api, token), refused);
  Api other;
  EXPECT_THAT(Numbers(other, "Default", token), refused);
}

// While writers put numbers on the list and take them off, somebody pages through it from end to end.
TEST(DescribeOptedOutNumbers, NeitherSkipsNorRepeatsWhatStaysWhileOthersComeAndGo) {
  Api api;
  std::set<std::string> staying;
  for (int i = 0; i < 60; ++i) {
    const std::string number = "+1" + std::to_string(1000 + 10 * i);
    ASSERT_THAT(Put(api, "Default", number), IsOk());
    staying.insert(number);
  }
  std::atomic<int> written{0};
  std::vector<std::jthread> writers;
  for (int writer = 1; writer <= 3; ++writer) {
    writers.emplace_back([&, writer](const std::stop_token& stop) {
      for (int i = 0; !stop.stop_requested(); ++i) {
        // Somewhere among those that stay, and each only once: a second removal within thirty days would be refused.
        const std::string number =
            "+1" + std::to_string(1000 + 10 * (7 * i % 60)) + std::to_string(writer) + std::to_string(10 + i);
        Put(api, "Default", number);
        TakeOff(api, "Default", number);
        ++written;
      }
    });
  }
  for (int round = 0; round < 3; ++round) {
    std::map<std::string, int> seen;
    std::string token;
    do {
      const int before = written;
      const auto page = Numbers(api, "Default", "max_results: 3" + (token.empty() ? "" : After(token)));
      for (const std::string& number : DigitsOf(page)) ++seen[number];
      token = page.response.next_token();
      EXPECT_TRUE(Eventually([&] { return written > before; })) << "nobody writes meanwhile";
    } while (!token.empty());
    for (const auto& [number, times] : seen) EXPECT_EQ(times, 1) << number;
    for (const std::string& number : staying) EXPECT_EQ(seen[number], 1) << number;
  }
}

// ---------------------------------------------------------------------------------------------------------------------

// With a million numbers, what a page costs does not depend on where it is: the very statement that the service
// prepares reads as little of the database at the end as at the beginning, whichever kind of plan the server chooses,
// and whether it has statistics of the table or not.
class AMillionNumbers : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    url_ = FreshDatabase(/*migrated=*/true);
    scope_ = {NewAccount(), "us-east-1"};
    Run([](storage::Transaction& tx) {
      storage::EnsureAccount(tx, scope_, FakeWorld::kStart);
      tx.Run({"test",
              "INSERT INTO opted_out_numbers"
              " SELECT account_id, region, list_id, '+1' || (10000000 + i), now(), i % 2 = 0"
              " FROM opt_out_lists, generate_series(0, 999999) AS i"});
    });
  }

  // One connection, for whoever wants to see what is prepared on it.
  static void Run(const std::function<void(storage::Transaction&)>& body) {
    storage::DatabaseOptions options;
    options.url = url_;
    options.connections = 1;
    storage::Database(options).Run(storage::Database::Mode::kWrite,
                                   {std::chrono::steady_clock::now() + std::chrono::seconds(60), {}}, body);
  }

  // Blocks that the page after `after` reads.
  static int CostOfPage(const std::string& after, const std::vector<storage::Condition>& conditions,
                        const std::string& plans) {
    int blocks = 0;
    int sorted = 0;  // rows
    Run([&](storage::Transaction& tx) {
      const storage::Viewer viewer{.scope = scope_, .action = "sms-voice:DescribeOptedOutNumbers"};
      const storage::OptedOutNumberListing listing{viewer,       scope_, "Default",    conditions,
                                                   /*named=*/{}, after,  /*limit=*/101};
      EXPECT_EQ(storage::ReadOptedOutNumbers(tx, listing).items.size(), 101u);

      std::string name;
      tx.Run({"test",
              "SELECT name FROM pg_prepared_statements WHERE statement LIKE 'SELECT granted, %'"
              " AND statement LIKE '% FROM opted_out_numbers %'"})[0]
          .Read(name);
      const std::string scope = "'" + scope_.account + "', '" + scope_.region + "', ";
      std::string values = "'" + scope_.account + "', '" + std::string(viewer.action) + "', 'opt-out-list', '" +
                           scope_.account + "', " + scope + "'Default', " + scope + "'" + after + "', ";
      // That a recipient did it is no parameter: it is the predicate of an index of its own.
      for (const storage::Condition& condition : conditions) {
        if (condition.values.at(0) != "true") values += "'{" + condition.values.at(0) + "}', ";
      }
      tx.Run({"test", "SET LOCAL plan_cache_mode = " + plans});
      const std::string explain = "EXPLAIN (ANALYZE, BUFFERS) EXECUTE " + name + "(" + values + "101)";
      std::string plan;
      for (const storage::Row row : tx.Run({"test", explain})) {
        std::string line;
        row.Read(line);
        if (blocks == 0) blocks = BlocksOf(line);  // the first such line is of the whole statement
        plan += line + "\n";
        if (line.find("Sort  (") != line.npos) sorted = std::max(sorted, RowsOf(line));
      }
      EXPECT_GT(blocks, 0) << plan;
      EXPECT_LE(sorted, 101) << "more than the page: " << plan;
    });
    return blocks;
  }

  // "Sort  (cost=… rows=1 width=8) (actual time=… rows=101 loops=1)" is 101; 0 of what was never run.
  static int RowsOf(const std::string& line) {
    const auto actual = line.find("(actual ");
    return actual == line.npos ? 0 : std::stoi(line.substr(line.find("rows=", actual) + 5));
  }

  // "Buffers: shared hit=6 read=2" is 8.
  static int BlocksOf(const std::string& line) {
    int blocks = 0;
    if (line.find("Buffers:") == line.npos) return 0;
    for (const std::string word : {"hit=", "read="}) {
      const auto at = line.find(word);
      if (at != line.npos) blocks += std::stoi(line.substr(at + word.size()));
    }
    return blocks;
  }

  static void ExpectFlatCost() {
    for (const char* plans : {"force_custom_plan", "force_generic_plan"}) {
      for (const std::vector<storage::Condition>& conditions :
           {std::vector<storage::Condition>{}, std::vector<storage::Condition>{{"end-user-opted-out", {"true"}}},
            std::vector<storage::Condition>{{"end-user-opted-out", {"false"}}}}) {
        const int first = CostOfPage("", conditions, plans);
        const int middle = CostOfPage("+110500000", conditions, plans);
        const int last = CostOfPage("+110999700", conditions, plans);
        // A page of 101 or 202 rows lies in a few blocks; where it begins and ends in them varies by one or two.
        EXPECT_LE(first, 20) << plans;
        EXPECT_NEAR(middle, first, 4) << plans;
        EXPECT_NEAR(last, first, 4) << plans;
      }
    }
  }

  static inline std::string url_;
  static inline storage::Scope scope_;
};

TEST_F(AMillionNumbers, CostAsMuchOnTheLastPageAsOnTheFirst) {
  ExpectFlatCost();
  Run([](storage::Transaction& tx) { tx.Run({"test", "ANALYZE opted_out_numbers"}); });
  ExpectFlatCost();
}

}  // namespace
}  // namespace poold
