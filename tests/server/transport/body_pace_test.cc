#include "server/transport/body_pace.h"

#include <gtest/gtest.h>

namespace poold {
namespace {

using namespace std::chrono_literals;

constexpr BodyPace::TimePoint kBegan{100s};

TEST(BodyPace, GivesTheFirstBytesAQuarterOfTheWholeTime) {
  const BodyPace pace(kBegan, 20s);
  EXPECT_EQ(pace.Until(0), kBegan + 5s);
  EXPECT_EQ(pace.End(), kBegan + 20s);
}

TEST(BodyPace, EarnsASecondForEach16KiB) {
  const BodyPace pace(kBegan, 20s);
  EXPECT_EQ(pace.Until(16 << 10), kBegan + 6s);
  EXPECT_EQ(pace.Until(8 << 10), kBegan + 5500ms);
  EXPECT_EQ(pace.Until(1), kBegan + 5s) << "a byte now and then earns nothing";
}

TEST(BodyPace, NeverGoesBeyondTheWholeTime) {
  const BodyPace pace(kBegan, 20s);
  EXPECT_EQ(pace.Until(15 * (16 << 10)), kBegan + 20s);
  EXPECT_EQ(pace.Until(1 << 20), kBegan + 20s);
}

}  // namespace
}  // namespace poold
