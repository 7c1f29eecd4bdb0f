#pragma once

// Just enough of HTTP/2 to call unary methods of a gRPC server, at a few microseconds a call: the program that makes
// the load shares the machine with what it measures.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct nghttp2_session;

namespace poold::bench {

using Clock = std::chrono::steady_clock;

// One call, from its request to its answer.
struct Call {
  std::string_view path;          // "/smsvoice.v2.Pools/DescribePools", must live on
  std::string_view header;        // who calls: the name of a header, must live on ...
  std::string_view header_value;  // ... and its value, which must live as long as the call
  std::string request;            // framed as gRPC does it: see Framed
  std::size_t request_sent = 0;

  int grpc_status = -1;   // as answered; -1 if the stream ended without one
  std::string exception;  // x-amzn-errortype
  std::string answer;     // framed

  std::string expected;       // what must be in the answer ...
  std::string_view repeated;  // ... and what must be in it so many times, unless empty
  int times = 0;
  std::string refused;  // unless empty: the exception that must be the answer instead

  Clock::time_point due;   // when it should have been sent
  Clock::time_point sent;  // set by the connection, when the server allows one more call on it
};

// A message as gRPC sends it: a zero, four bytes of length, the message.
std::string Framed(const std::string& message);

// A connection to one server, without TLS. One thread.
class Connection {
 public:
  using OnEnd = std::function<void(Connection&, std::unique_ptr<Call>)>;

  // Connects, or throws std::runtime_error. `address`: "127.0.0.1:50051".
  Connection(const std::string& address, OnEnd on_end);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int socket() const { return socket_; }

  // Queues a call; Send() sends it. The answer is given to on_end from within Receive().
  void Start(std::unique_ptr<Call> call);

  // Sends what is queued, as far as the socket takes it. True if something is left for when it can be written to.
  bool Send();

  // Takes in what has arrived. Throws std::runtime_error when the server has hung up.
  void Receive();

  struct Callbacks;  // nghttp2's side

 private:
  const std::string authority_;
  const OnEnd on_end_;
  int socket_ = -1;
  nghttp2_session* session_ = nullptr;
  std::string outgoing_;
  std::size_t outgoing_sent_ = 0;
};

}  // namespace poold::bench
