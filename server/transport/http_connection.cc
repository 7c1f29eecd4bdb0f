#include "server/transport/http_connection.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "server/base/limits.h"
#include "server/base/world.h"
#include "server/telemetry/logging.h"
#include "server/telemetry/metrics.h"
#include "server/transport/body_pace.h"
#include "server/transport/client_certificate.h"
#include "server/transport/http_answer.h"
#include "server/transport/http_call.h"
#include "server/transport/http_head.h"
#include "server/transport/http_routes.h"
#include "server/transport/http_stream.h"

namespace poold {
namespace {

namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;
using PlainStream = HttpStream<boost::beast::tcp_stream>;
using TlsStream = HttpStream<boost::beast::ssl_stream<boost::beast::tcp_stream>>;

// A body of no more bytes, whose length is known, takes nothing of the room for bodies: the connection's read buffer
// has the same size, and the number of connections bounds both. So a call of everyday size never waits for large ones.
constexpr std::uint64_t kSmallBody = PlainStream::kRead;
// What a body of unknown length takes of that room at first: one read can bring as much. It takes more as it grows.
constexpr std::size_t kFirstRoom = PlainStream::kReadAhead;
// After an answer that ends a connection, what the client still sends is read for so long, so that it gets to see the
// answer: a connection closed on unread bytes is reset.
constexpr milliseconds kParting{500};
// The same if the client is still sending a body that nobody wants: many clients read no answer before they are done.
constexpr milliseconds kPartingFromBody{5000};
constexpr std::size_t kPartingBytes = 2 * limits::kRequestBytes;
// An unread body of no more bytes is read and thrown away, so that the connection can go on.
constexpr std::uint64_t kSkippedBody = 64 << 10;
// A client that hung up may only have ended its own half of the connection; and a call that is cut costs a connection
// to the database, which nobody should be able to spend by hanging up.
constexpr milliseconds kUntilHangUpCounts{1000};

// A request on its way through.
struct Exchange {
  Exchange(BodyRoom& room, const ClientAddress& client) : share(room, client) { SetLimits(parser); }

  HttpParser parser;
  HttpRequest request;                   // without its body until that has been read
  std::optional<HttpRefusal> malformed;  // what is wrong with its framing
  const Method* method = nullptr;        // that it calls; nullptr: it calls none
  bool keep_alive = false;               // the client would like to go on
  bool expects_to_continue = false;      // the client waits for 100 (Continue)
  BodyShare share;                       // of the room for bodies
};

// `Stream`: PlainStream or TlsStream.
template <class Stream>
class ConnectionOver final : public ServedConnection, public std::enable_shared_from_this<ConnectionOver<Stream>> {
 public:
  template <class... MoreOfStream>
  ConnectionOver(const HttpEndpoint& endpoint, tcp::socket socket, ConnectionCounts::Ticket place,
                 MoreOfStream&... more)
      : endpoint_(endpoint), place_(std::move(place)), stream_(std::move(socket), more...) {}

  void Stop() override {
    net::post(stream_.get_executor(), [this, me = this->shared_from_this()] {
      stopping_ = true;
      if (!busy_) stream_.Close();
    });
  }

  void Cancel() override {
    net::post(stream_.get_executor(), [this, me = this->shared_from_this()] {
      if (share_ != nullptr) share_->StopWaiting();
      if (call_ != nullptr)
        call_->Cancel();
      else
        stream_.Close();
    });
  }

  net::awaitable<void> Run() override {
    if constexpr (Stream::kTls) {
      stream_.Limit(endpoint_.settings.header_timeout);
      const error_code problem = co_await stream_.Handshake();
      if (problem) {
        place_.Punish(ConnectionCounts::kPenalty);
        co_return;
      }
      certificate_ = CertificateOf(stream_.tls().native_handle());
    }
    bool more = true;
    while (more && !stopping_) {
      busy_ = false;
      more = co_await ServeOne();
    }
    co_await SayGoodbye();
  }

 private:
  // True if another request may follow on this connection.
  net::awaitable<bool> ServeOne() {
    Exchange exchange(endpoint_.room, place_.address());
    error_code problem = co_await ReadHead(exchange);
    if (problem) {
      co_await Complain(problem);
      co_return false;
    }
    std::optional<HttpAnswer> answer = co_await AnswerByHead(exchange);
    if (!answer) answer = co_await FindRoom(exchange);
    if (answer) {
      const bool goes_on = co_await AnswerUnread(exchange, std::move(*answer));
      co_return goes_on;
    }
    problem = co_await ReadBody(exchange);
    if (problem) {
      co_await Complain(problem);
      co_return false;
    }
    if (HasTrailers(exchange.parser)) {
      const HttpRefusal trailers{Error::FrontEnd(Fault::kSerialization, "A request may have no trailers")};
      co_await Part(Refused(trailers));
      co_return false;
    }
    exchange.request.body = std::move(exchange.parser.get().body());
    answer = co_await RunCall(exchange);
    if (boost::beast::http::to_status_class(answer->result()) == boost::beast::http::status_class::successful) {
      Forgive();
    }
    // The client may take its time to read the answer.
    std::string().swap(exchange.request.body);
    exchange.share.ReturnAll();
    const bool goes_on = co_await Send(exchange, std::move(*answer));
    co_return goes_on;
  }

