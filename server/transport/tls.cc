#include "server/transport/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <spdlog/spdlog.h>

#include <stdexcept>
#include <vector>

#include "server/base/file.h"
#include "server/base/settings.h"

namespace poold {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// A file's text is wrong; becomes a sentence with the file's name once that is known.
struct Wrong {
  enum class Where { kCertificate, kKey, kClientCa } where;
  std::string what;
};

Owned<BIO> Reader(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// A server has nobody to ask for the password of an encrypted key.
int NoPassword(char*, int, int, void*) { return -1; }

std::vector<Owned<X509>> CertificatesIn(const std::string& pem) {
  std::vector<Owned<X509>> certificates;
  const auto reader = Reader(pem);
  while (X509* certificate = PEM_read_bio_X509(reader.get(), nullptr, NoPassword, nullptr)) {
    certificates.emplace_back(certificate);
  }
  // The end of the text is an error like any other; but one amid a certificate is not the end.
  const unsigned long end = ERR_peek_last_error();
  ERR_clear_error();
  if (ERR_GET_LIB(end) != ERR_LIB_PEM || ERR_GET_REASON(end) != PEM_R_NO_START_LINE) certificates.clear();
  return certificates;
}

void Require(bool good, Wrong::Where where, const char* what) {
  ERR_clear_error();
  if (!good) throw Wrong{where, what};
}

void Use(const Tls::Pem& pem, SSL_CTX* context) {
  using enum Wrong::Where;
  const auto chain = CertificatesIn(pem.certificate);
  Require(!chain.empty() && SSL_CTX_use_certificate(context, chain[0].get()) == 1, kCertificate,
          "it must hold certificates in PEM form, the server's own first");
  for (std::size_t i = 1; i < chain.size(); ++i) {
    Require(SSL_CTX_add1_chain_cert(context, chain[i].get()) == 1, kCertificate, "a certificate of it cannot be used");
  }
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(Reader(pem.key).get(), nullptr, NoPassword, nullptr));
  Require(key != nullptr, kKey, "it must hold a private key in PEM form, without a password");
  Require(SSL_CTX_use_PrivateKey(context, key.get()) == 1 && SSL_CTX_check_private_key(context) == 1, kKey,
          "it is not the key of the certificate");
  if (pem.client_ca.empty()) return;
  const auto authorities = CertificatesIn(pem.client_ca);
  Require(!authorities.empty(), kClientCa, "it must hold certificates in PEM form");
  for (const auto& authority : authorities) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get());
    SSL_CTX_add_client_CA(context, authority.get());
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
}

}  // namespace

Tls::Tls(const TlsSettings& settings)
    : certificate_{"--tls-certificate", settings.certificate},
      key_{"--tls-key", settings.key.empty() ? settings.certificate : settings.key},
      client_ca_{"--tls-client-ca", settings.client_ca},
      current_(std::make_shared<const Pem>(ReadAll())) {
  Check(*current_);
}

Tls::Pem Tls::ReadAll() const {
  const auto read = [](const File& file) {
    if (file.path.empty()) return std::string();
    std::string text;
    try {
      text = ReadFile(file.path);
    } catch (const std::runtime_error& failure) {
      throw std::runtime_error(file.setting + " " + file.path + ": " + failure.what());
    }
    if (text.empty()) throw std::runtime_error(file.setting + " " + file.path + ": it is empty");
    return text;
  };
  return {read(certificate_), read(key_), read(client_ca_)};
}

void Tls::Check(const Pem& pem) const {
  const Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  if (!context) throw std::runtime_error("OpenSSL has no TLS");
  try {
    Use(pem, context.get());
  } catch (const Wrong& wrong) {
    const File& file = wrong.where == Wrong::Where::kCertificate ? certificate_
                       : wrong.where == Wrong::Where::kKey       ? key_
                                                                 : client_ca_;
    throw std::runtime_error(file.setting + " " + file.path + ": " + wrong.what);
  }
}

std::shared_ptr<const Tls::Pem> Tls::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void Tls::Reload() noexcept {
  try {
    auto pem = std::make_shared<const Pem>(ReadAll());
    if (*pem == *current()) {
      failure_.clear();
      return;
    }
    Check(*pem);
    failure_.clear();
    {
      const std::lock_guard lock(mutex_);
      current_.swap(pem);
    }
    spdlog::info("certificate {} was read again: it counts for new connections", certificate_.path);
  } catch (const std::exception& failure) {
    if (failure.what() != failure_) spdlog::error("{}; what was in force before stays so", failure.what());
    failure_ = failure.what();
  }
}

void UsePem(const Tls::Pem& pem, ssl_ctx_st* context) {
  try {
    Use(pem, context);
  } catch (const Wrong& wrong) {
    throw std::runtime_error(wrong.what);
  }
}

}  // namespace poold
