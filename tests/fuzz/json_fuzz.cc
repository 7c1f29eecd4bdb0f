// Bodies of the AWS JSON door: the first byte picks the operation, the rest is the body. What can be read can be
// written, and read again as the same; the rules judge it whatever it is.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/base/error.h"
#include "server/middleware/validate.h"
#include "server/rpc/method.h"
#include "server/transport/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace poold;  // NOLINT
  if (size == 0) return 0;
  const Method& method = Methods()[data[0] % Methods().size()];
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);

  const auto request = method.NewRequest();
  try {
    FromAwsJson(body, *request);
  } catch (const Error& error) {
    if (error.fault() != Fault::kSerialization && error.fault() != Fault::kInvalid) std::abort();
    if (ToAwsJson(error, "id").empty()) std::abort();
    return 0;
  }
  try {
    CheckRules(*request);
  } catch (const Error&) {
    return 0;  // an unknown enum value among others, which has no text to write
  }
  const std::string written = ToAwsJson(*request);
  const auto again = method.NewRequest();
  try {
    FromAwsJson(written, *again);
  } catch (const Error&) {
    // Only this: an empty list that may not be given as such.
    return 0;
  }
  if (again->SerializeAsString() != request->SerializeAsString()) std::abort();
  return 0;
}
