#pragma once

// Server reflection as a client meets it, in both versions.

#include <google/protobuf/text_format.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"

namespace poold {

struct V1 {
  using Service = grpc::reflection::v1::ServerReflection;
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
};
struct V1Alpha {
  using Service = grpc::reflection::v1alpha::ServerReflection;
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
};

// One stream, whose questions are asked one after the other.
template <class Version>
class Conversation {
 public:
  explicit Conversation(const std::string& address)
      : channel_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())),
        stub_(Version::Service::NewStub(channel_)) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    stream_ = stub_->ServerReflectionInfo(&context_);
  }

  // False if the server has ended the stream.
  bool Write(const typename Version::Request& question) { return stream_->Write(question); }

  typename Version::Response Ask(const std::string& question) {
    typename Version::Request request;
    if (!google::protobuf::TextFormat::ParseFromString(question, &request)) throw std::invalid_argument(question);
    typename Version::Response response;
    EXPECT_TRUE(Write(request) && stream_->Read(&response)) << question;
    EXPECT_EQ(response.original_request().DebugString(), request.DebugString());
    return response;
  }

  grpc::Status End() {
    stream_->WritesDone();
    return stream_->Finish();
  }

  std::string Trailer(const std::string& name) const {
    const auto found = context_.GetServerTrailingMetadata().find(name);
    return found == context_.GetServerTrailingMetadata().end()
               ? std::string()
               : std::string(found->second.data(), found->second.size());
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<typename Version::Service::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<typename Version::Request, typename Version::Response>> stream_;
};

}  // namespace poold
