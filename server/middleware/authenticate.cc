#include "server/middleware/authenticate.h"

#include "server/base/arn.h"
#include "server/base/regions.h"
#include "server/base/settings.h"
#include "server/base/text.h"
#include "server/base/world.h"
#include "server/middleware/access.h"
#include "server/middleware/sigv4.h"
#include "server/rpc/http_request.h"

namespace poold {
namespace {

constexpr std::string_view kService = "sms-voice";

// The region of x-region, else the configured one. Throws Error unless this deployment has it.
std::string NamedRegion(const Call& call) {
  const ApiSettings& settings = call.settings();
  std::string region(call.Header("x-region").value_or(settings.default_region));
  if (HasRegion(settings, region)) return region;
  throw Error::Invalid(reason::kInvalidParameter, "x-region", RegionRule(settings));
}

// The region that a request is signed for. Throws Error, as AWS does, unless this deployment has it.
std::string SignedRegion(const Call& call, std::string_view region) {
  if (HasRegion(call.settings(), region)) return std::string(region);
  throw Error::FrontEnd(Fault::kInvalidSignature, "Credential should be scoped to a valid region, not '" +
                                                      Printable(region, 64) + "': it " + RegionRule(call.settings()));
}

// The account that an access key id means: itself, or the default account's for a key that is no account at all.
std::string_view AccountOf(std::string_view access_key_id, const Call& call) {
  if (IsAccount(access_key_id)) return access_key_id;
  if (LooksLikeAccount(access_key_id)) {
    throw Error::FrontEnd(
        Fault::kUnrecognizedClient,
        "An access key id of digits is an account and has 12 of them, not '" + Printable(access_key_id, 64) + "'");
  }
  return call.settings().default_account;
}

storage::Scope ClaimedScope(const Call& call) {
  const HttpRequest* request = call.http_request();
  const auto authorization = request == nullptr ? std::nullopt : ReadAuthorization(*request);
  std::string account = call.settings().default_account;
  if (const auto named = call.Header("x-account-id")) {
    account = *named;
  } else if (authorization) {
    account = AccountOf(authorization->access_key_id, call);
  }
  if (!IsAccount(account)) throw Error::Invalid(reason::kInvalidParameter, "x-account-id", "must be 12 digits");
  if (authorization && !call.Header("x-region")) return {account, SignedRegion(call, authorization->region)};
  return {account, NamedRegion(call)};
}

// Who calls, and the region if that was proven with it.
struct Caller {
  const Principal* principal = nullptr;
  std::string region;
};

// Credentials were given, but they are unknown or contradict each other.
Error Unrecognized(const Call& call, const std::string& message) {
  return call.http_request() == nullptr ? Error::Unauthenticated(message)
                                        : Error::FrontEnd(Fault::kUnrecognizedClient, message);
}

// Nothing was shown.
Error Missing(const Call& call) {
  if (call.http_request() == nullptr) {
    return Error::Unauthenticated("Say who calls: metadata `authorization: Bearer <key>`, or a client certificate");
  }
  return Error::FrontEnd(Fault::kMissingAuthentication,
                         "The request must be signed: it has no Authorization header (presigned URLs are not taken)");
}

// Whether a request's body is here, and its signature can be checked.
enum class Body { kRead, kNotRead };

Caller BySignature(const Call& call, const Access& access, Body body) {
  const HttpRequest& request = *call.http_request();
  const auto authorization = ReadAuthorization(request);
  if (!authorization) return {};
  const AccessKey* key = access.FindAccessKey(authorization->access_key_id);
  if (key == nullptr) {
    throw Error::FrontEnd(Fault::kUnrecognizedClient, "Nobody has the access key that the request is signed with");
  }
  if (body == Body::kRead) {
    CheckSignature(request, *authorization, key->secret, kService, call.world().Now());
  } else {
    CheckSignatureHeaders(request, *authorization, kService, call.world().Now());
  }
  return {key->principal, std::string(authorization->region)};
}

Caller ByBearerKey(const Call& call, const Access& access) {
  const auto authorization = call.Header("authorization");
  if (!authorization) return {};
  constexpr std::size_t kScheme = std::string_view("Bearer ").size();
  if (LowerCase(authorization->substr(0, kScheme)) != "bearer ") {
    throw Error::Unauthenticated("The metadata authorization must be `Bearer <key>`");
  }
  const Principal* principal = access.FindBearerKey(authorization->substr(kScheme));
  if (principal == nullptr) throw Error::Unauthenticated("Nobody has the bearer key that the call shows");
  return {principal, {}};
}

Caller ByCertificate(const Call& call, const Access& access) {
  Caller caller;
  for (const std::string& name : call.CertificateNames()) {
    const Principal* principal = access.FindCertificate(name);
    if (principal == nullptr) continue;
    if (caller.principal != nullptr && caller.principal != principal) {
      throw Unrecognized(call, "The client certificate has names of more than one principal");
    }
    caller.principal = principal;
  }
  return caller;
}

Caller CallerOf(const Call& call, const Access& access, Body body) {
  const Caller by_certificate = ByCertificate(call, access);
  const Caller by_key = call.http_request() != nullptr ? BySignature(call, access, body) : ByBearerKey(call, access);
  if (by_key.principal == nullptr && by_certificate.principal == nullptr) {
    if (call.CertificateNames().empty()) throw Missing(call);
    throw Unrecognized(call, "Nobody has the client certificate's names, and the call shows no key");
  }
  if (by_key.principal == nullptr) return by_certificate;
  if (by_certificate.principal != nullptr && by_certificate.principal != by_key.principal) {
    throw Unrecognized(call, "The key and the client certificate are not of the same principal");
  }
  return by_key;
}

// The region that the caller means, if it may call there. Of a signed request it is the one that was signed: x-region
// was not.
std::string ProvenRegion(const Call& call, const Caller& caller) {
  std::string region = caller.region.empty() ? NamedRegion(call) : SignedRegion(call, caller.region);
  const auto& allowed = caller.principal->regions;
  if (!allowed.empty() && !allowed.contains(region)) {
    throw Error::AccessDenied("This caller may not call in the region " + region);
  }
  return region;
}

storage::Scope ProvenScope(const Call& call, const Caller& caller) {
  const std::string& account = caller.principal->account;
  if (caller.region.empty() && call.Header("x-account-id").value_or(account) != account) {
    throw Error::AccessDenied("x-account-id is not this caller's account; it may be left out");
  }
  return {account, ProvenRegion(call, caller)};
}

}  // namespace

void Authenticate(Call& call) {
  const AccessFile* file = call.service().access;
  if (file == nullptr) return call.set_scope(ClaimedScope(call));
  const auto access = file->current();
  const Caller caller = CallerOf(call, *access, Body::kRead);
  call.set_scope(ProvenScope(call, caller));
  call.set_principal(caller.principal->name);
  call.set_rights({access, &caller.principal->rights});
}

void CheckCredentials(const Call& call) {
  const AccessFile* file = call.service().access;
  if (file == nullptr) {
    ClaimedScope(call);
    return;
  }
  const auto access = file->current();
  ProvenScope(call, CallerOf(call, *access, Body::kNotRead));
}

}  // namespace poold
