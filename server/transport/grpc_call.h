#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/rpc/call.h"

namespace poold {

class GrpcPeers;

// One call that came over gRPC: what it says of itself, whatever kind of method it calls.
class GrpcCall : public Call {
 public:
  // `context` is gRPC's and lives until the reactor's OnDone. `peers`: who is behind gRPC's connections; nullptr: no
  // client is asked for a certificate.
  GrpcCall(const Service& service, const Method& method, const google::protobuf::Message& request,
           google::protobuf::Message& response, grpc::CallbackServerContext& context, const GrpcPeers* peers);

  std::vector<std::string_view> HeaderValues(std::string_view name) const override;
  std::vector<std::string> CertificateNames() const override;

 protected:
  // With what the call ends: OK, or the refusal. Adds the trailing metadata that go with it.
  grpc::Status StatusOf(const Error* error);

  grpc::CallbackServerContext& context_;

 private:
  // Whether the same call may be sent again, whatever became of this one.
  bool MayBeRepeated() const;

  const GrpcPeers* const peers_;
};

// The status of a refusal, with its details. Adds the trailing metadata that go with it.
grpc::Status Refusal(grpc::CallbackServerContext& context, const Error& error, const std::string& request_id,
                     bool repeatable = true);

// Fills `message` from the bytes of the message that the call has just received. False if they are no such message.
// Throws Error if they are compressed (the service takes uncompressed messages only), or if a list is too long
// (wire_lists.h).
bool ReadMessage(grpc::CallbackServerContext& context, const grpc::ByteBuffer& bytes,
                 google::protobuf::Message& message);

}  // namespace poold
