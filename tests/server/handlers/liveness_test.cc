// What is told of a gRPC endpoint that no longer answers: by readiness, by /healthz, and by the health endpoint.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "grpc/health/v1/health.grpc.pb.h"
#include "server/base/settings.h"
#include "server/program/readiness.h"
#include "server/telemetry/metrics.h"
#include "server/transport/health.h"
#include "server/transport/http.h"
#include "tests/support/api.h"
#include "tests/support/http_client.h"

namespace poold {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

TEST(Liveness, NeedsAGrpcEndpointThatAnswersAndSoDoesReadiness) {
  Api api;
  std::atomic<bool> grpc_answers{true};
  std::mutex mutex;
  std::condition_variable changed;
  bool serving = false;
  Readiness readiness(api.service(), grpc_answers);
  readiness.Report([&](bool now) {
    const std::lock_guard lock(mutex);
    serving = now;
    changed.notify_all();
  });
  const auto wait_until = [&](bool wanted) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30), [&] { return serving == wanted; });
  };
  ASSERT_TRUE(wait_until(true));
  EXPECT_TRUE(IsAlive(api.service().ready_state));
  grpc_answers = false;
  ASSERT_TRUE(wait_until(false));
  EXPECT_EQ(api.service().ready_state, ReadyState::kGrpcSilent);
  EXPECT_FALSE(IsAlive(api.service().ready_state));
  grpc_answers = true;
  ASSERT_TRUE(wait_until(true));
  EXPECT_EQ(api.service().ready_state, ReadyState::kReady);
}

TEST(Liveness, IsToldByHttp) {
  Settings settings;
  settings.http.listen = "127.0.0.1:0";
  settings.http.connections = 10;
  Api api(settings);
  const HttpDoor door(api.settings.http, api.service(), api.pipeline(), nullptr);
  HttpConnection connection(door.address());
  const auto get = [&](const std::string& path) {
    connection.Send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const HttpResponse answer = connection.Read();
    return std::to_string(answer.result_int()) + " " + answer.body();
  };
  for (const ReadyState state : {ReadyState::kReady, ReadyState::kUnreachable, ReadyState::kStopping}) {
    api.service().ready_state = state;
    EXPECT_EQ(get("/healthz"), "200 ok\n") << LabelOf(state);
  }
  api.service().ready_state = ReadyState::kGrpcSilent;
  EXPECT_EQ(get("/healthz"), "503 not alive: the gRPC endpoint no longer answers\n");
  EXPECT_EQ(get("/readyz"), "503 not ready: the gRPC endpoint no longer answers\n");
}

TEST(Liveness, IsToldByTheHealthEndpoint) {
  Settings settings;
  settings.grpc.health_listen = "127.0.0.1:0";
  Metrics metrics;
  HealthDoor door(settings.grpc, metrics);
  const auto stub = Health::NewStub(grpc::CreateChannel(door.address(), grpc::InsecureChannelCredentials()));
  const auto liveness = [&] {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    HealthCheckRequest request;
    request.set_service("liveness");
    HealthCheckResponse response;
    const grpc::Status status = stub->Check(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.status();
  };
  EXPECT_EQ(liveness(), HealthCheckResponse::SERVING);
  door.SetAlive(false);
  EXPECT_EQ(liveness(), HealthCheckResponse::NOT_SERVING);
  door.SetAlive(true);
  EXPECT_EQ(liveness(), HealthCheckResponse::SERVING);
}

}  // namespace
}  // namespace poold
