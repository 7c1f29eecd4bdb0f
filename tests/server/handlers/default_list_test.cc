// `default` in any case names the list `Default` where no list has exactly that name: behaviour 10.

#include <gtest/gtest.h>

#include "tests/server/handlers/phone_numbers_calls.h"
#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;
using testing::IsEmpty;

const std::string kSpellings[] = {"default", "DEFAULT", "deFault"};

std::string List(const std::string& name) { return "opt_out_list_name: '" + name + "' "; }
const std::string kNumber = "opted_out_number: '+12065550142' ";

std::vector<std::string> ListsNamed(Api& api, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += "opt_out_list_names: '" + name + "' ";
  const auto result = api.Call<DescribeOptOutListsRequest>(text);
  if (result.error) return {result.error->what()};
  std::vector<std::string> found;
  for (const auto& list : result.response.opt_out_lists()) found.push_back(list.opt_out_list_name());
  return found;
}

std::vector<std::string> NumbersOn(Api& api, const std::string& list) {
  const auto result = api.Call<DescribeOptedOutNumbersRequest>(List(list));
  if (result.error) return {result.error->what()};
  std::vector<std::string> numbers;
  for (const auto& entry : result.response.opted_out_numbers()) numbers.push_back(entry.opted_out_number());
  return numbers;
}

int PoolsFilteredBy(Api& api, const std::string& list) {
  return api.Call<DescribePoolsRequest>("filters { name: POOL_FILTER_NAME_OPT_OUT_LIST_NAME values: '" + list + "' }")
      .response.pools_size();
}

TEST(DefaultInAnyCase, NamesTheListInOperationsOnLists) {
  Api api;
  for (const std::string& name : kSpellings) {
    EXPECT_THAT(ListsNamed(api, {name}), ElementsAre("Default"));
    const auto put = api.Call<PutOptedOutNumberRequest>(List(name) + kNumber);
    ASSERT_THAT(put, IsOk()) << name;
    EXPECT_EQ(put.response.opt_out_list_name(), "Default");
    EXPECT_EQ(put.response.opt_out_list_arn(), OwnArn(api, "opt-out-list", "Default"));
    const auto described = api.Call<DescribeOptedOutNumbersRequest>(List(name) + "opted_out_numbers: '+12065550142'");
    ASSERT_THAT(described, IsOk()) << name;
    EXPECT_EQ(described.response.opt_out_list_name(), "Default");
    EXPECT_THAT(NumbersOn(api, "Default"), ElementsAre("+12065550142"));
    EXPECT_THAT(api.Call<DeleteOptOutListRequest>(List(name)),
                IsConflict(reason::kResourceModificationNotAllowed, ResourceType::kOptOutList, "Default"));
  }
  EXPECT_THAT(api.Call<DeleteOptedOutNumberRequest>(List("DEFAULT") + kNumber), IsOk());
  EXPECT_THAT(NumbersOn(api, "Default"), IsEmpty());
}

TEST(DefaultInAnyCase, IsDescribedOnceHoweverOftenItIsNamed) {
  Api api;
  EXPECT_THAT(ListsNamed(api, {"DEFAULT", "Default", "default"}), ElementsAre("Default"));
}

TEST(DefaultInAnyCase, NamesTheListOfNumbersAndPools) {
  Api api;
  GivenOptOutList(api, "Offers");
  for (const std::string& name : kSpellings) {
    const auto number = RequestNumber(api, LongCode("US", List(name)));
    ASSERT_THAT(number, IsOk()) << name;
    EXPECT_EQ(number.response.opt_out_list_name(), "Default");
    const std::string& id = number.response.phone_number_id();
    GivenChange(api, id, List("Offers"));
    const auto changed = UpdateNumber(api, id, List(name));
    ASSERT_THAT(changed, IsOk()) << name;
    EXPECT_EQ(changed.response.opt_out_list_name(), "Default");
    const std::string pool = GivenPool(api, id);
    GivenChange(api, pool, List("Offers"));
    const auto updated = api.Call<UpdatePoolRequest>("pool_id: '" + pool + "' " + List(name));
    ASSERT_THAT(updated, IsOk()) << name;
    EXPECT_EQ(updated.response.opt_out_list_name(), "Default");
    EXPECT_THAT(RequestNumber(api, LongCode("US", "pool_id: '" + pool + "' " + List(name))), IsOk()) << name;
  }
}

