// What makes a call repeatable: the member client_token, and the metadata `idempotency-key` that means the same for
// every writing operation. Rules: behaviour 4.2, and server/middleware/client_token.h.

#include <gtest/gtest.h>

#include <memory>

#include "server/program/housekeeping.h"
#include "server/rpc/method.h"
#include "tests/support/api.h"
#include "tests/support/given.h"
#include "tests/support/parallel.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using google::protobuf::Message;
using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;

Api::Metadata Key(const std::string& key) { return {{"idempotency-key", key}}; }

// What a request may name.
struct Things {
  std::string number = {};  // in no pool
  std::string other = {};   // the same
  std::string pool = {};    // with two numbers, the second of which is `member`
  std::string member = {};
  std::string list_arn = {};  // of the list Offers, with the number +15550100 and the tag `a`
};

Things GivenThings(Api& api) {
  Things things;
  things.number = GivenNumber(api);
  things.other = GivenNumber(api);
  things.pool = GivenPool(api);
  things.member = GivenNumber(api);
  GivenMember(api, things.pool, things.member);
  GivenSenderId(api, "SENDER");
  GivenOptOutList(api, "Offers");
  things.list_arn = OwnArn(api, "opt-out-list", "Offers");
  const auto must = [](const auto& result) {
    if (result.error) throw std::runtime_error(result.error->what());
  };
  must(api.Call<PutOptedOutNumberRequest>("opt_out_list_name: 'Offers' opted_out_number: '15550100'"));
  must(api.Call<PutOptedOutNumberRequest>("opt_out_list_name: 'Offers' opted_out_number: '15550101'"));
  must(api.Call<TagResourceRequest>("resource_arn: '" + things.list_arn + "' tags { key: 'a' value: '1' }"));
  must(api.Call<PutResourcePolicyRequest>("resource_arn: '" + things.list_arn + "' policy: '{\"Statement\": []}'"));
  GivenKeyword(api, things.number, "HOURS", "9 to 5");
  GivenKeyword(api, things.number, "PRICES", "Low");
  return things;
}

// A request that changes something, and another one for the same operation.
struct Pair {
  std::string first;
  std::string other;
};

// For every writing operation there is.
std::map<std::string, Pair, std::less<>> RequestsFor(const Things& things) {
  const auto quoted = [](const std::string& text) { return "'" + text + "' "; };
  const std::string pool = "pool_id: " + quoted(things.pool);
  const std::string number = "phone_number_id: " + quoted(things.number);
  const std::string identity = "origination_identity: " + quoted(things.number);
  const std::string other_identity = "origination_identity: " + quoted(things.other);
  const std::string member = "origination_identity: " + quoted(things.member);
  const std::string list = "resource_arn: " + quoted(things.list_arn);
  const std::string on_list = "opt_out_list_name: 'Offers' ";
  const std::string us_number =
      "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL number_capabilities: NUMBER_CAPABILITY_SMS ";
  return {
      {"CreatePool",
       {identity + "message_type: MESSAGE_TYPE_TRANSACTIONAL",
        other_identity + "message_type: MESSAGE_TYPE_TRANSACTIONAL"}},
      {"UpdatePool", {pool + "shared_routes_enabled: true", pool + "shared_routes_enabled: false"}},
      {"DeletePool", {pool, pool + "expected_revision: 2"}},
      {"AssociateOriginationIdentity", {pool + other_identity, pool + "origination_identity: 'SENDER'"}},
      {"DisassociateOriginationIdentity", {pool + member, pool + member + "iso_country_code: 'US'"}},
      {"BatchAssociateOriginationIdentities",
       {pool + "origination_identities { " + other_identity + "}",
        pool + "origination_identities { origination_identity: 'SENDER' iso_country_code: 'GB' }"}},
      {"BatchDisassociateOriginationIdentities",
       {pool + "origination_identities { " + member + "}",
        pool + "origination_identities { " + member + "iso_country_code: 'US' }"}},
      {"ReplaceOriginationIdentities",
       {pool + "origination_identities { " + other_identity + "}", pool + "origination_identities { " + member + "}"}},
      {"RequestPhoneNumber",
       {us_number + "number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE",
        us_number + "number_type: REQUESTABLE_NUMBER_TYPE_TOLL_FREE"}},
      {"UpdatePhoneNumber",
       {number + "deletion_protection_enabled: true", number + "deletion_protection_enabled: false"}},
      {"ReleasePhoneNumber", {number, "phone_number_id: " + quoted(things.other)}},
      {"RequestSenderId", {"sender_id: 'NEW' iso_country_code: 'GB'", "sender_id: 'NEW' iso_country_code: 'FR'"}},
      {"UpdateSenderId",
       {"sender_id: 'SENDER' iso_country_code: 'GB' deletion_protection_enabled: true",
        "sender_id: 'SENDER' iso_country_code: 'GB'"}},
      {"ReleaseSenderId", {"sender_id: 'SENDER' iso_country_code: 'GB'", "sender_id: 'SENDER' iso_country_code: 'FR'"}},
      {"PutKeyword",
       {identity + "keyword: 'NEW' keyword_message: '1'", identity + "keyword: 'NEW' keyword_message: '2'"}},
      {"DeleteKeyword", {identity + "keyword: 'HOURS'", identity + "keyword: 'PRICES'"}},
      {"TagResource", {list + "tags { key: 'b' value: '2' }", list + "tags { key: 'b' value: '3' }"}},
      {"UntagResource", {list + "tag_keys: 'a'", list + "tag_keys: 'b'"}},
      {"CreateOptOutList", {"opt_out_list_name: 'New'", "opt_out_list_name: 'Newer'"}},
      {"DeleteOptOutList", {on_list, "opt_out_list_name: " + quoted(things.list_arn)}},
      {"PutOptedOutNumber", {on_list + "opted_out_number: '15550102'", on_list + "opted_out_number: '15550103'"}},
      {"DeleteOptedOutNumber", {on_list + "opted_out_number: '15550100'", on_list + "opted_out_number: '15550101'"}},
      {"PutResourcePolicy", {list + "policy: '{\"Statement\": [ ]}'", list + "policy: '{\"Statement\":[]}'"}},
      {"DeleteResourcePolicy", {list, "resource_arn: " + quoted(things.list_arn + "2")}},
  };
}

