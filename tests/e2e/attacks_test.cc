// Strangers who attack a real server get none of its memory, and others are served meanwhile. `make attack` tries more
// attacks, for longer.

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "build_paths.h"
#include "tests/attack/trial.h"

namespace poold {
namespace {

// What an attack may take above the memory at rest.
constexpr std::int64_t kGreatestMemory = 200 << 20;

class AttacksTest : public testing::TestWithParam<const char*> {};

TEST_P(AttacksTest, TakeLittleMemoryAndHinderNobody) {
  static const AttackedServer server{std::string(kPooldBinary)};
  TrialOptions options{.duration = std::chrono::milliseconds(1'500)};
  options.greatest_memory = std::int64_t{1} << 30;
  const TrialResult result = Try(server, AttackNamed(GetParam()), options);

  EXPECT_GT(result.flood.sent, 0);
  EXPECT_LT(result.memory, kGreatestMemory);
  EXPECT_LT(result.memory_afterwards, kGreatestMemory);
  EXPECT_GT(result.calls, 0);
  EXPECT_EQ(result.failed, 0);
  EXPECT_TRUE(result.accepts);
  EXPECT_TRUE(result.serves);
}

INSTANTIATE_TEST_SUITE_P(Strangers, AttacksTest,
                         testing::Values("rapid resets", "unread answers", "gzip bombs", "header blocks without end",
                                         "half-sent messages", "open streams", "HTTP bodies"),
                         [](const auto& attack) {
                           std::string name(attack.param);
                           std::erase_if(name, [](char c) { return c == ' ' || c == '-'; });
                           return name;
                         });

}  // namespace
}  // namespace poold
