#include "server/middleware/authenticate.h"

#include "server/access.h"
#include "server/arn.h"
#include "server/config.h"
#include "server/http_request.h"
#include "server/middleware/sigv4.h"
#include "server/world.h"

namespace poold {
namespace {

constexpr std::string_view kService = "sms-voice";

Scope ClaimedScope(const Call& call) {
  Scope scope{call.settings().default_account, call.settings().default_region};
  if (const HttpRequest* request = call.http_request()) {
    if (const auto authorization = ReadAuthorization(*request)) {
      if (IsAccount(authorization->access_key_id)) scope.account = authorization->access_key_id;
      scope.region = authorization->region;
    }
  }
  if (const auto account = call.Header("x-account-id")) scope.account = *account;
  if (const auto region = call.Header("x-region")) scope.region = *region;
  if (!IsAccount(scope.account)) throw Error::Invalid(reason::kInvalidParameter, "x-account-id", "must be 12 digits");
  if (!IsRegion(scope.region)) {
    throw Error::Invalid(reason::kInvalidParameter, "x-region", "must be a region's name, such as us-east-1");
  }
  return scope;
}

Scope ProvenScope(const Call& call, const Access& access) {
  const HttpRequest* request = call.http_request();
  if (request == nullptr) {
    throw Error::Unauthenticated("This server has an access file, and a gRPC call cannot show who it is from");
  }
  const auto authorization = ReadAuthorization(*request);
  if (!authorization) {
    throw Error::FrontEnd(Fault::kMissingAuthentication,
                          "The request must be signed: it has no Authorization header (presigned URLs are not taken)");
  }
  const AccessKey* key = access.FindAccessKey(authorization->access_key_id);
  if (key == nullptr) {
    throw Error::FrontEnd(Fault::kUnrecognizedClient, "Nobody has the access key that the request is signed with");
  }
  CheckSignature(*request, *authorization, key->secret, kService, call.world().Now());
  return {key->principal->account, std::string(authorization->region)};
}

}  // namespace

void Authenticate(Call& call) {
  const AccessFile* file = call.service().access;
  call.set_scope(file == nullptr ? ClaimedScope(call) : ProvenScope(call, *file->current()));
}

}  // namespace poold
