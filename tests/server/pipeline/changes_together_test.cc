// Creates and associations that wait at the same time are done in one transaction, and nobody can tell.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "storage/account_quotas.h"
#include "storage/accounts.h"
#include "tests/support/given.h"
#include "tests/support/together.h"

namespace poold {
namespace {

using namespace smsvoice::v2;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

std::string Creating(const std::string& identity, const std::string& more = {}) {
  const bool number = identity.starts_with("phone-") || identity.starts_with("arn:");
  return "origination_identity: '" + identity + "' message_type: MESSAGE_TYPE_TRANSACTIONAL " +
         (number ? "" : "iso_country_code: 'GB' ") + more;
}

std::string Associating(const std::string& pool, const std::string& number, const std::string& more = {}) {
  return "pool_id: '" + pool + "' origination_identity: '" + number + "' " + more;
}

class ChangesTogether : public TogetherTest {
 protected:
  ChangesTogether() : TogetherTest(3) {
    GivenSenderId(ours, "OURS");
    GivenSenderId(theirs, "THEIRS");
  }

  WaitingCall& Create(const Api& api, const std::string& identity, const std::string& more = {}) {
    return Add<CreatePoolRequest>(api, Creating(identity, more));
  }

  WaitingCall& Associate(const Api& api, const std::string& pool, const std::string& number,
                         const std::string& more = {}) {
    return Add<AssociateOriginationIdentityRequest>(api, Associating(pool, number, more));
  }

  void Go() { TogetherTest::Go(ahead); }

  const CreatePoolResponse& Created(std::size_t i) const { return waiting[i]->As<CreatePoolResponse>(); }
  const AssociateOriginationIdentityResponse& Associated(std::size_t i) const {
    return waiting[i]->As<AssociateOriginationIdentityResponse>();
  }

  static std::int64_t PoolsOf(Api& api) {
    storage::Usage usage;
    api.Sql([&](storage::Transaction& tx) { usage = storage::FindUsage(tx, api.scope); });
    return usage.pools;
  }

