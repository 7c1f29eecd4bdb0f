#include "server/transport/tls_context.h"

#include <openssl/ssl.h>

#include <span>
#include <stdexcept>

namespace poold {
namespace {

// Of TLS 1.2. DHE would have forward secrecy too, but each handshake would cost the server several times as much, and
// every client that knows these modes knows elliptic curves.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

std::string_view NameOf(TlsContexts::Protocol protocol) {
  return protocol == TlsContexts::Protocol::kHttp2 ? "h2" : "http/1.1";
}

// ALPN (RFC 7301): each protocol of the client's list has a byte with its length before it.
template <TlsContexts::Protocol kProtocol>
int SelectProtocol(SSL*, const unsigned char** selected, unsigned char* length, const unsigned char* offered,
                   unsigned int size, void*) {
  std::span<const unsigned char> rest(offered, size);
  while (!rest.empty() && rest[0] < rest.size()) {
    const auto name = rest.subspan(1, rest[0]);
    if (std::string_view(reinterpret_cast<const char*>(name.data()), name.size()) == NameOf(kProtocol)) {
      *selected = name.data();
      *length = rest[0];
      return SSL_TLSEXT_ERR_OK;
    }
    rest = rest.subspan(1 + name.size());
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::shared_ptr<SSL_CTX> MakeContext(const Tls::Pem& pem, TlsContexts::Protocol protocol) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), kCiphers) != 1) {
    throw std::runtime_error("OpenSSL cannot set up TLS");
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Sessions would be kept here for clients that take no tickets: up to 20,000, one for each handshake of a stranger.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // An idle connection then costs 34 KiB less. A write may be continued from another place in memory.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(context.get(),
                             protocol == TlsContexts::Protocol::kHttp2 ? SelectProtocol<TlsContexts::Protocol::kHttp2>
                                                                       : SelectProtocol<TlsContexts::Protocol::kHttp11>,
                             nullptr);
  UsePem(pem, context.get());
  return context;
}

}  // namespace

TlsContexts::TlsContexts(const Tls& tls, Protocol protocol)
    : tls_(tls), protocol_(protocol), pem_(tls.current()), context_(MakeContext(*pem_, protocol)) {}

std::shared_ptr<ssl_ctx_st> TlsContexts::current() noexcept {
  const std::lock_guard lock(mutex_);
  auto pem = tls_.current();
  if (pem != pem_) {
    try {
      context_ = MakeContext(*pem, protocol_);
      pem_ = std::move(pem);
    } catch (const std::exception&) {
      // Tls has tried these texts, so it is for lack of memory. The next connection tries again.
    }
  }
  return context_;
}

std::string_view SelectedProtocol(const ssl_st* connection) {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(connection, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace poold
