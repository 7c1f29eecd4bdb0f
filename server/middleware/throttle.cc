#include "server/middleware/throttle.h"

#include "server/config.h"
#include "server/method.h"
#include "server/rate_limiter.h"
#include "server/world.h"

namespace poold {
namespace {

double RateOf(const Throttling& throttling, const Method& method) {
  if (throttling.kind == Throttling::Kind::kRate) return throttling.calls_per_second;
  return method.policy.has_calls_per_second() ? method.policy.calls_per_second() : 1;
}

}  // namespace

void Throttle(Call& call) {
  const Throttling& throttling = call.settings().throttling;
  if (throttling.kind == Throttling::Kind::kOff) return;
  const auto wait = call.service().rate_limiter.Take(call.scope().account, call.scope().region, call.method().name,
                                                     RateOf(throttling, call.method()), call.world().Now());
  if (wait) throw Error::Throttled(*wait);
}

}  // namespace poold
