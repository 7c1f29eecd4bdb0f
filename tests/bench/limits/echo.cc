// bench_echo: what gRPC itself can do, as a limit. The gRPC server of server/transport/grpc.cc (callback API, bytes in
// and bytes out, tuned the same), with nothing behind it: DescribePools answers one pool from memory, whatever is
// asked.
//
// It takes spans, too (OTLP over gRPC), and forgets them: a collector for the server that is measured.
//
// Prints "ready HOST:PORT", runs until its standard input ends, then prints how many exports it took.

#include <absl/synchronization/mutex.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>

#include <atomic>
#include <functional>
#include <iostream>
#include <string>

#include "smsvoice/v2/pools.pb.h"

namespace {

using grpc::ByteBuffer;
using grpc::CallbackServerContext;

class Reactor final : public grpc::ServerUnaryReactor {
 public:
  Reactor() { Finish(grpc::Status::OK); }
  bool InternalInlineable() override { return true; }
  void OnDone() override { delete this; }
};

class ServiceOfOne final : public grpc::Service {
 public:
  ServiceOfOne(const char* path, std::function<ByteBuffer()> make_answer) : make_answer_(std::move(make_answer)) {
    AddMethod(new grpc::internal::RpcServiceMethod(path, grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodRawCallback(0, new grpc::internal::CallbackUnaryHandler<ByteBuffer, ByteBuffer>(
                                 [this](CallbackServerContext*, const ByteBuffer*, ByteBuffer* answer) {
                                   *answer = make_answer_();
                                   return new Reactor;
                                 }));
  }

 private:
  const std::function<ByteBuffer()> make_answer_;
};

std::string OnePool() {
  smsvoice::v2::DescribePoolsResponse response;
  auto& pool = *response.add_pools();
  pool.set_pool_arn("arn:aws:sms-voice:us-east-1:100000000001:pool/pool-00000000000001000000000000000000");
  pool.set_pool_id("pool-00000000000001000000000000000000");
  pool.set_status(smsvoice::v2::POOL_STATUS_ACTIVE);
  pool.set_message_type(smsvoice::v2::MESSAGE_TYPE_TRANSACTIONAL);
  pool.set_opt_out_list_name("Default");
  pool.mutable_created_timestamp()->set_seconds(1735689600);
  pool.set_revision(1);
  return response.SerializeAsString();
}

}  // namespace

int main() {
  const grpc::Slice bytes(OnePool());
  std::atomic<int> exports{0};
  ServiceOfOne pools("/smsvoice.v2.Pools/DescribePools", [&bytes] { return ByteBuffer(&bytes, 1); });
  ServiceOfOne collector("/opentelemetry.proto.collector.trace.v1.TraceService/Export", [&exports] {
    ++exports;
    const grpc::Slice empty;
    return ByteBuffer(&empty, 1);
  });

  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&pools);
  builder.RegisterService(&collector);
  const auto server = builder.BuildAndStart();
  if (!server) return 1;
  std::cout << "ready 127.0.0.1:" << port << std::endl;
  for (std::string line; std::getline(std::cin, line);) continue;
  std::cout << "exports " << exports << std::endl;
  server->Shutdown(std::chrono::system_clock::now());
}
