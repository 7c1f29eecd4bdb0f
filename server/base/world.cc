#include "server/base/world.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>

#include "server/base/digest.h"

namespace poold {
namespace {

using Bits = std::array<std::uint8_t, 16>;

void Fill(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

// One call of the kernel serves 16 ids. Handed-out bits are wiped: they can't be read from memory nor used twice.
Bits Random() {
  thread_local std::array<std::uint8_t, 256> block;
  thread_local std::size_t used = block.size();
  if (used == block.size()) {
    Fill(block);
    used = 0;
  }
  Bits bits;
  std::memcpy(bits.data(), block.data() + used, bits.size());
  std::memset(block.data() + used, 0, bits.size());
  used += bits.size();
  return bits;
}

std::string HexOf(const Bits& bits) { return Hex({reinterpret_cast<const char*>(bits.data()), bits.size()}); }

}  // namespace

storage::Time RealWorld::Now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string RealWorld::NewPoolId() { return "pool-" + HexOf(Random()); }

std::string RealWorld::NewPhoneNumberId() { return "phone-" + HexOf(Random()); }

std::string RealWorld::NewRequestId() {
  Bits bits = Random();
  bits[6] = static_cast<std::uint8_t>((bits[6] & 0x0F) | 0x40);  // version 4
  bits[8] = static_cast<std::uint8_t>((bits[8] & 0x3F) | 0x80);  // variant of RFC 4122
  std::string id = HexOf(bits);
  for (const std::size_t hyphen : {8u, 13u, 18u, 23u}) id.insert(hyphen, 1, '-');
  return id;
}

}  // namespace poold
