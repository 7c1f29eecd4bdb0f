// Client tokens, which Transact obeys: behaviour 4.2.

#include "server/middleware/transact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "tests/storage/postgres/commit_proxy.h"
#include "tests/support/api.h"
#include "tests/support/given.h"
#include "tests/support/held_rows.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::string NumberWith(const std::string& token, const std::string& more = {}) {
  return "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL number_capabilities: NUMBER_CAPABILITY_SMS"
         " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE client_token: '" +
         token + "' " + more;
}

Result<RequestPhoneNumberResponse> RequestWith(Api& api, const std::string& token, const std::string& more = {}) {
  return api.Call<RequestPhoneNumberRequest>(NumberWith(token, more));
}

std::vector<std::string> Numbers(Api& api) {
  std::vector<std::string> ids;
  const auto listed = api.Call<DescribePhoneNumbersRequest>("");
  for (const auto& number : listed.response.phone_numbers()) ids.push_back(number.phone_number_id());
  return ids;
}

template <class Response>
void ExpectReplay(const Result<Response>& first, const Result<Response>& again) {
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again.response.SerializeAsString(), first.response.SerializeAsString());
}

// Each operation that takes a token.

TEST(ClientToken, ReplaysRequestPhoneNumber) {
  Api api;
  const auto first = RequestWith(api, "token", "tags { key: 'a' value: 'b' }");
  const auto again = RequestWith(api, "token", "tags { key: 'a' value: 'b' }");
  ExpectReplay(first, again);
  EXPECT_THAT(Numbers(api), SizeIs(1));
}

TEST(ClientToken, ReplaysRequestSenderId) {
  Api api;
  const std::string text = "sender_id: 'ExampleCo' iso_country_code: 'GB' client_token: 'token'";
  ExpectReplay(api.Call<RequestSenderIdRequest>(text), api.Call<RequestSenderIdRequest>(text));
}

TEST(ClientToken, ReplaysCreatePool) {
  Api api;
  const std::string text =
      "origination_identity: '" + GivenNumber(api) + "' message_type: MESSAGE_TYPE_TRANSACTIONAL client_token: 'token'";
  const auto first = api.Call<CreatePoolRequest>(text);
  ExpectReplay(first, api.Call<CreatePoolRequest>(text));
  EXPECT_EQ(api.Call<DescribePoolsRequest>("").response.pools_size(), 1);
}

TEST(ClientToken, ReplaysAssociateOriginationIdentity) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string text =
      "pool_id: '" + pool + "' origination_identity: '" + GivenNumber(api) + "' client_token: 'token'";
  const auto first = api.Call<AssociateOriginationIdentityRequest>(text);
  ExpectReplay(first, api.Call<AssociateOriginationIdentityRequest>(text));
  EXPECT_THAT(MembersOf(api, pool), SizeIs(2));
}

TEST(ClientToken, ReplaysDisassociateOriginationIdentity) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  GivenMember(api, pool, number);
  const std::string text = "pool_id: '" + pool + "' origination_identity: '" + number + "' client_token: 'token'";
  const auto first = api.Call<DisassociateOriginationIdentityRequest>(text);
  ExpectReplay(first, api.Call<DisassociateOriginationIdentityRequest>(text));
  EXPECT_THAT(MembersOf(api, pool), SizeIs(1));
}

// What is replayed.

TEST(ClientToken, ReplaysTheFirstAnswerThoughTheResourceChangedSince) {
  Api api;
  const auto first = RequestWith(api, "token");
  const std::string id = first.response.phone_number_id();
  ASSERT_THAT(api.Call<UpdatePhoneNumberRequest>("phone_number_id: '" + id + "' deletion_protection_enabled: true"),
              IsOk());
  ExpectReplay(first, RequestWith(api, "token"));
  EXPECT_TRUE(TheNumber(api, id).deletion_protection_enabled());
}

TEST(ClientToken, ReplaysTheFirstAnswerThoughTheResourceIsGone) {
  Api api;
  const auto first = RequestWith(api, "token");
  ASSERT_THAT(api.Call<ReleasePhoneNumberRequest>("phone_number_id: '" + first.response.phone_number_id() + "'"),
              IsOk());
  ExpectReplay(first, RequestWith(api, "token"));
  EXPECT_THAT(Numbers(api), IsEmpty());
}

