#include "server/handlers/configuration.h"

#include <re2/re2.h>

#include "server/base/error.h"

namespace poold {
namespace {

bool IsChannel(const std::string& text) {
  static const RE2 kTopic("arn:aws(-cn|-us-gov)?:sns:[a-z0-9-]{1,32}:[0-9]{12}:[A-Za-z0-9_-]{1,256}");
  static const RE2 kConnect("connect\\.[a-z0-9-]{1,32}\\.amazonaws\\.com");
  return RE2::FullMatch(text, kTopic) || RE2::FullMatch(text, kConnect);
}

}  // namespace

void RequireSound(const ConfigurationChange& change) {
  if (change.channel_arn && !IsChannel(*change.channel_arn)) {
    throw Error::Invalid(reason::kInvalidParameter, "twoWayChannelArn",
                         "must be the ARN of an SNS topic that is not FIFO, or connect.<region>.amazonaws.com");
  }
}

storage::Configuration Changed(storage::Configuration configuration, const ConfigurationChange& change) {
  storage::TwoWay& two_way = configuration.two_way;
  two_way.enabled = change.two_way_enabled.value_or(two_way.enabled);
  if (change.channel_arn) two_way.channel_arn = change.channel_arn;
  if (change.channel_role) two_way.channel_role = change.channel_role;
  if (!two_way.channel_arn && (two_way.enabled || two_way.channel_role)) {
    throw Error::Invalid(reason::kTwoWayChannelNotPresent, "twoWayChannelArn",
                         two_way.enabled ? "is required to enable two-way: none is stored"
                                         : "is required with twoWayChannelRole: none is stored");
  }

  configuration.self_managed_opt_outs = change.self_managed_opt_outs.value_or(configuration.self_managed_opt_outs);
  if (configuration.self_managed_opt_outs && !two_way.enabled) {
    throw Error::Invalid(reason::kTwoWayNotEnabled, "selfManagedOptOutsEnabled", "needs two-way to be enabled");
  }
  return configuration;
}

}  // namespace poold
