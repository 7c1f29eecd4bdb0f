#include "server/telemetry/tracing.h"

#include <opentelemetry/exporters/otlp/otlp_grpc_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_grpc_exporter_options.h>
#include <opentelemetry/sdk/common/global_log_handler.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/sdk/trace/batch_span_processor.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/exporter.h>
#include <opentelemetry/sdk/trace/samplers/always_off.h>
#include <opentelemetry/sdk/trace/samplers/always_on.h>
#include <opentelemetry/sdk/trace/samplers/parent.h>
#include <opentelemetry/sdk/trace/samplers/trace_id_ratio.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/sdk/trace/tracer_provider_factory.h>
#include <opentelemetry/trace/context.h>
#include <opentelemetry/trace/propagation/http_trace_context.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <utility>

#include "server/base/error.h"
#include "server/base/version.h"
#include "server/rpc/call.h"
#include "server/rpc/http_request.h"
#include "server/rpc/method.h"

namespace poold {
namespace {

namespace api = opentelemetry::trace;
namespace sdk = opentelemetry::sdk;
namespace nostd = opentelemetry::nostd;
using Steady = std::chrono::steady_clock;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

[[noreturn]] void RefuseVariable(const std::string& name, const std::string& must) {
  throw std::runtime_error(name + " must " + must);
}

template <typename Number>
Number NumberFrom(const char* name, Number otherwise, Number least, Number most, const std::string& must) {
  const std::string text = Variable(name);
  if (text.empty()) return otherwise;
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool possible = number >= least && number <= most;  // NaN is not
  if (problem != std::errc() || end != text.data() + text.size() || !possible) {
    RefuseVariable(name, must);
  }
  return number;
}

std::unique_ptr<sdk::trace::Sampler> SamplerOf(const TracingSettings& settings) {
  using namespace sdk::trace;  // NOLINT: many names, a few lines
  static constexpr std::string_view kParentBased = "parentbased_";
  std::string name = settings.sampler;
  const bool parent_based = name.starts_with(kParentBased);
  if (parent_based) name.erase(0, kParentBased.size());
  std::unique_ptr<Sampler> sampler;
  if (name == "always_on") {
    sampler = std::make_unique<AlwaysOnSampler>();
  } else if (name == "always_off") {
    sampler = std::make_unique<AlwaysOffSampler>();
  } else if (name == "traceidratio") {
    sampler = std::make_unique<TraceIdRatioBasedSampler>(settings.ratio);
  } else {
    RefuseVariable("OTEL_TRACES_SAMPLER",
                   "be always_on, always_off or traceidratio, or one of them behind parentbased_");
  }
  if (!parent_based) return sampler;
  return std::make_unique<ParentBasedSampler>(std::shared_ptr<Sampler>(std::move(sampler)));
}

// The library's own complaints, such as a collector that is away.
class LogToOurs final : public sdk::common::internal_log::LogHandler {
 public:
  void Handle(sdk::common::internal_log::LogLevel, const char*, int, const char* message,
              const sdk::common::AttributeMap&) noexcept override {
    if (message != nullptr) spdlog::warn("tracing: {}", message);
  }
};

// How long spans are still sent once the server has ended. An export that is under way by then may take its time-out on
// top (OTEL_EXPORTER_OTLP_TIMEOUT, 10 s).
constexpr std::chrono::seconds kLastExports{2};

// Counts what the collector did not take; and, once told to hurry, gives up with the first export that fails, and soon.
class CountingExporter final : public sdk::trace::SpanExporter {
 public:
  CountingExporter(std::unique_ptr<sdk::trace::SpanExporter> exporter, std::atomic<std::uint64_t>& dropped,
                   std::atomic<bool>& hurry)
      : exporter_(std::move(exporter)), dropped_(dropped), hurry_(hurry) {}

  std::unique_ptr<sdk::trace::Recordable> MakeRecordable() noexcept override { return exporter_->MakeRecordable(); }

