#include "server/transport/grpc.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <stdexcept>

#include "server/method.h"
#include "smsvoice/v2/account.grpc.pb.h"
#include "smsvoice/v2/keywords.grpc.pb.h"
#include "smsvoice/v2/opt_out_lists.grpc.pb.h"
#include "smsvoice/v2/phone_numbers.grpc.pb.h"
#include "smsvoice/v2/pools.grpc.pb.h"
#include "smsvoice/v2/resource_policies.grpc.pb.h"
#include "smsvoice/v2/sender_ids.grpc.pb.h"
#include "smsvoice/v2/tags.grpc.pb.h"

namespace poold {
namespace {

using google::protobuf::Message;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

// How many calls of ours run at this moment: those of health and reflection don't count. Any thread.
class RunningCalls {
 public:
  void Begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void End() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void WaitUntilNone(std::chrono::system_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    none_.wait_until(lock, deadline, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

// One gRPC call. gRPC owns it from the moment it is returned to it, until OnDone.
class GrpcCall final : public Call, public ServerUnaryReactor {
 public:
  GrpcCall(const Service& service, const Method& method, CallbackServerContext& context, const Message& request,
           Message& response, RunningCalls& running)
      : Call(service, method, request, response), context_(context), running_(running) {
    running_.Begin();
    // gRPC's deadline is of the wall clock; ours is not moved by somebody setting that.
    const auto left = context.deadline() - std::chrono::system_clock::now();
    if (left < std::chrono::hours(24)) {
      set_deadline(received() + std::max(left, std::chrono::system_clock::duration(1)));
    }
  }

  std::optional<std::string_view> Header(std::string_view name) const override {
    const auto& metadata = context_.client_metadata();
    const auto found = metadata.find(grpc::string_ref(name.data(), name.size()));
    if (found == metadata.end()) return std::nullopt;
    return std::string_view(found->second.data(), found->second.size());
  }

  void Finish(const Error* error) override {
    context_.AddTrailingMetadata("x-amzn-requestid", request_id());
    if (error == nullptr) return ServerUnaryReactor::Finish(grpc::Status::OK);
    context_.AddTrailingMetadata(std::string(kErrorTypeMetadata), std::string(error->exception()));
    ServerUnaryReactor::Finish(ToGrpcStatus(*error, request_id()));
  }

  void OnCancel() override { Cancel(); }
  void OnDone() override {
    RunningCalls& running = running_;
    delete this;
    running.End();
  }

 private:
  CallbackServerContext& context_;
  RunningCalls& running_;
};

// What the services below share: turns an RPC into a call and starts it.
class Entrance {
 public:
  Entrance(const Service& service, Pipeline& pipeline) : service_(service), pipeline_(pipeline) {}

  ServerUnaryReactor* Enter(const char* method, CallbackServerContext* context, const Message* request,
                            Message* response) const {
    auto* call = new GrpcCall(service_, *FindMethod(method), *context, *request, *response, running_);
    pipeline_.Start(*call);
    return call;
  }

  RunningCalls& running() const { return running_; }

 private:
  const Service& service_;
  Pipeline& pipeline_;
  mutable RunningCalls running_;
};

using namespace smsvoice::v2;  // NOLINT: the messages of every RPC
using Context = CallbackServerContext;
using Reactor = ServerUnaryReactor;

// clang-format off
class PoolsService final : public Pools::CallbackService {
 public:
  explicit PoolsService(const Entrance& door) : door_(door) {}
  Reactor* CreatePool(Context* c, const CreatePoolRequest* q, CreatePoolResponse* r) override { return door_.Enter("CreatePool", c, q, r); }
  Reactor* DescribePools(Context* c, const DescribePoolsRequest* q, DescribePoolsResponse* r) override { return door_.Enter("DescribePools", c, q, r); }
  Reactor* UpdatePool(Context* c, const UpdatePoolRequest* q, UpdatePoolResponse* r) override { return door_.Enter("UpdatePool", c, q, r); }
  Reactor* DeletePool(Context* c, const DeletePoolRequest* q, DeletePoolResponse* r) override { return door_.Enter("DeletePool", c, q, r); }
  Reactor* AssociateOriginationIdentity(Context* c, const AssociateOriginationIdentityRequest* q, AssociateOriginationIdentityResponse* r) override { return door_.Enter("AssociateOriginationIdentity", c, q, r); }
  Reactor* DisassociateOriginationIdentity(Context* c, const DisassociateOriginationIdentityRequest* q, DisassociateOriginationIdentityResponse* r) override { return door_.Enter("DisassociateOriginationIdentity", c, q, r); }
  Reactor* ListPoolOriginationIdentities(Context* c, const ListPoolOriginationIdentitiesRequest* q, ListPoolOriginationIdentitiesResponse* r) override { return door_.Enter("ListPoolOriginationIdentities", c, q, r); }
  Reactor* BatchAssociateOriginationIdentities(Context* c, const BatchAssociateOriginationIdentitiesRequest* q, BatchAssociateOriginationIdentitiesResponse* r) override { return door_.Enter("BatchAssociateOriginationIdentities", c, q, r); }
  Reactor* BatchDisassociateOriginationIdentities(Context* c, const BatchDisassociateOriginationIdentitiesRequest* q, BatchDisassociateOriginationIdentitiesResponse* r) override { return door_.Enter("BatchDisassociateOriginationIdentities", c, q, r); }
  Reactor* ReplaceOriginationIdentities(Context* c, const ReplaceOriginationIdentitiesRequest* q, ReplaceOriginationIdentitiesResponse* r) override { return door_.Enter("ReplaceOriginationIdentities", c, q, r); }
  Reactor* ListPoolsForOriginationIdentity(Context* c, const ListPoolsForOriginationIdentityRequest* q, ListPoolsForOriginationIdentityResponse* r) override { return door_.Enter("ListPoolsForOriginationIdentity", c, q, r); }
 private:
  const Entrance& door_;
};

class PhoneNumbersService final : public PhoneNumbers::CallbackService {
 public:
  explicit PhoneNumbersService(const Entrance& door) : door_(door) {}
  Reactor* RequestPhoneNumber(Context* c, const RequestPhoneNumberRequest* q, RequestPhoneNumberResponse* r) override { return door_.Enter("RequestPhoneNumber", c, q, r); }
  Reactor* DescribePhoneNumbers(Context* c, const DescribePhoneNumbersRequest* q, DescribePhoneNumbersResponse* r) override { return door_.Enter("DescribePhoneNumbers", c, q, r); }
  Reactor* UpdatePhoneNumber(Context* c, const UpdatePhoneNumberRequest* q, UpdatePhoneNumberResponse* r) override { return door_.Enter("UpdatePhoneNumber", c, q, r); }
  Reactor* ReleasePhoneNumber(Context* c, const ReleasePhoneNumberRequest* q, ReleasePhoneNumberResponse* r) override { return door_.Enter("ReleasePhoneNumber", c, q, r); }
 private:
  const Entrance& door_;
};

class SenderIdsService final : public SenderIds::CallbackService {
 public:
  explicit SenderIdsService(const Entrance& door) : door_(door) {}
  Reactor* RequestSenderId(Context* c, const RequestSenderIdRequest* q, RequestSenderIdResponse* r) override { return door_.Enter("RequestSenderId", c, q, r); }
  Reactor* DescribeSenderIds(Context* c, const DescribeSenderIdsRequest* q, DescribeSenderIdsResponse* r) override { return door_.Enter("DescribeSenderIds", c, q, r); }
  Reactor* UpdateSenderId(Context* c, const UpdateSenderIdRequest* q, UpdateSenderIdResponse* r) override { return door_.Enter("UpdateSenderId", c, q, r); }
  Reactor* ReleaseSenderId(Context* c, const ReleaseSenderIdRequest* q, ReleaseSenderIdResponse* r) override { return door_.Enter("ReleaseSenderId", c, q, r); }
 private:
  const Entrance& door_;
};

class KeywordsService final : public Keywords::CallbackService {
 public:
  explicit KeywordsService(const Entrance& door) : door_(door) {}
  Reactor* PutKeyword(Context* c, const PutKeywordRequest* q, PutKeywordResponse* r) override { return door_.Enter("PutKeyword", c, q, r); }
  Reactor* DescribeKeywords(Context* c, const DescribeKeywordsRequest* q, DescribeKeywordsResponse* r) override { return door_.Enter("DescribeKeywords", c, q, r); }
  Reactor* DeleteKeyword(Context* c, const DeleteKeywordRequest* q, DeleteKeywordResponse* r) override { return door_.Enter("DeleteKeyword", c, q, r); }
 private:
  const Entrance& door_;
};

class TagsService final : public Tags::CallbackService {
 public:
  explicit TagsService(const Entrance& door) : door_(door) {}
  Reactor* TagResource(Context* c, const TagResourceRequest* q, TagResourceResponse* r) override { return door_.Enter("TagResource", c, q, r); }
  Reactor* UntagResource(Context* c, const UntagResourceRequest* q, UntagResourceResponse* r) override { return door_.Enter("UntagResource", c, q, r); }
  Reactor* ListTagsForResource(Context* c, const ListTagsForResourceRequest* q, ListTagsForResourceResponse* r) override { return door_.Enter("ListTagsForResource", c, q, r); }
 private:
  const Entrance& door_;
};

class OptOutListsService final : public OptOutLists::CallbackService {
 public:
  explicit OptOutListsService(const Entrance& door) : door_(door) {}
  Reactor* CreateOptOutList(Context* c, const CreateOptOutListRequest* q, CreateOptOutListResponse* r) override { return door_.Enter("CreateOptOutList", c, q, r); }
  Reactor* DescribeOptOutLists(Context* c, const DescribeOptOutListsRequest* q, DescribeOptOutListsResponse* r) override { return door_.Enter("DescribeOptOutLists", c, q, r); }
  Reactor* DeleteOptOutList(Context* c, const DeleteOptOutListRequest* q, DeleteOptOutListResponse* r) override { return door_.Enter("DeleteOptOutList", c, q, r); }
  Reactor* PutOptedOutNumber(Context* c, const PutOptedOutNumberRequest* q, PutOptedOutNumberResponse* r) override { return door_.Enter("PutOptedOutNumber", c, q, r); }
  Reactor* DescribeOptedOutNumbers(Context* c, const DescribeOptedOutNumbersRequest* q, DescribeOptedOutNumbersResponse* r) override { return door_.Enter("DescribeOptedOutNumbers", c, q, r); }
  Reactor* DeleteOptedOutNumber(Context* c, const DeleteOptedOutNumberRequest* q, DeleteOptedOutNumberResponse* r) override { return door_.Enter("DeleteOptedOutNumber", c, q, r); }
 private:
  const Entrance& door_;
};

class ResourcePoliciesService final : public ResourcePolicies::CallbackService {
 public:
  explicit ResourcePoliciesService(const Entrance& door) : door_(door) {}
  Reactor* PutResourcePolicy(Context* c, const PutResourcePolicyRequest* q, PutResourcePolicyResponse* r) override { return door_.Enter("PutResourcePolicy", c, q, r); }
  Reactor* GetResourcePolicy(Context* c, const GetResourcePolicyRequest* q, GetResourcePolicyResponse* r) override { return door_.Enter("GetResourcePolicy", c, q, r); }
  Reactor* DeleteResourcePolicy(Context* c, const DeleteResourcePolicyRequest* q, DeleteResourcePolicyResponse* r) override { return door_.Enter("DeleteResourcePolicy", c, q, r); }
 private:
  const Entrance& door_;
};

class AccountService final : public Account::CallbackService {
 public:
  explicit AccountService(const Entrance& door) : door_(door) {}
  Reactor* DescribeAccountLimits(Context* c, const DescribeAccountLimitsRequest* q, DescribeAccountLimitsResponse* r) override { return door_.Enter("DescribeAccountLimits", c, q, r); }
  Reactor* DescribeAccountAttributes(Context* c, const DescribeAccountAttributesRequest* q, DescribeAccountAttributesResponse* r) override { return door_.Enter("DescribeAccountAttributes", c, q, r); }
 private:
  const Entrance& door_;
};
// clang-format on

// Requests are small; the model's largest (a policy, 200 tags) stay well below this.
constexpr int kGreatestRequest = 1 << 20;
constexpr int kGreatestMetadata = 16 << 10;
// For connections to hang up by themselves once the last call has ended.
constexpr std::chrono::milliseconds kParting{200};

}  // namespace

class GrpcDoor::Impl {
 public:
  Impl(const std::string& listen, const Service& service, Pipeline& pipeline) : entrance_(service, pipeline) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();

    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
    builder.SetMaxReceiveMessageSize(kGreatestRequest);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kGreatestMetadata);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second server on the port must fail, not share it
    // Clients that keep idle connections open ping more often than the default allows (a ping in 5 minutes).
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.RegisterService(&pools_);
    builder.RegisterService(&phone_numbers_);
    builder.RegisterService(&sender_ids_);
    builder.RegisterService(&keywords_);
    builder.RegisterService(&tags_);
    builder.RegisterService(&opt_out_lists_);
    builder.RegisterService(&resource_policies_);
    builder.RegisterService(&account_);
    server_ = builder.BuildAndStart();
    if (!server_ || port == 0) {
      throw std::runtime_error("cannot listen on " + listen +
                               ": is the address right and the port free? Choose another with --grpc-listen.");
    }
    address_ = listen.substr(0, listen.rfind(':') + 1) + std::to_string(port);
    SetServing(false);
  }

