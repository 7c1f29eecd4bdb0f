#pragma once

// Short ways to call the operations on phone numbers.

#include <string>
#include <vector>

#include "tests/support/api.h"

namespace poold {

inline constexpr const char* kChannel = "arn:aws:sns:us-east-1:111122223333:inbound";
inline constexpr const char* kRole = "arn:aws:iam::111122223333:role/inbound";

// A request for a plain transactional SMS long code of the country.
inline std::string LongCode(const std::string& iso_country_code, const std::string& more = {}) {
  return "iso_country_code: '" + iso_country_code +
         "' message_type: MESSAGE_TYPE_TRANSACTIONAL number_capabilities: NUMBER_CAPABILITY_SMS"
         " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE " +
         more;
}

inline Result<smsvoice::v2::RequestPhoneNumberResponse> RequestNumber(Api& api, const std::string& text) {
  return api.Call<smsvoice::v2::RequestPhoneNumberRequest>(text);
}

inline Result<smsvoice::v2::UpdatePhoneNumberResponse> UpdateNumber(Api& api, const std::string& id,
                                                                    const std::string& change) {
  return api.Call<smsvoice::v2::UpdatePhoneNumberRequest>("phone_number_id: '" + id + "' " + change);
}

inline Result<smsvoice::v2::ReleasePhoneNumberResponse> ReleaseNumber(Api& api, const std::string& id) {
  return api.Call<smsvoice::v2::ReleasePhoneNumberRequest>("phone_number_id: '" + id + "'");
}

inline std::vector<std::string> NumberIds(const smsvoice::v2::DescribePhoneNumbersResponse& response) {
  std::vector<std::string> ids;
  for (const auto& number : response.phone_numbers()) ids.push_back(number.phone_number_id());
  return ids;
}

// The ids that Describe answers; the refusal in their place if it refuses.
inline std::vector<std::string> DescribedNumbers(Api& api, const std::string& text = {}) {
  const auto result = api.Call<smsvoice::v2::DescribePhoneNumbersRequest>(text);
  if (result.error) return {result.error->what()};
  return NumberIds(result.response);
}

// A filter of DescribePhoneNumbers.
inline std::string NumberFilter(const std::string& name, const std::vector<std::string>& values) {
  std::string text = "filters { name: PHONE_NUMBER_FILTER_NAME_" + name;
  for (const std::string& value : values) text += " values: '" + value + "'";
  return text + " } ";
}

}  // namespace poold
