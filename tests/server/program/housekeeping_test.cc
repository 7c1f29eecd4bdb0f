// What becomes due without anybody calling. It works on all accounts, so each test has a database of its own.

#include "server/program/housekeeping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/client_tokens.h"
#include "storage/phone_numbers.h"
#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

class HousekeepingTest : public testing::Test {
 protected:
  static Settings WithDelays() {
    Settings settings;
    settings.api.number_activation_delay = hours(1);
    settings.api.pool_deletion_delay = hours(2);
    return settings;
  }

  std::int64_t Count(const std::string& sql) {
    std::int64_t count = -1;
    api.Sql([&](storage::Transaction& tx) { tx.Run({"test", sql})[0].Read(count); });
    return count;
  }

  void GivenTokens(int count, storage::Time used) {
    api.Sql([&](storage::Transaction& tx) {
      tx.Run({"test",
              "INSERT INTO client_tokens (account_id, region, operation, client_token, request_hash, response,"
              " created_at) SELECT $1, 'us-east-1', 'CreatePool', 'token-' || i || '-' || $3::timestamptz, '', '', $3"
              " FROM generate_series(1, $2::integer) AS i"},
             storage::Params(api.account(), count, used));
    });
  }

  std::int64_t Tokens() { return Count("SELECT count(*) FROM client_tokens"); }

  Api api{WithDelays(), FreshDatabase(true)};
};

TEST_F(HousekeepingTest, ActivatesANumberWhenItsDelayIsOver) {
  const std::string id = GivenNumber(api);
  ASSERT_EQ(TheNumber(api, id).status(), NUMBER_STATUS_PENDING);
  api.world.Advance(hours(1));
  const Housekeeping housekeeping(api.service());
  EXPECT_TRUE(Eventually([&] { return TheNumber(api, id).status() == NUMBER_STATUS_ACTIVE; }));
}

TEST_F(HousekeepingTest, GoesOnAsTimeGoesOn) {
  const Housekeeping housekeeping(api.service());
  const std::string id = GivenNumber(api);
  api.world.Advance(hours(1));
  EXPECT_TRUE(Eventually([&] { return TheNumber(api, id).status() == NUMBER_STATUS_ACTIVE; }));
}

TEST_F(HousekeepingTest, LeavesANumberPendingUntilThen) {
  const std::string old = GivenNumber(api);
  api.world.Advance(milliseconds(1));
  const std::string young = GivenNumber(api);
  api.world.Advance(hours(1) - milliseconds(1));
  const Housekeeping housekeeping(api.service());
  ASSERT_TRUE(Eventually([&] { return TheNumber(api, old).status() == NUMBER_STATUS_ACTIVE; }));
  EXPECT_EQ(TheNumber(api, young).status(), NUMBER_STATUS_PENDING);
}

TEST_F(HousekeepingTest, LetsAPendingNumberBeUsedOnceItIsActive) {
  const std::string id = GivenNumber(api);
  const std::string release = "phone_number_id: '" + id + "'";
  ASSERT_THAT(api.Call<ReleasePhoneNumberRequest>(release),
              IsConflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, id));
  api.world.Advance(hours(1));
  const Housekeeping housekeeping(api.service());
  EXPECT_TRUE(Eventually([&] { return !api.Call<ReleasePhoneNumberRequest>(release).error; }));
}

TEST_F(HousekeepingTest, EndsADeletionWhenItsDelayIsOver) {
  const std::string pool = GivenSenderIdPool(api, "ExampleCo");
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
  ASSERT_EQ(ThePool(api, pool).status(), POOL_STATUS_DELETING);
  api.world.Advance(hours(2));
  const Housekeeping housekeeping(api.service());
  EXPECT_TRUE(Eventually([&] { return !IsThere(api, pool); }));
}

TEST_F(HousekeepingTest, LeavesAPoolDeletingUntilThen) {
  const std::string first = GivenSenderIdPool(api, "ExampleCo");
  const std::string second = GivenPool(api, "ExampleCo", "iso_country_code: 'GB'");
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + first + "'"), IsOk());
  api.world.Advance(milliseconds(1));
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + second + "'"), IsOk());
  api.world.Advance(hours(2) - milliseconds(1));
  const Housekeeping housekeeping(api.service());
  ASSERT_TRUE(Eventually([&] { return !IsThere(api, first); }));
  EXPECT_EQ(ThePool(api, second).status(), POOL_STATUS_DELETING);
}

TEST_F(HousekeepingTest, ForgetsTokensAfterTheirDayAndKeepsYoungerOnes) {
  ASSERT_THAT(api.Call<DescribePoolsRequest>(""), IsOk());
  const storage::Time now = api.world.Now();
  GivenTokens(1200, now - hours(24) - milliseconds(1));  // more than two batches
  GivenTokens(7, now - hours(24));
  GivenTokens(5, now);
  const Housekeeping housekeeping(api.service());
  EXPECT_TRUE(Eventually([&] { return Tokens() == 12; }));
}

