// What happens when calls meet: real threads, the real pipeline, the real database. Each test says which lock or
// constraint it is about, and fails when that is taken out.
//
// Where a race has one moment that hurts, it is brought about: the test holds rows (HeldRows) that stand between a
// call's checks and its writes, waits until every call is stuck, at those rows or at the lock in question, and lets go.
// Without the lock both calls are then past their checks. The other races are run in rounds, on two replicas.
//
// retries_contended is 0 where a lock decides: then nobody runs into a constraint, which would mend it by a retry.
// locks_test.cc shows what goes wrong without the locks and constraints.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <random>
#include <set>

#include "tests/support/api.h"
#include "tests/support/at_once.h"
#include "tests/support/given.h"
#include "tests/support/held_rows.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::AnyOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int kRounds = 20;
const std::string kGb = "iso_country_code: 'GB'";

// One account on two servers over one database.
struct Replicas {
  explicit Replicas(const Settings& settings = {}) : first(settings), second(settings) { second.scope = first.scope; }

  Api& of(int i) { return i % 2 == 0 ? first : second; }

  std::uint64_t retries() {
    return first.database().stats().retries_contended() + second.database().stats().retries_contended();
  }

  Api first;
  Api second;
};

auto Create(Api& api, const std::string& identity, const std::string& more = {}) {
  return api.Call<CreatePoolRequest>("message_type: MESSAGE_TYPE_TRANSACTIONAL origination_identity: '" + identity +
                                     "' " + more);
}

