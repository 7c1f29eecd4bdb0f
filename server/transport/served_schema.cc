#include "server/transport/served_schema.h"

#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/support/status.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpc/health/v1/health.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "server/base/limits.h"
#include "server/base/text.h"

namespace poold {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::ServiceDescriptor;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

// With the JSON name of each field and extension, which CopyTo leaves out.
std::string Serialized(const FileDescriptor& file) {
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  file.CopyJsonNameTo(&proto);
  return proto.SerializeAsString();
}

// The file itself first, then what it imports and the stream has not got yet.
void AppendFiles(const ServedSchema::File& file, ServedSchema::Sent& sent,
                 grpc::reflection::v1::FileDescriptorResponse& response) {
  sent.insert(&file);
  response.add_file_descriptor_proto(file.bytes);
  for (const ServedSchema::File* import : file.imports) {
    if (!sent.contains(import)) AppendFiles(*import, sent, response);
  }
}

void SetError(ServerReflectionResponse& response, grpc::StatusCode code, const std::string& message) {
  response.mutable_error_response()->set_error_code(code);
  response.mutable_error_response()->set_error_message(Printable(message, limits::kQuotedBytes));
}

// nullptr if it is not in the map.
template <class Map>
const typename Map::mapped_type* Find(const Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

ServedSchema::ServedSchema(const std::set<const ServiceDescriptor*>& services) {
  for (const ServiceDescriptor* service : services) {
    services_.insert(service->full_name());
    Add(*service->file());
  }
  for (const Descriptor* message :
       {grpc::health::v1::HealthCheckRequest::descriptor(), ServerReflectionRequest::descriptor(),
        grpc::reflection::v1alpha::ServerReflectionRequest::descriptor()}) {
    services_.insert(message->file()->service(0)->full_name());
    Add(*message->file());
  }
  Add(*google::rpc::ErrorInfo::descriptor()->file());
  Add(*google::rpc::Status::descriptor()->file());
}

const ServedSchema::File* ServedSchema::Add(const FileDescriptor& descriptor) {
  if (const auto* known = Find(by_name_, descriptor.name())) return *known;
  File& file = files_.emplace_back(File{Serialized(descriptor), {}});
  by_name_.emplace(descriptor.name(), &file);
  AddSymbols(descriptor, file);
  for (int i = 0; i < descriptor.dependency_count(); ++i) file.imports.push_back(Add(*descriptor.dependency(i)));
  return &file;
}

void ServedSchema::AddSymbols(const FileDescriptor& descriptor, const File& file) {
  for (int i = 0; i < descriptor.message_type_count(); ++i) AddMessage(*descriptor.message_type(i), file);
  for (int i = 0; i < descriptor.enum_type_count(); ++i) AddEnum(*descriptor.enum_type(i), file);
  for (int i = 0; i < descriptor.extension_count(); ++i) AddExtension(*descriptor.extension(i), file);
  for (int i = 0; i < descriptor.service_count(); ++i) {
    const ServiceDescriptor& service = *descriptor.service(i);
    by_symbol_.emplace(service.full_name(), &file);
    for (int j = 0; j < service.method_count(); ++j) by_symbol_.emplace(service.method(j)->full_name(), &file);
  }
}

void ServedSchema::AddMessage(const Descriptor& message, const File& file) {
  by_symbol_.emplace(message.full_name(), &file);
  for (int i = 0; i < message.field_count(); ++i) by_symbol_.emplace(message.field(i)->full_name(), &file);
  for (int i = 0; i < message.oneof_decl_count(); ++i) by_symbol_.emplace(message.oneof_decl(i)->full_name(), &file);
  for (int i = 0; i < message.nested_type_count(); ++i) AddMessage(*message.nested_type(i), file);
  for (int i = 0; i < message.enum_type_count(); ++i) AddEnum(*message.enum_type(i), file);
  for (int i = 0; i < message.extension_count(); ++i) AddExtension(*message.extension(i), file);
}

void ServedSchema::AddEnum(const EnumDescriptor& type, const File& file) {
  by_symbol_.emplace(type.full_name(), &file);
  for (int i = 0; i < type.value_count(); ++i) by_symbol_.emplace(type.value(i)->full_name(), &file);
}

void ServedSchema::AddExtension(const FieldDescriptor& extension, const File& file) {
  by_symbol_.emplace(extension.full_name(), &file);
  extensions_[extension.containing_type()->full_name()].emplace(extension.number(), &file);
}

ServerReflectionResponse ServedSchema::Answer(const ServerReflectionRequest& request, Sent& sent) const {
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  const auto send = [&](const File* const* file, const std::string& name) {
    if (file == nullptr) return SetError(response, grpc::StatusCode::NOT_FOUND, "there is no " + name);
    AppendFiles(**file, sent, *response.mutable_file_descriptor_response());
  };

  switch (request.message_request_case()) {
    case ServerReflectionRequest::kListServices:
      for (const std::string& service : services_) {
        response.mutable_list_services_response()->add_service()->set_name(service);
      }
      break;
    case ServerReflectionRequest::kFileByFilename:
      send(Find(by_name_, request.file_by_filename()), "file " + request.file_by_filename());
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      send(Find(by_symbol_, request.file_containing_symbol()), "symbol " + request.file_containing_symbol());
      break;
    case ServerReflectionRequest::kFileContainingExtension: {
      const auto& wanted = request.file_containing_extension();
      const auto* numbers = Find(extensions_, wanted.containing_type());
      send(numbers == nullptr ? nullptr : Find(*numbers, wanted.extension_number()),
           "extension " + std::to_string(wanted.extension_number()) + " of " + wanted.containing_type());
      break;
    }
    case ServerReflectionRequest::kAllExtensionNumbersOfType: {
      const std::string& type = request.all_extension_numbers_of_type();
      if (Find(by_symbol_, type) == nullptr) {
        SetError(response, grpc::StatusCode::NOT_FOUND, "there is no type " + type);
        break;
      }
      auto& numbers = *response.mutable_all_extension_numbers_response();
      numbers.set_base_type_name(type);
      if (const auto* extensions = Find(extensions_, type)) {
        for (const auto& [number, file] : *extensions) numbers.add_extension_number(number);
      }
      break;
    }
    case ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      SetError(response, grpc::StatusCode::INVALID_ARGUMENT, "the request asks nothing");
      break;
  }
  return response;
}

}  // namespace poold
