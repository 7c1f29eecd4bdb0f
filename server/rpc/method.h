#pragma once

#include <google/protobuf/arena.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "smsvoice/v2/rules.pb.h"

namespace poold {

struct ApiSettings;

// One RPC: its name, policy and fields, as its .proto file has them. What it does is in handlers/table.h.
struct Method {
  std::string_view name;                                 // "CreatePool"; unique among all services
  const google::protobuf::MethodDescriptor* descriptor;  // nullptr: UnknownMethod
  smsvoice::v2::MethodPolicy policy;
  // Fields of the request; nullptr if it has none of that name.
  const google::protobuf::FieldDescriptor* client_token;
  const google::protobuf::FieldDescriptor* validate_only;
  const google::protobuf::FieldDescriptor* max_results;  // these two by which a request asks for a page
  const google::protobuf::FieldDescriptor* next_token;
  const google::protobuf::Message* request;  // empty ones, to make others of
  const google::protobuf::Message* response;
  std::size_t index;  // among Methods()

  std::unique_ptr<google::protobuf::Message> NewRequest() const;
  std::unique_ptr<google::protobuf::Message> NewResponse() const;
  bool CanRefuseWith(smsvoice::v2::Refusal refusal) const;
};

// The messages of a call, empty; doors make them before the Call that refers to them. The arena owns them and all that
// is in them: the hundreds of small objects of a page would each be allocated and freed by themselves.
struct Messages {
  explicit Messages(const Method& method)
      : request(method.request->New(&arena)), response(method.response->New(&arena)) {}

  google::protobuf::Arena arena;
  google::protobuf::Message* const request;
  google::protobuf::Message* const response;
};

// All of them, in the order of the API. Made at first use, then constant; any thread.
std::span<const Method> Methods();

// Whether a server with these settings serves the method. The pipeline refuses the others; a door had better not show
// them.
bool IsServed(const Method& method, const ApiSettings& settings);

// nullptr if there is none of that name.
const Method* FindMethod(std::string_view name);

// Stands for every operation that does not exist, so that a call to one goes the way of all calls: it is refused,
// logged and counted like others, under the name "unknown". It has no descriptor, its messages are empty, and no server
// serves it. Its index follows that of the last of Methods().
const Method& UnknownMethod();
bool IsUnknown(const Method& method);

}  // namespace poold
