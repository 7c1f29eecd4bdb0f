#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <unordered_map>

#include "server/pipeline/lanes.h"

namespace poold {

class Call;

// The memory of requests that wait in queues, bounded over all queues and shared among accounts: one account may have
// as much as is left, so alone at most half. Requests of up to 4 KiB are not counted: the queues' lengths bound them.
// Thread-safe.
class WaitingBytes {
 public:
  explicit WaitingBytes(std::size_t most) : most_(most) {}

  // Counts what the call's request takes at this moment, as bytes and as a message. False if that is too much: the
  // caller must refuse the call.
  bool Add(const Call& call);

  // The call waits no more. It must have been added.
  void Remove(const Call& call);

  // At this moment.
  std::size_t bytes() const;

 private:
  struct Counted {
    std::size_t bytes;
    std::size_t lane;
  };

  const std::size_t most_;
  const Lanes lane_of_;
  mutable std::mutex mutex_;  // guards what follows
  std::size_t bytes_ = 0;
  std::array<std::size_t, Lanes::kCount> of_lanes_{};
  std::unordered_map<const Call*, Counted> counted_;
};

}  // namespace poold
