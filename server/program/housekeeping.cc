#include "server/program/housekeeping.h"

#include <spdlog/spdlog.h>

#include "server/base/limits.h"
#include "server/base/settings.h"
#include "server/base/world.h"
#include "storage/client_tokens.h"
#include "storage/opted_out_numbers.h"
#include "storage/phone_numbers.h"
#include "storage/pools.h"
#include "storage/postgres/database.h"

namespace poold {
namespace {

using std::chrono::milliseconds;

constexpr int kBatch = 500;
constexpr milliseconds kPatience{5000};
constexpr milliseconds kPause{60'000};
constexpr milliseconds kPauseWithDelays{200};  // the delays are short when somebody sets them
constexpr milliseconds kPauseAfterFullBatch{10};

}  // namespace

Housekeeping::Housekeeping(Service& service)
    : service_(service), work_([this](const std::stop_token& stop) { return Work(stop); }) {}

milliseconds Housekeeping::Work(const std::stop_token& stop) {
  if (service_.page_tokens.load() == nullptr) return kPauseWithDelays;  // no schema yet
  const ApiSettings& settings = service_.settings;
  std::int64_t greatest = 0;
  // Each by itself: what fails waits for the next round and holds up nothing else.
  const auto batch = [&](auto&& work) {
    try {
      service_.database.Run(storage::Database::Mode::kWrite, {std::chrono::steady_clock::now() + kPatience, stop},
                            [&](storage::Transaction& tx) { greatest = std::max<std::int64_t>(greatest, work(tx)); });
    } catch (const std::exception& failure) {
      if (!stop.stop_requested()) spdlog::warn("housekeeping: {}", failure.what());
    }
  };
  const storage::Time now = service_.world.Now();
  batch(
      [&](storage::Transaction& tx) { return storage::PurgeClientTokens(tx, now - limits::kClientTokenLife, kBatch); });
  batch([&](storage::Transaction& tx) { return storage::PurgeOptIns(tx, now - limits::kOptInPause, kBatch); });
  batch([&](storage::Transaction& tx) { return storage::PurgeNumbersOfDeletedLists(tx, kBatch); });
  batch([&](storage::Transaction& tx) {
    return storage::ActivatePhoneNumbers(tx, now - settings.number_activation_delay, kBatch);
  });
  batch([&](storage::Transaction& tx) {
    return storage::FinishPoolDeletions(tx, now - settings.pool_deletion_delay, kBatch);
  });
  if (greatest >= kBatch) return kPauseAfterFullBatch;
  const bool delays = settings.number_activation_delay.count() > 0 || settings.pool_deletion_delay.count() > 0;
  return delays ? kPauseWithDelays : kPause;
}

}  // namespace poold
