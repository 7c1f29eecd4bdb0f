#include "server/transport/client_certificate.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>

namespace poold {
namespace {

using std::chrono::system_clock;

std::vector<std::string> NamesOf(const X509* certificate) {
  std::vector<std::string> names;
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  if (!alternatives) return names;
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type != GEN_URI && name->type != GEN_DNS) continue;
    const ASN1_IA5STRING* text = name->type == GEN_URI ? name->d.uniformResourceIdentifier : name->d.dNSName;
    names.push_back((name->type == GEN_URI ? "uri:" : "dns:") +
                    std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                static_cast<std::size_t>(ASN1_STRING_length(text))));
  }
  return names;
}

// Certificates may be dated to the year 9999: further than a count of nanoseconds goes.
constexpr std::time_t kFarAway = 4'102'444'800;  // 2100-01-01

// The beginning of time if the date cannot be read.
system_clock::time_point EndOf(const X509* certificate) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return {};
  return system_clock::from_time_t(std::min(timegm(&parts), kFarAway));
}

}  // namespace

std::vector<std::string> ClientCertificate::NamesAt(system_clock::time_point now) const {
  return now < not_after ? names : std::vector<std::string>();
}

ClientCertificate CertificateOf(const ssl_st* connection) {
  ClientCertificate shown;
  const X509* certificate = SSL_get0_peer_certificate(connection);
  if (certificate == nullptr || SSL_get_verify_result(connection) != X509_V_OK) return shown;
  shown.names = NamesOf(certificate);
  shown.not_after = EndOf(certificate);
  const STACK_OF(X509)* chain = SSL_get0_verified_chain(connection);
  for (int i = 0; i < sk_X509_num(chain); ++i)
    shown.not_after = std::min(shown.not_after, EndOf(sk_X509_value(chain, i)));
  return shown;
}

}  // namespace poold