  WaitingCall ahead{service, ours.account(), Api::Parse<CreatePoolRequest>(Creating("OURS")),
                    MethodOf<CreatePoolRequest>()};
};

TEST_F(ChangesTogether, ManyCreatesAreOneTransactionAndEachGetsItsOwn) {
  const auto configured = GivenConfiguredNumber(ours);
  Create(ours, "OURS", "tags { key: 'a' value: '1' } tags { key: 'b' value: '2' } client_token: 'one'");
  Create(theirs, "THEIRS", "deletion_protection_enabled: true client_token: 'one'");
  Create(ours, configured.id, "tags { key: 'a' value: '3' }");
  Create(theirs, "theirs");
  Go();
  EXPECT_EQ(Count("pools.insert"), 2);
  EXPECT_EQ(Count("commit"), 2) << "with that of the one ahead of them";
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    ASSERT_FALSE(outcomes[i]) << i << outcomes[i]->what();
    Api& owner = i % 2 == 0 ? ours : theirs;
    const PoolInformation pool = ThePool(owner, Created(i).pool_id());
    EXPECT_EQ(pool.pool_arn(), Created(i).pool_arn());
    EXPECT_EQ(pool.opt_out_list_name(), Created(i).opt_out_list_name());
    EXPECT_EQ(pool.deletion_protection_enabled(), i == 1);
    EXPECT_EQ(pool.created_timestamp().DebugString(), Created(i).created_timestamp().DebugString());
    EXPECT_EQ(pool.revision(), 1);
    EXPECT_FALSE(std::as_const(waiting[i]->call).work_log().statements.empty());
  }
  EXPECT_THAT(MembersOf(ours, Created(0).pool_id()), ElementsAre("OURS"));
  EXPECT_THAT(MembersOf(theirs, Created(1).pool_id()), ElementsAre("THEIRS"));
  EXPECT_THAT(MembersOf(ours, Created(2).pool_id()), ElementsAre(configured.id));
  EXPECT_THAT(MembersOf(theirs, Created(3).pool_id()), ElementsAre("THEIRS"));
  EXPECT_EQ(Created(2).opt_out_list_name(), ConfiguredNumber::kList);
  EXPECT_EQ(KeywordsOf(ours, Created(2).pool_id()), KeywordsOf(ours, configured.id));
  EXPECT_EQ(KeywordsOf(theirs, Created(3).pool_id()).size(), 2);
  EXPECT_THAT(TagsOf(ours, "pool", Created(0).pool_id()), ElementsAre(Pair("a", "1"), Pair("b", "2")));
  EXPECT_THAT(TagsOf(ours, "pool", Created(2).pool_id()), ElementsAre(Pair("a", "3")));
  EXPECT_THAT(TagsOf(theirs, "pool", Created(3).pool_id()), IsEmpty());
  EXPECT_EQ(PoolsOf(ours), 3) << "with the one ahead of them";
  EXPECT_EQ(PoolsOf(theirs), 2);
}

TEST_F(ChangesTogether, ARefusedCreateDoesNotTouchItsNeighbours) {
  const std::string taken = GivenNumber(ours);
  GivenPool(ours, taken);
  const std::string pending = GivenNumber(ours);
  GivenStatus(ours, pending, "PENDING");
  const auto before = PoolsOf(ours);
  Create(ours, "OURS", "client_token: 'good'");
  Create(ours, "NOBODY", "client_token: 'bad'");
  Create(ours, "THEIRS");
  Create(ours, taken, "client_token: 'taken'");
  Create(ours, pending);
  Create(theirs, "THEIRS");
  WaitingCall& late = Create(ours, "OURS");
  late.call.set_deadline(late.call.received() + std::chrono::nanoseconds(1));
  WaitingCall& gone = Create(ours, "OURS");
  gone.call.Cancel();
  Go();
  EXPECT_EQ(Count("pools.insert"), 2) << "that of the one ahead and that of the group";
  EXPECT_FALSE(outcomes[0]);
  EXPECT_EQ(outcomes[1]->fault(), Fault::kNotFound);
  EXPECT_EQ(outcomes[1]->resource_id(), "NOBODY");
  EXPECT_EQ(outcomes[2]->fault(), Fault::kNotFound);
  EXPECT_EQ(outcomes[3]->reason(), reason::kPhoneNumberAssociatedToPool);
  EXPECT_EQ(outcomes[4]->reason(), reason::kResourceNotActive);
  EXPECT_FALSE(outcomes[5]);
  EXPECT_EQ(outcomes[6]->fault(), Fault::kDeadline);
  EXPECT_EQ(outcomes[7]->fault(), Fault::kCancelled);
  EXPECT_EQ(PoolsOf(ours), before + 2) << "with the one ahead of them";
  EXPECT_EQ(PoolsOf(theirs), 1);

  GivenSenderId(ours, "NOBODY");
  EXPECT_THAT(ours.Call<CreatePoolRequest>(Creating("NOBODY", "client_token: 'bad'")), IsOk())
      << "a token of a refused call is free";
}

TEST_F(ChangesTogether, OneTokenActsOnce) {
  const auto first = ours.Call<CreatePoolRequest>(Creating("OURS", "client_token: 'before'"));
  Create(ours, "OURS", "client_token: 'twice'");
  Create(ours, "OURS", "client_token: 'twice'");
  Create(ours, "OURS", "client_token: 'before'");
  Create(ours, "OURS", "client_token: 'before' deletion_protection_enabled: true");
  Create(theirs, "THEIRS", "client_token: 'twice'");
  Go();
  for (const std::size_t i : {0, 1, 2, 4}) ASSERT_FALSE(outcomes[i]) << i << outcomes[i]->what();
  EXPECT_EQ(Created(0).DebugString(), Created(1).DebugString());
  EXPECT_EQ(Created(2).DebugString(), first.response.DebugString());
  EXPECT_EQ(outcomes[3]->reason(), reason::kInvalidRequest);
  EXPECT_NE(Created(4).pool_id(), Created(0).pool_id());
  EXPECT_EQ(PoolsOf(ours), 3) << "with the one ahead of them";
  EXPECT_EQ(PoolsOf(theirs), 1);
}

// However many tokens there are beside it, in whatever order they are claimed.
TEST_F(ChangesTogether, OneTokenForTwoRequestsIsTheFirstOnes) {
  Create(ours, "OURS", "client_token: 'twice'");
  Create(ours, "OURS", "client_token: 'twice' deletion_protection_enabled: true");
  for (int i = 0; i < 30; ++i) Create(ours, "OURS", "client_token: 'token-" + std::to_string(i * 7919) + "'");
  Go();
  EXPECT_FALSE(outcomes[0]);
  EXPECT_EQ(outcomes[1]->reason(), reason::kInvalidRequest);
  const auto again = ours.Call<CreatePoolRequest>(Creating("OURS", "client_token: 'twice'"));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again.response.DebugString(), Created(0).DebugString());
}

