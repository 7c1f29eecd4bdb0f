// Whole accounts, in `poold dev` only. Both calls are alone in their account (middleware/transact.cc).

#include <string>
#include <vector>

#include "server/base/arn.h"
#include "server/handlers/handlers.h"
#include "server/rpc/method.h"
#include "storage/accounts.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses of every noun

constexpr const char* kBrand = "EXAMPLECO";
constexpr const char* kShop = "EXAMPLESHOP";
constexpr const char* kOffers = "Offers";

void RequireEmptyAccount(Call& call) {
  const storage::Usage usage = storage::FindUsage(call.tx(), call.scope());
  const bool empty = usage.pools == 0 && usage.phone_numbers == 0 && usage.sender_ids == 0 && usage.opt_out_lists == 1;
  if (empty) return;
  throw Error::Conflict(reason::kResourceAlreadyExists, ResourceType::kAccount, call.scope().account,
                        "The account is not empty; reset it first, with ResetAccount or POST /_poold/reset.");
}

// Makes what a demonstration account has, by the ordinary operations and so by all their rules, and writes down what it
// made. Pools are founded on sender IDs and numbers requested into them: a number that is PENDING for a while
// (--number-activation-delay) could found none.
class Seeding {
 public:
  explicit Seeding(Call& call) : call_(call) {}

  void SenderId(const std::string& sender_id, const std::string& country, const std::vector<MessageType>& types) {
    RequestSenderIdRequest request;
    request.set_sender_id(sender_id);
    request.set_iso_country_code(country);
    for (const MessageType type : types) request.add_message_types(type);
    RequestSenderId(call_, request);
    SeededSenderId& made = *made_.add_sender_ids();
    made.set_sender_id(sender_id);
    made.set_iso_country_code(country);
  }

  // Answers its id.
  std::string Pool(const std::string& name, MessageType type, const std::string& sender_id,
                   const std::string& country) {
    CreatePoolRequest request;
    request.set_origination_identity(sender_id);
    request.set_iso_country_code(country);
    request.set_message_type(type);
    Add(*request.add_tags(), "Name", name);
    const std::string pool_id = CreatePool(call_, request).pool_id();
    SeededPool& made = *made_.add_pools();
    made.set_pool_id(pool_id);
    made.set_name(name);
    NoteMember(pool_id, sender_id, country);
    return pool_id;
  }

  void Member(const std::string& pool_id, const std::string& sender_id, const std::string& country) {
    AssociateOriginationIdentityRequest request;
    request.set_pool_id(pool_id);
    request.set_origination_identity(sender_id);
    request.set_iso_country_code(country);
    AssociateOriginationIdentity(call_, request);
    NoteMember(pool_id, sender_id, country);
  }

  // In no pool if `pool_id` is empty. Answers its ARN.
  std::string Number(const std::string& country, RequestableNumberType type, MessageType message_type,
                     const std::string& pool_id = {}) {
    RequestPhoneNumberRequest request;
    request.set_iso_country_code(country);
    request.set_number_type(type);
    request.set_message_type(message_type);
    request.add_number_capabilities(NUMBER_CAPABILITY_SMS);
    request.add_number_capabilities(NUMBER_CAPABILITY_VOICE);
    if (!pool_id.empty()) request.set_pool_id(pool_id);
    const RequestPhoneNumberResponse number = RequestPhoneNumber(call_, request);
    SeededPhoneNumber& made = *made_.add_phone_numbers();
    made.set_phone_number_id(number.phone_number_id());
    made.set_phone_number(number.phone_number());
    made.set_iso_country_code(country);
    if (number.has_pool_id()) made.set_pool_id(number.pool_id());
    return number.phone_number_arn();
  }

  void TwoWay(const std::string& pool_id) {
    const storage::Scope& scope = call_.scope();
    UpdatePoolRequest request;
    request.set_pool_id(pool_id);
    request.set_two_way_enabled(true);
    request.set_two_way_channel_arn("arn:" + std::string(PartitionOf(scope.region)) + ":sns:" + scope.region + ":" +
                                    scope.account + ":inbound");
    UpdatePool(call_, request);
  }

  void Keyword(const std::string& pool_id, const std::string& keyword, KeywordAction action,
               const std::string& message) {
    PutKeywordRequest request;
    request.set_origination_identity(pool_id);
    request.set_keyword(keyword);
    request.set_keyword_action(action);
    request.set_keyword_message(message);
    PutKeyword(call_, request);
  }

