#include "server/method.h"

#include <google/protobuf/empty.pb.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "server/call.h"
#include "server/handlers/handlers.h"
#include "server/settings.h"

namespace poold {
namespace {

// What a handler's type says of its request and response: it returns the response or, where that may be long, fills it.
// (A returned one is copied into the arena of the call's messages.)
template <typename Handler>
struct Signature;
template <typename Response, typename Request>
struct Signature<Response (*)(Call&, const Request&)> {
  static void Handle(Response (*handler)(Call&, const Request&), Call& call) {
    call.response<Response>() = handler(call, call.request<Request>());
  }
};
template <typename Response, typename Request>
struct Signature<void (*)(Call&, const Request&, Response&)> {
  static void Handle(void (*handler)(Call&, const Request&, Response&), Call& call) {
    handler(call, call.request<Request>(), call.response<Response>());
  }
};

const google::protobuf::Message* Prototype(const google::protobuf::Descriptor& type) {
  return google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type);
}

template <auto kHandler>
Method Row(std::string_view service, std::string_view name, std::vector<const Together*> together = {}) {
  const std::string full_name = "smsvoice.v2." + std::string(service) + "." + std::string(name);
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(full_name);
  if (descriptor == nullptr) throw std::logic_error("no such method in the .proto files: " + full_name);
  return {name,
          descriptor,
          descriptor->options().GetExtension(smsvoice::v2::policy),
          descriptor->input_type()->FindFieldByName("client_token"),
          descriptor->input_type()->FindFieldByName("validate_only"),
          descriptor->input_type()->FindFieldByName("max_results"),
          descriptor->input_type()->FindFieldByName("next_token"),
          Prototype(*descriptor->input_type()),
          Prototype(*descriptor->output_type()),
          [](Call& call) { Signature<decltype(kHandler)>::Handle(kHandler, call); },
          std::move(together)};
}

std::vector<Method> Numbered(std::vector<Method> methods) {
  for (std::size_t i = 0; i < methods.size(); ++i) methods[i].index = i;
  return methods;
}

}  // namespace

std::unique_ptr<google::protobuf::Message> Method::NewRequest() const {
  return std::unique_ptr<google::protobuf::Message>(request->New());
}

std::unique_ptr<google::protobuf::Message> Method::NewResponse() const {
  return std::unique_ptr<google::protobuf::Message>(response->New());
}

bool Method::CanRefuseWith(smsvoice::v2::Refusal refusal) const {
  return std::ranges::find(policy.refusals(), refusal) != policy.refusals().end();
}

std::span<const Method> Methods() {
  static const std::vector<Method> kMethods = Numbered({
      Row<&CreatePool>("Pools", "CreatePool", {&kCreatePoolsTogether}),
      Row<&DescribePools>("Pools", "DescribePools", {&kDescribePoolsTogether, &kListPoolsTogether}),
      Row<&UpdatePool>("Pools", "UpdatePool"),
      Row<&DeletePool>("Pools", "DeletePool"),
      Row<&AssociateOriginationIdentity>("Pools", "AssociateOriginationIdentity", {&kAssociateTogether}),
      Row<&DisassociateOriginationIdentity>("Pools", "DisassociateOriginationIdentity"),
      Row<&ListPoolOriginationIdentities>("Pools", "ListPoolOriginationIdentities", {&kListMembersTogether}),
      Row<&BatchAssociateOriginationIdentities>("Pools", "BatchAssociateOriginationIdentities"),
      Row<&BatchDisassociateOriginationIdentities>("Pools", "BatchDisassociateOriginationIdentities"),
      Row<&ReplaceOriginationIdentities>("Pools", "ReplaceOriginationIdentities"),
      Row<&ListPoolsForOriginationIdentity>("Pools", "ListPoolsForOriginationIdentity"),
      Row<&RequestPhoneNumber>("PhoneNumbers", "RequestPhoneNumber"),
      Row<&DescribePhoneNumbers>("PhoneNumbers", "DescribePhoneNumbers"),
      Row<&UpdatePhoneNumber>("PhoneNumbers", "UpdatePhoneNumber"),
      Row<&ReleasePhoneNumber>("PhoneNumbers", "ReleasePhoneNumber"),
      Row<&RequestSenderId>("SenderIds", "RequestSenderId"),
      Row<&DescribeSenderIds>("SenderIds", "DescribeSenderIds"),
      Row<&UpdateSenderId>("SenderIds", "UpdateSenderId"),
      Row<&ReleaseSenderId>("SenderIds", "ReleaseSenderId"),
      Row<&PutKeyword>("Keywords", "PutKeyword"),
      Row<&DescribeKeywords>("Keywords", "DescribeKeywords"),
      Row<&DeleteKeyword>("Keywords", "DeleteKeyword"),
      Row<&TagResource>("Tags", "TagResource"),
      Row<&UntagResource>("Tags", "UntagResource"),
      Row<&ListTagsForResource>("Tags", "ListTagsForResource"),
      Row<&CreateOptOutList>("OptOutLists", "CreateOptOutList"),
      Row<&DescribeOptOutLists>("OptOutLists", "DescribeOptOutLists"),
      Row<&DeleteOptOutList>("OptOutLists", "DeleteOptOutList"),
      Row<&PutOptedOutNumber>("OptOutLists", "PutOptedOutNumber"),
      Row<&DescribeOptedOutNumbers>("OptOutLists", "DescribeOptedOutNumbers"),
      Row<&DeleteOptedOutNumber>("OptOutLists", "DeleteOptedOutNumber"),
      Row<&PutResourcePolicy>("ResourcePolicies", "PutResourcePolicy"),
      Row<&GetResourcePolicy>("ResourcePolicies", "GetResourcePolicy"),
      Row<&DeleteResourcePolicy>("ResourcePolicies", "DeleteResourcePolicy"),
      Row<&DescribeAccountLimits>("Account", "DescribeAccountLimits"),
      Row<&DescribeAccountAttributes>("Account", "DescribeAccountAttributes"),
      Row<&ResetAccount>("Dev", "ResetAccount"),
      Row<&SeedAccount>("Dev", "SeedAccount"),
  });
  return kMethods;
}

bool IsServed(const Method& method, const ApiSettings& settings) {
  return !IsUnknown(method) && (settings.dev || !method.policy.dev());
}

const Method* FindMethod(std::string_view name) {
  const auto methods = Methods();
  const auto found = std::ranges::find(methods, name, &Method::name);
  return found == methods.end() ? nullptr : &*found;
}

const Method& UnknownMethod() {
  static const google::protobuf::Empty kNothing;
  static const Method kUnknown{.name = "unknown",
                               .descriptor = nullptr,
                               .policy = {},
                               .client_token = nullptr,
                               .validate_only = nullptr,
                               .max_results = nullptr,
                               .next_token = nullptr,
                               .request = &kNothing,
                               .response = &kNothing,
                               .handle = [](Call&) { throw std::logic_error("an unknown operation was let through"); },
                               .index = Methods().size()};
  return kUnknown;
}

bool IsUnknown(const Method& method) { return method.descriptor == nullptr; }

}  // namespace poold
