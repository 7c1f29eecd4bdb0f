#include "server/pipeline/full_queue_log.h"

#include <gtest/gtest.h>

namespace poold {
namespace {

TEST(FullQueueLog, WritesOneLineASecond) {
  FullQueueLog log;
  const auto now = FullQueueLog::Clock::now();
  EXPECT_EQ(log.Count("111122223333", now), 1) << "the first at once";
  EXPECT_EQ(log.Count("111122223333", now), 0);
  EXPECT_EQ(log.Count("111122223333", now + FullQueueLog::kPause - std::chrono::milliseconds(1)), 0);
  EXPECT_EQ(log.Count("111122223333", now + FullQueueLog::kPause), 3) << "all since the last line, and this one";
  EXPECT_EQ(log.Count("111122223333", now + 10 * FullQueueLog::kPause), 1);
}

}  // namespace
}  // namespace poold
