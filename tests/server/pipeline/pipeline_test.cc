#include "server/pipeline/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "server/middleware/rate_limiter.h"
#include "server/telemetry/logging.h"
#include "storage/embedded/embedded_postgres.h"
#include "storage/postgres/migrate.h"
#include "tests/support/api.h"
#include "tests/support/given.h"
#include "tests/support/held_rows.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::Not;

// What a caller reads of a defect, and nothing else.
constexpr const char* kInternal = "The service could not complete the request because of an internal error";
// While the database is not there.
constexpr const char* kNotReady = "The service is not ready yet; try again";

// A pipeline with one worker over a database that counts its statements.
class PipelineTest : public testing::Test {
 protected:
  explicit PipelineTest(const std::string& url = TestDatabaseUrl()) : api({}, url), database(Options(url)) {
    service.page_tokens = &tokens;
    Prepare();
  }

  // One worker, and room for two calls to wait.
  static Settings Small() {
    Settings small;
    small.pipeline.database_connections = 1;
    small.pipeline.queue_capacity = 2;
    return small;
  }

  // The account is there and known, so that calls do nothing but their own work.
  void Prepare() {
    GivenAccount(api, api.account());
    auto call = Begin<DescribePoolsRequest>("");
    ASSERT_FALSE(call->Wait().has_value());
  }

  // A call on its way; it may be set up before it is started.
  template <class Request>
  struct Running {
    using Response = decltype(Answer(std::declval<Request>()));

    Running(Service& service_of_it, const std::string& account, Request wanted)
        : request(std::move(wanted)), call(service_of_it, MethodOf(request), request, response) {
      call.headers = {{"x-account-id", account}, {"x-region", "us-east-1"}};
    }

    static const Method& MethodOf(const Request& request) {
      const std::string& name = request.GetDescriptor()->name();
      return *FindMethod(name.substr(0, name.size() - std::string_view("Request").size()));
    }

    // A test that gives up leaves nothing behind that still runs.
    ~Running() {
      if (!started || waited) return;
      call.Cancel();
      call.Wait();
    }

    void Start(Pipeline& on) {
      started = true;
      on.Start(call);
    }

    bool RefusedByHeaders(Pipeline& on) {
      const bool refused = on.RefuseByHeaders(call);
      if (refused) {
        EXPECT_EQ(call.Wait()->fault(), Fault::kThrottled);
      }
      return refused;
    }

    std::optional<Error> Wait() {
      waited = true;
      return call.Wait();
    }

    Request request;
    Response response;
    TestCall call;
    bool started = false;
    bool waited = false;
  };

  template <class Request>
  std::unique_ptr<Running<Request>> Make(const std::string& text) {
    return std::make_unique<Running<Request>>(service, api.account(), Api::Parse<Request>(text));
  }

  template <class Request>
  std::unique_ptr<Running<Request>> Begin(const std::string& text) {
    auto running = Make<Request>(text);
    running->Start(pipeline);
    return running;
  }

  std::string AccountRow() const { return "SELECT FROM accounts WHERE account_id = '" + api.account() + "'"; }

  storage::DatabaseOptions Options(const std::string& url) {
    storage::DatabaseOptions options;
    options.url = url;
    options.observe = [this](std::string_view, std::chrono::nanoseconds, bool) { ++statements; };
    return options;
  }

  const std::string kSenderId = "sender_id: 'ExampleCo' iso_country_code: 'GB'";

  std::atomic<int> statements{0};
  Api api;  // to look at what came of it, and to make ready
  Settings settings = Small();
  storage::Database database;
  KnownAccounts known_accounts;
  PageTokens tokens{"0123456789abcdef"};
  RateLimiter rate_limiter;
  Metrics metrics;
  Service service{database, api.world, settings.api, known_accounts, rate_limiter, metrics};
  Pipeline pipeline{settings.pipeline, settings.api.dev};
};

