#include "server/pipeline/lanes.h"

#include <functional>
#include <random>

namespace poold {
namespace {

std::uint64_t Random() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

Lanes::Lanes() : factor_(Random() | 1), offset_(Random()) {}

std::size_t Lanes::Of(std::string_view account) const {
  static_assert(kCount == 1 << 8);
  return (std::hash<std::string_view>()(account) * factor_ + offset_) >> (64 - 8);
}

}  // namespace poold
