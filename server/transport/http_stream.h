#pragma once

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "server/transport/http_answer.h"
#include "server/transport/http_head.h"

namespace poold {

// The bytes of one connection of the AWS JSON endpoint, over plain TCP or TLS: beast::tcp_stream, or
// beast::ssl_stream<beast::tcp_stream>. Knows when a request begins and ends, and not what it means. On the executor of
// its socket only; one operation at a time. Each has a limit of time, after which the connection is closed.
template <class Stream>
class HttpStream {
 public:
  using Problem = boost::system::error_code;
  using Steady = std::chrono::steady_clock;
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  static constexpr bool kTls = !std::is_same_v<Stream, boost::beast::tcp_stream>;
  // How far the read buffer may grow. It must hold the longest headers.
  static constexpr std::size_t kReadAhead = 2 * kHttpHeaderBytes;
  static constexpr std::size_t kRead = 4 << 10;

  template <class... MoreOfStream>
  explicit HttpStream(boost::asio::ip::tcp::socket socket, MoreOfStream&... more)
      : stream_(std::move(socket), more...) {}

  auto get_executor() { return stream_.get_executor(); }
  Stream& tls() { return stream_; }
  boost::asio::ip::tcp::socket& socket() { return tcp().socket(); }
  // Bytes that have come and were not consumed.
  std::size_t buffered() const { return buffer_.size(); }

  void Close() { tcp().close(); }
  // The time limits of what follows.
  void Limit(std::chrono::milliseconds time) { tcp().expires_after(time); }
  void LimitUntil(Steady::time_point time) { tcp().expires_at(time); }
  void NoLimit() { tcp().expires_never(); }

  Awaitable<Problem> Handshake() {
    const auto [problem] = co_await stream_.async_handshake(boost::asio::ssl::stream_base::server, kOutcome);
    co_return problem;
  }

  // Waits for the first byte of the next request.
  Awaitable<Problem> Await() {
    Problem problem;
    if (buffer_.size() == 0) co_await ReadMore(problem);
    co_return problem;
  }

  Awaitable<Problem> ReadHeader(HttpParser& parser) {
    const auto [problem, bytes] = co_await boost::beast::http::async_read_header(stream_, buffer_, parser, kOutcome);
    co_return problem;
  }

  // A part of the body: at most kReadAhead bytes.
  Awaitable<Problem> ReadSome(HttpParser& parser) {
    const auto [problem, bytes] = co_await boost::beast::http::async_read_some(stream_, buffer_, parser, kOutcome);
    co_return problem;
  }

  // Throws so many bytes away. True if they all came.
  Awaitable<bool> Skip(std::size_t bytes) {
    Problem problem;
    for (;;) {
      const std::size_t here = std::min(bytes, buffer_.size());
      buffer_.consume(here);
      bytes -= here;
      if (bytes == 0 || problem) co_return bytes == 0;
      co_await ReadMore(problem);
    }
  }

  // 100 (Continue).
  Awaitable<void> AskForBody() {
    boost::beast::http::response<boost::beast::http::empty_body> answer(HttpStatus::continue_, 11);
    co_await boost::beast::http::async_write(stream_, answer, kOutcome);  // reading shows whether it went well
  }

  Awaitable<bool> Write(HttpAnswer& answer) {
    const auto [problem, bytes] = co_await boost::beast::http::async_write(stream_, answer, kOutcome);
    co_return !problem;
  }

  // Tells the client that nothing more comes.
  Awaitable<void> Shutdown() {
    if constexpr (kTls) co_await stream_.async_shutdown(kOutcome);
    Problem ignored;
    socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  }

  // Reads until the client ends the connection, and throws away what comes: so many bytes at most.
  Awaitable<void> Drain(std::size_t bytes) {
    buffer_.clear();
    Problem problem;
    std::size_t came = 0;
    for (std::size_t drained = 0; !problem && drained < bytes; drained += came) {
      std::tie(problem, came) = co_await tcp().async_read_some(buffer_.prepare(kRead), kOutcome);
    }
  }

 private:
  // An operation's outcome as a value: the peer going away is no exception to us.
  // (g++ 12 miscompiles co_await inside conditions: each stands in a statement of its own.)
  static constexpr auto kOutcome = boost::asio::as_tuple(boost::asio::use_awaitable);

  boost::beast::tcp_stream& tcp() { return boost::beast::get_lowest_layer(stream_); }

  Awaitable<void> ReadMore(Problem& problem) {
    std::size_t bytes = 0;
    std::tie(problem, bytes) = co_await stream_.async_read_some(buffer_.prepare(kRead), kOutcome);
    buffer_.commit(bytes);
  }

  Stream stream_;
  boost::beast::flat_buffer buffer_{kReadAhead};
};

}  // namespace poold
