// What this service adds to the pool operations: validate_only, revision and expected_revision, and
// ListPoolsForOriginationIdentity. Rules: smsvoice/v2/pools.proto.

#include <gtest/gtest.h>

#include <set>

#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using google::protobuf::Message;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string kGb = "iso_country_code: 'GB' ";
const std::string kTransactional = "message_type: MESSAGE_TYPE_TRANSACTIONAL ";
const std::string kMissingPool = "pool-0123456789abcdef0123456789abcdef";
const std::string kMissingNumber = "phone-0123456789abcdef0123456789abcdef";

std::string PoolId(const std::string& id) { return "pool_id: '" + id + "' "; }
std::string Identity(const std::string& id) { return "origination_identity: '" + id + "' "; }
std::string Item(const std::string& identity, const std::string& more = {}) {
  return "origination_identities { " + Identity(identity) + more + "} ";
}

const Method& MethodOf(const Message& request) {
  const std::string& name = request.GetDescriptor()->name();
  return *FindMethod(name.substr(0, name.size() - std::string_view("Request").size()));
}

// What any request comes to.
struct Outcome {
  std::unique_ptr<Message> response;
  std::optional<Error> error;
};

Outcome OutcomeOf(Api& api, const Message& request, const Api::Metadata& metadata = {}) {
  const auto* type = MethodOf(request).descriptor->output_type();
  Outcome outcome;
  outcome.response.reset(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  outcome.error = api.Run(api.scope, metadata, request, *outcome.response);
  return outcome;
}

std::unique_ptr<Message> Rehearsal(const Message& request) {
  std::unique_ptr<Message> rehearsal(request.New());
  rehearsal->CopyFrom(request);
  rehearsal->GetReflection()->SetBool(rehearsal.get(), rehearsal->GetDescriptor()->FindFieldByName("validate_only"),
                                      true);
  return rehearsal;
}

// Every row that the database has of the account, in every table, as text.
std::vector<std::string> StateOf(Api& api) {
  std::vector<std::string> state;
  api.Sql([&](storage::Transaction& tx) {
    state.clear();
    const storage::Rows tables = tx.Run({"test",
                                         "SELECT table_name::text FROM information_schema.columns"
                                         " WHERE table_schema = 'public' AND column_name = 'account_id' ORDER BY 1"});
    ASSERT_GE(tables.size(), 14u);
    for (const storage::Row table : tables) {
      std::string name;
      table.Read(name);
      const std::string select = "SELECT to_jsonb(t)::text FROM " + name + " AS t WHERE account_id = $1 ORDER BY 1";
      for (const storage::Row row : tx.Run({"test", select}, storage::Params(api.account()))) {
        std::string text;
        row.Read(text);
        state.push_back(name + " " + text);
      }
    }
    for (const storage::Row row :
         tx.Run({"test", "SELECT phone_number FROM inventory_numbers WHERE held_by = $1 ORDER BY 1"},
                storage::Params(api.account()))) {
      std::string text;
      row.Read(text);
      state.push_back("held " + text);
    }
  });
  return state;
}

// An account with something of everything.
struct Account {
  Api api;
  std::string first, second;  // in the pool
  std::string spare;          // fits, in no pool
  std::string pool;

  explicit Account(const Settings& settings = {})
      : api(settings), first(GivenNumber(api)), second(GivenNumber(api)), spare(GivenNumber(api)) {
    pool = GivenPool(api, first, "tags { key: 'Name' value: 'x' }");
    GivenMember(api, pool, second);
    GivenSenderId(api, "Member");
    GivenMember(api, pool, "Member", kGb);
    GivenSenderId(api, "Spare");
    GivenOptOutList(api, "Offers");
    GivenKeyword(api, pool, "HOURS", "9 to 5");
    GivenKeyword(api, spare, "HOURS", "9 to 5");
    GivenShare(api, OwnArn(api, "pool", pool), "444455556666");
  }
};

// A sound call of every operation that can only validate.
std::vector<std::unique_ptr<Message>> WritingCalls(const Account& account) {
  std::vector<std::unique_ptr<Message>> calls;
  const auto add = [&](auto request) { calls.push_back(std::make_unique<decltype(request)>(std::move(request))); };
  const std::string pool = PoolId(account.pool);
  add(Api::Parse<CreatePoolRequest>(kTransactional + Identity(account.spare) + "tags { key: 'a' value: 'b' }"));
  add(Api::Parse<CreatePoolRequest>(kTransactional + Identity("Spare") + kGb));
  add(Api::Parse<UpdatePoolRequest>(pool + "opt_out_list_name: 'Offers' shared_routes_enabled: true"));
  add(Api::Parse<DeletePoolRequest>(pool));
  add(Api::Parse<AssociateOriginationIdentityRequest>(pool + Identity(account.spare)));
  add(Api::Parse<AssociateOriginationIdentityRequest>(pool + Identity("Spare") + kGb));
  add(Api::Parse<DisassociateOriginationIdentityRequest>(pool + Identity(account.first)));
  add(Api::Parse<DisassociateOriginationIdentityRequest>(pool + Identity("Member") + kGb));
  add(Api::Parse<BatchAssociateOriginationIdentitiesRequest>(pool + Item(account.spare) + Item("Spare", kGb)));
  add(Api::Parse<BatchDisassociateOriginationIdentitiesRequest>(pool + Item(account.first) + Item("Member", kGb)));
  add(Api::Parse<ReplaceOriginationIdentitiesRequest>(pool + Item(account.spare) + Item(account.second)));
  add(Api::Parse<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'"));
  return calls;
}

// ---------------------------------------------------------------------------------------------------------------------
// validate_only

TEST(ValidateOnly, IsThereOnEveryWritingPoolOperationAndOnDeleteOptOutList) {
  const Account account;
  std::set<std::string_view> tested;
  for (const auto& request : WritingCalls(account)) tested.insert(MethodOf(*request).name);
  for (const Method& method : Methods()) {
    const bool expected = (method.policy.writes() && method.descriptor->service()->name() == "Pools") ||
                          method.name == "DeleteOptOutList";
    EXPECT_EQ(method.validate_only != nullptr, expected) << method.name;
    EXPECT_EQ(tested.contains(method.name), expected) << method.name;
  }
}

TEST(ValidateOnly, ChangesNothing) {
  Account account;
  for (const auto& request : WritingCalls(account)) {
    const auto before = StateOf(account.api);
    const auto rehearsed = OutcomeOf(account.api, *Rehearsal(*request));
    EXPECT_FALSE(rehearsed.error) << request->GetTypeName() << ": " << rehearsed.error->what();
    EXPECT_EQ(StateOf(account.api), before) << request->GetTypeName();
  }
}

// The test above would see a change.
TEST(ValidateOnly, IsWhatKeepsTheSameCallsFromChangingSomething) {
  const std::size_t count = WritingCalls(Account()).size();
  for (std::size_t i = 0; i < count; ++i) {
    Account account;
    const auto request = std::move(WritingCalls(account)[i]);
    const auto before = StateOf(account.api);
    ASSERT_FALSE(OutcomeOf(account.api, *request).error) << request->GetTypeName();
    EXPECT_NE(StateOf(account.api), before) << request->GetTypeName();
  }
}

TEST(ValidateOnly, AnswersWhatTheCallWould) {
  const std::size_t count = WritingCalls(Account()).size();
  for (std::size_t i = 0; i < count; ++i) {
    Account account;
    const auto request = std::move(WritingCalls(account)[i]);
    const auto rehearsed = OutcomeOf(account.api, *Rehearsal(*request));
    const auto done = OutcomeOf(account.api, *request);
    ASSERT_FALSE(rehearsed.error || done.error) << request->GetTypeName();
    if (auto* created = dynamic_cast<CreatePoolResponse*>(done.response.get())) {
      // Only the id, which is made up anew each time, is another.
      auto& foreseen = dynamic_cast<CreatePoolResponse&>(*rehearsed.response);
      EXPECT_NE(foreseen.pool_id(), created->pool_id());
      EXPECT_FALSE(IsThere(account.api, foreseen.pool_id()));
      foreseen.set_pool_id(created->pool_id());
      foreseen.set_pool_arn(created->pool_arn());
    }
    EXPECT_EQ(rehearsed.response->DebugString(), done.response->DebugString()) << request->GetTypeName();
  }
}

TEST(ValidateOnly, RemembersNoToken) {
  Account account;
  for (const auto& request : WritingCalls(account)) {
    SCOPED_TRACE(request->GetTypeName());
    const Api::Metadata key{{"idempotency-key", "one"}};
    const auto before = StateOf(account.api);
    ASSERT_FALSE(OutcomeOf(account.api, *Rehearsal(*request), key).error);
    EXPECT_EQ(StateOf(account.api), before);
  }
  const std::string call = PoolId(account.pool) + Identity(account.spare) + "client_token: 'one' ";
  ASSERT_THAT(account.api.Call<AssociateOriginationIdentityRequest>(call + "validate_only: true"), IsOk());
  EXPECT_FALSE(TheNumber(account.api, account.spare).has_pool_id());
  ASSERT_THAT(account.api.Call<AssociateOriginationIdentityRequest>(call), IsOk());
  EXPECT_EQ(TheNumber(account.api, account.spare).pool_id(), account.pool);
}

TEST(ValidateOnly, OfFalseIsTheCallItself) {
  Account account;
  ASSERT_THAT(account.api.Call<AssociateOriginationIdentityRequest>(PoolId(account.pool) + Identity(account.spare) +
                                                                    "validate_only: false"),
              IsOk());
  EXPECT_EQ(TheNumber(account.api, account.spare).pool_id(), account.pool);
}

TEST(ValidateOnly, RefusesAsTheCallDoes) {
  Settings settings;
  settings.api.quotas.pools = 2;
  settings.api.quotas.tags_per_resource = 1;
  settings.api.quotas.origination_identities_per_pool = 3;
  Account account(settings);
  Api& api = account.api;
  const std::string pool = PoolId(account.pool);
  const std::string sender_ids = GivenSenderIdPool(api, "Founder");
  GivenChange(api, sender_ids, "deletion_protection_enabled: true");
  const std::string pending = GivenNumber(api);
  GivenStatus(api, pending, "PENDING");

  std::vector<std::unique_ptr<Message>> calls;
  const auto add = [&](auto request) { calls.push_back(std::make_unique<decltype(request)>(std::move(request))); };
  const auto create = [&](const std::string& text) { add(Api::Parse<CreatePoolRequest>(kTransactional + text)); };
  create("");
  create(Identity("Spare"));
  create(Identity(kMissingNumber));
  create(Identity(pending));
  create(Identity(account.first));
  create(Identity(account.spare) + "iso_country_code: 'FR'");
  create(Identity(account.spare) + "tags { key: 'a' value: '' } tags { key: 'b' value: '' }");
  create(Identity(account.spare));  // one pool too many
  const auto update = [&](const std::string& text) { add(Api::Parse<UpdatePoolRequest>(text)); };
  update(PoolId(kMissingPool));
  update(pool + "opt_out_list_name: 'Nothing'");
  update(pool + "two_way_enabled: true");
  update(pool + "self_managed_opt_outs_enabled: true");
  update(pool + "expected_revision: 99");
  add(Api::Parse<DeletePoolRequest>(PoolId(kMissingPool)));
  add(Api::Parse<DeletePoolRequest>(PoolId(sender_ids)));
  add(Api::Parse<DeletePoolRequest>(pool + "expected_revision: 99"));
  const auto associate = [&](const std::string& text) { add(Api::Parse<AssociateOriginationIdentityRequest>(text)); };
  associate(pool + Identity("+12065550100"));
  associate(PoolId(kMissingPool) + Identity(account.spare));
  associate(pool + Identity(kMissingNumber));
  associate(pool + Identity(account.first));
  associate(pool + Identity(pending));
  associate(pool + Identity(account.spare));  // the pool is full
  const auto disassociate = [&](const std::string& text) {
    add(Api::Parse<DisassociateOriginationIdentityRequest>(text));
  };
  disassociate(pool + Identity(account.spare));
  disassociate(pool + Identity("Spare") + kGb);
  disassociate(PoolId(sender_ids) + Identity("Founder") + kGb);
  // Of batches what is wrong with the pool; refused identities are in the response.
  add(Api::Parse<BatchAssociateOriginationIdentitiesRequest>(PoolId(kMissingPool) + Item(account.spare)));
  add(Api::Parse<BatchAssociateOriginationIdentitiesRequest>(pool + Item("+12065550100")));
  add(Api::Parse<BatchDisassociateOriginationIdentitiesRequest>(pool + Item(account.first) + "expected_revision: 99"));
  add(Api::Parse<ReplaceOriginationIdentitiesRequest>(pool + Item("Spare", kGb)));

  for (const auto& request : calls) {
    SCOPED_TRACE(request->GetTypeName() + ": " + request->ShortDebugString());
    const auto before = StateOf(api);
    const auto rehearsed = OutcomeOf(api, *Rehearsal(*request));
    const auto done = OutcomeOf(api, *request);
    ASSERT_TRUE(rehearsed.error && done.error);
    EXPECT_EQ(rehearsed.error->fault(), done.error->fault());
    EXPECT_EQ(rehearsed.error->message(), done.error->message());
    EXPECT_EQ(rehearsed.error->fields(), done.error->fields());
    EXPECT_EQ(StateOf(api), before);
  }
}

TEST(ValidateOnly, ReportsEveryMismatchWithTheExpectedAndTheActualValue) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string pool = GivenPool(api);
  const std::string topic = "arn:aws:sns:us-east-1:111122223333:inbound";
  const std::string role = "arn:aws:iam::111122223333:role/inbound";
  const std::string number =
      GivenNumber(api,
                  "message_type: MESSAGE_TYPE_PROMOTIONAL opt_out_list_name: 'Offers'"
                  " number_capabilities: NUMBER_CAPABILITY_VOICE number_capabilities: NUMBER_CAPABILITY_SMS");
  GivenChange(api, number,
              "two_way_enabled: true self_managed_opt_outs_enabled: true two_way_channel_arn: '" + topic +
                  "' two_way_channel_role: '" + role + "'");
  GivenKeyword(api, number, "HOURS", "9 to 5");

  const std::string call = PoolId(pool) + Identity(number);
  const auto mismatch = IsConflict(reason::kMessageTypeMismatch, ResourceType::kPhoneNumber, number);
  const auto rehearsed = api.Call<AssociateOriginationIdentityRequest>(call + "validate_only: true");
  ASSERT_THAT(rehearsed, mismatch);
  EXPECT_THAT(
      rehearsed.error->fields(),
      ElementsAre(FieldViolation{"messageType", "expected TRANSACTIONAL, actual PROMOTIONAL"},
                  FieldViolation{"numberCapabilities", "expected SMS, actual SMS, VOICE"},
                  FieldViolation{"twoWay", "expected off, actual " + topic + " as " + role},
                  FieldViolation{"selfManagedOptOutsEnabled", "expected false, actual true"},
                  FieldViolation{"optOutListName", "expected Default, actual Offers"},
                  FieldViolation{"keywords", "expected no such keyword, actual HOURS AUTOMATIC_RESPONSE \"9 to 5\""}));
  // They reach the callers of gRPC.
  EXPECT_EQ(FromGrpcStatus(ToGrpcStatus(*rehearsed.error, "request")).fields(), rehearsed.error->fields());

  // The call itself names the first only.
  const auto refused = api.Call<AssociateOriginationIdentityRequest>(call);
  EXPECT_THAT(refused, mismatch);
  EXPECT_THAT(refused.error->fields(), IsEmpty());
}

TEST(ValidateOnly, ReportsOnlyWhatDiffers) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  GivenKeyword(api, number, "HOURS", "9 to 5");
  const std::string topic = "arn:aws:sns:us-east-1:111122223333:inbound";
  GivenChange(api, pool, "two_way_enabled: true two_way_channel_arn: '" + topic + "'");
  const auto rehearsed =
      api.Call<AssociateOriginationIdentityRequest>(PoolId(pool) + Identity(number) + "validate_only: true");
  ASSERT_THAT(rehearsed, IsConflict(reason::kTwoWayConfigMismatch, ResourceType::kPhoneNumber, number));
  EXPECT_THAT(
      rehearsed.error->fields(),
      ElementsAre(FieldViolation{"twoWay", "expected " + topic + ", actual off"},
                  FieldViolation{"keywords", "expected no such keyword, actual HOURS AUTOMATIC_RESPONSE \"9 to 5\""}));
}