TEST_F(PipelineTest, AnswersACall) {
  auto call = Begin<RequestSenderIdRequest>(kSenderId);
  EXPECT_FALSE(call->Wait().has_value());
  EXPECT_EQ(call->response.sender_id(), "EXAMPLECO");
}

TEST_F(PipelineTest, GivesEachCallARequestIdOfItsOwn) {
  auto first = Begin<DescribePoolsRequest>("");
  auto second = Begin<DescribePoolsRequest>("max_results: 0");  // one that is refused has one too
  first->Wait();
  second->Wait();
  EXPECT_THAT(first->call.request_id(), testing::MatchesRegex("[0-9a-f-]{36}"));
  EXPECT_THAT(second->call.request_id(), testing::MatchesRegex("[0-9a-f-]{36}"));
  EXPECT_NE(first->call.request_id(), second->call.request_id());
}

// Admission: without the database and without the queue.

TEST_F(PipelineTest, RefusesCallsUntilTheSchemaIsThere) {
  service.page_tokens = nullptr;
  const int before = statements;
  auto call = Begin<DescribePoolsRequest>("");
  const auto error = call->Wait();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->fault(), Fault::kUnavailable);
  EXPECT_GT(error->retry_after(), 0ms);
  EXPECT_EQ(statements, before);
}

// What was served before is no reason to go on: an answer may be wrong on another schema. An outage is: calls wait for
// its end.
TEST_F(PipelineTest, RefusesCallsWhileTheSchemaIsAnotherBuilds) {
  for (const ReadyState state :
       {ReadyState::kNoSchema, ReadyState::kSchemaOlder, ReadyState::kSchemaNewer, ReadyState::kSchemaAltered}) {
    service.ready_state = state;
    const auto error = Begin<DescribePoolsRequest>("")->Wait();
    ASSERT_TRUE(error.has_value()) << LabelOf(state);
    EXPECT_EQ(error->fault(), Fault::kUnavailable) << LabelOf(state);
  }
  for (const ReadyState state : {ReadyState::kReady, ReadyState::kUnreachable, ReadyState::kStopping}) {
    service.ready_state = state;
    EXPECT_FALSE(Begin<DescribePoolsRequest>("")->Wait().has_value()) << LabelOf(state);
  }
}

TEST_F(PipelineTest, RefusesABadRequestWithoutTheDatabaseThoughAllWorkersAreBusy) {
  HeldRows account(TestDatabaseUrl(), AccountRow());
  auto running = Begin<RequestSenderIdRequest>(kSenderId);
  ASSERT_TRUE(account.EventuallyWaiting(1));
  auto queued = Begin<DescribeSenderIdsRequest>("");
  const int before = statements;

  auto bad = Begin<DescribeSenderIdsRequest>("max_results: 0");

  EXPECT_EQ(bad->Wait()->fault(), Fault::kInvalid);
  EXPECT_EQ(statements, before);
  account.Release();
  running->Wait();
  queued->Wait();
}

TEST_F(PipelineTest, LooksAtTheCallerBeforeTheRequest) {
  auto call = Make<DescribePoolsRequest>("max_results: 0");
  call->call.headers["x-account-id"] = "nobody";
  call->Start(pipeline);
  const auto error = call->Wait();
  ASSERT_TRUE(error.has_value());
  ASSERT_EQ(error->fields().size(), 1u);
  EXPECT_EQ(error->fields()[0].name, "x-account-id");
}

// The queue.

// One call at work, and two that wait: no place is left in their queue.
class FullQueue : public PipelineTest {
 protected:
  void SetUp() override {
    running_ = Begin<RequestSenderIdRequest>(kSenderId);
    ASSERT_TRUE(account_.EventuallyWaiting(1));
    for (auto& queued : queued_) queued = Begin<DescribeSenderIdsRequest>("");
  }

