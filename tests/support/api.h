#pragma once

// The API as a client meets it, but for the wire: calls go through the real pipeline and executor to a real database.

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "server/base/page_token.h"
#include "server/base/settings.h"
#include "server/handlers/handlers.h"
#include "server/middleware/known_accounts.h"
#include "server/middleware/rate_limiter.h"
#include "server/pipeline/pipeline.h"
#include "server/rpc/http_request.h"
#include "server/rpc/method.h"
#include "server/telemetry/metrics.h"
#include "storage/postgres/database.h"
#include "tests/support/fake_world.h"
#include "tests/support/matchers.h"
#include "tests/support/test_database.h"

namespace poold {

// Which response answers which request: only for its type, never called.
smsvoice::v2::CreatePoolResponse Answer(const smsvoice::v2::CreatePoolRequest&);
smsvoice::v2::DescribePoolsResponse Answer(const smsvoice::v2::DescribePoolsRequest&);
smsvoice::v2::UpdatePoolResponse Answer(const smsvoice::v2::UpdatePoolRequest&);
smsvoice::v2::DeletePoolResponse Answer(const smsvoice::v2::DeletePoolRequest&);
smsvoice::v2::AssociateOriginationIdentityResponse Answer(const smsvoice::v2::AssociateOriginationIdentityRequest&);
smsvoice::v2::DisassociateOriginationIdentityResponse Answer(
    const smsvoice::v2::DisassociateOriginationIdentityRequest&);
smsvoice::v2::ListPoolOriginationIdentitiesResponse Answer(const smsvoice::v2::ListPoolOriginationIdentitiesRequest&);
smsvoice::v2::RequestPhoneNumberResponse Answer(const smsvoice::v2::RequestPhoneNumberRequest&);
smsvoice::v2::DescribePhoneNumbersResponse Answer(const smsvoice::v2::DescribePhoneNumbersRequest&);
smsvoice::v2::UpdatePhoneNumberResponse Answer(const smsvoice::v2::UpdatePhoneNumberRequest&);
smsvoice::v2::ReleasePhoneNumberResponse Answer(const smsvoice::v2::ReleasePhoneNumberRequest&);
smsvoice::v2::RequestSenderIdResponse Answer(const smsvoice::v2::RequestSenderIdRequest&);
smsvoice::v2::DescribeSenderIdsResponse Answer(const smsvoice::v2::DescribeSenderIdsRequest&);
smsvoice::v2::UpdateSenderIdResponse Answer(const smsvoice::v2::UpdateSenderIdRequest&);
smsvoice::v2::ReleaseSenderIdResponse Answer(const smsvoice::v2::ReleaseSenderIdRequest&);
smsvoice::v2::BatchAssociateOriginationIdentitiesResponse Answer(
    const smsvoice::v2::BatchAssociateOriginationIdentitiesRequest&);
smsvoice::v2::BatchDisassociateOriginationIdentitiesResponse Answer(
    const smsvoice::v2::BatchDisassociateOriginationIdentitiesRequest&);
smsvoice::v2::ReplaceOriginationIdentitiesResponse Answer(const smsvoice::v2::ReplaceOriginationIdentitiesRequest&);
smsvoice::v2::ListPoolsForOriginationIdentityResponse Answer(
    const smsvoice::v2::ListPoolsForOriginationIdentityRequest&);
smsvoice::v2::PutKeywordResponse Answer(const smsvoice::v2::PutKeywordRequest&);
smsvoice::v2::DescribeKeywordsResponse Answer(const smsvoice::v2::DescribeKeywordsRequest&);
smsvoice::v2::DeleteKeywordResponse Answer(const smsvoice::v2::DeleteKeywordRequest&);
smsvoice::v2::TagResourceResponse Answer(const smsvoice::v2::TagResourceRequest&);
smsvoice::v2::UntagResourceResponse Answer(const smsvoice::v2::UntagResourceRequest&);
smsvoice::v2::ListTagsForResourceResponse Answer(const smsvoice::v2::ListTagsForResourceRequest&);
smsvoice::v2::CreateOptOutListResponse Answer(const smsvoice::v2::CreateOptOutListRequest&);
smsvoice::v2::DescribeOptOutListsResponse Answer(const smsvoice::v2::DescribeOptOutListsRequest&);
smsvoice::v2::DeleteOptOutListResponse Answer(const smsvoice::v2::DeleteOptOutListRequest&);
smsvoice::v2::PutOptedOutNumberResponse Answer(const smsvoice::v2::PutOptedOutNumberRequest&);
smsvoice::v2::DescribeOptedOutNumbersResponse Answer(const smsvoice::v2::DescribeOptedOutNumbersRequest&);
smsvoice::v2::DeleteOptedOutNumberResponse Answer(const smsvoice::v2::DeleteOptedOutNumberRequest&);
smsvoice::v2::PutResourcePolicyResponse Answer(const smsvoice::v2::PutResourcePolicyRequest&);
smsvoice::v2::GetResourcePolicyResponse Answer(const smsvoice::v2::GetResourcePolicyRequest&);
smsvoice::v2::DeleteResourcePolicyResponse Answer(const smsvoice::v2::DeleteResourcePolicyRequest&);
smsvoice::v2::DescribeAccountLimitsResponse Answer(const smsvoice::v2::DescribeAccountLimitsRequest&);
smsvoice::v2::DescribeAccountAttributesResponse Answer(const smsvoice::v2::DescribeAccountAttributesRequest&);
smsvoice::v2::ResetAccountResponse Answer(const smsvoice::v2::ResetAccountRequest&);
smsvoice::v2::SeedAccountResponse Answer(const smsvoice::v2::SeedAccountRequest&);

// A call whose door is the test.
class TestCall final : public Call {
 public:
  using Call::Call;

