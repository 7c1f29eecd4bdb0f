// Look-ups that wait at the same time are answered by one statement, listings in one round trip, and nobody can tell.

#include "tests/support/together.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

std::string Naming(const std::string& pool_id) { return "pool_ids: '" + pool_id + "'"; }

class LookUpsTogether : public TogetherTest {
 protected:
  LookUpsTogether() : TogetherTest(1) {}

  WaitingCall& Add(const Api& api, const std::string& text) {
    return TogetherTest::Add<DescribePoolsRequest>(api, text);
  }
  void Go() { TogetherTest::Go(ahead); }
  const DescribePoolsResponse& Pools(std::size_t i) const { return waiting[i]->As<DescribePoolsResponse>(); }

  const std::string any_pool = GivenSenderIdPool(ours, "ANY");
  WaitingCall ahead{service, ours.account(), Api::Parse<DescribePoolsRequest>(Naming(any_pool)),
                    MethodOf<DescribePoolsRequest>()};
};

TEST_F(LookUpsTogether, ManyLookUpsAreOneStatementAndEachGetsItsOwn) {
  std::vector<std::string> pools;
  for (int i = 0; i < 5; ++i) pools.push_back(GivenSenderIdPool(i % 2 == 0 ? ours : theirs, "S" + std::to_string(i)));
  for (int i = 0; i < 5; ++i) Add(i % 2 == 0 ? ours : theirs, Naming(pools[static_cast<std::size_t>(i)]));
  Go();
  EXPECT_EQ(Count("pools.find_together"), 1);
  EXPECT_EQ(Count("pools.find_named"), 1) << "of the one ahead of them";
  for (std::size_t i = 0; i < 5; ++i) {
    ASSERT_FALSE(outcomes[i]) << outcomes[i]->what();
    Api& owner = i % 2 == 0 ? ours : theirs;
    EXPECT_EQ(Pools(i).pools_size(), 1);
    EXPECT_EQ(Pools(i).pools(0).DebugString(), ThePool(owner, pools[i]).DebugString());
    EXPECT_FALSE(std::as_const(waiting[i]->call).work_log().statements.empty())
        << "its trace and its slow-call line need it";
  }
}

TEST_F(LookUpsTogether, SeveralPoolsOfACallComeInTheirOrderAndPages) {
  const std::string first = GivenSenderIdPool(ours, "FIRST");
  ours.world.Advance(std::chrono::seconds(1));
  const std::string second = GivenSenderIdPool(ours, "SECOND");
  Add(ours, "pool_ids: ['" + second + "', '" + first + "', '" + second + "']");
  Add(ours, "pool_ids: ['" + second + "', '" + first + "'] max_results: 1");
  Go();
  EXPECT_EQ(Count("pools.find_together"), 1);
  ASSERT_EQ(Pools(0).pools_size(), 2);
  EXPECT_EQ(Pools(0).pools(0).pool_id(), first);
  EXPECT_EQ(Pools(0).pools(1).pool_id(), second);
  ASSERT_EQ(Pools(1).pools_size(), 1);
  EXPECT_EQ(Pools(1).pools(0).pool_id(), first);
  EXPECT_NE(Pools(1).next_token(), "");
}

TEST_F(LookUpsTogether, ABadCallDoesNotTouchItsNeighbours) {
  const std::string pool = GivenSenderIdPool(ours, "GOOD");
  const std::string other = GivenSenderIdPool(theirs, "THEIRS");
  Add(ours, Naming(pool));
  Add(ours, Naming("pool-00000000000000000000000000000000"));  // is not there
  Add(ours, Naming(other));                                    // is not theirs
  Add(ours, Naming(pool) + " next_token: 'forged'");
  WaitingCall& late = Add(ours, Naming(pool));
  late.call.set_deadline(late.call.received() + std::chrono::nanoseconds(1));
  WaitingCall& gone = Add(ours, Naming(pool));
  gone.call.Cancel();
  Add(theirs, Naming(other));
  Go();
  EXPECT_EQ(Count("pools.find_together"), 1);
  EXPECT_FALSE(outcomes[0]);
  EXPECT_EQ(outcomes[1]->fault(), Fault::kNotFound);
  EXPECT_EQ(outcomes[2]->fault(), Fault::kNotFound);
  EXPECT_EQ(outcomes[2]->resource_id(), other);
  EXPECT_EQ(outcomes[3]->fault(), Fault::kInvalid);
  EXPECT_EQ(outcomes[3]->reason(), reason::kInvalidNextToken);
  EXPECT_EQ(outcomes[4]->fault(), Fault::kDeadline);
  EXPECT_EQ(outcomes[5]->fault(), Fault::kCancelled);
  EXPECT_FALSE(outcomes[6]);
  EXPECT_EQ(Pools(0).pools(0).pool_id(), pool);
  EXPECT_EQ(Pools(6).pools(0).pool_id(), other);
}

