#include "server/transport/grpc_memory.h"

#include <grpc/grpc.h>
#include <grpcpp/resource_quota.h>

namespace poold {

void LimitMemory(grpc::ServerBuilder& builder, const std::string& name) {
  // SetCompressionAlgorithmSupportStatus would end the calls as well, but in gRPC's words: without exception, Reason
  // and request id, and after a handler was called with an empty message.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  grpc::ResourceQuota quota(name);
  quota.Resize(kGrpcMemory);
  builder.SetResourceQuota(quota);
}

}  // namespace poold
