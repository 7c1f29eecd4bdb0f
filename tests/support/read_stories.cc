#include "tests/support/read_stories.h"

#include <atomic>
#include <chrono>
#include <stdexcept>

#include "storage/account_quotas.h"
#include "storage/opted_out_numbers.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses

const std::string kGb = "iso_country_code: 'GB'";

template <class Request>
Read Reading(const std::string& account, const std::string& text) {
  return [account, request = Api::Parse<Request>(text)](Api& api) {
    const auto result = api.CallAs(account, request);
    if (!result.error) return "answer: " + result.response.ShortDebugString();
    return "refusal: " + std::string(result.error->exception()) + " " + result.error->resource_id();
  };
}

std::string Next(const std::string& prefix) {
  static std::atomic<int> next{0};
  return prefix + std::to_string(next++);
}

void Require(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what);
}

template <class Request>
std::function<void()> Doing(Api& api, const std::string& text) {
  return [&api, request = Api::Parse<Request>(text)] {
    const auto result = api.Call(request);
    Require(!result.error, result.error ? request.ShortDebugString() + ": " + result.error->what() : "");
  };
}

std::string Quoted(const std::string& field, const std::string& value) { return field + ": '" + value + "' "; }

std::function<void()> DeletingPool(Accounts& accounts, const std::string& pool) {
  return Doing<DeletePoolRequest>(accounts.owner, Quoted("pool_id", pool));
}
}  // namespace

std::function<void()> DeletingList(Accounts& accounts, const std::string& list) {
  return Doing<DeleteOptOutListRequest>(accounts.owner, Quoted("opt_out_list_name", list));
}
std::function<void()> CreatingList(Accounts& accounts, const std::string& list, const std::string& more) {
  return [create = Doing<CreateOptOutListRequest>(accounts.owner, Quoted("opt_out_list_name", list) + more),
          &world = accounts.owner.world] {
    world.Advance(std::chrono::seconds(1));  // so that it isn't as old as the one before
    create();
  };
}
namespace {

std::function<void()> ReleasingSenderId(Accounts& accounts, const std::string& text) {
  return Doing<ReleaseSenderIdRequest>(accounts.owner, Quoted("sender_id", text) + kGb);
}
std::function<void()> RequestingSenderId(Accounts& accounts, const std::string& text, const std::string& more = {}) {
  return Doing<RequestSenderIdRequest>(accounts.owner, Quoted("sender_id", text) + kGb + " " + more);
}
std::function<void()> Revoking(Accounts& accounts, const std::string& arn) {
  return Doing<DeleteResourcePolicyRequest>(accounts.owner, Quoted("resource_arn", arn));
}
std::function<void()> Tagging(Accounts& accounts, const std::string& arn, const std::string& value) {
  return Doing<TagResourceRequest>(accounts.owner,
                                   Quoted("resource_arn", arn) + "tags { key: 'secret' value: '" + value + "' }");
}
std::function<void()> SettingPolicy(Accounts& accounts, const std::string& arn, const std::string& sid) {
  return Doing<PutResourcePolicyRequest>(
      accounts.owner,
      Quoted("resource_arn", arn) + R"(policy: '{"Statement": {"Sid": ")" + sid +
          R"(", "Effect": "Allow", "Principal": "*", "Action": "sms-voice:DescribePools", "Resource": "*"}}')");
}
// As housekeeping does it.
std::function<void()> Purging(Accounts& accounts) {
  return [&accounts] {
    accounts.owner.Sql([](storage::Transaction& tx) { storage::PurgeNumbersOfDeletedLists(tx, 1000); });
  };
}
std::function<void()> OptingOut(Accounts& accounts, const std::string& list, const std::string& number) {
  return Doing<PutOptedOutNumberRequest>(accounts.owner,
                                         Quoted("opt_out_list_name", list) + Quoted("opted_out_number", number));
}
std::function<void()> Resetting(Accounts& accounts) { return Doing<ResetAccountRequest>(accounts.owner, ""); }

