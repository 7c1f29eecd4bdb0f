#include "server/pipeline/fair_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/api.h"

namespace poold {
namespace {

using testing::ElementsAre;

// Calls by the names that the test gives them; the queue only hands them on.
class FairQueueTest : public testing::Test {
 protected:
  // Accounts of which no two share a lane.
  std::vector<std::string> Accounts(std::size_t count) const {
    std::vector<std::string> accounts;
    std::set<std::size_t> taken;
    for (int i = 0; accounts.size() < count; ++i) {
      const std::string account = std::to_string(100'000'000'000 + i);
      if (taken.insert(lanes.Of(account)).second) accounts.push_back(account);
    }
    return accounts;
  }

  bool Push(FairQueue& queue, const std::string& account, const std::string& name = "") {
    auto call = std::make_unique<TestCall>(api.service(), *FindMethod("DescribePools"), request, response);
    if (!queue.Push(account, *call)) return false;
    names[call.get()] = name;
    calls.push_back(std::move(call));
    return true;
  }

  std::vector<std::string> TakeAll(FairQueue& queue) {
    std::vector<std::string> taken;
    while (!queue.empty()) taken.push_back(names.at(&queue.Take()));
    return taken;
  }

  Api api;
  const smsvoice::v2::DescribePoolsRequest request;
  smsvoice::v2::DescribePoolsResponse response;
  const Lanes lanes;
  std::vector<std::unique_ptr<TestCall>> calls;
  std::map<const Call*, std::string> names;
};

TEST_F(FairQueueTest, KeepsTheOrderOfOneAccount) {
  FairQueue queue(10, lanes);
  for (const char* name : {"1", "2", "3"}) EXPECT_TRUE(Push(queue, "111122223333", name));
  EXPECT_EQ(queue.size(), 3U);
  EXPECT_THAT(TakeAll(queue), ElementsAre("1", "2", "3"));
  EXPECT_EQ(queue.size(), 0U);
}

TEST_F(FairQueueTest, ServesAccountsInTurn) {
  FairQueue queue(100, lanes);
  const auto accounts = Accounts(3);
  for (const char* name : {"a1", "a2", "a3", "a4"}) Push(queue, accounts[0], name);
  for (const char* name : {"b1", "b2"}) Push(queue, accounts[1], name);
  Push(queue, accounts[2], "c1");
  EXPECT_THAT(TakeAll(queue), ElementsAre("a1", "b1", "c1", "a2", "b2", "a3", "a4"));
}

TEST_F(FairQueueTest, LetsWhoComesLaterWaitForOneOfEachOther) {
  FairQueue queue(1000, lanes);
  const auto accounts = Accounts(4);
  for (int i = 0; i < 200; ++i) {
    for (int flood = 0; flood < 3; ++flood) Push(queue, accounts[static_cast<std::size_t>(flood)], "flood");
  }
  for (int i = 0; i < 10; ++i) queue.Take();
  Push(queue, accounts[3], "quiet");
  const auto taken = TakeAll(queue);
  EXPECT_LE(std::ranges::find(taken, "quiet") - taken.begin(), 3);
}

TEST_F(FairQueueTest, LeavesANinthToOthersWhateverOneSends) {
  FairQueue queue(900, lanes);
  const auto accounts = Accounts(3);
  int flood = 0;
  while (Push(queue, accounts[0])) ++flood;
  EXPECT_EQ(flood, 800);
  EXPECT_TRUE(Push(queue, accounts[1]));
  while (Push(queue, accounts[1])) {
  }
  EXPECT_LT(queue.size(), 900U);
  EXPECT_TRUE(Push(queue, accounts[2]));
  EXPECT_FALSE(Push(queue, accounts[0])) << "it has far more than what is left";
}

TEST_F(FairQueueTest, IsFilledByOneIfItIsSmall) {
  for (std::size_t capacity = 1; capacity < 9; ++capacity) {
    FairQueue queue(capacity, lanes);
    for (std::size_t i = 0; i < capacity; ++i) EXPECT_TRUE(Push(queue, "111122223333")) << capacity;
    EXPECT_FALSE(Push(queue, "111122223333")) << capacity;
    EXPECT_FALSE(Push(queue, "444455556666")) << capacity;
    queue.Take();
    EXPECT_TRUE(Push(queue, "444455556666")) << capacity;
  }
}

// Against a plain model, with a fixed seed.
TEST_F(FairQueueTest, GivesEachCallOnceInTheOrderOfItsAccount) {
  FairQueue queue(50, lanes);
  const auto accounts = Accounts(7);
  std::map<std::string, std::deque<std::string>> waiting;
  std::size_t size = 0;
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 2 == 0) {
      const std::string& account = accounts[random() % accounts.size()];
      const std::string name = account + "/" + std::to_string(i);
      const bool pushed = Push(queue, account, name);
      EXPECT_EQ(pushed, size < 50 && waiting[account].size() < 8 * (50 - size));
      if (!pushed) continue;
      waiting[account].push_back(name);
      ++size;
    } else if (!queue.empty()) {
      const std::string name = names.at(&queue.Take());
      auto& of_account = waiting[name.substr(0, 12)];
      ASSERT_FALSE(of_account.empty());
      EXPECT_EQ(of_account.front(), name);
      of_account.pop_front();
      --size;
    }
    ASSERT_EQ(queue.size(), size);
  }
}

TEST(Lanes, SpreadAccountsWithAKeyOfTheirOwn) {
  const Lanes one;
  const Lanes other;
  std::map<std::size_t, int> in_lane;
  int same = 0;
  for (int i = 0; i < 25'600; ++i) {
    const std::string account = std::to_string(100'000'000'000 + i);
    ASSERT_LT(one.Of(account), Lanes::kCount);
    ++in_lane[one.Of(account)];
    same += one.Of(account) == other.Of(account) ? 1 : 0;
  }
  EXPECT_EQ(in_lane.size(), Lanes::kCount);
  for (const auto& [lane, accounts] : in_lane) EXPECT_LT(accounts, 200) << lane;
  EXPECT_LT(same, 1000);
}

}  // namespace
}  // namespace poold
