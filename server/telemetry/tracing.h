#pragma once

// Traces of calls, by OpenTelemetry: a span of kind SERVER for each sampled call, by the semantic conventions for RPC
// and HTTP, with children for its wait in the queue, each attempt of a transaction and each statement (kind CLIENT, by
// the conventions for databases, with the statement's name and never its values). No attribute holds a phone number.
//
// What a call did is written down while it runs (storage/values/work_log.h), and its spans are made of that when it
// ends: so a call that is not sampled costs the decision and nothing else.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace opentelemetry {
inline namespace v1 {
namespace sdk::trace {
class SpanExporter;
}
}  // namespace v1
}  // namespace opentelemetry

namespace poold {

class Call;
class Error;

// What the standard variables say (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
struct TracingSettings {
  bool on = false;
  std::string sampler = "parentbased_always_on";
  double ratio = 1;                       // of the samplers that take one
  std::size_t queue = 2048;               // spans that wait for the collector; more are dropped and counted
  std::size_t batch = 512;                // of one export
  std::chrono::milliseconds delay{5000};  // between exports
  bool continue_traces = true;            // of callers, by traceparent

  // Tracing is on if OTEL_TRACES_EXPORTER is otlp or there is an OTEL_EXPORTER_OTLP_ENDPOINT (or ..._TRACES_ENDPOINT),
  // unless OTEL_SDK_DISABLED is true. Throws std::runtime_error with a sentence for what we cannot do.
  static TracingSettings FromEnvironment();
};

// Thread-safe.
class Tracing {
 public:
  // Exports by OTLP over gRPC, as the OTEL_EXPORTER_OTLP_* variables say, from a thread of its own. nullptr: off.
  static std::unique_ptr<Tracing> FromEnvironment();

  Tracing(const TracingSettings& settings, std::unique_ptr<opentelemetry::sdk::trace::SpanExporter> exporter);

  // Sends what is still queued, for two seconds at most and unless the collector is away; an export that is under way
  // may take its time-out on top.
  ~Tracing();

  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;

  // Decides whether the call is traced, and with which trace; call.trace_id() then tells.
  void Begin(Call& call) const;

  // The call has been answered: makes its spans. Never blocks.
  void End(const Call& call, const Error* error) const noexcept;

  // Spans that were lost: the queue was full, or the collector didn't take them.
  std::uint64_t dropped() const;

  // Waits until all that ended was exported, for tests.
  void Flush() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace poold