TEST(ClientToken, ReplaysThoughTheCallWouldBeRefusedNow) {
  Settings settings;
  settings.api.quotas.phone_numbers = 1;
  Api api(settings);
  const auto first = RequestWith(api, "token");
  ASSERT_THAT(RequestWith(api, "another"), IsFault(Fault::kQuota));
  ExpectReplay(first, RequestWith(api, "token"));
}

TEST(ClientToken, ReplaysAsOftenAsItIsSent) {
  Api api;
  const auto first = RequestWith(api, "token");
  for (int i = 0; i < 5; ++i) ExpectReplay(first, RequestWith(api, "token"));
  EXPECT_THAT(Numbers(api), SizeIs(1));
}

TEST(ClientToken, DoesNotMindTheOrderInWhichMembersAreSent) {
  Api api;
  const auto first = RequestWith(api, "token");
  const auto again = api.Call<RequestPhoneNumberRequest>(
      "client_token: 'token' number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE number_capabilities: NUMBER_CAPABILITY_SMS"
      " message_type: MESSAGE_TYPE_TRANSACTIONAL iso_country_code: 'US'");
  ExpectReplay(first, again);
}

TEST(ClientToken, WithOtherParametersIsRefused) {
  Api api;
  const auto first = RequestWith(api, "token");
  EXPECT_THAT(RequestWith(api, "token", "deletion_protection_enabled: true"),
              IsInvalidField(reason::kInvalidRequest, "clientToken"));
  EXPECT_THAT(Numbers(api), ElementsAre(first.response.phone_number_id()));
}

TEST(ClientToken, IsStillGoodAfterOtherParametersWereRefused) {
  Api api;
  const auto first = RequestWith(api, "token");
  ASSERT_THAT(RequestWith(api, "token", "deletion_protection_enabled: true"), IsFault(Fault::kInvalid));
  ExpectReplay(first, RequestWith(api, "token"));
}

TEST(ClientToken, DoesNotExcuseARequestThatBreaksARule) {
  Api api;
  ASSERT_THAT(RequestWith(api, "token"), IsOk());
  EXPECT_THAT(RequestWith(api, "token", "registration_id: ''"),
              IsInvalidField(reason::kInvalidParameter, "registrationId"));
}

TEST(ClientToken, AbsentProtectsFromNothing) {
  Api api;
  const std::string first = GivenNumber(api);
  EXPECT_NE(GivenNumber(api), first);
}

// Its scope: account, region and operation.

TEST(ClientToken, OfAnotherAccountIsAnother) {
  Api api;
  const auto request = Api::Parse<RequestPhoneNumberRequest>(NumberWith("token"));
  const auto first = api.Call(request);
  const auto other = api.CallAs(NewAccount(), request);
  ASSERT_THAT(other, IsOk());
  EXPECT_NE(other.response.phone_number(), first.response.phone_number());
}

TEST(ClientToken, OfAnotherRegionIsAnother) {
  Api api;
  const auto request = Api::Parse<RequestPhoneNumberRequest>(NumberWith("token"));
  const auto first = api.Call(request);
  const auto other = api.CallIn({api.account(), "eu-west-2"}, request);
  ASSERT_THAT(other, IsOk());
  EXPECT_NE(other.response.phone_number(), first.response.phone_number());
}

TEST(ClientToken, OfAnotherOperationIsAnother) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string both =
      "pool_id: '" + pool + "' origination_identity: '" + GivenNumber(api) + "' client_token: 'token'";
  ASSERT_THAT(api.Call<AssociateOriginationIdentityRequest>(both), IsOk());
  // Its parameters are the same to the letter.
  ASSERT_THAT(api.Call<DisassociateOriginationIdentityRequest>(both), IsOk());
  EXPECT_THAT(MembersOf(api, pool), SizeIs(1));
}

