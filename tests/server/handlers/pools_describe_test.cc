// DescribePools. Rules: behaviour 4.1, 4.5, 5 and 13.

#include <gtest/gtest.h>

#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kGb = "iso_country_code: 'GB'";
const std::string kTopic = "arn:aws:sns:us-east-1:111122223333:inbound";

auto Describe(Api& api, const std::string& text = {}) { return api.Call<DescribePoolsRequest>(text); }

std::string Ids(const std::vector<std::string>& ids) {
  std::string text;
  for (const std::string& id : ids) text += "pool_ids: '" + id + "' ";
  return text;
}

std::string Values(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += " values: '" + value + "'";
  return text;
}

std::string Filter(const std::string& name, const std::vector<std::string>& values) {
  return "filters { name: POOL_FILTER_NAME_" + name + Values(values) + " } ";
}

std::vector<std::string> IdsOf(const Result<DescribePoolsResponse>& result) {
  if (result.error) throw std::runtime_error(result.error->what());
  std::vector<std::string> ids;
  for (const auto& pool : result.response.pools()) ids.push_back(pool.pool_id());
  return ids;
}

// ---------------------------------------------------------------------------------------------------------------------
// What is shown

TEST(DescribePools, ShowsEverythingOfAPoolButChannelAndRoleThatItHasNot) {
  Api api;
  const std::string pool = GivenPool(api, GivenNumber(api), "tags { key: 'Name' value: 'x' }");
  const auto described = Describe(api);
  ASSERT_THAT(described, IsOk());
  EXPECT_THAT(described.response,
              EqualsText("pools { pool_arn: '" + OwnArn(api, "pool", pool) + "' pool_id: '" + pool +
                         "' status: POOL_STATUS_ACTIVE message_type: MESSAGE_TYPE_TRANSACTIONAL"
                         " opt_out_list_name: 'Default' created_timestamp { seconds: 1704067200 } }"));
}

TEST(DescribePools, ShowsChannelAndRoleWhereTheyAreSet) {
  Api api;
  const std::string pool = GivenPool(api, GivenConfiguredNumber(api).id, "deletion_protection_enabled: true");
  GivenChange(api, pool, "shared_routes_enabled: true");
  const auto described = Describe(api);
  ASSERT_THAT(described, IsOk());
  EXPECT_THAT(described.response,
              EqualsText("pools { pool_arn: '" + OwnArn(api, "pool", pool) + "' pool_id: '" + pool +
                         "' status: POOL_STATUS_ACTIVE message_type: MESSAGE_TYPE_TRANSACTIONAL two_way_enabled: true"
                         " two_way_channel_arn: '" +
                         std::string(ConfiguredNumber::kChannel) + "' two_way_channel_role: '" +
                         std::string(ConfiguredNumber::kRole) +
                         "' self_managed_opt_outs_enabled: true opt_out_list_name: 'Offers'"
                         " shared_routes_enabled: true deletion_protection_enabled: true"
                         " created_timestamp { seconds: 1704067200 } }"));
}

TEST(DescribePools, AnswersNothingWhereThereIsNothing) {
  Api api;
  const auto described = Describe(api);
  ASSERT_THAT(described, IsOk());
  EXPECT_THAT(described.response, EqualsText(""));
}

TEST(DescribePools, ListsAllPoolsOldestFirstThenById) {
  Api api;
  api.world.Set(FakeWorld::kStart + std::chrono::seconds(2));
  const std::string late = GivenPool(api);
  api.world.Set(FakeWorld::kStart);
  const std::string early = GivenPool(api);
  const std::string as_early = GivenPool(api);
  ASSERT_LT(early, as_early);
  EXPECT_THAT(IdsOf(Describe(api)), ElementsAre(early, as_early, late));
}

TEST(DescribePools, ShowsOnlyTheCallersAccountAndRegion) {
  Api api;
  Api other;
  GivenPool(other);
  EXPECT_THAT(IdsOf(Describe(api)), IsEmpty());
  other.scope.region = "eu-west-2";
  EXPECT_THAT(IdsOf(Describe(other)), IsEmpty());
}