  // Lets all three end, and well.
  void Release() {
    account_.Release();
    EXPECT_FALSE(running_->Wait().has_value());
    for (auto& queued : queued_) EXPECT_FALSE(queued->Wait().has_value());
  }

 private:
  HeldRows account_{TestDatabaseUrl(), AccountRow()};
  std::unique_ptr<Running<RequestSenderIdRequest>> running_;
  std::array<std::unique_ptr<Running<DescribeSenderIdsRequest>>, 2> queued_;
};

TEST_F(FullQueue, ThrottlesAtOnce) {
  auto refused = Begin<DescribeSenderIdsRequest>("");
  const auto error = refused->Wait();  // now, not when there is room

  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->fault(), Fault::kThrottled);
  EXPECT_GT(error->retry_after(), 0ms);
  Release();
}

// Refusals must cost little when there is too much to do.
TEST_F(FullQueue, RefusesBeforeAnythingElse) {
  service.page_tokens = nullptr;

  auto refused = Make<DescribeSenderIdsRequest>("max_results: 0");
  refused->call.headers["x-account-id"] = "nobody";
  bool read = false;
  refused->call.on_read = [&read] { read = true; };
  std::ostringstream lines;
  spdlog::register_logger(
      std::make_shared<spdlog::logger>(kCallLog, std::make_shared<spdlog::sinks::ostream_sink_mt>(lines)));
  refused->Start(pipeline);
  spdlog::drop(kCallLog);

  EXPECT_EQ(refused->Wait()->fault(), Fault::kThrottled);
  EXPECT_FALSE(read);
  EXPECT_EQ(refused->call.scope().account, "") << "nobody asked who calls";
  EXPECT_EQ(lines.str(), "");
  EXPECT_TRUE(Make<DescribeSenderIdsRequest>("")->RefusedByHeaders(pipeline)) << "nor is a body read";
  service.page_tokens = &tokens;
  Release();
}

// The queue that a look-up joins has places.
TEST_F(FullQueue, RefusesNoCallThatWouldJoinAnother) {
  auto look_up = Begin<DescribePoolsRequest>("pool_ids: 'pool-00000000000000000000000000000000'");
  EXPECT_NE(look_up->call.queued(), steady_clock::time_point()) << "it was admitted";
  Release();
  EXPECT_EQ(look_up->Wait()->fault(), Fault::kNotFound);
}

TEST_F(PipelineTest, DoesNotTouchTheDatabaseForACallWhoseDeadlinePassedInTheQueue) {
  const int before = statements;
  auto call = Make<RequestSenderIdRequest>(kSenderId);
  call->call.set_deadline(call->call.received() + std::chrono::nanoseconds(1));  // it has passed by now
  call->Start(pipeline);
  EXPECT_EQ(call->Wait()->fault(), Fault::kDeadline);
  EXPECT_EQ(statements, before);
}

TEST_F(PipelineTest, DoesNotTouchTheDatabaseForACallThatWasCalledOffInTheQueue) {
  HeldRows account(TestDatabaseUrl(), AccountRow());
  auto running = Begin<RequestSenderIdRequest>(kSenderId);
  ASSERT_TRUE(account.EventuallyWaiting(1));
  auto queued = Begin<RequestSenderIdRequest>("sender_id: 'Another' iso_country_code: 'GB'");
  queued->call.Cancel();
  account.Release();
  ASSERT_FALSE(running->Wait().has_value());
  const auto error = queued->Wait();

  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->fault(), Fault::kCancelled);
  EXPECT_EQ(api.Call<DescribeSenderIdsRequest>("").response.sender_ids_size(), 1);
}

// Deadlines and callers that go away.

TEST_F(PipelineTest, GivesACallWithoutADeadlineTheDefault) {
  settings.pipeline.default_deadline = 7s;
  auto call = Begin<DescribePoolsRequest>("");
  call->Wait();
  EXPECT_EQ(call->call.deadline(), call->call.received() + 7s);
}

