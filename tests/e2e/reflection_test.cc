// Server reflection: what grpcurl and buf curl live on.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "build_paths.h"
#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/program.h"

namespace poold {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::DynamicMessageFactory;
using google::protobuf::Message;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

// The protocol's v1alpha in so far as it is needed here. Debian ships no .proto of it, and the generated code inside
// libgrpc++_reflection has no header.
constexpr const char* kProtocol = R"pb(
  name: "reflection_v1alpha.proto"
  package: "grpc.reflection.v1alpha"
  syntax: "proto3"
  message_type {
    name: "ServerReflectionRequest"
    field { name: "file_containing_symbol" number: 4 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0 }
    field { name: "list_services" number: 7 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0 }
    oneof_decl { name: "message_request" }
  }
  message_type {
    name: "FileDescriptorResponse"
    field { name: "file_descriptor_proto" number: 1 type: TYPE_BYTES label: LABEL_REPEATED }
  }
  message_type {
    name: "ServiceResponse"
    field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  }
  message_type {
    name: "ListServiceResponse"
    field {
      name: "service"
      number: 1
      type: TYPE_MESSAGE
      label: LABEL_REPEATED
      type_name: ".grpc.reflection.v1alpha.ServiceResponse"
    }
  }
  message_type {
    name: "ServerReflectionResponse"
    field {
      name: "file_descriptor_response"
      number: 4
      type: TYPE_MESSAGE
      label: LABEL_OPTIONAL
      type_name: ".grpc.reflection.v1alpha.FileDescriptorResponse"
    }
    field {
      name: "list_services_response"
      number: 6
      type: TYPE_MESSAGE
      label: LABEL_OPTIONAL
      type_name: ".grpc.reflection.v1alpha.ListServiceResponse"
    }
  }
)pb";

class Reflection : public testing::Test {
 protected:
  Reflection() {
    google::protobuf::FileDescriptorProto protocol;
    if (!google::protobuf::TextFormat::ParseFromString(kProtocol, &protocol) || pool_.BuildFile(protocol) == nullptr) {
      throw std::logic_error("the protocol is not well written");
    }
  }

  // One request, given as text, and its answer.
  const Message& Ask(const std::string& text) {
    request_.reset(New("ServerReflectionRequest"));
    response_.reset(New("ServerReflectionResponse"));
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, request_.get()));
    response_->ParseFromString(Exchange(request_->SerializeAsString()));
    return *response_;
  }

  // The messages of `field` of the answer.
  static std::vector<std::string> Strings(const Message& message, const std::string& field) {
    std::vector<std::string> strings;
    const auto* descriptor = message.GetDescriptor()->FindFieldByName(field);
    for (int i = 0; i < message.GetReflection()->FieldSize(message, descriptor); ++i) {
      strings.push_back(message.GetReflection()->GetRepeatedString(message, descriptor, i));
    }
    return strings;
  }

  static const Message& Part(const Message& message, const std::string& field) {
    return message.GetReflection()->GetMessage(message, message.GetDescriptor()->FindFieldByName(field));
  }

 private:
  Message* New(const std::string& name) {
    return factory_.GetPrototype(pool_.FindMessageTypeByName("grpc.reflection.v1alpha." + name))->New();
  }

  // The stream with one message each way.
  static std::string Exchange(const std::string& bytes) {
    const GrpcClient client(DevAddress());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    grpc::CompletionQueue queue;
    const auto done = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      if (!queue.Next(&tag, &ok) || !ok) throw std::runtime_error("reflection broke off");
    };
    grpc::GenericStub stub(client.channel());
    const auto stream =
        stub.PrepareCall(&context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
    stream->StartCall(nullptr);
    done();
    const grpc::Slice slice(bytes);
    stream->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    done();
    grpc::ByteBuffer response;
    stream->Read(&response, nullptr);
    done();
    stream->WritesDone(nullptr);
    done();
    grpc::Status status;
    stream->Finish(&status, nullptr);
    done();
    EXPECT_TRUE(status.ok()) << status.error_message();
    grpc::Slice answer;
    if (!response.DumpToSingleSlice(&answer).ok()) throw std::runtime_error("reflection answered nothing");
    return {reinterpret_cast<const char*>(answer.begin()), answer.size()};
  }

  DescriptorPool pool_;
  DynamicMessageFactory factory_;
  std::unique_ptr<Message> request_;
  std::unique_ptr<Message> response_;
};

TEST_F(Reflection, ListsTheServices) {
  const Message& services = Part(Ask("list_services: ''"), "list_services_response");
  std::vector<std::string> names;
  const auto* field = services.GetDescriptor()->FindFieldByName("service");
  for (int i = 0; i < services.GetReflection()->FieldSize(services, field); ++i) {
    const Message& service = services.GetReflection()->GetRepeatedMessage(services, field, i);
    names.push_back(service.GetReflection()->GetString(service, service.GetDescriptor()->FindFieldByName("name")));
  }
  EXPECT_THAT(names, UnorderedElementsAre("smsvoice.v2.Pools", "smsvoice.v2.PhoneNumbers", "smsvoice.v2.SenderIds",
                                          "smsvoice.v2.Keywords", "smsvoice.v2.Tags", "smsvoice.v2.OptOutLists",
                                          "smsvoice.v2.ResourcePolicies", "smsvoice.v2.Account", "smsvoice.v2.Dev",
                                          "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"));
}

// The files that it sends are enough to build the method from nothing, rules and all.
TEST_F(Reflection, DescribesAMethodWhole) {
  const auto files =
      Strings(Part(Ask("file_containing_symbol: 'smsvoice.v2.Pools.CreatePool'"), "file_descriptor_response"),
              "file_descriptor_proto");
  google::protobuf::SimpleDescriptorDatabase database;
  for (const std::string& bytes : files) {
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromString(bytes));
    database.Add(file);
  }
  DescriptorPool pool(&database);
  const auto* method = pool.FindMethodByName("smsvoice.v2.Pools.CreatePool");
  ASSERT_NE(method, nullptr);
  EXPECT_EQ(method->input_type()->field_count(), 7);
  EXPECT_THAT(method->input_type()->DebugString(), HasSubstr("optional string iso_country_code = 2"));
}

// The details of a refusal can be read by a client that has no schema.
TEST_F(Reflection, KnowsTheErrorDetails) {
  for (const char* type : {"ErrorInfo", "BadRequest", "QuotaFailure", "RetryInfo", "RequestInfo"}) {
    const Message& answer = Ask("file_containing_symbol: 'google.rpc." + std::string(type) + "'");
    EXPECT_FALSE(Strings(Part(answer, "file_descriptor_response"), "file_descriptor_proto").empty()) << type;
  }
}

TEST_F(Reflection, LetsAClientWithoutSchemaCall) {
  Program::Options buf;
  buf.command.push_back(std::filesystem::path(kSourceDir) / "tests/e2e/node_modules/.bin/buf");
  for (const char* argument : {"curl", "--protocol", "grpc", "--http2-prior-knowledge", "-H",
                               "x-account-id: 999999999999", "-d", R"({"senderId": "A1", "isoCountryCode": "GB"})"}) {
    buf.command.emplace_back(argument);
  }
  buf.command.push_back("http://" + DevAddress() + "/smsvoice.v2.SenderIds/RequestSenderId");
  const Ran ran = RunToEnd(buf);
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  EXPECT_THAT(ran.output, HasSubstr("arn:aws:sms-voice:us-east-1:999999999999:sender-id/A1/GB"));
}

}  // namespace
}  // namespace poold
