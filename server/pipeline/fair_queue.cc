#include "server/pipeline/fair_queue.h"

#include <utility>

namespace poold {

bool FairQueue::HasPlace(std::string_view account) const { return HasPlace(lanes_[lane_of_.Of(account)]); }

bool FairQueue::Push(std::string_view account, Call& call) {
  const auto index = static_cast<std::uint32_t>(lane_of_.Of(account));
  Lane& lane = lanes_[index];
  if (!HasPlace(lane)) return false;
  const std::uint32_t place = TakePlace(call);
  if (lane.size == 0) {
    lane.first = place;
    AwaitTurn(index);
  } else {
    places_[lane.last].next = place;
  }
  lane.last = place;
  ++lane.size;
  ++size_;
  return true;
}

Call& FairQueue::Take() {
  const std::uint32_t index = first_in_turn_;
  Lane& lane = lanes_[index];
  first_in_turn_ = lane.next_in_turn;
  if (first_in_turn_ == kNone) last_in_turn_ = kNone;

  const std::uint32_t place = lane.first;
  Call& call = *places_[place].call;
  lane.first = places_[place].next;
  places_[place].next = std::exchange(free_, place);
  --size_;
  if (--lane.size > 0) AwaitTurn(index);
  return call;
}

std::uint32_t FairQueue::TakePlace(Call& call) {
  if (free_ == kNone) {
    places_.push_back({&call, kNone});
    return static_cast<std::uint32_t>(places_.size() - 1);
  }
  const std::uint32_t place = free_;
  free_ = places_[place].next;
  places_[place] = {&call, kNone};
  return place;
}

void FairQueue::AwaitTurn(std::uint32_t lane) {
  lanes_[lane].next_in_turn = kNone;
  if (last_in_turn_ == kNone) {
    first_in_turn_ = lane;
  } else {
    lanes_[last_in_turn_].next_in_turn = lane;
  }
  last_in_turn_ = lane;
}

}  // namespace poold
