#include "server/transport/relayed_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

#include "server/transport/tls_context.h"

namespace poold {
namespace {

using enum Io::Outcome;

// What a client gets before it is told to go away, if it has got nothing yet: HTTP/2 begins with SETTINGS.
constexpr std::string_view kEmptySettings("\x00\x00\x00\x04\x00\x00\x00\x00\x00", 9);

}  // namespace

RelayedConnection::RelayedConnection(EventLoop& loop, Relay& relay, ClientStream client, std::string address,
                                     ConnectionCounts::Ticket ticket)
    : loop_(loop),
      relay_(relay),
      client_(std::move(client)),
      address_(std::move(address)),
      ticket_(std::move(ticket)),
      deadline_(EventLoop::Clock::now() + relay.handshake_limit) {}

RelayedConnection::~RelayedConnection() {
  CloseInner();
  loop_.Unwatch(client_.file());
}

void RelayedConnection::OnStart() {
  if (client_.encrypted()) {
    Handshake();
  } else {
    BeginToRelay();
  }
  UpdateWatches();
}

void RelayedConnection::OnReady(int file, std::uint32_t events) {
  const bool gone = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (file == client_.file()) {
    gone ? End() : ClientIsReady(events);
  } else {
    if (gone) {
      // epoll would tell it again and again, also while the client takes nothing.
      loop_.Unwatch(file);
      inner_gone_ = true;
      deadline_ = loop_.now() + kDelivery;
    }
    if ((events & EPOLLOUT) != 0) MoveUp();
    if (gone || (events & EPOLLIN) != 0) MoveDown();
  }
  UpdateWatches();
}

void RelayedConnection::ClientIsReady(std::uint32_t events) {
  const bool readable = (events & EPOLLIN) != 0;
  const bool writable = (events & EPOLLOUT) != 0;
  switch (stage_) {
    case Stage::kHandshake:
      return Handshake();
    case Stage::kRelaying:
    case Stage::kDelivering:
      if (readable || (writable && read_waits_to_write_)) MoveUp();
      if (writable || (readable && write_waits_to_read_)) MoveDown();
      return;
    case Stage::kParting:
      return Discard();
    case Stage::kEnded:
      return;
  }
}

void RelayedConnection::OnTick() {
  if (stage_ == Stage::kRelaying && !inner_gone_) {
    if (!guard_) return;
    if (const auto broken = guard_->CheckTime(loop_.now())) Cut(*broken);
  } else if (stage_ == Stage::kHandshake && relay_.stopping) {
    End();
  } else if (loop_.now() >= deadline_) {
    if (stage_ == Stage::kHandshake) relay_.on_cut(address_, kHandshakeCause);
    End();
  }
  UpdateWatches();
}

void RelayedConnection::Handshake() {
  const Io io = client_.Handshake();
  read_waits_to_write_ = io.outcome == kWaitToWrite;
  if (io.waits()) return;
  // gRPC without ALPN is refused, as gRPC's own TLS refuses it.
  if (!io.done() || SelectedProtocol(client_.ssl()) != "h2") return End();
  BeginToRelay();
}

void RelayedConnection::BeginToRelay() {
  NamedPair pair = relay_.pairs.Make();
  inner_ = std::move(pair.named);
  GrpcPeer peer{address_, {}};
  if (client_.encrypted()) peer.certificate = CertificateOf(client_.ssl());
  peer_ = relay_.peers.Add(std::move(pair.address), std::move(peer));
  if (relay_.guarded) guard_.emplace(relay_.limits, relay_.unfinished, loop_.now());
  stage_ = Stage::kRelaying;
  relay_.hand_over(std::move(pair.other));
}

void RelayedConnection::MoveUp() {
  if (stage_ != Stage::kRelaying) return;
  if (!up_.empty()) return WriteUp(std::exchange(up_, {}));
  if (client_ended_ || paced_) return;
  const Io io = client_.Read(loop_.scratch());
  read_waits_to_write_ = io.outcome == kWaitToWrite;
  if (io.waits()) return;
  if (io.outcome == kBroken) return End();
  if (io.outcome == kEnded) {
    client_ended_ = true;
    shutdown(inner_.get(), SHUT_WR);
    return;
  }
  const Bytes bytes = loop_.scratch().first(io.bytes);
  if (guard_) {
    if (const auto broken = guard_->FromClient(bytes, loop_.now())) return Cut(*broken);
  }
  WriteUp(bytes);
}

void RelayedConnection::WriteUp(Bytes bytes) {
  const Io io = WriteSome(inner_.get(), bytes);
  if (io.outcome == kBroken) {
    // gRPC reads no more. Its last bytes may still be on their way; their end ends the connection.
    grpc_reads_ = false;
    return;
  }
  up_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(io.bytes), bytes.end());
}