  // A list for the pool, with a number on it.
  void OptOutList(const std::string& name, const std::string& pool_id, const std::string& opted_out) {
    CreateOptOutListRequest list;
    list.set_opt_out_list_name(name);
    CreateOptOutList(call_, list);
    made_.add_opt_out_list_names(name);

    PutOptedOutNumberRequest number;
    number.set_opt_out_list_name(name);
    number.set_opted_out_number(opted_out);
    PutOptedOutNumber(call_, number);

    UpdatePoolRequest pool;
    pool.set_pool_id(pool_id);
    pool.set_opt_out_list_name(name);
    UpdatePool(call_, pool);
  }

  void Tag(const std::string& arn, const std::string& key, const std::string& value) {
    TagResourceRequest request;
    request.set_resource_arn(arn);
    Add(*request.add_tags(), key, value);
    TagResource(call_, request);
  }

  SeedAccountResponse Made() && { return std::move(made_); }

 private:
  static void Add(smsvoice::v2::Tag& tag, const std::string& key, const std::string& value) {
    tag.set_key(key);
    tag.set_value(value);
  }

  void NoteMember(const std::string& pool_id, const std::string& sender_id, const std::string& country) {
    for (SeededSenderId& made : *made_.mutable_sender_ids()) {
      if (made.sender_id() == sender_id && made.iso_country_code() == country) made.add_pool_ids(pool_id);
    }
  }

  Call& call_;
  SeedAccountResponse made_;
};

}  // namespace

ResetAccountResponse ResetAccount(Call& call, const ResetAccountRequest&) {
  const std::string& account = call.scope().account;
  if (const auto used = storage::FindListUsedByAnother(call.tx(), account)) {
    throw Error::Conflict(reason::kResourceDeletionNotAllowed, ResourceType::kOptOutList, used->opt_out_list_name,
                          "Account " + used->user + " uses it; reset that account first.");
  }
  const storage::Usage had = storage::EmptyAccount(call.tx(), account, call.method().name);
  ResetAccountResponse response;
  response.set_pools(had.pools);
  response.set_phone_numbers(had.phone_numbers);
  response.set_sender_ids(had.sender_ids);
  response.set_opt_out_lists(had.opt_out_lists);
  return response;
}

SeedAccountResponse SeedAccount(Call& call, const SeedAccountRequest&) {
  RequireEmptyAccount(call);
  Seeding seed(call);
  for (const char* country : {"GB", "DE", "FR"}) {
    seed.SenderId(kBrand, country, {MESSAGE_TYPE_TRANSACTIONAL, MESSAGE_TYPE_PROMOTIONAL});
  }
  seed.SenderId(kShop, "GB", {MESSAGE_TYPE_PROMOTIONAL});

  const std::string alerts = seed.Pool("Alerts", MESSAGE_TYPE_TRANSACTIONAL, kBrand, "GB");
  seed.TwoWay(alerts);
  seed.Keyword(alerts, "INFO", KEYWORD_ACTION_AUTOMATIC_RESPONSE, "Alerts of Example Co. Reply HELP for help.");
  seed.Keyword(alerts, "JOIN", KEYWORD_ACTION_OPT_IN, "Welcome back! You get our alerts again.");
  seed.Number("US", REQUESTABLE_NUMBER_TYPE_TOLL_FREE, MESSAGE_TYPE_TRANSACTIONAL, alerts);
  seed.Number("GB", REQUESTABLE_NUMBER_TYPE_LONG_CODE, MESSAGE_TYPE_TRANSACTIONAL, alerts);
  seed.Number("DE", REQUESTABLE_NUMBER_TYPE_LONG_CODE, MESSAGE_TYPE_TRANSACTIONAL, alerts);

  const std::string offers = seed.Pool("Offers", MESSAGE_TYPE_PROMOTIONAL, kShop, "GB");
  seed.OptOutList(kOffers, offers, "+61491570313");  // a number for fiction (ACMA)
  seed.Keyword(offers, "SHOP", KEYWORD_ACTION_AUTOMATIC_RESPONSE, "This week: everything for example.");
  seed.Number("US", REQUESTABLE_NUMBER_TYPE_LONG_CODE, MESSAGE_TYPE_PROMOTIONAL, offers);
  seed.Number("CA", REQUESTABLE_NUMBER_TYPE_LONG_CODE, MESSAGE_TYPE_PROMOTIONAL, offers);

  const std::string sender_ids = seed.Pool("Sender IDs", MESSAGE_TYPE_TRANSACTIONAL, kBrand, "GB");
  seed.Member(sender_ids, kBrand, "DE");
  seed.Member(sender_ids, kBrand, "FR");

  const std::string spare = seed.Number("FR", REQUESTABLE_NUMBER_TYPE_LONG_CODE, MESSAGE_TYPE_TRANSACTIONAL);
  seed.Tag(spare, "purpose", "spare");
  return std::move(seed).Made();
}

}  // namespace poold
