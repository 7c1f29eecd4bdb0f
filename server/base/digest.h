#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace poold {

// SHA-256: 32 bytes.
std::string Sha256(std::string_view data);

// HMAC-SHA-256: 32 bytes. Throws std::runtime_error should OpenSSL not have it.
std::string HmacSha256(std::string_view key, std::string_view data);

// "\x0A\xFF" is "0aff".
std::string Hex(std::string_view bytes);

// So many random bytes that nobody can guess. Throws std::runtime_error should OpenSSL have none.
std::string RandomBytes(std::size_t count);

// Whether the two are the same, in a time that tells nothing but their lengths: for what an attacker must not guess
// byte by byte.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace poold
