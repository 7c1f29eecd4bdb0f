#pragma once

// How many files (sockets, above all) the process may have open, and who may have how many of them. Without
// files gRPC 1.51 stops listening for good (CVE-2023-4785), so connections are bounded before that.

#include <cstdint>

namespace poold {

struct Settings;

// Raises the soft limit of open files to the hard one, but not beyond kMostFiles. Returns the limit that is in force
// then. Call it before there are other threads. Programs that were started before keep their limit.
std::int64_t RaiseFileLimit();

// Shares `limit` files out among the endpoints and the database. Where settings.grpc.connections
// or http.connections are 0, it fills in what there is room for; if that is less than usual, no single address gets
// more than half of it. Throws std::runtime_error with the settings and their numbers if the limit is too low for them.
void ShareFiles(Settings& settings, std::int64_t limit);

// More is of no use here: it is a hundred times what the endpoints take by default.
inline constexpr std::int64_t kMostFiles = std::int64_t{1} << 20;

// What a connection of the gRPC endpoint may need: its socket, and the two ends of the pair by which gRPC gets it.
inline constexpr int kFilesOfGrpcConnection = 3;
// 64 connections to --health-listen, likewise: probes of one machine or cluster.
inline constexpr int kFilesOfHealth = 64 * kFilesOfGrpcConnection;
// What is left besides: two connections to the database in the background, telemetry, files that are read again when
// they change, event queues, the log, and connections that are accepted only to be turned away.
inline constexpr int kReservedFiles = 64;

// How many connections an endpoint takes if nothing is set and there are files enough.
inline constexpr int kUsualGrpcConnections = 1024;
inline constexpr int kUsualHttpConnections = 4096;
// With fewer an endpoint would be of no use: it is better not to start.
inline constexpr int kFewestConnections = 16;

}  // namespace poold
