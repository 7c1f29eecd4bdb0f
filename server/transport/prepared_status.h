#pragma once

#include <grpcpp/support/status.h>

#include <cstddef>
#include <string>

#include "server/base/error.h"

namespace poold {

// The gRPC status of one refusal, made once and copied for each call. Only the request id differs from call to call,
// and all request ids are equally long, so each copy gets its own one in the same place. ToGrpcStatus takes some 14,000
// instructions for such a status, a copy some 800 (make cost). Any thread.
class PreparedStatus {
 public:
  explicit PreparedStatus(const Error& error);

  // What ToGrpcStatus would make. `request_id` is a UUID in text.
  grpc::Status For(const std::string& request_id) const;

 private:
  const grpc::Status status_;
  const std::size_t request_id_at_;  // in the details
};

}  // namespace poold
