#include "tests/bench/driver/http2.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace poold::bench {
namespace {

constexpr std::int32_t kWindow = 16 << 20;  // no answer ever waits for us to make room
constexpr std::size_t kGreatestWrite = 64 << 10;

void Check(long result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + nghttp2_strerror(static_cast<int>(result)));
}

nghttp2_nv Header(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

Call* CallOf(nghttp2_session* session, std::int32_t stream) {
  return static_cast<Call*>(nghttp2_session_get_stream_user_data(session, stream));
}

}  // namespace

std::string Framed(const std::string& message) {
  std::string framed(5 + message.size(), '\0');
  for (std::size_t i = 0; i < 4; ++i) framed[1 + i] = static_cast<char>(message.size() >> (24 - 8 * i));
  message.copy(framed.data() + 5, message.size());
  return framed;
}

struct Connection::Callbacks {
  static ssize_t Read(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room, std::uint32_t* flags,
                      nghttp2_data_source* source, void*) {
    Call& call = *static_cast<Call*>(source->ptr);
    const std::size_t size = call.request.copy(reinterpret_cast<char*>(to), room, call.request_sent);
    call.request_sent += size;
    if (call.request_sent == call.request.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }

  // Until then a call waits here, for another one of its connection to end.
  static int OnSent(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (Call* call = CallOf(session, frame->hd.stream_id)) call->sent = Clock::now();
    return 0;
  }

  static int OnHeader(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name_bytes,
                      std::size_t name_size, const std::uint8_t* bytes, std::size_t size, std::uint8_t, void*) {
    const std::string_view name(reinterpret_cast<const char*>(name_bytes), name_size);
    const std::string_view value(reinterpret_cast<const char*>(bytes), size);
    if (name == "grpc-status") {
      if (Call* call = CallOf(session, frame->hd.stream_id)) call->grpc_status = std::stoi(std::string(value));
    } else if (name == "x-amzn-errortype") {
      if (Call* call = CallOf(session, frame->hd.stream_id)) call->exception = value;
    }
    return 0;
  }

  static int OnData(nghttp2_session* session, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes,
                    std::size_t size, void*) {
    if (Call* call = CallOf(session, stream)) call->answer.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }

  static int OnClose(nghttp2_session* session, std::int32_t stream, std::uint32_t, void* connection) {
    if (Call* call = CallOf(session, stream)) {
      nghttp2_session_set_stream_user_data(session, stream, nullptr);
      Connection& self = *static_cast<Connection*>(connection);
      self.on_end_(self, std::unique_ptr<Call>(call));
    }
    return 0;
  }
};

Connection::Connection(const std::string& address, OnEnd on_end) : authority_(address), on_end_(std::move(on_end)) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  if (inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1) {
    throw std::runtime_error("not an IPv4 address with a port: " + address);
  }
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot connect to " + address);
  }
  const int yes = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  fcntl(socket_, F_SETFL, O_NONBLOCK);

  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &Callbacks::OnSent);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &Callbacks::OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &Callbacks::OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &Callbacks::OnClose);
  Check(nghttp2_session_client_new(&session_, callbacks, this), "nghttp2");
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow}};
  Check(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings)), "nghttp2");
  Check(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindow), "nghttp2");
}

Connection::~Connection() {
  nghttp2_session_del(session_);
  close(socket_);
}

void Connection::Start(std::unique_ptr<Call> call) {
  const nghttp2_nv headers[] = {Header(":method", "POST"),
                                Header(":scheme", "http"),
                                Header(":path", call->path),
                                Header(":authority", authority_),
                                Header("te", "trailers"),
                                Header("content-type", "application/grpc"),
                                Header(call->header, call->header_value)};
  nghttp2_data_provider body{};
  body.source.ptr = call.get();
  body.read_callback = &Callbacks::Read;
  Check(nghttp2_submit_request(session_, nullptr, headers, std::size(headers), &body, call.get()), "nghttp2");
  call.release();  // until OnClose
}

bool Connection::Send() {
  for (;;) {
    if (outgoing_sent_ == outgoing_.size()) {
      outgoing_.clear();
      outgoing_sent_ = 0;
      while (outgoing_.size() < kGreatestWrite) {
        const std::uint8_t* bytes = nullptr;
        const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
        Check(size, "nghttp2");
        if (size == 0) break;
        outgoing_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
      }
      if (outgoing_.empty()) return false;
    }
    const ssize_t sent =
        ::send(socket_, outgoing_.data() + outgoing_sent_, outgoing_.size() - outgoing_sent_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
      throw std::system_error(errno, std::generic_category(), "cannot send");
    }
    outgoing_sent_ += static_cast<std::size_t>(sent);
  }
}

void Connection::Receive() {
  std::array<std::uint8_t, 64 << 10> bytes;
  for (;;) {
    const ssize_t size = recv(socket_, bytes.data(), bytes.size(), 0);
    if (size == 0) throw std::runtime_error("the server hung up");
    if (size < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      throw std::system_error(errno, std::generic_category(), "cannot receive");
    }
    Check(nghttp2_session_mem_recv(session_, bytes.data(), static_cast<std::size_t>(size)), "nghttp2");
    if (static_cast<std::size_t>(size) < bytes.size()) return;
  }
}

}  // namespace poold::bench
