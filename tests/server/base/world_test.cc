#include "server/base/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/fake_world.h"

namespace poold {
namespace {

using testing::MatchesRegex;

TEST(RealWorld, MakesIdsOfTheDocumentedForm) {
  RealWorld world;
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(world.NewPoolId(), MatchesRegex("pool-[0-9a-f]{32}"));
    EXPECT_THAT(world.NewPhoneNumberId(), MatchesRegex("phone-[0-9a-f]{32}"));
    EXPECT_THAT(world.NewRequestId(),
                MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  }
}

TEST(RealWorld, NeverRepeatsAnIdWhicheverThreadAsks) {
  RealWorld world;
  std::mutex mutex;
  std::set<std::string> ids;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        const std::string id = world.NewPoolId();
        const std::lock_guard lock(mutex);
        ids.insert(id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ids.size(), 20000u);
}

TEST(RealWorld, UsesAllItsBits) {
  RealWorld world;
  // Each of the 32 digits takes each of its 16 values in 2,000 ids, but for a chance of one in 10^53.
  std::vector<std::set<char>> digits(32);
  for (int i = 0; i < 2000; ++i) {
    const std::string id = world.NewPoolId();
    for (std::size_t d = 0; d < 32; ++d) digits[d].insert(id[5 + d]);
  }
  for (const auto& values : digits) EXPECT_EQ(values.size(), 16u);
}

TEST(RealWorld, TellsTheTimeOfTheSystem) {
  RealWorld world;
  const auto before = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const storage::Time now = world.Now();
  EXPECT_GE(now, before);
  EXPECT_LE(now, std::chrono::system_clock::now());
}

TEST(FakeWorld, StandsStillAndCounts) {
  FakeWorld world;
  EXPECT_EQ(world.Now(), FakeWorld::kStart);
  world.Advance(std::chrono::hours(24));
  EXPECT_EQ(world.Now(), FakeWorld::kStart + std::chrono::hours(24));
  EXPECT_EQ(world.NewPoolId(), "pool-00000000000000000000000000000001");
  EXPECT_EQ(world.NewPhoneNumberId(), "phone-00000000000000000000000000000002");
  EXPECT_EQ(world.NewRequestId(), "00000000-0000-4000-8000-000000000003");
}

}  // namespace
}  // namespace poold
