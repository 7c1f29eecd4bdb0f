// Quotas: their amounts, the deployment's and the account's own, and that they are exact however many calls come at
// once. Rules: behaviour 4.4.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "storage/account_quotas.h"
#include "tests/support/api.h"
#include "tests/support/given.h"
#include "tests/support/parallel.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::AllOf;
using testing::Each;
using testing::Field;

using Refusal = std::optional<Error>;

template <class Response>
Refusal RefusalOf(const Result<Response>& result) {
  return result.error;
}

// One of the things that are limited: how to make one more of it, and where to read how many there are.
struct Limited {
  std::string_view reason;
  std::int64_t by_default;
  std::int64_t Quotas::*quota;
  // Made once, before the calls; what it returns goes to `add` and `count`.
  std::function<std::string(Api&)> prepare;
  std::function<Refusal(Api&, const std::string& owner, int i)> add;  // each i adds another one
  std::function<std::int64_t(Api&, const std::string& owner)> count;
  std::int64_t at_first;  // there are so many from the start
};

void PrintTo(const Limited& limited, std::ostream* out) { *out << limited.reason; }

std::int64_t Rows(Api& api, const std::string& table, const std::string& column = {}, const std::string& value = {}) {
  std::int64_t count = 0;
  api.Sql([&](storage::Transaction& tx) {
    const std::string sql = "SELECT count(*) FROM " + table + " WHERE account_id = $1 AND region = $2" +
                            (column.empty() ? " AND $3 = ''" : " AND " + column + " = $3");
    tx.Run({"test", sql}, storage::Params(api.scope.account, api.scope.region, value))[0].Read(count);
  });
  return count;
}

PutKeywordRequest Keyword(const std::string& owner, int i) {
  PutKeywordRequest request;
  request.set_origination_identity(owner);
  request.set_keyword("WORD" + std::to_string(i));
  request.set_keyword_message("Hello");
  return request;
}

TagResourceRequest TagOf(const std::string& arn, int i) {
  return Api::Parse<TagResourceRequest>("resource_arn: '" + arn + "' tags { key: 'key" + std::to_string(i) +
                                        "' value: '' }");
}

std::string Letters(int i) {
  return std::string("S") + static_cast<char>('A' + i / 26) + static_cast<char>('A' + i % 26);
}

std::int64_t TagCount(Api& api, const std::string& arn) {
  const auto listed = api.Call<ListTagsForResourceRequest>("resource_arn: '" + arn + "'");
  return listed.error ? -1 : listed.response.tags_size();
}

Limited Tags(std::function<std::string(Api&)> resource) {
  return {reason::kTagsPerResource,
          50,
          &Quotas::tags_per_resource,
          std::move(resource),
          [](Api& api, const std::string& arn, int i) { return RefusalOf(api.Call(TagOf(arn, i))); },
          TagCount,
          0};
}

