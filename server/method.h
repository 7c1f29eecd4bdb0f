#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <memory>
#include <span>
#include <string_view>

#include "smsvoice/v2/rules.pb.h"

namespace poold {

class Call;
struct ApiSettings;

// One RPC: a row of the table in method.cc.
struct Method {
  std::string_view name;  // "CreatePool"; unique among all services
  const google::protobuf::MethodDescriptor* descriptor;
  smsvoice::v2::MethodPolicy policy;
  // Fields of the request; nullptr if it has none of that name.
  const google::protobuf::FieldDescriptor* client_token;
  const google::protobuf::FieldDescriptor* validate_only;
  void (*handle)(Call& call);  // calls the handler, fills the response

  std::unique_ptr<google::protobuf::Message> NewRequest() const;
  std::unique_ptr<google::protobuf::Message> NewResponse() const;
  bool CanRefuseWith(smsvoice::v2::Refusal refusal) const;
};

// The messages of a call, empty; doors make them before the Call that refers to them.
struct Messages {
  explicit Messages(const Method& method) : request(method.NewRequest()), response(method.NewResponse()) {}

  std::unique_ptr<google::protobuf::Message> request;
  std::unique_ptr<google::protobuf::Message> response;
};

// All of them, in the order of the API. Made at first use, then constant; any thread.
std::span<const Method> Methods();

// Whether a server with these settings serves the method. The pipeline refuses the others; a door had better not show
// them.
bool IsServed(const Method& method, const ApiSettings& settings);

// nullptr if there is none of that name.
const Method* FindMethod(std::string_view name);

}  // namespace poold