auto Delete(Api& api, const std::string& pool) { return api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"); }

auto Associate(Api& api, const std::string& pool, const std::string& identity, const std::string& more = {}) {
  return api.Call<AssociateOriginationIdentityRequest>("pool_id: '" + pool + "' origination_identity: '" + identity +
                                                       "' " + more);
}

auto Disassociate(Api& api, const std::string& pool, const std::string& identity) {
  return api.Call<DisassociateOriginationIdentityRequest>("pool_id: '" + pool + "' origination_identity: '" + identity +
                                                          "'");
}

auto ChangeList(Api& api, const std::string& pool, const std::string& list) {
  return api.Call<UpdatePoolRequest>("pool_id: '" + pool + "' opt_out_list_name: '" + list + "'");
}

auto RequestInto(Api& api, const std::string& pool) {
  return api.Call<RequestPhoneNumberRequest>(
      "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE"
      " number_capabilities: NUMBER_CAPABILITY_SMS" +
      (pool.empty() ? std::string() : " pool_id: '" + pool + "'"));
}

auto ReleaseSender(Api& api, const std::string& sender_id) {
  return api.Call<ReleaseSenderIdRequest>("sender_id: '" + sender_id + "' " + kGb);
}

template <class Call>
auto InBackground(const Call& call) {
  return std::async(std::launch::async, call);
}

template <class Future>
bool IsDone(const Future& future) {
  return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

HeldRows Hold(const std::string& select) { return HeldRows(TestDatabaseUrl(), select); }
std::string NumberRow(const std::string& id) {
  return "SELECT FROM phone_numbers WHERE phone_number_id = '" + id + "'";
}
std::string KeywordRows(const std::string& number) {
  return "SELECT FROM phone_number_keywords WHERE phone_number_id = '" + number + "'";
}
std::string AccountRow(const Api& api) { return "SELECT FROM accounts WHERE account_id = '" + api.account() + "'"; }
std::string SenderIdRow(const Api& api) { return "SELECT FROM sender_ids WHERE account_id = '" + api.account() + "'"; }
std::string TagRows(const Api& api) { return "SELECT FROM tags WHERE account_id = '" + api.account() + "'"; }

// How many results went well.
template <class Results>
auto WentWell(const Results& results) {
  return std::ranges::count_if(results, [](const auto& result) { return !result.error.has_value(); });
}

// A pool of two plain numbers.
struct Pair {
  std::string pool, first, second;
};
Pair GivenPair(Api& api) {
  Pair pair;
  pair.first = GivenNumber(api);
  pair.second = GivenNumber(api);
  pair.pool = GivenPool(api, pair.first);
  GivenMember(api, pair.pool, pair.second);
  return pair;
}

Settings Roomy() {
  Settings settings;
  settings.api.quotas.phone_numbers = 100'000;
  settings.api.quotas.pools = 100'000;
  return settings;
}

// ---------------------------------------------------------------------------------------------------------------------
// One number, two pools

// The number's row lock (phone_numbers.lock): who has it sees whether the number is in a pool and keeps it so.
TEST(Races, TwoCreatePoolsWithOneNumberMakeOnePool) {
  Replicas replicas(Roomy());
  for (int round = 0; round < kRounds; ++round) {
    const std::string number = GivenNumber(replicas.first);
    auto held = Hold(NumberRow(number));
    auto first = InBackground([&] { return Create(replicas.first, number); });
    auto second = InBackground([&] { return Create(replicas.second, number); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();

    auto winner = first.get();
    auto loser = second.get();
    if (winner.error) std::swap(winner, loser);
    ASSERT_THAT(winner, IsOk());
    EXPECT_THAT(loser, IsConflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, number));
    EXPECT_EQ(TheNumber(replicas.first, number).pool_id(), winner.response.pool_id());
    EXPECT_THAT(MembersOf(replicas.first, winner.response.pool_id()), ElementsAre(number));
    ASSERT_THAT(Delete(replicas.first, winner.response.pool_id()), IsOk());
  }
  EXPECT_THAT(replicas.first.Call<DescribePoolsRequest>("").response.pools(), IsEmpty());
  EXPECT_EQ(replicas.retries(), 0u);
}

// The same lock; the two calls hold different pools.
TEST(Races, TwoAssociatesOfOneNumberToTwoPoolsPutItInOne) {
  Replicas replicas(Roomy());
  const std::string pools[] = {GivenPool(replicas.first), GivenPool(replicas.first)};
  for (int round = 0; round < kRounds; ++round) {
    const std::string number = GivenNumber(replicas.first);
    auto held = Hold(NumberRow(number));
    auto first = InBackground([&] { return Associate(replicas.first, pools[0], number); });
    auto second = InBackground([&] { return Associate(replicas.second, pools[1], number); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();

    const auto to_first = first.get();
    const auto to_second = second.get();
    const bool first_won = !to_first.error;
    EXPECT_THAT(first_won ? to_second : to_first,
                IsConflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, number));
    EXPECT_THAT(first_won ? to_first : to_second, IsOk());
    const std::string& home = pools[first_won ? 0 : 1];
    EXPECT_EQ(TheNumber(replicas.first, number).pool_id(), home);
    ASSERT_THAT(Disassociate(replicas.first, home, number), IsOk());
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// The pool's row lock (pools.lock): the second call sees the identity there. Without the lock it runs into
// one_membership_per_sender_id_and_pool.
TEST(Races, TwoAssociatesOfOneSenderIdToOnePoolPutItInOnce) {
  Replicas replicas;
  const std::string number = GivenNumber(replicas.first);
  const std::string pool = GivenPool(replicas.first, number);
  GivenSenderId(replicas.first, "EXAMPLECO");
  auto held = Hold("SELECT FROM pools WHERE pool_id = '" + pool + "'");
  auto first = InBackground([&] { return Associate(replicas.first, pool, "EXAMPLECO", kGb); });
  auto second = InBackground([&] { return Associate(replicas.second, pool, "EXAMPLECO", kGb); });
  ASSERT_TRUE(held.EventuallyWaiting(2));
  held.Release();

  auto winner = first.get();
  auto loser = second.get();
  if (winner.error) std::swap(winner, loser);
  EXPECT_THAT(winner, IsOk());
  EXPECT_THAT(loser, IsConflict(reason::kResourceAlreadyAssociated, ResourceType::kSenderId, "EXAMPLECO"));
  EXPECT_THAT(MembersOf(replicas.first, pool), ElementsAre(number, "EXAMPLECO"));
  EXPECT_EQ(replicas.retries(), 0u);
}

// ---------------------------------------------------------------------------------------------------------------------
// The last number

// The pool's row lock: without it both calls count two numbers and take one away each, which no constraint forbids. The
// held keywords stand between the count and the removal.
TEST(Races, TwoDisassociatesOfTheLastTwoNumbersLeaveOne) {
  Replicas replicas(Roomy());
  for (int round = 0; round < kRounds; ++round) {
    const Pair pair = GivenPair(replicas.first);
    auto held = Hold("SELECT FROM phone_number_keywords WHERE phone_number_id IN ('" + pair.first + "', '" +
                     pair.second + "')");
    auto first = InBackground([&] { return Disassociate(replicas.first, pair.pool, pair.first); });
    auto second = InBackground([&] { return Disassociate(replicas.second, pair.pool, pair.second); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();

    const auto of_first = first.get();
    const auto of_second = second.get();
    const bool first_left = !of_first.error;
    const std::string& stays = first_left ? pair.second : pair.first;
    EXPECT_THAT(first_left ? of_first : of_second, IsOk());
    EXPECT_THAT(first_left ? of_second : of_first,
                IsConflict(reason::kLastPhoneNumber, ResourceType::kPhoneNumber, stays));
    EXPECT_THAT(MembersOf(replicas.first, pair.pool), ElementsAre(stays));
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// The same lock, with as many calls as there are members, from a standing start.
TEST(Races, OfManyDisassociatesOfAllNumbersOneIsRefused) {
  Replicas replicas(Roomy());
  for (int round = 0; round < kRounds / 2; ++round) {
    std::vector<std::string> numbers;
    for (int i = 0; i < 6; ++i) numbers.push_back(GivenNumber(replicas.first));
    const std::string pool = GivenPool(replicas.first, numbers[0]);
    for (int i = 1; i < 6; ++i) GivenMember(replicas.first, pool, numbers[static_cast<std::size_t>(i)]);

    const auto results =
        AtOnce(6, [&](int i) { return Disassociate(replicas.of(i), pool, numbers[static_cast<std::size_t>(i)]); });
    EXPECT_EQ(WentWell(results), 5);
    EXPECT_THAT(MembersOf(replicas.first, pool), SizeIs(1));
    for (const auto& result : results) {
      EXPECT_THAT(result, AnyOf(IsOk(), IsRefused(Fault::kConflict, reason::kLastPhoneNumber)));
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Deleting a pool while others work on it

// The pool's row lock. Associate has found the pool ACTIVE and waits for the number; the deletion has to wait, and
// detaches the number that came in.
TEST(Races, ADeletionWaitsForAnAssociationThatBeganBefore) {
  Replicas replicas(Roomy());
  for (int round = 0; round < kRounds; ++round) {
    const std::string pool = GivenPool(replicas.first);
    const std::string number = GivenNumber(replicas.first);
    auto held = Hold(NumberRow(number));
    auto associated = InBackground([&] { return Associate(replicas.first, pool, number); });
    ASSERT_TRUE(held.EventuallyWaiting(1));
    auto deleted = InBackground([&] { return Delete(replicas.second, pool); });
    ASSERT_TRUE(Eventually([&] { return held.Waiting() == 2 || IsDone(deleted); }));
    held.Release();

    EXPECT_THAT(associated.get(), IsOk());
    EXPECT_THAT(deleted.get(), IsOk());
    EXPECT_FALSE(IsThere(replicas.first, pool));
    EXPECT_FALSE(TheNumber(replicas.first, number).has_pool_id());
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// The same lock the other way round: the association waits and then doesn't find the pool.
TEST(Races, AnAssociationWaitsForADeletionThatBeganBefore) {
  Replicas replicas(Roomy());
  for (int round = 0; round < kRounds; ++round) {
    const std::string founder = GivenNumber(replicas.first);
    const std::string pool = GivenPool(replicas.first, founder);
    const std::string number = GivenNumber(replicas.first);
    auto held = Hold(KeywordRows(founder));
    auto deleted = InBackground([&] { return Delete(replicas.first, pool); });
    ASSERT_TRUE(held.EventuallyWaiting(1));
    auto associated = InBackground([&] { return Associate(replicas.second, pool, number); });
    ASSERT_TRUE(Eventually([&] { return held.Waiting() == 2 || IsDone(associated); }));
    held.Release();

    EXPECT_THAT(deleted.get(), IsOk());
    EXPECT_THAT(associated.get(), IsNotFound(ResourceType::kPool, pool));
    EXPECT_FALSE(TheNumber(replicas.first, number).has_pool_id());
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// The order of locks: pools come before lists. The deletion of a list that is taken back from another account waits for
// that account's pool, and holds nothing meanwhile that a call needs which takes the list for a pool of its own.
TEST(Races, ADeletionOfAListThatWaitsForAPoolHoldsUpNobodyWhoTakesTheList) {
  Api owner;
  Api consumer;
  GivenOptOutList(owner, "Offers");
  const std::string arn = OwnArn(owner, "opt-out-list", "Offers");
  GivenShare(owner, arn, consumer.account());
  const std::string pool = GivenPool(consumer);
  ASSERT_THAT(ChangeList(consumer, pool, arn), IsOk());
  GivenShare(owner, arn, "999999999999");

  auto held = Hold("SELECT FROM pools WHERE pool_id = '" + pool + "'");
  auto deleted = InBackground([&] { return owner.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'"); });
  ASSERT_TRUE(held.EventuallyWaiting(1));
  const std::string own = GivenPool(owner);
  auto changed = InBackground([&] { return ChangeList(owner, own, "Offers"); });
  EXPECT_TRUE(Eventually([&] { return IsDone(changed); }));
  held.Release();
  EXPECT_THAT(changed.get(), IsOk());
  EXPECT_THAT(deleted.get(),
              IsConflict(reason::kResourceDeletionNotAllowed, ResourceType::kOptOutList, std::string("Offers")));
  EXPECT_EQ(ThePool(consumer, pool).opt_out_list_name(), "Offers");
  EXPECT_EQ(owner.database().stats().retries_contended(), 0u);
}

// The same lock, from a standing start: whichever comes first, no number is left in a pool that is gone.
TEST(Races, DeletePoolAgainstAssociateLeavesNoMemberOfAPoolThatIsGone) {
  Replicas replicas(Roomy());
  for (int round = 0; round < kRounds; ++round) {
    const std::string pool = GivenPool(replicas.first);
    const std::string number = GivenNumber(replicas.first);
    const auto errors = AtOnce(2, [&](int i) -> std::optional<Error> {
      return i == 0 ? Delete(replicas.first, pool).error : Associate(replicas.second, pool, number).error;
    });
    EXPECT_FALSE(errors[0].has_value());
    if (errors[1]) {
      EXPECT_EQ(errors[1]->fault(), Fault::kNotFound) << errors[1]->what();
    }
    EXPECT_FALSE(IsThere(replicas.first, pool));
    EXPECT_FALSE(TheNumber(replicas.first, number).has_pool_id());
  }
}

// The pool's row lock, in RequestPhoneNumber: the number is in, then the deletion detaches it.
TEST(Races, ADeletionWaitsForANewNumberThatWasAskedForBefore) {
  Replicas replicas(Roomy());
  for (int round = 0; round < kRounds; ++round) {
    const std::string pool = GivenPool(replicas.first);
    auto held = Hold(AccountRow(replicas.first));
    auto requested = InBackground([&] { return RequestInto(replicas.first, pool); });
    ASSERT_TRUE(held.EventuallyWaiting(1));
    auto deleted = InBackground([&] { return Delete(replicas.second, pool); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();

    const auto number = requested.get();
    ASSERT_THAT(number, IsOk());
    EXPECT_EQ(number.response.pool_id(), pool);
    EXPECT_THAT(deleted.get(), IsOk());
    EXPECT_FALSE(TheNumber(replicas.first, number.response.phone_number_id()).has_pool_id());
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// The same lock, from a standing start. A number whose pool is gone is not handed out at all.
TEST(Races, DeletePoolAgainstRequestPhoneNumberLeavesNoNumberInAPoolThatIsGone) {
  Replicas replicas(Roomy());
  for (int round = 0; round < kRounds; ++round) {
    const std::string pool = GivenPool(replicas.first);
    const auto before = replicas.first.Call<DescribePhoneNumbersRequest>("").response.phone_numbers_size();
    const auto errors = AtOnce(2, [&](int i) -> std::optional<Error> {
      return i == 0 ? Delete(replicas.first, pool).error : RequestInto(replicas.second, pool).error;
    });
    EXPECT_FALSE(errors[0].has_value());
    if (errors[1]) {
      EXPECT_EQ(errors[1]->fault(), Fault::kNotFound) << errors[1]->what();
    }
    const auto numbers = replicas.first.Call<DescribePhoneNumbersRequest>("").response;
    EXPECT_EQ(numbers.phone_numbers_size(), before + (errors[1] ? 0 : 1));
    for (const auto& number : numbers.phone_numbers()) EXPECT_FALSE(number.has_pool_id());
  }
}

// The pool's row lock, and with it the account's count of pools: the second deletion finds nothing to count down for.
TEST(Races, OfTwoDeletionsOfOnePoolOneFindsNothingAndThePoolIsCountedOnce) {
  Settings settings = Roomy();
  settings.api.quotas.pools = 2;
  Replicas replicas(settings);
  const std::string stays = GivenPool(replicas.first);
  for (int round = 0; round < kRounds; ++round) {
    const std::string founder = GivenNumber(replicas.first);
    const std::string pool = GivenPool(replicas.first, founder);
    auto held = Hold(KeywordRows(founder));
    auto first = InBackground([&] { return Delete(replicas.first, pool); });
    auto second = InBackground([&] { return Delete(replicas.second, pool); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();

    auto winner = first.get();
    auto loser = second.get();
    if (winner.error) std::swap(winner, loser);
    EXPECT_THAT(winner, IsOk());
    EXPECT_THAT(loser, IsNotFound(ResourceType::kPool, pool));
  }
  ASSERT_THAT(Create(replicas.first, GivenNumber(replicas.first)), IsOk());
  EXPECT_THAT(Create(replicas.first, GivenNumber(replicas.first)), IsOverQuota(reason::kPoolsPerAccount, 2));
  EXPECT_EQ(replicas.retries(), 0u);
}

// ---------------------------------------------------------------------------------------------------------------------
// Releasing a sender ID while a pool takes it

// The sender ID's row lock of ReleaseSenderId (sender_ids.lock_for_change) against that of the association
// (sender_ids.lock_for_use). The held tags stand between the check that no pool has it and its removal.
TEST(Races, AnAssociationWaitsForTheReleaseOfItsSenderId) {
  Replicas replicas(Roomy());
  const std::string number = GivenNumber(replicas.first);
  const std::string pool = GivenPool(replicas.first, number);
  for (int round = 0; round < kRounds; ++round) {
    GivenSenderId(replicas.first, "EXAMPLECO", "GB", "tags { key: 'k' value: 'v' }");
    auto held = Hold(TagRows(replicas.first));
    auto released = InBackground([&] { return ReleaseSender(replicas.first, "EXAMPLECO"); });
    ASSERT_TRUE(held.EventuallyWaiting(1));
    auto associated = InBackground([&] { return Associate(replicas.second, pool, "EXAMPLECO", kGb); });
    ASSERT_TRUE(Eventually([&] { return held.Waiting() == 2 || IsDone(associated); }));
    held.Release();

    EXPECT_THAT(released.get(), IsOk());
    EXPECT_THAT(associated.get(), IsNotFound(ResourceType::kSenderId, "EXAMPLECO"));
    EXPECT_THAT(MembersOf(replicas.first, pool), ElementsAre(number));
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// The same locks, from a standing start: no pool keeps a sender ID that is gone.
TEST(Races, ReleaseSenderIdAgainstAssociateLeavesEitherBothOrNone) {
  Replicas replicas(Roomy());
  const std::string number = GivenNumber(replicas.first);
  const std::string pool = GivenPool(replicas.first, number);
  for (int round = 0; round < kRounds; ++round) {
    const std::string sender_id = GivenSenderId(replicas.first, "S" + std::to_string(round));
    const auto errors = AtOnce(2, [&](int i) -> std::optional<Error> {
      return i == 0 ? ReleaseSender(replicas.first, sender_id).error
                    : Associate(replicas.second, pool, sender_id, kGb).error;
    });
    ASSERT_EQ(errors[0].has_value(), !errors[1].has_value());
    if (errors[0]) {
      EXPECT_EQ(errors[0]->reason(), reason::kSenderIdAssociatedToPool) << errors[0]->what();
      ASSERT_THAT(replicas.first.Call<DisassociateOriginationIdentityRequest>(
                      "pool_id: '" + pool + "' origination_identity: '" + sender_id + "' " + kGb),
                  IsOk());
      ASSERT_THAT(ReleaseSender(replicas.first, sender_id), IsOk());
    } else {
      EXPECT_EQ(errors[1]->fault(), Fault::kNotFound) << errors[1]->what();
    }
    EXPECT_THAT(MembersOf(replicas.first, pool), ElementsAre(number));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Changing a pool while a number comes in

// The pool's row lock, held by the association from its comparison to its write: the change comes after, and is written
// through to the new member too.
TEST(Races, AChangeOfThePoolWaitsForAnAssociationAndReachesItsNumber) {
  Replicas replicas(Roomy());
  GivenOptOutList(replicas.first, "Offers");
  const std::string pool = GivenPool(replicas.first);
  for (int round = 0; round < kRounds; ++round) {
    const std::string number = GivenNumber(replicas.first);
    ASSERT_THAT(ChangeList(replicas.first, pool, "Default"), IsOk());
    auto held = Hold(NumberRow(number));
    auto associated = InBackground([&] { return Associate(replicas.first, pool, number); });
    ASSERT_TRUE(held.EventuallyWaiting(1));
    auto changed = InBackground([&] { return ChangeList(replicas.second, pool, "Offers"); });
    ASSERT_TRUE(Eventually([&] { return held.Waiting() == 2 || IsDone(changed); }));
    held.Release();

    EXPECT_THAT(associated.get(), IsOk());
    EXPECT_THAT(changed.get(), IsOk());
    EXPECT_EQ(TheNumber(replicas.first, number).opt_out_list_name(), "Offers");
    ASSERT_THAT(Disassociate(replicas.first, pool, number), IsOk());
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// The same lock, held by UpdatePool: the association compares with what the pool is after the change.
TEST(Races, AnAssociationWaitsForAChangeOfThePoolAndComparesWithTheNewSettings) {
  Replicas replicas(Roomy());
  GivenOptOutList(replicas.first, "Offers");
  const std::string founder = GivenNumber(replicas.first);
  const std::string pool = GivenPool(replicas.first, founder);
  const std::string number = GivenNumber(replicas.first);
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_THAT(ChangeList(replicas.first, pool, "Default"), IsOk());
    auto held = Hold(NumberRow(founder));
    auto changed = InBackground([&] { return ChangeList(replicas.first, pool, "Offers"); });
    ASSERT_TRUE(held.EventuallyWaiting(1));
    auto associated = InBackground([&] { return Associate(replicas.second, pool, number); });
    ASSERT_TRUE(Eventually([&] { return held.Waiting() == 2 || IsDone(associated); }));
    held.Release();

    EXPECT_THAT(changed.get(), IsOk());
    ASSERT_THAT(associated.get(), IsConflict(reason::kOptOutListMismatch, ResourceType::kPhoneNumber, number));
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// The pool's row lock, in RequestPhoneNumber: the number takes the pool's settings, and a change of them reaches it.
TEST(Races, AChangeOfThePoolWaitsForANewNumberAndReachesIt) {
  Replicas replicas(Roomy());
  GivenOptOutList(replicas.first, "Offers");
  const std::string pool = GivenPool(replicas.first);
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_THAT(ChangeList(replicas.first, pool, "Default"), IsOk());
    auto held = Hold(AccountRow(replicas.first));
    auto requested = InBackground([&] { return RequestInto(replicas.first, pool); });
    ASSERT_TRUE(held.EventuallyWaiting(1));
    auto changed = InBackground([&] { return ChangeList(replicas.second, pool, "Offers"); });
    ASSERT_TRUE(Eventually([&] { return held.Waiting() == 2 || IsDone(changed); }));
    held.Release();

    const auto number = requested.get();
    ASSERT_THAT(number, IsOk());
    EXPECT_THAT(changed.get(), IsOk());
    EXPECT_EQ(TheNumber(replicas.first, number.response.phone_number_id()).opt_out_list_name(), "Offers");
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// One client token, two calls

// The primary key of client_tokens: the second call waits for the first one's row, and then replays its answer.
TEST(Races, OfTwoCallsWithOneTokenOneActsAndBothAreAnsweredTheSame) {
  Replicas replicas(Roomy());
  GivenSenderId(replicas.first, "EXAMPLECO");
  for (int round = 0; round < kRounds; ++round) {
    const std::string more = kGb + " client_token: 'token-" + std::to_string(round) + "'";
    auto held = Hold(SenderIdRow(replicas.first));
    auto first = InBackground([&] { return Create(replicas.first, "EXAMPLECO", more); });
    auto second = InBackground([&] { return Create(replicas.second, "EXAMPLECO", more); });
    ASSERT_TRUE(held.EventuallyWaiting(2));
    held.Release();

    const auto of_first = first.get();
    const auto of_second = second.get();
    ASSERT_THAT(of_first, IsOk());
    ASSERT_THAT(of_second, IsOk());
    EXPECT_THAT(of_second.response, EqualsProto(of_first.response));
    EXPECT_THAT(replicas.first.Call<DescribePoolsRequest>("").response.pools(), SizeIs(1));
    ASSERT_THAT(Delete(replicas.first, of_first.response.pool_id()), IsOk());
  }
  EXPECT_EQ(replicas.retries(), 0u);
}

// The same key. The first call is refused and takes its claim of the token with it, so that the second acts.
TEST(Races, ACallWithTheTokenOfOneThatIsRefusedMeanwhileActsItself) {
  Settings settings;
  settings.api.quotas.pools = 1;
  Replicas replicas(settings);
  GivenSenderId(replicas.first, "EXAMPLECO");
  const std::string full = GivenPool(replicas.first);
  const std::string more = kGb + " client_token: 'token'";
  auto held = Hold(SenderIdRow(replicas.first));
  auto first = InBackground([&] { return Create(replicas.first, "EXAMPLECO", more); });
  ASSERT_TRUE(held.EventuallyWaiting(1));
  auto second = InBackground([&] { return Create(replicas.second, "EXAMPLECO", more); });
  ASSERT_TRUE(held.EventuallyWaiting(2));
  held.Release();
  EXPECT_THAT(first.get(), IsFault(Fault::kQuota));
  EXPECT_THAT(second.get(), IsFault(Fault::kQuota));

  ASSERT_THAT(Delete(replicas.first, full), IsOk());
  EXPECT_THAT(Create(replicas.first, "EXAMPLECO", more), IsOk());  // a refusal was not remembered
}

// ---------------------------------------------------------------------------------------------------------------------
// Quotas and the inventory

// The count in the account's row, raised by one conditional UPDATE (accounts.count_pool).
TEST(Races, ParallelCreatePoolsMakeExactlyAsManyAsTheQuotaAllows) {
  Settings settings;
  settings.api.quotas.pools = 5;
  for (int round = 0; round < kRounds / 2; ++round) {
    Replicas replicas(settings);
    GivenSenderId(replicas.first, "EXAMPLECO");
    auto held = Hold(AccountRow(replicas.first));
    auto racing =
        InBackground([&] { return AtOnce(12, [&](int i) { return Create(replicas.of(i), "EXAMPLECO", kGb); }); });
    ASSERT_TRUE(held.EventuallyWaiting(12));
    held.Release();

    const auto results = racing.get();
    EXPECT_EQ(WentWell(results), 5);
    for (const auto& result : results) EXPECT_THAT(result, AnyOf(IsOk(), IsOverQuota(reason::kPoolsPerAccount, 5)));
    EXPECT_THAT(replicas.first.Call<DescribePoolsRequest>("").response.pools(), SizeIs(5));
    EXPECT_EQ(replicas.retries(), 0u);
  }
}

// The row lock of the pool: each association counts the members that are there after the one before.
TEST(Races, ParallelAssociatesFillAPoolToItsQuotaAndNotOver) {
  Settings settings = Roomy();
  settings.api.quotas.origination_identities_per_pool = 4;
  for (int round = 0; round < kRounds / 2; ++round) {
    Replicas replicas(settings);
    const std::string pool = GivenPool(replicas.first);
    std::vector<std::string> numbers;
    for (int i = 0; i < 8; ++i) numbers.push_back(GivenNumber(replicas.first));
    const auto results =
        AtOnce(8, [&](int i) { return Associate(replicas.of(i), pool, numbers[static_cast<std::size_t>(i)]); });
    EXPECT_EQ(WentWell(results), 3);
    EXPECT_THAT(MembersOf(replicas.first, pool), SizeIs(4));
  }
}

// The inventory's row locks (inventory.take: FOR UPDATE SKIP LOCKED) and the count in the account's row.
TEST(Races, ParallelRequestsGetDifferentNumbersAndExactlyAsManyAsTheQuotaAllows) {
  Settings settings;
  settings.api.quotas.phone_numbers = 5;
  for (int round = 0; round < kRounds / 2; ++round) {
    Replicas replicas(settings);
    GivenAccount(replicas.first, replicas.first.account());
    auto held = Hold(AccountRow(replicas.first));
    auto racing = InBackground([&] { return AtOnce(12, [&](int i) { return RequestInto(replicas.of(i), ""); }); });
    ASSERT_TRUE(held.EventuallyWaiting(12));
    held.Release();

    std::set<std::string> numbers;
    for (const auto& result : racing.get()) {
      EXPECT_THAT(result, AnyOf(IsOk(), IsOverQuota(reason::kPhoneNumbersPerAccount, 5)));
      if (!result.error) numbers.insert(result.response.phone_number());
    }
    EXPECT_THAT(numbers, SizeIs(5));
    EXPECT_THAT(replicas.first.Call<DescribePhoneNumbersRequest>("").response.phone_numbers(), SizeIs(5));
    EXPECT_EQ(replicas.retries(), 0u);
  }
}

// The inventory's row locks alone: between accounts no constraint speaks of the numbers that they hold.
TEST(Races, ParallelRequestsOfDifferentAccountsGetDifferentNumbers) {
  Api first(Roomy());
  Api second(Roomy());
  std::set<std::string> numbers;
  constexpr int kThreads = 8;
  constexpr int kEach = 5;
  const auto batches = AtOnce(kThreads, [&](int i) {
    std::vector<std::string> batch;
    for (int n = 0; n < kEach; ++n) {
      const auto result = RequestInto(i % 2 == 0 ? first : second, "");
      if (result.error) throw std::runtime_error(result.error->what());
      batch.push_back(result.response.phone_number());
    }
    return batch;
  });
  for (const auto& batch : batches) numbers.insert(batch.begin(), batch.end());
  EXPECT_THAT(numbers, SizeIs(kThreads * kEach));
}

// ---------------------------------------------------------------------------------------------------------------------
// Looking while others write

// The keyset position of the page token: pages follow (created, id), which never change, and not a count of rows.
TEST(Races, PagingSkipsAndRepeatsNoPoolThatIsThereThroughout) {
  Replicas replicas(Roomy());
  GivenSenderId(replicas.first, "EXAMPLECO");
  std::vector<std::string> lasting;
  for (int i = 0; i < 12; ++i) {
    lasting.push_back(GivenPool(replicas.first, "EXAMPLECO", kGb));
    replicas.first.world.Advance(std::chrono::milliseconds(10));
  }

  std::atomic<bool> done = false;
  std::atomic<int> changes = 0;
  auto writer = InBackground([&] {
    std::mt19937 random(7);
    while (!done) {
      // Anywhere between the lasting ones, before or after them.
      replicas.second.world.Set(FakeWorld::kStart + std::chrono::milliseconds(static_cast<int>(random() % 140) - 10));
      const auto passing = Create(replicas.second, "EXAMPLECO", kGb);
      if (passing.error || Delete(replicas.second, passing.response.pool_id()).error) return false;
      ++changes;
    }
    return true;
  });
  while (changes < 200 && !IsDone(writer)) {
    std::vector<std::string> seen;
    std::string token;
    do {
      const auto page = replicas.first.Call<DescribePoolsRequest>("max_results: 2 " + token);
      if (page.error) break;  // then too little was seen
      for (const auto& pool : page.response.pools()) {
        if (std::ranges::find(lasting, pool.pool_id()) != lasting.end()) seen.push_back(pool.pool_id());
      }
      token = page.response.has_next_token() ? "next_token: '" + page.response.next_token() + "'" : "";
    } while (!token.empty());
    EXPECT_EQ(seen, lasting);
  }
  done = true;
  EXPECT_TRUE(writer.get()) << "a pool could not be made or deleted";
}

// ---------------------------------------------------------------------------------------------------------------------
// Everything at once

// All locks, taken in one order (pool, identity, opt-out list, account): nobody waits in a circle, so no call is ever
// run again, and no refusal is anything but documented.
TEST(Races, ManyCallsOfAllKindsAtOnceKeepEveryPromise) {
  Settings settings = Roomy();
  settings.api.quotas.origination_identities_per_pool = 4;
  Replicas replicas(settings);
  GivenOptOutList(replicas.first, "Offers");
  GivenSenderId(replicas.first, "EXAMPLECO");
  std::vector<std::string> numbers;
  for (int i = 0; i < 8; ++i) numbers.push_back(GivenNumber(replicas.first));

  const auto faults = AtOnce(8, [&](int thread) {
    Api& api = replicas.of(thread);
    std::mt19937 random(static_cast<unsigned>(thread));
    std::set<std::string> undocumented;
    const auto note = [&](const std::optional<Error>& error) {
      if (error && error->fault() != Fault::kConflict && error->fault() != Fault::kNotFound &&
          error->fault() != Fault::kQuota) {
        undocumented.insert(error->what());
      }
    };
    for (int i = 0; i < 60; ++i) {
      const auto pools = api.Call<DescribePoolsRequest>("").response;
      const auto& number = numbers[random() % numbers.size()];
      const std::string pool =
          pools.pools_size() == 0
              ? "pool-0"
              : pools.pools(static_cast<int>(random() % static_cast<unsigned>(pools.pools_size()))).pool_id();
      switch (random() % 8) {
        case 0:
          note(Create(api, number).error);
          break;
        case 1:
          note(Delete(api, pool).error);
          break;
        case 2:
          note(Disassociate(api, pool, number).error);
          break;
        case 3:
          note(ChangeList(api, pool, random() % 2 == 0 ? "Offers" : "Default").error);
          break;
        case 4:
          note(Associate(api, pool, "EXAMPLECO", kGb).error);
          break;
        case 5:
          note(api.Call<UpdatePhoneNumberRequest>("phone_number_id: '" + number + "' opt_out_list_name: '" +
                                                  (random() % 2 == 0 ? "Offers" : "Default") + "'")
                   .error);
          break;
        default:
          note(Associate(api, pool, number).error);
      }
    }
    return undocumented;
  });
  for (const auto& undocumented : faults) EXPECT_THAT(undocumented, IsEmpty());
  EXPECT_EQ(replicas.retries(), 0u);

  // What is there now agrees with itself.
  Api& api = replicas.first;
  std::set<std::string> in_pools;
  const auto pools = api.Call<DescribePoolsRequest>("").response;
  for (const auto& pool : pools.pools()) {
    const auto members = MembersOf(api, pool.pool_id());
    EXPECT_FALSE(members.empty());
    EXPECT_LE(members.size(), 4u);
    for (const std::string& member : members) {
      if (member == "EXAMPLECO") continue;
      EXPECT_TRUE(in_pools.insert(member).second) << member << " is in two pools";
      const auto number = TheNumber(api, member);
      EXPECT_EQ(number.pool_id(), pool.pool_id());
      EXPECT_EQ(number.opt_out_list_name(), pool.opt_out_list_name());
    }
  }
  for (const std::string& number : numbers) {
    EXPECT_EQ(TheNumber(api, number).has_pool_id(), in_pools.contains(number));
  }
  int counted = -1;
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test", "SELECT pools FROM accounts WHERE account_id = $1"}, storage::Params(api.account()))[0].Read(
        counted);
  });
  EXPECT_EQ(counted, pools.pools_size());
}

}  // namespace
}  // namespace poold
