#include "server/program/readiness.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "server/base/settings.h"
#include "storage/grants.h"
#include "storage/inventory.h"
#include "storage/postgres/database.h"
#include "storage/postgres/failure.h"
#include "storage/postgres/migrate.h"
#include "storage/secrets.h"

namespace poold {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPause{1000};
constexpr milliseconds kPauseUntilReady{100};
constexpr milliseconds kPatience{2000};
constexpr const char* kGrantsAdvice =
    "give the role its grants: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public "
    "(docs/operations.md, Roles)";

ReadyState StateOf(storage::SchemaState schema) {
  switch (schema) {
    case storage::SchemaState::kReady:
    case storage::SchemaState::kAhead:
      return ReadyState::kReady;
    case storage::SchemaState::kBehind:
      return ReadyState::kSchemaOlder;
    case storage::SchemaState::kBeyond:
      return ReadyState::kSchemaNewer;
    case storage::SchemaState::kEmpty:
      return ReadyState::kNoSchema;
    case storage::SchemaState::kAltered:
      break;
  }
  return ReadyState::kSchemaAltered;
}

}  // namespace

Readiness::Readiness(Service& service, const std::atomic<bool>& grpc_answers)
    : service_(service),
      grpc_answers_(grpc_answers),
      watch_([this](const std::stop_token& stop) { return Look(stop); }) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kFirstLook, [this] { return looked_; });
}

void Readiness::Report(std::function<void(bool)> report) {
  {
    const std::lock_guard lock(mutex_);
    report_ = std::move(report);
  }
  changed_.notify_all();
}

void Readiness::Stop() {
  watch_.Stop();
  service_.ready_state = ReadyState::kStopping;
}

milliseconds Readiness::Look(const std::stop_token& stop) {
  Found found = Ask(stop);
  // Whatever the database says: a restart is needed, and liveness goes by this state.
  if (!grpc_answers_) found = {ReadyState::kGrpcSilent, "the gRPC endpoint no longer answers: a restart is needed"};
  if (stop.stop_requested()) return kPause;
  const bool answers = found.state == ReadyState::kReady;
  failures_ = answers ? 0 : failures_ + 1;
  serving_ = answers || (serving_ && failures_ < kFailuresThatCount && IsAlive(found.state));
  if (answers || !serving_) service_.ready_state = found.state;

  if (found.advice != last_advice_ && !found.advice.empty()) {
    if (answers) {
      spdlog::info("{}", found.advice);
    } else if (!IsAlive(found.state)) {
      spdlog::error("{}", found.advice);
    } else {
      spdlog::warn("the database is not ready: {}", found.advice);
    }
  }
  last_advice_ = found.advice;

  if (!WaitForListener(stop)) return kPause;
  if (serving_ != reported_) {
    reported_ = serving_;
    if (!serving_) spdlog::warn("not serving: {}", last_advice_);
    report_(serving_);
  }
  return serving_ ? kPause : kPauseUntilReady;
}

// After the first look. False if it was stopped meanwhile.
bool Readiness::WaitForListener(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  looked_ = true;
  changed_.notify_all();
  return changed_.wait(lock, stop, [this] { return report_ != nullptr; });
}

Readiness::Found Readiness::Ask(const std::stop_token& stop) {
  try {
    const storage::Bounds bounds{std::chrono::steady_clock::now() + kPatience, stop};
    const storage::SchemaStatus schema = storage::CheckSchema(service_.database, bounds);
    if (!schema.usable()) return {StateOf(schema.state), schema.advice};
    const std::string lacking = Prepare(bounds);
    if (!lacking.empty()) return {ReadyState::kRefused, lacking};
    return {StateOf(schema.state), schema.advice};
  } catch (const storage::StorageFailure& failure) {
    if (failure.sqlstate() == storage::kInsufficientPrivilege) {
      return {ReadyState::kRefused, std::string(failure.what()) + "; " + kGrantsAdvice};
    }
    if (failure.kind() == storage::StorageFailure::Kind::kBug) return {ReadyState::kRefused, failure.what()};
    return {ReadyState::kUnreachable, std::string("it cannot be reached: ") + failure.what()};
  } catch (const std::exception& failure) {
    return {ReadyState::kRefused, failure.what()};
  }
}

std::string Readiness::Prepare(const storage::Bounds& bounds) {
  if (page_tokens_) return {};
  std::vector<std::string> lacking;
  std::string page_token_key;
  bool has_numbers = false;
  service_.database.Run(storage::Database::Mode::kRead, bounds, [&](storage::Transaction& tx) {
    lacking = storage::TablesWithoutGrants(tx);
    if (!lacking.empty()) return;
    page_token_key = storage::RequireSecret(tx, storage::kPageTokenKey);
    has_numbers = service_.settings.fictional_numbers || storage::HasImportedNumbers(tx);
  });
  if (!lacking.empty()) {
    std::string tables;
    for (const std::string& table : lacking) tables += (tables.empty() ? "" : ", ") + table;
    return "the server's role may not read and write " + tables + "; " + kGrantsAdvice;
  }
  if (!has_numbers) {
    spdlog::warn(
        "the inventory has no imported numbers, so RequestPhoneNumber finds none: run `poold inventory import`, or "
        "serve fictional numbers with --fictional-numbers");
  }
  page_tokens_.emplace(page_token_key);
  service_.page_tokens = &*page_tokens_;
  return {};
}

}  // namespace poold
