#include "storage/postgres/session.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace poold::storage {
namespace {

using Clock = std::chrono::steady_clock;
using Kind = StorageFailure::Kind;

// How long a stop may go unnoticed while connecting. Only then: a session that is connected is cut at once.
constexpr std::chrono::milliseconds kConnectSlice{20};

// READ WRITE since the session's default is read-only. The transaction's number comes with it, in one round trip.
constexpr const char* kBegin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
constexpr const char* kBegun =
    "SELECT pg_current_xact_id(), substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || ' '"
    " || extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())";
constexpr const char* kBegunHidden = "SELECT pg_current_xact_id(), 'hidden'";

std::string WithoutNewlines(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string ErrorOf(PGconn* connection) {
  const std::string text = WithoutNewlines(PQerrorMessage(connection));
  return text.empty() ? "no further message" : text;
}

std::string FieldOf(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

}  // namespace

void FinishPgConnection::operator()(pg_conn* connection) const { PQfinish(connection); }

std::unique_ptr<Session> Session::Connect(const ConnectionParameters& parameters, bool prepare,
                                          Clock::time_point deadline, const std::stop_token& stop,
                                          std::size_t first_host) {
  const std::vector<ConnectionParameters> hosts = parameters.Hosts();
  std::optional<Kind> kind;
  std::string text;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const std::size_t host = (first_host + i) % hosts.size();
    const auto now = Clock::now();
    const auto part = (deadline - now) / static_cast<int>(hosts.size() - i);
    try {
      auto session = ConnectToOne(hosts[host], prepare, now + part, stop);
      session->host_ = host;
      return session;
    } catch (const StorageFailure& failure) {
      if (failure.kind() == Kind::kCancelled) throw;
      if (kind != Kind::kUnavailable) kind = failure.kind();
      text += (text.empty() ? "" : "; ") + std::string(failure.what());
    }
  }
  throw StorageFailure(*kind, text);
}

std::unique_ptr<Session> Session::ConnectToOne(const ConnectionParameters& parameters, bool prepare,
                                               Clock::time_point deadline, const std::stop_token& stop) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : parameters.values) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);

  PgConnection connection(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (!connection) throw StorageFailure(Kind::kUnavailable, "cannot connect: out of memory");

  PostgresPollingStatusType status =
      PQstatus(connection.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (status != PGRES_POLLING_OK) {
    if (status == PGRES_POLLING_FAILED) {
      throw StorageFailure(Kind::kUnavailable, "cannot connect: " + ErrorOf(connection.get()));
    }
    pollfd wait{PQsocket(connection.get()), static_cast<short>(status == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    for (int ready = 0; ready == 0;) {
      if (stop.stop_requested()) throw StorageFailure(Kind::kCancelled, "cancelled while connecting");
      const auto now = Clock::now();
      if (now >= deadline) throw StorageFailure(Kind::kDeadline, "the server did not answer while connecting");
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
      ready = ::poll(&wait, 1, static_cast<int>(std::min(left, kConnectSlice).count()));
      if (ready < 0 && errno == EINTR) ready = 0;
    }
    status = PQconnectPoll(connection.get());
  }

  // PGDATESTYLE in the environment would have won over our option.
  const char* date_style = PQparameterStatus(connection.get(), "DateStyle");
  if (date_style != nullptr && !std::string_view(date_style).starts_with("ISO")) {
    throw StorageFailure(Kind::kUnavailable, "cannot connect: DateStyle must be ISO, check PGDATESTYLE");
  }

  FileDescriptor socket(::fcntl(PQsocket(connection.get()), F_DUPFD_CLOEXEC, 0));
  if (!socket) throw StorageFailure(Kind::kUnavailable, "cannot connect: no file descriptor left");
  return std::unique_ptr<Session>(
      new Session(std::move(connection), std::move(socket), prepare, parameters.begin_settings));
}

Session::Session(PgConnection connection, FileDescriptor socket, bool prepare, std::string begin_settings)
    : connection_(std::move(connection)),
      socket_(std::move(socket)),
      prepare_(prepare),
      begin_settings_(std::move(begin_settings)) {
  PQsetNoticeReceiver(
      connection_.get(), [](void* to, const PGresult* notice) { static_cast<Session*>(to)->Note(notice); }, this);
}

// A broken session is not said goodbye to: sending could block.
Session::~Session() {
  if (broken()) ::shutdown(socket_.get(), SHUT_RDWR);
}

Rows Session::Run(const Statement& statement, const Params& params) {
  const Step only[] = {{statement, params, prepare_ ? prepared_.Of(statement) : nullptr}};
  Together together = RunSteps(only, {});
  if (together.failure) throw *together.failure;
  return std::move(together.answers[0]);
}

Session::Together Session::RunTogether(std::span<const Waiting> statements,
                                       const std::function<void()>& only_last_is_left) {
  std::vector<Step> steps;
  steps.reserve(statements.size());
  for (const Waiting& waiting : statements) {
    Statement statement = waiting.statement;
    if (statement.composed) statement.sql = waiting.text;
    const bool prepare = prepare_ && waiting.prepared;
    steps.push_back({statement, waiting.params, prepare ? prepared_.Of(statement) : nullptr});
  }
  steps.back().after_answers = only_last_is_left && steps.size() > 1;
  return RunSteps(steps, only_last_is_left);
}

Session::Together Session::RunSteps(std::span<const Step> steps, const std::function<void()>& only_last_is_left) {
  Together together;
  if (failed_) {
    together.failure = FailureOf(steps[0].statement.name, "", "");
    return together;
  }
  const auto began = Clock::now();
  ForgetWarnings();
  together.answers.reserve(steps.size());
  std::string sqlstate;
  std::string what;
  failed_ = true;  // until it has ended: an exception would leave it in the middle of answers
  bool old_plan = false;
  const auto end = SendTogether(connection_.get(), steps, [&](std::size_t i, PgResult answer) {
    if (IsGood(answer)) {
      listeners_.Tell(steps[i].statement.name, began, true, {});
      together.answers.push_back(RowsOf(std::move(answer)));
      if (only_last_is_left && i + 2 == steps.size()) only_last_is_left();
      return;
    }
    sqlstate = FieldOf(answer.get(), PG_DIAG_SQLSTATE);
    what = PQresultErrorMessage(answer.get());
    // "cached plan must not change result type": a migration changed a table under a statement that was prepared
    // before. A new connection plans anew, so this one is as good as lost.
    old_plan = steps[i].prepared != nullptr && steps[i].prepared->ran && sqlstate == "0A000";
  });
  failed_ = end == RoundTripEnd::kLost || old_plan;
  const std::size_t answered = together.answers.size();
  if (answered == steps.size()) return together;  // if it was lost after that, the next statement will notice
  // Without an answer it may have been any of them that took so long or broke the connection.
  const auto failed = steps.subspan(answered, sqlstate.empty() ? steps.size() - answered : 1);
  std::string names;
  for (const Step& step : failed) names += (names.empty() ? "" : ", ") + std::string(step.statement.name);
  together.failure = FailureOf(names, sqlstate, what);
  for (const Step& step : failed) listeners_.Tell(step.statement.name, began, false, together.failure->sqlstate());
  return together;
}

Rows Session::RowsOf(PgResult answer) { return Rows(std::make_shared<const Rows::Data>(std::move(answer))); }

Rows Session::RunText(std::string_view name, const std::string& sql) {
  if (failed_) throw FailureOf(name, "", "");
  const auto began = Clock::now();
  ForgetWarnings();
  PgResult answer(PQexec(connection_.get(), sql.c_str()));
  if (IsGood(answer)) {
    listeners_.Tell(name, began, true, {});
    return RowsOf(std::move(answer));
  }
  failed_ = !answer;  // nothing was sent, or there was no memory for the answer
  const StorageFailure failure =
      FailureOf(name, FieldOf(answer.get(), PG_DIAG_SQLSTATE), PQresultErrorMessage(answer.get()));
  listeners_.Tell(name, began, false, failure.sqlstate());
  throw failure;
}

void Session::Listeners::Tell(std::string_view name, Clock::time_point began, bool ok, std::string sqlstate) const {
  const auto ended = Clock::now();
  if (observe != nullptr && *observe) (*observe)(name, ended - began, ok);
  if (log != nullptr) log->Add({name, began, ended, ok, std::move(sqlstate)});
}

StorageFailure Session::FailureOf(std::string_view name, const std::string& sqlstate, const std::string& what) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) failed_ = true;
  std::string text = std::string(name) + ": ";

  if (failed_) {
    const int why = cut_.load();
    if (why == static_cast<int>(Kind::kCancelled)) return {Kind::kCancelled, text + "cancelled"};
    if (why == static_cast<int>(Kind::kDeadline)) return {Kind::kDeadline, text + "the deadline passed"};
    text += "the connection was lost: " + ErrorOf(connection_.get());
    if (!warning_.empty()) text += "; the server had warned: " + warning_;
    return {Kind::kUnavailable, text, sqlstate};
  }

  text = WithoutNewlines(text + what);
  const Kind kind = KindOfSqlstate(sqlstate);
  // Not fit for us, while it is alive: a standby, a pooler's wrong connection, a stale plan.
  if (kind == Kind::kUnavailable) failed_ = true;
  return {kind, text, sqlstate};
}

Session::Begun Session::ReadBegun(const Rows& rows) {
  Begun begun;
  rows[0].Read(begun.xid, begun.history);
  return begun;
}

Session::Begun Session::Begin() {
  std::string begin = kBegin;
  begin += "; " + begin_settings_;
  if (!history_hidden_) {
    try {
      const Begun begun = ReadBegun(RunText("begin", begin + kBegun));
      began_before_ = true;
      return begun;
    } catch (const StorageFailure& failure) {
      // A PostgreSQL-like service that keeps its log to itself: no privilege, no such function, not supported. (A
      // standby says that too, and says it again below.)
      const std::string& state = failure.sqlstate();
      if (state != "42501" && state != "42883" && state != "0A000") throw;
    }
    RunText("rollback", "ROLLBACK");
    history_hidden_ = true;
  }
  const Begun begun = ReadBegun(RunText("begin", begin + kBegunHidden));
  began_before_ = true;
  return begun;
}

void Session::BeginLater(std::vector<Waiting>& waiting, std::function<void(const Rows&)> begun) const {
  waiting.push_back({.statement = {"begin", kBegin}, .prepared = false});
  waiting.push_back(
      {.statement = {"transaction id", history_hidden_ ? kBegunHidden : kBegun}, .then = std::move(begun)});
}

// Those of class 57 (57P02, crash_shutdown, above all) announce the end of the server's process. A statement that was
// answered has been done: PostgreSQL answers a COMMIT when it is on disk and, where commits wait for standbys,
// confirmed.
void Session::Note(const PGresult* notice) {
  if (FieldOf(notice, PG_DIAG_SEVERITY_NONLOCALIZED) != "WARNING") return;
  warned_ = warned_ || !FieldOf(notice, PG_DIAG_SQLSTATE).starts_with("57");
  const std::string detail = FieldOf(notice, PG_DIAG_MESSAGE_DETAIL);
  warning_ += (warning_.empty() ? "" : "; ") + FieldOf(notice, PG_DIAG_MESSAGE_PRIMARY);
  if (!detail.empty()) warning_ += " (" + detail + ")";
}

void Session::ForgetWarnings() {
  warned_ = false;
  warning_.clear();
}

bool Session::broken() const { return failed_ || cut() || PQstatus(connection_.get()) != CONNECTION_OK; }

bool Session::InTransaction() const { return PQtransactionStatus(connection_.get()) == PQTRANS_INTRANS; }

bool Session::Idle() const { return PQtransactionStatus(connection_.get()) == PQTRANS_IDLE; }

void Session::Cut(Kind why) {
  int expected = kNotCut;
  if (cut_.compare_exchange_strong(expected, static_cast<int>(why))) ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace poold::storage
