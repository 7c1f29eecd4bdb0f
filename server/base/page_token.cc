#include "server/base/page_token.h"

#include <cstdint>
#include <stdexcept>
#include <utility>

#include "server/base/digest.h"
#include "server/base/limits.h"

namespace poold {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kMacBytes = 16;
constexpr std::size_t kKeyBytes = 16;
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string Encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : bytes) {
    buffer = (buffer << 8) | static_cast<std::uint8_t>(c);
    for (bits += 8; bits >= 6; bits -= 6) text += kAlphabet[(buffer >> (bits - 6)) & 0x3F];
  }
  if (bits > 0) text += kAlphabet[(buffer << (6 - bits)) & 0x3F];
  return text;
}

// nullopt unless `text` is what Encode makes of the bytes: one text for each token, not several.
std::optional<std::string> Decode(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const auto value = kAlphabet.find(c);
    if (value == kAlphabet.npos) return std::nullopt;
    buffer = (buffer << 6) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>((buffer >> bits) & 0xFF);
    }
  }
  const bool canonical = bits < 6 && (buffer & ((1U << bits) - 1)) == 0;
  if (!canonical) return std::nullopt;
  return bytes;
}

// Two bytes of length, then the text.
void AppendPart(std::string& bytes, std::string_view part) {
  if (part.size() > 0xFFFF) throw std::length_error("a page token's position is too long");
  bytes += static_cast<char>(part.size() >> 8);
  bytes += static_cast<char>(part.size() & 0xFF);
  bytes += part;
}

std::optional<std::vector<std::string>> ReadParts(std::string_view bytes) {
  std::vector<std::string> parts;
  while (!bytes.empty()) {
    if (bytes.size() < 2) return std::nullopt;
    const std::size_t size =
        static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[0])) << 8 | static_cast<std::uint8_t>(bytes[1]);
    bytes.remove_prefix(2);
    if (bytes.size() < size) return std::nullopt;
    parts.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return parts;
}

}  // namespace

PageTokens::PageTokens(std::string key) : key_(std::move(key)) {
  if (key_.size() < kKeyBytes) throw std::invalid_argument("the key of page tokens must have at least 16 bytes");
}

std::string PageTokens::Mac(std::string_view scope, std::string_view payload) const {
  // The payload's length stands first, so that no scope can end where another's payload begins.
  std::string input("poold page token\0", 17);
  for (int shift = 24; shift >= 0; shift -= 8) input += static_cast<char>((payload.size() >> shift) & 0xFF);
  input.append(payload).append(scope);
  return HmacSha256(key_, input).substr(0, kMacBytes);
}

std::string PageTokens::Seal(std::string_view scope, const std::vector<std::string>& position) const {
  std::string payload(1, kVersion);
  for (const std::string& part : position) AppendPart(payload, part);
  std::string token = Encode(payload + Mac(scope, payload));
  if (token.size() > limits::kNextTokenLength) throw std::length_error("a page token's position is too long");
  return token;
}

std::optional<std::vector<std::string>> PageTokens::Open(std::string_view scope, std::string_view token) const {
  if (token.size() > limits::kNextTokenLength) return std::nullopt;
  const auto bytes = Decode(token);
  if (!bytes || bytes->size() < 1 + kMacBytes || bytes->front() != kVersion) return std::nullopt;
  const std::string_view payload(bytes->data(), bytes->size() - kMacBytes);
  const auto mac = std::string_view(*bytes).substr(payload.size());
  if (!SameSecret(mac, Mac(scope, payload))) return std::nullopt;
  return ReadParts(payload.substr(1));
}

}  // namespace poold