  net::awaitable<error_code> ReadHead(Exchange& exchange) {
    stream_.Limit(endpoint_.settings.idle_timeout);
    error_code problem = co_await stream_.Await();
    if (problem) co_return problem;
    busy_ = true;
    stream_.Limit(endpoint_.settings.header_timeout);
    problem = co_await stream_.ReadHeader(exchange.parser);
    if (problem) co_return problem;
    exchange.malformed = RefusalOfFraming(exchange.parser);
    exchange.keep_alive = exchange.parser.get().keep_alive();
    exchange.expects_to_continue = ExpectsToContinue(exchange.parser);
    exchange.request = TakeHead(exchange.parser);
    co_return problem;
  }

  // What the headers alone are answered with; nothing if the body must be read.
  net::awaitable<std::optional<HttpAnswer>> AnswerByHead(Exchange& exchange) {
    if (exchange.malformed) {
      exchange.keep_alive = false;
      co_return Refused(*exchange.malformed);
    }
    HttpRoute route = RouteOf(exchange.request, endpoint_.settings, endpoint_.service);
    if (auto* answer = std::get_if<HttpAnswer>(&route)) co_return std::move(*answer);
    if (const auto* refusal = std::get_if<HttpRefusal>(&route)) co_return Refused(*refusal);
    exchange.method = std::get<const Method*>(route);

    // A request that is here as a whole is judged once, as a whole.
    const auto length = exchange.parser.content_length();
    if (exchange.parser.is_done() || (length && *length <= stream_.buffered())) co_return std::nullopt;
    HttpCall call(endpoint_.service, *exchange.method, exchange.request, certificate_, stream_.get_executor());
    if (!endpoint_.pipeline.RefuseByHeaders(call)) co_return std::nullopt;
    HttpAnswer answer = co_await call.Wait();
    co_return answer;
  }

  // Takes what the body needs of the room for bodies; answers with a refusal if there is none. Then lets the client
  // send the body.
  net::awaitable<std::optional<HttpAnswer>> FindRoom(Exchange& exchange) {
    if (exchange.parser.is_done()) co_return std::nullopt;
    const auto length = exchange.parser.content_length();
    const std::uint64_t needed = length ? *length : kFirstRoom;
    if (!length || needed > kSmallBody) {
      share_ = &exchange.share;
      const auto patience = std::min(BodyRoom::kPatience, endpoint_.settings.body_timeout);
      const bool found = co_await exchange.share.Take(static_cast<std::int64_t>(needed), patience);
      share_ = nullptr;
      if (!found) co_return Refused(NoRoom());
    }
    if (exchange.expects_to_continue && stream_.buffered() == 0) {
      stream_.Limit(endpoint_.settings.header_timeout);
      co_await stream_.AskForBody();
    }
    co_return std::nullopt;
  }

  net::awaitable<error_code> ReadBody(Exchange& exchange) {
    HttpParser& parser = exchange.parser;
    const auto length = parser.content_length();
    const bool grows = !length.has_value();
    const bool small = length && *length <= kSmallBody;
    const BodyPace pace(Steady::now(), endpoint_.settings.body_timeout);
    std::string& body = parser.get().body();
    if (grows) body.reserve(kFirstRoom);
    parser.eager(true);
    error_code problem;
    while (!problem && !parser.is_done()) {
      if (grows && !MakeRoom(exchange.share, body)) co_return net::error::no_buffer_space;
      const auto arrived = static_cast<std::int64_t>(body.size());
      stream_.LimitUntil(small ? pace.End() : pace.Until(arrived));
      problem = co_await stream_.ReadSome(parser);
    }
    co_return problem;
  }

  // Doubles the room of a body of unknown length if the next read could fill it. It doesn't wait: a body that holds
  // room while it waits for more could keep others from ever getting theirs.
  bool MakeRoom(BodyShare& share, std::string& body) const {
    const std::size_t room = body.capacity();
    if (body.size() + Stream::kReadAhead <= room || room >= limits::kRequestBytes) return true;
    if (!share.TryTake(static_cast<std::int64_t>(room))) return false;
    body.reserve(2 * room);
    return true;
  }

  // Of a body for which there is no room in memory.
  static HttpRefusal NoRoom() {
    return {Error::Throttled(std::chrono::seconds(1), "Too many request bodies are in memory; try again later"),
            HttpStatus::service_unavailable, RefusalCause::kQueueFull};
  }

  // The answer to a request that doesn't become a call.
  HttpAnswer Refused(const HttpRefusal& refusal) const {
    const Service& service = endpoint_.service;
    const std::string request_id = service.world.NewRequestId();
    service.metrics.Refused(refusal.cause);
    LogRefusedRequest(service.log, request_id, "http", refusal.error.exception());
    return MakeRefusal(refusal.error, request_id, refusal.status);
  }