  std::map<std::string, std::string, std::less<>> headers;
  std::optional<HttpRequest> http;  // of a call that came over HTTP
  std::vector<std::string> certificate_names;
  std::multimap<std::string, std::string, std::less<>> further_headers;  // what came besides under the same names

  // How many bytes the request is said to have come in; 0: as few as it takes.
  std::size_t request_bytes = 0;
  // Told on the thread that does so: that the request is read, and that the call has ended.
  std::function<void()> on_read;
  std::function<void()> on_finish;

  const HttpRequest* http_request() const override { return http ? &*http : nullptr; }

  std::size_t RequestBytes() const override { return request_bytes; }

  std::vector<std::string_view> HeaderValues(std::string_view name) const override {
    if (http) return poold::HeaderValues(*http, name);
    std::vector<std::string_view> values;
    if (const auto found = headers.find(name); found != headers.end()) values.emplace_back(found->second);
    const auto [further, end] = further_headers.equal_range(name);
    for (auto entry = further; entry != end; ++entry) values.emplace_back(entry->second);
    return values;
  }

  std::vector<std::string> CertificateNames() const override { return certificate_names; }

  void Read() override {
    if (on_read) on_read();
  }

  void Finish(const Error* error) override {
    if (on_finish) on_finish();
    outcome_.set_value(error == nullptr ? std::nullopt : std::optional(*error));
  }

  std::optional<Error> Wait() { return outcome_.get_future().get(); }

 private:
  std::promise<std::optional<Error>> outcome_;
};

// How many statements the last attempt at a call ran for it: not those that only set limits, nor connecting. The one
// that makes an account for a read that finds none looks at nothing.
inline std::size_t StatementsOf(const storage::WorkLog& log) {
  if (log.attempts.empty()) return 0;
  const auto& [began, ended, outcome, first, end] = log.attempts.back();
  const auto counts = [](const storage::WorkLog::Statement& statement) {
    return statement.name.find('.') != std::string_view::npos && !statement.name.starts_with("transaction.") &&
           statement.name != "accounts.ensure";
  };
  const auto from = log.statements.begin();
  return static_cast<std::size_t>(
      std::count_if(from + static_cast<std::ptrdiff_t>(std::min(first, log.statements.size())),
                    from + static_cast<std::ptrdiff_t>(std::min(end, log.statements.size())), counts));
}

// An account of its own on the test program's database, with a server around it whose time stands still. The
// settings may be changed before the first call. Calls may come from several threads.
//
// Each call of a method that only reads must come to its answer by one statement, so by one snapshot (ARCHITECTURE.md,
// "Who wins a race"): checked here for every read of every test.
class Api {
 public:
  Settings settings;
  FakeWorld world;
  storage::Scope scope;
  // Told of each statement of this server when it has been answered, on the thread that ran it, by its name. To be set
  // while there is no call.
  std::function<void(std::string_view)> after_statement;