TEST(DescribePools, ShowsPoolsThatAreBeingDeleted) {
  Settings settings;
  settings.api.pool_deletion_delay = std::chrono::seconds(3);
  Api api(settings);
  const std::string pool = GivenPool(api);
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
  const auto described = Describe(api);
  EXPECT_THAT(IdsOf(described), ElementsAre(pool));
  EXPECT_EQ(described.response.pools(0).status(), POOL_STATUS_DELETING);
}

// ---------------------------------------------------------------------------------------------------------------------
// By id

TEST(DescribePools, ShowsOnlyThePoolsThatAreNamedByIdOrArn) {
  Api api;
  const std::string first = GivenPool(api);
  const std::string second = GivenPool(api);
  const std::string third = GivenPool(api);
  EXPECT_THAT(IdsOf(Describe(api, Ids({second}))), ElementsAre(second));
  EXPECT_THAT(IdsOf(Describe(api, Ids({third, OwnArn(api, "pool", first)}))), ElementsAre(first, third));
}

TEST(DescribePools, ShowsAPoolOnceHoweverOftenItIsNamed) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(IdsOf(Describe(api, Ids({pool, OwnArn(api, "pool", pool), pool}))), ElementsAre(pool));
}

TEST(DescribePools, FailsAsAWholeForAPoolThatIsNotThere) {
  Api api;
  Api other;
  const std::string pool = GivenPool(api);
  const std::string foreign = GivenPool(other);
  for (const std::string& id : {
           std::string("pool-0123456789abcdef0123456789abcdef"),
           foreign,
           OwnArn(other, "pool", foreign),
           OwnArn(api, "pool", foreign),
           ArnOfOtherRegion(api, "pool", pool),
       }) {
    const auto described = Describe(api, Ids({pool, id}));
    EXPECT_THAT(described, IsNotFound(ResourceType::kPool, id));
    EXPECT_THAT(described.response.pools(), IsEmpty());
  }
}

TEST(DescribePools, NamesTheFirstOfSeveralThatAreNotThere) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(Describe(api, Ids({pool, "pool-b", "pool-a"})), IsNotFound(ResourceType::kPool, "pool-b"));
}

TEST(DescribePools, FailsForAPoolThatIsNotThereWhateverTheFiltersSay) {
  Api api;
  EXPECT_THAT(Describe(api, Ids({"pool-0"}) + Filter("STATUS", {"DELETING"})),
              IsNotFound(ResourceType::kPool, "pool-0"));
}

TEST(DescribePools, TakesFiveIdsAndNotSix) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(Describe(api, Ids(std::vector(5, pool))), IsOk());
  EXPECT_THAT(Describe(api, Ids(std::vector(6, pool))), IsInvalidField(reason::kInvalidParameter, "poolIds"));
}

TEST(DescribePools, RefusesIdsThatCannotBePools) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(Describe(api, Ids({pool, "pool 1"})), IsInvalidField(reason::kInvalidParameter, "poolIds[1]"));
  EXPECT_THAT(Describe(api, Ids({pool, std::string(257, 'p')})),
              IsInvalidField(reason::kInvalidParameter, "poolIds[1]"));
  EXPECT_THAT(Describe(api, Ids({pool, OwnArn(api, "phone-number", "phone-1")})),
              IsInvalidField(reason::kInvalidArn, "poolIds[1]"));
}

// ---------------------------------------------------------------------------------------------------------------------
// By owner

TEST(DescribePools, ShowsTheCallersOwnForSelfAndWhenNothingIsSaid) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(IdsOf(Describe(api, "owner: OWNER_SELF")), ElementsAre(pool));
  EXPECT_THAT(IdsOf(Describe(api)), ElementsAre(pool));
}

TEST(DescribePools, ShowsNothingForSharedAsNothingIsShared) {
  Api api;
  GivenPool(api);
  EXPECT_THAT(IdsOf(Describe(api, "owner: OWNER_SHARED")), IsEmpty());
}

