#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

namespace poold {

// Bounds the memory that a gRPC server spends on callers before anybody knows who they are. Call it once for each
// server, before BuildAndStart. It does two things:
// - The server has a quota of kGrpcMemory for its connections and messages. When the quota is used up, gRPC cuts
//   streams and idle connections.
// - gRPC neither decompresses messages nor compresses answers: 1 MiB of gzip becomes 1 GiB, before any limit of the
//   message's size is checked. A compressed message arrives as it was sent, and ReadMessage refuses it.
// `name` names the quota in gRPC's own log.
void LimitMemory(grpc::ServerBuilder& builder, const std::string& name);

// Bytes. A fifth of what a pod has (deploy/kubernetes). 256 calls on each of 256 connections that send messages of
// 4 KiB need it.
inline constexpr std::size_t kGrpcMemory = std::size_t{256} << 20;

}  // namespace poold
