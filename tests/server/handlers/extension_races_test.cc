// What happens when calls of the extensions, and those that share, meet: real threads, the real pipeline, the real
// database, two servers. Each test says which lock it is about, and fails when that is taken out. How the moment that
// hurts is brought about is said in races_test.cc.

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <map>
#include <random>
#include <ranges>
#include <set>

#include "tests/support/api.h"
#include "tests/support/at_once.h"
#include "tests/support/given.h"
#include "tests/support/held_rows.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::AnyOf;
using testing::SizeIs;

using Identities = std::vector<std::string>;

constexpr int kRounds = 10;

Settings Roomy() {
  Settings settings;
  settings.api.quotas.phone_numbers = 1000;
  return settings;
}

// One account on two servers over one database.
struct Replicas {
  Api first{Roomy()};
  Api second{Roomy()};

  Replicas() { second.scope = first.scope; }

  Api& of(int i) { return i % 2 == 0 ? first : second; }

  // How often a call was run again after it got in another's way: by a deadlock, or by a constraint.
  std::uint64_t retries() {
    return first.database().stats().retries_contended() + second.database().stats().retries_contended();
  }
};

std::string PoolId(const std::string& id) { return "pool_id: '" + id + "' "; }
std::string PoolRow(const std::string& id) { return "SELECT FROM pools WHERE pool_id = '" + id + "'"; }
std::string NumberRow(const std::string& id) {
  return "SELECT FROM phone_numbers WHERE phone_number_id = '" + id + "'";
}

HeldRows Hold(const std::string& select) { return HeldRows(TestDatabaseUrl(), select); }

template <class Call>
auto InBackground(const Call& call) {
  return std::async(std::launch::async, call);
}

template <class Request>
auto Change(Api& api, const std::string& pool, const Identities& identities, const std::string& more = {}) {
  auto request = Api::Parse<Request>(PoolId(pool) + more);
  for (const std::string& identity : identities) {
    request.add_origination_identities()->set_origination_identity(identity);
  }
  return api.Call(request);
}

auto Add(Api& api, const std::string& pool, const Identities& identities, const std::string& more = {}) {
  return Change<BatchAssociateOriginationIdentitiesRequest>(api, pool, identities, more);
}
auto Remove(Api& api, const std::string& pool, const Identities& identities) {
  return Change<BatchDisassociateOriginationIdentitiesRequest>(api, pool, identities);
}
auto Replace(Api& api, const std::string& pool, const Identities& identities, const std::string& more = {}) {
  return Change<ReplaceOriginationIdentitiesRequest>(api, pool, identities, more);
}

Identities GivenNumbers(Api& api, int count) {
  Identities numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(GivenNumber(api));
  return numbers;
}

std::string GivenPoolOf(Api& api, const Identities& numbers) {
  const std::string pool = GivenPool(api, numbers[0]);
  if (numbers.size() > 1) {
    const auto added = Add(api, pool, {numbers.begin() + 1, numbers.end()});
    if (added.error) throw std::runtime_error(added.error->what());
  }
  return pool;
}

Identities Reversed(Identities identities) {
  std::ranges::reverse(identities);
  return identities;
}

void ExpectAllIn(Api& api, const Identities& numbers, const std::string& pool) {
  for (const std::string& number : numbers) EXPECT_EQ(TheNumber(api, number).pool_id(), pool);
}

// ---------------------------------------------------------------------------------------------------------------------
// expected_revision: the pool's row lock (pools.lock). Without it both calls find the revision that they expect.

