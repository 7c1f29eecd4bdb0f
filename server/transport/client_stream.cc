#include "server/transport/client_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <new>

namespace poold {
namespace {

using enum Io::Outcome;

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

void ClientStream::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

ClientStream::ClientStream(UniqueFd socket, ssl_ctx_st* context) : socket_(std::move(socket)) {
  if (context == nullptr) return;
  ssl_.reset(SSL_new(context));
  if (!ssl_ || SSL_set_fd(ssl_.get(), socket_.get()) != 1) throw std::bad_alloc();
  // An idle connection keeps no buffers; what could not be written may come from another place next time.
  SSL_set_mode(ssl_.get(),
               SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_accept_state(ssl_.get());
}

Io ClientStream::OutcomeOf(int result) const {
  if (result > 0) return {kDone, static_cast<std::size_t>(result)};
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {kWaitToRead};
    case SSL_ERROR_WANT_WRITE:
      return {kWaitToWrite};
    case SSL_ERROR_ZERO_RETURN:
      return {kEnded};
    default:
      return {kBroken};
  }
}

Io ClientStream::Handshake() {
  ERR_clear_error();
  return OutcomeOf(SSL_do_handshake(ssl_.get()));
}

Io ClientStream::Read(std::span<std::byte> into) {
  if (!ssl_) return ReadSome(file(), into);
  ERR_clear_error();
  return OutcomeOf(SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size())));
}

Io ClientStream::Write(std::span<const std::byte> bytes) {
  if (!ssl_) return WriteSome(file(), bytes);
  ERR_clear_error();
  return OutcomeOf(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())));
}

void ClientStream::EndWriting() {
  if (ssl_ && SSL_is_init_finished(ssl_.get()) != 0) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  shutdown(file(), SHUT_WR);
}

Io ReadSome(int file, std::span<std::byte> into) {
  const ssize_t count = recv(file, into.data(), into.size(), 0);
  if (count > 0) return {kDone, static_cast<std::size_t>(count)};
  if (count == 0) return {kEnded};
  return {WouldBlock(errno) ? kWaitToRead : kBroken};
}

Io WriteSome(int file, std::span<const std::byte> bytes) {
  const ssize_t count = send(file, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (count >= 0) return {kDone, static_cast<std::size_t>(count)};
  return {WouldBlock(errno) ? kWaitToWrite : kBroken};
}

}  // namespace poold
