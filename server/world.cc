#include "server/world.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>

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

// Writes two digits for each byte and returns where they end.
char* WriteHex(char* at, std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    *at++ = kDigits[byte >> 4];
    *at++ = kDigits[byte & 0xF];
  }
  return at;
}

std::string NewId(std::string_view prefix) {
  std::string id(prefix);
  id.resize(prefix.size() + 2 * sizeof(Bits));
  WriteHex(id.data() + prefix.size(), Random());
  return id;
}

}  // namespace

Time RealWorld::Now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

std::string RealWorld::NewPoolId() { return NewId("pool-"); }

std::string RealWorld::NewPhoneNumberId() { return NewId("phone-"); }

std::string RealWorld::NewRequestId() {
  Bits bits = Random();
  bits[6] = static_cast<std::uint8_t>((bits[6] & 0x0F) | 0x40);  // version 4
  bits[8] = static_cast<std::uint8_t>((bits[8] & 0x3F) | 0x80);  // variant of RFC 4122
  std::string id(36, '-');
  char* at = id.data();
  std::size_t used = 0;
  for (const std::size_t size : {4u, 2u, 2u, 2u, 6u}) {
    at = WriteHex(at, std::span<const std::uint8_t>(bits).subspan(used, size)) + 1;  // behind the hyphen
    used += size;
  }
  return id;
}

}  // namespace poold