TEST(ClientToken, MindsCase) {
  Api api;
  const auto first = RequestWith(api, "token");
  const auto other = RequestWith(api, "Token");
  EXPECT_NE(other.response.phone_number_id(), first.response.phone_number_id());
}

TEST(ClientToken, MayHaveAnyPrintableCharactersUpToSixtyFour) {
  Api api;
  const std::string odd = "!\"#$%&()*+,-./:;<=>?@[]^_`{|}~";
  auto request = Api::Parse<RequestPhoneNumberRequest>(NumberWith("x"));
  request.set_client_token(odd + std::string(64 - odd.size(), 'x'));
  const auto first = api.Call(request);
  ExpectReplay(first, api.Call(request));
}

class BadClientToken : public testing::TestWithParam<std::string> {};

TEST_P(BadClientToken, IsRefused) {
  Api api;
  auto request = Api::Parse<RequestPhoneNumberRequest>(NumberWith("x"));
  request.set_client_token(GetParam());
  EXPECT_THAT(api.Call(request), IsInvalidField(reason::kInvalidParameter, "clientToken"));
}

INSTANTIATE_TEST_SUITE_P(All, BadClientToken,
                         testing::Values("", std::string(65, 'x'), "to ken", "token\n", "t\xC3\xB6ken",
                                         std::string("to\0ken", 6)));

// Failures are not remembered.

TEST(ClientToken, OfACallThatWasRefusedIsFree) {
  Settings settings;
  settings.api.quotas.phone_numbers = 1;
  Api api(settings);
  const std::string in_the_way = GivenNumber(api);
  ASSERT_THAT(RequestWith(api, "token"), IsFault(Fault::kQuota));
  ASSERT_THAT(api.Call<ReleasePhoneNumberRequest>("phone_number_id: '" + in_the_way + "'"), IsOk());
  EXPECT_THAT(RequestWith(api, "token"), IsOk());
}

TEST(ClientToken, OfACallThatWasRefusedMayComeWithOtherParameters) {
  Api api;
  ASSERT_THAT(RequestWith(api, "token", "opt_out_list_name: 'Nowhere'"), IsFault(Fault::kNotFound));
  EXPECT_THAT(RequestWith(api, "token"), IsOk());
}

// A day.

TEST(ClientToken, IsKeptForADay) {
  Api api;
  const auto first = RequestWith(api, "token");
  api.world.Advance(hours(24));
  ExpectReplay(first, RequestWith(api, "token"));
}

TEST(ClientToken, IsFreeAfterADay) {
  Api api;
  const auto first = RequestWith(api, "token");
  api.world.Advance(hours(24) + milliseconds(1));
  const auto next = RequestWith(api, "token", "deletion_protection_enabled: true");
  ASSERT_THAT(next, IsOk());
  EXPECT_NE(next.response.phone_number_id(), first.response.phone_number_id());
}

TEST(ClientToken, ThatIsUsedAgainAfterADayIsKeptForAnotherDay) {
  Api api;
  ASSERT_THAT(RequestWith(api, "token"), IsOk());
  api.world.Advance(hours(24) + milliseconds(1));
  const auto second = RequestWith(api, "token");
  api.world.Advance(hours(24));
  ExpectReplay(second, RequestWith(api, "token"));
  EXPECT_THAT(Numbers(api), SizeIs(2));
}

TEST(ClientToken, IsNotKeptLongerByBeingReplayed) {
  Api api;
  const auto first = RequestWith(api, "token");
  api.world.Advance(hours(23));
  ExpectReplay(first, RequestWith(api, "token"));
  api.world.Advance(hours(2));
  EXPECT_NE(RequestWith(api, "token").response.phone_number_id(), first.response.phone_number_id());
}

// Two at once. The account's row, which every request counts itself in at last, is held: whoever claimed the token is
// stuck with it.

class TwoCallsWithOneToken : public testing::Test {
 protected:
  TwoCallsWithOneToken() {
    settings.api.quotas.phone_numbers = 1;
    settings.api.fictional_numbers = true;
    api.settings = settings;
    GivenOptOutList(api, "Offers");  // makes the account
  }

  std::future<Result<RequestPhoneNumberResponse>> InTheBackground(const std::string& more = {}) {
    return std::async(std::launch::async, [this, more] { return RequestWith(api, "token", more); });
  }

