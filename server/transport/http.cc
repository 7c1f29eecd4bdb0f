#include "server/transport/http.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <condition_variable>
#include <ctime>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "server/client_certificate.h"
#include "server/config.h"
#include "server/header.h"
#include "server/http_request.h"
#include "server/limits.h"
#include "server/logging.h"
#include "server/method.h"
#include "server/metrics.h"
#include "server/tls_context.h"
#include "server/transport/json.h"
#include "server/world.h"

namespace poold {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using net::ip::tcp;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

// An operation's outcome as a value: the peer going away is no exception to us.
// (g++ 12 miscompiles co_await inside conditions: each stands in a statement of its own.)
constexpr auto kOutcome = net::as_tuple(net::use_awaitable);

constexpr int kThreads = 2;
constexpr std::uint32_t kGreatestHeader = 32 << 10;  // a session token alone may have some KiB
constexpr std::size_t kReadAhead = 64 << 10;
constexpr std::size_t kFirstRead = 4 << 10;
// After an answer that ends a connection, what the client still sends is read for so long, so that it gets to see the
// answer: a connection closed on unread bytes is reset.
constexpr milliseconds kParting{500};
constexpr milliseconds kPauseWhenOutOfFiles{100};
// A client that hung up may only have ended its own half of the connection; and a call that is cut costs a connection
// to the database, which nobody should be able to spend by hanging up.
constexpr milliseconds kUntilHangUpCounts{1000};

constexpr std::string_view kTargetPrefix = "PinpointSMSVoiceV2.";
constexpr const char* kContentType = "application/x-amz-json-1.0";

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

// "Sun, 06 Nov 1994 08:49:37 GMT". SDKs take the difference of their clocks from it when a signature is too old.
std::string HttpDate(Time now) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

Response Answer(http::status status, const char* content_type, std::string body) {
  Response response(status, 11);
  response.set(http::field::content_type, content_type);
  response.body() = std::move(body);
  return response;
}

// `status` other than the error's own where HTTP has one for the case.
Response Refusal(const Error& error, std::string_view request_id, http::status status = http::status::unknown) {
  if (status == http::status::unknown) status = static_cast<http::status>(error.http_status());
  Response response = Answer(status, kContentType, ToAwsJson(error, request_id));
  response.set("x-amzn-ErrorType", beast::string_view(error.exception().data(), error.exception().size()));
  return response;
}

HttpRequest Taken(Request& request) {
  HttpRequest taken;
  taken.method = std::string(request.method_string());
  taken.target = std::string(request.target());
  for (const auto& field : request) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    taken.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  taken.body = std::move(request.body());
  return taken;
}

// One call over HTTP. Lives in the connection's coroutine, which waits for it.
class HttpCall final : private Messages, public Call {
 public:
  HttpCall(const Service& service, const Method& method, HttpRequest request, const ClientCertificate& certificate,
           const net::any_io_executor& connection)
      : Messages(method),
        Call(service, method, *Messages::request, *Messages::response),
        request_(std::move(request)),
        certificate_(certificate),
        finished_(connection, Steady::time_point::max()) {}

  std::vector<std::string_view> HeaderValues(std::string_view name) const override {
    return poold::HeaderValues(request_, name);
  }

  void Read() override { FromAwsJson(request_.body, *Messages::request); }

  const HttpRequest* http_request() const override { return &request_; }

  std::vector<std::string> CertificateNames() const override { return certificate_.NamesAt(world().Now()); }

  // On a worker's thread, or during Start. From the post on, the call belongs to its connection again.
  void Finish(const Error* error) override {
    answer_ = error != nullptr ? Refusal(*error, request_id())
                               : Answer(http::status::ok, kContentType, ToAwsJson(*Messages::response));
    answer_.set("x-amzn-RequestId", request_id());
    net::post(finished_.get_executor(), [this] {
      has_finished_ = true;
      finished_.cancel();
    });
  }

  // On the connection's executor only.
  net::awaitable<Response> Wait() {
    while (!has_finished_) co_await finished_.async_wait(kOutcome);
    co_return std::move(answer_);
  }

 private:
  const HttpRequest request_;
  const ClientCertificate& certificate_;  // of the connection
  Response answer_;
  net::steady_timer finished_;
  bool has_finished_ = false;
};

// A connection as the door sees it that wants to stop. All of it happens on the connection's executor.
class Connection {
 public:
  virtual ~Connection() = default;
  // Ends it as soon as it is not in the middle of a request.
  virtual void Stop() = 0;
  // Cuts its call short.
  virtual void Cancel() = 0;
};

}  // namespace

