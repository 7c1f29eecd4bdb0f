#pragma once

// The API as a client of the gRPC door meets it: through the generated stubs, over the wire.

#include <google/protobuf/text_format.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error.h"
#include "smsvoice/v2/dev.grpc.pb.h"
#include "smsvoice/v2/phone_numbers.grpc.pb.h"
#include "smsvoice/v2/pools.grpc.pb.h"
#include "smsvoice/v2/sender_ids.grpc.pb.h"
#include "tests/support/matchers.h"

namespace poold {

// What a call came to. `error` is what FromGrpcStatus makes of a refusal: the matchers of Result work on it.
template <class Response>
struct Reply : Result<Response> {
  grpc::Status status;
  std::multimap<std::string, std::string> trailers;

  // The only trailer of that name, or nothing.
  std::string Trailer(const std::string& name) const {
    return trailers.count(name) == 1 ? trailers.find(name)->second : std::string();
  }

  // google.rpc.Status as it came in grpc-status-details-bin.
  google::rpc::Status Details() const {
    google::rpc::Status details;
    if (!details.ParseFromString(status.error_details())) throw std::runtime_error("the details are unreadable");
    return details;
  }

  // The one detail of that type.
  template <class Detail>
  std::optional<Detail> Find() const {
    std::optional<Detail> found;
    const google::rpc::Status details = Details();
    for (const auto& any : details.details()) {
      Detail detail;
      if (!any.UnpackTo(&detail)) continue;
      if (found) throw std::runtime_error("two details of the same type");
      found = detail;
    }
    return found;
  }
};

template <class Response>
void PrintTo(const Reply<Response>& reply, std::ostream* out) {
  PrintTo(static_cast<const Result<Response>&>(reply), out);
}

// One caller at one server. Calls may come from several threads.
class GrpcClient {
 public:
  // Of every call: after it the client itself gives up. Nothing: the server's own default counts.
  std::optional<std::chrono::milliseconds> deadline = std::chrono::seconds(20);
  std::map<std::string, std::string> metadata;

  // An empty account leaves it to the server whose calls these are.
  explicit GrpcClient(const std::string& address, const std::string& account = {})
      : GrpcClient(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()), account) {}

  GrpcClient(const std::shared_ptr<grpc::Channel>& channel, const std::string& account)
      : channel_(channel),
        stubs_{smsvoice::v2::Pools::NewStub(channel_), smsvoice::v2::PhoneNumbers::NewStub(channel_),
               smsvoice::v2::SenderIds::NewStub(channel_), smsvoice::v2::Dev::NewStub(channel_)} {
    if (!account.empty()) metadata["x-account-id"] = account;
  }

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // `context` must be fresh; whoever holds it can cancel the call.
  template <class Request>
  auto Call(grpc::ClientContext& context, const Request& request) const {
    return Invoke(MethodOf(request), context, request);
  }

  template <class Request>
  auto Call(const Request& request) const {
    grpc::ClientContext context;
    return Call(context, request);
  }

  // The same with the request in text form: Call<CreatePoolRequest>("pool_id: 'x'").
  template <class Request>
  auto Call(const std::string& text) const {
    return Call(Parse<Request>(text));
  }

  // The response of a call that must go well.
  template <class Request>
  auto Must(const std::string& text) const {
    auto reply = Call<Request>(text);
    if (reply.error) throw std::runtime_error(text + ": " + reply.error->what());
    return reply.response;
  }

  template <class Request>
  static Request Parse(const std::string& text) {
    Request request;
    if (!google::protobuf::TextFormat::ParseFromString(text, &request)) throw std::invalid_argument(text);
    return request;
  }

 private:
  // clang-format off
  static auto MethodOf(const smsvoice::v2::CreatePoolRequest&) { return &smsvoice::v2::Pools::Stub::CreatePool; }
  static auto MethodOf(const smsvoice::v2::DescribePoolsRequest&) { return &smsvoice::v2::Pools::Stub::DescribePools; }
  static auto MethodOf(const smsvoice::v2::UpdatePoolRequest&) { return &smsvoice::v2::Pools::Stub::UpdatePool; }
  static auto MethodOf(const smsvoice::v2::DeletePoolRequest&) { return &smsvoice::v2::Pools::Stub::DeletePool; }
  static auto MethodOf(const smsvoice::v2::AssociateOriginationIdentityRequest&) { return &smsvoice::v2::Pools::Stub::AssociateOriginationIdentity; }
  static auto MethodOf(const smsvoice::v2::DisassociateOriginationIdentityRequest&) { return &smsvoice::v2::Pools::Stub::DisassociateOriginationIdentity; }
  static auto MethodOf(const smsvoice::v2::ListPoolOriginationIdentitiesRequest&) { return &smsvoice::v2::Pools::Stub::ListPoolOriginationIdentities; }
  static auto MethodOf(const smsvoice::v2::RequestPhoneNumberRequest&) { return &smsvoice::v2::PhoneNumbers::Stub::RequestPhoneNumber; }
  static auto MethodOf(const smsvoice::v2::DescribePhoneNumbersRequest&) { return &smsvoice::v2::PhoneNumbers::Stub::DescribePhoneNumbers; }
  static auto MethodOf(const smsvoice::v2::UpdatePhoneNumberRequest&) { return &smsvoice::v2::PhoneNumbers::Stub::UpdatePhoneNumber; }
  static auto MethodOf(const smsvoice::v2::ReleasePhoneNumberRequest&) { return &smsvoice::v2::PhoneNumbers::Stub::ReleasePhoneNumber; }
  static auto MethodOf(const smsvoice::v2::RequestSenderIdRequest&) { return &smsvoice::v2::SenderIds::Stub::RequestSenderId; }
  static auto MethodOf(const smsvoice::v2::DescribeSenderIdsRequest&) { return &smsvoice::v2::SenderIds::Stub::DescribeSenderIds; }
  static auto MethodOf(const smsvoice::v2::UpdateSenderIdRequest&) { return &smsvoice::v2::SenderIds::Stub::UpdateSenderId; }
  static auto MethodOf(const smsvoice::v2::ReleaseSenderIdRequest&) { return &smsvoice::v2::SenderIds::Stub::ReleaseSenderId; }
  static auto MethodOf(const smsvoice::v2::ResetAccountRequest&) { return &smsvoice::v2::Dev::Stub::ResetAccount; }
  static auto MethodOf(const smsvoice::v2::SeedAccountRequest&) { return &smsvoice::v2::Dev::Stub::SeedAccount; }
  // clang-format on

  template <class Stub, class Request, class Response>
  Reply<Response> Invoke(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                         grpc::ClientContext& context, const Request& request) const {
    Reply<Response> reply;
    if (deadline) context.set_deadline(std::chrono::system_clock::now() + *deadline);
    for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
    reply.status = (*std::get<std::unique_ptr<Stub>>(stubs_).*method)(&context, request, &reply.response);
    for (const auto& [name, value] : context.GetServerTrailingMetadata()) {
      reply.trailers.emplace(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
    }
    if (!reply.status.ok()) reply.error = FromGrpcStatus(reply.status, reply.Trailer(std::string(kErrorTypeMetadata)));
    return reply;
  }

  std::shared_ptr<grpc::Channel> channel_;
  std::tuple<std::unique_ptr<smsvoice::v2::Pools::Stub>, std::unique_ptr<smsvoice::v2::PhoneNumbers::Stub>,
             std::unique_ptr<smsvoice::v2::SenderIds::Stub>, std::unique_ptr<smsvoice::v2::Dev::Stub>>
      stubs_;
};

}  // namespace poold
