// A read answers from one snapshot: what it says was true as a whole at one moment, whatever changes meanwhile. Each
// story tells of a read and of what other calls do to what it reads. Its true answers are those that a quiet server
// gives before, between and after these calls.
//
// The moments between the statements of a read are brought about: the read is held after its first statement, then
// after its second and so on, while the other calls run to their ends. A read of one statement has no such moment; so
// the stories are also run by several threads at once, in rounds.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/api.h"
#include "tests/support/given.h"
#include "tests/support/read_stories.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::Contains;

constexpr int kRounds = 10;
constexpr int kReaders = 2;

class Reads : public testing::TestWithParam<Chapter> {
 protected:
  Reads() {
    for (Api* api : {&reader, &witness}) {  // the accounts are known
      for (const std::string& account : {accounts.owner.account(), accounts.consumer.account()}) {
        GivenAccount(*api, account);
      }
    }
  }

  // Runs the first so many steps to their ends, one after the other. Returns all true answers after these.
  std::set<std::string> Unfold(const Story& story, std::size_t steps) {
    std::set<std::string> answers;
    for (std::size_t i = 0; i < steps; ++i) {
      story.steps[i]();
      answers.insert(story.read(witness));
    }
    return answers;
  }

  // Reads, and runs the steps after so many statements of the read. Whether it came to that.
  bool HoldsAfter(int held_after, std::size_t steps) {
    const Story story = GetParam().tell(accounts);
    std::set<std::string> answers{story.read(witness)};
    bool held = false;
    int statements = 0;
    reader.after_statement = [&](std::string_view name) {
      if (name.find('.') == std::string_view::npos || ++statements != held_after) return;
      held = true;
      answers.merge(Unfold(story, steps));
    };
    const std::string answer = story.read(reader);
    reader.after_statement = nullptr;
    EXPECT_THAT(answers, Contains(answer)) << "after statement " << held_after << " came steps: " << steps;
    return held;
  }

  Accounts accounts;
  Api reader;
  Api witness;  // of what is so while nothing else happens
};

// The read is held after each of its statements in turn, for one step and for more.
TEST_P(Reads, HeldBetweenStatementsAnswerFromOneMoment) {
  const std::size_t most = GetParam().tell(accounts).steps.size();
  for (std::size_t steps = 1; steps <= most; ++steps) {
    for (int held_after = 1; HoldsAfter(held_after, steps); ++held_after) {
    }
  }
}

// The other calls run while readers read.
TEST_P(Reads, AtTheSameTimeAsChangesAnswerFromOneMoment) {
  std::map<std::string, int> untrue;
  int all = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Story story = GetParam().tell(accounts);
    std::set<std::string> answers{story.read(witness)};
    std::atomic<bool> over{false};
    std::atomic<int> begun{0};
    std::vector<std::vector<std::string>> heard(kReaders);
    std::vector<std::thread> readers;
    for (auto& mine : heard) {
      readers.emplace_back([&] {
        mine.push_back(story.read(reader));
        ++begun;
        while (!over) mine.push_back(story.read(reader));
      });
    }
    while (begun < kReaders) std::this_thread::yield();
    answers.merge(Unfold(story, story.steps.size()));
    over = true;
    for (std::thread& thread : readers) thread.join();
    for (const auto& mine : heard) {
      for (const std::string& answer : mine) {
        ++all;
        if (!answers.contains(answer)) ++untrue[answer];
      }
    }
  }
  int count = 0;
  for (const auto& [answer, times] : untrue) count += times;
  EXPECT_EQ(count, 0) << "untrue answers of " << all << " in " << kRounds << " rounds, such as "
                      << (untrue.empty() ? "" : untrue.begin()->first);
}

INSTANTIATE_TEST_SUITE_P(Stories, Reads, testing::ValuesIn(ReadStories()),
                         [](const auto& story) { return story.param.name; });

// A method that only reads has its story, and so its statements counted (tests/support/api.h).
TEST(ReadMethods, HaveStories) {
  for (const Method& method : Methods()) {
    const bool told = std::ranges::any_of(
        ReadStories(), [&](const Chapter& chapter) { return chapter.request == method.descriptor->input_type(); });
    EXPECT_EQ(told, !method.policy.writes()) << method.name;
  }
}

TEST(ReadMethods, ThatRunTwoStatementsAreNoticed) {
  storage::WorkLog log;
  const auto now = storage::WorkLog::Clock::now();
  for (const auto* name :
       {"pools.find", "connect", "transaction.limit_statements", "accounts.ensure", "pools.find", "tags.list"}) {
    log.Add({name, now, now, true, {}});
  }
  log.attempts.push_back({now, now, storage::WorkLog::Outcome::kCommitted, 0, 1});
  EXPECT_EQ(StatementsOf(log), 1U);
  log.attempts.push_back({now, now, storage::WorkLog::Outcome::kCommitted, 1, 6});
  EXPECT_EQ(StatementsOf(log), 2U);
}

// ---------------------------------------------------------------------------------------------------------------------
// What another account shares, in calls that write: they look at the policy, then lock the list, and look again, since
// meanwhile the list could be deleted and another one take its name. From then on the lock keeps list and policy.

class WritesWithASharedList : public testing::Test {
 protected:
  WritesWithASharedList() {
    GivenOptOutList(accounts.owner, "Offers");
    GivenShare(accounts.owner, arn, accounts.consumer.account());
    // Known, with a pool to be changed.
    pool = GivenPool(accounts.consumer);
  }

  // The list is replaced as soon as the call has seen that it is shared.
  void ReplaceTheListOnce() {
    accounts.consumer.after_statement = [this, done = false](std::string_view name) mutable {
      if (name != "resource_grants.find" || std::exchange(done, true)) return;
      DeletingList(accounts, "Offers")();
      CreatingList(accounts, "Offers")();
    };
  }

  Accounts accounts;
  const std::string arn = OwnArn(accounts.owner, "opt-out-list", "Offers");
  std::string pool;
};

TEST_F(WritesWithASharedList, DoNotUseAnotherListThatTookItsName) {
  ReplaceTheListOnce();
  EXPECT_THAT(
      accounts.consumer.Call<UpdatePoolRequest>("pool_id: '" + pool + "' " + "opt_out_list_name: '" + arn + "' "),
      IsNotFound(ResourceType::kOptOutList, arn));
  accounts.consumer.after_statement = nullptr;
  EXPECT_EQ(ThePool(accounts.consumer, pool).opt_out_list_name(), "Default");
}

TEST_F(WritesWithASharedList, DoNotPutNumbersOnAnotherListThatTookItsName) {
  ReplaceTheListOnce();
  EXPECT_THAT(accounts.consumer.Call<PutOptedOutNumberRequest>("opt_out_list_name: '" + arn + "' " +
                                                               "opted_out_number: '+12065550142'"),
              IsNotFound(ResourceType::kOptOutList, arn));
  accounts.consumer.after_statement = nullptr;
  const auto numbers = accounts.owner.Call<DescribeOptedOutNumbersRequest>("opt_out_list_name: 'Offers'");
  EXPECT_THAT(numbers, IsOk());
  EXPECT_EQ(numbers.response.opted_out_numbers_size(), 0);
}

}  // namespace
}  // namespace poold