TEST(ValidateOnly, ReportsTheMessageTypesOfASenderId) {
  Api api;
  GivenSenderId(api, "OFFERS", "GB", "message_types: MESSAGE_TYPE_PROMOTIONAL");
  const std::vector<FieldViolation> fields{{"messageTypes", "expected TRANSACTIONAL, actual PROMOTIONAL"}};
  const auto joining = api.Call<AssociateOriginationIdentityRequest>(PoolId(GivenPool(api)) + Identity("OFFERS") + kGb +
                                                                     "validate_only: true");
  ASSERT_THAT(joining, IsConflict(reason::kMessageTypeMismatch, ResourceType::kSenderId, std::string("OFFERS")));
  EXPECT_EQ(joining.error->fields(), fields);
  const auto founding = api.Call<CreatePoolRequest>(kTransactional + Identity("OFFERS") + kGb + "validate_only: true");
  ASSERT_THAT(founding, IsConflict(reason::kMessageTypeMismatch, ResourceType::kSenderId, std::string("OFFERS")));
  EXPECT_EQ(founding.error->fields(), fields);
}

TEST(ValidateOnly, ReportsTheMessageTypeOfANumberThatWouldFoundAPool) {
  Api api;
  const std::string number = GivenNumber(api, "message_type: MESSAGE_TYPE_PROMOTIONAL");
  const auto rehearsed = api.Call<CreatePoolRequest>(kTransactional + Identity(number) + "validate_only: true");
  ASSERT_THAT(rehearsed, IsConflict(reason::kMessageTypeMismatch, ResourceType::kPhoneNumber, number));
  EXPECT_THAT(rehearsed.error->fields(),
              ElementsAre(FieldViolation{"messageType", "expected TRANSACTIONAL, actual PROMOTIONAL"}));
}