  // Ends the connection on bytes that are no request, with an answer if there is somebody to tell.
  net::awaitable<void> Complain(error_code problem) {
    const auto refusal = problem == net::error::no_buffer_space ? NoRoom() : RefusalOfBytes(problem);
    if (!refusal) co_return;
    parting_ = kPartingFromBody;
    co_await Part(Refused(*refusal));
  }

  net::awaitable<HttpAnswer> RunCall(const Exchange& exchange) {
    // The call has a deadline of its own.
    stream_.NoLimit();
    HttpCall call(endpoint_.service, *exchange.method, exchange.request, certificate_, stream_.get_executor());
    WatchFor(call);
    endpoint_.pipeline.Start(call);
    HttpAnswer answer = co_await call.Wait();
    StopWatching();
    co_return answer;
  }

  // Cancels the call if the client hangs up and a while later it still runs.
  void WatchFor(HttpCall& call) {
    call_ = &call;
    tcp::socket& socket = stream_.socket();
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
    stream_.socket().cancel(ignored);
  }

  // The client was served, so it is no stranger.
  void Forgive() {
    if (!std::exchange(forgiven_, true)) place_.Forgive();
  }

  bool TooOld() const {
    const auto greatest_age = endpoint_.settings.max_connection_age;
    return greatest_age.count() > 0 && Steady::now() - accepted_ > greatest_age;
  }

  // The answer to a request that has been read as a whole. True if another one may follow.
  net::awaitable<bool> Send(const Exchange& exchange, HttpAnswer answer) {
    const bool head = exchange.request.method == "HEAD";
    if (head) answer.body().clear();
    if (!exchange.keep_alive || head || TooOld() || stopping_) {
      co_await Part(std::move(answer));
      co_return false;
    }
    answer.keep_alive(true);
    const bool written = co_await Write(std::move(answer));
    co_return written;
  }

  // The answer to a request whose body, if it has one, has not been read. True if another request may follow.
  net::awaitable<bool> AnswerUnread(Exchange& exchange, HttpAnswer answer) {
    const bool has_body = !exchange.parser.is_done();
    const std::uint64_t length = exchange.parser.content_length().value_or(kSkippedBody + 1);
    // Who waits for 100 (Continue) may send the body or not: what comes next could be either.
    const bool unclear = length > kSkippedBody || (exchange.expects_to_continue && stream_.buffered() == 0);
    if (has_body && unclear) {
      exchange.keep_alive = false;
      parting_ = kPartingFromBody;
    }
    bool goes_on = co_await Send(exchange, std::move(answer));
    if (goes_on && has_body) {
      busy_ = false;
      stream_.Limit(endpoint_.settings.body_timeout);
      goes_on = co_await stream_.Skip(static_cast<std::size_t>(length));
    }
    co_return goes_on;
  }

  net::awaitable<bool> Write(HttpAnswer answer) {
    answer.set(boost::beast::http::field::date, HttpDate(endpoint_.service.world.Now()));
    answer.prepare_payload();
    stream_.Limit(endpoint_.settings.body_timeout);
    const bool written = co_await stream_.Write(answer);
    co_return written;
  }

  // The last answer on this connection. Afterwards it ends itself, see SayGoodbye.
  net::awaitable<void> Part(HttpAnswer answer) {
    answer.keep_alive(false);
    co_await Write(std::move(answer));
  }

  // Ends the connection so that the client gets to see the last answer.
  net::awaitable<void> SayGoodbye() {
    stream_.Limit(kParting);
    co_await stream_.Shutdown();
    // Only somebody who is still sending is waited for so long, and not when the server stops.
    if (parting_ > kParting) busy_ = false;
    stream_.Limit(stopping_ ? kParting : parting_);
    co_await stream_.Drain(kPartingBytes);
  }

  const HttpEndpoint endpoint_;
  ConnectionCounts::Ticket place_;
  const Steady::time_point accepted_ = Steady::now();
  Stream stream_;
  ClientCertificate certificate_;  // the client's
  net::steady_timer hang_up_{stream_.get_executor()};
  bool forgiven_ = false;
  bool stopping_ = false;
  bool busy_ = false;           // with a request, of which at least a byte has come
  HttpCall* call_ = nullptr;    // that is being waited for
  BodyShare* share_ = nullptr;  // that waits for room
  milliseconds parting_ = kParting;
};

}  // namespace

std::shared_ptr<ServedConnection> ServePlain(const HttpEndpoint& endpoint, tcp::socket socket,
                                             ConnectionCounts::Ticket place) {
  return std::make_shared<ConnectionOver<PlainStream>>(endpoint, std::move(socket), std::move(place));
}

std::shared_ptr<ServedConnection> ServeTls(const HttpEndpoint& endpoint, tcp::socket socket,
                                           ConnectionCounts::Ticket place, net::ssl::context& context) {
  return std::make_shared<ConnectionOver<TlsStream>>(endpoint, std::move(socket), std::move(place), context);
}

}  // namespace poold
