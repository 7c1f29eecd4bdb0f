#include "server/text.h"

#include <cstdint>

namespace poold {
namespace {

// Bytes of the well-formed character at the start of `text`, 0 if there is none (Unicode 15, table 3-7).
std::size_t CharacterLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto trails = [&](std::size_t count) {
    if (text.size() <= count) return false;
    for (std::size_t i = 1; i <= count; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return false;
    }
    return true;
  };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return trails(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!trails(2)) return 0;
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!trails(3)) return 0;
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool beyond = lead == 0xF4 && byte(1) > 0x8F;
    return overlong || beyond ? 0 : 4;
  }
  return 0;
}

}  // namespace

std::optional<std::size_t> CodePoints(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    const std::size_t length = CharacterLength(text);
    if (length == 0) return std::nullopt;
    text.remove_prefix(length);
    ++count;
  }
  return count;
}

std::string Printable(std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view kEllipsis = "...";
  std::string clean;
  std::size_t cut = 0;  // where `clean` ends if the ellipsis has to follow
  while (!text.empty()) {
    const std::size_t length = CharacterLength(text);
    const auto first = static_cast<unsigned char>(text.front());
    const bool c1_control = length == 2 && first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
    if (length == 0 || first < 0x20 || first == 0x7F || c1_control) {
      clean += '?';
    } else {
      clean += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
    if (clean.size() > max_bytes) {
      clean.resize(cut);
      if (max_bytes >= kEllipsis.size()) clean += kEllipsis;
      return clean;
    }
    if (clean.size() + kEllipsis.size() <= max_bytes) cut = clean.size();
  }
  return clean;
}

}  // namespace poold