TEST_F(PipelineTest, KeepsACallersShorterDeadline) {
  auto call = Make<DescribePoolsRequest>("");
  const auto deadline = call->call.received() + 3s;
  call->call.set_deadline(deadline);
  call->Start(pipeline);
  call->Wait();
  EXPECT_EQ(call->call.deadline(), deadline);
}

TEST_F(PipelineTest, CutsALongerDeadlineToTheGreatest) {
  settings.pipeline.greatest_deadline = 9s;
  auto call = Make<DescribePoolsRequest>("");
  call->call.set_deadline(call->call.received() + std::chrono::hours(10));
  call->Start(pipeline);
  call->Wait();
  EXPECT_EQ(call->call.deadline(), call->call.received() + 9s);
}

TEST_F(PipelineTest, EndsACallAtItsDeadline) {
  HeldRows account(TestDatabaseUrl(), AccountRow());
  auto call = Make<RequestSenderIdRequest>(kSenderId);
  call->call.set_deadline(call->call.received() + 100ms);
  call->Start(pipeline);
  EXPECT_EQ(call->Wait()->fault(), Fault::kDeadline);
  EXPECT_GE(steady_clock::now(), call->call.deadline());
  account.Release();
  EXPECT_EQ(api.Call<DescribeSenderIdsRequest>("").response.sender_ids_size(), 0) << "nothing of it was kept";
}

TEST_F(PipelineTest, EndsACallWhoseCallerGoesAway) {
  HeldRows account(TestDatabaseUrl(), AccountRow());
  auto call = Begin<RequestSenderIdRequest>(kSenderId);
  ASSERT_TRUE(account.EventuallyWaiting(1));
  call->call.Cancel();
  EXPECT_EQ(call->Wait()->fault(), Fault::kCancelled);
  EXPECT_TRUE(account.EventuallyWaiting(0)) << "its statement is stopped too";
  account.Release();
  EXPECT_EQ(api.Call<DescribeSenderIdsRequest>("").response.sender_ids_size(), 0);
}

TEST_F(PipelineTest, ServesTheNextCallAfterOneWasCut) {
  {
    HeldRows account(TestDatabaseUrl(), AccountRow());
    auto call = Begin<RequestSenderIdRequest>(kSenderId);
    ASSERT_TRUE(account.EventuallyWaiting(1));
    call->call.Cancel();
    ASSERT_TRUE(call->Wait().has_value());
  }
  EXPECT_FALSE(Begin<RequestSenderIdRequest>(kSenderId)->Wait().has_value());
}

// Big requests are read by a thread of their own.

constexpr std::size_t kBig = Pipeline::kBigRequest + 1;

TEST_F(PipelineTest, ReadsABigRequestOnAnotherThreadThanItCameBy) {
  for (const std::size_t bytes : {Pipeline::kBigRequest, kBig}) {
    auto call = Make<DescribePoolsRequest>("");
    call->call.request_bytes = bytes;
    std::thread::id reader;
    call->call.on_read = [&] { reader = std::this_thread::get_id(); };
    call->Start(pipeline);
    EXPECT_FALSE(call->Wait().has_value());
    EXPECT_EQ(reader == std::this_thread::get_id(), bytes < kBig) << bytes;
  }
}

TEST_F(PipelineTest, RefusesABigRequestThatBreaksARule) {
  auto call = Make<DescribePoolsRequest>("max_results: 0");
  call->call.request_bytes = kBig;
  call->Start(pipeline);
  EXPECT_EQ(call->Wait()->fault(), Fault::kInvalid);
}

// A call whose request is being read until the test lets it go on.
class WhileABigRequestIsRead : public PipelineTest {
 protected:
  WhileABigRequestIsRead() : big_(Make<DescribePoolsRequest>("")) {
    big_->call.request_bytes = kBig;
    big_->call.on_read = [this] {
      reading_.count_down();
      go_on_.wait();
    };
    big_->Start(pipeline);
    reading_.wait();
  }
  ~WhileABigRequestIsRead() override { LetItGoOn(); }

