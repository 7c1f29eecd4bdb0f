#include "server/rpc/method.h"

#include <google/protobuf/empty.pb.h>

#include <algorithm>
#include <vector>

#include "server/base/settings.h"
#include "smsvoice/v2/account.pb.h"
#include "smsvoice/v2/dev.pb.h"
#include "smsvoice/v2/keywords.pb.h"
#include "smsvoice/v2/opt_out_lists.pb.h"
#include "smsvoice/v2/phone_numbers.pb.h"
#include "smsvoice/v2/pools.pb.h"
#include "smsvoice/v2/resource_policies.pb.h"
#include "smsvoice/v2/sender_ids.pb.h"
#include "smsvoice/v2/tags.pb.h"

namespace poold {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;

const Message* Prototype(const Descriptor& type) { return MessageFactory::generated_factory()->GetPrototype(&type); }

Method MethodOf(const MethodDescriptor& rpc, std::size_t index) {
  const Descriptor& request = *rpc.input_type();
  return {rpc.name(),
          &rpc,
          rpc.options().GetExtension(smsvoice::v2::policy),
          request.FindFieldByName("client_token"),
          request.FindFieldByName("validate_only"),
          request.FindFieldByName("max_results"),
          request.FindFieldByName("next_token"),
          Prototype(request),
          Prototype(*rpc.output_type()),
          index};
}

// The .proto files of the API, a message of each, in the order of the API.
std::vector<Method> AllMethods() {
  std::vector<Method> methods;
  for (const Descriptor* message :
       {smsvoice::v2::CreatePoolRequest::descriptor(), smsvoice::v2::RequestPhoneNumberRequest::descriptor(),
        smsvoice::v2::RequestSenderIdRequest::descriptor(), smsvoice::v2::PutKeywordRequest::descriptor(),
        smsvoice::v2::TagResourceRequest::descriptor(), smsvoice::v2::CreateOptOutListRequest::descriptor(),
        smsvoice::v2::PutResourcePolicyRequest::descriptor(), smsvoice::v2::DescribeAccountLimitsRequest::descriptor(),
        smsvoice::v2::ResetAccountRequest::descriptor()}) {
    const FileDescriptor& file = *message->file();
    for (int s = 0; s < file.service_count(); ++s) {
      for (int m = 0; m < file.service(s)->method_count(); ++m) {
        methods.push_back(MethodOf(*file.service(s)->method(m), methods.size()));
      }
    }
  }
  return methods;
}

}  // namespace

std::unique_ptr<Message> Method::NewRequest() const { return std::unique_ptr<Message>(request->New()); }

std::unique_ptr<Message> Method::NewResponse() const { return std::unique_ptr<Message>(response->New()); }

bool Method::CanRefuseWith(smsvoice::v2::Refusal refusal) const {
  return std::ranges::find(policy.refusals(), refusal) != policy.refusals().end();
}

std::span<const Method> Methods() {
  static const std::vector<Method> kMethods = AllMethods();
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
                               .index = Methods().size()};
  return kUnknown;
}

bool IsUnknown(const Method& method) { return method.descriptor == nullptr; }

}  // namespace poold
