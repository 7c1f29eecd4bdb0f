#include "server/transport/reflection.h"

#include <grpcpp/grpcpp.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "server/base/error.h"
#include "server/base/periodic.h"
#include "server/base/world.h"
#include "server/telemetry/logging.h"
#include "server/telemetry/metrics.h"
#include "server/transport/grpc_call.h"
#include "server/transport/served_schema.h"

namespace poold {
namespace {

using grpc::GenericCallbackServerContext;
using grpc::reflection::v1::ServerReflectionRequest;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kStreams = 512;
constexpr std::size_t kStreamsOfAConnection = 64;
constexpr std::size_t kGreatestQuestion = 4 << 10;  // names have a few hundred bytes
constexpr std::chrono::seconds kGreatestPause{10};
constexpr std::chrono::milliseconds kBetweenLooks{1000};

}  // namespace

class Reflection::Impl {
 public:
  Impl(const std::set<const google::protobuf::ServiceDescriptor*>& services, const Service& service)
      : schema_(services), service_(service), watch_([this](const std::stop_token&) {
          const std::lock_guard lock(mutex_);
          for (Stream* stream : streams_) stream->EndIfItStandsStill();
          return kBetweenLooks;
        }) {}

  grpc::ServerGenericBidiReactor* Open(GenericCallbackServerContext& context) {
    std::string connection = context.peer();
    {
      const std::lock_guard lock(mutex_);
      std::size_t& of_connection = by_connection_[connection];
      if (streams_.size() < kStreams && of_connection < kStreamsOfAConnection) {
        ++of_connection;
        return *streams_.insert(new Stream(*this, context, std::move(connection))).first;
      }
      if (of_connection == 0) by_connection_.erase(connection);
    }
    return new RefusedStream(Refuse(
        context, RefusalCause::kThrottled,
        Error::Throttled(std::chrono::seconds(1), "Too many reflection streams are open; end some or try again")));
  }

 private:
  class RefusedStream final : public grpc::ServerGenericBidiReactor {
   public:
    explicit RefusedStream(const grpc::Status& status) { Finish(status); }
    void OnDone() override { delete this; }
  };

  // Reads a question, writes its answer, and so on. EndIfItStandsStill may run on another thread at the same time as
  // any other function but OnDone.
  class Stream final : public grpc::ServerGenericBidiReactor {
   public:
    Stream(Impl& home, GenericCallbackServerContext& context, std::string connection)
        : home_(home), context_(context), connection_(std::move(connection)) {
      StartRead(&bytes_);
    }

    void OnReadDone(bool ok) override {
      const std::lock_guard lock(mutex_);
      if (!ok) return End(grpc::Status::OK);  // the client asks no more, or is gone
      if (state_ == State::kEnded) return;
      state_ = State::kAnswering;
      moved_ = Steady::now();
      std::optional<Error> refusal = RefusalOf([this] { Answer(); });
      if (refusal) return End(home_.Refuse(context_, RefusalCause::kUnreadable, *refusal));
      StartWrite(&bytes_);
    }

    void OnWriteDone(bool ok) override {
      const std::lock_guard lock(mutex_);
      if (!ok) return End(grpc::Status::OK);
      if (state_ == State::kEnded) return;
      state_ = State::kWaiting;
      moved_ = Steady::now();
      StartRead(&bytes_);
    }

    void OnDone() override {
      home_.Forget(this);
      delete this;
    }

    // gRPC calls none of the functions above from inside these two.
    void EndIfItStandsStill() {
      const std::lock_guard lock(mutex_);
      if (state_ == State::kEnded || Steady::now() - moved_ < kGreatestPause) return;
      if (state_ == State::kWaiting) return End(grpc::Status::OK);
      context_.TryCancel();  // the client does not take its answer; OnWriteDone ends the stream
    }

    const std::string& connection() const { return connection_; }

   private:
    enum class State { kWaiting, kAnswering, kEnded };

    // Puts the answer in the place of the question.
    void Answer() {
      if (bytes_.Length() > kGreatestQuestion) {
        throw Error::Invalid(reason::kInvalidRequest, "request",
                             "must have at most " + std::to_string(kGreatestQuestion) + " bytes");
      }
      ServerReflectionRequest question;
      if (!ReadMessage(context_, bytes_, question)) {
        throw Error::Invalid(reason::kCannotParse, "request", "is not a ServerReflectionRequest in protobuf form");
      }
      const grpc::Slice answer(home_.schema_.Answer(question, sent_).SerializeAsString());
      grpc::ByteBuffer bytes(&answer, 1);
      bytes_.Swap(&bytes);
    }

    void End(const grpc::Status& status) {
      if (state_ == State::kEnded) return;
      state_ = State::kEnded;
      Finish(status);
    }

    Impl& home_;
    GenericCallbackServerContext& context_;
    const std::string connection_;
    grpc::ByteBuffer bytes_;  // of the question that is being read, or of the answer that is being written
    ServedSchema::Sent sent_;

    std::mutex mutex_;  // guards what follows, and starts of reads and writes against Finish
    State state_ = State::kWaiting;
    Steady::time_point moved_ = Steady::now();
  };

  grpc::Status Refuse(GenericCallbackServerContext& context, RefusalCause cause, const Error& error) {
    const std::string request_id = service_.world.NewRequestId();
    service_.metrics.Refused(cause);
    LogRefusedRequest(service_.log, request_id, "grpc", error.exception());
    return Refusal(context, error, request_id);
  }

  void Forget(Stream* stream) {
    const std::lock_guard lock(mutex_);
    streams_.erase(stream);
    const auto of_connection = by_connection_.find(stream->connection());
    if (--of_connection->second == 0) by_connection_.erase(of_connection);
  }

  const ServedSchema schema_;
  const Service& service_;
  std::mutex mutex_;  // guards these two
  std::set<Stream*> streams_;
  std::map<std::string, std::size_t> by_connection_;
  Periodic watch_;
};

Reflection::Reflection(const std::set<const google::protobuf::ServiceDescriptor*>& services, const Service& service)
    : impl_(std::make_unique<Impl>(services, service)) {}
Reflection::~Reflection() = default;

bool Reflection::IsMethod(std::string_view path) {
  return path == "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" ||
         path == "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
}

grpc::ServerGenericBidiReactor* Reflection::Open(GenericCallbackServerContext& context) { return impl_->Open(context); }

}  // namespace poold
