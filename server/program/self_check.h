#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "server/base/periodic.h"

struct ssl_ctx_st;

namespace poold {

// Connects to this process's own gRPC endpoint again and again, and says when it no longer answers: an endpoint that
// has stopped to accept connections looks well from inside, and only a restart helps.
//
// The endpoint answers if anything comes back: the SETTINGS with which HTTP/2 begins, or the end of the connection,
// since an endpoint that has as many connections as it may turns further ones away at once. So a flood, even one from
// this machine, does not look like a failure. It does not answer if the connection is refused or nothing comes in time.
// If this process has no socket or port left to ask with, the check says nothing.
class SelfCheck {
 public:
  struct Options {
    std::string address = {};  // HOST:PORT where it listens. All addresses (0.0.0.0, [::]) are asked by loopback
    bool tls = false;          // its certificate may be any
    std::chrono::milliseconds pause{5000};     // from one check to the next
    std::chrono::milliseconds patience{5000};  // for each step of a check
  };

  // Checks in a thread of its own from now on. `report` is told there of each change; until the first one the endpoint
  // is taken to answer. Throws std::runtime_error if OpenSSL cannot make a client.
  SelfCheck(Options options, std::function<void(bool answers)> report);

  // Ends a check that runs, and reports no more. Again is harmless.
  void Stop() { checks_.Stop(); }

  // So many checks in a row without an answer count: a machine without a moment's time must not look like a failure.
  static constexpr int kFailuresThatCount = 3;

 private:
  std::chrono::milliseconds Check(const std::stop_token& stop);

  const Options options_;
  const std::function<void(bool)> report_;
  const std::shared_ptr<ssl_ctx_st> tls_;  // nullptr: no TLS
  int failures_ = 0;
  bool answers_ = true;  // what was reported last
  Periodic checks_;      // last: ends before what it uses
};

}  // namespace poold