  const std::string& address() const { return address_; }

  void SetServing(bool serving) {
    auto* health = server_->GetHealthCheckService();
    health->SetServingStatus("", serving);
    std::set<std::string> services;
    for (const Method& method : Methods()) services.insert(method.descriptor->service()->full_name());
    for (const std::string& service : services) health->SetServingStatus(service, serving);
  }

  void Shutdown(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::system_clock::now() + limit;
    // Tells the clients to go elsewhere, takes no more calls, and waits for every call and every connection to end ...
    const auto ended = std::async(std::launch::async, [this, deadline] { server_->Shutdown(deadline); });
    // ... of which only our calls are worth the wait: a watch of health never ends, and an idle client may take seconds
    // to hang up.
    entrance_.running().WaitUntilNone(deadline);
    while (ended.wait_for(kParting) == std::future_status::timeout) grpc_server_cancel_all_calls(server_->c_server());
    server_->Wait();
  }

 private:
  Entrance entrance_;
  PoolsService pools_{entrance_};
  PhoneNumbersService phone_numbers_{entrance_};
  SenderIdsService sender_ids_{entrance_};
  KeywordsService keywords_{entrance_};
  TagsService tags_{entrance_};
  OptOutListsService opt_out_lists_{entrance_};
  ResourcePoliciesService resource_policies_{entrance_};
  AccountService account_{entrance_};
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

GrpcDoor::GrpcDoor(const std::string& listen, const Service& service, Pipeline& pipeline)
    : impl_(std::make_unique<Impl>(listen, service, pipeline)) {}
GrpcDoor::~GrpcDoor() = default;
const std::string& GrpcDoor::address() const { return impl_->address(); }
void GrpcDoor::SetServing(bool serving) { impl_->SetServing(serving); }
void GrpcDoor::Shutdown(std::chrono::milliseconds limit) { impl_->Shutdown(limit); }

}  // namespace poold
