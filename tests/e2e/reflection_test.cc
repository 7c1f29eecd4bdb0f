// Server reflection, what grpcurl and buf curl live on: both versions, and the descriptors that they get.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "build_paths.h"
#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/program.h"
#include "tests/support/reflection_client.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<FileDescriptorProto> Files(const google::protobuf::RepeatedPtrField<std::string>& files) {
  std::vector<FileDescriptorProto> parsed;
  for (const std::string& bytes : files) EXPECT_TRUE(parsed.emplace_back().ParseFromString(bytes));
  return parsed;
}

std::vector<std::string> Names(const std::vector<FileDescriptorProto>& files) {
  std::vector<std::string> names;
  for (const auto& file : files) names.push_back(file.name());
  return names;
}

template <class Version>
class Reflection : public testing::Test {
 protected:
  static auto Ask(const std::string& question) {
    Conversation<Version> conversation(DevAddress());
    const auto response = conversation.Ask(question);
    EXPECT_TRUE(conversation.End().ok());
    return response;
  }
  static std::vector<FileDescriptorProto> FilesOf(const std::string& symbol) {
    return Files(Ask("file_containing_symbol: '" + symbol + "'").file_descriptor_response().file_descriptor_proto());
  }
  static std::vector<std::string> ServicesOf(const typename Version::Response& response) {
    std::vector<std::string> names;
    for (const auto& service : response.list_services_response().service()) names.push_back(service.name());
    return names;
  }
};
using Versions = testing::Types<V1, V1Alpha>;
TYPED_TEST_SUITE(Reflection, Versions);

