#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/async_generic_service.h>

#include <memory>
#include <set>
#include <string_view>

#include "server/rpc/call.h"

namespace poold {

// Server reflection, grpc.reflection.v1 and v1alpha: it describes the gRPC endpoint to clients such as grpcurl. A
// stream holds no thread and asks nobody who calls. What strangers can take of the server is bounded: so many streams
// at once, of one connection and in all; one question of a stream at a time, of a few KiB; and a stream without
// progress ends after ten seconds, with OK if it waited for a question.
class Reflection {
 public:
  // `services`: those of the API that are served. `service` must outlive it, and it must outlive the gRPC server.
  Reflection(const std::set<const google::protobuf::ServiceDescriptor*>& services, const Service& service);
  ~Reflection();

  // Whether "/package.Service/Method" is a stream of reflection.
  static bool IsMethod(std::string_view path);

  // The reactor of such a stream, which deletes itself. A stream too many is refused with ThrottlingException.
  grpc::ServerGenericBidiReactor* Open(grpc::GenericCallbackServerContext& context);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace poold
