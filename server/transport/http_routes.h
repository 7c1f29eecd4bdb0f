#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "server/base/error.h"
#include "server/rpc/http_request.h"
#include "server/rpc/method.h"
#include "server/telemetry/metrics.h"
#include "server/transport/http_answer.h"

namespace poold {

struct HttpSettings;
struct Service;

// A refusal of a request that doesn't become a call.
struct HttpRefusal {
  Error error;
  HttpStatus status = HttpStatus::unknown;  // unknown: the error's own
  RefusalCause cause = RefusalCause::kUnreadable;
};

// What becomes of a request: it is a call of a method, or it is answered or refused at once.
using HttpRoute = std::variant<const Method*, HttpAnswer, HttpRefusal>;

// Where a request belongs, by its method, its path and its headers: the body is not looked at. Any thread.
HttpRoute RouteOf(const HttpRequest& request, const HttpSettings& settings, const Service& service);

}  // namespace poold