// A response has room for all of them, where the status of a refusal has not.
TEST(ValidateOnly, OfABatchAnswersEveryRefusedIdentityWithEveryMismatch) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string pool = GivenPool(api);
  const std::string promotional = GivenNumber(api, "message_type: MESSAGE_TYPE_PROMOTIONAL");
  const std::string listed = GivenNumber(api, "opt_out_list_name: 'Offers'");
  GivenKeyword(api, listed, "HOURS", "9 to 5");
  const std::string call = PoolId(pool) + Item(GivenNumber(api)) + Item(promotional) + Item(listed) +
                           Item("NOBODY", kGb) + Item("NOBODY") + "validate_only: true";
  BatchAssociateOriginationIdentitiesResponse expected;
  expected.set_pool_arn(OwnArn(api, "pool", pool));
  expected.set_pool_id(pool);
  *expected.mutable_origination_identities() =
      api.Call<ListPoolOriginationIdentitiesRequest>(PoolId(pool)).response.origination_identities();
  expected.set_revision(1);
  const auto refuse = [&](int index, const std::string& identity, const std::string& text) {
    auto& refused = *expected.add_refused_identities();
    ASSERT_TRUE(google::protobuf::TextFormat::MergeFromString(text, &refused));
    refused.set_index(index);
    refused.set_origination_identity(identity);
  };
  const auto conflict = [](const std::string& reason, const std::string& id) {
    return "exception: 'ConflictException' reason: '" + reason + "' resource_type: 'phone-number' resource_id: '" + id +
           "' message: 'Conflict Occurred - Reason=\"" + reason + "\" ResourceType=\"phone-number\" ResourceId=\"" +
           id + "\"' ";
  };
  refuse(1, promotional,
         conflict("MESSAGE_TYPE_MISMATCH", promotional) +
             "fields { name: 'messageType' message: 'expected TRANSACTIONAL, actual PROMOTIONAL' }");
  refuse(2, listed,
         conflict("OPT_OUT_LIST_MISMATCH", listed) +
             "fields { name: 'optOutListName' message: 'expected Default, actual Offers' }"
             "fields { name: 'keywords' message: 'expected no such keyword, actual HOURS AUTOMATIC_RESPONSE \"9 to "
             "5\"' }");
  refuse(3, "NOBODY",
         "iso_country_code: 'GB' exception: 'ResourceNotFoundException' resource_type: 'sender-id'"
         " resource_id: 'NOBODY' message: 'Resource not found - ResourceType=\"sender-id\" ResourceId=\"NOBODY\"'");
  refuse(4, "NOBODY",
         "exception: 'ValidationException' reason: 'MISSING_PARAMETER'"
         " message: 'Validation failed - Reason=\"MISSING_PARAMETER\" Fields=\"isoCountryCode\" - isoCountryCode is"
         " required with a sender ID' fields { name: 'isoCountryCode' message: 'is required with a sender ID' }");

  const auto before = StateOf(api);
  const auto batch = api.Call<BatchAssociateOriginationIdentitiesRequest>(call);
  ASSERT_THAT(batch, IsOk());
  EXPECT_THAT(batch.response, EqualsProto(expected));
  EXPECT_EQ(StateOf(api), before);

  const auto replace = api.Call<ReplaceOriginationIdentitiesRequest>(call);
  ASSERT_THAT(replace, IsOk());
  ReplaceOriginationIdentitiesResponse replaced;
  ASSERT_TRUE(replaced.ParseFromString(expected.SerializeAsString()));  // the same members with the same numbers
  EXPECT_THAT(replace.response, EqualsProto(replaced));
  EXPECT_EQ(StateOf(api), before);
}

