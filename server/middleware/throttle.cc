#include "server/middleware/throttle.h"

#include <optional>

#include "server/base/limits.h"
#include "server/base/settings.h"
#include "server/base/world.h"
#include "server/middleware/rate_limiter.h"
#include "server/rpc/method.h"

namespace poold {
namespace {

// How often the call's account may call its operation; nullopt: as often as it likes.
std::optional<double> CallsPerSecond(const Call& call) {
  const Throttling& throttling = call.settings().throttling;
  const auto& policy = call.method().policy;
  switch (throttling.kind) {
    case Throttling::Kind::kOff:
      break;
    case Throttling::Kind::kAuto:
      return call.service().access == nullptr ? std::nullopt : std::optional(limits::kCallsPerSecond);
    case Throttling::Kind::kAws:
      return policy.has_calls_per_second() ? policy.calls_per_second() : 1;
    case Throttling::Kind::kRate:
      return throttling.calls_per_second;
  }
  return std::nullopt;
}

}  // namespace

void Throttle(Call& call) {
  const auto rate = CallsPerSecond(call);
  if (!rate) return;
  const auto wait =
      call.service().rate_limiter.Take(call.scope().account, call.method().name, *rate, call.world().Now());
  if (wait) throw Error::Throttled(*wait);
}

}  // namespace poold
