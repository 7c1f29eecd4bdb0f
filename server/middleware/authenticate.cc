#include "server/middleware/authenticate.h"

#include <algorithm>

#include "server/config.h"

namespace poold {
namespace {

bool IsAccount(std::string_view text) {
  return text.size() == 12 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool IsRegion(std::string_view text) {
  return !text.empty() && text.size() <= 32 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace

void Authenticate(Call& call) {
  const std::string_view account = call.Header("x-account-id").value_or(call.settings().default_account);
  if (!IsAccount(account)) throw Error::Invalid(reason::kInvalidParameter, "x-account-id", "must be 12 digits");
  const std::string_view region = call.Header("x-region").value_or(call.settings().default_region);
  if (!IsRegion(region)) {
    throw Error::Invalid(reason::kInvalidParameter, "x-region", "must be a region's name, such as us-east-1");
  }
  call.set_scope({std::string(account), std::string(region)});
}

}  // namespace poold