  void LetItGoOn() {
    if (!go_on_.try_wait()) go_on_.count_down();
  }

  std::latch reading_{1};
  std::latch go_on_{1};
  std::unique_ptr<Running<DescribePoolsRequest>> big_;  // ends before what it waits for
};

TEST_F(WhileABigRequestIsRead, OthersAreServed) {
  EXPECT_FALSE(Begin<DescribePoolsRequest>("")->Wait().has_value());
  LetItGoOn();
  EXPECT_FALSE(big_->Wait().has_value());
}

TEST_F(WhileABigRequestIsRead, OneThatNobodyWaitsForIsNotReadAtAll) {
  auto next = Make<DescribePoolsRequest>("");
  next->call.request_bytes = kBig;
  next->call.on_read = [] { FAIL() << "its caller is gone"; };
  next->Start(pipeline);
  EXPECT_EQ(pipeline.queued(), 1U);
  next->call.Cancel();
  LetItGoOn();
  EXPECT_EQ(next->Wait()->fault(), Fault::kCancelled);
  EXPECT_FALSE(big_->Wait().has_value());
}

TEST_F(PipelineTest, EndsWhatItHasAlsoIfBigRequestsWait) {
  std::vector<std::unique_ptr<Running<DescribePoolsRequest>>> calls;
  {
    Pipeline ending(settings.pipeline, settings.api.dev);
    for (int i = 0; i < 3; ++i) {
      auto& call = calls.emplace_back(Make<DescribePoolsRequest>(""));
      call->call.request_bytes = kBig;
      call->Start(ending);
    }
  }
  for (auto& call : calls) call->Wait();
}

// Accounts are served in turn. Which account shares a lane with the flood is random, one in 256: most of several don't.

class Flooded : public PipelineTest {
 protected:
  static constexpr int kQuiet = 6;
  static constexpr int kAtLeast = 3;

  // A call that takes a worker of its own; `order_` is told when it ends.
  auto& Ask(const std::string& account, int number) {
    GivenAccount(api, account);
    const std::string letters = {static_cast<char>('A' + number / 26), static_cast<char>('A' + number % 26)};
    auto& running = calls_.emplace_back(std::make_unique<Running<RequestSenderIdRequest>>(
        service, account, Api::Parse<RequestSenderIdRequest>("sender_id: 'Id" + letters + "' iso_country_code: 'GB'")));
    running->call.on_finish = [this, account] {
      const std::lock_guard lock(mutex_);
      order_.push_back(account);
    };
    running->Start(flooded_);
    return *running;
  }

  static Settings Wider() {
    Settings wider = Small();
    wider.pipeline.queue_capacity = 64;
    wider.pipeline.default_deadline = 20s;
    return wider;
  }

  std::mutex mutex_;
  std::vector<std::string> order_;  // of the accounts whose calls have ended
  const Settings wider_ = Wider();
  Pipeline flooded_{wider_.pipeline, wider_.api.dev};
  std::vector<std::unique_ptr<Running<RequestSenderIdRequest>>> calls_;
};

TEST_F(Flooded, AnswersOthersAmongTheNextFew) {
  HeldRows account(TestDatabaseUrl(), AccountRow());
  Ask(api.account(), 0);
  ASSERT_TRUE(account.EventuallyWaiting(1));
  for (int i = 1; i < 40; ++i) Ask(api.account(), i);
  for (int i = 0; i < kQuiet; ++i) Ask(NewAccount(), 0);
  account.Release();
  for (auto& call : calls_) EXPECT_FALSE(call->Wait().has_value());

  const auto first = order_.begin();
  const auto others = std::count_if(first, first + 2 + kQuiet, [&](const auto& from) { return from != api.account(); });
  EXPECT_GE(others, kAtLeast) << "the one that ran, one of the flood's, and one of each of the others";
}