// What needs a policy, a filter or all pools is asked for by itself, and so is what is not a look-up at all.
TEST_F(LookUpsTogether, OtherListingsGoTheirOwnWay) {
  const std::string pool = GivenSenderIdPool(ours, "GOOD");
  Add(ours, Naming(pool));
  Add(ours, "");
  Add(ours, Naming(OwnArn(ours, "pool", pool)));
  Add(ours, Naming(pool) + " filters { name: POOL_FILTER_NAME_STATUS values: 'ACTIVE' }");
  Add(ours, Naming(pool));
  Go();
  EXPECT_EQ(Count("pools.find_together"), 1);
  EXPECT_EQ(Count("pools.find_named"), 3) << "with the one ahead of them";
  EXPECT_EQ(Count("pools.list"), 1);
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    EXPECT_FALSE(outcomes[i]) << outcomes[i]->what();
    EXPECT_EQ(Pools(i).pools_size(), i == 1 ? 2 : 1) << i;
  }
}

TEST_F(LookUpsTogether, OneThatWaitsAloneGoesAlone) {
  Add(ours, Naming(GivenSenderIdPool(ours, "GOOD")));
  Go();
  EXPECT_EQ(Count("pools.find_together"), 0);
  EXPECT_FALSE(outcomes[0]);
}

// Each by itself, within its own deadline.
TEST_F(LookUpsTogether, WhatTheDatabaseFailsToDoTogetherIsTriedForEach) {
  const std::string pool = GivenSenderIdPool(ours, "GOOD");
  WaitingCall& hasty = Add(ours, Naming(pool));
  hasty.call.set_deadline(hasty.call.received() + std::chrono::seconds(1));
  WaitingCall& patient = Add(ours, Naming(pool));
  patient.call.set_deadline(patient.call.received() + std::chrono::seconds(20));

  const auto after = GoUntilHeld(ahead);

  EXPECT_EQ(hasty.call.Wait()->fault(), Fault::kDeadline);
  after->Release();
  EXPECT_FALSE(patient.call.Wait());
  EXPECT_EQ(patient.As<DescribePoolsResponse>().pools_size(), 1);
  EXPECT_EQ(Count("pools.find_together"), 1);
}

// Listings: a worker is held up by one of them while the others gather.
class ListingsTogether : public TogetherTest {
 protected:
  ListingsTogether() : TogetherTest(1) {}

  template <class Request = DescribePoolsRequest>
  WaitingCall& Add(const Api& api, const std::string& text) {
    return TogetherTest::Add<Request>(api, text);
  }
  WaitingCall& AddMembersOf(const Api& api, const std::string& pool, const std::string& more = {}) {
    return Add<ListPoolOriginationIdentitiesRequest>(api, "pool_id: '" + pool + "' " + more);
  }
  void Go() { TogetherTest::Go(ahead); }

  std::vector<std::string> PoolsOf(std::size_t i) const {
    std::vector<std::string> ids;
    for (const auto& pool : waiting[i]->As<DescribePoolsResponse>().pools()) ids.push_back(pool.pool_id());
    return ids;
  }
  std::vector<std::string> MembersOf(std::size_t i) const {
    std::vector<std::string> ids;
    const auto& response = waiting[i]->As<ListPoolOriginationIdentitiesResponse>();
    for (const auto& member : response.origination_identities()) ids.push_back(member.origination_identity());
    return ids;
  }
  // How many statements went in the round trip in which that of a call did.
  std::size_t WentWith(std::size_t i) const { return std::as_const(waiting[i]->call).work_log().statements.size(); }

  const std::string our_pool = GivenSenderIdPool(ours, "OURS");
  const std::string their_pool = GivenSenderIdPool(theirs, "THEIRS");
  WaitingCall ahead{service, ours.account(), DescribePoolsRequest(), MethodOf<DescribePoolsRequest>()};
};

