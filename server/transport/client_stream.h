#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "server/base/unique_fd.h"

struct ssl_st;
struct ssl_ctx_st;

namespace poold {

// What became of an attempt to read or write without waiting.
struct Io {
  enum class Outcome {
    kDone,        // `bytes` were moved, at least one
    kWaitToRead,  // try again when the socket can be read
    kWaitToWrite,
    kEnded,  // reading: the client sends nothing more
    kBroken  // the connection is of no use any more
  };
  Outcome outcome;
  std::size_t bytes = 0;

  bool done() const { return outcome == Outcome::kDone; }
  bool waits() const { return outcome == Outcome::kWaitToRead || outcome == Outcome::kWaitToWrite; }
};

// An accepted connection, with TLS or without: bytes as the client means them. Nothing here waits. One thread at a
// time; SIGPIPE must be blocked on it.
class ClientStream {
 public:
  // `socket` does not block. `context`: of OpenSSL, nullptr for no TLS; it is used only now. Throws std::bad_alloc.
  ClientStream(UniqueFd socket, ssl_ctx_st* context);

  int file() const { return socket_.get(); }
  bool encrypted() const { return ssl_ != nullptr; }
  // nullptr without TLS.
  const ssl_st* ssl() const { return ssl_.get(); }

  // Goes on with the handshake of TLS; kDone once it is over.
  Io Handshake();

  Io Read(std::span<std::byte> into);
  Io Write(std::span<const std::byte> bytes);
  // Tells the client that nothing more comes. Says so as far as that goes without waiting.
  void EndWriting();

 private:
  struct Free {
    void operator()(ssl_st* ssl) const;
  };

  Io OutcomeOf(int result) const;

  UniqueFd socket_;
  std::unique_ptr<ssl_st, Free> ssl_;
};

// The same for a plain socket. `file` does not block.
Io ReadSome(int file, std::span<std::byte> into);
Io WriteSome(int file, std::span<const std::byte> bytes);

}  // namespace poold