  std::string AccountRow() const { return "SELECT FROM accounts WHERE account_id = '" + api.account() + "'"; }

  Settings settings;
  Api api;
};

TEST_F(TwoCallsWithOneToken, OneActsAndTheOtherWaitsForItsAnswer) {
  HeldRows account(TestDatabaseUrl(), AccountRow());
  auto first = InTheBackground();
  ASSERT_TRUE(account.EventuallyWaiting(1));
  auto second = InTheBackground();
  ASSERT_TRUE(account.EventuallyWaiting(2));
  account.Release();

  ExpectReplay(first.get(), second.get());
  EXPECT_THAT(Numbers(api), SizeIs(1));
}

TEST_F(TwoCallsWithOneToken, TheOtherIsRefusedIfItsParametersDiffer) {
  HeldRows account(TestDatabaseUrl(), AccountRow());
  auto first = InTheBackground();
  ASSERT_TRUE(account.EventuallyWaiting(1));
  auto second = InTheBackground("deletion_protection_enabled: true");
  ASSERT_TRUE(account.EventuallyWaiting(2));
  account.Release();

  EXPECT_THAT(first.get(), IsOk());
  EXPECT_THAT(second.get(), IsInvalidField(reason::kInvalidRequest, "clientToken"));
}

TEST_F(TwoCallsWithOneToken, TheOtherActsIfTheFirstIsCalledOff) {
  HeldRows account(TestDatabaseUrl(), AccountRow());
  const auto request = Api::Parse<RequestPhoneNumberRequest>(NumberWith("token", "deletion_protection_enabled: true"));
  RequestPhoneNumberResponse response;
  TestCall first(api.service(), *FindMethod("RequestPhoneNumber"), request, response);
  first.headers = {{"x-account-id", api.account()}};
  api.pipeline().Start(first);
  ASSERT_TRUE(account.EventuallyWaiting(1));
  auto second = InTheBackground();
  ASSERT_TRUE(account.EventuallyWaiting(2));

  first.Cancel();
  EXPECT_EQ(first.Wait()->fault(), Fault::kCancelled);
  account.Release();

  ASSERT_THAT(second.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  const auto answer = second.get();
  ASSERT_THAT(answer, IsOk());
  EXPECT_FALSE(answer.response.deletion_protection_enabled()) << "the answer is its own";
}

// Whether a token was used is learnt together with what the handler asks or writes first.

TEST(ClientToken, ThatWasUsedUndoesWhatTheHandlerWroteMeanwhile) {
  Api api;
  const auto create = [&](const std::string& name) {
    return api.CallWith({{"idempotency-key", "token"}},
                        Api::Parse<CreateOptOutListRequest>("opt_out_list_name: '" + name + "'"));
  };
  const auto first = create("Offers");
  ASSERT_THAT(create("News"), IsInvalidField(reason::kInvalidRequest, "clientToken"));
  ASSERT_THAT(api.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'"), IsOk());
  ExpectReplay(first, create("Offers"));
  std::vector<std::string> names;
  const auto lists = api.Call<DescribeOptOutListsRequest>("");
  for (const auto& list : lists.response.opt_out_lists()) names.push_back(list.opt_out_list_name());
  EXPECT_THAT(names, ElementsAre("Default"));
  std::int64_t used = -1;
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test", "SELECT opt_out_lists FROM accounts WHERE account_id = $1"}, storage::Params(api.account()))[0]
        .Read(used);
  });
  EXPECT_EQ(used, 1);
}

TEST(ClientToken, WithOtherParametersIsRefusedBeforeWhatTheHandlerRefuses) {
  Api api;
  ASSERT_THAT(RequestWith(api, "token"), IsOk());
  // By the handler, before it asks the database anything.
  ASSERT_THAT(RequestWith(api, "another", "international_sending_enabled: true"),
              IsInvalidField(reason::kInternationalSendingNotSupported, "internationalSendingEnabled"));
  EXPECT_THAT(RequestWith(api, "token", "international_sending_enabled: true"),
              IsInvalidField(reason::kInvalidRequest, "clientToken"));
  // By the handler, for what it finds.
  ASSERT_THAT(RequestWith(api, "another", "opt_out_list_name: 'Nowhere'"), IsFault(Fault::kNotFound));
  EXPECT_THAT(RequestWith(api, "token", "opt_out_list_name: 'Nowhere'"),
              IsInvalidField(reason::kInvalidRequest, "clientToken"));
}