TEST_F(ChangesTogether, OneNumberFoundsOnePool) {
  const std::string number = GivenNumber(ours);
  Create(ours, number);
  Create(ours, number);
  Go();
  EXPECT_FALSE(outcomes[0]);
  EXPECT_EQ(outcomes[1]->reason(), reason::kPhoneNumberAssociatedToPool);
  EXPECT_THAT(MembersOf(ours, Created(0).pool_id()), ElementsAre(number));
}

TEST_F(ChangesTogether, QuotasAreExact) {
  ours.Sql([&](storage::Transaction& tx) {
    storage::SetAccountQuota(tx, ours.scope, "POOLS_PER_ACCOUNT", 3);
    storage::SetAccountQuota(tx, theirs.scope, "TAGS_PER_RESOURCE", 1);
  });
  for (int i = 0; i < 4; ++i) Create(ours, "OURS");
  Create(theirs, "THEIRS", "tags { key: 'a' value: '1' } tags { key: 'b' value: '2' }");
  Create(theirs, "THEIRS", "tags { key: 'a' value: '1' }");
  Go();
  EXPECT_FALSE(outcomes[0]);
  EXPECT_FALSE(outcomes[1]);
  EXPECT_EQ(outcomes[2]->reason(), reason::kPoolsPerAccount);
  EXPECT_EQ(outcomes[3]->reason(), reason::kPoolsPerAccount);
  EXPECT_EQ(outcomes[4]->reason(), reason::kTagsPerResource);
  EXPECT_FALSE(outcomes[5]);
  EXPECT_EQ(PoolsOf(ours), 3) << "with the one ahead of them";
  EXPECT_EQ(PoolsOf(theirs), 1);
}

TEST_F(ChangesTogether, NobodyWaitsForANeighboursLock) {
  const std::string number = GivenNumber(ours);
  GivenSenderId(ours, "HELD");
  HeldRows number_held(TestDatabaseUrl(), "SELECT FROM phone_numbers WHERE phone_number_id = '" + number + "'");
  HeldRows sender_id_held(TestDatabaseUrl(),
                          "SELECT FROM sender_ids WHERE account_id = '" + ours.account() + "' AND sender_id = 'HELD'");
  Create(ours, number);
  Create(ours, "HELD");
  Create(ours, "OURS");
  Create(theirs, "THEIRS");
  const auto pools_held = HoldPools();
  StartBehind(ahead, *pools_held);
  pools_held->Release();
  EXPECT_FALSE(ahead.call.Wait());
  EXPECT_FALSE(waiting[2]->call.Wait());
  EXPECT_FALSE(waiting[3]->call.Wait());
  EXPECT_TRUE(number_held.EventuallyWaiting(1)) << "by itself";
  EXPECT_TRUE(sender_id_held.EventuallyWaiting(1));
  number_held.Release();
  EXPECT_FALSE(waiting[0]->call.Wait());
  sender_id_held.Release();
  EXPECT_FALSE(waiting[1]->call.Wait());
}