std::string PoolArnOf(Accounts& accounts, const std::string& pool) { return OwnArn(accounts.owner, "pool", pool); }
std::string NumberArnOf(Accounts& accounts, const std::string& id) {
  return OwnArn(accounts.owner, "phone-number", id);
}
std::string SenderIdArnOf(Accounts& accounts, const std::string& text) {
  return OwnArn(accounts.owner, "sender-id", text + "/GB");
}
std::string ListArnOf(Accounts& accounts, const std::string& list) {
  return OwnArn(accounts.owner, "opt-out-list", list);
}

std::string GivenTagged(Accounts& accounts, const std::string& arn) {
  Tagging(accounts, arn, "first")();
  return arn;
}
std::string GivenShared(Accounts& accounts, const std::string& arn) {
  GivenShare(accounts.owner, arn, accounts.consumer.account());
  return arn;
}

template <class Request>
Read Owner(Accounts& accounts, const std::string& text) {
  return Reading<Request>(accounts.owner.account(), text);
}
template <class Request>
Read Consumer(Accounts& accounts, const std::string& text) {
  return Reading<Request>(accounts.consumer.account(), text);
}

// ---------------------------------------------------------------------------------------------------------------------
// The stories, by method

Story KeywordsOfAPool(Accounts& accounts) {
  const std::string pool = GivenPool(accounts.owner);
  return {Owner<DescribeKeywordsRequest>(accounts, Quoted("origination_identity", pool)),
          {DeletingPool(accounts, pool)}};
}

Story NamedKeywordsOfAPool(Accounts& accounts) {
  const std::string pool = GivenPool(accounts.owner);
  return {Owner<DescribeKeywordsRequest>(accounts, Quoted("origination_identity", pool) + "keywords: ['HELP', 'STOP']"),
          {DeletingPool(accounts, pool)}};
}

// It has HELP, STOP and INFO whatever becomes of its pools.
Story KeywordsOfANumberInAPool(Accounts& accounts) {
  const std::string number = GivenNumber(accounts.owner);
  GivenKeyword(accounts.owner, number, "INFO", "Offers of Example Co.");
  const std::string pool = GivenPool(accounts.owner, number);
  return {Owner<DescribeKeywordsRequest>(accounts, Quoted("origination_identity", number)),
          {DeletingPool(accounts, pool),
           Doing<CreatePoolRequest>(
               accounts.owner, Quoted("origination_identity", number) + "message_type: MESSAGE_TYPE_TRANSACTIONAL")}};
}

Story NamedKeywordsOfANumberInAPool(Accounts& accounts) {
  const std::string number = GivenNumber(accounts.owner);
  const std::string pool = GivenPool(accounts.owner, number);
  return {Owner<DescribeKeywordsRequest>(accounts, Quoted("origination_identity", number) + "keywords: 'HELP'"),
          {DeletingPool(accounts, pool)}};
}

Story KeywordsOfANumber(Accounts& accounts) {
  const std::string number = GivenNumber(accounts.owner);
  return {Owner<DescribeKeywordsRequest>(accounts, Quoted("origination_identity", number)),
          {Doing<ReleasePhoneNumberRequest>(accounts.owner, Quoted("phone_number_id", number))}};
}

Story KeywordsOfASharedPool(Accounts& accounts) {
  const std::string pool = GivenPool(accounts.owner);
  const std::string arn = GivenShared(accounts, PoolArnOf(accounts, pool));
  return {Consumer<DescribeKeywordsRequest>(accounts, Quoted("origination_identity", arn)),
          {Revoking(accounts, arn),
           Doing<PutKeywordRequest>(
               accounts.owner, Quoted("origination_identity", pool) + "keyword: 'SECRET' keyword_message: 'Ours'")}};
}

Story TagsOfAPool(Accounts& accounts) {
  const std::string pool = GivenPool(accounts.owner);
  const std::string arn = GivenTagged(accounts, PoolArnOf(accounts, pool));
  return {Owner<ListTagsForResourceRequest>(accounts, Quoted("resource_arn", arn)), {DeletingPool(accounts, pool)}};
}

Story TagsOfANumber(Accounts& accounts) {
  const std::string number = GivenNumber(accounts.owner);
  const std::string arn = GivenTagged(accounts, NumberArnOf(accounts, number));
  return {Owner<ListTagsForResourceRequest>(accounts, Quoted("resource_arn", arn)),
          {Doing<ReleasePhoneNumberRequest>(accounts.owner, Quoted("phone_number_id", number))}};
}