const std::vector<Limited> kLimited = {
    {reason::kPoolsPerAccount, 25, &Quotas::pools,
     // A sender ID may found any number of pools.
     [](Api& api) { return GivenSenderId(api, "FOUNDER"); },
     [](Api& api, const std::string& sender_id, int) {
       return RefusalOf(api.Call<CreatePoolRequest>("origination_identity: '" + sender_id +
                                                    "' iso_country_code: 'GB' message_type: MESSAGE_TYPE_PROMOTIONAL"));
     },
     [](Api& api, const std::string&) { return Rows(api, "pools"); }, 0},
    {reason::kPhoneNumbersPerAccount, 25, &Quotas::phone_numbers, [](Api&) { return std::string(); },
     [](Api& api, const std::string&, int) {
       return RefusalOf(api.Call<RequestPhoneNumberRequest>(
           "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL number_capabilities: NUMBER_CAPABILITY_SMS"
           " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE"));
     },
     [](Api& api, const std::string&) { return Rows(api, "phone_numbers"); }, 0},
    {reason::kSenderIdsPerAccount, 500, &Quotas::sender_ids, [](Api&) { return std::string(); },
     [](Api& api, const std::string&, int i) {
       return RefusalOf(api.Call<RequestSenderIdRequest>("sender_id: '" + Letters(i) + "' iso_country_code: 'GB'"));
     },
     [](Api& api, const std::string&) { return Rows(api, "sender_ids"); }, 0},
    {reason::kOptOutListsPerAccount, 25, &Quotas::opt_out_lists, [](Api&) { return std::string(); },
     [](Api& api, const std::string&, int i) {
       return RefusalOf(api.Call<CreateOptOutListRequest>("opt_out_list_name: 'List" + std::to_string(i) + "'"));
     },
     [](Api& api, const std::string&) { return Rows(api, "opt_out_lists"); }, 1},
    {reason::kOriginationIdentitiesPerPool, 100, &Quotas::origination_identities_per_pool,
     [](Api& api) {
       const std::string pool = GivenSenderIdPool(api, "FOUNDER");
       for (int i = 0; i < 150; ++i) GivenSenderId(api, Letters(i));
       return pool;
     },
     [](Api& api, const std::string& pool, int i) {
       return RefusalOf(api.Call<AssociateOriginationIdentityRequest>(
           "pool_id: '" + pool + "' origination_identity: '" + Letters(i) + "' iso_country_code: 'GB'"));
     },
     [](Api& api, const std::string& pool) { return Rows(api, "pool_members", "pool_id", pool); }, 1},
    {reason::kKeywordsPerPhoneNumber, 30, &Quotas::keywords, [](Api& api) { return GivenNumber(api); },
     [](Api& api, const std::string& number, int i) { return RefusalOf(api.Call(Keyword(number, i))); },
     [](Api& api, const std::string& number) { return Rows(api, "phone_number_keywords", "phone_number_id", number); },
     2},
    {reason::kKeywordsPerPool, 30, &Quotas::keywords, [](Api& api) { return GivenSenderIdPool(api, "FOUNDER"); },
     [](Api& api, const std::string& pool, int i) { return RefusalOf(api.Call(Keyword(pool, i))); },
     [](Api& api, const std::string& pool) { return Rows(api, "pool_keywords", "pool_id", pool); }, 2},
    Tags([](Api& api) { return OwnArn(api, "pool", GivenSenderIdPool(api, "FOUNDER")); }),
    Tags([](Api& api) { return OwnArn(api, "phone-number", GivenNumber(api)); }),
    Tags([](Api& api) { return OwnArn(api, "sender-id", GivenSenderId(api, "EXAMPLE") + "/GB"); }),
    Tags([](Api& api) { return OwnArn(api, "opt-out-list", "Default"); }),
};

class Quota : public testing::TestWithParam<Limited> {};

INSTANTIATE_TEST_SUITE_P(Of, Quota, testing::ValuesIn(kLimited), [](const auto& limited) {
  return std::string(limited.param.reason) + "_" + std::to_string(limited.index);
});

// The refusal of one too many, or why it isn't one.
std::string Judged(const Refusal& refusal, std::string_view reason, std::int64_t limit) {
  if (!refusal) return "went well";
  if (refusal->fault() != Fault::kQuota || refusal->reason() != reason || refusal->limit() != limit) {
    return refusal->what();
  }
  return "over quota";
}

TEST_P(Quota, IsExactWhenManyCallAtOnce) {
  const Limited& limited = GetParam();
  Api api;
  api.settings.pipeline.default_deadline = std::chrono::seconds(30);
  const std::string owner = limited.prepare(api);
  const std::int64_t limit = std::min<std::int64_t>(limited.by_default, 100);  // each call has a thread of its own
  api.settings.api.quotas.*limited.quota = limit;
  const std::int64_t room = limit - limited.at_first;
  const int calls = static_cast<int>(room) + 25;
  const auto refusals = InParallel(calls, [&](int i) { return limited.add(api, owner, i); });
  std::map<std::string, std::int64_t> outcomes;
  for (const Refusal& refusal : refusals) ++outcomes[Judged(refusal, limited.reason, limit)];
  EXPECT_THAT(outcomes,
              testing::UnorderedElementsAre(testing::Pair("went well", room), testing::Pair("over quota", 25)));
  EXPECT_EQ(limited.count(api, owner), limit);
}