TEST_F(ChangesTogether, ATokenInUseHoldsNobodyElseUp) {
  HeldRows token_held(
      TestDatabaseUrl(),
      "INSERT INTO client_tokens (account_id, region, operation, client_token, request_hash, created_at)"
      " VALUES ('" +
          ours.account() + "', 'us-east-1', 'CreatePool', 'in-use', '', now()) RETURNING 1",
      "");
  WaitingCall& waits = Create(ours, "OURS", "client_token: 'in-use'");
  WaitingCall& neighbour = Create(theirs, "THEIRS");
  const auto pools_held = HoldPools();
  StartBehind(ahead, *pools_held);
  pools_held->Release();
  EXPECT_FALSE(neighbour.call.Wait());
  EXPECT_TRUE(token_held.EventuallyWaiting(1)) << "by itself";
  token_held.Release();
  EXPECT_FALSE(waits.call.Wait());
}

TEST_F(ChangesTogether, AnAccountThatIsBusyHoldsNobodyElseUp) {
  HeldRows account_held(TestDatabaseUrl(), "SELECT FROM accounts WHERE account_id = '" + theirs.account() + "'",
                        "FOR NO KEY UPDATE");
  WaitingCall& waits = Create(theirs, "THEIRS");
  WaitingCall& neighbour = Create(ours, "OURS");
  const auto pools_held = HoldPools();
  StartBehind(ahead, *pools_held);
  pools_held->Release();
  EXPECT_FALSE(neighbour.call.Wait());
  EXPECT_TRUE(account_held.EventuallyWaiting(1)) << "by itself";
  account_held.Release();
  EXPECT_FALSE(waits.call.Wait());
  EXPECT_EQ(PoolsOf(theirs), 1);
}

TEST_F(ChangesTogether, WhatNeedsMoreGoesItsOwnWay) {
  const std::string number = GivenNumber(ours);
  Create(ours, OwnArn(ours, "phone-number", number));
  Create(ours, "OURS", "validate_only: true");
  Go();
  EXPECT_EQ(Count("phone_numbers.try_lock"), 0);
  EXPECT_FALSE(outcomes[0]);
  EXPECT_FALSE(outcomes[1]);
  EXPECT_EQ(PoolsOf(ours), 2) << "with the one ahead of them";
}

TEST_F(ChangesTogether, ManyAssociationsAreOneTransaction) {
  const std::string first = GivenPool(ours);
  const std::string second = GivenPool(ours);
  const std::string third = GivenPool(theirs);
  const std::string one = GivenNumber(ours);
  const std::string two = GivenNumber(ours);
  const std::string three = GivenNumber(theirs);
  Associate(ours, first, one, "expected_revision: 1 client_token: 'a'");
  Associate(ours, second, two);
  Associate(theirs, third, three);
  Go();
  EXPECT_EQ(Count("pool_members.add_phone_numbers"), 1);
  EXPECT_EQ(Count("commit"), 2) << "with that of the one ahead of them";
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    ASSERT_FALSE(outcomes[i]) << i << outcomes[i]->what();
    EXPECT_EQ(Associated(i).revision(), 2);
  }
  EXPECT_EQ(MembersOf(ours, first).back(), one);
  EXPECT_EQ(MembersOf(ours, second).back(), two);
  EXPECT_EQ(MembersOf(theirs, third).back(), three);
  EXPECT_EQ(ThePool(ours, first).revision(), 2);
  EXPECT_EQ(TheNumber(theirs, three).pool_id(), third);
  EXPECT_EQ(Associated(2).origination_identity_arn(), OwnArn(theirs, "phone-number", three));
}

