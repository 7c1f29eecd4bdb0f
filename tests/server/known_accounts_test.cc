#include "server/known_accounts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>
#include <vector>

namespace poold {
namespace {

const Scope kScope{"111122223333", "us-east-1"};

TEST(KnownAccounts, AsksForAnAccountOnce) {
  KnownAccounts known;
  int asked = 0;
  for (int i = 0; i < 3; ++i) known.Ensure(kScope, [&] { ++asked; });
  EXPECT_EQ(asked, 1);
}

TEST(KnownAccounts, KeepsAccountsAndRegionsApart) {
  KnownAccounts known;
  int asked = 0;
  for (const Scope& scope : {kScope, Scope{"111122223333", "eu-west-2"}, Scope{"444455556666", "us-east-1"}}) {
    known.Ensure(scope, [&] { ++asked; });
  }
  EXPECT_EQ(asked, 3);
}

TEST(KnownAccounts, DoesNotRememberAnAccountThatCouldNotBeMade) {
  KnownAccounts known;
  EXPECT_THROW(known.Ensure(kScope, [] { throw std::runtime_error("no database"); }), std::runtime_error);
  int asked = 0;
  known.Ensure(kScope, [&] { ++asked; });
  EXPECT_EQ(asked, 1);
}

TEST(KnownAccounts, ForgetsAllWhenItIsFullAndLearnsAgain) {
  KnownAccounts known;
  constexpr int kMany = 100'001;  // one more than it keeps
  for (int i = 0; i < kMany; ++i) known.Ensure({std::to_string(i), "us-east-1"}, [] {});
  int asked = 0;
  known.Ensure({"0", "us-east-1"}, [&] { ++asked; });
  EXPECT_EQ(asked, 1) << "it was forgotten";
  known.Ensure({"0", "us-east-1"}, [&] { ++asked; });
  EXPECT_EQ(asked, 1) << "and is known again";
}

TEST(KnownAccounts, TellsTheFirstTimeOfEachRegionUpToABound) {
  KnownAccounts known;
  EXPECT_TRUE(known.IsFirstOfRegion("us-esat-1"));
  EXPECT_FALSE(known.IsFirstOfRegion("us-esat-1"));
  int first = 0;
  for (int i = 0; i < 2000; ++i) first += known.IsFirstOfRegion("region-" + std::to_string(i)) ? 1 : 0;
  EXPECT_EQ(first, 999);
  EXPECT_FALSE(known.IsFirstOfRegion("us-esat-1")) << "also when it remembers no more";
}

TEST(KnownAccounts, LetsNobodyWaitWhileAnotherAsks) {
  KnownAccounts known;
  std::latch asking(1);
  std::latch go_on(1);
  std::jthread slow([&] {
    known.Ensure(kScope, [&] {
      asking.count_down();
      go_on.wait();
    });
  });
  asking.wait();
  known.Ensure({"444455556666", "us-east-1"}, [] {});
  go_on.count_down();
}

TEST(KnownAccounts, IsSafeInManyThreads) {
  KnownAccounts known;
  std::atomic<int> asked{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) known.Ensure({std::to_string(i), "us-east-1"}, [&] { ++asked; });
      });
    }
  }
  EXPECT_GE(asked, 1000);
  asked = 0;
  for (int i = 0; i < 1000; ++i) known.Ensure({std::to_string(i), "us-east-1"}, [&] { ++asked; });
  EXPECT_EQ(asked, 0);
}

}  // namespace
}  // namespace poold