TEST_P(Quota, IsTheDeploymentsUnlessTheAccountHasItsOwn) {
  const Limited& limited = GetParam();
  Settings settings;
  Api api(settings);
  const std::string owner = limited.prepare(api);
  api.settings.api.quotas.*limited.quota = limited.at_first + 1;
  int next = 0;
  const auto add = [&] { return limited.add(api, owner, next++); };
  const auto set = [&](std::optional<std::int64_t> amount) {
    api.Sql([&](storage::Transaction& tx) { storage::SetAccountQuota(tx, api.scope, limited.reason, amount); });
  };
  EXPECT_EQ(Judged(add(), limited.reason, 0), "went well");
  EXPECT_EQ(Judged(add(), limited.reason, limited.at_first + 1), "over quota");
  set(limited.at_first + 2);
  EXPECT_EQ(Judged(add(), limited.reason, 0), "went well");
  EXPECT_EQ(Judged(add(), limited.reason, limited.at_first + 2), "over quota");
  set(0);  // less than there is: nothing is taken away, nothing added
  EXPECT_EQ(Judged(add(), limited.reason, 0), "over quota");
  EXPECT_EQ(limited.count(api, owner), limited.at_first + 2);
  set(std::nullopt);
  EXPECT_EQ(Judged(add(), limited.reason, limited.at_first + 1), "over quota");
  EXPECT_EQ(limited.count(api, owner), limited.at_first + 2);
}

TEST(Quotas, OfOneAccountAreNotAnothers) {
  Api api;
  api.Sql([&](storage::Transaction& tx) { storage::SetAccountQuota(tx, api.scope, "SENDER_IDS_PER_ACCOUNT", 0); });
  const auto request = Api::Parse<RequestSenderIdRequest>("sender_id: 'EXAMPLE' iso_country_code: 'GB'");
  EXPECT_THAT(api.Call(request), IsOverQuota(reason::kSenderIdsPerAccount, 0));
  EXPECT_THAT(api.CallIn({api.account(), "eu-west-2"}, request), IsOk());
  EXPECT_THAT(api.CallAs(NewAccount(), request), IsOk());
}

// All regions share one inventory, and a caller chooses its region.
class NumbersInAllRegions : public testing::Test {
 protected:
  NumbersInAllRegions() {
    api.settings.pipeline.default_deadline = std::chrono::seconds(30);
    api.settings.api.quotas.phone_numbers = 3;
  }

  auto RequestIn(const std::string& region) {
    return api.CallIn(
        {api.account(), region},
        Api::Parse<RequestPhoneNumberRequest>(
            "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL"
            " number_capabilities: NUMBER_CAPABILITY_SMS number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE"));
  }

  std::int64_t Held() {
    std::int64_t held = 0;
    api.Sql([&](storage::Transaction& tx) {
      tx.Run({"test", "SELECT count(*) FROM phone_numbers WHERE account_id = $1"}, storage::Params(api.account()))[0]
          .Read(held);
    });
    return held;
  }

  const std::vector<std::string> kRegions = {"us-east-1", "us-west-2", "eu-west-1", "eu-west-2", "ap-south-1"};
  Api api;
};

TEST_F(NumbersInAllRegions, AreFourTimesAsManyAsInOne) {
  for (const std::string& region : kRegions) {
    for (int i = 0; i < 3 && Held() < 12; ++i) EXPECT_THAT(RequestIn(region), IsOk());
  }
  EXPECT_THAT(RequestIn(kRegions[0]), IsOverQuota(reason::kPhoneNumbersPerAccount, 3)) << "the quota of the region";
  EXPECT_THAT(RequestIn(kRegions[4]), IsOverQuota(reason::kPhoneNumbersPerAccount, 12)) << "that of all regions";
  EXPECT_EQ(Held(), 12);
}

TEST_F(NumbersInAllRegions, AreExactWhenManyCallAtOnceInRegionsThatNobodyHasSeen) {
  api.settings.api.quotas.phone_numbers_in_all_regions = 4;
  const auto refusals =
      InParallel(20, [&](int i) { return RequestIn(kRegions[static_cast<std::size_t>(i) % kRegions.size()]).error; });
  std::map<std::string, int> outcomes;
  for (const Refusal& refusal : refusals) ++outcomes[refusal ? std::string(refusal->reason()) : "went well"];
  EXPECT_EQ(Held(), 4);
  EXPECT_THAT(outcomes, testing::UnorderedElementsAre(testing::Pair("went well", 4),
                                                      testing::Pair("PHONE_NUMBERS_PER_ACCOUNT", 16)));
}

