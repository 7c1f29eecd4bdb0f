#include "storage/postgres/session.h"

#include <fcntl.h>
#include <libpq-events.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <pqxx/pqxx>

#include "storage/postgres/round_trip.h"

// Takes the place of libpq's own, for libpqxx, which asks for the encoding between receiving a result and taking
// ownership of it. libpq's says -1 when the connection has just broken; libpqxx 6.4.5 then throws and never frees the
// result: 2.3 KB for each connection that is lost, or cut off at a deadline. This one knows the encoding still.
extern "C" int PQclientEncoding(const PGconn* connection) {
  const char* name = connection == nullptr ? nullptr : PQparameterStatus(connection, "client_encoding");
  return name == nullptr ? -1 : pg_char_to_encoding(name);
}

namespace poold::storage {
namespace {

using Clock = std::chrono::steady_clock;
using Kind = StorageFailure::Kind;

// How long a stop may go unnoticed while connecting. Only then: a session that is connected is cut at once.
constexpr std::chrono::milliseconds kConnectSlice{20};

// What libpq is making in this thread, followed by libpq's own events, since libpqxx 6.4.5 keeps it to itself: its
// exceptions say no SQLSTATE for serialization failures, deadlocks and missing privileges, some of which aren't even
// its sql_error, and its accessors copy a shared pointer or two for each field that is read.
struct InTheMaking {
  const PGresult* result = nullptr;
  char sqlstate[6] = "";
};
thread_local InTheMaking in_the_making;

int FollowResult(PGEventId event, void* info, void*) {
  if (event == PGEVT_RESULTCREATE) {
    in_the_making.result = static_cast<PGEventResultCreate*>(info)->result;
    const char* state = PQresultErrorField(in_the_making.result, PG_DIAG_SQLSTATE);
    in_the_making.sqlstate[0] = '\0';
    if (state != nullptr) std::snprintf(in_the_making.sqlstate, sizeof in_the_making.sqlstate, "%s", state);
  } else if (event == PGEVT_RESULTDESTROY && in_the_making.result == static_cast<PGEventResultDestroy*>(info)->result) {
    in_the_making.result = nullptr;
  }
  return 1;
}

// READ WRITE since the session's default is read-only. The transaction's number comes with it, in one round trip.
constexpr const char* kBegin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
constexpr const char* kBegun =
    "SELECT pg_current_xact_id(), substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || ' '"
    " || extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())";
constexpr const char* kBegunHidden = "SELECT pg_current_xact_id(), 'hidden'";

struct OwnedRows : Rows::Data {
  OwnedRows(pqxx::result result, const PGresult* result_inside) : Rows::Data{result_inside}, owner(std::move(result)) {}
  pqxx::result owner;
};

struct ClearedRows : Rows::Data {
  explicit ClearedRows(Result result) : Rows::Data{result.get()}, owner(std::move(result)) {}
  Result owner;
};

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using ConnectionPtr = std::unique_ptr<PGconn, FinishConnection>;

// Gives libpqxx a connection that we made, once. libpqxx asks for another whenever it finds its own broken; here it
// gets an exception instead, whatever libpqxx believes about its state. (inhibit_reactivation() says the same to
// libpqxx, but its close() and simulate_failure() change that flag behind our back.)
class OneConnection : public pqxx::connectionpolicy {
 public:
  explicit OneConnection(ConnectionPtr connection)
      : pqxx::connectionpolicy(std::string()), connection_(std::move(connection)) {}

  handle do_startconnect(handle current) override {
    if (connection_) return connection_.release();
    if (current == nullptr || taken_) throw pqxx::broken_connection("the connection was lost");
    return current;
  }
  handle do_completeconnect(handle current) override {
    taken_ = true;
    return current;
  }

