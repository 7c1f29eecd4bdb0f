#include "tests/support/given.h"

#include <atomic>
#include <cstdio>
#include <thread>

#include "storage/accounts.h"
#include "storage/inventory.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses

template <class Request>
Request With(const std::string& defaults, const std::string& wishes) {
  auto request = Api::Parse<Request>(defaults);
  request.MergeFrom(Api::Parse<Request>(wishes));
  return request;
}

template <class Request>
auto Must(Api& api, const Request& request) {
  auto result = api.Call(request);
  if (result.error) throw std::runtime_error(request.ShortDebugString() + ": " + result.error->what());
  return result.response;
}

bool IsPool(const std::string& id) { return id.starts_with("pool-"); }

void Run(Api& api, const char* sql, const storage::Params& params) {
  api.Sql([&](storage::Transaction& tx) { tx.Run({"test", sql}, params); });
}

}  // namespace

std::string GivenNumber(Api& api, const std::string& wishes) {
  auto request = With<RequestPhoneNumberRequest>(
      "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE",
      wishes);
  if (request.number_capabilities().empty()) request.add_number_capabilities(NUMBER_CAPABILITY_SMS);
  return Must(api, request).phone_number_id();
}

ConfiguredNumber GivenConfiguredNumber(Api& api) {
  const ConfiguredNumber number{GivenNumber(api)};
  GivenOptOutList(api, std::string(ConfiguredNumber::kList));
  UpdatePhoneNumberRequest request;
  request.set_phone_number_id(number.id);
  request.set_two_way_enabled(true);
  request.set_two_way_channel_arn(std::string(ConfiguredNumber::kChannel));
  request.set_two_way_channel_role(std::string(ConfiguredNumber::kRole));
  request.set_self_managed_opt_outs_enabled(true);
  request.set_opt_out_list_name(std::string(ConfiguredNumber::kList));
  Must(api, request);
  GivenKeyword(api, number.id, "HOURS", "9 to 5");
  return number;
}

std::string GivenSenderId(Api& api, const std::string& text, const std::string& iso_country_code,
                          const std::string& wishes) {
  return Must(api, With<RequestSenderIdRequest>(
                       "sender_id: '" + text + "' iso_country_code: '" + iso_country_code + "'", wishes))
      .sender_id();
}

std::string GivenPool(Api& api, const std::string& origination_identity, const std::string& wishes) {
  return Must(api, With<CreatePoolRequest>(
                       "message_type: MESSAGE_TYPE_TRANSACTIONAL origination_identity: '" + origination_identity + "'",
                       wishes))
      .pool_id();
}

std::string GivenPool(Api& api) { return GivenPool(api, GivenNumber(api)); }

std::string GivenSenderIdPool(Api& api, const std::string& sender_id) {
  return GivenPool(api, GivenSenderId(api, sender_id), "iso_country_code: 'GB'");
}

void GivenMember(Api& api, const std::string& pool_id, const std::string& origination_identity,
                 const std::string& wishes) {
  Must(api, With<AssociateOriginationIdentityRequest>(
                "pool_id: '" + pool_id + "' origination_identity: '" + origination_identity + "'", wishes));
}

void GivenChange(Api& api, const std::string& pool_or_number_id, const std::string& change) {
  if (IsPool(pool_or_number_id)) {
    Must(api, Api::Parse<UpdatePoolRequest>("pool_id: '" + pool_or_number_id + "' " + change));
  } else {
    Must(api, Api::Parse<UpdatePhoneNumberRequest>("phone_number_id: '" + pool_or_number_id + "' " + change));
  }
}

void GivenAccount(Api& api, const std::string& account) {
  api.Sql([&](storage::Transaction& tx) { storage::EnsureAccount(tx, {account, api.scope.region}, api.world.Now()); });
  const auto read = api.CallAs(account, DescribePoolsRequest());
  if (read.error) throw std::runtime_error(read.error->what());
}

void GivenOptOutList(Api& api, const std::string& name) {
  Must(api, Api::Parse<CreateOptOutListRequest>("opt_out_list_name: '" + name + "'"));
}

void GivenKeyword(Api& api, const std::string& pool_or_number_id, const std::string& keyword,
                  const std::string& message, const std::string& action) {
  Run(api,
      IsPool(pool_or_number_id)
          ? "INSERT INTO pool_keywords (account_id, region, pool_id, keyword, keyword_message, keyword_action)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT ON CONSTRAINT pool_keywords_pkey"
            " DO UPDATE SET keyword_message = $5, keyword_action = $6"
          : "INSERT INTO phone_number_keywords"
            " (account_id, region, phone_number_id, keyword, keyword_message, keyword_action)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT ON CONSTRAINT phone_number_keywords_pkey"
            " DO UPDATE SET keyword_message = $5, keyword_action = $6",
      storage::Params(api.scope.account, api.scope.region, pool_or_number_id, keyword, message, action));
}

void GivenNoKeyword(Api& api, const std::string& pool_or_number_id, const std::string& keyword) {
  Run(api,
      IsPool(pool_or_number_id)
          ? "DELETE FROM pool_keywords WHERE account_id = $1 AND region = $2 AND pool_id = $3 AND keyword = $4"
          : "DELETE FROM phone_number_keywords"
            " WHERE account_id = $1 AND region = $2 AND phone_number_id = $3 AND keyword = $4",
      storage::Params(api.scope.account, api.scope.region, pool_or_number_id, keyword));
}

