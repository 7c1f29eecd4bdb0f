#pragma once

// Calls that wait at the same time, for tests of what is answered together.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/api.h"
#include "tests/support/given.h"
#include "tests/support/held_rows.h"

namespace poold {

// A call that waits, of whatever method.
struct WaitingCall {
  WaitingCall(Service& service, const std::string& account, const google::protobuf::Message& asked,
              const Method& method)
      : messages(method), call(service, method, *messages.request, *messages.response) {
    messages.request->CopyFrom(asked);
    call.headers = {{"x-account-id", account}, {"x-region", "us-east-1"}};
  }

  template <class Response>
  const Response& As() const {
    return static_cast<const Response&>(*messages.response);
  }

  Messages messages;
  TestCall call;
};

template <class Request>
const Method& MethodOf() {
  const auto methods = Methods();
  return *std::ranges::find(methods, Request::descriptor(), [](const Method& m) { return m.descriptor->input_type(); });
}

// One worker for calls that go together, who is kept busy while they gather.
class TogetherTest : public testing::Test {
 protected:
  explicit TogetherTest(int connections) : settings{SettingsOf(connections)} {
    service.page_tokens = &tokens;
    for (Api* api : {&ours, &theirs}) {  // the accounts are known
      GivenAccount(*api, api->account());
      WaitingCall first(service, api->account(), smsvoice::v2::DescribePoolsRequest(),
                        MethodOf<smsvoice::v2::DescribePoolsRequest>());
      pipeline.Start(first.call);
      EXPECT_FALSE(first.call.Wait());
    }
    statements.clear();
  }

  static Settings SettingsOf(int connections) {
    Settings settings;
    settings.pipeline.database_connections = connections;
    return settings;
  }

  storage::DatabaseOptions Options() {
    storage::DatabaseOptions options;
    options.url = TestDatabaseUrl();
    options.observe = [this](std::string_view name, std::chrono::nanoseconds, bool) {
      const std::lock_guard lock(mutex);
      statements.emplace_back(name);
    };
    return options;
  }

  template <class Request>
  WaitingCall& Add(const Api& api, const std::string& text) {
    return *waiting.emplace_back(
        std::make_unique<WaitingCall>(service, api.account(), Api::Parse<Request>(text), MethodOf<Request>()));
  }

  // Nobody reads pools until it is released.
  static std::unique_ptr<HeldRows> HoldPools() {
    return std::make_unique<HeldRows>(TestDatabaseUrl(), "LOCK TABLE pools IN ACCESS EXCLUSIVE MODE; SELECT 1", "");
  }

  // All that were added wait while the one worker is held up by the first; then it goes on.
  void Go(WaitingCall& first) {
    const auto held = HoldPools();
    StartBehind(first, *held);
    held->Release();
    EXPECT_FALSE(first.call.Wait());
    for (const auto& each : waiting) outcomes.push_back(each->call.Wait());
  }

  // The same, but that the pools are held again once the first has read: those behind it wait for them.
  std::unique_ptr<HeldRows> GoUntilHeld(WaitingCall& first) {
    const auto before = HoldPools();
    StartBehind(first, *before);
    auto behind = std::async(std::launch::async, [] { return HoldPools(); });
    EXPECT_TRUE(before->EventuallyWaiting(2));
    before->Release();
    auto after = behind.get();
    EXPECT_FALSE(first.call.Wait());
    return after;
  }

  void StartBehind(WaitingCall& first, HeldRows& held) {
    pipeline.Start(first.call);
    EXPECT_TRUE(held.EventuallyWaiting(1));
    const std::lock_guard lock(mutex);
    statements.clear();
    for (const auto& each : waiting) pipeline.Start(each->call);
  }

  int Count(const std::string& statement) {
    const std::lock_guard lock(mutex);
    return static_cast<int>(std::ranges::count(statements, statement));
  }

  std::mutex mutex;
  std::vector<std::string> statements;
  Api ours;
  Api theirs;
  Settings settings;
  storage::Database database{Options()};
  KnownAccounts known_accounts;
  PageTokens tokens{"0123456789abcdef"};
  RateLimiter rate_limiter;
  Metrics metrics;
  Service service{database, ours.world, settings.api, known_accounts, rate_limiter, metrics};
  Pipeline pipeline{settings.pipeline, settings.api.dev};
  std::vector<std::unique_ptr<WaitingCall>> waiting;
  std::vector<std::optional<Error>> outcomes;
};

}  // namespace poold
