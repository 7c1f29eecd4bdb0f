#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/transport/byte_budget.h"
#include "server/transport/client_stream.h"
#include "server/transport/connection_counts.h"
#include "server/transport/event_loop.h"
#include "server/transport/grpc_peers.h"
#include "server/transport/http2_guard.h"
#include "server/transport/named_pair.h"

namespace poold {

// What the relayed connections of an endpoint share. All of it may be used by any thread.
struct Relay {
  // Gives gRPC its end of a connection, an open socket that does not block.
  std::function<void(UniqueFd)> hand_over;
  // A connection was cut: the client's address, and the cause as in the metric.
  std::function<void(const std::string& address, std::string_view cause)> on_cut;
  bool guarded = true;  // Http2Guard reads what clients send
  NamedPairs pairs;
  GrpcPeers peers;
  Http2Limits limits;
  ByteBudget unfinished{limits.unfinished_bytes};
  std::chrono::milliseconds handshake_limit{10'000};  // of TLS
  std::atomic<bool> stopping{false};                  // handshakes are given up
};

// One connection between a client and gRPC: its handshake of TLS, then bytes both ways, then its end. gRPC gets one end
// of a named pair and finds the client in Relay::peers by its address.
//
// It holds no bytes but those that one side has sent and the other does not take yet: at most EventLoop::kScratch each
// way. Until they are taken, it reads no more from that side. Nor does it read from a client too many of whose calls
// were refused, for as long as the guard says.
class RelayedConnection final : public EventLoop::Member {
 public:
  // `relay` must outlive it.
  RelayedConnection(EventLoop& loop, Relay& relay, ClientStream client, std::string address,
                    ConnectionCounts::Ticket ticket);
  ~RelayedConnection() override;

  void OnStart() override;
  void OnReady(int file, std::uint32_t events) override;
  void OnTick() override;

  // The cause of a cut, besides those of Http2Violation: the handshake took longer.
  static constexpr std::string_view kHandshakeCause = "late_handshake";
  // How long a client may take for the last bytes once gRPC has ended the connection.
  static constexpr std::chrono::seconds kDelivery{10};
  // After the last byte, what the client still sends is read for so long, and no more than so much, so that it gets to
  // see that byte: a connection closed on unread bytes is reset.
  static constexpr std::chrono::milliseconds kParting{500};
  static constexpr std::size_t kPartingBytes = 1 << 20;

 private:
  enum class Stage { kHandshake, kRelaying, kDelivering, kParting, kEnded };
  using Bytes = std::span<const std::byte>;

  void ClientIsReady(std::uint32_t events);
  void Handshake();
  void BeginToRelay();
  void MoveUp();
  void WriteUp(Bytes bytes);
  void MoveDown();
  void WriteDown(Bytes bytes);
  void GrpcEnded();
  void Cut(Http2Violation broken);
  void Part();
  void Discard();
  void End();
  void CloseInner();
  void UpdateWatches();
  void Watch(int file, std::uint32_t events, std::optional<std::uint32_t>& watched);

  EventLoop& loop_;
  Relay& relay_;
  ClientStream client_;
  const std::string address_;
  ConnectionCounts::Ticket ticket_;

  Stage stage_ = Stage::kHandshake;
  EventLoop::Clock::time_point deadline_;  // of the stage; while relaying, once gRPC has closed its end
  UniqueFd inner_;                         // our end of the pair
  GrpcPeers::Entry peer_;
  std::optional<Http2Guard> guard_;

  std::vector<std::byte> up_;    // read from the client, not taken by gRPC
  std::vector<std::byte> down_;  // the other way
  bool client_ended_ = false;    // it sends nothing more
  bool grpc_reads_ = true;       // it takes more
  bool paced_ = false;           // nothing is read from the client for now
  bool inner_gone_ = false;      // gRPC has closed its end; it is watched no more
  bool began_down_ = false;      // the client has got something
  bool between_frames_ = true;   // what the client has got ends with a whole frame
  // TLS must write before it can go on to read, or the other way round.
  bool read_waits_to_write_ = false;
  bool write_waits_to_read_ = false;
  std::size_t discarded_ = 0;
  std::optional<std::uint32_t> client_events_;  // as watched; nothing: not yet
  std::optional<std::uint32_t> inner_events_;
};

}  // namespace poold
