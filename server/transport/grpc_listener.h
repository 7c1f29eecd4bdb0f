#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "server/base/unique_fd.h"
#include "server/transport/connection_counts.h"
#include "server/transport/grpc_peers.h"

namespace poold {

class Metrics;
class Tls;

// Whether --grpc-guard (GrpcSettings::guard) means an endpoint on this address. `tls`: nullptr for none.
bool IsGuarded(const std::string& guard, const std::string& listen, const Tls* tls);

// Accepts the connections of a gRPC endpoint, since gRPC C++ 1.51 can't be let near strangers: it stops accepting for
// good when files run out, and has no limits for connections and floods. This counts connections, does TLS, lets a
// guard read what clients send (http2_guard.h), and hands the rest over to gRPC.
//
// Without guard and TLS gRPC gets the accepted socket itself. Otherwise it gets one end of a pair of Unix sockets, and
// bytes are moved between that and the client; peers() says who the client is.
class GrpcListener {
 public:
  struct Options {
    std::string listen = {};   // HOST:PORT
    std::string setting = {};  // that says so, for messages: "--grpc-listen"
    int connections = 1024;    // at one moment; more are closed at once
    int connections_per_address = 256;
    // Of a guarded endpoint: an address opens a quarter of its connections within so long. With 256: 16 a second, and
    // 64 at once. Clients of gRPC keep their connection. Zero: as many as it likes.
    std::chrono::milliseconds new_time = ConnectionCounts::kNewTime;
    bool guarded = true;
    std::size_t threads = 2;   // they move bytes and do handshakes; the first one accepts as well
    const Tls* tls = nullptr;  // nullptr: none
    std::chrono::milliseconds handshake_limit{10'000};  // of TLS
  };
  // Gets an open socket that does not block. Called by threads of the listener.
  using HandOver = std::function<void(UniqueFd)>;

  // Binds; from now on connections wait. Throws std::runtime_error if the address cannot be had. What `options` point
  // to and the metrics must outlive it.
  GrpcListener(const Options& options, Metrics& metrics);
  // Ends all connections that it relays.
  ~GrpcListener();

  // With the port that was picked: "127.0.0.1:50051".
  const std::string& address() const;
  const GrpcPeers& peers() const;

  // Accepts from now on. Once.
  void Start(HandOver hand_over);
  // Connections at this moment.
  int count() const;

  // Accepts no more; the port is free. Connections that are there stay. Again is harmless.
  void Stop();
  // After Stop, and after gRPC has closed all of its ends: waits until clients have got what was on its way to them, at
  // most kParting.
  void Finish();

  // After this, a client that does not take its last bytes goes without them.
  static constexpr std::chrono::milliseconds kParting{1000};

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace poold