// What the operator has granted is to be had.
TEST_F(NumbersInAllRegions, DoNotCountWhereTheAccountHasAQuotaOfItsOwn) {
  api.settings.api.quotas.phone_numbers_in_all_regions = 1;
  api.Sql([&](storage::Transaction& tx) { storage::SetAccountQuota(tx, api.scope, "PHONE_NUMBERS_PER_ACCOUNT", 2); });
  EXPECT_THAT(RequestIn("us-east-1"), IsOk());
  EXPECT_THAT(RequestIn("us-east-1"), IsOk());
  EXPECT_THAT(RequestIn("us-east-1"), IsOverQuota(reason::kPhoneNumbersPerAccount, 2));
  EXPECT_THAT(RequestIn("eu-west-1"), IsOk());
  EXPECT_THAT(RequestIn("eu-west-1"), IsOverQuota(reason::kPhoneNumbersPerAccount, 1));
}

TEST_F(NumbersInAllRegions, AreGivenBackByRelease) {
  api.settings.api.quotas.phone_numbers_in_all_regions = 1;
  const auto first = RequestIn("us-east-1");
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(RequestIn("eu-west-1"), IsOverQuota(reason::kPhoneNumbersPerAccount, 1));
  ASSERT_THAT(api.Call<ReleasePhoneNumberRequest>("phone_number_id: '" + first.response.phone_number_id() + "'"),
              IsOk());
  EXPECT_THAT(RequestIn("eu-west-1"), IsOk());
}

TEST(Quotas, LeaveRoomForOverwritingWhenFull) {
  Api api;
  api.settings.api.quotas.keywords = 3;
  api.settings.api.quotas.tags_per_resource = 1;
  const std::string number = GivenNumber(api);
  const std::string arn = OwnArn(api, "phone-number", number);
  ASSERT_THAT(api.Call(Keyword(number, 1)), IsOk());
  ASSERT_THAT(api.Call(Keyword(number, 2)), IsOverQuota(reason::kKeywordsPerPhoneNumber, 3));
  EXPECT_THAT(api.Call(Keyword(number, 1)), IsOk());
  ASSERT_THAT(api.Call(TagOf(arn, 1)), IsOk());
  ASSERT_THAT(api.Call(TagOf(arn, 2)), IsOverQuota(reason::kTagsPerResource, 1));
  EXPECT_THAT(api.Call(TagOf(arn, 1)), IsOk());
  // Also when it is more than full.
  api.settings.api.quotas.keywords = 0;
  api.settings.api.quotas.tags_per_resource = 0;
  EXPECT_THAT(api.Call(Keyword(number, 1)), IsOk());
  EXPECT_THAT(api.Call(TagOf(arn, 1)), IsOk());
}

TEST(Quotas, AreGivenBackByWhatGoes) {
  Api api;
  api.settings.api.quotas.opt_out_lists = 2;
  api.settings.api.quotas.keywords = 3;
  const auto create = [&](const std::string& name) {
    return api.Call<CreateOptOutListRequest>("opt_out_list_name: '" + name + "'");
  };
  for (int round = 0; round < 3; ++round) {
    ASSERT_THAT(create("One"), IsOk());
    EXPECT_THAT(create("Two"), IsOverQuota(reason::kOptOutListsPerAccount, 2));
    ASSERT_THAT(api.Call<DeleteOptOutListRequest>("opt_out_list_name: 'One'"), IsOk());
  }
  const std::string number = GivenNumber(api);
  for (int round = 0; round < 3; ++round) {
    ASSERT_THAT(api.Call(Keyword(number, round)), IsOk());
    ASSERT_THAT(api.Call<DeleteKeywordRequest>("origination_identity: '" + number + "' keyword: 'WORD" +
                                               std::to_string(round) + "'"),
                IsOk());
  }
}

TEST(Quotas, OfTagsCountAtCreationToo) {
  Api api;
  std::string tags;
  for (int i = 0; i < 51; ++i) tags += " tags { key: '" + std::to_string(i) + "' value: '' }";
  EXPECT_THAT(api.Call<CreateOptOutListRequest>("opt_out_list_name: 'Offers'" + tags),
              IsOverQuota(reason::kTagsPerResource, 50));
  EXPECT_THAT(api.Call<RequestSenderIdRequest>("sender_id: 'EXAMPLE' iso_country_code: 'GB'" + tags),
              IsOverQuota(reason::kTagsPerResource, 50));
  EXPECT_THAT(api.Call<DescribeOptOutListsRequest>("opt_out_list_names: 'Offers'"), IsFault(Fault::kNotFound));
}

}  // namespace
}  // namespace poold
