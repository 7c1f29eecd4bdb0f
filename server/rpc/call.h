#pragma once

#include <google/protobuf/message.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"
#include "server/base/settings.h"
#include "server/rpc/header.h"
#include "server/rpc/ready_state.h"
#include "storage/values/scope.h"
#include "storage/values/work_log.h"

namespace poold::storage {
class Database;
class Transaction;
}  // namespace poold::storage

namespace poold {

class AccessFile;
class KnownAccounts;
class Metrics;
class PageTokens;
class RateLimiter;
class Tracing;
class World;
struct CallSpan;
struct HttpRequest;
struct Method;
struct Rights;

// What calls need from the server around them. Everything in it is thread-safe and outlives the calls.
struct Service {
  storage::Database& database;
  World& world;
  const ApiSettings& settings;
  KnownAccounts& known_accounts;
  RateLimiter& rate_limiter;
  Metrics& metrics;
  // Who may call; nullptr: callers are trusted to be who they say.
  const AccessFile* access = nullptr;
  // nullptr: nothing is traced.
  const Tracing* tracing = nullptr;
  LogSettings log = {};
  // Set once, as soon as the database has been found answering with a schema this build knows; nullptr until then, and
  // until then calls are refused.
  std::atomic<const PageTokens*> page_tokens{nullptr};
  // Whether calls can be served at this moment, and if not, why.
  std::atomic<ReadyState> ready_state{ReadyState::kStarting};
};

// One request on its way through, whichever door it came by. The door makes it, hands it to Pipeline::Start and must
// keep it alive until Finish. One thread at a time works on it: the door's during admission, then a worker's; only
// Cancel may come from any thread at any time.
class Call {
 public:
  Call(const Service& service, const Method& method, const google::protobuf::Message& request,
       google::protobuf::Message& response)
      : service_(service), method_(method), request_(request), response_(response) {}
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Every value that came under a header's or metadata entry's name (in lower case), in their order. The views live as
  // long as the call.
  virtual std::vector<std::string_view> HeaderValues(std::string_view name) const = 0;

  // The value of a header or metadata entry (names in lower case), or nullopt. The view lives as long as the call.
  // Throws ValidationException if it came with different values: nothing in the program obeys the first of two.
  std::optional<std::string_view> Header(std::string_view name) const { return OnlyValue(name, HeaderValues(name)); }

  // Fills request() from what came over the wire; throws Error if that is not such a message. Called once, by the
  // pipeline, as soon as the caller is known; until then request() is empty.
  virtual void Read() = 0;

  // How many bytes the request had on the wire: what reading it costs.
  virtual std::size_t RequestBytes() const { return 0; }

  // The request as it came, of a call that came over HTTP: what a signature is computed of. Lives as long as the call.
  virtual const HttpRequest* http_request() const { return nullptr; }

  // The subject alternative names of the client certificate that the connection was opened with, verified against
  // --tls-client-ca, as an access file writes them: "uri:spiffe://example.org/billing", "dns:billing.example". Empty
  // without one.
  virtual std::vector<std::string> CertificateNames() const { return {}; }

  // Ends the call: `error`, or with nullptr the response. Called exactly once; the call may be gone when it returns.
  virtual void Finish(const Error* error) = 0;

  // The caller went away: whatever still runs for it is cut short.
  void Cancel() { stop_.request_stop(); }

  const Service& service() const { return service_; }
  World& world() const { return service_.world; }
  const ApiSettings& settings() const { return service_.settings; }
  const Method& method() const { return method_; }
  // Of a call to an operation that does not exist: the name that the caller used. Otherwise empty.
  virtual std::string_view unknown_name() const { return {}; }
  const google::protobuf::Message& request() const { return request_; }
  google::protobuf::Message& response() const { return response_; }
  // As what the method says they are.
  template <class Request>
  const Request& request() const {
    return static_cast<const Request&>(request_);
  }
  template <class Response>
  Response& response() const {
    return static_cast<Response&>(response_);
  }
  std::stop_token stop_token() const { return stop_.get_token(); }

  // Whose call it is. Set by Authenticate.
  const storage::Scope& scope() const { return scope_; }
  void set_scope(storage::Scope scope) { scope_ = std::move(scope); }

  // The name of the caller in the access file; empty without an access file, and until the caller is known. Set by
  // Authenticate.
  const std::string& principal() const { return principal_; }
  void set_principal(std::string name) { principal_ = std::move(name); }
  // What the file lets the caller do; nullptr without a file: everything.
  const Rights* rights() const { return rights_.get(); }
  void set_rights(std::shared_ptr<const Rights> rights) { rights_ = std::move(rights); }

  // What makes a repetition of a writing call: its client token or idempotency key; empty if it has none. Set by
  // ReadClientToken.
  const std::string& client_token() const { return client_token_; }
  void set_client_token(std::string token) { client_token_ = std::move(token); }

  // The call is to do all checks and answer what it would, but change nothing (the extension validate_only).
  bool validate_only() const { return validate_only_; }
  void set_validate_only(bool validate_only) { validate_only_ = validate_only; }

  // What a caller quotes when asking about this call; in every log line and refusal. Set by the pipeline.
  const std::string& request_id() const { return request_id_; }
  void set_request_id(std::string id) { request_id_ = std::move(id); }

  // The trace that it belongs to, 32 hexadecimal digits; empty if nobody records one. And what is kept of it meanwhile.
  const std::string& trace_id() const { return trace_id_; }
  void set_trace_id(std::string id) { trace_id_ = std::move(id); }
  const std::shared_ptr<CallSpan>& span() const { return span_; }
  void set_span(std::shared_ptr<CallSpan> span) { span_ = std::move(span); }

  std::chrono::steady_clock::time_point received() const { return received_; }
  // When it began to wait for a worker, and when it had one; the clock's zero until then. Set by the pipeline.
  std::chrono::steady_clock::time_point queued() const { return queued_; }
  void set_queued(std::chrono::steady_clock::time_point when) { queued_ = when; }
  std::chrono::steady_clock::time_point started() const { return started_; }
  void set_started(std::chrono::steady_clock::time_point when) { started_ = when; }
  // What was done for it in the database: for itself, or for it and others together.
  const storage::WorkLog& work_log() const { return shared_work_log_ ? *shared_work_log_ : work_log_; }
  storage::WorkLog& work_log() { return work_log_; }
  void set_shared_work_log(std::shared_ptr<const storage::WorkLog> log) { shared_work_log_ = std::move(log); }

  std::chrono::steady_clock::time_point deadline() const { return deadline_; }
  void set_deadline(std::chrono::steady_clock::time_point deadline) { deadline_ = deadline; }

  // The transaction of this attempt. Only inside Transact.
  storage::Transaction& tx() const { return *tx_; }
  void set_tx(storage::Transaction* tx) { tx_ = tx; }

 private:
  const Service& service_;
  const Method& method_;
  const google::protobuf::Message& request_;
  google::protobuf::Message& response_;
  std::stop_source stop_;
  storage::Scope scope_;
  std::string principal_;
  std::shared_ptr<const Rights> rights_;
  std::string request_id_;
  std::string trace_id_;
  std::shared_ptr<CallSpan> span_;
  std::string client_token_;
  bool validate_only_ = false;
  std::chrono::steady_clock::time_point received_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point queued_;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point deadline_ = received_;
  storage::WorkLog work_log_;
  std::shared_ptr<const storage::WorkLog> shared_work_log_;
  storage::Transaction* tx_ = nullptr;
};

}  // namespace poold
