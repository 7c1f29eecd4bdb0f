#pragma once

// What Prometheus reads at GET /metrics of the HTTP door. Names and labels are listed in docs/telemetry.md, which a
// test holds against what is really there.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/rpc/ready_state.h"
#include "storage/values/stats.h"

namespace poold {

class Call;
class Error;

// Why a call was refused before it had any effect.
enum class RefusalCause {
  kNotReady,
  kUnauthenticated,
  kAccessDenied,
  kThrottled,
  kQueueFull,
  kTooLate,     // its deadline passed, or its caller went away, while it waited
  kUnreadable,  // not a message of that kind
  kInvalid,     // breaks a rule of its own
  kConnections  // not a call yet: a connection too many
};

// Thread-safe; the counting functions don't block but for a mutex held for nanoseconds. Must outlive its
// callers.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void Began();                                // a call came in
  void Ended(const Call& call, const Error*);  // and was answered; nullptr: well
  void Refused(RefusalCause cause);
  void Waited(std::chrono::nanoseconds time);  // for a worker, in the queue
  void Statement(std::string_view name, std::chrono::nanoseconds took);
  // A gRPC connection was cut, by a short name of why. 0 connections: the series exists from now on, so that alerts see
  // it rise.
  void ConnectionCut(std::string_view cause, int connections = 1);

  // What is looked at when it is asked for.
  struct Sources {
    std::function<storage::DatabaseStats()> database;
    std::function<std::size_t()> queue_length;
    std::function<std::uint64_t()> spans_dropped;
    std::function<ReadyState()> ready_state;
  };
  // Each scrape asks them from now on. They must not be gone before the last.
  void Watch(Sources sources);

  // All of it in the text format of Prometheus. Takes milliseconds.
  std::string Text() const;

  static constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace poold