TEST(DescribePools, RefusesOwnerTogetherWithIds) {
  Api api;
  const std::string pool = GivenPool(api);
  for (const std::string owner : {"OWNER_SELF", "OWNER_SHARED"}) {
    EXPECT_THAT(Describe(api, Ids({pool}) + "owner: " + owner),
                IsInvalid(reason::kParametersCannotBeUsedTogether, std::vector<std::string>{"owner", "poolIds"}));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// By filter

// Two pools that differ in everything a filter can ask for. `plain` was there first.
struct Contrast {
  std::string plain, other;
};
Contrast GivenContrast(Api& api) {
  GivenOptOutList(api, "Offers");
  Contrast pools;
  pools.plain = GivenPool(api);
  pools.other = GivenPool(api, GivenNumber(api, "message_type: MESSAGE_TYPE_PROMOTIONAL"),
                          "message_type: MESSAGE_TYPE_PROMOTIONAL");
  GivenChange(api, pools.other,
              "two_way_enabled: true two_way_channel_arn: '" + kTopic +
                  "' self_managed_opt_outs_enabled: true opt_out_list_name: 'Offers' shared_routes_enabled: true"
                  " deletion_protection_enabled: true");
  GivenStatus(api, pools.other, "CREATING");
  return pools;
}

TEST(DescribePools, FiltersByEachOfTheEightNames) {
  Api api;
  const Contrast pools = GivenContrast(api);
  const struct {
    std::string name, of_plain, of_other;
  } kCases[] = {
      {"STATUS", "ACTIVE", "CREATING"},
      {"MESSAGE_TYPE", "TRANSACTIONAL", "PROMOTIONAL"},
      {"TWO_WAY_ENABLED", "false", "true"},
      {"SELF_MANAGED_OPT_OUTS_ENABLED", "false", "true"},
      {"OPT_OUT_LIST_NAME", "Default", "Offers"},
      {"SHARED_ROUTES_ENABLED", "false", "true"},
      {"DELETION_PROTECTION_ENABLED", "false", "true"},
  };
  for (const auto& [name, of_plain, of_other] : kCases) {
    EXPECT_THAT(IdsOf(Describe(api, Filter(name, {of_plain}))), ElementsAre(pools.plain)) << name;
    EXPECT_THAT(IdsOf(Describe(api, Filter(name, {of_other}))), ElementsAre(pools.other)) << name;
    EXPECT_THAT(IdsOf(Describe(api, Filter(name, {of_plain, of_other}))), ElementsAre(pools.plain, pools.other))
        << name;
  }
  EXPECT_THAT(IdsOf(Describe(api, Filter("TWO_WAY_CHANNEL_ARN", {kTopic}))), ElementsAre(pools.other));
  EXPECT_THAT(IdsOf(Describe(api, Filter("TWO_WAY_CHANNEL_ARN", {kTopic + "2"}))), IsEmpty());
}

TEST(DescribePools, NeedsAllFiltersToPass) {
  Api api;
  const Contrast pools = GivenContrast(api);
  EXPECT_THAT(IdsOf(Describe(api, Filter("TWO_WAY_ENABLED", {"true"}) + Filter("MESSAGE_TYPE", {"PROMOTIONAL"}))),
              ElementsAre(pools.other));
  EXPECT_THAT(IdsOf(Describe(api, Filter("TWO_WAY_ENABLED", {"true"}) + Filter("MESSAGE_TYPE", {"TRANSACTIONAL"}))),
              IsEmpty());
}

TEST(DescribePools, NeedsTwoFiltersOfOneNameToPassBoth) {
  Api api;
  const Contrast pools = GivenContrast(api);
  EXPECT_THAT(IdsOf(Describe(api, Filter("STATUS", {"ACTIVE"}) + Filter("STATUS", {"CREATING"}))), IsEmpty());
  EXPECT_THAT(IdsOf(Describe(api, Filter("STATUS", {"ACTIVE"}) + Filter("STATUS", {"CREATING", "ACTIVE"}))),
              ElementsAre(pools.plain));
}

TEST(DescribePools, IgnoresTheCaseOfEnumAndBooleanValuesOnly) {
  Api api;
  const Contrast pools = GivenContrast(api);
  EXPECT_THAT(IdsOf(Describe(api, Filter("STATUS", {"active"}))), ElementsAre(pools.plain));
  EXPECT_THAT(IdsOf(Describe(api, Filter("MESSAGE_TYPE", {"Transactional"}))), ElementsAre(pools.plain));
  EXPECT_THAT(IdsOf(Describe(api, Filter("TWO_WAY_ENABLED", {"True"}))), ElementsAre(pools.other));
  EXPECT_THAT(IdsOf(Describe(api, Filter("OPT_OUT_LIST_NAME", {"offers"}))), IsEmpty());
  EXPECT_THAT(IdsOf(Describe(api, Filter("TWO_WAY_CHANNEL_ARN", {"ARN:aws:sns:us-east-1:111122223333:inbound"}))),
              IsEmpty());
}

TEST(DescribePools, MatchesFilterValuesWhole) {
  Api api;
  GivenContrast(api);
  EXPECT_THAT(IdsOf(Describe(api, Filter("OPT_OUT_LIST_NAME", {"Offer", "ffers"}))), IsEmpty());
}

TEST(DescribePools, RefusesImpossibleFilterValues) {
  Api api;
  const struct {
    std::string name, value;
  } kCases[] = {
      {"STATUS", "PENDING"},
      {"MESSAGE_TYPE", "OTHER"},
      {"TWO_WAY_ENABLED", "yes"},
      {"SELF_MANAGED_OPT_OUTS_ENABLED", "1"},
      {"SHARED_ROUTES_ENABLED", "TRUEST"},
      {"DELETION_PROTECTION_ENABLED", "null"},
  };
  for (const auto& [name, value] : kCases) {
    EXPECT_THAT(Describe(api, Filter(name, {value})),
                IsInvalidField(reason::kInvalidFilterValues, "filters[0].values[0]"))
        << name;
  }
  EXPECT_THAT(Describe(api, Filter("OPT_OUT_LIST_NAME", {"any"}) + Filter("STATUS", {"ACTIVE", "never"})),
              IsInvalidField(reason::kInvalidFilterValues, "filters[1].values[1]"));
}

TEST(DescribePools, RefusesFiltersThatTheModelRefuses) {
  Api api;
  const std::string status = "filters { name: POOL_FILTER_NAME_STATUS ";
  std::string filters_21;
  for (int i = 0; i < 21; ++i) filters_21 += Filter("STATUS", {"ACTIVE"});
  const struct {
    std::string claim, request;
    std::string_view reason;
    std::string field;
  } kCases[] = {
      {"no name", "filters { values: 'ACTIVE' }", reason::kMissingParameter, "filters[0].name"},
      {"no values", status + "}", reason::kMissingParameter, "filters[0].values"},
      {"21 values", status + Values(std::vector<std::string>(21, "ACTIVE")) + "}", reason::kInvalidParameter,
       "filters[0].values"},
      {"an empty value", status + "values: '' }", reason::kInvalidParameter, "filters[0].values[0]"},
      {"a value of 129 characters", status + "values: '" + std::string(129, 'x') + "' }", reason::kInvalidParameter,
       "filters[0].values[0]"},
      {"a value of strange characters", status + "values: 'ACTIVE ' }", reason::kInvalidParameter,
       "filters[0].values[0]"},
      {"21 filters", filters_21, reason::kInvalidParameter, "filters"},
  };
  for (const auto& [claim, request, reason, field] : kCases) {
    EXPECT_THAT(Describe(api, request), IsInvalidField(reason, field)) << claim;
  }
}

TEST(DescribePools, RefusesAFilterNameThatTheModelDoesNotHave) {
  Api api;
  DescribePoolsRequest request;
  request.add_filters()->set_name(static_cast<PoolFilterName>(99));
  request.mutable_filters(0)->add_values("x");
  EXPECT_THAT(api.Call(request), IsInvalidField(reason::kInvalidParameter, "filters[0].name"));
}

TEST(DescribePools, AppliesFiltersToThePoolsThatAreNamed) {
  Api api;
  const Contrast pools = GivenContrast(api);
  GivenPool(api);
  EXPECT_THAT(IdsOf(Describe(api, Ids({pools.plain, pools.other}) + Filter("STATUS", {"ACTIVE"}))),
              ElementsAre(pools.plain));
  EXPECT_THAT(IdsOf(Describe(api, Ids({pools.other}) + Filter("STATUS", {"ACTIVE"}))), IsEmpty());
}

// ---------------------------------------------------------------------------------------------------------------------
// In pages

std::vector<std::string> GivenPools(Api& api, int count) {
  api.settings.api.quotas.pools = 1000;
  if (api.Call<DescribeSenderIdsRequest>("").response.sender_ids().empty()) GivenSenderId(api, "EXAMPLECO");
  std::vector<std::string> pools;
  for (int i = 0; i < count; ++i) {
    pools.push_back(GivenPool(api, "EXAMPLECO", kGb));
    if (i % 3 == 1) api.world.Advance(std::chrono::milliseconds(1));  // some of one moment, some not
  }
  return pools;
}

std::string After(const std::string& token) { return "next_token: '" + token + "' "; }

TEST(DescribePools, PagesThroughAllPoolsInOrder) {
  Api api;
  const auto pools = GivenPools(api, 7);
  for (const int limit : {1, 2, 3, 6, 7, 8, 100}) {
    std::vector<std::string> seen;
    std::string more;
    int pages = 0;
    do {
      const auto page = Describe(api, more + "max_results: " + std::to_string(limit));
      const auto ids = IdsOf(page);
      EXPECT_LE(ids.size(), static_cast<std::size_t>(limit));
      EXPECT_FALSE(ids.empty());
      seen.insert(seen.end(), ids.begin(), ids.end());
      more = page.response.has_next_token() ? After(page.response.next_token()) : "";
    } while (!more.empty() && ++pages < 10);
    EXPECT_EQ(seen, pools) << limit;
  }
}

TEST(DescribePools, HasNoTokenOnTheLastPageEvenIfItIsFull) {
  Api api;
  GivenPools(api, 4);
  const auto first = Describe(api, "max_results: 2");
  ASSERT_TRUE(first.response.has_next_token());
  const auto last = Describe(api, After(first.response.next_token()) + "max_results: 2");
  EXPECT_THAT(last.response.pools(), SizeIs(2));
  EXPECT_FALSE(last.response.has_next_token());
}

TEST(DescribePools, ShowsAHundredOnAPageUnlessToldOtherwise) {
  Api api;
  const auto pools = GivenPools(api, 101);
  const auto first = Describe(api);
  EXPECT_THAT(first.response.pools(), SizeIs(100));
  ASSERT_TRUE(first.response.has_next_token());
  EXPECT_THAT(IdsOf(Describe(api, After(first.response.next_token()))), ElementsAre(pools.back()));
}

TEST(DescribePools, PagesThroughNamedAndFilteredPoolsToo) {
  Api api;
  const auto pools = GivenPools(api, 4);
  GivenChange(api, pools[1], "shared_routes_enabled: true");
  const std::string wanted = Ids({pools[3], pools[1], pools[0]}) + Filter("SHARED_ROUTES_ENABLED", {"false"});
  const auto first = Describe(api, wanted + "max_results: 1");
  EXPECT_THAT(IdsOf(first), ElementsAre(pools[0]));
  ASSERT_TRUE(first.response.has_next_token());
  const auto second = Describe(api, wanted + After(first.response.next_token()) + "max_results: 1");
  EXPECT_THAT(IdsOf(second), ElementsAre(pools[3]));
  EXPECT_FALSE(second.response.has_next_token());
}

TEST(DescribePools, LetsThePageSizeChangeBetweenPages) {
  Api api;
  const auto pools = GivenPools(api, 4);
  const auto first = Describe(api, "max_results: 1");
  EXPECT_THAT(IdsOf(Describe(api, After(first.response.next_token()) + "max_results: 100")),
              ElementsAre(pools[1], pools[2], pools[3]));
}

TEST(DescribePools, SkipsAndRepeatsNothingWhenPoolsComeAndGoBetweenPages) {
  Api api;
  const auto pools = GivenPools(api, 6);
  const auto first = Describe(api, "max_results: 3");
  EXPECT_THAT(IdsOf(first), ElementsAre(pools[0], pools[1], pools[2]));
  // The page's last pool and one before it go, one comes that sorts before all, one that sorts last.
  for (const auto& gone : {pools[0], pools[2]}) {
    ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + gone + "'"), IsOk());
  }
  const storage::Time now = api.world.Now();
  api.world.Set(FakeWorld::kStart - std::chrono::hours(1));
  GivenPool(api, "EXAMPLECO", kGb);
  api.world.Set(now + std::chrono::hours(1));
  const std::string newest = GivenPool(api, "EXAMPLECO", kGb);
  EXPECT_THAT(IdsOf(Describe(api, After(first.response.next_token()))),
              ElementsAre(pools[3], pools[4], pools[5], newest));
}

