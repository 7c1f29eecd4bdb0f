#include "server/transport/cut_log.h"

#include <gtest/gtest.h>

namespace poold {
namespace {

TEST(CutLog, WritesOnceForEachAddressInAMinute) {
  CutLog log;
  const auto now = CutLog::Clock::now();
  EXPECT_TRUE(log.Write("192.0.2.1", "pings", now));
  EXPECT_FALSE(log.Write("192.0.2.1", "resets", now + CutLog::kPause - std::chrono::milliseconds(1)));
  EXPECT_TRUE(log.Write("192.0.2.2", "pings", now));
  EXPECT_TRUE(log.Write("192.0.2.1", "pings", now + CutLog::kPause));
}

TEST(CutLog, RemembersSoManyAddressesOnly) {
  CutLog log;
  const auto now = CutLog::Clock::now();
  for (std::size_t i = 0; i < CutLog::kAddresses; ++i) ASSERT_TRUE(log.Write(std::to_string(i), "pings", now));
  EXPECT_FALSE(log.Write("one more", "pings", now));
  EXPECT_TRUE(log.Write("one more", "pings", now + CutLog::kPause));
}

}  // namespace
}  // namespace poold
