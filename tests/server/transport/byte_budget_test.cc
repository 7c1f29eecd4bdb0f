#include "server/transport/byte_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "tests/support/parallel.h"

namespace poold {
namespace {

TEST(ByteBudget, GivesWhatItHasAndNoByteMore) {
  ByteBudget budget(100);
  EXPECT_TRUE(budget.TryTake(60));
  EXPECT_FALSE(budget.TryTake(41));
  EXPECT_TRUE(budget.TryTake(40));
  EXPECT_FALSE(budget.TryTake(1));
  EXPECT_TRUE(budget.TryTake(0));
  budget.Return(30);
  EXPECT_EQ(budget.taken(), 70);
  EXPECT_TRUE(budget.TryTake(30));
  budget.Return(100);
}

TEST(ByteBudget, AnAmountBeyondAnyCapacityIsRefused) {
  ByteBudget budget(100);
  EXPECT_TRUE(budget.TryTake(1));
  EXPECT_FALSE(budget.TryTake(INT64_MAX));
  budget.Return(1);
}

TEST(ByteBudget, AShareGivesBackWhatItTookWhenItEnds) {
  ByteBudget budget(100);
  {
    ByteShare one(budget);
    ByteShare two(budget);
    EXPECT_TRUE(one.TryTake(50));
    EXPECT_TRUE(two.TryTake(50));
    EXPECT_FALSE(two.TryTake(1));
    one.Return(80);  // no more than it has
    EXPECT_EQ(one.taken(), 0);
    EXPECT_EQ(budget.taken(), 50);
    EXPECT_TRUE(two.TryTake(50));
  }
  EXPECT_EQ(budget.taken(), 0);
}

TEST(ByteBudget, SharesThatTakeFairlyLeaveSomeForTheNextOne) {
  ByteBudget budget(9'000);
  const auto take_all = [](ByteShare& share) {
    while (share.TryTakeFairly(1)) {
    }
    return share.taken();
  };
  ByteShare first(budget);
  EXPECT_EQ(take_all(first), 1'000);
  ByteShare second(budget);
  EXPECT_EQ(take_all(second), 888);  // of 8,000
  EXPECT_FALSE(first.TryTakeFairly(1));
  EXPECT_EQ(budget.taken(), 1'888);
  first.ReturnAll();
  EXPECT_EQ(take_all(second), 1'000);
  ByteShare third(budget);
  EXPECT_FALSE(third.TryTakeFairly(INT64_MAX));
  EXPECT_FALSE(third.TryTakeFairly(1'000));
  EXPECT_EQ(budget.taken(), 1'000);
}

TEST(ByteBudget, ThreadsThatTakeAtOnceNeverTakeMoreThanThereIs) {
  ByteBudget budget(1'000);
  std::atomic<std::int64_t> held{0};
  const std::vector<int> exceeded = InParallel(4, [&](int) {
    bool too_much = false;
    for (int turn = 0; turn < 5'000; ++turn) {
      ByteShare share(budget);
      if (!share.TryTake(300)) continue;
      too_much |= held.fetch_add(300) + 300 > 1'000;
      held.fetch_sub(300);
    }
    return too_much ? 1 : 0;
  });
  EXPECT_EQ(std::count(exceeded.begin(), exceeded.end(), 1), 0);
  EXPECT_EQ(budget.taken(), 0);
}

}  // namespace
}  // namespace poold