TEST(ClientToken, OfACreatedPoolReplaysThoughItsIdentityIsTakenNow) {
  Api api;
  const std::string text =
      "origination_identity: '" + GivenNumber(api) +
      "' message_type: MESSAGE_TYPE_TRANSACTIONAL client_token: 'token' tags { key: 'a' value: 'b' }";
  const auto first = api.Call<CreatePoolRequest>(text);
  const auto before = ThePool(api, first.response.pool_id()).ShortDebugString();
  ExpectReplay(first, api.Call<CreatePoolRequest>(text));
  EXPECT_THAT(api.Call<CreatePoolRequest>(text + " deletion_protection_enabled: true"),
              IsInvalidField(reason::kInvalidRequest, "clientToken"));
  EXPECT_EQ(api.Call<DescribePoolsRequest>("").response.pools_size(), 1);
  EXPECT_EQ(ThePool(api, first.response.pool_id()).ShortDebugString(), before);
}

// What a proxy in front of the tests' database needs to know.
constexpr std::string_view kSocket =
    "SELECT current_setting('unix_socket_directories') || '/.s.PGSQL.' || current_setting('port')";
constexpr std::string_view kDatabase = "SELECT current_database()";

std::string Ask(std::string_view sql) {
  std::string answer;
  Api().Sql([&](storage::Transaction& tx) { tx.Run({"test", sql})[0].Read(answer); });
  return answer;
}

// Each is a wait for the database; see ARCHITECTURE.md. Whoever adds one has to mean it.

class RoundTrips : public testing::Test {
 protected:
  RoundTrips() {
    // Connections know how to begin a transaction, and have prepared the statements, from the second time on.
    for (int i = 0; i < 4; ++i) CreatePool("warm" + std::to_string(i));
  }

  Result<CreatePoolResponse> CreatePool(const std::string& token) {
    return api_.Call<CreatePoolRequest>(
        "origination_identity: 'EXAMPLECO' iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL"
        " tags { key: 'a' value: 'b' } client_token: '" +
        token + "'");
  }

  template <class Call>
  int Of(const Call& call) {
    const int before = proxy_.RoundTrips();
    EXPECT_THAT(call(), IsOk());
    return proxy_.RoundTrips() - before;
  }

  storage::CommitProxy proxy_{Ask(kSocket)};
  Api api_{Settings(), proxy_.Url(Ask(kDatabase))};
  const std::string sender_id_ = GivenSenderId(api_, "EXAMPLECO");
};

TEST_F(RoundTrips, OfCreatePoolAreTheIdentityTheWritesAndTheCommit) {
  EXPECT_EQ(Of([&] { return CreatePool("token"); }), 3);
}

// First among others, if there are any; then by itself. The last two make sure that what the first call did is as safe
// as a commit before anybody is told of it.
TEST_F(RoundTrips, OfARepetitionAreTheTokenAndTheRollbackTwiceAndACommitOfItsOwn) {
  CreatePool("token");
  EXPECT_EQ(Of([&] { return CreatePool("token"); }), 6);
}

TEST_F(RoundTrips, OfAssociateAreThePoolTheNumberTheComparisonAndTheWritesWithTheCommit) {
  const std::string pool = GivenPool(api_);
  const auto associate = [&](const std::string& number) {
    return api_.Call<AssociateOriginationIdentityRequest>("pool_id: '" + pool + "' origination_identity: '" + number +
                                                          "' client_token: '" + number + "'");
  };
  associate(GivenNumber(api_));
  const std::string number = GivenNumber(api_);
  EXPECT_EQ(Of([&] { return associate(number); }), 4);
}