  // `url`: another database, for tests of what concerns all accounts at once or mistreats the schema (FreshDatabase).
  explicit Api(Settings initial = {}, const std::string& url = TestDatabaseUrl())
      : settings(std::move(initial)), world(NextIds()), scope{NewAccount(), "us-east-1"}, database_(Options(url)) {
    settings.api.fictional_numbers = true;  // as in `dev`, so that there are numbers from the start
    service_.page_tokens = &page_tokens_;
  }

  // Another account on the same server.
  std::string account() const { return scope.account; }

  storage::Database& database() { return database_; }
  Service& service() { return service_; }
  Pipeline& pipeline() { return pipeline_; }

  // Makes the call and waits for what it comes to.
  template <class Request>
  auto Call(const Request& request) {
    return CallAs(scope.account, request);
  }

  // The same with the request in text form: Call<CreatePoolRequest>("pool_id: 'x'").
  template <class Request>
  auto Call(const std::string& text) {
    return CallAs(scope.account, Parse<Request>(text));
  }

  template <class Request>
  auto CallAs(const std::string& account, const Request& request) {
    return CallIn({account, scope.region}, request);
  }

  template <class Request>
  auto CallIn(const storage::Scope& where, const Request& request) {
    Result<decltype(Answer(request))> result;
    result.error = Run(where, {}, request, result.response);
    return result;
  }

  // With more metadata than the account and the region: CallWith({{"idempotency-key", "1"}}, request).
  using Metadata = std::map<std::string, std::string, std::less<>>;
  template <class Request>
  auto CallWith(const Metadata& metadata, const Request& request) {
    Result<decltype(Answer(request))> result;
    result.error = Run(scope, metadata, request, result.response);
    return result;
  }

  // For tests that go through all operations: `response` is of the type that answers `request`.
  std::optional<Error> Run(const storage::Scope& where, const Metadata& metadata,
                           const google::protobuf::Message& request, google::protobuf::Message& response) {
    TestCall call(service_, MethodOf(request), request, response);
    call.headers = metadata;
    call.headers.insert({{"x-account-id", where.account}, {"x-region", where.region}});
    pipeline_.Start(call);
    auto outcome = call.Wait();
    const storage::WorkLog& log = std::as_const(call).work_log();
    const bool with_others = std::ranges::any_of(
        log.statements, [](const auto& statement) { return statement.name == "transaction.limit_statements"; });
    if (!call.method().policy.writes() && !with_others) {
      EXPECT_LE(StatementsOf(log), 1U) << call.method().name << " reads what may be of two moments";
    }
    return outcome;
  }

  template <class Request>
  static Request Parse(const std::string& text) {
    Request request;
    if (!google::protobuf::TextFormat::ParseFromString(text, &request)) throw std::invalid_argument(text);
    return request;
  }

  // Runs SQL of the test's own in a transaction: to look behind the API, or to make states that it has no way to.
  void Sql(const std::function<void(storage::Transaction&)>& body) {
    database_.Run(storage::Database::Mode::kWrite, {std::chrono::steady_clock::now() + std::chrono::seconds(20), {}},
                  body);
  }

 private:
  static const Method& MethodOf(const google::protobuf::Message& request) {
    const std::string& name = request.GetDescriptor()->name();
    return *FindMethod(name.substr(0, name.size() - std::string_view("Request").size()));
  }

  // Ids of worlds that share a database must not meet.
  static std::uint64_t NextIds() {
    static std::atomic<std::uint64_t> next{1};
    return next.fetch_add(1'000'000);
  }

  storage::DatabaseOptions Options(const std::string& url) {
    storage::DatabaseOptions options;
    options.url = url;
    options.observe = [this](std::string_view name, std::chrono::nanoseconds, bool) {
      if (after_statement) after_statement(name);
    };
    return options;
  }

  storage::Database database_;
  KnownAccounts known_accounts_;
  RateLimiter rate_limiter_;
  Metrics metrics_;
  PageTokens page_tokens_{"0123456789abcdef"};
  Service service_{database_, world, settings.api, known_accounts_, rate_limiter_, metrics_};
  Pipeline pipeline_{settings.pipeline, settings.api.dev};
};

}  // namespace poold