  sdk::common::ExportResult Export(
      const nostd::span<std::unique_ptr<sdk::trace::Recordable>>& spans) noexcept override {
    auto result = sdk::common::ExportResult::kFailure;
    const std::size_t count = spans.size();
    if (hurry_ && !given_up_at_) given_up_at_ = Steady::now() + kLastExports;
    if (!given_up_at_ || (!failed_ && Steady::now() < *given_up_at_)) result = exporter_->Export(spans);
    failed_ = result != sdk::common::ExportResult::kSuccess;
    if (failed_) dropped_ += count;
    return result;
  }

  bool ForceFlush(std::chrono::microseconds timeout) noexcept override { return exporter_->ForceFlush(timeout); }
  bool Shutdown(std::chrono::microseconds timeout) noexcept override { return exporter_->Shutdown(timeout); }

 private:
  const std::unique_ptr<sdk::trace::SpanExporter> exporter_;
  std::atomic<std::uint64_t>& dropped_;
  std::atomic<bool>& hurry_;
  bool failed_ = false;  // the last one; exports come one at a time
  std::optional<Steady::time_point> given_up_at_;
};

// The library's, which says of a span for which there is no room only in its log, once for each.
class CountingProcessor final : public sdk::trace::BatchSpanProcessor {
 public:
  CountingProcessor(std::unique_ptr<sdk::trace::SpanExporter>&& exporter,
                    const sdk::trace::BatchSpanProcessorOptions& options, std::atomic<std::uint64_t>& dropped)
      : BatchSpanProcessor(std::move(exporter), options), dropped_(dropped) {}

  void OnEnd(std::unique_ptr<sdk::trace::Recordable>&& span) noexcept override {
    if (synchronization_data_->is_shutdown || !buffer_.Add(std::move(span))) {
      ++dropped_;
      return;
    }
    const std::size_t waiting = buffer_.size();
    if (waiting >= max_queue_size_ / 2 || waiting >= max_export_batch_size_) {
      synchronization_data_->is_force_wakeup_background_worker = true;
      synchronization_data_->cv.notify_one();
    }
  }

 private:
  std::atomic<std::uint64_t>& dropped_;
};

nostd::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// traceparent and tracestate of a call, as W3C Trace Context says: a traceparent that came several times counts as
// none, so that a new trace begins; a tracestate may come in several parts.
class HeadersOf final : public opentelemetry::context::propagation::TextMapCarrier {
 public:
  explicit HeadersOf(const Call& call) {
    const auto parents = call.HeaderValues("traceparent");
    if (parents.size() != 1) return;
    parent_ = parents.front();
    for (const std::string_view part : call.HeaderValues("tracestate")) {
      state_.append(state_.empty() ? "" : ",").append(part);
    }
  }
  bool HasParent() const { return !parent_.empty(); }
  nostd::string_view Get(nostd::string_view key) const noexcept override {
    if (key == "traceparent") return View(parent_);
    return key == "tracestate" ? View(state_) : nostd::string_view();
  }
  void Set(nostd::string_view, nostd::string_view) noexcept override {}

 private:
  std::string_view parent_;
  std::string state_;
};

// Of its own clock each; spans are placed by the wall clock and measured by the steady one.
class Clocks {
 public:
  api::StartSpanOptions Start(Steady::time_point when, api::SpanKind kind, const api::SpanContext& parent) const {
    api::StartSpanOptions options;
    options.start_steady_time = opentelemetry::common::SteadyTimestamp(when);
    options.start_system_time = opentelemetry::common::SystemTimestamp(
        wall_ - std::chrono::duration_cast<std::chrono::system_clock::duration>(steady_ - when));
    options.kind = kind;
    options.parent = parent;
    return options;
  }
  static api::EndSpanOptions End(Steady::time_point when) {
    api::EndSpanOptions options;
    options.end_steady_time = opentelemetry::common::SteadyTimestamp(when);
    return options;
  }

