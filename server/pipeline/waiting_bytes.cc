#include "server/pipeline/waiting_bytes.h"

#include "server/rpc/call.h"

namespace poold {
namespace {

constexpr std::size_t kSmall = 4 << 10;

}  // namespace

bool WaitingBytes::Add(const Call& call) {
  if (call.RequestBytes() <= kSmall) return true;
  // What a message takes can be many times its bytes.
  const Counted counted{call.RequestBytes() + call.request().SpaceUsedLong(), lane_of_.Of(call.scope().account)};
  const std::lock_guard lock(mutex_);
  // With it, the account must not have more than what is then left.
  if (of_lanes_[counted.lane] + counted.bytes + bytes_ + counted.bytes > most_) return false;
  bytes_ += counted.bytes;
  of_lanes_[counted.lane] += counted.bytes;
  counted_.emplace(&call, counted);
  return true;
}

void WaitingBytes::Remove(const Call& call) {
  if (call.RequestBytes() <= kSmall) return;
  const std::lock_guard lock(mutex_);
  const auto found = counted_.find(&call);
  bytes_ -= found->second.bytes;
  of_lanes_[found->second.lane] -= found->second.bytes;
  counted_.erase(found);
}

std::size_t WaitingBytes::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace poold
