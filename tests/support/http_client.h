#pragma once

// A connection to the AWS JSON door as nobody's SDK would use it: byte by byte. One thread.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

namespace poold {

using HttpResponse = boost::beast::http::response<boost::beast::http::string_body>;

class HttpConnection {
 public:
  // `address`: "127.0.0.1:8080".
  explicit HttpConnection(const std::string& address) : stream_(context_) {
    const std::size_t colon = address.rfind(':');
    const boost::asio::ip::tcp::endpoint server(boost::asio::ip::make_address(address.substr(0, colon)),
                                                static_cast<unsigned short>(std::stoul(address.substr(colon + 1))));
    Must(Wait([&](auto done) { stream_.async_connect(server, done); }));
  }

  void Send(std::string_view bytes) {
    Must(Wait([&](auto done) {
      boost::asio::async_write(stream_, boost::asio::buffer(bytes),
                               [done](auto problem, std::size_t) { done(problem); });
    }));
  }

  // The next answer. Throws std::runtime_error if none comes.
  HttpResponse Read() {
    HttpResponse response;
    Must(Wait([&](auto done) {
      boost::beast::http::async_read(stream_, buffer_, response, [done](auto problem, std::size_t) { done(problem); });
    }));
    return response;
  }

  // So many bytes, whatever they are. Throws std::runtime_error if they don't come.
  std::string ReadBytes(std::size_t count) {
    std::string bytes(count, '\0');
    Must(Wait([&](auto done) {
      boost::asio::async_read(stream_, boost::asio::buffer(bytes),
                              [done](auto problem, std::size_t) { done(problem); });
    }));
    return bytes;
  }

  // The server has ended the connection, or does so soon, without another byte.
  bool Ends() {
    if (buffer_.size() > 0) return false;
    char byte = 0;
    const auto problem = Wait([&](auto done) {
      stream_.async_read_some(boost::asio::buffer(&byte, 1), [done](auto end, std::size_t) { done(end); });
    });
    return problem && problem != boost::beast::error::timeout;
  }

  void Close() { stream_.close(); }
  // Sends nothing more, but still reads.
  void CloseHalf() { stream_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send); }

  static constexpr std::string_view kTarget = "X-Amz-Target: PinpointSMSVoiceV2.";

  // A request as clients send it, with further header lines, each with its end.
  static std::string Post(std::string_view operation, std::string_view body, std::string_view headers = "") {
    return "POST / HTTP/1.1\r\nHost: localhost\r\n" + std::string(kTarget) + std::string(operation) + "\r\n" +
           "Content-Type: application/x-amz-json-1.0\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string(headers) + "\r\n" + std::string(body);
  }

  HttpResponse Call(std::string_view operation, std::string_view body, std::string_view headers = "") {
    Send(Post(operation, body, headers));
    return Read();
  }

 private:
  static constexpr std::chrono::seconds kPatience{20};

  template <class Start>
  boost::system::error_code Wait(const Start& start) {
    boost::system::error_code outcome;
    stream_.expires_after(kPatience);
    start([&outcome](boost::system::error_code problem) { outcome = problem; });
    context_.restart();
    context_.run();
    return outcome;
  }

  static void Must(boost::system::error_code problem) {
    if (problem) throw std::runtime_error("HTTP: " + problem.message());
  }

  boost::asio::io_context context_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
};

}  // namespace poold
