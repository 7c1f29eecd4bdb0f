#pragma once

// How the stories of tests begin: numbers, sender IDs, pools and their states, made through the API wherever it has a
// way to. And a few looks at what came of it. Each throws std::runtime_error when the API refuses.

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/api.h"

namespace poold {

// The account is there and the server of `api` knows it, as after its first write.
void GivenAccount(Api& api, const std::string& account);

// The id of a new number: a transactional SMS long code of the United States, unless `wishes` (a
// RequestPhoneNumberRequest in text form) say otherwise.
std::string GivenNumber(Api& api, const std::string& wishes = {});

// A number that settings, keywords and a list tell apart from a plain one, in every way that a pool inherits.
struct ConfiguredNumber {
  static constexpr std::string_view kList = "Offers";
  static constexpr std::string_view kChannel = "arn:aws:sns:us-east-1:111122223333:inbound";
  static constexpr std::string_view kRole = "arn:aws:iam::111122223333:role/inbound";
  std::string id;
};
ConfiguredNumber GivenConfiguredNumber(Api& api);

// A new sender ID, for both message types unless `wishes` (a RequestSenderIdRequest in text form) say otherwise.
// Returns its text.
std::string GivenSenderId(Api& api, const std::string& text, const std::string& iso_country_code = "GB",
                          const std::string& wishes = {});

// The id of a new transactional pool, unless `wishes` (a CreatePoolRequest in text form) say otherwise.
std::string GivenPool(Api& api, const std::string& origination_identity, const std::string& wishes = {});
// The same, founded on a new plain number.
std::string GivenPool(Api& api);
// The same, founded on a new sender ID of Great Britain.
std::string GivenSenderIdPool(Api& api, const std::string& sender_id);

// Puts the identity into the pool. `wishes`: an AssociateOriginationIdentityRequest in text form.
void GivenMember(Api& api, const std::string& pool_id, const std::string& origination_identity,
                 const std::string& wishes = {});

// Changes it as UpdatePool or UpdatePhoneNumber does. `change`: the request in text form, without the id.
void GivenChange(Api& api, const std::string& pool_or_number_id, const std::string& change);

void GivenOptOutList(Api& api, const std::string& name);

// Keywords, by SQL: also those of a number in a pool, which the API doesn't let through.
void GivenKeyword(Api& api, const std::string& pool_or_number_id, const std::string& keyword,
                  const std::string& message, const std::string& action = "AUTOMATIC_RESPONSE");
void GivenNoKeyword(Api& api, const std::string& pool_or_number_id, const std::string& keyword);

// Gives the resource this policy, as PutResourcePolicy does.
void GivenPolicy(Api& api, const std::string& resource_arn, const std::string& policy);
// The same, with a policy that allows the account (or everybody: "*") these actions.
void GivenShare(Api& api, const std::string& resource_arn, const std::string& account,
                const std::vector<std::string>& actions = {"sms-voice:*"});

// States that only time or another part of the service brings about, by SQL. (A pool is DELETING after DeletePool, if
// ApiSettings::pool_deletion_delay says so.)
void GivenStatus(Api& api, const std::string& pool_or_number_id, const std::string& status);
// Puts fictional numbers into the inventory, most usefully for a NewCountry(). Returns them in the order in which they
// are handed out.
std::vector<std::string> GivenStock(Api& api, const std::string& iso_country_code, int count,
                                    const std::string& number_type = "LONG_CODE",
                                    const std::vector<std::string>& capabilities = {"SMS"});
// Turns the number into a short code of these digits.
void GivenShortCode(Api& api, const std::string& number_id, const std::string& digits);

// What Describe says of it.
smsvoice::v2::PoolInformation ThePool(Api& api, const std::string& pool_id);
smsvoice::v2::PhoneNumberInformation TheNumber(Api& api, const std::string& number_id);
bool IsThere(Api& api, const std::string& pool_id);

// What is in the pool, in order: numbers by id, sender IDs by text.
std::vector<std::string> MembersOf(Api& api, const std::string& pool_id);

// "HELP: AUTOMATIC_RESPONSE: Reply STOP ..." in alphabetical order, whoever's keywords they are.
std::vector<std::string> KeywordsOf(Api& api, const std::string& pool_or_number_id);

// `id` is the tail of the ARN.
std::map<std::string, std::string> TagsOf(Api& api, const std::string& resource_type, const std::string& id);

// The ARN of something of the account, and of the same name elsewhere.
std::string OwnArn(const Api& api, const std::string& type, const std::string& id);
std::string ArnOfOtherRegion(const Api& api, const std::string& type, const std::string& id);
std::string ArnOfOtherAccount(const std::string& account, const std::string& type, const std::string& id);

// True as soon as `condition` is; false if it isn't within ten seconds. For what happens on other threads.
bool Eventually(const std::function<bool()>& condition);

}  // namespace poold