TEST_F(Flooded, KeepsRoomForOthers) {
  HeldRows account(TestDatabaseUrl(), AccountRow());
  Ask(api.account(), 0);
  ASSERT_TRUE(account.EventuallyWaiting(1));
  for (int i = 1; i < 80; ++i) Ask(api.account(), i);
  EXPECT_GT(order_.size(), 10U) << "those that the queue refused at once";
  const auto refusal = [this](const std::string& of) {
    Running<RequestSenderIdRequest> bad(service, of, {});
    bad.Start(flooded_);
    return bad.Wait()->fault();
  };
  EXPECT_EQ(refusal(api.account()), Fault::kThrottled) << "before the request is checked";
  EXPECT_EQ(refusal(NewAccount()), Fault::kInvalid);
  std::vector<Running<RequestSenderIdRequest>*> quiet;
  for (int i = 0; i < kQuiet; ++i) quiet.push_back(&Ask(NewAccount(), 0));
  account.Release();
  int served = 0;
  for (auto* call : quiet) served += call->Wait() ? 0 : 1;
  EXPECT_GE(served, kAtLeast);
  int refused = 0;
  for (auto& call : calls_) {
    if (call->waited) continue;
    const auto error = call->Wait();
    if (error) {
      EXPECT_EQ(error->fault(), Fault::kThrottled);
    }
    refused += error ? 1 : 0;
  }
  EXPECT_GT(refused, 10);
}

// Defects, on a schema of the test's own that is broken on purpose.

class PipelineOverABrokenSchema : public PipelineTest {
 protected:
  PipelineOverABrokenSchema() : PipelineTest(FreshDatabase(true)) {}

  void Sql(const std::string& sql) {
    api.Sql([&](storage::Transaction& tx) { tx.Run({"test", sql}); });
  }

  // A failure with that SQLSTATE on every new sender ID or change of one.
  void FailWith(const std::string& sqlstate) {
    Sql("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'a secret of the database' USING ERRCODE = '" +
        sqlstate + "'; END $$");
    Sql("CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON sender_ids FOR EACH ROW EXECUTE FUNCTION fail()");
  }

  Error RefusalOf(const std::string& text) {
    auto call = Begin<RequestSenderIdRequest>(text);
    auto error = call->Wait();
    EXPECT_TRUE(error.has_value());
    return error.value_or(Error::Internal("there was none"));
  }
};

TEST_F(PipelineOverABrokenSchema, AnswersAnInternalErrorWithoutDetail) {
  Sql("ALTER TABLE sender_ids RENAME COLUMN registered TO entered");
  const Error error = RefusalOf(kSenderId);
  EXPECT_EQ(error.fault(), Fault::kInternal);
  EXPECT_EQ(error.message(), kInternal);
  EXPECT_EQ(error.reason(), "");
  EXPECT_TRUE(error.fields().empty());
  EXPECT_THAT(error.detail(), HasSubstr("registered")) << "the log gets it";
}

TEST_F(PipelineOverABrokenSchema, ShowsACallerNothingOfIt) {
  FailWith("P0001");
  const grpc::Status status = ToGrpcStatus(RefusalOf(kSenderId), "request-1");
  EXPECT_THAT(status.error_message() + status.error_details(), Not(HasSubstr("secret")));
  EXPECT_THAT(status.error_message() + status.error_details(), Not(HasSubstr("sender_ids")));
}

TEST_F(PipelineOverABrokenSchema, ServesTheNextCallAfterADefect) {
  FailWith("P0001");
  ASSERT_EQ(RefusalOf(kSenderId).fault(), Fault::kInternal);
  EXPECT_FALSE(Begin<DescribePoolsRequest>("")->Wait().has_value());
}