TEST(ValidateOnly, OfABatchThatTakesOutAnswersEveryRefusedIdentityAndThePoolAsItIs) {
  Account account;
  Api& api = account.api;
  const auto members = MembersOf(api, account.pool);
  const std::string call = PoolId(account.pool) + Item(account.first) + Item(account.spare) + Item(account.second);
  const auto before = StateOf(api);
  const auto batch = api.Call<BatchDisassociateOriginationIdentitiesRequest>(call + "validate_only: true");
  ASSERT_THAT(batch, IsOk());
  std::vector<std::string> refused;
  for (const auto& one : batch.response.refused_identities()) {
    refused.push_back(std::to_string(one.index()) + " " + one.reason());
  }
  EXPECT_THAT(refused, ElementsAre("1 PHONE_NUMBER_NOT_ASSOCIATED_TO_POOL", "2 LAST_PHONE_NUMBER"));
  std::vector<std::string> answered;
  for (const auto& member : batch.response.origination_identities()) answered.push_back(member.origination_identity());
  EXPECT_EQ(answered, members) << "what was taken out before the first refusal is in the pool";
  EXPECT_EQ(batch.response.revision(), ThePool(api, account.pool).revision());
  EXPECT_EQ(StateOf(api), before);
}

TEST(ValidateOnly, OfABatchAnswersAHundredRefusedIdentities) {
  Api api;
  std::string call = PoolId(GivenPool(api)) + "validate_only: true ";
  for (int i = 0; i < 100; ++i) call += Item(kMissingNumber);
  const auto batch = api.Call<BatchAssociateOriginationIdentitiesRequest>(call);
  ASSERT_THAT(batch, IsOk());
  ASSERT_EQ(batch.response.refused_identities_size(), 100);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(batch.response.refused_identities(i).index(), i);
}