std::unique_ptr<Message> Make(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<Message>(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

// What an operation, whichever it is, comes to: its answer as text, or why there is none.
struct Outcome {
  std::string answer = {};
  std::optional<Error> error = {};
};

Outcome CallBy(Api& api, const Method& method, const Api::Metadata& metadata, const std::string& text) {
  const auto request = Make(method.descriptor->input_type());
  if (!google::protobuf::TextFormat::ParseFromString(text, request.get())) throw std::invalid_argument(text);
  const auto response = Make(method.descriptor->output_type());
  Outcome outcome;
  outcome.error = api.Run(api.scope, metadata, *request, *response);
  outcome.answer = response->DebugString();
  return outcome;
}

// Everything that the account has, but for its client tokens: one line for each row of each table.
std::vector<std::string> StateOf(Api& api) {
  std::vector<std::string> state;
  api.Sql([&](storage::Transaction& tx) {
    state.clear();
    std::vector<std::string> tables;
    for (const storage::Row row :
         tx.Run({"test",
                 "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public'"
                 " AND column_name = 'account_id' AND table_name <> 'client_tokens' ORDER BY 1"})) {
      row.Read(tables.emplace_back());
    }
    for (const std::string& table : tables) {
      const std::string sql =
          "SELECT '" + table + " ' || t::text FROM " + table + " AS t WHERE account_id = $1 ORDER BY 1";
      for (const storage::Row row : tx.Run({"test", sql}, storage::Params(api.account())))
        row.Read(state.emplace_back());
    }
  });
  return state;
}

// But for those that act on a whole account: there is only one request for each of them, and handlers/dev_test.cc shows
// what their keys do.
std::vector<std::string> WritingOperations() {
  std::vector<std::string> names;
  for (const Method& method : Methods()) {
    if (method.policy.writes() && !method.policy.dev()) names.emplace_back(method.name);
  }
  return names;
}

std::vector<std::string> ReadingOperations() {
  std::vector<std::string> names;
  for (const Method& method : Methods()) {
    if (!method.policy.writes()) names.emplace_back(method.name);
  }
  return names;
}

class IdempotencyKeyOf : public testing::TestWithParam<std::string> {
 protected:
  const Method& method() const { return *FindMethod(GetParam()); }

  Api api_;
  Things things_ = GivenThings(api_);

  Pair Requests() const {
    const auto requests = RequestsFor(things_);
    const auto found = requests.find(GetParam());
    if (found == requests.end()) throw std::logic_error("no request for " + GetParam() + "; write one");
    return found->second;
  }
};

INSTANTIATE_TEST_SUITE_P(Every, IdempotencyKeyOf, testing::ValuesIn(WritingOperations()),
                         [](const auto& name) { return name.param; });

TEST_P(IdempotencyKeyOf, AnswersARepetitionLikeTheFirstCallAndDoesNothing) {
  const auto [request, other] = Requests();
  const auto before = StateOf(api_);
  const Outcome first = CallBy(api_, method(), Key("once"), request);
  ASSERT_THAT(first, IsOk());
  const auto after = StateOf(api_);
  ASSERT_NE(after, before) << "the call must do something for this test to show anything";

  api_.world.Advance(milliseconds(1));
  const Outcome again = CallBy(api_, method(), Key("once"), request);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again.answer, first.answer);
  EXPECT_EQ(StateOf(api_), after);
}

TEST_P(IdempotencyKeyOf, IsRefusedForAnotherRequest) {
  const auto [request, other] = Requests();
  ASSERT_THAT(CallBy(api_, method(), Key("once"), request), IsOk());
  const auto after = StateOf(api_);
  EXPECT_THAT(CallBy(api_, method(), Key("once"), other), IsInvalidField(reason::kInvalidRequest, "clientToken"));
  EXPECT_EQ(StateOf(api_), after);
}

TEST_P(IdempotencyKeyOf, LetsOneActWhenManyCallAtOnce) {
  const auto [request, other] = Requests();
  const auto outcomes = InParallel(6, [&, text = request](int) { return CallBy(api_, method(), Key("once"), text); });
  for (const Outcome& outcome : outcomes) {
    ASSERT_THAT(outcome, IsOk());
    EXPECT_EQ(outcome.answer, outcomes[0].answer);
  }
}

TEST_P(IdempotencyKeyOf, RefusesWhatIsNoKey) {
  const auto [request, other] = Requests();
  const auto before = StateOf(api_);
  for (const std::string& key : {std::string(), std::string(65, 'k'), std::string("two words"), std::string("tab\t"),
                                 std::string("clé"), std::string("\x7F")}) {
    EXPECT_THAT(CallBy(api_, method(), Key(key), request), IsInvalidField(reason::kInvalidParameter, "idempotency-key"))
        << key;
  }
  EXPECT_EQ(StateOf(api_), before);
  EXPECT_THAT(CallBy(api_, method(), Key(std::string(64, '~')), request), IsOk());
}

class ReadingOperation : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Every, ReadingOperation, testing::ValuesIn(ReadingOperations()),
                         [](const auto& name) { return name.param; });

