#pragma once

#include <chrono>
#include <string>
#include <vector>

struct ssl_st;

namespace poold {

// What a client's certificate says about who calls. Empty names: the client has shown none.
struct ClientCertificate {
  // Subject alternative names (URI and DNS), as Call::CertificateNames gives them: "uri:spiffe://example.org/billing".
  std::vector<std::string> names;
  // From then on it says nothing any more. Connections may last longer than certificates, so each call asks anew.
  std::chrono::system_clock::time_point not_after;

  // The names that count at this moment: none from not_after on.
  std::vector<std::string> NamesAt(std::chrono::system_clock::time_point now) const;
};

// The certificate that the client has shown and the handshake has verified. Its not_after is the earliest of its own
// and of the certificates that lead from it to the authority: after any of them a new handshake would fail as well.
ClientCertificate CertificateOf(const ssl_st* connection);

}  // namespace poold