// The real call is refused as ever, and so is what no identity is to blame for.
TEST(ValidateOnly, OfABatchAnswersRefusedIdentitiesExactlyWhereTheCallIsRefusedForThem) {
  Account account;
  Api& api = account.api;
  const std::string call = PoolId(account.pool) + Item(account.spare) + Item(kMissingNumber) + Item(account.first);
  const auto rehearsed = api.Call<BatchAssociateOriginationIdentitiesRequest>(call + "validate_only: true");
  const auto done = api.Call<BatchAssociateOriginationIdentitiesRequest>(call);
  ASSERT_THAT(rehearsed, IsOk());
  ASSERT_THAT(done, IsNotFound(ResourceType::kPhoneNumber, kMissingNumber));
  ASSERT_EQ(rehearsed.response.refused_identities_size(), 2);
  ASSERT_EQ(done.error->fields().size(), 2u);
  EXPECT_EQ(rehearsed.response.refused_identities(0).message(), done.error->message());
  const std::string sound = PoolId(account.pool) + Item(account.spare);
  EXPECT_EQ(api.Call<BatchAssociateOriginationIdentitiesRequest>(sound + "validate_only: true")
                .response.refused_identities_size(),
            0);
}

TEST(ValidateOnly, CountsNoPoolAgainstTheQuota) {
  Settings settings;
  settings.api.quotas.pools = 1;
  Api api(settings);
  const std::string call = kTransactional + Identity(GivenNumber(api));
  for (int i = 0; i < 3; ++i) ASSERT_THAT(api.Call<CreatePoolRequest>(call + "validate_only: true"), IsOk());
  EXPECT_THAT(api.Call<CreatePoolRequest>(call), IsOk());
  EXPECT_THAT(api.Call<CreatePoolRequest>(kTransactional + Identity(GivenNumber(api)) + "validate_only: true"),
              IsOverQuota(reason::kPoolsPerAccount, 1));
}

// ---------------------------------------------------------------------------------------------------------------------
// revision

std::int64_t RevisionOf(Api& api, const std::string& pool) { return ThePool(api, pool).revision(); }

TEST(Revision, IsOneOfANewPool) {
  Api api;
  const auto created = api.Call<CreatePoolRequest>(kTransactional + Identity(GivenNumber(api)));
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created.response.revision(), 1);
  EXPECT_EQ(RevisionOf(api, created.response.pool_id()), 1);
}

TEST(Revision, GrowsByOneWithEveryChangeOfSettings) {
  Api api;
  GivenOptOutList(api, "Offers");
  const std::string pool = GivenPool(api);
  std::int64_t expected = 1;
  for (const std::string change : {
           "opt_out_list_name: 'Offers'",
           "two_way_enabled: true two_way_channel_arn: 'arn:aws:sns:us-east-1:111122223333:inbound'",
           "two_way_channel_role: 'arn:aws:iam::111122223333:role/inbound'",
           "self_managed_opt_outs_enabled: true",
           "shared_routes_enabled: true",
           "deletion_protection_enabled: true",
           "opt_out_list_name: 'Default' shared_routes_enabled: false deletion_protection_enabled: false",
       }) {
    const auto updated = api.Call<UpdatePoolRequest>(PoolId(pool) + change);
    ASSERT_THAT(updated, IsOk());
    EXPECT_EQ(updated.response.revision(), ++expected) << change;
    EXPECT_EQ(RevisionOf(api, pool), expected) << change;
  }
}

TEST(Revision, StaysWhenAnUpdateChangesNothing) {
  Api api;
  const std::string pool = GivenPool(api);
  for (const std::string change : {"", "two_way_enabled: false", "opt_out_list_name: 'Default'",
                                   "shared_routes_enabled: false deletion_protection_enabled: false"}) {
    const auto updated = api.Call<UpdatePoolRequest>(PoolId(pool) + change);
    ASSERT_THAT(updated, IsOk());
    EXPECT_EQ(updated.response.revision(), 1) << change;
    EXPECT_EQ(RevisionOf(api, pool), 1) << change;
  }
}

TEST(Revision, GrowsWithEveryChangeOfMembership) {
  Api api;
  const std::string founder = GivenNumber(api);
  const std::string pool = GivenPool(api, founder);
  const std::string number = GivenNumber(api);
  GivenSenderId(api, "EXAMPLECO");
  const auto joined = api.Call<AssociateOriginationIdentityRequest>(PoolId(pool) + Identity(number));
  EXPECT_EQ(joined.response.revision(), 2);
  EXPECT_EQ(RevisionOf(api, pool), 2);
  GivenMember(api, pool, "EXAMPLECO", kGb);
  EXPECT_EQ(RevisionOf(api, pool), 3);
  GivenNumber(api, PoolId(pool));
  EXPECT_EQ(RevisionOf(api, pool), 4);
  const auto left = api.Call<DisassociateOriginationIdentityRequest>(PoolId(pool) + Identity(number));
  EXPECT_EQ(left.response.revision(), 5);
  EXPECT_EQ(RevisionOf(api, pool), 5);
}

TEST(Revision, GrowsWithEveryChangeOfKeywords) {
  Api api;
  const std::string pool = GivenPool(api);
  const auto put = [&](const std::string& text) {
    ASSERT_THAT(api.Call<PutKeywordRequest>(Identity(pool) + text), IsOk());
  };
  put("keyword: 'HOURS' keyword_message: '9 to 5'");
  EXPECT_EQ(RevisionOf(api, pool), 2);
  put("keyword: 'HOURS' keyword_message: '8 to 4'");
  EXPECT_EQ(RevisionOf(api, pool), 3);
  put("keyword: 'HOURS' keyword_message: '8 to 4' keyword_action: KEYWORD_ACTION_OPT_IN");
  EXPECT_EQ(RevisionOf(api, pool), 4);
  put("keyword: 'hours' keyword_message: '8 to 4'");  // as it was: the action stays if it isn't given
  EXPECT_EQ(RevisionOf(api, pool), 4);
  ASSERT_THAT(api.Call<DeleteKeywordRequest>(Identity(pool) + "keyword: 'HOURS'"), IsOk());
  EXPECT_EQ(RevisionOf(api, pool), 5);
}