class HttpDoor::Impl {
 public:
  Impl(const Settings& settings, const Service& service, Pipeline& pipeline, const Tls* tls)
      : settings_(settings), service_(service), pipeline_(pipeline), acceptor_(net::make_strand(context_)) {
    if (tls != nullptr) tls_.emplace(*tls, TlsContexts::Protocol::kHttp11);
    Listen();
    net::co_spawn(acceptor_.get_executor(), Accept(), net::detached);
    for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { context_.run(); });
  }

  ~Impl() {
    Shutdown(milliseconds(0));
    for (std::thread& thread : threads_) thread.join();
  }

  const std::string& address() const { return address_; }

  void Shutdown(milliseconds limit) {
    const auto deadline = Steady::now() + limit;
    stopping_ = true;
    net::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
    std::unique_lock lock(mutex_);
    for (const auto& connection : connections_) connection->Stop();
    if (!none_.wait_until(lock, deadline, [this] { return connections_.empty(); })) {
      for (const auto& connection : connections_) connection->Cancel();
      none_.wait(lock, [this] { return connections_.empty(); });
    }
  }

 private:
  template <class Stream>
  class Session;

  // With the certificate of the moment. Connections keep the one that they began with.
  net::ssl::context& TlsContext() {
    const auto context = tls_->current();
    if (!tls_context_ || tls_context_->native_handle() != context.get()) {
      SSL_CTX_up_ref(context.get());  // Asio frees what it is given
      tls_context_.emplace(context.get());
    }
    return *tls_context_;
  }

  void Listen() {
    const std::string& listen = settings_.http_listen;
    const std::size_t colon = listen.rfind(':');
    std::string host = listen.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    try {
      tcp::resolver resolver(context_);
      const tcp::endpoint endpoint =
          *resolver.resolve(host, listen.substr(colon + 1), tcp::resolver::passive | tcp::resolver::numeric_service);
      acceptor_.open(endpoint.protocol());
      acceptor_.set_option(tcp::acceptor::reuse_address(true));
      acceptor_.bind(endpoint);
      acceptor_.listen();
    } catch (const boost::system::system_error& error) {
      throw std::runtime_error("cannot listen on " + listen + " (" + error.code().message() +
                               "): is the address right and the port free? Choose another with --http-listen.");
    }
    address_ = listen.substr(0, colon + 1) + std::to_string(acceptor_.local_endpoint().port());
  }

  net::awaitable<void> Accept() {
    while (!stopping_) {
      auto [problem, socket] = co_await acceptor_.async_accept(net::make_strand(context_), kOutcome);
      if (!problem) {
        Admit(std::move(socket));
      } else if (!stopping_) {
        // Out of files, most likely: others will be closed.
        net::steady_timer pause(acceptor_.get_executor(), kPauseWhenOutOfFiles);
        co_await pause.async_wait(kOutcome);
      }
    }
  }

  void Admit(tcp::socket socket);

  template <class Stream, class... MoreOfStream>
  void Start(const net::ip::address& peer, tcp::socket socket, MoreOfStream&... more);

  // False if there are too many connections already.
  bool Count(const net::ip::address& peer) {
    const std::lock_guard lock(mutex_);
    if (counted_ >= settings_.http_connections) return false;
    int& from_there = by_address_[peer];
    if (from_there >= settings_.http_connections_per_address) return false;
    ++from_there;
    ++counted_;
    return true;
  }

  void Forget(const std::shared_ptr<Connection>& connection) {
    const std::lock_guard lock(mutex_);
    connections_.erase(connection);
    if (connections_.empty()) none_.notify_all();
  }

  void Uncount(const net::ip::address& peer) {
    const std::lock_guard lock(mutex_);
    --counted_;
    if (--by_address_[peer] == 0) by_address_.erase(peer);
  }

  // Says so as far as that goes without waiting.
  void TurnAway(tcp::socket& socket) const {
    service_.metrics.Refused(RefusalCause::kConnections);
    static constexpr std::string_view kTooMany =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
        "Too many connections; try again soon\n";  // that it closes ends it
    error_code ignored;
    socket.non_blocking(true, ignored);
    if (!tls_) socket.write_some(net::buffer(kTooMany), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  const Settings& settings_;
  const Service& service_;
  Pipeline& pipeline_;
  std::optional<TlsContexts> tls_;  // nothing: no TLS
  std::string address_;
  std::atomic<bool> stopping_{false};

  net::io_context context_{kThreads};
  tcp::acceptor acceptor_;
  std::optional<net::ssl::context> tls_context_;  // that of tls_ for Asio; on the acceptor's executor only
  std::vector<std::thread> threads_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable none_;
  std::set<std::shared_ptr<Connection>> connections_;
  std::map<net::ip::address, int> by_address_;
  int counted_ = 0;
};

// One connection: a request after the other, each answered before the next is read.
template <class Stream>
class HttpDoor::Impl::Session final : public Connection, public std::enable_shared_from_this<Session<Stream>> {
 public:
  template <class... MoreOfStream>
  Session(Impl& door, const net::ip::address& peer, tcp::socket socket, MoreOfStream&... more)
      : door_(door), peer_(peer), stream_(std::move(socket), more...) {}
  ~Session() override { door_.Uncount(peer_); }

  void Stop() override {
    net::post(stream_.get_executor(), [this, me = this->shared_from_this()] {
      stopping_ = true;
      if (!busy_) Close();
    });
  }

  void Cancel() override {
    net::post(stream_.get_executor(), [this, me = this->shared_from_this()] {
      if (call_ != nullptr)
        call_->Cancel();
      else
        Close();
    });
  }

  net::awaitable<void> Run() {
    if constexpr (kTls) {
      Limit(door_.settings_.http_header_timeout);
      const auto [problem] = co_await stream_.async_handshake(net::ssl::stream_base::server, kOutcome);
      if (problem) co_return;
      certificate_ = CertificateOf(stream_.native_handle());
    }
    bool more = true;
    while (more && !stopping_) {
      busy_ = false;
      more = co_await ServeOne();
    }
    if constexpr (kTls) {
      Limit(kParting);
      co_await stream_.async_shutdown(kOutcome);
    }
  }

 private:
  static constexpr bool kTls = !std::is_same_v<Stream, beast::tcp_stream>;

  // True if another request may follow on this connection.
  net::awaitable<bool> ServeOne() {
    const Settings& settings = door_.settings_;
    http::request_parser<http::string_body> parser;
    parser.header_limit(kGreatestHeader);
    parser.body_limit(limits::kRequestBytes);

    error_code problem;
    if (buffer_.size() == 0) {
      Limit(settings.http_idle_timeout);
      std::size_t bytes = 0;
      std::tie(problem, bytes) = co_await stream_.async_read_some(buffer_.prepare(kFirstRead), kOutcome);
      buffer_.commit(bytes);
    }
    if (problem) co_return false;
    busy_ = true;
    Limit(settings.http_header_timeout);
    std::tie(problem, std::ignore) = co_await http::async_read_header(stream_, buffer_, parser, kOutcome);
    if (!problem) {
      const std::string_view wrong = WrongFraming(parser.get());
      if (!wrong.empty()) {
        co_await Part(Refused(Error::FrontEnd(Fault::kSerialization, std::string(wrong))));
        co_return false;
      }
    }
    if (!problem && View(parser.get()[http::field::expect]) == "100-continue" && !parser.is_done()) {
      http::response<http::empty_body> go_on(http::status::continue_, 11);
      std::tie(problem, std::ignore) = co_await http::async_write(stream_, go_on, kOutcome);
    }
    if (!problem && !parser.is_done()) {
      Limit(settings.http_body_timeout);
      std::tie(problem, std::ignore) = co_await http::async_read(stream_, buffer_, parser, kOutcome);
    }
    if (problem) {
      if (IsMalformed(problem)) co_await Part(Unreadable(problem));
      co_return false;
    }

    Request request = parser.release();
    const bool head = request.method() == http::verb::head;
    const auto greatest_age = settings.max_connection_age;
    const bool too_old = greatest_age.count() > 0 && Steady::now() - accepted_ > greatest_age;
    const bool keep_alive = request.keep_alive() && !too_old && !head;
    Response response = co_await Respond(std::move(request));
    if (head) response.body().clear();
    if (!keep_alive || stopping_) {
      co_await Part(std::move(response));
      co_return false;
    }
    response.keep_alive(true);
    const bool written = co_await Write(std::move(response));
    co_return written;
  }

  // What is wrong with headers on which the end of the request depends, or who it is for; empty if nothing. Others on
  // its way could see another request in it.
  static std::string_view WrongFraming(const Request& request) {
    const auto coding = request.equal_range(http::field::transfer_encoding);
    for (auto field = coding.first; field != coding.second; ++field) {
      if (field != coding.first || !beast::iequals(field->value(), "chunked")) {
        return "Transfer-Encoding must be chunked, or be left out";
      }
    }
    if (request.version() >= 11 && request.count(http::field::host) != 1) return "There must be one Host header";
    return {};
  }

  // There is somebody to tell: the bytes are wrong, and the connection has not just ended or run out of time.
  static bool IsMalformed(error_code problem) {
    return problem.category() == http::make_error_code(http::error::end_of_stream).category() &&
           problem != http::error::end_of_stream && problem != http::error::partial_message;
  }

  // What there is to say to bytes that are no request.
  Response Unreadable(error_code problem) const {
    auto status = http::status::bad_request;
    std::string text = "The request is not HTTP/1.1: " + problem.message();
    if (problem == http::error::body_limit) {
      status = http::status::payload_too_large;
      text = "The request body may have at most " + std::to_string(limits::kRequestBytes) + " bytes";
    } else if (problem == http::error::header_limit) {
      status = http::status::request_header_fields_too_large;
      text = "The request's headers may have at most " + std::to_string(kGreatestHeader) + " bytes";
    }
    return Refused(Error::FrontEnd(Fault::kSerialization, text), status);
  }

  // A refusal of a request that doesn't become a call.
  Response Refused(const Error& error, http::status status = http::status::unknown) const {
    const std::string request_id = door_.service_.world.NewRequestId();
    door_.service_.metrics.Refused(RefusalCause::kUnreadable);
    LogRefusedRequest(door_.service_.log, request_id, "http", error.exception());
    Response response = Refusal(error, request_id, status);
    response.set("x-amzn-RequestId", request_id);
    return response;
  }

  net::awaitable<Response> Respond(Request request) {
    const std::string_view path = View(request.target()).substr(0, View(request.target()).find('?'));
    const bool get = request.method() == http::verb::get || request.method() == http::verb::head;
    const ReadyState state = door_.service_.ready_state;
    if (get && path == "/healthz") {
      co_return IsAlive(state)
          ? Answer(http::status::ok, "text/plain", "ok\n")
          : Answer(http::status::service_unavailable, "text/plain", "not alive: the gRPC endpoint no longer answers\n");
    }
    if (get && path == "/readyz") {
      co_return Answer(state == ReadyState::kReady ? http::status::ok : http::status::service_unavailable, "text/plain",
                       std::string(SentenceOf(state)) + "\n");
    }
    if (get && path == "/metrics") {
      co_return Answer(http::status::ok, Metrics::kContentType, door_.service_.metrics.Text());
    }
    const Method* method = nullptr;
    if (door_.settings_.api.dev && request.method() == http::verb::post) method = DevMethodAt(path);
    if (method != nullptr) {
      // A page in somebody's browser can post here without asking; programs send no Origin.
      if (request.find(http::field::origin) != request.end()) {
        co_return Refused(Error::AccessDenied("Pages of other sites may not do this"));
      }
      if (request.body().empty()) request.body() = "{}";
    } else if (path != "/") {
      co_return Refused(
          Error::FrontEnd(Fault::kUnknownTarget, "There is nothing at this path; operations are at POST /"),
          http::status::not_found);
    }
    const bool post = request.method() == http::verb::post;
    HttpRequest taken = Taken(request);
    if (method == nullptr && post) {
      std::optional<std::string_view> target;
      const auto refusal = RefusalOf([&] { target = HeaderOf(taken, "x-amz-target"); });
      if (refusal) co_return Refused(*refusal);
      method = MethodOf(target.value_or(""));
    }
    if (method == nullptr) {
      co_return Refused(
          Error::FrontEnd(Fault::kUnknownTarget, "Name an operation of this service: POST / with X-Amz-Target: " +
                                                     std::string(kTargetPrefix) + "<Operation>"));
    }

    // The call has a deadline of its own.
    beast::get_lowest_layer(stream_).expires_never();
    HttpCall call(door_.service_, *method, std::move(taken), certificate_, stream_.get_executor());
    WatchFor(call);
    door_.pipeline_.Start(call);
    Response response = co_await call.Wait();
    StopWatching();
    co_return response;
  }

  static const Method* MethodOf(std::string_view target) {
    if (!target.starts_with(kTargetPrefix)) return nullptr;
    const Method* method = FindMethod(target.substr(kTargetPrefix.size()));
    return method == nullptr || method->policy.extension() ? nullptr : method;
  }

  static const Method* DevMethodAt(std::string_view path) {
    if (path == "/_poold/reset") return FindMethod("ResetAccount");
    return path == "/_poold/seed" ? FindMethod("SeedAccount") : nullptr;
  }

  // Cancels the call if the client hangs up and a while later it still runs.
  void WatchFor(HttpCall& call) {
    call_ = &call;
    tcp::socket& socket = beast::get_lowest_layer(stream_).socket();
    socket.async_wait(tcp::socket::wait_read, [this, &socket, me = this->shared_from_this()](error_code problem) {
      if (problem || call_ == nullptr) return;
      char byte = 0;
      error_code gone;
      socket.non_blocking(true, gone);
      const bool more = socket.receive(net::buffer(&byte, 1), tcp::socket::message_peek, gone) > 0;
      if (more || gone == net::error::would_block) return;
      hang_up_.expires_after(kUntilHangUpCounts);
      hang_up_.async_wait([this, me](error_code stopped) {
        if (!stopped && call_ != nullptr) call_->Cancel();
      });
    });
  }

  void StopWatching() {
    call_ = nullptr;
    hang_up_.cancel();
    error_code ignored;
    beast::get_lowest_layer(stream_).socket().cancel(ignored);
  }

  net::awaitable<bool> Write(Response response) {
    response.set(http::field::date, HttpDate(door_.service_.world.Now()));
    response.prepare_payload();
    Limit(door_.settings_.http_body_timeout);
    const auto [problem, bytes] = co_await http::async_write(stream_, response, kOutcome);
    co_return !problem;
  }

  // The last answer on this connection.
  net::awaitable<void> Part(Response response) {
    response.keep_alive(false);
    const bool written = co_await Write(std::move(response));
    if (!written) co_return;
    if constexpr (kTls) co_return;  // Run says goodbye
    error_code ignored;
    beast::get_lowest_layer(stream_).socket().shutdown(tcp::socket::shutdown_send, ignored);
    Limit(kParting);
    std::vector<char> unread(kReadAhead);
    error_code problem;
    while (!problem) {
      std::tie(problem, std::ignore) = co_await stream_.async_read_some(net::buffer(unread), kOutcome);
    }
  }

  void Limit(milliseconds time) { beast::get_lowest_layer(stream_).expires_after(time); }

  void Close() { beast::get_lowest_layer(stream_).close(); }

  Impl& door_;
  const net::ip::address peer_;
  const Steady::time_point accepted_ = Steady::now();
  Stream stream_;
  ClientCertificate certificate_;  // the client's
  beast::flat_buffer buffer_{kReadAhead};
  net::steady_timer hang_up_{stream_.get_executor()};
  bool stopping_ = false;
  bool busy_ = false;         // with a request, of which at least a byte has come
  HttpCall* call_ = nullptr;  // that is being waited for
};

void HttpDoor::Impl::Admit(tcp::socket socket) {
  error_code problem;
  const tcp::endpoint peer = socket.remote_endpoint(problem);
  if (problem) return;
  socket.set_option(tcp::no_delay(true), problem);
  if (!Count(peer.address())) return TurnAway(socket);
  if (tls_) {
    Start<beast::ssl_stream<beast::tcp_stream>>(peer.address(), std::move(socket), TlsContext());
  } else {
    Start<beast::tcp_stream>(peer.address(), std::move(socket));
  }
}

template <class Stream, class... MoreOfStream>
void HttpDoor::Impl::Start(const net::ip::address& peer, tcp::socket socket, MoreOfStream&... more) {
  const auto executor = socket.get_executor();
  const auto session = std::make_shared<Session<Stream>>(*this, peer, std::move(socket), more...);
  {
    const std::lock_guard lock(mutex_);
    connections_.insert(session);
  }
  if (stopping_) session->Stop();
  net::co_spawn(
      executor, [session] { return session->Run(); }, [this, session](const std::exception_ptr&) { Forget(session); });
}

HttpDoor::HttpDoor(const Settings& settings, const Service& service, Pipeline& pipeline, const Tls* tls)
    : impl_(std::make_unique<Impl>(settings, service, pipeline, tls)) {}
HttpDoor::~HttpDoor() = default;
const std::string& HttpDoor::address() const { return impl_->address(); }
void HttpDoor::Shutdown(milliseconds limit) { impl_->Shutdown(limit); }

}  // namespace poold