void GivenPolicy(Api& api, const std::string& resource_arn, const std::string& policy) {
  PutResourcePolicyRequest request;
  request.set_resource_arn(resource_arn);
  request.set_policy(policy);
  Must(api, request);
}

void GivenShare(Api& api, const std::string& resource_arn, const std::string& account,
                const std::vector<std::string>& actions) {
  std::string list;
  for (const std::string& action : actions) list += (list.empty() ? "\"" : ", \"") + action + "\"";
  GivenPolicy(api, resource_arn,
              R"({"Statement": {"Effect": "Allow", "Principal": {"AWS": ")" + account + R"("}, "Action": [)" + list +
                  R"(], "Resource": ")" + resource_arn + R"("}})");
}

void GivenStatus(Api& api, const std::string& pool_or_number_id, const std::string& status) {
  Run(api,
      IsPool(pool_or_number_id)
          ? "UPDATE pools SET status = $4 WHERE account_id = $1 AND region = $2 AND pool_id = $3"
          : "UPDATE phone_numbers SET status = $4 WHERE account_id = $1 AND region = $2 AND phone_number_id = $3",
      storage::Params(api.scope.account, api.scope.region, pool_or_number_id, status));
}

std::vector<std::string> GivenStock(Api& api, const std::string& iso_country_code, int count,
                                    const std::string& number_type, const std::vector<std::string>& capabilities) {
  static std::atomic<int> next{0};
  std::vector<std::string> numbers;
  std::vector<storage::InventoryNumber> stock;
  for (int i = 0; i < count; ++i) {
    char number[13];
    std::snprintf(number, sizeof(number), "+999%08d", ++next);  // no country has 999
    numbers.emplace_back(number);
    stock.push_back({number, iso_country_code, number_type, capabilities, "1.50"});
  }
  api.Sql([&](storage::Transaction& tx) { storage::ImportNumbers(tx, stock); });
  return numbers;
}

void GivenShortCode(Api& api, const std::string& number_id, const std::string& digits) {
  Run(api,
      "UPDATE phone_numbers SET phone_number = $4, number_type = 'SHORT_CODE'"
      " WHERE account_id = $1 AND region = $2 AND phone_number_id = $3",
      storage::Params(api.scope.account, api.scope.region, number_id, digits));
}

PoolInformation ThePool(Api& api, const std::string& pool_id) {
  return Must(api, Api::Parse<DescribePoolsRequest>("pool_ids: '" + pool_id + "'")).pools(0);
}

PhoneNumberInformation TheNumber(Api& api, const std::string& number_id) {
  return Must(api, Api::Parse<DescribePhoneNumbersRequest>("phone_number_ids: '" + number_id + "'")).phone_numbers(0);
}

bool IsThere(Api& api, const std::string& pool_id) {
  const auto result = api.Call<DescribePoolsRequest>("pool_ids: '" + pool_id + "'");
  if (result.error && result.error->fault() != Fault::kNotFound) throw std::runtime_error(result.error->what());
  return !result.error;
}

std::vector<std::string> MembersOf(Api& api, const std::string& pool_id) {
  std::vector<std::string> members;
  const auto listed = Must(api, Api::Parse<ListPoolOriginationIdentitiesRequest>("pool_id: '" + pool_id + "'"));
  for (const auto& member : listed.origination_identities()) members.push_back(member.origination_identity());
  return members;
}

std::vector<std::string> KeywordsOf(Api& api, const std::string& pool_or_number_id) {
  std::vector<std::string> keywords;
  api.Sql([&](storage::Transaction& tx) {
    keywords.clear();
    const storage::Rows rows =
        tx.Run({"test",
                "SELECT keyword || ': ' || keyword_action || ': ' || keyword_message FROM ("
                "  SELECT account_id, region, pool_id AS owner_id, keyword, keyword_action,"
                "    keyword_message FROM pool_keywords"
                "  UNION ALL SELECT account_id, region, phone_number_id, keyword, keyword_action,"
                "    keyword_message FROM phone_number_keywords) AS keywords"
                " WHERE account_id = $1 AND region = $2 AND owner_id = $3 ORDER BY keyword"},
               storage::Params(api.scope.account, api.scope.region, pool_or_number_id));
    for (const storage::Row row : rows) row.Read(keywords.emplace_back());
  });
  return keywords;
}

std::map<std::string, std::string> TagsOf(Api& api, const std::string& resource_type, const std::string& id) {
  std::map<std::string, std::string> tags;
  api.Sql([&](storage::Transaction& tx) {
    tags.clear();
    const storage::Rows rows =
        tx.Run({"test",
                "SELECT key, value FROM tags"
                " WHERE account_id = $1 AND region = $2 AND resource_type = $3 AND resource_id = $4"},
               storage::Params(api.scope.account, api.scope.region, resource_type, id));
    for (const storage::Row row : rows) {
      std::string key;
      std::string value;
      row.Read(key, value);
      tags.emplace(key, value);
    }
  });
  return tags;
}

std::string OwnArn(const Api& api, const std::string& type, const std::string& id) {
  return "arn:aws:sms-voice:" + api.scope.region + ":" + api.scope.account + ":" + type + "/" + id;
}

std::string ArnOfOtherRegion(const Api& api, const std::string& type, const std::string& id) {
  return "arn:aws:sms-voice:eu-west-2:" + api.scope.account + ":" + type + "/" + id;
}

std::string ArnOfOtherAccount(const std::string& account, const std::string& type, const std::string& id) {
  return "arn:aws:sms-voice:us-east-1:" + account + ":" + type + "/" + id;
}

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return condition();
}

}  // namespace poold
