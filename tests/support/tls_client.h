#pragma once

// A TLS connection as nobody's client would make it: with this cipher, this version, this session. One thread.

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/certificates.h"

namespace poold {

struct TlsClientOptions {
  CertificateFiles own = {};           // the certificate that it shows; empty: none
  std::string ciphers = {};            // of TLS 1.2, as OpenSSL names them; empty: OpenSSL's own
  int version = 0;                     // TLS1_2_VERSION, for instance; 0: the best that both know
  std::vector<std::string> alpn = {};  // "h2", "http/1.1", by preference; empty: none is offered
  SSL_SESSION* session = nullptr;      // to resume, see session()
};

class TlsConnection {
 public:
  using Options = TlsClientOptions;

  // `address`: "127.0.0.1:8080". Any certificate of the server's is good. Throws std::runtime_error with what OpenSSL
  // says if the handshake fails.
  explicit TlsConnection(const std::string& address, const Options& options = {}) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes also when the server has closed the connection
    const std::size_t colon = address.rfind(':');
    socket_.connect({boost::asio::ip::make_address(address.substr(0, colon)),
                     static_cast<unsigned short>(std::stoul(address.substr(colon + 1)))});
    const timeval patience{20, 0};
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (options.version != 0) {
      SSL_CTX_set_min_proto_version(context_.get(), options.version);
      SSL_CTX_set_max_proto_version(context_.get(), options.version);
    }
    // Level 0: what the client would refuse to speak is for the server to refuse.
    const std::string ciphers = (options.ciphers.empty() ? "ALL" : options.ciphers) + ":@SECLEVEL=0";
    Must(SSL_CTX_set_cipher_list(context_.get(), ciphers.c_str()) == 1);
    if (!options.own.certificate.empty()) {
      Must(SSL_CTX_use_certificate_file(context_.get(), options.own.certificate.c_str(), SSL_FILETYPE_PEM) == 1);
      Must(SSL_CTX_use_PrivateKey_file(context_.get(), options.own.key.c_str(), SSL_FILETYPE_PEM) == 1);
    }
    ssl_.reset(SSL_new(context_.get()));
    if (!options.alpn.empty()) {
      std::string list;
      for (const std::string& protocol : options.alpn) list += static_cast<char>(protocol.size()) + protocol;
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(list.data()),
                          static_cast<unsigned>(list.size()));
    }
    if (options.session != nullptr) SSL_set_session(ssl_.get(), options.session);
    SSL_set_fd(ssl_.get(), socket_.native_handle());
    Must(SSL_connect(ssl_.get()) == 1);
  }

  // Says goodbye: otherwise its session could not be resumed.
  ~TlsConnection() {
    if (ssl_ != nullptr) SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }

  void Send(std::string_view bytes) { Must(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0); }

  // What has come, at least a byte. Throws std::runtime_error if nothing comes.
  std::string ReadSome() {
    std::string bytes(16 << 10, '\0');
    const int size = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    Must(size > 0);
    bytes.resize(static_cast<std::size_t>(size));
    return bytes;
  }

  // Reads until this has come; all of it.
  std::string ReadUntil(std::string_view end) {
    std::string bytes;
    while (bytes.find(end) == bytes.npos) bytes += ReadSome();
    return bytes;
  }

  SSL* ssl() { return ssl_.get(); }

  // To begin another connection with. TLS 1.3: only what has been read makes it one that can be resumed.
  std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session() {
    return {SSL_get1_session(ssl_.get()), SSL_SESSION_free};
  }

 private:
  static void Must(bool good) {
    if (good) return;
    char reason[256] = "the connection ended";
    if (const unsigned long error = ERR_get_error(); error != 0) ERR_error_string_n(error, reason, sizeof(reason));
    ERR_clear_error();
    throw std::runtime_error(std::string("TLS: ") + reason);
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_{io_};
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
};

}  // namespace poold