 private:
  const Steady::time_point steady_ = Steady::now();
  const std::chrono::system_clock::time_point wall_ = std::chrono::system_clock::now();
};

// Whether a server has to call it its own failure (semantic conventions, RPC and HTTP): what a caller did wrong is
// none.
bool IsServersFailure(const Error& error) { return error.http_status() >= 500; }

// Without the query, which may hold anything.
std::string PathOf(const HttpRequest& request) { return request.target.substr(0, request.target.find('?')); }

std::string_view NameOf(storage::WorkLog::Outcome outcome) {
  switch (outcome) {
    case storage::WorkLog::Outcome::kCommitted:
      return "committed";
    case storage::WorkLog::Outcome::kRolledBack:
      return "rolled_back";
    case storage::WorkLog::Outcome::kFailed:
      break;
  }
  return "failed";
}

}  // namespace

// What a traced call carries.
struct CallSpan {
  nostd::shared_ptr<api::Span> span;
};

TracingSettings TracingSettings::FromEnvironment() {
  TracingSettings settings;
  const std::string exporter = Variable("OTEL_TRACES_EXPORTER");
  const bool has_endpoint =
      !Variable("OTEL_EXPORTER_OTLP_ENDPOINT").empty() || !Variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").empty();
  if (exporter != "" && exporter != "otlp" && exporter != "none") {
    RefuseVariable("OTEL_TRACES_EXPORTER", "be otlp or none");
  }
  settings.on = Variable("OTEL_SDK_DISABLED") != "true" && (exporter == "otlp" || (exporter.empty() && has_endpoint));
  if (!settings.on) return settings;

  for (const char* name : {"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"}) {
    const std::string protocol = Variable(name);
    if (protocol != "" && protocol != "grpc")
      RefuseVariable(name, "be grpc, and the endpoint's port its (mostly 4317)");
  }
  for (const char* name : {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"}) {
    const std::string endpoint = Variable(name);
    if (endpoint != "" && !endpoint.starts_with("http://") && !endpoint.starts_with("https://")) {
      RefuseVariable(name, "be a URL such as http://collector:4317");
    }
  }
  const std::string propagators = Variable("OTEL_PROPAGATORS");
  settings.continue_traces = propagators.empty() || propagators.find("tracecontext") != std::string::npos;
  if (const std::string sampler = Variable("OTEL_TRACES_SAMPLER"); !sampler.empty()) settings.sampler = sampler;
  settings.ratio = NumberFrom("OTEL_TRACES_SAMPLER_ARG", 1.0, 0.0, 1.0, "be a share from 0 to 1, such as 0.01");
  settings.queue = NumberFrom<std::size_t>("OTEL_BSP_MAX_QUEUE_SIZE", settings.queue, 1, 1'000'000,
                                           "be a number of spans from 1 to 1000000");
  settings.batch = NumberFrom<std::size_t>("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", std::min(settings.batch, settings.queue),
                                           1, settings.queue, "be a number of spans up to OTEL_BSP_MAX_QUEUE_SIZE");
  settings.delay = std::chrono::milliseconds(NumberFrom<std::int64_t>(
      "OTEL_BSP_SCHEDULE_DELAY", settings.delay.count(), 1, 3'600'000, "be milliseconds from 1 to 3600000"));
  return settings;
}

class Tracing::Impl {
 public:
  Impl(const TracingSettings& settings, std::unique_ptr<sdk::trace::SpanExporter> exporter)
      : continue_traces_(settings.continue_traces) {
    auto sampler = SamplerOf(settings);
    sdk::trace::BatchSpanProcessorOptions options;
    options.max_queue_size = settings.queue;
    options.max_export_batch_size = settings.batch;
    options.schedule_delay_millis = settings.delay;
    auto counting = std::make_unique<CountingExporter>(std::move(exporter), dropped_, hurry_);
    // Of OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES the library knows by itself.
    const auto resource = sdk::resource::Resource::Create(
        Variable("OTEL_SERVICE_NAME").empty() &&
                Variable("OTEL_RESOURCE_ATTRIBUTES").find("service.name=") == std::string::npos
            ? sdk::resource::ResourceAttributes{{"service.name", "poold"}, {"service.version", std::string(Version())}}
            : sdk::resource::ResourceAttributes{{"service.version", std::string(Version())}});
    provider_ = sdk::trace::TracerProviderFactory::Create(
        std::make_unique<CountingProcessor>(std::move(counting), options, dropped_), resource, std::move(sampler));
    tracer_ = provider_->GetTracer("poold", View(Version()));
  }

  ~Impl() {
    hurry_ = true;
    provider_->Shutdown();
  }

  void Begin(Call& call) {
    api::SpanContext parent = api::SpanContext::GetInvalid();
    if (continue_traces_) {
      const HeadersOf headers(call);
      opentelemetry::context::Context context;
      if (headers.HasParent()) parent = api::GetSpan(propagator_.Extract(headers, context))->GetContext();
    }
    const Clocks clocks;
    auto span = tracer_->StartSpan(NameOf(call), clocks.Start(call.received(), api::SpanKind::kServer, parent));
    if (!span->IsRecording() && !parent.IsValid()) return;
    char id[32];
    span->GetContext().trace_id().ToLowerBase16(id);
    call.set_trace_id(std::string(id, sizeof(id)));
    if (span->IsRecording()) call.set_span(std::make_shared<CallSpan>(CallSpan{std::move(span)}));
  }

  void End(const Call& call, const Error* error) {
    if (call.span() == nullptr) return;
    const Clocks clocks;
    const auto now = Steady::now();
    api::Span& span = *call.span()->span;
    AddChildren(call, span.GetContext(), clocks);
    Describe(call, error, span);
    span.End(Clocks::End(now));
  }

  std::uint64_t dropped() const { return dropped_; }
  void Flush() { provider_->ForceFlush(); }

 private:
  // RPC: $package.$service/$method; HTTP: {method} {route}.
  static std::string NameOf(const Call& call) {
    if (const HttpRequest* http = call.http_request()) {
      return http->method + " " + PathOf(*http);
    }
    if (IsUnknown(call.method())) return std::string(call.method().name);
    static const std::vector<std::string> names = RpcNames();
    return names[call.method().index];
  }

  static std::vector<std::string> RpcNames() {
    std::vector<std::string> names;
    for (const Method& method : Methods()) {
      names.push_back(method.descriptor->service()->full_name() + "/" + std::string(method.name));
    }
    return names;
  }

  static void Describe(const Call& call, const Error* error, api::Span& span) {
    span.SetAttribute("rpc.method", View(call.method().name));
    if (const HttpRequest* http = call.http_request()) {
      const std::string path = PathOf(*http);
      span.SetAttribute("rpc.system", "aws-api");
      span.SetAttribute("rpc.service", "PinpointSMSVoiceV2");
      span.SetAttribute("http.request.method", http->method);
      span.SetAttribute("http.route", path);
      span.SetAttribute("url.path", path);
      span.SetAttribute("network.protocol.name", "http");
      span.SetAttribute("http.response.status_code", error == nullptr ? 200 : error->http_status());
    } else {
      span.SetAttribute("rpc.system", "grpc");
      if (!IsUnknown(call.method())) {
        span.SetAttribute("rpc.service", call.method().descriptor->service()->full_name());
      }
      span.SetAttribute("rpc.grpc.status_code",
                        static_cast<int>(error == nullptr ? grpc::StatusCode::OK : error->code()));
    }
    span.SetAttribute("aws.request_id", call.request_id());
    span.SetAttribute("poold.account", call.scope().account);
    span.SetAttribute("poold.region", call.scope().region);
    if (!call.principal().empty()) span.SetAttribute("poold.principal", call.principal());
    if (call.work_log().statements_left_out > 0) {
      span.SetAttribute("poold.statements_left_out", static_cast<std::int64_t>(call.work_log().statements_left_out));
    }
    if (error == nullptr) return;
    span.SetAttribute("error.type", View(error->exception()));
    if (!error->reason().empty()) span.SetAttribute("poold.reason", error->reason());
    if (IsServersFailure(*error)) {
      span.SetStatus(api::StatusCode::kError,
                     std::string(error->exception()) + (error->reason().empty() ? "" : " " + error->reason()));
    }
  }

  void AddChildren(const Call& call, const api::SpanContext& parent, const Clocks& clocks) {
    if (call.started() != Steady::time_point()) {
      tracer_->StartSpan("queue", clocks.Start(call.queued(), api::SpanKind::kInternal, parent))
          ->End(Clocks::End(call.started()));
    }
    int number = 0;
    for (const storage::WorkLog::Attempt& attempt : call.work_log().attempts) {
      auto span = tracer_->StartSpan("transaction", clocks.Start(attempt.began, api::SpanKind::kInternal, parent));
      span->SetAttribute("poold.attempt", ++number);
      span->SetAttribute("poold.outcome", View(poold::NameOf(attempt.outcome)));
      for (std::size_t i = attempt.first_statement; i < attempt.end_statement; ++i) {
        AddStatement(call.work_log().statements[i], span->GetContext(), clocks);
      }
      if (attempt.outcome == storage::WorkLog::Outcome::kFailed) span->SetStatus(api::StatusCode::kError);
      span->End(Clocks::End(attempt.ended));
    }
  }

  void AddStatement(const storage::WorkLog::Statement& statement, const api::SpanContext& parent,
                    const Clocks& clocks) {
    auto span = tracer_->StartSpan(View(statement.name), clocks.Start(statement.began, api::SpanKind::kClient, parent));
    span->SetAttribute("db.system.name", "postgresql");
    span->SetAttribute("db.query.summary", View(statement.name));
    if (!statement.ok) {
      const std::string type = statement.sqlstate.empty() ? "connection" : statement.sqlstate;
      if (!statement.sqlstate.empty()) span->SetAttribute("db.response.status_code", statement.sqlstate);
      span->SetAttribute("error.type", type);
      span->SetStatus(api::StatusCode::kError, type);
    }
    span->End(Clocks::End(statement.ended));
  }

  const bool continue_traces_;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> hurry_{false};
  api::propagation::HttpTraceContext propagator_;
  std::unique_ptr<sdk::trace::TracerProvider> provider_;
  nostd::shared_ptr<api::Tracer> tracer_;
};

std::unique_ptr<Tracing> Tracing::FromEnvironment() {
  const TracingSettings settings = TracingSettings::FromEnvironment();
  if (!settings.on) return nullptr;
  sdk::common::internal_log::GlobalLogHandler::SetLogHandler(
      nostd::shared_ptr<sdk::common::internal_log::LogHandler>(new LogToOurs));
  return std::make_unique<Tracing>(settings, opentelemetry::exporter::otlp::OtlpGrpcExporterFactory::Create(
                                                 opentelemetry::exporter::otlp::OtlpGrpcExporterOptions()));
}

Tracing::Tracing(const TracingSettings& settings, std::unique_ptr<sdk::trace::SpanExporter> exporter)
    : impl_(std::make_unique<Impl>(settings, std::move(exporter))) {}
Tracing::~Tracing() = default;

void Tracing::Begin(Call& call) const { impl_->Begin(call); }

void Tracing::End(const Call& call, const Error* error) const noexcept {
  try {
    impl_->End(call, error);
  } catch (...) {
    // A span that cannot be made must not cost the caller the answer.
  }
}

std::uint64_t Tracing::dropped() const { return impl_->dropped(); }
void Tracing::Flush() const { impl_->Flush(); }

}  // namespace poold
