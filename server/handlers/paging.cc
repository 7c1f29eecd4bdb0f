#include "server/handlers/paging.h"

#include "server/base/fingerprint.h"
#include "server/base/page_token.h"
#include "server/rpc/method.h"

namespace poold {
namespace {

// What a token of this listing is bound to.
std::string ScopeOf(const Call& call) {
  return std::string(call.method().name) + "/" + call.scope().account + "/" + call.scope().region + "/" +
         Fingerprint(call.request(), {"max_results", "next_token"});
}

}  // namespace

Page RequirePage(const Call& call) {
  const auto& request = call.request();
  const auto* reflection = request.GetReflection();
  const Method& method = call.method();

  Page page;
  if (reflection->HasField(request, method.max_results)) {
    page.limit = reflection->GetInt32(request, method.max_results);
  }
  if (reflection->HasField(request, method.next_token)) {
    auto after =
        call.service().page_tokens.load()->Open(ScopeOf(call), reflection->GetString(request, method.next_token));
    if (!after) {
      throw Error::Invalid(reason::kInvalidNextToken, "nextToken",
                           "must be a token that this operation answered to the same request");
    }
    page.after = *std::move(after);
  }
  return page;
}

std::string NextToken(const Call& call, const std::vector<std::string>& last) {
  return call.service().page_tokens.load()->Seal(ScopeOf(call), last);
}

std::string PositionPart(storage::Time time) { return std::to_string(time.time_since_epoch().count()); }

storage::Time TimeFromPart(const std::string& part) {
  return storage::Time(std::chrono::milliseconds(std::stoll(part)));
}

}  // namespace poold
