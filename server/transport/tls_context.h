#pragma once

// How an endpoint speaks TLS: one OpenSSL context for all connections that begin while the same certificate is in
// force.

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "server/transport/tls.h"

namespace poold {

// The contexts of one endpoint. Both endpoints take the same:
// - TLS 1.3, and TLS 1.2 with forward secrecy and authenticated encryption only: who records a connection and gets the
//   key of the certificate later still cannot read it.
// - No renegotiation and no compression.
// - If clients are asked for certificates, no session is resumed: each connection shows its certificate anew. Otherwise
//   sessions are resumed by tickets; nothing of them is kept here.
// Any thread may call current().
class TlsContexts {
 public:
  // What a connection speaks inside TLS, as ALPN names it. A client whose ALPN offers only other protocols is refused.
  // A client without ALPN is let through: see SelectedProtocol.
  enum class Protocol { kHttp11, kHttp2 };

  // Throws std::runtime_error if OpenSSL cannot do what is needed. `tls` must outlive it.
  TlsContexts(const Tls& tls, Protocol protocol);

  // For a new connection: the context with the certificate that is in force now. Another object after each change of
  // the files. Connections keep the one that they began with (OpenSSL counts them). Never nullptr.
  std::shared_ptr<ssl_ctx_st> current() noexcept;

 private:
  const Tls& tls_;
  const Protocol protocol_;
  std::mutex mutex_;  // guards what follows
  std::shared_ptr<const Tls::Pem> pem_;
  std::shared_ptr<ssl_ctx_st> context_;  // made of pem_
};

// The protocol that the handshake has agreed on by ALPN, such as "h2". Empty if the client offered none. The view lives
// as long as the connection.
std::string_view SelectedProtocol(const ssl_st* connection);

}  // namespace poold