 private:
  ConnectionPtr connection_;
  bool taken_ = false;
};

std::string ErrorOf(PGconn* connection) {
  std::string text = PQerrorMessage(connection);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.empty() ? "no further message" : text;
}

// Environment variables count like the url, where libpq lets a parameter of ours override them.
bool InEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

// "a,b" as {"a", "b"}; nothing as {""}.
std::vector<std::string> Split(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace

namespace {

std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> ParseUrl(const std::string& url) {
  char* message = nullptr;
  std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(PQconninfoParse(url.c_str(), &message),
                                                                        PQconninfoFree);
  if (message != nullptr) PQfreemem(message);
  // A password with special characters in it can make a port, which libpq's messages would then quote.
  for (const PQconninfoOption* option = parsed.get(); parsed && option->keyword != nullptr; ++option) {
    if (option->val != nullptr && std::string_view(option->keyword) == "port" &&
        std::string_view(option->val).find_first_not_of("0123456789,") != std::string_view::npos) {
      parsed.reset();
    }
  }
  return parsed;
}

}  // namespace

std::string MistakeInUrl(const std::string& url) {
  const auto parsed = ParseUrl(url);
  if (!parsed) return {};  // said when it is used
  const bool is_uri = url.starts_with("postgresql://") || url.starts_with("postgres://");
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    const std::string_view name(option->keyword);
    const std::string value(option->val == nullptr ? "" : option->val);
    const auto hides_more = [](const std::string& host) {
      return host.find('@', 1) != std::string::npos;  // one that begins with it is an abstract socket
    };
    if (name == "host" && std::ranges::any_of(Split(value), hides_more)) {
      return "there is an `@` in the host; in a user or password write `@` as %40";
    }
    if (name == "dbname" && is_uri && value.find('@') != std::string::npos) {
      return "there is an `@` in the database's name; in a user or password write `@` as %40 and `/` as %2F";
    }
  }
  return {};
}

bool HasPassword(const std::string& url) {
  const auto parsed = ParseUrl(url);
  for (const PQconninfoOption* option = parsed.get(); parsed && option->keyword != nullptr; ++option) {
    if (option->val != nullptr && std::string_view(option->keyword).ends_with("password")) return true;
  }
  return false;
}

std::string WithoutPasswords(const std::string& url) {
  const auto parsed = ParseUrl(url);
  if (!parsed || !MistakeInUrl(url).empty()) return "***";
  bool secret = false;
  std::string text;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view name(option->keyword);
    const bool is_password = name.ends_with("password");
    secret = secret || is_password;
    text += (text.empty() ? "" : " ") + std::string(name) + "='";
    for (const char c : is_password ? std::string_view("***") : std::string_view(option->val)) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += "'";
  }
  return secret ? text : url;
}

ConnectionParameters ConnectionParameters::Parse(const std::string& url, const Limits& limits) {
  if (const std::string mistake = MistakeInUrl(url); !mistake.empty()) {
    throw StorageFailure(Kind::kBug, "the database url cannot be right: " + mistake);
  }
  const auto parsed = ParseUrl(url);
  if (!parsed) {
    throw StorageFailure(Kind::kBug,
                         "the database url cannot be read: it must be postgresql://user:password@host:port/name or "
                         "key=value pairs, with special characters percent-encoded");
  }

  std::map<std::string, std::string> values;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) values.emplace(option->keyword, option->val);
  }

  values.emplace("client_encoding", "UTF8");
  values.emplace("fallback_application_name", "poold");
  values.emplace("keepalives_idle", "10");
  values.emplace("keepalives_interval", "5");
  values.emplace("keepalives_count", "3");
  values.emplace("tcp_user_timeout", "20000");
  const bool several = (values.contains("host") && values["host"].find(',') != std::string::npos) ||
                       (values.contains("hostaddr") && values["hostaddr"].find(',') != std::string::npos);
  if (several && !InEnvironment("PGTARGETSESSIONATTRS")) values.emplace("target_session_attrs", "primary");

  std::string attrs = values.contains("target_session_attrs") ? values["target_session_attrs"] : "";
  if (attrs.empty() && InEnvironment("PGTARGETSESSIONATTRS")) attrs = std::getenv("PGTARGETSESSIONATTRS");

  std::vector<std::pair<std::string, std::string>> settings;
  const auto limit = [&settings](const char* name, std::chrono::milliseconds value) {
    if (value.count() > 0) settings.emplace_back(name, std::to_string(value.count()));
  };
  limit("statement_timeout", limits.statement);
  limit("lock_timeout", limits.lock);
  limit("idle_in_transaction_session_timeout", limits.idle_in_transaction);
  settings.emplace_back("client_connection_check_interval", "250");
  if (limits.pooled) {
    std::string begin_settings;
    for (const auto& [name, value] : settings) begin_settings += "SET LOCAL " + name + " = " + value + "; ";
    return {{values.begin(), values.end()}, begin_settings};
  }

  // In `options` the later one wins.
  settings.emplace_back("plan_cache_mode", "force_generic_plan");
  settings.emplace_back("enable_seqscan", "off");
  settings.emplace_back("jit", "off");
  if (limits.refuse_writes && attrs != "read-write") settings.emplace_back("default_transaction_read_only", "on");
  std::string options;
  for (const auto& [name, value] : settings) options += "-c " + name + "=" + value + " ";
  if (values.contains("options")) {
    options += values["options"];
  } else if (InEnvironment("PGOPTIONS")) {
    options += std::getenv("PGOPTIONS");
  }
  values["options"] = options + " -c TimeZone=UTC -c DateStyle=ISO";

  return {{values.begin(), values.end()}, {}};
}

