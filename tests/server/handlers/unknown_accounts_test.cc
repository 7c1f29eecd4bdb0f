// Accounts that never called: a read answers as if they were there, and makes no row of them. Otherwise whoever may
// only look could fill the database.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/api.h"
#include "tests/support/given.h"
#include "tests/support/parallel.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses

class UnknownAccount : public testing::Test {
 protected:
  std::int64_t Rows(const std::string& table) {
    std::int64_t rows = 0;
    api.Sql([&](storage::Transaction& tx) {
      tx.Run({"test", "SELECT count(*) FROM " + table + " WHERE account_id = $1"}, storage::Params(api.account()))[0]
          .Read(rows);
    });
    return rows;
  }

  void ExpectNoTrace() {
    EXPECT_EQ(Rows("accounts"), 0);
    EXPECT_EQ(Rows("opt_out_lists"), 0);
  }

  Api api;
};

TEST_F(UnknownAccount, HasAllThatAnAccountHasFromTheStart) {
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(api.Call(DescribePoolsRequest()).response.pools_size(), 0);
    const auto lists = api.Call(DescribeOptOutListsRequest());
    ASSERT_EQ(lists.response.opt_out_lists_size(), 1);
    EXPECT_EQ(lists.response.opt_out_lists(0).opt_out_list_name(), "Default");
    EXPECT_THAT(api.Call<DescribeOptedOutNumbersRequest>("opt_out_list_name: 'Default'"), IsOk());
    EXPECT_THAT(api.Call<ListTagsForResourceRequest>("resource_arn: '" + OwnArn(api, "opt-out-list", "Default") + "'"),
                IsOk());
    const auto limits = api.Call(DescribeAccountLimitsRequest());
    for (const auto& limit : limits.response.account_limits()) {
      EXPECT_EQ(limit.used(), limit.name() == ACCOUNT_LIMIT_NAME_OPT_OUT_LISTS ? 1 : 0);
    }
    ExpectNoTrace();
  }
}

TEST_F(UnknownAccount, IsNotMadeByReadsThatAreRefused) {
  EXPECT_THAT(api.Call<DescribePoolsRequest>("pool_ids: 'pool-0123456789abcdef0123456789abcdef'"),
              IsFault(Fault::kNotFound));
  ExpectNoTrace();
}

TEST_F(UnknownAccount, IsNotMadeByManyReadsAtOnceInManyRegions) {
  api.settings.pipeline.default_deadline = std::chrono::seconds(30);
  const std::string regions[] = {"us-east-1", "us-west-2", "eu-west-1"};
  const auto refusals = InParallel(30, [&](int i) {
    return api.CallIn({api.account(), regions[i % 3]}, DescribeOptOutListsRequest()).error;
  });
  for (const auto& refusal : refusals) EXPECT_FALSE(refusal) << refusal->what();
  ExpectNoTrace();
}

TEST_F(UnknownAccount, IsMadeByItsFirstWriteInThatRegionAlone) {
  ASSERT_THAT(api.Call(DescribePoolsRequest()), IsOk());
  GivenSenderId(api, "EXAMPLE");
  ASSERT_THAT(api.CallIn({api.account(), "eu-west-1"}, DescribePoolsRequest()), IsOk());
  EXPECT_EQ(Rows("accounts"), 1);
  EXPECT_EQ(api.Call(DescribeSenderIdsRequest()).response.sender_ids_size(), 1);
}

// Another server has made it meanwhile.
TEST_F(UnknownAccount, IsReadAsItIsIfAnotherServerKnowsIt) {
  Api other;
  other.scope = api.scope;
  GivenSenderId(other, "EXAMPLE");
  EXPECT_EQ(api.Call(DescribeSenderIdsRequest()).response.sender_ids_size(), 1);
  EXPECT_EQ(Rows("accounts"), 1);
}

}  // namespace
}  // namespace poold
