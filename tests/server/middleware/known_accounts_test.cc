#include "server/middleware/known_accounts.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace poold {
namespace {

const storage::Scope kScope{"111122223333", "us-east-1"};

TEST(KnownAccounts, KnowsWhatItWasTold) {
  KnownAccounts known;
  EXPECT_FALSE(known.Knows(kScope));
  known.Remember(kScope);
  known.Remember(kScope);
  EXPECT_TRUE(known.Knows(kScope));
}

TEST(KnownAccounts, KeepsAccountsAndRegionsApart) {
  KnownAccounts known;
  known.Remember(kScope);
  EXPECT_FALSE(known.Knows({"111122223333", "eu-west-2"}));
  EXPECT_FALSE(known.Knows({"444455556666", "us-east-1"}));
}

TEST(KnownAccounts, ForgetsAllWhenItIsFullAndLearnsAgain) {
  KnownAccounts known;
  constexpr int kMany = 100'001;  // one more than it keeps
  for (int i = 0; i < kMany; ++i) known.Remember({std::to_string(i), "us-east-1"});
  EXPECT_FALSE(known.Knows({"0", "us-east-1"})) << "it was forgotten";
  known.Remember({"0", "us-east-1"});
  EXPECT_TRUE(known.Knows({"0", "us-east-1"})) << "and is known again";
}

TEST(KnownAccounts, IsSafeInManyThreads) {
  KnownAccounts known;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) {
          const storage::Scope scope{std::to_string(i), "us-east-1"};
          if (!known.Knows(scope)) known.Remember(scope);
        }
      });
    }
  }
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(known.Knows({std::to_string(i), "us-east-1"}));
}

}  // namespace
}  // namespace poold