std::vector<ConnectionParameters> ConnectionParameters::Hosts() const {
  std::map<std::string, std::vector<std::string>> lists;
  std::size_t hosts = 1;
  for (const auto& [keyword, value] : values) {
    if (keyword == "target_session_attrs" && value == "prefer-standby") return {*this};  // a choice among all of them
    if (keyword != "host" && keyword != "hostaddr" && keyword != "port") continue;
    lists[keyword] = Split(value);
    if (keyword != "port") hosts = std::max(hosts, lists[keyword].size());
  }
  for (const auto& [keyword, list] : lists) {
    const bool fits = list.size() == hosts || (keyword == "port" && list.size() == 1);
    if (!fits) return {*this};  // libpq says what is wrong with it
  }
  std::vector<ConnectionParameters> each(hosts, *this);
  for (std::size_t i = 0; i < hosts; ++i) {
    for (auto& [keyword, value] : each[i].values) {
      if (const auto list = lists.find(keyword); list != lists.end()) {
        value = list->second[list->second.size() == 1 ? 0 : i];
      }
    }
  }
  return each;
}

// What libpqxx calls a connection, with the parts that outlive a broken one.
struct Session::Link : pqxx::connection_base {
  Link(ConnectionPtr connection, int socket_copy)
      : pqxx::connection_base(policy), raw(connection.get()), socket(socket_copy), policy(std::move(connection)) {
    try {
      init();  // takes raw over
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
      activate();
      inhibit_reactivation(true);
#pragma GCC diagnostic pop
      transaction = std::make_unique<pqxx::nontransaction>(*this);
    } catch (...) {
      close();
      ::close(socket);
      throw;
    }
  }

  ~Link() {
    transaction.reset();
    close();
    ::close(socket);
  }

  PGconn* const raw;  // owned by connection_base

  // A descriptor of our own for libpq's socket. libpq closes its descriptor by itself when the connection breaks, and
  // the number may at once be that of somebody else's new socket: Cut() would shut down a stranger. This one stays
  // ours.
  const int socket;

  OneConnection policy;

  // By the server, during the last round trip.
  bool warned = false;  // of what was asked, rather than of its own end
  std::string warning;  // all of it

  void Note(const PGresult* notice);
  void ForgetWarnings() {
    warned = false;
    warning.clear();
  }