TEST_P(ReadingOperation, IgnoresTheKey) {
  Api api;
  const Things things = GivenThings(api);
  const std::string pool = "pool_id: '" + things.pool + "'";
  const std::string number = "origination_identity: '" + things.number + "'";
  const std::map<std::string, std::string> needs = {
      {"ListPoolOriginationIdentities", pool},
      {"ListPoolsForOriginationIdentity", number},
      {"DescribeKeywords", number},
      {"ListTagsForResource", "resource_arn: '" + things.list_arn + "'"},
      {"DescribeOptedOutNumbers", "opt_out_list_name: 'Offers'"},
      {"GetResourcePolicy", "resource_arn: '" + things.list_arn + "'"},
  };
  const Method& method = *FindMethod(GetParam());
  const auto found = needs.find(GetParam());
  const std::string request = found == needs.end() ? "" : found->second;
  const Outcome plain = CallBy(api, method, {}, request);
  ASSERT_THAT(plain, IsOk());
  for (const char* key : {"once", "once", "two words", ""}) {
    const Outcome with_key = CallBy(api, method, Key(key), request);
    ASSERT_THAT(with_key, IsOk());
    EXPECT_EQ(with_key.answer, plain.answer);
  }
}

// ---------------------------------------------------------------------------------------------------------------------

CreateOptOutListRequest ListRequest(const std::string& name, const std::string& token = {}) {
  CreateOptOutListRequest request;
  request.set_opt_out_list_name(name);
  if (!token.empty()) request.set_client_token(token);
  return request;
}

std::vector<std::string> ListsOf(Api& api) {
  std::vector<std::string> names;
  const auto lists = api.Call(DescribeOptOutListsRequest());
  for (const auto& list : lists.response.opt_out_lists()) names.push_back(list.opt_out_list_name());
  return names;
}

TEST(IdempotencyKey, MayBeGivenTogetherWithTheSameClientToken) {
  Api api;
  EXPECT_THAT(api.CallWith(Key("once"), ListRequest("Offers", "once")), IsOk());
  EXPECT_THAT(ListsOf(api), ElementsAre("Default", "Offers"));
}

