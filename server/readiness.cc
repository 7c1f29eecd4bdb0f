#include "server/readiness.h"

#include <spdlog/spdlog.h>

#include "storage/database.h"
#include "storage/migrate.h"
#include "storage/secrets.h"

namespace poold {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPause{1000};
constexpr milliseconds kPauseUntilReady{100};
constexpr milliseconds kPatience{2000};

}  // namespace

Readiness::Readiness(Service& service, std::function<void(bool)> report)
    : service_(service),
      report_(std::move(report)),
      watch_([this](const std::stop_token& stop) { return Look(stop); }) {}

milliseconds Readiness::Look(const std::stop_token& stop) {
  const bool answers = Answers(stop);
  failures_ = answers ? 0 : failures_ + 1;
  const bool serving = answers || (serving_ && failures_ < kFailuresThatCount);
  if (serving != serving_ && !stop.stop_requested()) {
    serving_ = serving;
    if (!serving) spdlog::warn("not serving: {}", last_advice_);
    if (serving) last_advice_.clear();
    report_(serving);
  }
  return serving_ ? kPause : kPauseUntilReady;
}

bool Readiness::Answers(const std::stop_token& stop) {
  std::string advice;
  try {
    const Bounds bounds{std::chrono::steady_clock::now() + kPatience, stop};
    const SchemaStatus schema = CheckSchema(service_.database, bounds);
    if (schema.usable()) {
      if (!page_tokens_) {
        service_.database.Run(Database::Mode::kRead, bounds,
                              [&](Transaction& tx) { page_tokens_.emplace(RequireSecret(tx, kPageTokenKey)); });
        service_.page_tokens = &*page_tokens_;
      }
      return true;
    }
    advice = schema.advice;
  } catch (const std::exception& failure) {
    advice = failure.what();
  }
  if (advice != last_advice_ && !stop.stop_requested()) spdlog::warn("the database is not ready: {}", advice);
  last_advice_ = advice;
  return false;
}

}  // namespace poold
