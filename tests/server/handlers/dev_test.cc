// ResetAccount, SeedAccount: whole accounts, in `poold dev` only. Rules: proto/smsvoice/v2/dev.proto.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <pqxx/pqxx>
#include <random>
#include <thread>

#include "server/program/housekeeping.h"
#include "storage/account_quotas.h"
#include "storage/accounts.h"
#include "storage/pools.h"
#include "tests/support/api.h"
#include "tests/support/at_once.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr const char* kElsewhere = "eu-west-2";
constexpr const char* kUsNumber =
    "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL number_capabilities: NUMBER_CAPABILITY_SMS"
    " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE ";

Settings Dev() {
  Settings settings;
  settings.api.dev = true;
  return settings;
}

Api::Metadata Key(const std::string& key) { return {{"idempotency-key", key}}; }

auto Reset(Api& api) { return api.Call(ResetAccountRequest()); }
auto Seed(Api& api) { return api.Call(SeedAccountRequest()); }

SeedAccountResponse Seeded(Api& api) {
  const auto result = Seed(api);
  if (result.error) throw std::runtime_error(result.error->what());
  return result.response;
}

// Everything that the database has of the account, by table: one line for each row.
std::map<std::string, std::vector<std::string>> RowsOf(Api& api) {
  std::map<std::string, std::vector<std::string>> rows;
  api.Sql([&](storage::Transaction& tx) {
    rows.clear();
    for (const storage::Row row : tx.Run({"test",
                                          "SELECT table_name FROM information_schema.columns"
                                          " WHERE table_schema = 'public' AND column_name = 'account_id'"})) {
      std::string table;
      row.Read(table);
      rows[table];
    }
    for (auto& [table, texts] : rows) {
      const std::string sql = "SELECT t::text FROM " + table + " AS t WHERE account_id = $1 ORDER BY 1";
      for (const storage::Row row : tx.Run({"test", sql}, storage::Params(api.account())))
        row.Read(texts.emplace_back());
    }
    auto& held = rows["numbers held"];
    for (const storage::Row row :
         tx.Run({"test", "SELECT phone_number FROM inventory_numbers WHERE held_by = $1 ORDER BY 1"},
                storage::Params(api.account()))) {
      row.Read(held.emplace_back());
    }
  });
  return rows;
}

