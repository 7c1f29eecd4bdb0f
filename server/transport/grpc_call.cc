#include "server/transport/grpc_call.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>
#include <chrono>

#include "server/base/world.h"
#include "server/pipeline/pipeline.h"
#include "server/rpc/method.h"
#include "server/transport/grpc_peers.h"
#include "server/transport/prepared_status.h"
#include "server/transport/wire_lists.h"

// Exported by libgrpc, declared in none of its installed headers: the flags of the message that the call received last,
// and the compression that its grpc-encoding names. (Wire.RefusesCompressedMessages)
std::uint32_t grpc_call_test_only_get_message_flags(grpc_call* call);
grpc_compression_algorithm grpc_call_test_only_get_compression_algorithm(grpc_call* call);

namespace poold {
namespace {

// GRPC_WRITE_INTERNAL_COMPRESS: the Compressed-Flag of a message that gRPC has left as it came.
constexpr std::uint32_t kCompressedFlag = 0x80000000U;

constexpr const char* kAcceptEncoding = "grpc-accept-encoding";
constexpr const char* kKnownEncodings = "identity";

bool IsCompressed(grpc_call* call) { return (grpc_call_test_only_get_message_flags(call) & kCompressedFlag) != 0; }

// Whether grpc-encoding names gzip or deflate. gRPC takes every other name for none.
bool NamesGzipOrDeflate(grpc_call* call) {
  return grpc_call_test_only_get_compression_algorithm(call) != GRPC_COMPRESS_NONE;
}

// Of gzip, or of the zlib form that gRPC calls deflate.
bool BeginsLikeGzipOrDeflate(const grpc::ByteBuffer& bytes) {
  grpc::ByteBuffer copy(bytes);  // shares the bytes
  grpc::Slice slice;
  if (!copy.DumpToSingleSlice(&slice).ok() || slice.size() < 2) return false;
  const unsigned first = slice.begin()[0];
  const unsigned second = slice.begin()[1];
  return (first == 0x1f && second == 0x8b) || (first == 0x78 && (first * 256 + second) % 31 == 0);
}

// Shorter messages are read without a look at their lists: they cost little whatever they hold.
constexpr std::size_t kShort = 4 << 10;

bool Parse(const grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  grpc::Slice all;  // short messages come in one piece
  if (bytes.TrySingleSlice(&all).ok()) return message.ParseFromArray(all.begin(), static_cast<int>(all.size()));
  grpc::ByteBuffer copy(bytes);  // shares the bytes
  grpc::ProtoBufferReader reader(&copy);
  return reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
}

void RequireLists(const grpc::ByteBuffer& bytes, const google::protobuf::Descriptor& type) {
  grpc::ByteBuffer copy(bytes);  // shares the bytes
  grpc::ProtoBufferReader reader(&copy);
  if (reader.status().ok()) RefuseLongLists(reader, type);
}

void AddTrailers(grpc::CallbackServerContext& context, const Error& error, const std::string& request_id) {
  context.AddTrailingMetadata("x-amzn-requestid", request_id);
  context.AddTrailingMetadata(std::string(kErrorTypeMetadata), std::string(error.exception()));
}

grpc::Status QueueFullRefusal(grpc::CallbackServerContext& context, const std::string& request_id) {
  static const PreparedStatus status(Pipeline::QueueFull());
  AddTrailers(context, Pipeline::QueueFull(), request_id);
  return status.For(request_id);
}

}  // namespace

GrpcCall::GrpcCall(const Service& service, const Method& method, const google::protobuf::Message& request,
                   google::protobuf::Message& response, grpc::CallbackServerContext& context, const GrpcPeers* peers)
    : Call(service, method, request, response), context_(context), peers_(peers) {
  // gRPC's deadline is of the wall clock; ours is not moved by somebody setting that. It can be centuries away:
  // further than a count of nanoseconds goes.
  const gpr_timespec left = gpr_time_sub(context.raw_deadline(), gpr_now(context.raw_deadline().clock_type));
  if (left.tv_sec < std::chrono::seconds(std::chrono::hours(24)).count()) {
    const auto time = std::chrono::seconds(left.tv_sec) + std::chrono::nanoseconds(left.tv_nsec);
    set_deadline(received() + std::max<std::chrono::nanoseconds>(time, std::chrono::nanoseconds(1)));
  }
}

std::vector<std::string_view> GrpcCall::HeaderValues(std::string_view name) const {
  std::vector<std::string_view> values;
  const auto [first, end] = context_.client_metadata().equal_range(grpc::string_ref(name.data(), name.size()));
  for (auto entry = first; entry != end; ++entry) values.emplace_back(entry->second.data(), entry->second.size());
  return values;
}

std::vector<std::string> GrpcCall::CertificateNames() const {
  if (peers_ == nullptr) return {};
  const auto peer = peers_->Find(context_.peer());
  if (peer == nullptr) return {};
  return peer->certificate.NamesAt(world().Now());
}

grpc::Status GrpcCall::StatusOf(const Error* error) {
  if (error == &Pipeline::QueueFull()) return QueueFullRefusal(context_, request_id());
  if (error != nullptr) return Refusal(context_, *error, request_id(), MayBeRepeated());
  context_.AddTrailingMetadata("x-amzn-requestid", request_id());
  return grpc::Status::OK;
}

bool GrpcCall::MayBeRepeated() const {
  const bool begun = queued() != std::chrono::steady_clock::time_point();
  return !method().policy.writes() || !client_token().empty() || !begun;
}

grpc::Status Refusal(grpc::CallbackServerContext& context, const Error& error, const std::string& request_id,
                     bool repeatable) {
  AddTrailers(context, error, request_id);
  // gRPC sends it with answers, but not with a refusal.
  if (error.fault() == Fault::kUnknownCompression) context.AddTrailingMetadata(kAcceptEncoding, kKnownEncodings);
  return ToGrpcStatus(error, request_id, repeatable);
}

bool ReadMessage(grpc::CallbackServerContext& context, const grpc::ByteBuffer& bytes,
                 google::protobuf::Message& message) {
  const bool compressed = IsCompressed(context.c_call());
  if (compressed && NamesGzipOrDeflate(context.c_call())) throw Error::Compressed(Fault::kUnknownCompression);
  if (bytes.Length() > kShort) {
    const auto refusal = RefusalOf([&] { RequireLists(bytes, *message.GetDescriptor()); });
    if (refusal) throw compressed ? Error::Compressed(Fault::kUnknownCompression) : *refusal;
  }
  const bool parsed = Parse(bytes, message);
  if (!compressed) return parsed;
  // gRPC does not tell whether grpc-encoding named something unknown or was missing. The bytes do: if they are the
  // message itself, or of a compression whose name gRPC knows, the name was missing.
  const bool is_plain = parsed && message.GetReflection()->GetUnknownFields(message).empty();
  throw Error::Compressed(is_plain || BeginsLikeGzipOrDeflate(bytes) ? Fault::kCompressedFlag
                                                                     : Fault::kUnknownCompression);
}

}  // namespace poold
