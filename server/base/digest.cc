#include "server/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <memory>
#include <stdexcept>

namespace poold {
namespace {

using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;

// Without a key yet.
MacContext NewHmacSha256() {
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> hmac(EVP_MAC_fetch(nullptr, "HMAC", nullptr), &EVP_MAC_free);
  MacContext context(hmac == nullptr ? nullptr : EVP_MAC_CTX_new(hmac.get()), &EVP_MAC_CTX_free);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0), OSSL_PARAM_construct_end()};
  if (context == nullptr || EVP_MAC_CTX_set_params(context.get(), parameters) != 1) {
    throw std::runtime_error("HMAC-SHA256 is not available");
  }
  return context;
}

}  // namespace

std::string Sha256(std::string_view data) {
  // SHA256() of OpenSSL 3 looks the algorithm up each time, and EVP_Digest() makes a context, which together take
  // longer than a short text does.
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  if (context == nullptr || EVP_DigestInit_ex2(context.get(), kAlgorithm, nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), data.data(), data.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available");
  }
  return digest;
}

std::string HmacSha256(std::string_view key, std::string_view data) {
  // HMAC() looks both algorithms up each time, too; a copy of a context has them.
  static const MacContext kAlgorithm = NewHmacSha256();
  const MacContext context(EVP_MAC_CTX_dup(kAlgorithm.get()), &EVP_MAC_CTX_free);
  unsigned char mac[SHA256_DIGEST_LENGTH];
  std::size_t size = 0;
  const auto bytes = [](std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  // Without a pointer to a key it would go on with the one before.
  if (key.data() == nullptr) key = "";
  if (context == nullptr || EVP_MAC_init(context.get(), bytes(key), key.size(), nullptr) != 1 ||
      EVP_MAC_update(context.get(), bytes(data), data.size()) != 1 ||
      EVP_MAC_final(context.get(), mac, &size, sizeof(mac)) != 1) {
    throw std::runtime_error("HMAC-SHA256 failed");
  }
  return {reinterpret_cast<const char*>(mac), size};
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(2 * bytes.size(), '0');
  auto digit = text.begin();
  for (const char c : bytes) {
    *digit++ = kDigits[static_cast<unsigned char>(c) >> 4];
    *digit++ = kDigits[static_cast<unsigned char>(c) & 0xF];
  }
  return text;
}

std::string RandomBytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    throw std::runtime_error("no random bytes are available");
  }
  return bytes;
}

bool SameSecret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace poold
