#include "server/transport/http_routes.h"

#include <string>

#include "server/base/loopback.h"
#include "server/base/settings.h"
#include "server/rpc/call.h"
#include "server/rpc/header.h"
#include "server/transport/http_origin.h"

namespace poold {
namespace {

constexpr std::string_view kTargetPrefix = "PinpointSMSVoiceV2.";

const Method* MethodOf(std::string_view target) {
  if (!target.starts_with(kTargetPrefix)) return nullptr;
  const Method* method = FindMethod(target.substr(kTargetPrefix.size()));
  return method == nullptr || method->policy.extension() ? nullptr : method;
}

const Method* DevMethodAt(std::string_view path) {
  if (path == "/_poold/reset") return FindMethod("ResetAccount");
  return path == "/_poold/seed" ? FindMethod("SeedAccount") : nullptr;
}

HttpAnswer Liveness(ReadyState state) {
  return IsAlive(state) ? MakeAnswer(HttpStatus::ok, "text/plain", "ok\n")
                        : MakeAnswer(HttpStatus::service_unavailable, "text/plain",
                                     "not alive: the gRPC endpoint no longer answers\n");
}

HttpAnswer Readiness(ReadyState state) {
  return MakeAnswer(state == ReadyState::kReady ? HttpStatus::ok : HttpStatus::service_unavailable, "text/plain",
                    std::string(SentenceOf(state)) + "\n");
}

// A request that a browser sent for a page that may not call.
std::optional<HttpRefusal> RefusalOfOrigin(const HttpRequest& request, const HttpSettings& settings,
                                           const Service& service) {
  const OriginRules rules{.callers_trusted = service.access == nullptr,
                          .on_loopback = IsLoopback(settings.listen),
                          .origins = settings.origins};
  const auto refusal = RefusalOf([&] { CheckOrigin(request, rules); });
  if (!refusal) return std::nullopt;
  if (refusal->fault() != Fault::kAccessDenied) return HttpRefusal{*refusal};
  return HttpRefusal{*refusal, HttpStatus::forbidden, RefusalCause::kAccessDenied};
}

// Of `POST /` and of what else is sent to that path.
HttpRoute OperationOf(const HttpRequest& request) {
  std::optional<std::string_view> target;
  if (request.method == "POST") {
    const auto refusal = RefusalOf([&] { target = HeaderOf(request, "x-amz-target"); });
    if (refusal) return HttpRefusal{*refusal};
  }
  if (const Method* method = MethodOf(target.value_or(""))) return method;
  std::string sentence = "Name an operation of this service: POST / with X-Amz-Target: ";
  sentence.append(kTargetPrefix).append("<Operation>");
  return HttpRefusal{Error::FrontEnd(Fault::kUnknownTarget, sentence)};
}

}  // namespace

HttpRoute RouteOf(const HttpRequest& request, const HttpSettings& settings, const Service& service) {
  const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  const Method* dev_method = service.settings.dev && request.method == "POST" ? DevMethodAt(path) : nullptr;
  // A page in somebody's browser can post there without asking. No page has a reason to, whatever its origin.
  if (dev_method != nullptr && !HeaderValues(request, "origin").empty()) {
    return HttpRefusal{Error::AccessDenied("Pages of other sites may not do this"), HttpStatus::unknown,
                       RefusalCause::kAccessDenied};
  }
  if (const auto refusal = RefusalOfOrigin(request, settings, service)) return *refusal;
  if (dev_method != nullptr) return dev_method;

  const bool get = request.method == "GET" || request.method == "HEAD";
  if (get && path == "/healthz") return Liveness(service.ready_state);
  if (get && path == "/readyz") return Readiness(service.ready_state);
  if (get && path == "/metrics") {
    return MakeAnswer(HttpStatus::ok, Metrics::kContentType, service.metrics.Text());
  }
  if (path == "/") return OperationOf(request);
  return HttpRefusal{Error::FrontEnd(Fault::kUnknownTarget, "There is nothing at this path; operations are at POST /"),
                     HttpStatus::not_found};
}

}  // namespace poold
