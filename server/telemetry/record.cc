#include "server/telemetry/record.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>

#include "server/base/limits.h"
#include "server/base/settings.h"
#include "server/base/text.h"
#include "server/rpc/method.h"
#include "server/telemetry/logging.h"
#include "server/telemetry/metrics.h"
#include "server/telemetry/tracing.h"

namespace poold {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

// The members of a line, in the form of the log.
class Line {
 public:
  explicit Line(bool json) : json_(json) { line_.reserve(256); }

  void Text(std::string_view name, std::string_view value) {
    Name(name);
    if (json_ || value.find_first_of(" \"\n") != value.npos) {
      line_ += JsonString(value);
    } else {
      line_ += value;
    }
  }
  // A value without blanks, quotes and line ends: names that this program or its access file has.
  void Word(std::string_view name, std::string_view value) {
    Name(name);
    if (json_) line_ += '"';
    line_ += value;
    if (json_) line_ += '"';
  }
  // In milliseconds with three decimals. "{:.3f}" of a double is ten times the work.
  void Time(std::string_view name, std::chrono::steady_clock::duration time) {
    Name(name);
    const auto microseconds = std::chrono::round<std::chrono::microseconds>(time).count();
    line_ += WithThousandths(microseconds / 1000, microseconds % 1000);
  }
  void Number(std::string_view name, std::size_t number) {
    Name(name);
    line_ += std::to_string(number);
  }

  const std::string& line() const { return line_; }

 private:
  void Name(std::string_view name) {
    if (!line_.empty()) line_ += json_ ? ',' : ' ';
    if (json_) line_ += '"';
    line_ += name;
    line_ += json_ ? "\":" : "=";
  }

  const bool json_;
  std::string line_;
};

// Where the time of a slow call went.
void Breakdown(const Call& call, Line& line) {
  const storage::WorkLog& log = call.work_log();
  if (call.started() != std::chrono::steady_clock::time_point()) {
    line.Time("queue_ms", call.started() - call.queued());
  }
  std::chrono::steady_clock::duration database{0};
  std::string statements;
  auto counted_until = std::chrono::steady_clock::time_point::min();  // those that went together overlap
  for (const storage::WorkLog::Statement& statement : log.statements) {
    database += std::max(statement.ended, counted_until) - std::max(statement.began, counted_until);
    counted_until = std::max(counted_until, statement.ended);
    statements += fmt::format("{}{} {:.3f}", statements.empty() ? "" : ", ", statement.name,
                              Milliseconds(statement.ended - statement.began).count());
  }
  line.Number("attempts", log.attempts.size());
  line.Time("database_ms", database);
  line.Text("statements", statements);
}

spdlog::level::level_enum LevelOf(const Error* error, bool slow) {
  if (error == nullptr || error->http_status() < 500 || error->fault() == Fault::kCancelled) {
    return slow ? spdlog::level::warn : spdlog::level::info;
  }
  return error->fault() == Fault::kDeadline || error->fault() == Fault::kUnavailable ? spdlog::level::warn
                                                                                     : spdlog::level::err;
}

void Log(const Call& call, const Error* error) {
  const auto took = std::chrono::steady_clock::now() - call.received();
  const LogSettings& settings = call.service().log;
  const bool slow = settings.slow_call.count() > 0 && took >= settings.slow_call;
  const auto level = LevelOf(error, slow);
  const auto logger = spdlog::get(kCallLog);
  if (logger == nullptr || !logger->should_log(level)) return;

  Line line(settings.format == "json");
  line.Word("request_id", call.request_id());
  if (!call.trace_id().empty()) line.Word("trace_id", call.trace_id());
  if (!call.principal().empty()) line.Word("principal", call.principal());
  line.Word("account", call.scope().account);
  line.Word("region", call.scope().region);
  line.Word("door", call.http_request() == nullptr ? "grpc" : "http");
  line.Word("method", call.method().name);
  if (!call.unknown_name().empty()) {
    line.Text("asked_for", WithoutNumbers(Printable(call.unknown_name(), limits::kQuotedBytes)));
  }
  line.Word("outcome", error == nullptr ? "ok" : error->exception());
  if (error != nullptr) {
    line.Word("code", CodeName(error->code()));
    if (!error->reason().empty()) line.Word("reason", error->reason());
    // What callers are not told. The messages that they are told quote what they sent.
    if (!error->detail().empty()) line.Text("detail", WithoutNumbers(error->detail()));
  }
  line.Time("ms", took);
  if (slow) Breakdown(call, line);
  logger->log(level, line.line());
}

}  // namespace

void Record(const Call& call, const Error* error) noexcept {
  RecordUnlogged(call, error);
  try {
    Log(call, error);
  } catch (...) {
    // What cannot be recorded must not cost the caller the answer.
  }
}

void RecordUnlogged(const Call& call, const Error* error) noexcept {
  try {
    call.service().metrics.Ended(call, error);
    if (call.service().tracing != nullptr) call.service().tracing->End(call, error);
  } catch (...) {
    // The same.
  }
}

}  // namespace poold