  // libpqxx runs nothing without a transaction object. This one lives as long as the connection and sends nothing of
  // its own; BEGIN, COMMIT and ROLLBACK are ours.
  std::unique_ptr<pqxx::nontransaction> transaction;

  PreparedStatements prepared;
  bool failed = false;  // the connection is of no more use
};

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

  ConnectionPtr connection(PQconnectStartParams(keywords.data(), values.data(), 0));
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

  const int socket = ::fcntl(PQsocket(connection.get()), F_DUPFD_CLOEXEC, 0);
  if (socket < 0) throw StorageFailure(Kind::kUnavailable, "cannot connect: no file descriptor left");
  PQregisterEventProc(connection.get(), FollowResult, "poold", nullptr);
  try {
    return std::unique_ptr<Session>(
        new Session(std::make_unique<Link>(std::move(connection), socket), prepare, parameters.begin_settings));
  } catch (const std::exception& error) {
    throw StorageFailure(Kind::kUnavailable, std::string("cannot connect: ") + error.what());
  }
}

Session::Session(std::unique_ptr<Link> link, bool prepare, std::string begin_settings)
    : link_(std::move(link)), prepare_(prepare), begin_settings_(std::move(begin_settings)) {
  PQsetNoticeReceiver(
      link_->raw, [](void* to, const PGresult* notice) { static_cast<Link*>(to)->Note(notice); }, link_.get());
}

// A broken session is not said goodbye to: sending could block.
Session::~Session() {
  if (broken()) ::shutdown(link_->socket, SHUT_RDWR);
}

Rows Session::Run(const Statement& statement, const Params& params) {
  const Step only[] = {{statement, params, prepare_ ? link_->prepared.Of(statement) : nullptr}};
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
    steps.push_back({statement, waiting.params, prepare ? link_->prepared.Of(statement) : nullptr});
  }
  steps.back().after_answers = only_last_is_left && steps.size() > 1;
  return RunSteps(steps, only_last_is_left);
}

Session::Together Session::RunSteps(std::span<const Step> steps, const std::function<void()>& only_last_is_left) {
  Together together;
  if (link_->failed) {
    together.failure = FailureOf(steps[0].statement.name, "", "");
    return together;
  }
  const auto began = Clock::now();
  link_->ForgetWarnings();
  together.answers.reserve(steps.size());
  std::string sqlstate;
  std::string what;
  link_->failed = true;  // until it has ended: an exception would leave it in the middle of answers
  bool old_plan = false;
  const auto end = SendTogether(link_->raw, steps, [&](std::size_t i, Result answer) {
    if (IsGood(answer)) {
      listeners_.Tell(steps[i].statement.name, began, true, {});
      together.answers.push_back(Rows(std::make_shared<ClearedRows>(std::move(answer))));
      if (only_last_is_left && i + 2 == steps.size()) only_last_is_left();
      return;
    }
    const char* state = PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
    sqlstate = state == nullptr ? "" : state;
    what = PQresultErrorMessage(answer.get());
    // "cached plan must not change result type": a migration changed a table under a statement that was prepared
    // before. A new connection plans anew, so this one is as good as lost.
    old_plan = steps[i].prepared != nullptr && steps[i].prepared->ran && sqlstate == "0A000";
  });
  link_->failed = end == RoundTripEnd::kLost || old_plan;
  const std::size_t answered = together.answers.size();
  if (answered == steps.size()) return together;  // if it was lost after that, the next statement will notice
  // Without an answer it may have been any of them that took so long or broke the connection.
  const auto failed = steps.subspan(answered, sqlstate.empty() ? steps.size() - answered : 1);
  std::string names;
  for (const Step& step : failed) names += (names.empty() ? "" : ", ") + std::string(step.statement.name);
  together.failure = FailureOf(names, sqlstate, what.c_str());
  for (const Step& step : failed) listeners_.Tell(step.statement.name, began, false, together.failure->sqlstate());
  return together;
}