// Rows in every table, in two regions; nothing that keeps an account from being reset.
void GivenEverything(Api& api) {
  const auto must = [](const auto& result) {
    if (result.error) throw std::runtime_error(result.error->what());
    return result.response;
  };
  const SeedAccountResponse made = Seeded(api);
  must(api.CallIn({api.account(), kElsewhere}, SeedAccountRequest()));

  must(api.CallWith(Key("once"), Api::Parse<RequestPhoneNumberRequest>(std::string(kUsNumber) +
                                                                       "deletion_protection_enabled: true")));
  GivenChange(api, made.pools(0).pool_id(), "deletion_protection_enabled: true");
  const std::string on_default = "opt_out_list_name: 'Default' opted_out_number: '+61491570110'";
  must(api.Call<PutOptedOutNumberRequest>(on_default));
  must(api.Call<DeleteOptedOutNumberRequest>(on_default));
  must(api.Call<PutOptedOutNumberRequest>(on_default));
  must(api.Call<TagResourceRequest>("resource_arn: '" + OwnArn(api, "opt-out-list", "Default") +
                                    "' tags { key: 'a' value: 'b' }"));
  GivenShare(api, OwnArn(api, "pool", made.pools(1).pool_id()), "444455556666");
  GivenOptOutList(api, "Gone");
  must(api.Call<PutOptedOutNumberRequest>("opt_out_list_name: 'Gone' opted_out_number: '+61491570110'"));
  must(api.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Gone'"));
  api.Sql([&](storage::Transaction& tx) { storage::SetAccountQuota(tx, api.scope, "POOLS_PER_ACCOUNT", 100); });
}

// Pools, phone numbers, sender IDs and opt-out lists in use.
std::vector<std::int64_t> Used(Api& api) {
  std::map<AccountLimitName, std::int64_t> used;
  const auto result = api.Call(DescribeAccountLimitsRequest());
  if (result.error) throw std::runtime_error(result.error->what());
  for (const auto& limit : result.response.account_limits()) used[limit.name()] = limit.used();
  return {used[ACCOUNT_LIMIT_NAME_POOLS], used[ACCOUNT_LIMIT_NAME_PHONE_NUMBERS], used[ACCOUNT_LIMIT_NAME_SENDER_IDS],
          used[ACCOUNT_LIMIT_NAME_OPT_OUT_LISTS]};
}

TEST(DevOperations, AreNoneUnlessTheSettingsSayDev) {
  Api api;
  GivenNumber(api);
  const auto before = RowsOf(api);
  EXPECT_THAT(Reset(api), IsRefused(Fault::kUnknownOperation, reason::kUnknownOperation));
  EXPECT_THAT(Seed(api), IsRefused(Fault::kUnknownOperation, reason::kUnknownOperation));
  EXPECT_EQ(RowsOf(api), before);
}

// ---------------------------------------------------------------------------------------------------------------------
// ResetAccount

// Goes by the catalogue: a table that comes later needs a row in GivenEverything, and a line in EmptyAccount.
TEST(ResetAccount, LeavesTheAccountAndItsDefaultListAndNothingElse) {
  Api api(Dev());
  GivenEverything(api);
  for (const auto& [table, rows] : RowsOf(api)) EXPECT_THAT(rows, Not(IsEmpty())) << table;

  ASSERT_THAT(Reset(api), IsOk());
  for (const auto& [table, rows] : RowsOf(api)) {
    if (table == "accounts") {
      EXPECT_THAT(rows, ElementsAre(HasSubstr(",0,0,0,1)"), HasSubstr(",0,0,0,1)"))) << "two regions, nothing counted";
    } else if (table == "opt_out_lists") {
      EXPECT_THAT(rows, ElementsAre(HasSubstr(",Default,"), HasSubstr(",Default,")));
    } else {
      EXPECT_THAT(rows, IsEmpty()) << table;
    }
  }
}

TEST(ResetAccount, ChangesNothingOfAnotherAccount) {
  Api api(Dev());
  Api other(Dev());
  GivenEverything(api);
  GivenEverything(other);
  GivenShare(other, OwnArn(other, "opt-out-list", "Offers"), api.account());
  GivenChange(api, GivenNumber(api), "opt_out_list_name: '" + OwnArn(other, "opt-out-list", "Offers") + "'");
  const auto before = RowsOf(other);
  ASSERT_THAT(Reset(api), IsOk());
  EXPECT_EQ(RowsOf(other), before);
}

TEST(ResetAccount, SaysHowMuchThereWasInAllRegions) {
  Api api(Dev());
  const SeedAccountResponse made = Seeded(api);
  ASSERT_THAT(api.CallIn({api.account(), kElsewhere}, SeedAccountRequest()), IsOk());
  const auto reset = Reset(api);
  ASSERT_THAT(reset, IsOk());
  EXPECT_EQ(reset.response.pools(), 2 * made.pools_size());
  EXPECT_EQ(reset.response.phone_numbers(), 2 * made.phone_numbers_size());
  EXPECT_EQ(reset.response.sender_ids(), 2 * made.sender_ids_size());
  EXPECT_EQ(reset.response.opt_out_lists(), 2 * made.opt_out_list_names_size());
}

TEST(ResetAccount, FindsNothingInAnAccountThatNeverCalled) {
  Api api(Dev());
  const auto reset = Reset(api);
  ASSERT_THAT(reset, IsOk());
  EXPECT_THAT(reset.response, EqualsProto(ResetAccountResponse()));
  EXPECT_THAT(Used(api), ElementsAre(0, 0, 0, 1));
}

TEST(ResetAccount, LeavesRoomForEverythingAgain) {
  Settings settings = Dev();
  settings.api.quotas.pools = 1;
  settings.api.quotas.phone_numbers = 1;
  settings.api.quotas.sender_ids = 1;
  settings.api.quotas.opt_out_lists = 2;
  Api api(settings);
  for (int round = 0; round < 2; ++round) {
    GivenPool(api);
    GivenSenderId(api, "ExampleCo");
    GivenOptOutList(api, "Offers");
    EXPECT_THAT(Used(api), ElementsAre(1, 1, 1, 2));
    EXPECT_THAT(api.Call<RequestPhoneNumberRequest>(kUsNumber), IsOverQuota(reason::kPhoneNumbersPerAccount, 1));
    ASSERT_THAT(Reset(api), IsOk());
    EXPECT_THAT(Used(api), ElementsAre(0, 0, 0, 1));
  }
}

TEST(ResetAccount, GivesItsNumbersBackAsIfTheyHadNeverBeenHandedOut) {
  Api api(Dev());
  const std::string country = NewCountry();
  const auto stock = GivenStock(api, country, 3);
  const std::string wish = "iso_country_code: '" + country + "'";
  EXPECT_EQ(TheNumber(api, GivenNumber(api, wish)).phone_number(), stock[0]);
  EXPECT_EQ(TheNumber(api, GivenNumber(api, wish)).phone_number(), stock[1]);
  ASSERT_THAT(Reset(api), IsOk());
  EXPECT_EQ(TheNumber(api, GivenNumber(api, wish)).phone_number(), stock[0]) << "not those that rested longest";
}

TEST(ResetAccount, ForgetsClientTokens) {
  Api api(Dev());
  const std::string first = "sender_id: 'First' iso_country_code: 'GB' client_token: 'token'";
  ASSERT_THAT(api.Call<RequestSenderIdRequest>(first), IsOk());
  ASSERT_THAT(Reset(api), IsOk());
  EXPECT_THAT(api.Call<RequestSenderIdRequest>("sender_id: 'Second' iso_country_code: 'GB' client_token: 'token'"),
              IsOk())
      << "the token is free for another request";
  ASSERT_THAT(Reset(api), IsOk());
  ASSERT_THAT(api.Call<RequestSenderIdRequest>(first), IsOk());
  EXPECT_THAT(Used(api), ElementsAre(0, 0, 1, 1)) << "made, not replayed";
}

TEST(ResetAccount, EmptiesNothingWhenItIsRepeated) {
  Api api(Dev());
  GivenSenderId(api, "First");
  const auto first = api.CallWith(Key("once"), ResetAccountRequest());
  ASSERT_THAT(first, IsOk());
  GivenSenderId(api, "Second");
  for (int i = 0; i < 2; ++i) {
    const auto again = api.CallWith(Key("once"), ResetAccountRequest());
    ASSERT_THAT(again, IsOk());
    EXPECT_THAT(again.response, EqualsProto(first.response));
    EXPECT_THAT(Used(api), ElementsAre(0, 0, 1, 1));
  }
  ASSERT_THAT(api.CallWith(Key("twice"), ResetAccountRequest()), IsOk());
  EXPECT_THAT(api.CallWith(Key("once"), ResetAccountRequest()), IsOk());
  EXPECT_THAT(Used(api), ElementsAre(0, 0, 0, 1));
}

TEST(ResetAccount, IsRefusedWhileAnotherAccountUsesItsList) {
  Api api(Dev());
  Api other(Dev());
  GivenOptOutList(api, "Offers");
  GivenShare(api, OwnArn(api, "opt-out-list", "Offers"), other.account());
  const std::string uses_it = "opt_out_list_name: '" + OwnArn(api, "opt-out-list", "Offers") + "'";
  const std::string pool = GivenPool(other);
  GivenChange(other, pool, uses_it);
  const auto before = RowsOf(api);
  const auto refused = Reset(api);
  EXPECT_THAT(refused, IsConflict(reason::kResourceDeletionNotAllowed, ResourceType::kOptOutList, "Offers"));
  EXPECT_THAT(refused.error->message(), HasSubstr(other.account()));
  EXPECT_EQ(RowsOf(api), before);

  GivenChange(other, pool, "opt_out_list_name: 'Default'");
  GivenChange(other, GivenNumber(other), uses_it);
  EXPECT_THAT(Reset(api), IsFault(Fault::kConflict)) << "a number is as good as a pool";
  ASSERT_THAT(Reset(other), IsOk());
  EXPECT_THAT(Reset(api), IsOk());
}

TEST(ResetAccount, LeavesItsDefaultListToAnotherAccountThatUsesIt) {
  Api api(Dev());
  Api other(Dev());
  const std::string arn = OwnArn(api, "opt-out-list", "Default");
  ASSERT_THAT(api.Call<PutOptedOutNumberRequest>("opt_out_list_name: 'Default' opted_out_number: '+61491570110'"),
              IsOk());
  GivenShare(api, arn, other.account());
  const std::string number = GivenNumber(other);
  GivenChange(other, number, "opt_out_list_name: '" + arn + "'");
  ASSERT_THAT(Reset(api), IsOk());
  EXPECT_EQ(TheNumber(other, number).opt_out_list_name(), "Default");
  EXPECT_THAT(api.Call<DescribeOptedOutNumbersRequest>("opt_out_list_name: 'Default'").response.opted_out_numbers(),
              IsEmpty());
  EXPECT_THAT(other.Call<DescribeOptedOutNumbersRequest>("opt_out_list_name: '" + arn + "'"), IsFault(Fault::kNotFound))
      << "it is not shared any more";
}

// ---------------------------------------------------------------------------------------------------------------------
// Resets and what goes on at the same time

// What calls may be refused with when things come and go: documented, and of the caller's business.
bool IsOrdinary(const std::optional<Error>& error) {
  return !error || error->fault() == Fault::kNotFound || error->fault() == Fault::kConflict ||
         error->fault() == Fault::kAccessDenied || error->fault() == Fault::kQuota;
}

template <class Request>
void Expect(Api& api, const std::string& text) {
  const auto result = api.Call<Request>(text);
  EXPECT_TRUE(IsOrdinary(result.error)) << text << ": " << result.error->what();
}

// One of everything, in an account that may be emptied between any two calls.
void UseTheAccount(Api& api) {
  const auto number = api.Call<RequestPhoneNumberRequest>(kUsNumber).response.phone_number_id();
  const auto other = api.Call<RequestPhoneNumberRequest>(kUsNumber).response.phone_number_id();
  if (number.empty() || other.empty()) return;
  Expect<RequestSenderIdRequest>(api, "sender_id: 'ExampleCo' iso_country_code: 'GB' client_token: 'same'");
  Expect<CreateOptOutListRequest>(api, "opt_out_list_name: 'Offers'");
  Expect<PutOptedOutNumberRequest>(api, "opt_out_list_name: 'Offers' opted_out_number: '15550100'");
  const std::string pool = api.Call<CreatePoolRequest>(
                                  "message_type: MESSAGE_TYPE_TRANSACTIONAL"
                                  " tags { key: 'Name' value: 'x' } origination_identity: '" +
                                  number + "'")
                               .response.pool_id();
  if (pool.empty()) return;
  const std::string of_pool = "pool_id: '" + pool + "' ";
  Expect<AssociateOriginationIdentityRequest>(api, of_pool + "origination_identity: '" + other + "'");
  Expect<UpdatePoolRequest>(api, of_pool + "opt_out_list_name: 'Offers'");
  Expect<PutKeywordRequest>(api, "origination_identity: '" + pool + "' keyword: 'HOURS' keyword_message: '9 to 5'");
  Expect<TagResourceRequest>(
      api, "resource_arn: '" + OwnArn(api, "phone-number", number) + "' tags { key: 'a' value: 'b' }");
  Expect<PutResourcePolicyRequest>(api,
                                   "resource_arn: '" + OwnArn(api, "pool", pool) + "' policy: '{\"Statement\": []}'");
  Expect<DescribePoolsRequest>(api, "");
  Expect<ListPoolOriginationIdentitiesRequest>(api, of_pool);
  Expect<DescribeKeywordsRequest>(api, "origination_identity: '" + number + "'");
  Expect<DescribeOptedOutNumbersRequest>(api, "opt_out_list_name: 'Offers'");
  Expect<DeletePoolRequest>(api, of_pool);
  Expect<ReleasePhoneNumberRequest>(api, "phone_number_id: '" + number + "'");
  Expect<DeleteOptOutListRequest>(api, "opt_out_list_name: 'Offers'");
}

// About the lock on the account: without it calls find half of what they need gone, and end in deadlocks.
TEST(ResetAccount, MayComeBetweenAnyOtherCallsOfTheAccount) {
  Settings settings = Dev();
  settings.api.quotas.phone_numbers = 1000;
  Api api(settings);
  std::atomic<int> resets{0};
  AtOnce(6, [&](int i) {
    if (i == 0) {
      while (resets < 60) {
        Expect<ResetAccountRequest>(api, "");
        ++resets;
        Expect<SeedAccountRequest>(api, "");
      }
    } else {
      while (resets < 60) UseTheAccount(api);
    }
    return 0;
  });
  EXPECT_EQ(api.database().stats().retries_contended(), 0U);

  const auto rows = RowsOf(api);
  const auto counted = [&](const char* table) { return static_cast<std::int64_t>(rows.at(table).size()); };
  EXPECT_THAT(Used(api),
              ElementsAre(counted("pools"), counted("phone_numbers"), counted("sender_ids"), counted("opt_out_lists")));
  EXPECT_EQ(rows.at("numbers held").size(), rows.at("phone_numbers").size());
}

// About the locks on its lists: another account is not kept out by the lock on this one.
TEST(ResetAccount, MayComeBetweenCallsOfAnotherAccountThatSharesItsList) {
  Api api(Dev());
  Api other(Dev());
  const std::string list = OwnArn(api, "opt-out-list", "Offers");
  const std::string number = GivenNumber(other);
  std::atomic<int> resets{0};
  AtOnce(4, [&](int i) {
    if (i == 0) {
      while (resets < 60) {
        Expect<CreateOptOutListRequest>(api, "opt_out_list_name: 'Offers'");
        Expect<PutResourcePolicyRequest>(
            api, "resource_arn: '" + list + "' policy: '{\"Statement\": {\"Effect\": \"Allow\", \"Principal\": \"" +
                     other.account() + "\", \"Action\": \"*\", \"Resource\": \"*\"}}'");
        Expect<ResetAccountRequest>(api, "");
        ++resets;
      }
    }
    const std::string use = "phone_number_id: '" + number + "' opt_out_list_name: ";
    while (resets < 60) {
      Expect<UpdatePhoneNumberRequest>(other, use + "'" + list + "'");
      Expect<PutOptedOutNumberRequest>(other, "opted_out_number: '15550100' opt_out_list_name: '" + list + "'");
      Expect<UpdatePhoneNumberRequest>(other, use + "'Default'");
    }
    return 0;
  });
  ASSERT_THAT(Reset(api), IsOk());
  EXPECT_THAT(RowsOf(api).at("opt_out_lists"), SizeIs(1));
  EXPECT_THAT(RowsOf(api).at("opted_out_numbers"), IsEmpty());
}

// Starts a reset while `hold` has been run in a transaction, runs `go_on` in the same one as soon as the reset waits
// for it, and lets both end. Returns how many transactions had to be run again: with the locks taken in one order,
// none.
std::uint64_t RetriesOfAReset(Api& api, const std::function<void(storage::Transaction&)>& hold,
                              const std::function<void(storage::Transaction&)>& go_on) {
  pqxx::connection connection(TestDatabaseUrl());
  const auto a_delete_waits = [&] {
    pqxx::nontransaction look(connection);
    return !look.exec(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                    " AND query LIKE 'DELETE %'")
                .empty();
  };
  const std::uint64_t before = api.database().stats().retries_contended();
  std::future<Result<ResetAccountResponse>> reset;
  api.Sql([&](storage::Transaction& tx) {
    if (reset.valid()) return;  // it had to be run again
    hold(tx);
    reset = std::async(std::launch::async, [&] { return Reset(api); });
    EXPECT_TRUE(Eventually(a_delete_waits));
    go_on(tx);
  });
  EXPECT_THAT(reset.get(), IsOk());
  return api.database().stats().retries_contended() - before;
}

TEST(ResetAccount, WaitsForHousekeepingThatFinishesADeletion) {
  Settings settings = Dev();
  settings.api.pool_deletion_delay = std::chrono::hours(1);
  Api api(settings);
  const std::string pool = GivenPool(api, GivenNumber(api), "tags { key: 'Name' value: 'x' }");
  ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
  EXPECT_EQ(RetriesOfAReset(
                api, [&](storage::Transaction& tx) { ASSERT_TRUE(storage::LockPool(tx, api.scope, pool)); },
                [&](storage::Transaction& tx) { storage::DeletePool(tx, api.scope, pool); }),
            0U);
  EXPECT_THAT(RowsOf(api).at("pools"), IsEmpty());
}

TEST(ResetAccount, WaitsForHousekeepingThatClearsADeletedList) {
  Api api(Dev());
  GivenOptOutList(api, "Offers");
  ASSERT_THAT(api.Call<PutOptedOutNumberRequest>("opt_out_list_name: 'Offers' opted_out_number: '15550100'"), IsOk());
  ASSERT_THAT(api.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'"), IsOk());
  const auto run = [&](storage::Transaction& tx, const char* sql) {
    tx.Run({"test", sql}, storage::Params(api.account()));
  };
  EXPECT_EQ(RetriesOfAReset(
                api,
                [&](storage::Transaction& tx) {
                  run(tx, "SELECT FROM deleted_opt_out_lists WHERE account_id = $1 FOR UPDATE");
                },
                [&](storage::Transaction& tx) { run(tx, "DELETE FROM opted_out_numbers WHERE account_id = $1"); }),
            0U);
  EXPECT_THAT(RowsOf(api).at("deleted_opt_out_lists"), IsEmpty());
}

// ---------------------------------------------------------------------------------------------------------------------
// SeedAccount

TEST(SeedAccount, SaysWhatItMade) {
  Api api(Dev());
  const SeedAccountResponse made = Seeded(api);
  ASSERT_EQ(made.pools_size(), 3);
  std::map<std::string, std::vector<std::string>> members;
  for (const SeededPool& pool : made.pools()) {
    EXPECT_EQ(TagsOf(api, "pool", pool.pool_id())["Name"], pool.name());
    members[pool.pool_id()];
  }
  for (const SeededSenderId& sender_id : made.sender_ids()) {
    EXPECT_THAT(api.Call<DescribeSenderIdsRequest>("sender_ids { sender_id: '" + sender_id.sender_id() +
                                                   "' iso_country_code: '" + sender_id.iso_country_code() + "' }"),
                IsOk());
    for (const std::string& pool : sender_id.pool_ids()) members[pool].push_back(sender_id.sender_id());
  }
  for (const SeededPhoneNumber& number : made.phone_numbers()) {
    const auto found = TheNumber(api, number.phone_number_id());
    EXPECT_EQ(found.phone_number(), number.phone_number());
    EXPECT_EQ(found.iso_country_code(), number.iso_country_code());
    EXPECT_EQ(found.pool_id(), number.pool_id());
    if (number.has_pool_id()) members[number.pool_id()].push_back(number.phone_number_id());
  }
  for (const auto& [pool, identities] : members) {
    EXPECT_THAT(MembersOf(api, pool), testing::UnorderedElementsAreArray(identities)) << pool;
  }
  EXPECT_THAT(made.opt_out_list_names(), ElementsAre("Offers"));
  EXPECT_THAT(Used(api), ElementsAre(made.pools_size(), made.phone_numbers_size(), made.sender_ids_size(),
                                     1 + made.opt_out_list_names_size()));
}

TEST(SeedAccount, MakesNumbersOfSeveralCountries) {
  Api api(Dev());
  const SeedAccountResponse made = Seeded(api);
  std::set<std::string> countries;
  for (const auto& number : made.phone_numbers()) countries.insert(number.iso_country_code());
  EXPECT_THAT(countries, ElementsAre("CA", "DE", "FR", "GB", "US"));
}

TEST(SeedAccount, MakesAPoolOfEachKind) {
  Api api(Dev());
  const SeedAccountResponse made = Seeded(api);

  const PoolInformation alerts = ThePool(api, made.pools(0).pool_id());
  EXPECT_EQ(made.pools(0).name(), "Alerts");
  EXPECT_EQ(alerts.message_type(), MESSAGE_TYPE_TRANSACTIONAL);
  EXPECT_EQ(alerts.two_way_channel_arn(), "arn:aws:sns:us-east-1:" + api.account() + ":inbound");
  EXPECT_THAT(KeywordsOf(api, alerts.pool_id()), ElementsAre(HasSubstr("HELP: "), HasSubstr("INFO: AUTOMATIC_RESPONSE"),
                                                             HasSubstr("JOIN: OPT_IN"), HasSubstr("STOP: ")));

  const PoolInformation offers = ThePool(api, made.pools(1).pool_id());
  EXPECT_EQ(made.pools(1).name(), "Offers");
  EXPECT_EQ(offers.message_type(), MESSAGE_TYPE_PROMOTIONAL);
  EXPECT_EQ(offers.opt_out_list_name(), "Offers");
  EXPECT_EQ(api.Call<DescribeOptedOutNumbersRequest>("opt_out_list_name: 'Offers'").response.opted_out_numbers_size(),
            1);

  EXPECT_EQ(made.pools(2).name(), "Sender IDs");
  EXPECT_THAT(MembersOf(api, made.pools(2).pool_id()), ElementsAre("EXAMPLECO", "EXAMPLECO", "EXAMPLECO"));
}

TEST(SeedAccount, WorksInEveryRegionByItself) {
  Api api(Dev());
  ASSERT_THAT(Seed(api), IsOk());
  for (const char* region : {kElsewhere, "cn-north-1", "us-gov-west-1"}) {
    EXPECT_THAT(api.CallIn({api.account(), region}, SeedAccountRequest()), IsOk()) << region;
  }
}

TEST(SeedAccount, MakesTheSameNumbersAfterAReset) {
  Api api(Dev());
  const SeedAccountResponse first = Seeded(api);
  ASSERT_THAT(Reset(api), IsOk());
  const SeedAccountResponse second = Seeded(api);
  ASSERT_EQ(second.phone_numbers_size(), first.phone_numbers_size());
  for (int i = 0; i < first.phone_numbers_size(); ++i) {
    EXPECT_EQ(second.phone_numbers(i).phone_number(), first.phone_numbers(i).phone_number());
  }
}

TEST(SeedAccount, IsRefusedInAnAccountThatHasSomething) {
  Api api(Dev());
  const std::function<void()> givens[] = {
      [&] { GivenNumber(api); },
      [&] { GivenSenderId(api, "ExampleCo"); },
      [&] { GivenOptOutList(api, "Mine"); },
      [&] { GivenSenderIdPool(api, "ExampleCo"); },
      [&] { Seeded(api); },
  };
  for (const auto& given : givens) {
    given();
    const auto before = RowsOf(api);
    const auto refused = Seed(api);
    EXPECT_THAT(refused, IsConflict(reason::kResourceAlreadyExists, ResourceType::kAccount, api.account()));
    EXPECT_THAT(refused.error->message(), HasSubstr("reset"));
    EXPECT_EQ(RowsOf(api), before);
    ASSERT_THAT(Reset(api), IsOk());
  }
  EXPECT_THAT(Seed(api), IsOk());
}

TEST(SeedAccount, MakesAllOrNothing) {
  Settings settings = Dev();
  settings.api.quotas.pools = 2;
  Api api(settings);
  ASSERT_THAT(Reset(api), IsOk());  // the account is there
  const auto before = RowsOf(api);
  EXPECT_THAT(Seed(api), IsOverQuota(reason::kPoolsPerAccount, 2));
  EXPECT_EQ(RowsOf(api), before);
}

TEST(SeedAccount, ObeysTheSettings) {
  Settings settings = Dev();
  settings.api.countries_requiring_registration = {"DE"};
  Api api(settings);
  EXPECT_THAT(Seed(api), IsInvalidField(reason::kSenderIdRequiresRegistration, "isoCountryCode"));
}

TEST(SeedAccount, DoesNotWaitForItsNumbersToBecomeActive) {
  Settings settings = Dev();
  settings.api.number_activation_delay = std::chrono::hours(1);
  Api api(settings);
  const SeedAccountResponse made = Seeded(api);
  for (const auto& number : made.phone_numbers()) {
    EXPECT_EQ(TheNumber(api, number.phone_number_id()).status(), NUMBER_STATUS_PENDING);
  }
}

TEST(SeedAccount, AnswersARepetitionLikeTheFirstCallUntilAReset) {
  Api api(Dev());
  const auto first = api.CallWith(Key("once"), SeedAccountRequest());
  const auto again = api.CallWith(Key("once"), SeedAccountRequest());
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(again.response, EqualsProto(first.response));

  ASSERT_THAT(Reset(api), IsOk());
  const auto anew = api.CallWith(Key("once"), SeedAccountRequest());
  ASSERT_THAT(anew, IsOk());
  EXPECT_NE(anew.response.pools(0).pool_id(), first.response.pools(0).pool_id());
  EXPECT_TRUE(IsThere(api, anew.response.pools(0).pool_id()));
}

// About the lock on the account: without it all of them find it empty.
TEST(SeedAccount, IsDoneOnceWhenManyCallAtOnce) {
  for (int round = 0; round < 5; ++round) {
    Api api(Dev());
    const auto results = AtOnce(4, [&](int) { return Seed(api); });
    const auto refused = IsRefused(Fault::kConflict, reason::kResourceAlreadyExists);
    EXPECT_THAT(results, UnorderedElementsAre(IsOk(), refused, refused, refused));
    EXPECT_THAT(RowsOf(api).at("pools"), SizeIs(3));
  }
}

}  // namespace
}  // namespace poold