TEST(Revision, StaysWhenACallIsRefused) {
  Account account;
  Api& api = account.api;
  GivenChange(api, account.pool, "deletion_protection_enabled: true");
  const std::string pool = PoolId(account.pool);
  const auto revision = RevisionOf(api, account.pool);
  EXPECT_THAT(api.Call<UpdatePoolRequest>(pool + "shared_routes_enabled: true opt_out_list_name: 'Nothing'"),
              IsFault(Fault::kNotFound));
  EXPECT_THAT(api.Call<UpdatePoolRequest>(pool + "self_managed_opt_outs_enabled: true"), IsFault(Fault::kInvalid));
  EXPECT_THAT(api.Call<DeletePoolRequest>(pool), IsFault(Fault::kConflict));
  EXPECT_THAT(api.Call<AssociateOriginationIdentityRequest>(pool + Identity(account.first)), IsFault(Fault::kConflict));
  EXPECT_THAT(api.Call<DisassociateOriginationIdentityRequest>(pool + Identity(account.spare)),
              IsFault(Fault::kConflict));
  EXPECT_THAT(api.Call<PutKeywordRequest>(Identity(account.pool) + "keyword: 'STOP' keyword_message: 'x'"
                                                                   " keyword_action: KEYWORD_ACTION_OPT_IN"),
              IsFault(Fault::kConflict));
  EXPECT_THAT(api.Call<DeleteKeywordRequest>(Identity(account.pool) + "keyword: 'HELP'"), IsFault(Fault::kConflict));
  EXPECT_THAT(api.Call<DeleteKeywordRequest>(Identity(account.pool) + "keyword: 'NONE'"), IsFault(Fault::kNotFound));
  EXPECT_EQ(RevisionOf(api, account.pool), revision);
}

TEST(Revision, IsNotOfTagsAndPolicies) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string arn = OwnArn(api, "pool", pool);
  ASSERT_THAT(api.Call<TagResourceRequest>("resource_arn: '" + arn + "' tags { key: 'a' value: 'b' }"), IsOk());
  GivenShare(api, arn, "444455556666");
  EXPECT_EQ(RevisionOf(api, pool), 1);
}

TEST(Revision, IsOfOnePool) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string other = GivenPool(api);
  GivenChange(api, pool, "shared_routes_enabled: true");
  EXPECT_EQ(RevisionOf(api, other), 1);
}

TEST(Revision, OfADeletedPoolIsWhatDeletePoolAnswered) {
  Settings slow;
  slow.api.pool_deletion_delay = std::chrono::hours(1);
  Api api(slow);
  const std::string pool = GivenPool(api);
  const auto deleted = api.Call<DeletePoolRequest>(PoolId(pool));
  ASSERT_THAT(deleted, IsOk());
  EXPECT_EQ(deleted.response.revision(), 2);
  EXPECT_EQ(RevisionOf(api, pool), 2);
}

// ---------------------------------------------------------------------------------------------------------------------
// expected_revision

// A sound call of each operation that takes it, but for CreatePool and the batches (pool_batches_test.cc), each of
// which raises the revision by one.
std::vector<std::unique_ptr<Message>> ExpectingCalls(const Account& account, std::int64_t revision) {
  std::vector<std::unique_ptr<Message>> calls;
  for (auto& request : WritingCalls(account)) {
    const auto* field = request->GetDescriptor()->FindFieldByName("expected_revision");
    if (field == nullptr) continue;
    request->GetReflection()->SetInt64(request.get(), field, revision);
    calls.push_back(std::move(request));
  }
  return calls;
}

TEST(ExpectedRevision, IsTakenByEveryOperationThatChangesAPool) {
  const Account account;
  std::set<std::string> taking;
  for (const auto& request : ExpectingCalls(account, 1)) taking.insert(std::string(MethodOf(*request).name));
  EXPECT_THAT(taking, ElementsAre("AssociateOriginationIdentity", "BatchAssociateOriginationIdentities",
                                  "BatchDisassociateOriginationIdentities", "DeletePool",
                                  "DisassociateOriginationIdentity", "ReplaceOriginationIdentities", "UpdatePool"));
}

TEST(ExpectedRevision, ThatIsStaleIsAConflictThatNamesBoth) {
  Account account;
  Api& api = account.api;
  const std::int64_t revision = RevisionOf(api, account.pool);
  ASSERT_GT(revision, 1);
  for (const std::int64_t stale : {revision - 1, revision + 1}) {
    for (const auto& request : ExpectingCalls(account, stale)) {
      SCOPED_TRACE(request->GetTypeName());
      const auto before = StateOf(api);
      const auto outcome = OutcomeOf(api, *request);
      ASSERT_TRUE(outcome.error);
      EXPECT_EQ(outcome.error->fault(), Fault::kStaleRevision);
      EXPECT_EQ(outcome.error->exception(), "ConflictException");
      EXPECT_EQ(outcome.error->code(), grpc::StatusCode::ABORTED);
      EXPECT_EQ(outcome.error->reason(), "STALE_REVISION");
      EXPECT_FALSE(outcome.error->retryable());
      EXPECT_EQ(outcome.error->resource_type(), ResourceType::kPool);
      EXPECT_EQ(outcome.error->resource_id(), account.pool);
      EXPECT_THAT(outcome.error->message(), testing::HasSubstr("expected revision " + std::to_string(stale) +
                                                               ", but it has revision " + std::to_string(revision)));
      EXPECT_EQ(StateOf(api), before);
    }
  }
}

TEST(ExpectedRevision, ThatIsRightLetsTheCallThrough) {
  const std::size_t count = ExpectingCalls(Account(), 1).size();
  for (std::size_t i = 0; i < count; ++i) {
    Account account;
    const auto request = std::move(ExpectingCalls(account, RevisionOf(account.api, account.pool))[i]);
    const auto outcome = OutcomeOf(account.api, *request);
    EXPECT_FALSE(outcome.error) << request->GetTypeName() << ": " << outcome.error->what();
  }
}

TEST(ExpectedRevision, OfOneAnswerServesTheNextCall) {
  Api api;
  const std::string pool = GivenPool(api);
  std::int64_t revision = RevisionOf(api, pool);
  for (int i = 0; i < 3; ++i) {
    const std::string expected = "expected_revision: " + std::to_string(revision) + " ";
    const auto updated = api.Call<UpdatePoolRequest>(PoolId(pool) + expected +
                                                     "shared_routes_enabled: " + (i % 2 == 0 ? "true" : "false"));
    ASSERT_THAT(updated, IsOk());
    revision = updated.response.revision();
    const auto joined = api.Call<AssociateOriginationIdentityRequest>(PoolId(pool) + Identity(GivenNumber(api)) +
                                                                      "expected_revision: " + std::to_string(revision));
    ASSERT_THAT(joined, IsOk());
    revision = joined.response.revision();
  }
}