TEST(DescribePools, RefusesTokensThatAreNotOfTheSameRequest) {
  Api api;
  GivenPools(api, 3);
  const std::string filter = Filter("STATUS", {"ACTIVE"});
  const std::string token = Describe(api, filter + "max_results: 1").response.next_token();
  ASSERT_THAT(Describe(api, filter + After(token)), IsOk());
  const auto refusal = IsInvalidField(reason::kInvalidNextToken, "nextToken");

  EXPECT_THAT(Describe(api, After(token)), refusal) << "without the filter";
  EXPECT_THAT(Describe(api, Filter("STATUS", {"CREATING"}) + After(token)), refusal) << "another filter";
  EXPECT_THAT(Describe(api, filter + filter + After(token)), refusal) << "one filter more";

  Api other;
  EXPECT_THAT(Describe(other, filter + After(token)), refusal) << "another account";
  const auto request = Api::Parse<DescribePoolsRequest>(filter + After(token));
  EXPECT_THAT(api.CallIn({api.scope.account, "eu-west-2"}, request), refusal) << "another region";
  EXPECT_THAT(api.Call<DescribeSenderIdsRequest>(After(token)), refusal) << "another operation";
}

TEST(DescribePools, RefusesTokensThatWereAlteredOrMadeUp) {
  Api api;
  GivenPools(api, 3);
  const std::string token = Describe(api, "max_results: 1").response.next_token();
  const auto refusal = IsInvalidField(reason::kInvalidNextToken, "nextToken");
  for (std::size_t i = 0; i < token.size(); i += 7) {
    std::string altered = token;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    EXPECT_THAT(Describe(api, After(altered)), refusal) << i;
  }
  for (const std::string& made_up :
       {token + "A", token.substr(0, token.size() - 1), std::string("pool-1"), std::string(1024, 'A')}) {
    EXPECT_THAT(Describe(api, After(made_up)), refusal) << made_up;
  }
  EXPECT_THAT(Describe(api, After(std::string(1025, 'A'))), IsInvalidField(reason::kInvalidParameter, "nextToken"));
  EXPECT_THAT(Describe(api, "next_token: ''"), IsInvalidField(reason::kInvalidParameter, "nextToken"));
}

TEST(DescribePools, TakesPageSizesFrom1To100) {
  Api api;
  for (const int limit : {1, 100}) EXPECT_THAT(Describe(api, "max_results: " + std::to_string(limit)), IsOk());
  for (const int limit : {-1, 0, 101}) {
    EXPECT_THAT(Describe(api, "max_results: " + std::to_string(limit)),
                IsInvalidField(reason::kInvalidParameter, "maxResults"));
  }
}

}  // namespace
}  // namespace poold