TYPED_TEST(Reflection, ListsTheServices) {
  EXPECT_THAT(this->ServicesOf(this->Ask("list_services: ''")),
              UnorderedElementsAre("smsvoice.v2.Pools", "smsvoice.v2.PhoneNumbers", "smsvoice.v2.SenderIds",
                                   "smsvoice.v2.Keywords", "smsvoice.v2.Tags", "smsvoice.v2.OptOutLists",
                                   "smsvoice.v2.ResourcePolicies", "smsvoice.v2.Account", "smsvoice.v2.Dev",
                                   "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                   "grpc.reflection.v1alpha.ServerReflection"));
}

// The fields of a message type, of those in it, and extensions: "poold.Message.field" each.
struct Fields {
  int count = 0;
  std::vector<std::string> without_json_name;

  void Look(const std::string& owner, const google::protobuf::RepeatedPtrField<FieldDescriptorProto>& fields) {
    for (const auto& field : fields) {
      ++count;
      if (field.json_name().empty()) without_json_name.push_back(owner + "." + field.name());
    }
  }
  void Look(const std::string& owner, const DescriptorProto& message) {
    const std::string name = owner + "." + message.name();
    Look(name, message.field());
    Look(name, message.extension());
    for (const auto& nested : message.nested_type()) Look(name, nested);
  }
};

// Without them grpcurl shows and takes the names of the .proto files: phone_number_id where everything else says
// phoneNumberId.
TYPED_TEST(Reflection, GivesEveryFieldOfEveryFileItsJsonName) {
  std::map<std::string, FileDescriptorProto> files;
  for (const std::string& service : this->ServicesOf(this->Ask("list_services: ''"))) {
    for (const auto& file : this->FilesOf(service)) files[file.name()] = file;
  }
  for (const auto& file : this->FilesOf("google.rpc.ErrorInfo")) files[file.name()] = file;
  for (const auto& file : this->FilesOf("google.rpc.Status")) files[file.name()] = file;

  Fields fields;
  for (const auto& [name, file] : files) {
    for (const std::string& imported : file.dependency()) EXPECT_TRUE(files.contains(imported)) << imported;
    for (const auto& message : file.message_type()) fields.Look(file.package(), message);
    fields.Look(file.package(), file.extension());
  }
  EXPECT_THAT(fields.without_json_name, IsEmpty());
  EXPECT_GT(fields.count, 400);
  EXPECT_TRUE(files.contains("smsvoice/v2/rules.proto") && files.contains("google/protobuf/descriptor.proto"));
}

// The files that it sends are enough to build the method from nothing, rules and all.
TYPED_TEST(Reflection, DescribesAMethodWhole) {
  google::protobuf::SimpleDescriptorDatabase database;
  for (const auto& file : this->FilesOf("smsvoice.v2.Pools.CreatePool")) database.Add(file);
  google::protobuf::DescriptorPool pool(&database);
  const auto* method = pool.FindMethodByName("smsvoice.v2.Pools.CreatePool");
  ASSERT_NE(method, nullptr);
  EXPECT_EQ(method->input_type()->field_count(), 7);
  EXPECT_EQ(method->input_type()->FindFieldByName("iso_country_code")->json_name(), "isoCountryCode");
  EXPECT_THAT(method->input_type()->DebugString(), HasSubstr("optional string iso_country_code = 2"));
}

TYPED_TEST(Reflection, FindsAFileByWhateverIsInIt) {
  for (const char* symbol : {"smsvoice.v2.Pools", "smsvoice.v2.Pools.DeletePool", "smsvoice.v2.DeletePoolRequest",
                             "smsvoice.v2.DeletePoolRequest.pool_id", "smsvoice.v2.PoolStatus"}) {
    const auto files = this->FilesOf(symbol);
    ASSERT_FALSE(files.empty()) << symbol;
    EXPECT_EQ(files[0].name(), "smsvoice/v2/pools.proto") << symbol;
  }
  const auto by_name = this->Ask("file_by_filename: 'smsvoice/v2/tags.proto'");
  EXPECT_EQ(Files(by_name.file_descriptor_response().file_descriptor_proto())[0].name(), "smsvoice/v2/tags.proto");
}

// The details of a refusal can be read by a client that has no schema.
TYPED_TEST(Reflection, KnowsTheErrorDetails) {
  for (const char* type : {"ErrorInfo", "BadRequest", "QuotaFailure", "RetryInfo", "RequestInfo"}) {
    EXPECT_FALSE(this->FilesOf("google.rpc." + std::string(type)).empty()) << type;
  }
}

TYPED_TEST(Reflection, FindsExtensions) {
  const auto numbers =
      this->Ask("all_extension_numbers_of_type: 'google.protobuf.MethodOptions'").all_extension_numbers_response();
  EXPECT_EQ(numbers.base_type_name(), "google.protobuf.MethodOptions");
  ASSERT_GT(numbers.extension_number_size(), 0);
  const auto found =
      this->Ask("file_containing_extension: { containing_type: 'google.protobuf.MethodOptions' extension_number: " +
                std::to_string(numbers.extension_number(0)) + " }");
  EXPECT_EQ(Files(found.file_descriptor_response().file_descriptor_proto())[0].name(), "smsvoice/v2/rules.proto");
  const auto none = this->Ask("all_extension_numbers_of_type: 'smsvoice.v2.DeletePoolRequest'");
  EXPECT_EQ(none.all_extension_numbers_response().extension_number_size(), 0);
}

// Also of what this program contains but does not serve.
TYPED_TEST(Reflection, AnswersThatSomethingIsNotThere) {
  for (const char* question :
       {"file_by_filename: 'nope.proto'", "file_by_filename: 'opentelemetry/proto/trace/v1/trace.proto'",
        "file_containing_symbol: 'smsvoice.v2.Nope'", "file_containing_symbol: ''",
        "file_containing_symbol: 'opentelemetry.proto.trace.v1.Span'", "all_extension_numbers_of_type: 'nope.Nope'",
        "file_containing_extension: { containing_type: 'google.protobuf.MethodOptions' extension_number: 1 }"}) {
    EXPECT_EQ(this->Ask(question).error_response().error_code(), grpc::StatusCode::NOT_FOUND) << question;
  }
  EXPECT_EQ(this->Ask("host: 'x'").error_response().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TYPED_TEST(Reflection, GivesAStreamAFileOnlyOnceUnlessItIsAskedFor) {
  Conversation<TypeParam> conversation(DevAddress());
  const auto ask = [&](const std::string& symbol) {
    return Names(Files(conversation.Ask("file_containing_symbol: '" + symbol + "'")
                           .file_descriptor_response()
                           .file_descriptor_proto()));
  };
  const auto first = ask("smsvoice.v2.Pools");
  EXPECT_THAT(first, Contains("smsvoice/v2/rules.proto"));
  EXPECT_THAT(first, Contains("google/protobuf/descriptor.proto"));
  EXPECT_THAT(ask("smsvoice.v2.Pools"), ElementsAre("smsvoice/v2/pools.proto"));
  EXPECT_THAT(ask("smsvoice.v2.Tags"), ElementsAre("smsvoice/v2/tags.proto"));
  EXPECT_TRUE(conversation.End().ok());
}

TYPED_TEST(Reflection, RefusesAQuestionOfMoreThanAFewKibibytes) {
  Conversation<TypeParam> conversation(DevAddress());
  typename TypeParam::Request question;
  question.set_file_containing_symbol(std::string(5000, 'x'));
  conversation.Write(question);
  const grpc::Status refused = conversation.End();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FromGrpcStatus(refused).reason(), reason::kInvalidRequest);
  EXPECT_EQ(conversation.Trailer("x-amzn-errortype"), "ValidationException");
  EXPECT_EQ(conversation.Trailer("x-amzn-requestid").size(), 36U);
}

TEST(ReflectionClients, CallWithoutSchema) {
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

std::unique_ptr<Program> Serve(std::vector<std::string> more) {
  std::vector<std::string> arguments{"serve", "--grpc-listen",  "127.0.0.1:0",    "--http-listen",
                                     "off",   "--database-url", TestDatabaseUrl()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return std::make_unique<Program>(Poold(arguments));
}

TEST(ReflectionSwitchedOff, IsAnUnknownOperation) {
  const auto server = Serve({"--reflection", "off"});
  const std::string address = ReadyAddress(*server);
  const auto expect_unknown = [&](auto version) {
    Conversation<decltype(version)> conversation(address);
    const grpc::Status refused = conversation.End();
    EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNIMPLEMENTED);
    EXPECT_EQ(FromGrpcStatus(refused).reason(), reason::kUnknownOperation);
  };
  expect_unknown(V1());
  expect_unknown(V1Alpha());
  EXPECT_THAT(GrpcClient(address).Call<smsvoice::v2::DescribePoolsRequest>(""), IsOk());
}

TEST(ReflectionOfServe, DoesNotTellOfServicesOfDevAlone) {
  const auto server = Serve({});
  Conversation<V1> conversation(ReadyAddress(*server));
  const auto services = conversation.Ask("list_services: ''").list_services_response();
  for (const auto& service : services.service()) EXPECT_NE(service.name(), "smsvoice.v2.Dev");
  EXPECT_EQ(conversation.Ask("file_by_filename: 'smsvoice/v2/dev.proto'").error_response().error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(conversation.End().ok());
}

}  // namespace
}  // namespace poold