TEST(ExpectedRevision, IsLookedAtEvenIfTheUpdateWouldChangeNothing) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(api.Call<UpdatePoolRequest>(PoolId(pool) + "expected_revision: 2"), IsFault(Fault::kStaleRevision));
  EXPECT_THAT(api.Call<UpdatePoolRequest>(PoolId(pool) + "expected_revision: 1"), IsOk());
}

TEST(ExpectedRevision, IsPositive) {
  Account account;
  for (const std::int64_t wrong : {0, -1}) {
    for (const auto& request : ExpectingCalls(account, wrong)) {
      const auto outcome = OutcomeOf(account.api, *request);
      ASSERT_TRUE(outcome.error) << request->GetTypeName();
      EXPECT_EQ(outcome.error->reason(), reason::kInvalidParameter);
      ASSERT_EQ(outcome.error->fields().size(), 1u);
      EXPECT_EQ(outcome.error->fields()[0].name, "expectedRevision");
    }
  }
}

TEST(ExpectedRevision, ComesAfterThePoolsExistenceAndStatusAndBeforeOtherConflicts) {
  Settings slow;
  slow.api.pool_deletion_delay = std::chrono::hours(1);
  Account account(slow);
  Api& api = account.api;
  GivenChange(api, account.pool, "deletion_protection_enabled: true");
  EXPECT_THAT(api.Call<DeletePoolRequest>(PoolId(kMissingPool) + "expected_revision: 99"),
              IsNotFound(ResourceType::kPool, kMissingPool));
  EXPECT_THAT(api.Call<DeletePoolRequest>(PoolId(account.pool) + "expected_revision: 99"),
              IsFault(Fault::kStaleRevision));
  EXPECT_THAT(api.Call<AssociateOriginationIdentityRequest>(PoolId(account.pool) + Identity(account.first) +
                                                            "expected_revision: 99"),
              IsFault(Fault::kStaleRevision));
  GivenChange(api, account.pool, "deletion_protection_enabled: false");
  ASSERT_THAT(api.Call<DeletePoolRequest>(PoolId(account.pool)), IsOk());
  EXPECT_THAT(api.Call<DeletePoolRequest>(PoolId(account.pool) + "expected_revision: 99"),
              IsConflict(reason::kResourceNotActive, ResourceType::kPool, account.pool));
}

TEST(ExpectedRevision, IsPartOfWhatATokenStandsFor) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string call = PoolId(pool) + Identity(GivenNumber(api)) + "client_token: 'one' ";
  ASSERT_THAT(api.Call<AssociateOriginationIdentityRequest>(call + "expected_revision: 1"), IsOk());
  // The repetition is answered though the revision is stale by now.
  EXPECT_THAT(api.Call<AssociateOriginationIdentityRequest>(call + "expected_revision: 1"), IsOk());
  EXPECT_THAT(api.Call<AssociateOriginationIdentityRequest>(call + "expected_revision: 2"),
              IsInvalidField(reason::kInvalidRequest, "clientToken"));
}

// ---------------------------------------------------------------------------------------------------------------------
// ListPoolsForOriginationIdentity

auto ListPools(Api& api, const std::string& identity, const std::string& more = {}) {
  return api.Call<ListPoolsForOriginationIdentityRequest>(Identity(identity) + more);
}

template <class Result>
std::vector<std::string> IdsIn(const Result& result) {
  if (result.error) throw std::runtime_error(result.error->what());
  std::vector<std::string> ids;
  for (const auto& pool : result.response.pools()) ids.push_back(pool.pool_id());
  return ids;
}

TEST(ListPoolsForOriginationIdentity, ShowsAPhoneNumbersPoolAsDescribePoolsDoes) {
  Api api;
  const std::string number = GivenNumber(api);
  GivenPool(api);
  const std::string pool = GivenPool(api, number, "deletion_protection_enabled: true");
  const auto listed = ListPools(api, number);
  ASSERT_THAT(listed, IsOk());
  ASSERT_EQ(listed.response.pools_size(), 1);
  EXPECT_THAT(listed.response.pools(0), EqualsProto(ThePool(api, pool)));
  EXPECT_FALSE(listed.response.has_next_token());
}

TEST(ListPoolsForOriginationIdentity, TakesTheIdentityInEveryForm) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string code = GivenNumber(api);
  GivenShortCode(api, code, "62554");
  GivenSenderId(api, "EXAMPLECO");
  const std::string pool = GivenPool(api, number);
  GivenMember(api, pool, code);
  GivenMember(api, pool, "EXAMPLECO", kGb);
  const std::string digits = TheNumber(api, number).phone_number().substr(1);
  for (const auto& [name, more] : {
           std::pair(number, std::string()),
           std::pair(number, std::string("iso_country_code: 'US'")),
           std::pair(digits, std::string()),
           std::pair(OwnArn(api, "phone-number", number), std::string()),
           std::pair(std::string("62554"), std::string()),
           std::pair(std::string("EXAMPLECO"), kGb),
           std::pair(std::string("EXAMPLECO"), kGb),
           std::pair(OwnArn(api, "sender-id", "exampleco/GB"), std::string()),
       }) {
    EXPECT_THAT(IdsIn(ListPools(api, name, more)), ElementsAre(pool)) << name;
  }
}

TEST(ListPoolsForOriginationIdentity, ShowsNoneOfAnIdentityInNoPool) {
  Api api;
  GivenPool(api);
  GivenSenderId(api, "EXAMPLECO");
  EXPECT_THAT(IdsIn(ListPools(api, GivenNumber(api))), IsEmpty());
  EXPECT_THAT(IdsIn(ListPools(api, "EXAMPLECO", kGb)), IsEmpty());
}

