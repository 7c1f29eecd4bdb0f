#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "server/call.h"
#include "server/page_token.h"
#include "server/periodic.h"

namespace poold {

// Watches the database and says whether calls can be served: not before the schema is one that this build knows, and
// not while the database doesn't answer. Looks once a second; a single failed look does not count, so that a hiccup
// does not take the server out of its clients' rotation.
class Readiness {
 public:
  // `report` is told each change, on the watching thread; the first is true as soon as the server can serve. Sets
  // service.page_tokens before that. `service` must outlive it.
  Readiness(Service& service, std::function<void(bool)> report);

  // Reports nothing any more.
  void Stop() { watch_.Stop(); }

 private:
  std::chrono::milliseconds Look(const std::stop_token& stop);
  bool Answers(const std::stop_token& stop);

  static constexpr int kFailuresThatCount = 2;

  Service& service_;
  std::function<void(bool)> report_;
  std::optional<PageTokens> page_tokens_;
  std::string last_advice_;
  int failures_ = 0;
  bool serving_ = false;
  Periodic watch_;
};

}  // namespace poold
