#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "server/pipeline/lanes.h"

namespace poold {

class Call;

// A bounded queue that serves accounts in turn (stochastic fairness queueing). Each account has a lane; the queue gives
// one call of each lane that has some, then the next of each, and so on. Within a lane calls keep their order. So a
// call waits for as many others as there are busy accounts, times those of its own account before it, whatever another
// one sends.
//
// A lane may hold at most eight times as many calls as there are places left (dynamic thresholds). One account alone
// can use eight ninths of the queue, two 8/17 each: whoever calls little finds a place while others flood. A queue of
// fewer than nine places can be filled by one.
//
// Pushing and taking cost the same however many wait. Not thread-safe.
class FairQueue {
 public:
  explicit FairQueue(std::size_t capacity, const Lanes& lane_of = Lanes()) : capacity_(capacity), lane_of_(lane_of) {}

  // Whether there is a place for a call of this account.
  bool HasPlace(std::string_view account) const;

  // False if there is none: the caller must refuse the call.
  bool Push(std::string_view account, Call& call);

  // The next in turn. The queue must not be empty.
  Call& Take();

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t capacity() const { return capacity_; }

  // Whether each account has a place in a queue of this size and capacity, even one whose calls are all that wait.
  static bool HasPlaceForEach(std::size_t size, std::size_t capacity) { return HasPlace(size, size, capacity); }

 private:
  static constexpr std::size_t kShare = 8;
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // A place in the queue; those that are free are a list as well.
  struct Place {
    Call* call;
    std::uint32_t next;
  };
  struct Lane {
    std::uint32_t first = kNone;  // in places_
    std::uint32_t last = kNone;
    std::uint32_t size = 0;
    std::uint32_t next_in_turn = kNone;  // a lane
  };

  // Whether an account of which `own` calls wait has a place: never in a full queue.
  static bool HasPlace(std::size_t own, std::size_t size, std::size_t capacity) {
    return own < kShare * (capacity - size);
  }
  bool HasPlace(const Lane& lane) const { return HasPlace(lane.size, size_, capacity_); }
  std::uint32_t TakePlace(Call& call);
  void AwaitTurn(std::uint32_t lane);

  const std::size_t capacity_;
  const Lanes lane_of_;
  std::size_t size_ = 0;
  std::vector<Place> places_;  // as many as were ever in use at once
  std::uint32_t free_ = kNone;
  std::array<Lane, Lanes::kCount> lanes_;
  // The lanes that have calls, in turn.
  std::uint32_t first_in_turn_ = kNone;
  std::uint32_t last_in_turn_ = kNone;
};

}  // namespace poold