Rows Session::RunText(std::string_view name, const std::string& sql) {
  if (link_->failed) throw FailureOf(name, "", "");
  const auto began = Clock::now();
  in_the_making = {};
  link_->ForgetWarnings();
  try {
    pqxx::result result = link_->transaction->exec(sql);
    const PGresult* const raw = std::exchange(in_the_making.result, nullptr);
    if (raw == nullptr) throw pqxx::internal_error("the result was lost");
    listeners_.Tell(name, began, true, {});
    return Rows(std::make_shared<OwnedRows>(std::move(result), raw));
  } catch (const std::exception& error) {
    if (dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr) link_->failed = true;
    const StorageFailure failure = FailureOf(name, in_the_making.sqlstate, error.what());
    listeners_.Tell(name, began, false, failure.sqlstate());
    throw failure;
  }
}

void Session::Listeners::Tell(std::string_view name, Clock::time_point began, bool ok, std::string sqlstate) const {
  const auto ended = Clock::now();
  if (observe != nullptr && *observe) (*observe)(name, ended - began, ok);
  if (log != nullptr) log->Add({name, began, ended, ok, std::move(sqlstate)});
}

StorageFailure Session::FailureOf(std::string_view name, const std::string& sqlstate, const char* what) {
  if (PQstatus(link_->raw) != CONNECTION_OK) link_->failed = true;
  std::string text = std::string(name) + ": ";

  if (link_->failed) {
    const int why = cut_.load();
    if (why == static_cast<int>(Kind::kCancelled)) return {Kind::kCancelled, text + "cancelled"};
    if (why == static_cast<int>(Kind::kDeadline)) return {Kind::kDeadline, text + "the deadline passed"};
    // libpqxx's text says nothing; what the server or the socket said is in libpq.
    text += "the connection was lost: " + ErrorOf(link_->raw);
    if (!link_->warning.empty()) text += "; the server had warned: " + link_->warning;
    return {Kind::kUnavailable, text, sqlstate};
  }

  text += what;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const Kind kind = KindOfSqlstate(sqlstate);
  // Not fit for us, while it is alive: a standby, a pooler's wrong connection, a stale plan.
  if (kind == Kind::kUnavailable) link_->failed = true;
  return {kind, text, sqlstate};
}

Session::Begun Session::ReadBegun(const Rows& rows) {
  Begun begun;
  rows[0].Read(begun.xid, begun.history);
  return begun;
}

Session::Begun Session::Begin() {
  const std::string begin = std::string(kBegin) + "; " + begin_settings_;
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
void Session::Link::Note(const PGresult* notice) {
  const auto field = [notice](int code) {
    const char* text = PQresultErrorField(notice, code);
    return std::string(text == nullptr ? "" : text);
  };
  if (field(PG_DIAG_SEVERITY_NONLOCALIZED) != "WARNING") return;
  warned = warned || !field(PG_DIAG_SQLSTATE).starts_with("57");
  const std::string detail = field(PG_DIAG_MESSAGE_DETAIL);
  warning += (warning.empty() ? "" : "; ") + field(PG_DIAG_MESSAGE_PRIMARY);
  if (!detail.empty()) warning += " (" + detail + ")";
}

bool Session::warned() const { return link_->warned; }
const std::string& Session::warning() const { return link_->warning; }

bool Session::broken() const { return link_->failed || cut() || PQstatus(link_->raw) != CONNECTION_OK; }

bool Session::InTransaction() const { return PQtransactionStatus(link_->raw) == PQTRANS_INTRANS; }

bool Session::Idle() const { return PQtransactionStatus(link_->raw) == PQTRANS_IDLE; }

void Session::Cut(Kind why) {
  int expected = kNotCut;
  if (cut_.compare_exchange_strong(expected, static_cast<int>(why))) ::shutdown(link_->socket, SHUT_RDWR);
}

}  // namespace poold::storage