TEST(ExtensionRaces, OfTwoUpdatesThatExpectTheSameRevisionOneWins) {
  Replicas replicas;
  const std::string pool = GivenPool(replicas.first);
  const auto update = [&](Api& api, const std::string& change, std::int64_t revision) {
    return InBackground([&api, text = PoolId(pool) + change + " expected_revision: " + std::to_string(revision)] {
      return api.Call<UpdatePoolRequest>(text);
    });
  };
  for (int round = 1; round <= kRounds; ++round) {
    // Both are a change, whoever comes first and whoever won before.
    GivenChange(replicas.first, pool, "shared_routes_enabled: false deletion_protection_enabled: false");
    const std::int64_t revision = ThePool(replicas.first, pool).revision();
    auto held = Hold(PoolRow(pool));
    auto one = update(replicas.first, "shared_routes_enabled: true", revision);
    auto other = update(replicas.second, "deletion_protection_enabled: true", revision);
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();

    auto winner = one.get();
    auto loser = other.get();
    if (winner.error) std::swap(winner, loser);
    ASSERT_THAT(winner, IsOk());
    EXPECT_EQ(winner.response.revision(), revision + 1);
    ASSERT_THAT(loser, IsFault(Fault::kStaleRevision));
    EXPECT_THAT(loser.error->message(), testing::HasSubstr("expected revision " + std::to_string(revision) +
                                                           ", but it has revision " + std::to_string(revision + 1)));
    EXPECT_THAT(ThePool(replicas.first, pool), testing::Truly([&](const PoolInformation& now) {
                  return now.shared_routes_enabled() == winner.response.shared_routes_enabled() &&
                         now.deletion_protection_enabled() == winner.response.deletion_protection_enabled() &&
                         now.shared_routes_enabled() != now.deletion_protection_enabled();
                }));
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

TEST(ExtensionRaces, OfManyOperationsThatExpectTheSameRevisionOneWins) {
  Replicas replicas;
  const Identities numbers = GivenNumbers(replicas.first, 3);
  for (int round = 0; round < kRounds; ++round) {
    const std::string pool = GivenPoolOf(replicas.first, {numbers[0], numbers[1]});
    const std::int64_t revision = ThePool(replicas.first, pool).revision();
    const std::string expected = "expected_revision: " + std::to_string(revision) + " ";
    const auto outcomes = AtOnce(6, [&](int i) -> std::optional<Error> {
      Api& api = replicas.of(i);
      const std::string third = "origination_identity: '" + numbers[2] + "'";
      const std::string first = "origination_identity: '" + numbers[0] + "'";
      switch (i) {
        case 0:
          return api.Call<UpdatePoolRequest>(PoolId(pool) + expected + "shared_routes_enabled: true").error;
        case 1:
          return api.Call<AssociateOriginationIdentityRequest>(PoolId(pool) + expected + third).error;
        case 2:
          return api.Call<DisassociateOriginationIdentityRequest>(PoolId(pool) + expected + first).error;
        case 3:
          return Add(api, pool, {numbers[2]}, expected).error;
        case 4:
          return Replace(api, pool, {numbers[2]}, expected).error;
        default:
          return api.Call<DeletePoolRequest>(PoolId(pool) + expected).error;
      }
    });
    int winners = 0;
    for (const auto& error : outcomes) {
      if (!error) {
        ++winners;
      } else {
        EXPECT_THAT(error->fault(), AnyOf(Fault::kStaleRevision, Fault::kNotFound)) << error->what();
      }
    }
    EXPECT_EQ(winners, 1);
    if (IsThere(replicas.first, pool)) {
      EXPECT_EQ(ThePool(replicas.first, pool).revision(), revision + 1);
      ASSERT_THAT(replicas.first.Call<DeletePoolRequest>(PoolId(pool)), IsOk());
    }
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// ---------------------------------------------------------------------------------------------------------------------
// Batches on crossing sets of numbers: the order of locks (phone_numbers.lock_several). Without it each call holds
// numbers that the other waits for, and the database ends one of them after a second.

TEST(ExtensionRaces, BatchesThatNameTheSameNumbersInOppositeOrderDoNotDeadlock) {
  Replicas replicas;
  const std::string pools[] = {GivenPool(replicas.first), GivenPool(replicas.first)};
  for (int round = 0; round < kRounds; ++round) {
    const Identities numbers = GivenNumbers(replicas.first, 7);
    // The same numbers under other names.
    Identities others;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      others.push_back(i % 3 == 0   ? numbers[i]
                       : i % 3 == 1 ? OwnArn(replicas.first, "phone-number", numbers[i])
                                    : TheNumber(replicas.first, numbers[i]).phone_number().substr(1));
    }
    auto held = Hold(NumberRow(numbers[3]));
    auto one = InBackground([&] { return Add(replicas.first, pools[0], numbers); });
    auto other = InBackground([&] { return Add(replicas.second, pools[1], Reversed(others)); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();

    const auto to_first = one.get();
    const auto to_second = other.get();
    const bool first_won = !to_first.error;
    EXPECT_THAT(first_won ? to_first : to_second, IsOk());
    const auto& loser = first_won ? to_second : to_first;
    ASSERT_THAT(loser, IsRefused(Fault::kConflict, reason::kPhoneNumberAssociatedToPool));
    EXPECT_THAT(loser.error->fields(), SizeIs(numbers.size()));
    ExpectAllIn(replicas.first, numbers, pools[first_won ? 0 : 1]);
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

TEST(ExtensionRaces, PoolsThatWantEachOthersNumbersDoNotDeadlock) {
  Replicas replicas;
  const Identities numbers[] = {GivenNumbers(replicas.first, 4), GivenNumbers(replicas.first, 4)};
  const std::string pools[] = {GivenPoolOf(replicas.first, numbers[0]), GivenPoolOf(replicas.first, numbers[1])};
  for (int round = 0; round < kRounds; ++round) {
    auto held = Hold(NumberRow(numbers[1][3]));
    auto one = InBackground([&] { return Replace(replicas.first, pools[0], numbers[1]); });
    auto other = InBackground([&] { return Replace(replicas.second, pools[1], numbers[0]); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();
    for (const auto& result : {one.get(), other.get()}) {
      EXPECT_THAT(result, IsRefused(Fault::kConflict, reason::kPhoneNumberAssociatedToPool));
    }
  }
  EXPECT_EQ(MembersOf(replicas.first, pools[0]), numbers[0]);
  EXPECT_EQ(MembersOf(replicas.first, pools[1]), numbers[1]);
  EXPECT_EQ(replicas.retries(), 0u);
}

// UpdatePool and DeletePool write to all numbers of a pool, so they lock them in the same order (pools.update,
// pool_members.remove_all). Left alone, they meet the numbers in the order in which the table has them.
class BatchAgainstPool : public testing::Test {
 protected:
  // Numbers in a pool of theirs, which the table has in another order than that of their ids.
  void GivenScatteredPool() {
    numbers_ = GivenNumbers(replicas_.first, 6);
    pool_ = GivenPoolOf(replicas_.first, Reversed(numbers_));
  }

  Replicas replicas_;
  std::string other_pool_ = GivenPool(replicas_.first);
  std::string pool_;
  Identities numbers_;
};

TEST_F(BatchAgainstPool, ThatIsUpdatedDoesNotDeadlock) {
  for (int round = 0; round < kRounds; ++round) {
    GivenScatteredPool();
    auto held = Hold(NumberRow(numbers_[3]));
    auto batch = InBackground([&] { return Add(replicas_.first, other_pool_, numbers_); });
    auto update = InBackground(
        [&] { return replicas_.second.Call<UpdatePoolRequest>(PoolId(pool_) + "shared_routes_enabled: true"); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();
    EXPECT_THAT(batch.get(), IsRefused(Fault::kConflict, reason::kPhoneNumberAssociatedToPool));
    EXPECT_THAT(update.get(), IsOk());
  }
  EXPECT_EQ(replicas_.retries(), 0u);
}

TEST_F(BatchAgainstPool, ThatIsDeletedDoesNotDeadlock) {
  for (int round = 0; round < kRounds; ++round) {
    GivenScatteredPool();
    // Lets the keywords through, which refer to the numbers, but no change of the numbers.
    HeldRows held(TestDatabaseUrl(), NumberRow(numbers_[3]), "FOR NO KEY UPDATE");
    auto batch = InBackground([&] { return Add(replicas_.first, other_pool_, numbers_); });
    auto deleted = InBackground([&] { return replicas_.second.Call<DeletePoolRequest>(PoolId(pool_)); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();
    EXPECT_THAT(batch.get(), AnyOf(IsOk(), IsRefused(Fault::kConflict, reason::kPhoneNumberAssociatedToPool)));
    EXPECT_THAT(deleted.get(), IsOk());
  }
  EXPECT_EQ(replicas_.retries(), 0u);
}

// ---------------------------------------------------------------------------------------------------------------------
// Batches and single calls: the pool's and the number's row locks (pools.lock, phone_numbers.lock)

TEST(ExtensionRaces, OfABatchAndASingleCallForOneNumberOneGetsIt) {
  Replicas replicas;
  const std::string pools[] = {GivenPool(replicas.first), GivenPool(replicas.first)};
  for (int round = 0; round < kRounds; ++round) {
    const Identities numbers = GivenNumbers(replicas.first, 3);
    auto held = Hold(NumberRow(numbers[1]));
    auto batch = InBackground([&] { return Add(replicas.first, pools[0], numbers); });
    auto single = InBackground([&] {
      return replicas.second.Call<AssociateOriginationIdentityRequest>(PoolId(pools[1]) + "origination_identity: '" +
                                                                       numbers[1] + "'");
    });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();
    const auto of_batch = batch.get();
    const auto of_single = single.get();
    EXPECT_NE(of_batch.error.has_value(), of_single.error.has_value());
    if (of_batch.error) {
      EXPECT_THAT(of_batch, IsConflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, numbers[1]));
      EXPECT_EQ(TheNumber(replicas.first, numbers[1]).pool_id(), pools[1]);
      EXPECT_FALSE(TheNumber(replicas.first, numbers[0]).has_pool_id());
      EXPECT_FALSE(TheNumber(replicas.first, numbers[2]).has_pool_id());
    } else {
      EXPECT_THAT(of_single, IsConflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, numbers[1]));
      ExpectAllIn(replicas.first, numbers, pools[0]);
    }
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

TEST(ExtensionRaces, TwoBatchesDoNotTakeAllNumbersOutOfAPool) {
  Replicas replicas;
  for (int round = 0; round < kRounds; ++round) {
    const Identities numbers = GivenNumbers(replicas.first, 4);
    const std::string pool = GivenPoolOf(replicas.first, numbers);
    auto held = Hold(PoolRow(pool));
    auto one = InBackground([&] { return Remove(replicas.first, pool, {numbers[0], numbers[1]}); });
    auto other = InBackground([&] { return Remove(replicas.second, pool, {numbers[3], numbers[2]}); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();
    auto winner = one.get();
    auto loser = other.get();
    if (winner.error) std::swap(winner, loser);
    EXPECT_THAT(winner, IsOk());
    EXPECT_THAT(loser, IsRefused(Fault::kConflict, reason::kLastPhoneNumber));
    EXPECT_THAT(MembersOf(replicas.first, pool), SizeIs(2));
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

TEST(ExtensionRaces, TwoBatchesDoNotFillAPoolBeyondItsQuota) {
  Settings settings = Roomy();
  settings.api.quotas.origination_identities_per_pool = 4;
  Api api(settings);
  for (int round = 0; round < kRounds; ++round) {
    const std::string pool = GivenPool(api);
    const Identities numbers = GivenNumbers(api, 4);
    auto held = Hold(PoolRow(pool));
    auto one = InBackground([&] { return Add(api, pool, {numbers[0], numbers[1]}); });
    auto other = InBackground([&] { return Add(api, pool, {numbers[2], numbers[3]}); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();
    auto winner = one.get();
    auto loser = other.get();
    if (winner.error) std::swap(winner, loser);
    EXPECT_THAT(winner, IsOk());
    EXPECT_THAT(loser, IsOverQuota(reason::kOriginationIdentitiesPerPool, 4));
    EXPECT_THAT(MembersOf(api, pool), SizeIs(3));
  }
  EXPECT_EQ(api.database().stats().retries_contended(), 0u);
}

TEST(ExtensionRaces, TwoReplacementsLeaveOneOfTheTwoSetsWhole) {
  Replicas replicas;
  const std::string pool = GivenPool(replicas.first);
  for (int round = 0; round < kRounds; ++round) {
    const Identities sets[] = {GivenNumbers(replicas.first, 3), GivenNumbers(replicas.first, 3)};
    auto held = Hold(PoolRow(pool));
    auto one = InBackground([&] { return Replace(replicas.first, pool, sets[0]); });
    auto other = InBackground([&] { return Replace(replicas.second, pool, sets[1]); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();
    const auto first = one.get();
    const auto second = other.get();
    ASSERT_THAT(first, IsOk());
    ASSERT_THAT(second, IsOk());
    const bool first_was_last = first.response.revision() > second.response.revision();
    EXPECT_EQ(MembersOf(replicas.first, pool), sets[first_was_last ? 0 : 1]);
    ExpectAllIn(replicas.first, sets[first_was_last ? 0 : 1], pool);
    ExpectAllIn(replicas.first, sets[first_was_last ? 1 : 0], "");
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// The row of client_tokens: the second call waits for it and is answered with what is in it then.
TEST(ExtensionRaces, TwoReplacementsWithOneTokenActOnce) {
  Replicas replicas;
  const std::string pool = GivenPool(replicas.first);
  const Identities numbers = GivenNumbers(replicas.first, 2);
  const auto results = AtOnce(4, [&](int i) { return Replace(replicas.of(i), pool, numbers, "client_token: 'one'"); });
  for (const auto& result : results) {
    ASSERT_THAT(result, IsOk());
    EXPECT_THAT(result.response, EqualsProto(results[0].response));
  }
  EXPECT_EQ(ThePool(replicas.first, pool).revision(), 2);
}

// Everything at once: nothing is lost, nothing is in two places, nobody sees the database's troubles.
TEST(ExtensionRaces, AStormOfBatchesLosesNothing) {
  Replicas replicas;
  const Identities numbers = GivenNumbers(replicas.first, 12);
  const Identities pools = {GivenPool(replicas.first), GivenPool(replicas.first), GivenPool(replicas.first)};
  using Answered = std::vector<std::pair<std::string, std::int64_t>>;  // pool and revision
  const auto answered = AtOnce(6, [&](int thread) {
    Api& api = replicas.of(thread);
    std::mt19937 random(static_cast<unsigned>(thread));
    Answered revisions;
    const auto take = [&](const std::string& pool, const auto& result) {
      if (!result.error) {
        revisions.emplace_back(pool, result.response.revision());
      } else {
        EXPECT_THAT(result, AnyOf(IsRefused(Fault::kConflict, reason::kPhoneNumberAssociatedToPool),
                                  IsRefused(Fault::kConflict, reason::kPhoneNumberNotAssociatedToPool),
                                  IsRefused(Fault::kConflict, reason::kResourceAlreadyAssociated),
                                  IsRefused(Fault::kConflict, reason::kLastPhoneNumber)));
      }
    };
    for (int turn = 0; turn < 40; ++turn) {
      const std::string& pool = pools[random() % pools.size()];
      Identities some;
      std::ranges::sample(numbers, std::back_inserter(some), 1 + static_cast<long>(random() % 4), random);
      std::ranges::shuffle(some, random);
      switch (random() % 4) {
        case 0:
          take(pool, Add(api, pool, some));
          break;
        case 1:
          take(pool, Remove(api, pool, some));
          break;
        case 2:
          take(pool, Replace(api, pool, some));
          break;
        default:
          take(pool, api.Call<UpdatePoolRequest>(PoolId(pool) +
                                                 "shared_routes_enabled: " + (random() % 2 == 0 ? "true" : "false")));
      }
    }
    return revisions;
  });

  std::map<std::string, std::set<std::int64_t>> seen;
  for (const Answered& revisions : answered) {
    for (const auto& [pool, revision] : revisions) seen[pool].insert(revision);
  }
  std::map<std::string, std::string> homes;
  for (const std::string& pool : pools) {
    // Each change was answered with a revision of its own: none was written over another.
    std::set<std::int64_t> all = seen[pool];
    all.insert(1);
    EXPECT_THAT(all, SizeIs(static_cast<std::size_t>(ThePool(replicas.first, pool).revision())));
    const Identities members = MembersOf(replicas.first, pool);
    EXPECT_FALSE(members.empty());
    for (const std::string& member : members) {
      EXPECT_TRUE(homes.emplace(member, pool).second) << member << " is in two pools";
    }
  }
  for (const std::string& number : numbers) {
    const auto found = homes.find(number);
    EXPECT_EQ(TheNumber(replicas.first, number).pool_id(), found == homes.end() ? "" : found->second);
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// ---------------------------------------------------------------------------------------------------------------------
// Policies: the lock of their resource

struct Shareable {
  std::string arn;
  std::string row;  // selects it
  std::function<std::optional<Error>(Api&)> remove;
};

std::vector<Shareable> GivenOneOfEach(Api& api) {
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  GivenSenderId(api, "ExampleCo");
  GivenOptOutList(api, "Offers");
  const std::string mine = " WHERE account_id = '" + api.account() + "'";
  return {
      {OwnArn(api, "pool", pool), PoolRow(pool), [=](Api& a) { return a.Call<DeletePoolRequest>(PoolId(pool)).error; }},
      {OwnArn(api, "phone-number", number), NumberRow(number),
       [=](Api& a) { return a.Call<ReleasePhoneNumberRequest>("phone_number_id: '" + number + "'").error; }},
      {OwnArn(api, "sender-id", "ExampleCo/GB"), "SELECT FROM sender_ids" + mine,
       [](Api& a) { return a.Call<ReleaseSenderIdRequest>("sender_id: 'ExampleCo' iso_country_code: 'GB'").error; }},
      {OwnArn(api, "opt-out-list", "Offers"), "SELECT FROM opt_out_lists" + mine + " AND opt_out_list_name = 'Offers'",
       [](Api& a) { return a.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'").error; }}};
}

std::string PolicyFor(const std::string& account) {
  return R"({"Statement": {"Effect": "Allow", "Principal": ")" + account + R"(", "Action": "sms-voice:*"}})";
}

auto PutPolicy(Api& api, const std::string& arn, const std::string& policy) {
  PutResourcePolicyRequest request;
  request.set_resource_arn(arn);
  request.set_policy(policy);
  return api.Call(request);
}

// Of the account, in the tables of policies and of what they grant.
int PolicyRows(Api& api) {
  int rows = 0;
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test",
            "SELECT (SELECT count(*) FROM resource_policies WHERE account_id = $1)"
            " + (SELECT count(*) FROM resource_grants WHERE account_id = $1)"},
           storage::Params(api.account()))[0]
        .Read(rows);
  });
  return rows;
}

// Without the lock both insert the policy's row.
TEST(ExtensionRaces, OfTwoPoliciesForOneResourceOneStaysWithWhatItGrants) {
  Replicas replicas;
  for (const Shareable& resource : GivenOneOfEach(replicas.first)) {
    SCOPED_TRACE(resource.arn);
    Api consumers[2];
    auto held = Hold(resource.row);
    auto one = InBackground([&] { return PutPolicy(replicas.first, resource.arn, PolicyFor(consumers[0].account())); });
    auto other =
        InBackground([&] { return PutPolicy(replicas.second, resource.arn, PolicyFor(consumers[1].account())); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();
    ASSERT_THAT(one.get(), IsOk());
    ASSERT_THAT(other.get(), IsOk());

    const std::string ask = "resource_arn: '" + resource.arn + "'";
    const std::string policy = replicas.first.Call<GetResourcePolicyRequest>(ask).response.policy();
    int reached = 0;
    for (Api& consumer : consumers) {
      const auto seen = consumer.Call<ListTagsForResourceRequest>(ask);
      EXPECT_EQ(!seen.error, policy == PolicyFor(consumer.account()));
      reached += seen.error ? 0 : 1;
    }
    EXPECT_EQ(reached, 1);
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// Without the lock the policy is written after the resource has gone, and waits for the next one of its name.
TEST(ExtensionRaces, NoPolicyOutlivesItsResource) {
  Replicas replicas;
  for (int round = 0; round < 3; ++round) {
    for (const Shareable& resource : GivenOneOfEach(replicas.first)) {
      SCOPED_TRACE(resource.arn);
      auto held = Hold(resource.row);
      auto removed = InBackground([&] { return resource.remove(replicas.first); });
      ASSERT_TRUE(held.EventuallyWaiting(1));
      auto put = InBackground([&] { return PutPolicy(replicas.second, resource.arn, PolicyFor("444455556666")); });
      ASSERT_TRUE(held.EventuallyWaiting(2));
      held.Release();
      const auto error = removed.get();
      EXPECT_FALSE(error) << error->what();
      EXPECT_THAT(put.get(), AnyOf(IsOk(), IsFault(Fault::kNotFound)));
    }
    EXPECT_EQ(PolicyRows(replicas.first), 0);
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// Two accounts at one list: the list's row lock (opt_out_lists.lock_for_use, lock_for_deletion).
TEST(ExtensionRaces, ASharedListIsEitherDeletedOrInUse) {
  Api owner;
  Api consumer;
  const std::string number = GivenNumber(consumer);
  const std::string pool = GivenPool(consumer);
  for (int round = 0; round < kRounds; ++round) {
    GivenOptOutList(owner, "Offers");
    const std::string arn = OwnArn(owner, "opt-out-list", "Offers");
    GivenShare(owner, arn, consumer.account());
    auto held =
        Hold("SELECT FROM opt_out_lists WHERE account_id = '" + owner.account() + "' AND opt_out_list_name = 'Offers'");
    auto deleted =
        InBackground([&] { return owner.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'").error; });
    auto used = InBackground([&]() -> std::optional<Error> {
      const std::string list = " opt_out_list_name: '" + arn + "'";
      if (round % 2 == 0) {
        return consumer.Call<UpdatePhoneNumberRequest>("phone_number_id: '" + number + "'" + list).error;
      }
      return consumer.Call<UpdatePoolRequest>(PoolId(pool) + list).error;
    });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();
    const auto deletion = deleted.get();
    const auto use = used.get();
    EXPECT_NE(deletion.has_value(), use.has_value());
    if (use) {
      EXPECT_EQ(use->fault(), Fault::kNotFound) << use->what();
      EXPECT_EQ(use->resource_id(), arn);
    } else {
      EXPECT_EQ(deletion->reason(), reason::kResourceDeletionNotAllowed) << deletion->what();
      GivenChange(consumer, number, "opt_out_list_name: 'Default'");
      GivenChange(consumer, pool, "opt_out_list_name: 'Default'");
      ASSERT_THAT(owner.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'"), IsOk());
    }
  }
  EXPECT_EQ(owner.database().stats().retries_contended() + consumer.database().stats().retries_contended(), 0u);
}

}  // namespace
}  // namespace poold
