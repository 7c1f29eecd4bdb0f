#pragma once

// Short ways to call the operations on sender IDs.

#include <string>
#include <vector>

#include "tests/support/api.h"

namespace poold {

inline std::string NamedSender(const std::string& sender_id, const std::string& iso_country_code) {
  return "sender_id: '" + sender_id + "' iso_country_code: '" + iso_country_code + "' ";
}

inline Result<smsvoice::v2::RequestSenderIdResponse> RequestSender(Api& api, const std::string& text) {
  return api.Call<smsvoice::v2::RequestSenderIdRequest>(text);
}

inline Result<smsvoice::v2::UpdateSenderIdResponse> UpdateSender(Api& api, const std::string& sender_id,
                                                                 const std::string& iso_country_code,
                                                                 const std::string& change) {
  return api.Call<smsvoice::v2::UpdateSenderIdRequest>(NamedSender(sender_id, iso_country_code) + change);
}

inline Result<smsvoice::v2::ReleaseSenderIdResponse> ReleaseSender(Api& api, const std::string& sender_id,
                                                                   const std::string& iso_country_code) {
  return api.Call<smsvoice::v2::ReleaseSenderIdRequest>(NamedSender(sender_id, iso_country_code));
}

// "ExampleCo/GB" each.
inline std::vector<std::string> SenderNames(const smsvoice::v2::DescribeSenderIdsResponse& response) {
  std::vector<std::string> names;
  for (const auto& sender : response.sender_ids())
    names.push_back(sender.sender_id() + "/" + sender.iso_country_code());
  return names;
}

// What Describe answers; the refusal in its place if it refuses.
inline std::vector<std::string> DescribedSenderIds(Api& api, const std::string& text = {}) {
  const auto result = api.Call<smsvoice::v2::DescribeSenderIdsRequest>(text);
  if (result.error) return {result.error->what()};
  return SenderNames(result.response);
}

// As an item of the request's list.
inline std::string SenderItem(const std::string& sender_id, const std::string& iso_country_code) {
  return "sender_ids { " + NamedSender(sender_id, iso_country_code) + "} ";
}

inline smsvoice::v2::SenderIdInformation TheSenderId(Api& api, const std::string& sender_id,
                                                     const std::string& iso_country_code) {
  const auto result = api.Call<smsvoice::v2::DescribeSenderIdsRequest>(SenderItem(sender_id, iso_country_code));
  if (result.error) throw std::runtime_error(result.error->what());
  return result.response.sender_ids(0);
}

inline std::string SenderFilter(const std::string& name, const std::vector<std::string>& values) {
  std::string text = "filters { name: SENDER_ID_FILTER_NAME_" + name;
  for (const std::string& value : values) text += " values: '" + value + "'";
  return text + " } ";
}

}  // namespace poold
