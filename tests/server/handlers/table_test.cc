#include "server/handlers/table.h"

#include <gtest/gtest.h>

namespace poold {
namespace {

TEST(Handlers, AreThereForEveryMethod) {
  for (const Method& method : Methods()) EXPECT_NE(HandlerOf(method).handle, nullptr) << method.name;
}

// Its calls are refused before.
TEST(Handlers, HaveNoBatchesForTheUnknownMethod) { EXPECT_TRUE(HandlerOf(UnknownMethod()).together.empty()); }

}  // namespace
}  // namespace poold
