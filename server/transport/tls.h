#pragma once

// The certificate that both doors show, its key, and the authorities whose client certificates they accept: files, read
// again when they change.

#include <memory>
#include <mutex>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace poold {

struct TlsSettings;

// The files of a running server, as they are now. Any thread may ask for current(); one at a time may Reload().
class Tls {
 public:
  // Texts of PEM files, which fit together: the key is the certificate's.
  struct Pem {
    std::string certificate;  // and what leads from it to its authority
    std::string key;
    std::string client_ca;  // empty: clients are not asked for a certificate

    bool operator==(const Pem&) const = default;
  };

  // Reads --tls-certificate, --tls-key and --tls-client-ca. Throws std::runtime_error with the setting, the file and
  // what is wrong with it.
  explicit Tls(const TlsSettings& settings);

  // Whether clients are asked for a certificate.
  bool AsksClients() const { return !client_ca_.path.empty(); }

  // What new connections are to use. Never nullptr; another object after each change.
  std::shared_ptr<const Pem> current() const;

  // Reads the files again if their bytes are others than last time. What doesn't fit together, or is half written,
  // changes nothing: what was in force stays so, and the log says once why. Connections that are there keep what they
  // began with.
  void Reload() noexcept;

 private:
  struct File {
    std::string setting;  // "--tls-key"
    std::string path;     // empty: there is none
  };

  Pem ReadAll() const;
  void Check(const Pem& pem) const;

  const File certificate_;
  const File key_;
  const File client_ca_;
  std::string failure_;  // of the last Reload; empty: it went well
  mutable std::mutex mutex_;
  std::shared_ptr<const Pem> current_;  // guarded by mutex_
};

// Sets an OpenSSL context of a server up with it (TlsContexts does so). If there is a client_ca, clients are asked for
// a certificate: one that does not lead to it, or is out of date, ends the handshake, and none is fine. Sessions are
// not resumed then, so that each connection shows it anew. Throws std::runtime_error if a text is not what it must be.
void UsePem(const Tls::Pem& pem, ssl_ctx_st* context);

}  // namespace poold
