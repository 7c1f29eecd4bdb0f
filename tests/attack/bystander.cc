#include "tests/attack/bystander.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>

namespace poold {
namespace {

using Clock = std::chrono::steady_clock;
using smsvoice::v2::DescribePoolsRequest;
using smsvoice::v2::DescribePoolsResponse;
using smsvoice::v2::Pools;

constexpr std::chrono::milliseconds kPause{50};
constexpr std::chrono::seconds kPatience{5};

std::unique_ptr<Pools::Stub> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
  return Pools::NewStub(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
}

bool Call(Pools::Stub& stub, const std::string& key) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  context.set_wait_for_ready(true);
  context.AddMetadata("authorization", "Bearer " + key);
  DescribePoolsResponse response;
  return stub.DescribePools(&context, DescribePoolsRequest(), &response).ok();
}

}  // namespace

Bystander::Bystander(const std::string& address, const std::string& key)
    : thread_([this, address, key](const std::stop_token& stop) {
        const auto stub = Connect(address);
        Call(*stub, key);  // connects
        for (auto next = Clock::now(); !stop.stop_requested(); next = std::max(next + kPause, Clock::now())) {
          std::this_thread::sleep_until(next);
          const auto begin = Clock::now();
          if (!Call(*stub, key)) ++failed_;
          times_.push_back(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin));
        }
      }) {}

void Bystander::Stop() {
  thread_.request_stop();
  thread_.join();
  std::sort(times_.begin(), times_.end());
}

std::chrono::microseconds Bystander::p99() const {
  if (times_.empty()) return kPatience;
  return times_[std::min(times_.size() - 1, times_.size() * 99 / 100)];
}

bool Bystander::IsServed(const std::string& address, const std::string& key) { return Call(*Connect(address), key); }

}  // namespace poold
