#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "server/base/page_token.h"
#include "server/base/periodic.h"
#include "server/rpc/call.h"
#include "server/rpc/ready_state.h"
#include "storage/postgres/bounds.h"

namespace poold {

// Watches the database and says whether calls can be served: not before the schema is one that this build knows, not
// while the database doesn't answer, and not while the gRPC endpoint doesn't. Looks once a second; a single failed look
// does not count, so that a hiccup does not take the server out of its clients' rotation.
class Readiness {
 public:
  // Returns when the first look has ended, or after kFirstLook: so whoever takes calls from then on knows whether they
  // can be served. Sets service.ready_state and service.page_tokens. `grpc_answers`: what a SelfCheck has found. Both
  // must outlive it.
  Readiness(Service& service, const std::atomic<bool>& grpc_answers);

  // From now on `report` is told of each change between serving and not serving, on the watching thread; the first is
  // that calls can be served. Once.
  void Report(std::function<void(bool serving)> report);

  // Looks and reports no more; the state is kStopping. Again is harmless.
  void Stop();

 private:
  // What a look found; `advice` is for the log.
  struct Found {
    ReadyState state;
    std::string advice;
  };

  std::chrono::milliseconds Look(const std::stop_token& stop);
  Found Ask(const std::stop_token& stop);
  bool WaitForListener(const std::stop_token& stop);
  // What is done once, when the schema is there. Returns what keeps the server from serving; empty if nothing does.
  std::string Prepare(const storage::Bounds& bounds);

  static constexpr int kFailuresThatCount = 2;
  // A look ends after two seconds; only the look-up of the database's host name can take longer.
  static constexpr std::chrono::milliseconds kFirstLook{3000};

  Service& service_;
  const std::atomic<bool>& grpc_answers_;
  std::optional<PageTokens> page_tokens_;
  std::string last_advice_;
  int failures_ = 0;
  bool serving_ = false;
  bool reported_ = false;  // what was reported last

  std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  bool looked_ = false;
  std::function<void(bool)> report_;

  Periodic watch_;  // last: ends before what it uses
};

}  // namespace poold
