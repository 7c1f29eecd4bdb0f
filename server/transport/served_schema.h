#pragma once

#include <google/protobuf/descriptor.h>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "grpc/reflection/v1/reflection.pb.h"

namespace poold {

// What reflection tells: the services that are served, and the files that describe them, the details of refusals and
// all that these import. Each field has its json_name, without which grpcurl would show the names of the .proto files.
// Made once from the generated code, then constant; any thread. An unknown name costs a look-up in maps of its own and
// leaves nothing behind (the pool of the generated code would keep it for ever).
class ServedSchema {
 public:
  // `services`: those of the API. The health service and both versions of reflection come on top.
  explicit ServedSchema(const std::set<const google::protobuf::ServiceDescriptor*>& services);

  struct File {
    std::string bytes;  // the FileDescriptorProto
    std::vector<const File*> imports;
  };
  // The files that a stream has been given. They are not sent again unless they are asked for.
  using Sent = std::set<const File*>;

  // The messages of v1; those of v1alpha are the same bytes.
  grpc::reflection::v1::ServerReflectionResponse Answer(const grpc::reflection::v1::ServerReflectionRequest& request,
                                                        Sent& sent) const;

 private:
  const File* Add(const google::protobuf::FileDescriptor& file);
  void AddSymbols(const google::protobuf::FileDescriptor& descriptor, const File& file);
  void AddMessage(const google::protobuf::Descriptor& message, const File& file);
  void AddEnum(const google::protobuf::EnumDescriptor& type, const File& file);
  void AddExtension(const google::protobuf::FieldDescriptor& extension, const File& file);

  std::deque<File> files_;
  std::set<std::string> services_;
  std::map<std::string, const File*, std::less<>> by_name_;
  std::map<std::string, const File*, std::less<>> by_symbol_;                  // by full names
  std::map<std::string, std::map<int, const File*>, std::less<>> extensions_;  // by extended type and number
};

}  // namespace poold