// Lost to others at every try: an operation that knows conflicts says so; one that doesn't is unavailable, since it
// answers with no exception outside its list (behaviour 2).
TEST_F(PipelineOverABrokenSchema, AnswersEndlessContentionAsALostRaceWhereConflictsAreKnown) {
  FailWith("40001");
  EXPECT_EQ(RefusalOf(kSenderId).fault(), Fault::kLostRace);
}

TEST_F(PipelineOverABrokenSchema, AnswersEndlessContentionAsUnavailableElsewhere) {
  ASSERT_FALSE(Begin<RequestSenderIdRequest>(kSenderId)->Wait().has_value());
  FailWith("40001");
  auto call = Begin<UpdateSenderIdRequest>(kSenderId + " deletion_protection_enabled: true");
  const auto error = call->Wait();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->fault(), Fault::kUnavailable);
  EXPECT_EQ(error->message(), "Too many calls change the same resource at this moment; try again");
}

TEST_F(PipelineOverABrokenSchema, AnswersAServerThatCannotServeAsUnavailable) {
  FailWith("53100");  // disk full
  EXPECT_EQ(RefusalOf(kSenderId).fault(), Fault::kUnavailable);
}

// An exception that is none of ours, on the endpoint's thread and on a worker's, which reads what is big.
TEST(Pipeline, TurnsAnyExceptionIntoAnInternalError) {
  Api api;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1} << 20}) {
    DescribePoolsResponse response;
    TestCall known(api.service(), *FindMethod("DescribePools"), DescribePoolsRequest::default_instance(), response);
    known.request_bytes = bytes;
    known.on_read = [] { throw std::out_of_range("a secret of the code"); };
    api.pipeline().Start(known);
    auto error = known.Wait();
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->fault(), Fault::kInternal);
    EXPECT_EQ(error->message(), kInternal);
    EXPECT_EQ(error->detail(), "a secret of the code");

    TestCall unknown(api.service(), *FindMethod("DescribePools"), DescribePoolsRequest::default_instance(), response);
    unknown.request_bytes = bytes;
    unknown.on_read = [] { throw 42; };
    api.pipeline().Start(unknown);
    error = unknown.Wait();
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->fault(), Fault::kInternal);
    EXPECT_EQ(error->message(), kInternal);
  }
}

// The database goes away and comes back.
TEST(Pipeline, IsUnavailableWhileTheDatabaseIsDownAndRecovers) {
  const TemporaryDirectory directory;
  const storage::EmbeddedPostgres::Options options{.data_dir = directory.path().string(),
                                                   .durable = false,
                                                   .max_connections = 20,
                                                   .progress = nullptr,
                                                   .settings = {}};
  auto postgres = std::make_unique<storage::EmbeddedPostgres>(options);
  storage::Migrate(postgres->url());
  Settings settings;
  settings.pipeline.default_deadline = 1s;
  Api api(settings, postgres->url());
  ASSERT_THAT(api.Call<RequestSenderIdRequest>("sender_id: 'Before' iso_country_code: 'GB'"), IsOk());

  postgres.reset();
  const auto start = steady_clock::now();
  const auto down = api.Call<RequestSenderIdRequest>("sender_id: 'During' iso_country_code: 'GB'");
  EXPECT_THAT(down, IsFault(Fault::kUnavailable));
  EXPECT_EQ(down.error->message(), kNotReady);
  EXPECT_LT(steady_clock::now() - start, 2s + storage::Database::kCommitGrace) << "the caller is told in time";

  postgres = std::make_unique<storage::EmbeddedPostgres>(options);
  EXPECT_THAT(api.Call<RequestSenderIdRequest>("sender_id: 'After' iso_country_code: 'GB'"), IsOk());
  const auto listed = api.Call<DescribeSenderIdsRequest>("");
  ASSERT_THAT(listed, IsOk());
  EXPECT_EQ(listed.response.sender_ids_size(), 2) << "what was answered is there, what was refused is not";
}

}  // namespace
}  // namespace poold
