#include "server/middleware/rate_limiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/fake_world.h"
#include "tests/support/parallel.h"

namespace poold {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// One account's calls of one operation.
class Caller {
 public:
  explicit Caller(double calls_per_second) : rate_(calls_per_second) {}

  std::optional<milliseconds> Take() { return limiter_.Take("111122223333", "CreatePool", rate_, now_); }

  // How many calls pass at this moment.
  int PassNow() {
    int passed = 0;
    while (passed < 10'000 && !Take()) ++passed;
    return passed;
  }

  void Advance(milliseconds by) { now_ += by; }

 private:
  RateLimiter limiter_;
  double rate_;
  storage::Time now_ = FakeWorld::kStart;
};

TEST(RateLimiter, LetsABucketfulPassAtOnce) {
  EXPECT_EQ(Caller(1).PassNow(), 1);
  EXPECT_EQ(Caller(3).PassNow(), 3);
  EXPECT_EQ(Caller(7).PassNow(), 7);
  EXPECT_EQ(Caller(10).PassNow(), 10);
  EXPECT_EQ(Caller(1000).PassNow(), 1000);
  EXPECT_EQ(Caller(0.5).PassNow(), 1);  // at least one
}

TEST(RateLimiter, SaysWhenTheNextCallPassesAndThenExactlyOneDoes) {
  for (const double rate : {0.1, 0.5, 1.0, 2.5, 3.0, 7.0, 10.0, 60.0, 333.0}) {
    Caller caller(rate);
    caller.PassNow();
    for (int round = 0; round < 50; ++round) {
      const auto wait = caller.Take();
      ASSERT_TRUE(wait) << rate;
      EXPECT_GT(*wait, milliseconds(0)) << rate;
      EXPECT_LE(*wait, milliseconds(static_cast<int>(1000 / rate) + 1)) << rate;
      if (*wait > milliseconds(1)) {
        caller.Advance(*wait - milliseconds(1));
        EXPECT_TRUE(caller.Take()) << rate << ": earlier than told";
        caller.Advance(milliseconds(1));
      } else {
        caller.Advance(*wait);
      }
      EXPECT_EQ(caller.PassNow(), 1) << rate;
    }
  }
}

TEST(RateLimiter, RefusedCallsCostNothing) {
  Caller caller(1);
  ASSERT_FALSE(caller.Take());
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(caller.Take(), milliseconds(1000));
  caller.Advance(seconds(1));
  EXPECT_FALSE(caller.Take());
}

TEST(RateLimiter, AllowsNoMoreThanTheRateInTheLongRun) {
  for (const double rate : {1.0, 3.0, 10.0}) {
    Caller caller(rate);
    int passed = 0;
    for (int i = 0; i < 60'000; i += 10) {  // a minute, ten milliseconds at a time
      passed += caller.PassNow();
      caller.Advance(milliseconds(10));
    }
    EXPECT_GE(passed, static_cast<int>(rate) * 60) << rate;
    EXPECT_LE(passed, static_cast<int>(rate) * 61) << rate;
  }
}

TEST(RateLimiter, NeverRefusesACallerThatKeepsToTheRate) {
  for (const int rate : {1, 2, 4, 5, 10, 20}) {
    Caller caller(rate);
    for (int i = 0; i < 1000; ++i) {
      EXPECT_FALSE(caller.Take()) << rate;
      caller.Advance(milliseconds(1000 / rate));
    }
  }
}

TEST(RateLimiter, SavesNoMoreThanABucketful) {
  Caller caller(10);
  caller.PassNow();
  caller.Advance(hours(1));
  EXPECT_EQ(caller.PassNow(), 10);
}

TEST(RateLimiter, KeepsAccountsAndOperationsApart) {
  RateLimiter limiter;
  const storage::Time now = FakeWorld::kStart;
  EXPECT_FALSE(limiter.Take("111122223333", "CreatePool", 1, now));
  EXPECT_FALSE(limiter.Take("111122223333", "DeletePool", 1, now));
  EXPECT_FALSE(limiter.Take("444455556666", "CreatePool", 1, now));
  EXPECT_TRUE(limiter.Take("111122223333", "CreatePool", 1, now));
}

TEST(RateLimiter, IsExactWhenManyThreadsTakeAtOnce) {
  RateLimiter limiter;
  const auto passed = InParallel(16, [&](int) {
    int count = 0;
    for (int i = 0; i < 1000; ++i) {
      count += !limiter.Take("111122223333", "CreatePool", 100, FakeWorld::kStart);
    }
    return count;
  });
  int sum = 0;
  for (const int count : passed) sum += count;
  EXPECT_EQ(sum, 100);
}

// A clock that is set back makes nobody wait until it has caught up.
TEST(RateLimiter, SurvivesAClockThatIsSetBack) {
  Caller caller(10);
  caller.PassNow();
  caller.Advance(-hours(1));
  const auto wait = caller.Take();
  ASSERT_TRUE(wait);
  EXPECT_LE(*wait, seconds(1));
  caller.Advance(*wait);
  EXPECT_EQ(caller.PassNow(), 1);
}

TEST(RateLimiter, RemembersABoundedNumberOfAMillionAccounts) {
  RateLimiter limiter;
  std::size_t greatest = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    // They all have something to remember: no bucket gets full again while time stands still.
    EXPECT_FALSE(limiter.Take(std::to_string(i), "CreatePool", 1, FakeWorld::kStart));
    if (i % 10'000 == 0) greatest = std::max(greatest, limiter.size());
  }
  EXPECT_LE(std::max(greatest, limiter.size()), RateLimiter::kCapacity);
  EXPECT_GT(greatest, RateLimiter::kCapacity / 4);
}

TEST(RateLimiter, ForgetsFullBucketsBeforeEmptyOnes) {
  RateLimiter limiter;
  storage::Time now = FakeWorld::kStart;
  for (std::size_t i = 0; i < RateLimiter::kCapacity / 2; ++i) {
    limiter.Take(std::to_string(i), "CreatePool", 1, now);
  }
  now += seconds(1);  // they are full again
  ASSERT_FALSE(limiter.Take("111122223333", "CreatePool", 1, now));
  for (std::size_t i = 0; i < RateLimiter::kCapacity / 2; ++i) {
    limiter.Take("again" + std::to_string(i), "CreatePool", 1, now);
  }
  EXPECT_TRUE(limiter.Take("111122223333", "CreatePool", 1, now));
}

TEST(RateLimiter, KeepsTheEmptiestBucketsInAFlood) {
  RateLimiter limiter;
  storage::Time now = FakeWorld::kStart;
  // This one has nothing for ten seconds; the flood's have nothing for one.
  ASSERT_FALSE(limiter.Take("111122223333", "CreatePool", 0.1, now));
  for (std::size_t i = 0; i < 4 * RateLimiter::kCapacity; ++i) {
    if (i % 1000 == 0) now += milliseconds(1);  // a flood arrives in the course of time
    limiter.Take(std::to_string(i), "CreatePool", 1, now);
  }
  EXPECT_TRUE(limiter.Take("111122223333", "CreatePool", 0.1, now));
}

}  // namespace
}  // namespace poold