// Another of the same name follows.
Story TagsOfASenderId(Accounts& accounts) {
  const std::string text = GivenSenderId(accounts.owner, Next("TAGGED"));
  const std::string arn = GivenTagged(accounts, SenderIdArnOf(accounts, text));
  return {Owner<ListTagsForResourceRequest>(accounts, Quoted("resource_arn", arn)),
          {ReleasingSenderId(accounts, text),
           RequestingSenderId(accounts, text, "tags { key: 'secret' value: 'second' }")}};
}

Story TagsOfAList(Accounts& accounts) {
  const std::string list = Next("Tagged");
  GivenOptOutList(accounts.owner, list);
  const std::string arn = GivenTagged(accounts, ListArnOf(accounts, list));
  return {Owner<ListTagsForResourceRequest>(accounts, Quoted("resource_arn", arn)),
          {DeletingList(accounts, list), CreatingList(accounts, list, "tags { key: 'secret' value: 'second' }")}};
}

// The first list of that name is the consumer's to see, the second is not.
Story TagsOfASharedList(Accounts& accounts) {
  const std::string list = Next("Shared");
  GivenOptOutList(accounts.owner, list);
  const std::string arn = GivenShared(accounts, ListArnOf(accounts, list));
  return {Consumer<ListTagsForResourceRequest>(accounts, Quoted("resource_arn", arn)),
          {DeletingList(accounts, list), CreatingList(accounts, list), Tagging(accounts, arn, "ours")}};
}

Story PolicyOfAPool(Accounts& accounts) {
  const std::string pool = GivenPool(accounts.owner);
  const std::string arn = PoolArnOf(accounts, pool);
  SettingPolicy(accounts, arn, "first")();
  return {Owner<GetResourcePolicyRequest>(accounts, Quoted("resource_arn", arn)), {DeletingPool(accounts, pool)}};
}

Story PolicyOfANumber(Accounts& accounts) {
  const std::string number = GivenNumber(accounts.owner);
  const std::string arn = NumberArnOf(accounts, number);
  SettingPolicy(accounts, arn, "first")();
  return {Owner<GetResourcePolicyRequest>(accounts, Quoted("resource_arn", arn)),
          {Doing<ReleasePhoneNumberRequest>(accounts.owner, Quoted("phone_number_id", number))}};
}

Story PolicyOfASenderId(Accounts& accounts) {
  const std::string text = GivenSenderId(accounts.owner, Next("POLICY"));
  const std::string arn = SenderIdArnOf(accounts, text);
  SettingPolicy(accounts, arn, "first")();
  return {Owner<GetResourcePolicyRequest>(accounts, Quoted("resource_arn", arn)), {ReleasingSenderId(accounts, text)}};
}

Story PolicyOfAList(Accounts& accounts) {
  const std::string list = Next("Policy");
  GivenOptOutList(accounts.owner, list);
  const std::string arn = ListArnOf(accounts, list);
  SettingPolicy(accounts, arn, "first")();
  return {Owner<GetResourcePolicyRequest>(accounts, Quoted("resource_arn", arn)), {DeletingList(accounts, list)}};
}

Story MembersOfAPool(Accounts& accounts) {
  const std::string pool = GivenPool(accounts.owner);
  return {Owner<ListPoolOriginationIdentitiesRequest>(accounts, Quoted("pool_id", pool)),
          {DeletingPool(accounts, pool)}};
}

Story MembersOfASharedPool(Accounts& accounts) {
  const std::string pool = GivenPool(accounts.owner);
  const std::string number = GivenNumber(accounts.owner);
  const std::string arn = GivenShared(accounts, PoolArnOf(accounts, pool));
  return {
      Consumer<ListPoolOriginationIdentitiesRequest>(accounts, Quoted("pool_id", arn)),
      {Revoking(accounts, arn), Doing<AssociateOriginationIdentityRequest>(
                                    accounts.owner, Quoted("pool_id", pool) + Quoted("origination_identity", number))}};
}