TEST_F(ChangesTogether, ARefusedAssociationDoesNotTouchItsNeighbours) {
  ours.Sql([&](storage::Transaction& tx) {
    storage::SetAccountQuota(tx, ours.scope, "ORIGINATION_IDENTITIES_PER_POOL", 2);
  });
  const std::string good = GivenPool(ours);
  const std::string full = GivenPool(ours);
  GivenMember(ours, full, GivenNumber(ours));
  const std::string going = GivenPool(ours);
  GivenStatus(ours, going, "CREATING");
  const std::string other = GivenPool(ours);
  const std::string different = GivenNumber(ours);
  GivenKeyword(ours, different, "INFO", "About us");
  const std::string two_way = GivenConfiguredNumber(ours).id;
  const std::string member = MembersOf(ours, other).front();
  const std::string number = GivenNumber(ours);
  Associate(ours, good, number);
  Associate(ours, full, GivenNumber(ours));
  Associate(ours, going, GivenNumber(ours));
  Associate(ours, other, different);
  Associate(ours, other, two_way);
  Associate(ours, other, member);
  Associate(ours, good, GivenNumber(ours), "expected_revision: 7");
  Associate(ours, GivenPool(theirs), GivenNumber(ours));
  Associate(theirs, GivenPool(theirs), GivenNumber(theirs));
  Go();
  EXPECT_FALSE(outcomes[0]);
  EXPECT_EQ(outcomes[1]->reason(), reason::kOriginationIdentitiesPerPool);
  EXPECT_EQ(outcomes[2]->reason(), reason::kResourceNotActive);
  EXPECT_EQ(outcomes[3]->reason(), reason::kKeywordMismatch);
  EXPECT_EQ(outcomes[4]->reason(), reason::kTwoWayConfigMismatch);
  EXPECT_EQ(outcomes[5]->reason(), reason::kResourceAlreadyAssociated);
  EXPECT_EQ(outcomes[6]->fault(), Fault::kStaleRevision);
  EXPECT_EQ(outcomes[7]->fault(), Fault::kNotFound);
  EXPECT_FALSE(outcomes[8]);
  EXPECT_EQ(ThePool(ours, good).revision(), 2);
  EXPECT_EQ(ThePool(ours, other).revision(), 1);
  EXPECT_EQ(MembersOf(ours, full).size(), 2);
}

// Behaviour 4.8: nothing of two-way is compared while it is off, and a number takes over what its pool has stored.
TEST_F(ChangesTogether, ANumberWithAnotherStoredChannelTakesThePools) {
  const std::string channel = "two_way_channel_arn: 'arn:aws:sns:us-east-1:111122223333:";
  const std::string pool = GivenPool(ours);
  const std::string number = GivenNumber(ours);
  GivenChange(ours, pool, channel + "pools'");
  GivenChange(ours, number, channel + "numbers'");
  Associate(ours, pool, number);
  Associate(ours, GivenPool(ours), GivenNumber(ours));
  Go();
  EXPECT_FALSE(outcomes[0]);
  EXPECT_FALSE(outcomes[1]);
  EXPECT_EQ(TheNumber(ours, number).two_way_channel_arn(), ThePool(ours, pool).two_way_channel_arn());
  EXPECT_EQ(TheNumber(ours, number).pool_id(), pool);
}

// What the second may do depends on what the first did.
TEST_F(ChangesTogether, AssociationsWithOnePoolOrOneNumberComeOneAfterTheOther) {
  ours.Sql([&](storage::Transaction& tx) {
    storage::SetAccountQuota(tx, ours.scope, "ORIGINATION_IDENTITIES_PER_POOL", 3);
  });
  const std::string pool = GivenPool(ours);
  const std::string other = GivenPool(ours);
  const std::string number = GivenNumber(ours);
  Associate(ours, pool, number);
  Associate(ours, other, number);
  for (int i = 0; i < 3; ++i) Associate(ours, pool, GivenNumber(ours));
  Go();
  EXPECT_FALSE(outcomes[0]);
  EXPECT_EQ(outcomes[1]->reason(), reason::kPhoneNumberAssociatedToPool);
  EXPECT_EQ(std::ranges::count_if(outcomes, [](const auto& refusal) { return !refusal; }), 2);
  EXPECT_EQ(MembersOf(ours, pool).size(), 3);
  EXPECT_EQ(ThePool(ours, pool).revision(), 3);
}

}  // namespace
}  // namespace poold