TEST_F(HousekeepingTest, ForgetsTokensInBatchesTheOldestFirst) {
  ASSERT_THAT(api.Call<DescribePoolsRequest>(""), IsOk());
  const storage::Time now = api.world.Now();
  GivenTokens(2, now - hours(30));
  GivenTokens(2, now - hours(40));
  std::int64_t purged = 0;
  api.Sql([&](storage::Transaction& tx) { purged = storage::PurgeClientTokens(tx, now - hours(24), 3); });
  EXPECT_EQ(purged, 3);
  EXPECT_EQ(Count("SELECT count(*) FROM client_tokens WHERE created_at >= '2023-12-30 18:00:00+00'"), 1)
      << "one that was used 30 hours ago is left";
}

TEST_F(HousekeepingTest, PassesOverATokenThatACallHolds) {
  ASSERT_THAT(api.Call<DescribePoolsRequest>(""), IsOk());
  const storage::Time now = api.world.Now();
  GivenTokens(3, now - hours(30));
  std::int64_t purged = 0;
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test", "SELECT FROM client_tokens WHERE client_token LIKE 'token-2-%' FOR UPDATE"});
    // Another transaction, which would wait here for ever if it waited.
    api.database().Run(
        storage::Database::Mode::kWrite, {std::chrono::steady_clock::now() + std::chrono::seconds(20), {}},
        [&](storage::Transaction& other) { purged = storage::PurgeClientTokens(other, now - hours(24), 100); });
  });
  EXPECT_EQ(purged, 2);
}

TEST_F(HousekeepingTest, ActivatesInBatches) {
  for (int i = 0; i < 3; ++i) GivenNumber(api);
  std::int64_t activated = 0;
  api.Sql([&](storage::Transaction& tx) { activated = storage::ActivatePhoneNumbers(tx, api.world.Now(), 2); });
  EXPECT_EQ(activated, 2);
  EXPECT_EQ(Count("SELECT count(*) FROM phone_numbers WHERE status = 'PENDING'"), 1);
}

TEST_F(HousekeepingTest, GoesOnWithTheRestWhenOneThingFails) {
  const std::string id = GivenNumber(api);
  api.world.Advance(hours(1));
  // The first thing it does in a round fails.
  api.Sql([](storage::Transaction& tx) { tx.Run({"test", "ALTER TABLE client_tokens RENAME TO elsewhere"}); });
  {
    const Housekeeping housekeeping(api.service());
    EXPECT_TRUE(Eventually([&] { return TheNumber(api, id).status() == NUMBER_STATUS_ACTIVE; }));
  }
  api.Sql([](storage::Transaction& tx) { tx.Run({"test", "ALTER TABLE elsewhere RENAME TO client_tokens"}); });
}

TEST_F(HousekeepingTest, MakesGoodLaterWhatFailed) {
  const std::string id = GivenNumber(api);
  api.world.Advance(hours(1));
  api.Sql([](storage::Transaction& tx) { tx.Run({"test", "ALTER TABLE phone_numbers RENAME TO elsewhere"}); });
  const auto failures = api.database().stats().failures;
  const Housekeeping housekeeping(api.service());
  ASSERT_TRUE(Eventually([&] { return api.database().stats().failures > failures; }));

  api.Sql([](storage::Transaction& tx) { tx.Run({"test", "ALTER TABLE elsewhere RENAME TO phone_numbers"}); });
  EXPECT_TRUE(Eventually([&] { return TheNumber(api, id).status() == NUMBER_STATUS_ACTIVE; }));
}

TEST_F(HousekeepingTest, DoesNothingBeforeTheServerKnowsTheSchema) {
  const std::string id = GivenNumber(api);
  api.world.Advance(hours(1));
  Service& service = api.service();
  const PageTokens* known = service.page_tokens.exchange(nullptr);
  const auto before = api.database().stats();
  const Housekeeping housekeeping(service);
  // Gives it time for a first look.
  for (int i = 0; i < 200; ++i) api.Sql([](storage::Transaction& tx) { tx.Run({"test", "SELECT 1"}); });
  EXPECT_EQ(api.database().stats().writes, before.writes + 200) << "ours";
  EXPECT_EQ(api.database().stats().failures, before.failures);

  service.page_tokens = known;
  EXPECT_TRUE(Eventually([&] { return TheNumber(api, id).status() == NUMBER_STATUS_ACTIVE; }));
}

TEST_F(HousekeepingTest, EndsPromptlyThoughTheDatabaseIsBusy) {
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test", "LOCK TABLE client_tokens IN ACCESS EXCLUSIVE MODE"});
    const auto start = std::chrono::steady_clock::now();
    {
      const Housekeeping housekeeping(api.service());
      ASSERT_TRUE(Eventually([&] { return api.database().stats().in_use == 2; }));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4)) << "it did not wait for its patience";
  });
}

}  // namespace
}  // namespace poold
