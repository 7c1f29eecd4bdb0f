#include "server/pipeline/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <latch>
#include <mutex>
#include <vector>

#include "tests/support/api.h"

namespace poold {
namespace {

using testing::ElementsAre;

// Calls to queue. The executor only hands them on.
class ExecutorTest : public testing::Test {
 protected:
  ExecutorTest() {
    for (int i = 0; i < 4; ++i) {
      calls.push_back(std::make_unique<TestCall>(api.service(), *FindMethod("DescribePools"), request, response));
    }
  }

  int IndexOf(const Call& call) const {
    const auto is_it = [&](const auto& known) { return known.get() == &call; };
    return static_cast<int>(std::ranges::find_if(calls, is_it) - calls.begin());
  }

  void Note(const Call& call) {
    const std::lock_guard lock(mutex);
    order.push_back(IndexOf(call));
  }

  Api api;
  smsvoice::v2::DescribePoolsRequest request;
  smsvoice::v2::DescribePoolsResponse response;
  std::vector<std::unique_ptr<TestCall>> calls;
  std::mutex mutex;
  std::vector<int> order;
  WaitingBytes waiting{1 << 20};
};

TEST_F(ExecutorTest, RunsCallsInTheOrderInWhichTheyCame) {
  std::latch all(4);
  Executor executor(1, 4, 1, waiting, [&](std::span<Call* const> given) {
    Call& call = *given[0];
    Note(call);
    all.count_down();
  });
  for (auto& call : calls) EXPECT_TRUE(executor.Submit(*call));
  all.wait();
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
}

TEST_F(ExecutorTest, RunsAsManyCallsAtOnceAsItHasWorkers) {
  std::barrier meeting(2);  // nobody gets past it alone
  std::latch both(2);
  Executor executor(2, 4, 1, waiting, [&](std::span<Call* const>) {
    meeting.arrive_and_wait();
    both.count_down();
  });
  executor.Submit(*calls[0]);
  executor.Submit(*calls[1]);
  both.wait();
}

TEST_F(ExecutorTest, RefusesWhatDoesNotFitIntoTheQueue) {
  std::latch started(1);
  std::latch go_on(1);
  Executor executor(1, 2, 1, waiting, [&](std::span<Call* const> given) {
    Call& call = *given[0];
    if (&call == calls[0].get()) started.count_down();
    go_on.wait();
  });
  EXPECT_TRUE(executor.Submit(*calls[0]));
  started.wait();  // it has left the queue

  EXPECT_TRUE(executor.Submit(*calls[1]));
  EXPECT_TRUE(executor.Submit(*calls[2]));
  EXPECT_EQ(executor.queued(), 2u);
  EXPECT_FALSE(executor.Submit(*calls[3]));
  EXPECT_EQ(executor.queued(), 2u);
  go_on.count_down();
}

TEST_F(ExecutorTest, RefusesWhatTakesMoreMemoryThanIsLeft) {
  std::latch started(1);
  std::latch go_on(1);
  {
    Executor executor(1, 4, 1, waiting, [&](std::span<Call* const> given) {
      if (given[0] == calls[0].get()) started.count_down();
      go_on.wait();
    });
    for (std::size_t i = 0; i < 3; ++i) calls[i]->request_bytes = 300 << 10;
    EXPECT_TRUE(executor.Submit(*calls[0]));
    started.wait();
    EXPECT_EQ(waiting.bytes(), 0U) << "it has left the queue";
    EXPECT_TRUE(executor.Submit(*calls[1]));
    EXPECT_FALSE(executor.Submit(*calls[2])) << "one account has no more than half";
    EXPECT_EQ(executor.queued(), 1U);
    EXPECT_TRUE(executor.Submit(*calls[3])) << "a small one";
    go_on.count_down();
  }
  EXPECT_EQ(waiting.bytes(), 0U);
}

// What the queue refuses takes no memory.
TEST_F(ExecutorTest, CountsOnlyWhatItTook) {
  std::latch started(1);
  std::latch go_on(1);
  Executor executor(1, 1, 1, waiting, [&](std::span<Call* const> given) {
    if (given[0] == calls[0].get()) started.count_down();
    go_on.wait();
  });
  executor.Submit(*calls[0]);
  started.wait();
  executor.Submit(*calls[1]);
  calls[2]->request_bytes = 100 << 10;
  EXPECT_FALSE(executor.Submit(*calls[2]));
  EXPECT_EQ(waiting.bytes(), 0U);
  go_on.count_down();
}

TEST_F(ExecutorTest, TakesCallsAgainOnceThereIsRoom) {
  std::latch started(2);
  std::latch first_may_end(1);
  std::latch second_may_end(1);
  Executor executor(1, 1, 1, waiting, [&](std::span<Call* const> given) {
    Call& call = *given[0];
    started.count_down();
    (&call == calls[0].get() ? first_may_end : second_may_end).wait();
  });
  EXPECT_TRUE(executor.Submit(*calls[0]));
  while (executor.queued() > 0) std::this_thread::yield();
  EXPECT_TRUE(executor.Submit(*calls[1]));
  EXPECT_FALSE(executor.Submit(*calls[2]));

  first_may_end.count_down();
  started.wait();  // the second has left the queue

  EXPECT_TRUE(executor.Submit(*calls[2]));
  second_may_end.count_down();
}

TEST_F(ExecutorTest, RunsWhatIsQueuedBeforeItEnds) {
  std::latch go_on(1);
  {
    Executor executor(1, 4, 1, waiting, [&](std::span<Call* const> given) {
      Call& call = *given[0];
      go_on.wait();
      Note(call);
    });
    for (auto& call : calls) EXPECT_TRUE(executor.Submit(*call));
    go_on.count_down();
  }
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
}

TEST_F(ExecutorTest, EndsAtOnceWhenThereIsNothingToDo) {
  Executor executor(3, 1, 1, waiting, [](std::span<Call* const>) { FAIL() << "nothing was submitted"; });
  EXPECT_EQ(executor.queued(), 0u);
}

// No more than it may, in their order.
TEST_F(ExecutorTest, HandsOutTogetherWhatWaits) {
  std::latch started(1);
  std::latch go_on(1);
  std::vector<std::size_t> sizes;
  {
    Executor executor(1, 4, 2, waiting, [&](std::span<Call* const> given) {
      if (given[0] == calls[0].get()) {
        started.count_down();
        go_on.wait();
      }
      sizes.push_back(given.size());
      for (const Call* call : given) Note(*call);
    });
    EXPECT_TRUE(executor.Submit(*calls[0]));
    started.wait();
    for (int i = 1; i < 4; ++i) EXPECT_TRUE(executor.Submit(*calls[static_cast<std::size_t>(i)]));
    go_on.count_down();
  }
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(sizes, ElementsAre(1, 2, 1));
}

}  // namespace
}  // namespace poold
