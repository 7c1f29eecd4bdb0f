#pragma once

#include <optional>
#include <string>

namespace poold::storage {

// Where incoming messages go. Two-way needs a channel to be on, and a role needs one always. While two-way is off,
// channel and role are only stored, so that it can be switched on again.
struct TwoWay {
  bool enabled = false;
  std::optional<std::string> channel_arn;
  std::optional<std::string> channel_role;

  bool operator==(const TwoWay&) const = default;
};

// Whether both send incoming messages the same way: what is stored while two-way is off makes no difference.
inline bool IsSameWay(const TwoWay& one, const TwoWay& other) {
  return one == other || (!one.enabled && !other.enabled);
}

// Which opt-out list: usually one of the same account, else one that its owner shares.
struct OptOutListKey {
  std::string account;
  std::string name;

  bool operator==(const OptOutListKey&) const = default;
};

// What the numbers of a pool have in common with it (apart from keywords and capabilities): a pool takes it from its
// first identity, later numbers must match it, and a change of the pool is written through to its numbers.
struct Configuration {
  std::string message_type;  // "TRANSACTIONAL" or "PROMOTIONAL"
  TwoWay two_way;
  bool self_managed_opt_outs = false;
  OptOutListKey opt_out_list;

  bool operator==(const Configuration&) const = default;
};

}  // namespace poold::storage
