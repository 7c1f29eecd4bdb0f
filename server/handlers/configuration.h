#pragma once

#include <optional>
#include <string>

#include "storage/values/configuration.h"

namespace poold {

// What UpdatePool and UpdatePhoneNumber can change of the settings that pools and numbers share. Absent stays.
struct ConfigurationChange {
  std::optional<bool> two_way_enabled;
  std::optional<std::string> channel_arn;
  std::optional<std::string> channel_role;
  std::optional<bool> self_managed_opt_outs;
};

template <class Request>
ConfigurationChange ConfigurationChangeFrom(const Request& request) {
  ConfigurationChange change;
  if (request.has_two_way_enabled()) change.two_way_enabled = request.two_way_enabled();
  if (request.has_two_way_channel_arn()) change.channel_arn = request.two_way_channel_arn();
  if (request.has_two_way_channel_role()) change.channel_role = request.two_way_channel_role();
  if (request.has_self_managed_opt_outs_enabled()) {
    change.self_managed_opt_outs = request.self_managed_opt_outs_enabled();
  }
  return change;
}

// Checks what needs no look at the pool or number: throws Error::Invalid INVALID_PARAMETER for a channel that is
// neither the ARN of an SNS topic (FIFO topics are not supported) nor `connect.<region>.amazonaws.com` (behaviour 4.6).
void RequireSound(const ConfigurationChange& change);

// The configuration after the change. A channel and a role are stored whether two-way is on or off, and switching it
// off keeps them (behaviour 4.6). Throws Error::Invalid: TWO_WAY_CHANNEL_NOT_PRESENT if two-way is on, or a role is
// given, without a channel given or stored; TWO_WAY_NOT_ENABLED for self-managed opt-outs without two-way.
storage::Configuration Changed(storage::Configuration configuration, const ConfigurationChange& change);

}  // namespace poold