Story APool(Accounts& accounts) {
  const std::string pool = GivenPool(accounts.owner);
  return {Owner<DescribePoolsRequest>(accounts, Quoted("pool_ids", pool)), {DeletingPool(accounts, pool)}};
}

Story SharedPools(Accounts& accounts) {
  const std::string pools[] = {GivenPool(accounts.owner), GivenPool(accounts.owner)};
  const std::string first = GivenShared(accounts, PoolArnOf(accounts, pools[0]));
  const std::string second = GivenShared(accounts, PoolArnOf(accounts, pools[1]));
  return {
      Consumer<DescribePoolsRequest>(accounts, Quoted("pool_ids", first) + Quoted("pool_ids", second)),
      {Revoking(accounts, first),
       Doing<UpdatePoolRequest>(accounts.owner, Quoted("pool_id", pools[0]) + "deletion_protection_enabled: true")}};
}

Story PoolsOfANumber(Accounts& accounts) {
  const std::string number = GivenNumber(accounts.owner);
  GivenPool(accounts.owner, number);
  return {Owner<ListPoolsForOriginationIdentityRequest>(accounts, Quoted("origination_identity", number)),
          {Resetting(accounts)}};
}

Story PoolsOfASenderId(Accounts& accounts) {
  const std::string text = Next("MEMBER");
  GivenSenderIdPool(accounts.owner, text);
  return {Owner<ListPoolsForOriginationIdentityRequest>(accounts, Quoted("origination_identity", text) + kGb),
          {Resetting(accounts)}};
}

Story ASharedNumber(Accounts& accounts) {
  const std::string number = GivenNumber(accounts.owner);
  const std::string arn = GivenShared(accounts, NumberArnOf(accounts, number));
  return {Consumer<DescribePhoneNumbersRequest>(accounts, Quoted("phone_number_ids", arn)),
          {Revoking(accounts, arn),
           Doing<UpdatePhoneNumberRequest>(accounts.owner,
                                           Quoted("phone_number_id", number) + "deletion_protection_enabled: true")}};
}

Story ASharedSenderId(Accounts& accounts) {
  const std::string text = GivenSenderId(accounts.owner, Next("SHARED"));
  const std::string arn = GivenShared(accounts, SenderIdArnOf(accounts, text));
  return {Consumer<DescribeSenderIdsRequest>(accounts, "sender_ids { " + Quoted("sender_id", arn) + kGb + " }"),
          {ReleasingSenderId(accounts, text),
           RequestingSenderId(accounts, text, "message_types: MESSAGE_TYPE_PROMOTIONAL")}};
}

Story ASharedList(Accounts& accounts) {
  const std::string list = Next("Shared");
  GivenOptOutList(accounts.owner, list);
  const std::string arn = GivenShared(accounts, ListArnOf(accounts, list));
  return {Consumer<DescribeOptOutListsRequest>(accounts, Quoted("opt_out_list_names", arn)),
          {DeletingList(accounts, list), CreatingList(accounts, list)}};
}

Story NumbersOnAList(Accounts& accounts) {
  const std::string list = Next("Numbers");
  GivenOptOutList(accounts.owner, list);
  OptingOut(accounts, list, "+12065550142")();
  return {Owner<DescribeOptedOutNumbersRequest>(accounts, Quoted("opt_out_list_name", list)),
          {DeletingList(accounts, list), Purging(accounts)}};
}

Story NamedNumbersOnAList(Accounts& accounts) {
  const std::string list = Next("Numbers");
  GivenOptOutList(accounts.owner, list);
  OptingOut(accounts, list, "+12065550142")();
  return {Owner<DescribeOptedOutNumbersRequest>(
              accounts, Quoted("opt_out_list_name", list) + "opted_out_numbers: '+12065550142'"),
          {DeletingList(accounts, list), Purging(accounts)}};
}

Story NumbersOnASharedList(Accounts& accounts) {
  const std::string list = Next("Shared");
  GivenOptOutList(accounts.owner, list);
  const std::string arn = GivenShared(accounts, ListArnOf(accounts, list));
  return {Consumer<DescribeOptedOutNumbersRequest>(accounts, Quoted("opt_out_list_name", arn)),
          {DeletingList(accounts, list), CreatingList(accounts, list), OptingOut(accounts, list, "+12065550142")}};
}

