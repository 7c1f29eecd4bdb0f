#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace poold {

// Divides accounts into a fixed number of lanes by a keyed hash, so that what is kept of accounts is bounded however
// many there are. The key is random, so which accounts share a lane differs from one object to the next, and nobody can
// choose to share one. Any thread.
class Lanes {
 public:
  // Few accounts are busy at one moment: of two, one in 256 shares the other's lane.
  static constexpr std::size_t kCount = 256;

  Lanes();

  // From 0 to kCount - 1.
  std::size_t Of(std::string_view account) const;

 private:
  std::uint64_t factor_;  // odd
  std::uint64_t offset_;
};

}  // namespace poold