// The answer of a commit is lost on its way, and nobody can be asked what became of it: the caller is told that the
// service is unavailable, tries again with the same token, and gets what the first call did.
TEST(ClientToken, MakesARetrySafeAfterTheResponseWasLost) {
  Api direct;
  storage::CommitProxy proxy(Ask(kSocket));
  Settings settings;
  settings.pipeline.default_deadline = milliseconds(400);
  Api api(settings, proxy.Url(Ask(kDatabase)));
  GivenAccount(api, api.account());

  proxy.Next(storage::CommitProxy::Plan::kCutAfterAndHold);
  const auto lost = RequestWith(api, "token");
  ASSERT_TRUE(proxy.WaitForCut());
  EXPECT_THAT(lost, IsFault(Fault::kUnavailable));
  proxy.Open();

  direct.scope = api.scope;
  ASSERT_THAT(Numbers(direct), SizeIs(1)) << "the first call had been committed";
  const auto again = RequestWith(api, "token");
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(Numbers(direct), ElementsAre(again.response.phone_number_id()));
}

// A call that is done together with others, if there are any, and has no token: it may have been done, so it must not
// be tried by itself.
TEST(Transact, DoesNotDoAgainWhatMayHaveBeenDone) {
  Api direct;
  storage::CommitProxy proxy(Ask(kSocket));
  Settings settings;
  settings.pipeline.default_deadline = milliseconds(1000);
  Api api(settings, proxy.Url(Ask(kDatabase)));
  const std::string sender_id = GivenSenderId(api, "EXAMPLECO");

  proxy.Next(storage::CommitProxy::Plan::kCutAfterAndHold);
  auto lost = std::async(std::launch::async, [&] {
    return api.Call<CreatePoolRequest>("origination_identity: '" + sender_id +
                                       "' iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL");
  });
  ASSERT_TRUE(proxy.WaitForCut());
  EXPECT_TRUE(Eventually([&] { return api.database().stats().in_doubt_unknown == 1; }));
  proxy.Open();
  EXPECT_THAT(lost.get(), IsFault(Fault::kUnavailable));
  EXPECT_EQ(direct.CallAs(api.account(), DescribePoolsRequest()).response.pools_size(), 1);
}

// What else Transact does.

TEST(Transact, MakesAnAccountWithItsDefaultListAtTheFirstCallThatWrites) {
  Api api;
  GivenSenderId(api, "EXAMPLECO");
  std::string list;
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test", "SELECT opt_out_list_name FROM opt_out_lists WHERE account_id = $1"},
           storage::Params(api.account()))[0]
        .Read(list);
  });
  EXPECT_EQ(list, "Default");
}

TEST(Transact, LeavesNothingOfACallThatIsRefused) {
  Settings settings;
  settings.api.quotas.phone_numbers = 1;
  Api api(settings);
  const std::string pool = GivenPool(api);
  // Refused at the very end, after number, tags, keywords and membership were written.
  ASSERT_THAT(RequestWith(api, "token", "tags { key: 'a' value: 'b' } pool_id: '" + pool + "'"),
              IsOverQuota(reason::kPhoneNumbersPerAccount, 1));
  std::int64_t rows = -1;
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test",
            "SELECT (SELECT count(*) FROM tags WHERE account_id = $1)"
            " + (SELECT count(*) FROM client_tokens WHERE account_id = $1)"
            " + (SELECT count(*) FROM pool_members WHERE account_id = $1)"
            " + (SELECT count(*) FROM inventory_numbers WHERE held_by = $1)"},
           storage::Params(api.account()))[0]
        .Read(rows);
  });
  EXPECT_EQ(rows, 2) << "the pool's one member, which holds one number";
  EXPECT_THAT(Numbers(api), SizeIs(1));
}

TEST(Transact, ReadsWithoutATransactionOfItsOwn) {
  Api api;
  GivenNumber(api);
  const auto before = api.database().stats();
  ASSERT_THAT(api.Call<DescribePhoneNumbersRequest>(""), IsOk());
  const auto after = api.database().stats();
  EXPECT_EQ(after.writes, before.writes);
  EXPECT_EQ(after.reads, before.reads + 1);
}

}  // namespace
}  // namespace poold
