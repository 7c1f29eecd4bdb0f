#include "server/transport/http_body_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <list>
#include <string>
#include <vector>

namespace poold {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::chrono::hours kLong{1};

class BodyRoomTest : public testing::Test {
 protected:
  // An address that had no body yet.
  ClientAddress NewAddress() { return {.family = AF_INET, .prefix = ++addresses_}; }

  // Lets a body of an address of its own take so many bytes and writes down what came of it.
  BodyShare& Take(const std::string& name, std::int64_t bytes, std::chrono::milliseconds patience = kLong) {
    return TakeFor(NewAddress(), name, bytes, patience);
  }
  BodyShare& TakeFor(const ClientAddress& address, const std::string& name, std::int64_t bytes,
                     std::chrono::milliseconds patience = kLong) {
    BodyShare& share = shares_.emplace_back(room_, address);
    boost::asio::co_spawn(
        context_,
        [this, &share, name, bytes, patience]() -> boost::asio::awaitable<void> {
          const bool taken = co_await share.Take(bytes, patience);
          outcomes_.push_back(name + (taken ? " has room" : " has none"));
        },
        boost::asio::detached);
    Go();
    return share;
  }

  // Runs what can go on at this moment, without waiting.
  void Go() {
    context_.restart();
    context_.poll();
  }

  std::vector<std::string> Outcomes() {
    Go();
    return std::exchange(outcomes_, {});
  }

  boost::asio::io_context context_{1};
  BodyRoom room_{100};
  std::uint64_t addresses_ = 0;
  std::list<BodyShare> shares_;
  std::vector<std::string> outcomes_;
};

TEST_F(BodyRoomTest, GivesAtOnceWhatItHas) {
  Take("a", 60);
  Take("b", 40);
  EXPECT_THAT(Outcomes(), ElementsAre("a has room", "b has room"));
  EXPECT_EQ(room_.taken(), 100);
}

TEST_F(BodyRoomTest, TakesBackWhatAShareHadWhenItEnds) {
  {
    BodyShare share(room_, NewAddress());
    EXPECT_TRUE(share.TryTake(70));
    EXPECT_TRUE(share.TryTake(30));
    EXPECT_FALSE(share.TryTake(1));
  }
  EXPECT_EQ(room_.taken(), 0);
}

TEST_F(BodyRoomTest, ServesThoseThatWaitInTheirOrder) {
  BodyShare& first = Take("first", 100);
  Take("large", 80);
  Take("small", 10);
  BodyShare late(room_, NewAddress());
  EXPECT_THAT(Outcomes(), ElementsAre("first has room"));
  EXPECT_EQ(room_.waiting(), 2u);
  first.ReturnAll();
  EXPECT_THAT(Outcomes(), ElementsAre("large has room", "small has room"));
  EXPECT_EQ(room_.taken(), 90);
}

TEST_F(BodyRoomTest, LetsNobodyOvertakeThoseThatWait) {
  Take("first", 90);
  Take("large", 80);
  BodyShare small(room_, NewAddress());
  EXPECT_FALSE(small.TryTake(1)) << "though there is room for it";
}

TEST_F(BodyRoomTest, RefusesWhoeverWaitsTooLong) {
  Take("first", 100);
  Take("second", 10, 1ms);
  context_.restart();
  context_.run_for(10s);  // ends as soon as nothing is left to wait for
  EXPECT_THAT(Outcomes(), ElementsAre("first has room", "second has none"));
  EXPECT_EQ(room_.waiting(), 0u);
}

TEST_F(BodyRoomTest, ServesTheNextWhenTheFirstGivesUp) {
  Take("first", 90);
  BodyShare& large = Take("large", 80);
  Take("small", 10);
  EXPECT_THAT(Outcomes(), ElementsAre("first has room"));
  large.StopWaiting();
  EXPECT_THAT(Outcomes(), ElementsAre("large has none", "small has room"));
}

TEST_F(BodyRoomTest, LetsOnlySoManyWait) {
  BodyShare& first = Take("first", 100);
  for (std::size_t i = 0; i < BodyRoom::kWaiters; ++i) Take("waits", 1);
  Take("one too many", 1);
  EXPECT_THAT(Outcomes(), ElementsAre("first has room", "one too many has none"));
  first.ReturnAll();
  Outcomes();
}

TEST_F(BodyRoomTest, LetsAnAddressHaveOneBodyOfAnySize) {
  Take("a", 100);
  EXPECT_THAT(Outcomes(), ElementsAre("a has room"));
}

TEST_F(BodyRoomTest, LetsAnAddressHaveItsFairShare) {
  const ClientAddress greedy = NewAddress();
  for (const char* name : {"a", "b", "c"}) TakeFor(greedy, name, 15);
  EXPECT_THAT(Outcomes(), ElementsAre("a has room", "b has room"));
  const ClientAddress other = NewAddress();
  for (const char* name : {"d", "e", "f"}) TakeFor(other, name, 10);
  EXPECT_THAT(Outcomes(), ElementsAre("d has room", "e has room"));
  EXPECT_EQ(room_.taken(), 50);
  Take("g", 50);
  EXPECT_THAT(Outcomes(), ElementsAre("g has room"));
}

TEST_F(BodyRoomTest, BoundsABodyThatGrowsInTheSameWay) {
  const ClientAddress greedy = NewAddress();
  BodyShare first(room_, greedy);
  EXPECT_TRUE(first.TryTake(18));
  EXPECT_TRUE(first.TryTake(10));
  BodyShare second(room_, greedy);
  EXPECT_TRUE(second.TryTake(10));
  EXPECT_FALSE(second.TryTake(1));
  EXPECT_FALSE(first.TryTake(1));
}

TEST_F(BodyRoomTest, HoldsUpNobodyForAnAddressThatHasTooMuch) {
  const ClientAddress greedy = NewAddress();
  TakeFor(greedy, "has", 50);
  TakeFor(greedy, "waits", 50);
  Take("other", 20);
  BodyShare grows(room_, NewAddress());
  EXPECT_TRUE(grows.TryTake(10));
  EXPECT_THAT(Outcomes(), ElementsAre("has has room", "other has room"));
}

TEST_F(BodyRoomTest, ServesTheBodiesOfAnAddressInTheirOrder) {
  const ClientAddress one = NewAddress();
  BodyShare& first = TakeFor(one, "first", 28);
  TakeFor(one, "second", 10);
  TakeFor(one, "large", 50);
  TakeFor(one, "small", 1);
  EXPECT_THAT(Outcomes(), ElementsAre("first has room", "second has room"));
  first.ReturnAll();
  EXPECT_THAT(Outcomes(), IsEmpty()) << "there is room for the small one, but the large one came before it";
  for (BodyShare& share : shares_) share.ReturnAll();
  EXPECT_THAT(Outcomes(), ElementsAre("large has room"));
}

TEST_F(BodyRoomTest, LetsAnAddressTakeOnlySoManyPlacesOfThoseThatWait) {
  const ClientAddress greedy = NewAddress();
  TakeFor(greedy, "has", 100);
  for (std::size_t i = 0; i < 2 * BodyRoom::kWaiters; ++i) TakeFor(greedy, "waits", 1);
  const std::size_t waiting = room_.waiting();
  EXPECT_LT(waiting, BodyRoom::kWaiters / 2);
  Take("other", 1);
  EXPECT_EQ(room_.waiting(), waiting + 1);
  for (BodyShare& share : shares_) share.StopWaiting();
  Outcomes();
}

}  // namespace
}  // namespace poold