TEST(ListPoolsForOriginationIdentity, ShowsAllPoolsOfASenderIdOldestFirst) {
  Api api;
  Api other;
  for (Api* each : {&api, &other}) GivenSenderId(*each, "EXAMPLECO", "GB");
  GivenSenderId(api, "EXAMPLECO", "FR");
  GivenPool(other, "EXAMPLECO", kGb);
  std::vector<std::string> pools;
  for (int i = 0; i < 4; ++i) {
    api.world.Advance(std::chrono::minutes(1));
    pools.push_back(GivenPool(api));
  }
  GivenPool(api, "EXAMPLECO", "iso_country_code: 'FR'");
  // In another order than that of the pools.
  for (const int i : {2, 0, 3}) GivenMember(api, pools[static_cast<std::size_t>(i)], "EXAMPLECO", kGb);
  EXPECT_THAT(IdsIn(ListPools(api, "EXAMPLECO", kGb)), ElementsAre(pools[0], pools[2], pools[3]));
}

TEST(ListPoolsForOriginationIdentity, FollowsTheMembership) {
  Settings slow;
  slow.api.pool_deletion_delay = std::chrono::hours(1);
  Api api(slow);
  GivenSenderId(api, "EXAMPLECO");
  const std::string left = GivenPool(api);
  GivenMember(api, left, "EXAMPLECO", kGb);
  const std::string deleted = GivenPool(api, "EXAMPLECO", kGb);
  ASSERT_THAT(api.Call<DisassociateOriginationIdentityRequest>(PoolId(left) + Identity("EXAMPLECO") + kGb), IsOk());
  EXPECT_THAT(IdsIn(ListPools(api, "EXAMPLECO", kGb)), ElementsAre(deleted));
  ASSERT_THAT(api.Call<DeletePoolRequest>(PoolId(deleted)), IsOk());
  EXPECT_THAT(IdsIn(ListPools(api, "EXAMPLECO", kGb)), IsEmpty());
}

TEST(ListPoolsForOriginationIdentity, PagesWithoutSkippingOrRepeatingWhilePoolsAreWritten) {
  Api api;
  GivenSenderId(api, "EXAMPLECO");
  std::vector<std::string> pools;  // several in one millisecond
  for (int i = 0; i < 7; ++i) pools.push_back(GivenPool(api, "EXAMPLECO", kGb));
  std::vector<std::string> seen;
  std::string token;
  int pages = 0;
  do {
    const auto page = ListPools(api, "EXAMPLECO", kGb + "max_results: 2" + token);
    ASSERT_THAT(page, IsOk());
    EXPECT_LE(page.response.pools_size(), 2);
    for (const std::string& id : IdsIn(page)) seen.push_back(id);
    token = page.response.has_next_token() ? " next_token: '" + page.response.next_token() + "'" : "";
    // Gone behind the page, changed ahead of it.
    if (pages++ == 0) {
      ASSERT_THAT(api.Call<DeletePoolRequest>(PoolId(pools[0])), IsOk());
      GivenChange(api, pools[5], "shared_routes_enabled: true");
    }
  } while (!token.empty());
  EXPECT_EQ(pages, 4);
  EXPECT_EQ(seen, pools);
}

TEST(ListPoolsForOriginationIdentity, RefusesATokenOfAnotherIdentity) {
  Api api;
  for (const std::string text : {"Alpha", "Beta"}) {
    GivenSenderId(api, text);
    for (int i = 0; i < 2; ++i) GivenPool(api, text, kGb);
  }
  const auto page = ListPools(api, "Alpha", kGb + "max_results: 1");
  ASSERT_TRUE(page.response.has_next_token());
  EXPECT_THAT(ListPools(api, "Beta", kGb + "max_results: 1 next_token: '" + page.response.next_token() + "'"),
              IsInvalidField(reason::kInvalidNextToken, "nextToken"));
}

TEST(ListPoolsForOriginationIdentity, RefusesWhatIsNotThere) {
  Api api;
  Api other;
  const std::string theirs = OwnArn(other, "phone-number", GivenNumber(other));
  for (const std::string& name :
       {kMissingNumber, std::string("12065559999"), theirs, ArnOfOtherRegion(api, "phone-number", GivenNumber(api))}) {
    EXPECT_THAT(ListPools(api, name), IsNotFound(ResourceType::kPhoneNumber, name));
  }
  EXPECT_THAT(ListPools(api, "NOBODY", kGb), IsNotFound(ResourceType::kSenderId, std::string("NOBODY")));
}

TEST(ListPoolsForOriginationIdentity, RefusesWhatIsMalformed) {
  Api api;
  GivenSenderId(api, "EXAMPLECO");
  EXPECT_THAT(ListPools(api, ""), IsInvalidField(reason::kMissingParameter, "originationIdentity"));
  EXPECT_THAT(ListPools(api, "+12065550100"), IsInvalidField(reason::kInvalidParameter, "originationIdentity"));
  EXPECT_THAT(ListPools(api, "EXAMPLECO"), IsInvalidField(reason::kMissingParameter, "isoCountryCode"));
  EXPECT_THAT(ListPools(api, OwnArn(api, "sender-id", "EXAMPLECO/GB"), "iso_country_code: 'FR'"),
              IsInvalidField(reason::kCountryCodeMismatch, "isoCountryCode"));
  EXPECT_THAT(ListPools(api, GivenNumber(api), "iso_country_code: 'FR'"),
              IsInvalidField(reason::kCountryCodeMismatch, "isoCountryCode"));
  EXPECT_THAT(ListPools(api, OwnArn(api, "pool", GivenPool(api))),
              IsInvalidField(reason::kInvalidArn, "originationIdentity"));
  EXPECT_THAT(ListPools(api, GivenNumber(api), "max_results: 0"),
              IsInvalidField(reason::kInvalidParameter, "maxResults"));
  EXPECT_THAT(ListPools(api, GivenNumber(api), "max_results: 101"),
              IsInvalidField(reason::kInvalidParameter, "maxResults"));
  EXPECT_THAT(ListPools(api, GivenNumber(api), "next_token: 'made-up'"),
              IsInvalidField(reason::kInvalidNextToken, "nextToken"));
}

}  // namespace
}  // namespace poold
