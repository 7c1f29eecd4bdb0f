#pragma once

// Small steps from requests to storage structs and from those to responses, shared by the handlers of several nouns.

#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/aws_names.h"
#include "smsvoice/v2/common.pb.h"
#include "storage/tags.h"
#include "storage/values/configuration.h"
#include "storage/values/time.h"

namespace poold {

inline void SetTime(google::protobuf::Timestamp& timestamp, storage::Time time) {
  const auto since_epoch = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  timestamp.set_seconds(seconds.count());
  timestamp.set_nanos(static_cast<int>(std::chrono::nanoseconds(since_epoch - seconds).count()));
}

inline std::vector<storage::Tag> TagsFrom(const google::protobuf::RepeatedPtrField<smsvoice::v2::Tag>& tags) {
  std::vector<storage::Tag> result;
  for (const auto& tag : tags) result.push_back({tag.key(), tag.value()});
  return result;
}

// A list of enum values as the sorted set of their AWS names, which is how storage keeps them.
template <class E>
std::vector<std::string> SortedAwsNames(const google::protobuf::RepeatedField<int>& values) {
  std::vector<std::string> names;
  for (const int value : values) names.emplace_back(AwsName(static_cast<E>(value)));
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// The settings that pools and numbers have in common, into any of their responses.
template <class Answer>
void RenderConfiguration(const storage::Configuration& configuration, Answer& answer) {
  answer.set_message_type(FromAwsName<smsvoice::v2::MessageType>(configuration.message_type));
  answer.set_two_way_enabled(configuration.two_way.enabled);
  if (configuration.two_way.channel_arn) answer.set_two_way_channel_arn(*configuration.two_way.channel_arn);
  if (configuration.two_way.channel_role) answer.set_two_way_channel_role(*configuration.two_way.channel_role);
  answer.set_self_managed_opt_outs_enabled(configuration.self_managed_opt_outs);
  answer.set_opt_out_list_name(configuration.opt_out_list.name);
}

}  // namespace poold