TEST_F(ListingsTogether, AreOneRoundTripAndEachGetsItsOwn) {
  Add(ours, "");
  Add(theirs, "");
  Add(ours, "filters { name: POOL_FILTER_NAME_STATUS values: 'DELETING' }");
  AddMembersOf(ours, our_pool);
  AddMembersOf(theirs, their_pool);
  Go();
  for (const auto& outcome : outcomes) EXPECT_FALSE(outcome) << outcome->what();
  EXPECT_THAT(PoolsOf(0), ElementsAre(our_pool));
  EXPECT_THAT(PoolsOf(1), ElementsAre(their_pool));
  EXPECT_THAT(PoolsOf(2), ElementsAre());
  EXPECT_THAT(MembersOf(3), ElementsAre("OURS"));
  EXPECT_THAT(MembersOf(4), ElementsAre("THEIRS"));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(WentWith(i), 4U) << "with the limit of their time";
  for (std::size_t i = 3; i < 5; ++i) EXPECT_EQ(WentWith(i), 3U) << "each method by itself";
}

TEST_F(ListingsTogether, ABadCallDoesNotTouchItsNeighbours) {
  const std::string nowhere = "pool-00000000000000000000000000000000";
  Add(ours, "next_token: 'forged'");
  Add(ours, "");
  AddMembersOf(ours, nowhere);
  AddMembersOf(ours, their_pool);
  AddMembersOf(ours, our_pool, "next_token: 'forged'");
  WaitingCall& late = AddMembersOf(ours, our_pool);
  late.call.set_deadline(late.call.received() + std::chrono::nanoseconds(1));
  AddMembersOf(ours, our_pool);
  Go();
  EXPECT_EQ(outcomes[0]->reason(), reason::kInvalidNextToken);
  EXPECT_FALSE(outcomes[1]);
  EXPECT_THAT(PoolsOf(1), ElementsAre(our_pool));
  EXPECT_EQ(outcomes[2]->fault(), Fault::kNotFound);
  EXPECT_EQ(outcomes[2]->resource_id(), nowhere);
  EXPECT_EQ(outcomes[3]->fault(), Fault::kNotFound) << "what is another's is not there";
  EXPECT_EQ(outcomes[3]->resource_id(), their_pool);
  EXPECT_EQ(outcomes[4]->reason(), reason::kInvalidNextToken);
  EXPECT_EQ(outcomes[5]->fault(), Fault::kDeadline);
  EXPECT_FALSE(outcomes[6]);
  EXPECT_THAT(MembersOf(6), ElementsAre("OURS"));
  EXPECT_EQ(WentWith(6), 4U)
      << "one for each that asks, with the limit of their time: what isn't there needs no second";
}

TEST_F(ListingsTogether, PagesGoOnWhereTheyEnded) {
  ours.world.Advance(std::chrono::seconds(1));
  const std::string second = GivenSenderIdPool(ours, "SECOND");
  const auto first_page = ours.Call<DescribePoolsRequest>("max_results: 1");
  Add(ours, "max_results: 1 next_token: '" + first_page.response.next_token() + "'");
  Add(ours, "max_results: 1");
  Go();
  EXPECT_THAT(PoolsOf(0), ElementsAre(second));
  EXPECT_EQ(waiting[0]->As<DescribePoolsResponse>().next_token(), "");
  EXPECT_THAT(PoolsOf(1), ElementsAre(our_pool));
  EXPECT_NE(waiting[1]->As<DescribePoolsResponse>().next_token(), "");
}

// Each by itself, with the time that it has left; and no connection is spent on it.
TEST_F(ListingsTogether, OneThatTakesLongDelaysTheOthersByLittle) {
  Add(ours, "");
  Add(theirs, "");
  const auto after = GoUntilHeld(ahead);
  while (Count("pools.list") < 2) std::this_thread::yield();  // that of the one ahead, and the one that was stopped
  after->Release();
  for (const auto& each : waiting) EXPECT_FALSE(each->call.Wait());
  EXPECT_THAT(PoolsOf(0), ElementsAre(our_pool));
  EXPECT_THAT(PoolsOf(1), ElementsAre(their_pool));
  EXPECT_EQ(database.stats().cuts, 0U);
}

}  // namespace
}  // namespace poold
