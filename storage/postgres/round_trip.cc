#include "storage/postgres/round_trip.h"

#include <libpq-fe.h>

#include <vector>

namespace poold::storage {
namespace {

using State = PreparedStatements::Entry::State;

// Each holds a plan in the server's memory. Composed ones, of which callers' filters make thousands, get half, so that
// they cannot take the place of the constant ones.
constexpr std::size_t kMaxPrepared = 256;
constexpr std::size_t kMaxPreparedWhenComposed = kMaxPrepared / 2;

bool Send(PGconn* connection, const Step& step) {
  const std::vector<const char*> values = step.params.values();
  const int count = step.params.size();
  const std::string sql(step.prepared == nullptr || step.prepared->state == State::kNew ? step.statement.sql : "");
  if (step.prepared == nullptr) {
    return PQsendQueryParams(connection, sql.c_str(), count, nullptr, values.data(), nullptr, nullptr, 0) == 1;
  }
  if (step.prepared->state == State::kNew) {
    if (PQsendPrepare(connection, step.prepared->name.c_str(), sql.c_str(), 0, nullptr) != 1) return false;
    step.prepared->state = State::kSent;
  }
  return PQsendQueryPrepared(connection, step.prepared->name.c_str(), count, values.data(), nullptr, nullptr, 0) == 1;
}

// The answer of a statement, and the nothing that ends it.
PgResult Receive(PGconn* connection) {
  PgResult result(PQgetResult(connection));
  if (PQstatus(connection) == CONNECTION_OK) PgResult(PQgetResult(connection)).reset();
  return result;
}

// Skips what the server left out until it is ready again. False if it never will be.
bool Drain(PGconn* connection) {
  for (int nothing = 0; nothing < 3;) {
    const PgResult result(PQgetResult(connection));
    if (PQstatus(connection) != CONNECTION_OK) return false;
    if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) return PQexitPipelineMode(connection) == 1;
    nothing = result ? 0 : nothing + 1;
  }
  return false;
}

}  // namespace

void ClearPgResult::operator()(pg_result* result) const { PQclear(result); }

bool IsGood(const PgResult& result) {
  const auto status = PQresultStatus(result.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

PreparedStatements::Entry* PreparedStatements::Of(const Statement& statement) {
  const auto found = entries_.find(statement.sql);
  if (found != entries_.end()) return &found->second;
  if (entries_.size() >= (statement.composed ? kMaxPreparedWhenComposed : kMaxPrepared)) return nullptr;
  Entry entry{.name = "s" + std::to_string(entries_.size())};
  return &entries_.emplace(statement.sql, std::move(entry)).first->second;
}

RoundTripEnd SendTogether(pg_conn* connection, std::span<const Step> steps,
                          const std::function<void(std::size_t step, PgResult answer)>& answered) {
  if (PQenterPipelineMode(connection) != 1) return RoundTripEnd::kLost;
  std::vector<bool> prepares;  // by step: whether its answer comes after that of its PREPARE
  for (const Step& step : steps) {
    if (step.after_answers && PQsendFlushRequest(connection) != 1) return RoundTripEnd::kLost;
    prepares.push_back(step.prepared != nullptr && step.prepared->state == State::kNew);
    if (!Send(connection, step)) return RoundTripEnd::kLost;
  }
  if (PQpipelineSync(connection) != 1) return RoundTripEnd::kLost;

  bool good = true;
  for (std::size_t i = 0; i < steps.size() && good; ++i) {
    PgResult result = Receive(connection);
    if (prepares[i] && IsGood(result)) {
      steps[i].prepared->state = State::kKnown;
      result = Receive(connection);
    }
    good = IsGood(result);
    if (good && steps[i].prepared != nullptr) steps[i].prepared->ran = true;
    answered(i, std::move(result));
  }
  for (const Step& step : steps) {
    // Left out by the server, behind the one that failed.
    if (step.prepared != nullptr && step.prepared->state == State::kSent) step.prepared->state = State::kNew;
  }
  if (!Drain(connection)) return RoundTripEnd::kLost;
  return good ? RoundTripEnd::kAnswered : RoundTripEnd::kFailed;
}

}  // namespace poold::storage