TEST(IdempotencyKey, IsRefusedTogetherWithAnotherClientToken) {
  Api api;
  EXPECT_THAT(
      api.CallWith(Key("once"), ListRequest("Offers", "Once")),
      IsInvalid(reason::kParametersCannotBeUsedTogether, std::vector<std::string>{"clientToken", "idempotency-key"}));
  EXPECT_THAT(ListsOf(api), ElementsAre("Default"));
}

TEST(IdempotencyKey, AndClientTokenAreOneThing) {
  Api api;
  const auto first = api.CallWith(Key("once"), ListRequest("Offers"));
  ASSERT_THAT(first, IsOk());
  for (const auto& again :
       {api.Call(ListRequest("Offers", "once")), api.CallWith(Key("once"), ListRequest("Offers", "once"))}) {
    ASSERT_THAT(again, IsOk());
    EXPECT_THAT(again.response, EqualsProto(first.response));
  }
  EXPECT_THAT(api.Call(ListRequest("Others", "once")), IsInvalidField(reason::kInvalidRequest, "clientToken"));
}

TEST(IdempotencyKey, IsOfOneOperationAccountAndRegion) {
  Api api;
  ASSERT_THAT(api.CallWith(Key("once"), ListRequest("Offers")), IsOk());
  EXPECT_THAT(api.CallWith(Key("once"), Api::Parse<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'")), IsOk());
  EXPECT_THAT(api.CallWith(Key("ONCE"), ListRequest("Others")), IsOk());  // case counts
  auto elsewhere = Key("once");
  elsewhere["x-region"] = "eu-west-2";
  EXPECT_THAT(api.CallWith(elsewhere, ListRequest("Elsewhere")), IsOk());
  auto other = Key("once");
  other["x-account-id"] = NewAccount();
  EXPECT_THAT(api.CallWith(other, ListRequest("Theirs")), IsOk());
}

TEST(IdempotencyKey, DoesNotRememberFailures) {
  Api api;
  const auto put = Api::Parse<PutOptedOutNumberRequest>("opt_out_list_name: 'Offers' opted_out_number: '15550100'");
  EXPECT_THAT(api.CallWith(Key("once"), put), IsFault(Fault::kNotFound));
  ASSERT_THAT(api.Call(ListRequest("Offers")), IsOk());
  EXPECT_THAT(api.CallWith(Key("once"), put), IsOk());
}

TEST(IdempotencyKey, IsForgottenAfterADay) {
  Api api;
  const auto put = Api::Parse<PutKeywordRequest>("origination_identity: '" + GivenNumber(api) +
                                                 "' keyword: 'HOURS' keyword_message: '9 to 5'");
  auto other = put;
  other.set_keyword_message("10 to 4");
  ASSERT_THAT(api.CallWith(Key("once"), put), IsOk());
  api.world.Advance(hours(24) - milliseconds(1));
  EXPECT_THAT(api.CallWith(Key("once"), other), IsInvalidField(reason::kInvalidRequest, "clientToken"));
  api.world.Advance(milliseconds(2));
  EXPECT_THAT(api.CallWith(Key("once"), other), IsOk());
}

TEST(IdempotencyKey, IsPurgedByHousekeepingAfterADay) {
  Api api(Settings(), FreshDatabase(/*migrated=*/true));
  const auto tokens = [&] {
    std::int64_t count = 0;
    api.Sql([&](storage::Transaction& tx) { tx.Run({"test", "SELECT count(*) FROM client_tokens"})[0].Read(count); });
    return count;
  };
  // More than go in one batch.
  ASSERT_THAT(api.CallWith(Key("old"), ListRequest("Old")), IsOk());
  api.Sql([&](storage::Transaction& tx) {
    tx.Run({"test",
            "INSERT INTO client_tokens SELECT account_id, region, operation, client_token || i, request_hash, response,"
            " created_at FROM client_tokens, generate_series(1, 1200) AS i"});
  });
  api.world.Advance(hours(24) + milliseconds(1));
  ASSERT_THAT(api.CallWith(Key("new"), ListRequest("New")), IsOk());
  ASSERT_EQ(tokens(), 1202);
  Housekeeping housekeeping(api.service());
  EXPECT_TRUE(Eventually([&] { return tokens() == 1; }));
  EXPECT_THAT(api.CallWith(Key("new"), ListRequest("Newer")), IsFault(Fault::kInvalid));
}

}  // namespace
}  // namespace poold