TEST(DefaultInAnyCase, IsWhatFiltersFindIt) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string plain = GivenPool(api);
  GivenChange(api, GivenPool(api), List("Offers"));
  for (const std::string& name : kSpellings) {
    const auto pools =
        api.Call<DescribePoolsRequest>("filters { name: POOL_FILTER_NAME_OPT_OUT_LIST_NAME values: '" + name + "' }");
    ASSERT_EQ(pools.response.pools_size(), 1) << name;
    EXPECT_EQ(pools.response.pools(0).pool_id(), plain);
    EXPECT_EQ(DescribedNumbers(api, NumberFilter("OPT_OUT_LIST_NAME", {name})).size(), 1) << name;
    EXPECT_EQ(DescribedNumbers(api, NumberFilter("OPT_OUT_LIST_NAME", {name, "Offers"})).size(), 2) << name;
  }
}

TEST(DefaultInAnyCase, NamesTheListThatHasExactlyThatNameFirst) {
  Api api;
  const auto created = api.Call<CreateOptOutListRequest>(List("DEFAULT"));
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created.response.opt_out_list_name(), "DEFAULT");
  EXPECT_THAT(api.Call<CreateOptOutListRequest>(List("DEFAULT")),
              IsConflict(reason::kResourceAlreadyExists, ResourceType::kOptOutList, "DEFAULT"));

  ASSERT_THAT(api.Call<PutOptedOutNumberRequest>(List("DEFAULT") + kNumber), IsOk());
  EXPECT_THAT(NumbersOn(api, "DEFAULT"), ElementsAre("+12065550142"));
  EXPECT_THAT(NumbersOn(api, "Default"), IsEmpty());
  EXPECT_THAT(NumbersOn(api, "default"), IsEmpty()) << "no list has this name, so it is Default";
  EXPECT_THAT(ListsNamed(api, {"default", "DEFAULT"}), ElementsAre("DEFAULT", "Default"));

  const std::string pool = GivenPool(api);
  EXPECT_EQ(PoolsFilteredBy(api, "DEFAULT"), 0);
  EXPECT_EQ(PoolsFilteredBy(api, "default"), 1);
  GivenChange(api, pool, List("DEFAULT"));
  EXPECT_EQ(ThePool(api, pool).opt_out_list_name(), "DEFAULT");
  EXPECT_EQ(PoolsFilteredBy(api, "DEFAULT"), 1);
  EXPECT_EQ(PoolsFilteredBy(api, "default"), 0);

  EXPECT_THAT(api.Call<DeleteOptOutListRequest>(List("DEFAULT")),
              IsConflict(reason::kResourceDeletionNotAllowed, ResourceType::kOptOutList, "DEFAULT"));
}

TEST(DefaultInAnyCase, MeansDefaultAgainOnceTheListOfThatNameIsGone) {
  Api api;
  GivenOptOutList(api, "default");
  ASSERT_THAT(api.Call<DeleteOptOutListRequest>(List("default")), IsOk());
  EXPECT_THAT(ListsNamed(api, {"default"}), ElementsAre("Default"));
  EXPECT_THAT(api.Call<DeleteOptOutListRequest>(List("default")),
              IsConflict(reason::kResourceModificationNotAllowed, ResourceType::kOptOutList, "Default"));
}

TEST(DefaultInAnyCase, IsNoArn) {
  Api api;
  const std::string arn = OwnArn(api, "opt-out-list", "default");
  EXPECT_THAT(api.Call<PutOptedOutNumberRequest>(List(arn) + kNumber), IsNotFound(ResourceType::kOptOutList, arn));
  EXPECT_THAT(api.Call<ListTagsForResourceRequest>("resource_arn: '" + arn + "'"),
              IsNotFound(ResourceType::kOptOutList, arn));
  EXPECT_THAT(ListsNamed(api, {OwnArn(api, "opt-out-list", "Default")}), ElementsAre("Default"));
}

TEST(DefaultInAnyCase, IsTheCallersOwn) {
  Api owner;
  Api api;
  GivenShare(owner, OwnArn(owner, "opt-out-list", "Default"), api.account());
  ASSERT_THAT(api.Call<PutOptedOutNumberRequest>(List("DEFAULT") + kNumber), IsOk());
  EXPECT_THAT(NumbersOn(owner, "Default"), IsEmpty());
  EXPECT_THAT(NumbersOn(api, "Default"), ElementsAre("+12065550142"));
}

TEST(DefaultInAnyCase, IsNoPartOfAName) {
  Api api;
  for (const std::string name : {"Default1", "efault", "Default-", "D"}) {
    EXPECT_THAT(api.Call<PutOptedOutNumberRequest>(List(name) + kNumber), IsNotFound(ResourceType::kOptOutList, name));
  }
}

}  // namespace
}  // namespace poold
