// What strangers can take of the server by streams of reflection.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/program.h"
#include "tests/support/reflection_client.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// Counts events of many streams, and lets a test wait for them. Any thread.
class Tally {
 public:
  void Answered(int connection) {
    const std::lock_guard lock(mutex_);
    ++answered_[connection];
    changed_.notify_all();
  }
  void Ended(const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    ended_.push_back(status);
    changed_.notify_all();
  }

  // Each of `count` streams has been answered or has ended without an answer.
  bool WaitUntilDecided(std::size_t count) {
    return Wait([&] { return Answers() + Refusals().size() == count; });
  }
  bool WaitUntilEnded(std::size_t count) {
    return Wait([&] { return ended_.size() == count; });
  }

  // These only after waiting.
  std::size_t Answers() const {
    std::size_t count = 0;
    for (const auto& [connection, answered] : answered_) count += answered;
    return count;
  }
  std::vector<grpc::Status> Refusals() const {
    std::vector<grpc::Status> refusals;
    for (const auto& status : ended_) {
      if (!status.ok()) refusals.push_back(status);
    }
    return refusals;
  }
  std::size_t EndedWell() {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(ended_.begin(), ended_.end(), [](const auto& status) { return status.ok(); }));
  }
  std::size_t MostAnsweredOnAConnection() const {
    std::size_t most = 0;
    for (const auto& [connection, answered] : answered_) most = std::max(most, answered);
    return most;
  }

 private:
  bool Wait(const std::function<bool()>& done) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), done);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, std::size_t> answered_;
  std::vector<grpc::Status> ended_;
};

// A stream that asks one question, takes the answer, and then stands still until the server ends it.
class IdleStream final : public grpc::ClientBidiReactor<V1::Request, V1::Response> {
 public:
  IdleStream(V1::Service::Stub& stub, int connection, Tally& tally) : connection_(connection), tally_(tally) {
    request_.set_list_services("");
    stub.async()->ServerReflectionInfo(&context_, this);
    StartWrite(&request_);
    StartRead(&response_);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    tally_.Answered(connection_);
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override { tally_.Ended(status); }

 private:
  const int connection_;
  Tally& tally_;
  grpc::ClientContext context_;
  V1::Request request_;
  V1::Response response_;
};

std::size_t ThreadsOf(const Program& program) {
  const std::filesystem::directory_iterator tasks("/proc/" + std::to_string(program.pid()) + "/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

std::shared_ptr<grpc::Channel> NewConnection(const std::string& address) {
  grpc::ChannelArguments own;
  own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), own);
}

TEST(ReflectionStreams, HoldNoThreadsAndAreBoundedInNumberAndTime) {
  constexpr int kConnections = 20;
  constexpr int kStreamsOfEach = 125;
  constexpr std::size_t kStreams = kConnections * kStreamsOfEach;
  Program server(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", TestDatabaseUrl()}));
  const std::string address = ReadyAddress(server);
  Conversation<V1> first(address);
  first.Ask("list_services: ''");
  EXPECT_TRUE(first.End().ok());
  const std::size_t threads_before = ThreadsOf(server);

  Tally tally;
  std::vector<std::unique_ptr<V1::Service::Stub>> stubs;
  std::vector<std::unique_ptr<IdleStream>> streams;
  for (int connection = 0; connection < kConnections; ++connection) {
    stubs.push_back(V1::Service::NewStub(NewConnection(address)));
    for (int i = 0; i < kStreamsOfEach; ++i) {
      streams.push_back(std::make_unique<IdleStream>(*stubs.back(), connection, tally));
    }
  }
  ASSERT_TRUE(tally.WaitUntilDecided(kStreams));
  EXPECT_LE(ThreadsOf(server), threads_before + 16) << kStreams << " streams were opened";
  EXPECT_THAT(GrpcClient(address).Call<smsvoice::v2::DescribePoolsRequest>(""), IsOk());
  const auto refusals = tally.Refusals();
  EXPECT_GE(tally.Answers(), 512U);
  if (tally.EndedWell() == 0) {  // else the machine was so slow that some had made room for others
    EXPECT_EQ(tally.Answers(), 512U);
    EXPECT_LE(tally.MostAnsweredOnAConnection(), 64U);
  }
  ASSERT_THAT(refusals, Not(IsEmpty()));
  for (const grpc::Status& refusal : refusals) {
    ASSERT_EQ(refusal.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << refusal.error_message();
    ASSERT_EQ(FromGrpcStatus(refusal).fault(), Fault::kThrottled);
    ASSERT_GT(FromGrpcStatus(refusal).retry_after().count(), 0);
  }

  // Those that were served end by themselves, and leave room for others.
  ASSERT_TRUE(tally.WaitUntilEnded(kStreams));
  EXPECT_THAT(tally.Refusals(), SizeIs(refusals.size())) << "the others ended with OK";
  Conversation<V1> next(address);
  EXPECT_GT(next.Ask("list_services: ''").list_services_response().service_size(), 0);
  EXPECT_TRUE(next.End().ok());
}

TEST(ReflectionStreams, AreBoundedForEachConnection) {
  const std::string address = DevAddress();
  Tally tally;
  const auto stub = V1::Service::NewStub(NewConnection(address));
  std::vector<std::unique_ptr<IdleStream>> streams;
  for (int i = 0; i < 70; ++i) streams.push_back(std::make_unique<IdleStream>(*stub, 0, tally));
  ASSERT_TRUE(tally.WaitUntilDecided(70));
  EXPECT_EQ(tally.Answers(), 64U);
  EXPECT_EQ(tally.Refusals().size(), 6U);
  Conversation<V1> another(address);
  EXPECT_GT(another.Ask("list_services: ''").list_services_response().service_size(), 0) << "on another connection";
  EXPECT_TRUE(another.End().ok());
  ASSERT_TRUE(tally.WaitUntilEnded(70));
}

// Answers that nobody takes fill the stream's window, and then the server waits. It takes no further questions either,
// so that a write waits, too, until the stream is over. Then the client reads what is left, for gRPC to tell of the
// end.
class DeafStream final : public grpc::ClientBidiReactor<V1::Request, V1::Response> {
 public:
  DeafStream(V1::Service::Stub& stub, Tally& tally) : tally_(tally) {
    request_.set_file_by_filename("google/protobuf/descriptor.proto");
    stub.async()->ServerReflectionInfo(&context_, this);
    StartWrite(&request_);
    StartCall();
  }
  void OnWriteDone(bool ok) override {
    if (ok) {
      StartWrite(&request_);
    } else {
      StartRead(&response_);
    }
  }
  void OnReadDone(bool ok) override {
    if (ok) StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override { tally_.Ended(status); }

 private:
  Tally& tally_;
  grpc::ClientContext context_;
  V1::Request request_;
  V1::Response response_;
};

TEST(ReflectionStreams, EndIfTheirAnswersAreNotTaken) {
  Tally tally;
  const auto stub = V1::Service::NewStub(NewConnection(DevAddress()));
  DeafStream stream(*stub, tally);
  ASSERT_TRUE(tally.WaitUntilEnded(1));
  ASSERT_THAT(tally.Refusals(), SizeIs(1));
  EXPECT_EQ(tally.Refusals()[0].error_code(), grpc::StatusCode::CANCELLED);
}

}  // namespace
}  // namespace poold