// Emptying an account takes what is counted and the quotas away together.
Story LimitsOfAnAccount(Accounts& accounts) {
  GivenPool(accounts.owner);
  accounts.owner.Sql(
      [&](storage::Transaction& tx) { storage::SetAccountQuota(tx, accounts.owner.scope, "POOLS_PER_ACCOUNT", 7); });
  return {Owner<DescribeAccountLimitsRequest>(accounts, ""), {Resetting(accounts)}};
}

Story AttributesOfAnAccount(Accounts& accounts) {
  return {Owner<DescribeAccountAttributesRequest>(accounts, ""), {Resetting(accounts)}};
}

}  // namespace

const std::vector<Chapter>& ReadStories() {
  static const std::vector<Chapter> kStories = {
      {"KeywordsOfAPool", DescribeKeywordsRequest::descriptor(), KeywordsOfAPool},
      {"NamedKeywordsOfAPool", DescribeKeywordsRequest::descriptor(), NamedKeywordsOfAPool},
      {"KeywordsOfANumberInAPool", DescribeKeywordsRequest::descriptor(), KeywordsOfANumberInAPool},
      {"NamedKeywordsOfANumberInAPool", DescribeKeywordsRequest::descriptor(), NamedKeywordsOfANumberInAPool},
      {"KeywordsOfANumber", DescribeKeywordsRequest::descriptor(), KeywordsOfANumber},
      {"KeywordsOfASharedPool", DescribeKeywordsRequest::descriptor(), KeywordsOfASharedPool},
      {"TagsOfAPool", ListTagsForResourceRequest::descriptor(), TagsOfAPool},
      {"TagsOfANumber", ListTagsForResourceRequest::descriptor(), TagsOfANumber},
      {"TagsOfASenderId", ListTagsForResourceRequest::descriptor(), TagsOfASenderId},
      {"TagsOfAList", ListTagsForResourceRequest::descriptor(), TagsOfAList},
      {"TagsOfASharedList", ListTagsForResourceRequest::descriptor(), TagsOfASharedList},
      {"PolicyOfAPool", GetResourcePolicyRequest::descriptor(), PolicyOfAPool},
      {"PolicyOfANumber", GetResourcePolicyRequest::descriptor(), PolicyOfANumber},
      {"PolicyOfASenderId", GetResourcePolicyRequest::descriptor(), PolicyOfASenderId},
      {"PolicyOfAList", GetResourcePolicyRequest::descriptor(), PolicyOfAList},
      {"MembersOfAPool", ListPoolOriginationIdentitiesRequest::descriptor(), MembersOfAPool},
      {"MembersOfASharedPool", ListPoolOriginationIdentitiesRequest::descriptor(), MembersOfASharedPool},
      {"APool", DescribePoolsRequest::descriptor(), APool},
      {"SharedPools", DescribePoolsRequest::descriptor(), SharedPools},
      {"PoolsOfANumber", ListPoolsForOriginationIdentityRequest::descriptor(), PoolsOfANumber},
      {"PoolsOfASenderId", ListPoolsForOriginationIdentityRequest::descriptor(), PoolsOfASenderId},
      {"ASharedNumber", DescribePhoneNumbersRequest::descriptor(), ASharedNumber},
      {"ASharedSenderId", DescribeSenderIdsRequest::descriptor(), ASharedSenderId},
      {"ASharedList", DescribeOptOutListsRequest::descriptor(), ASharedList},
      {"NumbersOnAList", DescribeOptedOutNumbersRequest::descriptor(), NumbersOnAList},
      {"NamedNumbersOnAList", DescribeOptedOutNumbersRequest::descriptor(), NamedNumbersOnAList},
      {"NumbersOnASharedList", DescribeOptedOutNumbersRequest::descriptor(), NumbersOnASharedList},
      {"LimitsOfAnAccount", DescribeAccountLimitsRequest::descriptor(), LimitsOfAnAccount},
      {"AttributesOfAnAccount", DescribeAccountAttributesRequest::descriptor(), AttributesOfAnAccount},
  };
  return kStories;
}

}  // namespace poold