void RelayedConnection::MoveDown() {
  if (stage_ != Stage::kRelaying && stage_ != Stage::kDelivering) return;
  if (!down_.empty()) {
    WriteDown(std::exchange(down_, {}));
    if (!down_.empty()) return;
    if (stage_ == Stage::kDelivering) return Part();
    if (!inner_gone_) return;
  }
  while (stage_ == Stage::kRelaying && down_.empty()) {
    const Io io = ReadSome(inner_.get(), loop_.scratch());
    if (io.waits()) return;
    if (!io.done()) return GrpcEnded();
    const Bytes bytes = loop_.scratch().first(io.bytes);
    if (guard_) {
      if (const auto broken = guard_->FromServer(bytes, loop_.now())) return Cut(*broken);
      between_frames_ = guard_->server_between_frames();
    }
    WriteDown(bytes);
    if (!inner_gone_) return;  // else nothing tells when there is more
  }
}

void RelayedConnection::WriteDown(Bytes bytes) {
  const Io io = client_.Write(bytes);
  write_waits_to_read_ = io.outcome == kWaitToRead;
  if (io.outcome == kBroken) return End();
  if (io.done()) began_down_ = true;
  down_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(io.bytes), bytes.end());
}

void RelayedConnection::GrpcEnded() {
  CloseInner();
  if (down_.empty()) return Part();
  stage_ = Stage::kDelivering;
  if (!inner_gone_) deadline_ = loop_.now() + kDelivery;
}

void RelayedConnection::Cut(Http2Violation broken) {
  ticket_.Punish(ConnectionCounts::kPenalty);
  relay_.on_cut(address_, NameOf(broken));
  std::string last_words = guard_->Goaway(broken);
  if (!began_down_) last_words.insert(0, kEmptySettings);
  CloseInner();
  if (down_.empty() && between_frames_) client_.Write(std::as_bytes(std::span(last_words)));
  Part();
}

void RelayedConnection::Part() {
  CloseInner();
  if (client_ended_) return End();
  client_.EndWriting();
  stage_ = Stage::kParting;
  deadline_ = loop_.now() + kParting;
}

void RelayedConnection::Discard() {
  // As it comes: nobody decrypts it any more.
  const Io io = ReadSome(client_.file(), loop_.scratch());
  discarded_ += io.bytes;
  if (!(io.done() || io.waits()) || discarded_ > kPartingBytes) End();
}

void RelayedConnection::End() {
  if (stage_ == Stage::kHandshake) ticket_.Punish(ConnectionCounts::kPenalty);
  stage_ = Stage::kEnded;
  loop_.Remove(*this);
}

void RelayedConnection::CloseInner() {
  if (guard_ && guard_->IsBlameless()) ticket_.Forgive();
  guard_.reset();  // gives back its part of the budget
  peer_ = {};
  if (!inner_) return;
  loop_.Unwatch(inner_.get());
  inner_.Close();
}

void RelayedConnection::UpdateWatches() {
  std::uint32_t client = 0;
  std::uint32_t inner = 0;
  switch (stage_) {
    case Stage::kHandshake:
      client = read_waits_to_write_ ? EPOLLOUT : EPOLLIN;
      break;
    case Stage::kRelaying:
      paced_ = guard_ && guard_->IsPaced(loop_.now());  // OnTick asks again
      if (up_.empty() && !client_ended_ && grpc_reads_ && !paced_) client |= read_waits_to_write_ ? EPOLLOUT : EPOLLIN;
      if (!up_.empty()) inner |= EPOLLOUT;
      if (down_.empty()) inner |= EPOLLIN;
      [[fallthrough]];
    case Stage::kDelivering:
      if (!down_.empty()) client |= write_waits_to_read_ ? EPOLLIN : EPOLLOUT;
      break;
    case Stage::kParting:
      client = EPOLLIN;
      break;
    case Stage::kEnded:
      return;
  }
  Watch(client_.file(), client, client_events_);
  if (inner_ && !inner_gone_) Watch(inner_.get(), inner, inner_events_);
}

void RelayedConnection::Watch(int file, std::uint32_t events, std::optional<std::uint32_t>& watched) {
  if (events == watched) return;
  loop_.Watch(*this, file, events);
  watched = events;
}

}  // namespace poold
