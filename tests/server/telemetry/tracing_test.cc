#include "server/telemetry/tracing.h"

#include <gmock/gmock.h>
#include <google/protobuf/empty.pb.h>
#include <gtest/gtest.h>
#include <opentelemetry/exporters/memory/in_memory_span_data.h>
#include <opentelemetry/exporters/memory/in_memory_span_exporter.h>
#include <opentelemetry/sdk/trace/span_data.h>

#include <condition_variable>
#include <mutex>

#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;
using opentelemetry::exporter::memory::InMemorySpanData;
using opentelemetry::exporter::memory::InMemorySpanExporter;
using opentelemetry::sdk::trace::SpanData;
using opentelemetry::trace::SpanKind;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using testing::Pair;

constexpr const char* kCaller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr const char* kUnsampledCaller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

std::string Text(const opentelemetry::sdk::common::OwnedAttributeValue& value) {
  if (const auto* text = opentelemetry::nostd::get_if<std::string>(&value)) return *text;
  if (const auto* number = opentelemetry::nostd::get_if<std::int32_t>(&value)) return std::to_string(*number);
  if (const auto* large = opentelemetry::nostd::get_if<std::int64_t>(&value)) return std::to_string(*large);
  return "of another type";
}

template <class Id>
std::string Hex(const Id& id) {
  char text[2 * Id::kSize];
  id.ToLowerBase16(text);
  return {text, sizeof(text)};
}

struct Seen {
  std::string name, id, parent, trace, description;
  SpanKind kind;
  bool failed;
  std::map<std::string, std::string> attributes;
  std::int64_t began, took;
};

class TracingTest : public testing::Test {
 protected:
  // `settings.queue` spans at most can be looked at.
  void Trace(TracingSettings settings = {}) {
    settings.delay = std::chrono::hours(1);  // exported when flushed
    auto exporter = std::make_unique<InMemorySpanExporter>(settings.queue);
    spans_ = exporter->GetData();
    tracing = std::make_unique<Tracing>(settings, std::move(exporter));
    api.service().tracing = tracing.get();
  }

  // In the order in which they ended.
  std::vector<Seen> Spans() {
    tracing->Flush();
    std::vector<Seen> seen;
    for (const auto& span : spans_->GetSpans()) {
      Seen one{std::string(span->GetName()),
               Hex(span->GetSpanId()),
               Hex(span->GetParentSpanId()),
               Hex(span->GetTraceId()),
               std::string(span->GetDescription()),
               span->GetSpanKind(),
               span->GetStatus() == opentelemetry::trace::StatusCode::kError,
               {},
               span->GetStartTime().time_since_epoch().count(),
               span->GetDuration().count()};
      for (const auto& [name, value] : span->GetAttributes()) one.attributes[name] = Text(value);
      seen.push_back(std::move(one));
    }
    return seen;
  }

  std::shared_ptr<InMemorySpanData> spans_;
  Api api;
  std::unique_ptr<Tracing> tracing;
  DescribePoolsResponse response_;
};

TEST_F(TracingTest, AWriteHasASpanForTheQueueEachTransactionAndEachStatement) {
  GivenAccount(api, api.account());
  Trace();
  ASSERT_FALSE(api.Call<CreateOptOutListRequest>("opt_out_list_name: 'Mine' client_token: 'once'").error);
  const std::vector<Seen> spans = Spans();
  std::vector<std::string> names;
  for (const Seen& span : spans) names.push_back(span.name);
  ASSERT_GE(names.size(), 6U);
  EXPECT_EQ(names.front(), "queue");
  EXPECT_EQ(names[1], "begin");
  EXPECT_EQ(names[names.size() - 3], "commit");
  EXPECT_EQ(names[names.size() - 2], "transaction");
  EXPECT_EQ(names.back(), "smsvoice.v2.OptOutLists/CreateOptOutList");

  const Seen& server = spans.back();
  const Seen& transaction = spans[spans.size() - 2];
  EXPECT_EQ(server.kind, SpanKind::kServer);
  EXPECT_FALSE(server.failed);
  EXPECT_THAT(server.attributes, Contains(Pair("rpc.system", "grpc")));
  EXPECT_THAT(server.attributes, Contains(Pair("rpc.service", "smsvoice.v2.OptOutLists")));
  EXPECT_THAT(server.attributes, Contains(Pair("rpc.method", "CreateOptOutList")));
  EXPECT_THAT(server.attributes, Contains(Pair("rpc.grpc.status_code", "0")));
  EXPECT_THAT(server.attributes, Contains(Pair("poold.account", api.account())));
  EXPECT_THAT(server.attributes, Contains(Key("aws.request_id")));
  EXPECT_THAT(transaction.attributes, ElementsAre(Pair("poold.attempt", "1"), Pair("poold.outcome", "committed")));
  EXPECT_EQ(transaction.parent, server.id);
  EXPECT_EQ(spans.front().parent, server.id);
  for (std::size_t i = 1; i + 2 < spans.size(); ++i) {
    EXPECT_EQ(spans[i].parent, transaction.id) << spans[i].name;
    EXPECT_EQ(spans[i].kind, SpanKind::kClient);
    EXPECT_THAT(spans[i].attributes,
                ElementsAre(Pair("db.query.summary", spans[i].name), Pair("db.system.name", "postgresql")));
  }
  for (const Seen& span : spans) {
    EXPECT_EQ(span.trace, server.trace);
    EXPECT_GE(span.began, server.began) << span.name;
    EXPECT_LE(span.began + span.took, server.began + server.took) << span.name;
  }
}

TEST_F(TracingTest, EachAttemptOfATransactionHasItsSpan) {
  Trace();
  TestCall call(api.service(), *FindMethod("DescribePools"), DescribePoolsRequest::default_instance(), response_);
  tracing->Begin(call);
  const auto now = std::chrono::steady_clock::now();
  call.work_log().statements = {
      {"begin", now, now, true, ""}, {"lock", now, now, false, "40P01"}, {"lock", now, now, true, ""}};
  call.work_log().attempts = {{now, now, storage::WorkLog::Outcome::kFailed, 0, 2},
                              {now, now, storage::WorkLog::Outcome::kCommitted, 2, 3}};
  tracing->End(call, nullptr);
  const std::vector<Seen> spans = Spans();
  std::string told;
  for (const Seen& span : spans) told += span.name + (span.failed ? "! " : " ");
  EXPECT_EQ(told, "begin lock! transaction! lock transaction smsvoice.v2.Pools/DescribePools ");
  EXPECT_THAT(spans[1].attributes, Contains(Pair("db.response.status_code", "40P01")));
  EXPECT_THAT(spans[1].attributes, Contains(Pair("error.type", "40P01")));
  EXPECT_THAT(spans[2].attributes, Contains(Pair("poold.outcome", "failed")));
  EXPECT_THAT(spans[4].attributes, Contains(Pair("poold.attempt", "2")));
}

TEST_F(TracingTest, ARefusalTellsExceptionAndReason) {
  Trace();
  api.Call<DescribePoolsRequest>("max_results: -1");
  const Seen span = Spans().back();
  EXPECT_FALSE(span.failed) << "what a caller did wrong is no failure of the server";
  EXPECT_THAT(span.attributes, Contains(Pair("error.type", "ValidationException")));
  EXPECT_THAT(span.attributes, Contains(Pair("poold.reason", "INVALID_PARAMETER")));
  EXPECT_THAT(span.attributes, Contains(Pair("rpc.grpc.status_code", "3")));
}

TEST_F(TracingTest, AFailureOfOursHasErrorStatus) {
  Trace();
  api.service().page_tokens = nullptr;  // not ready
  api.Call<DescribePoolsRequest>("");
  const Seen span = Spans().back();
  EXPECT_TRUE(span.failed);
  EXPECT_EQ(span.description, "InternalServerException");
  EXPECT_THAT(span.attributes, Contains(Pair("error.type", "InternalServerException")));
}

TEST_F(TracingTest, AnHttpCallIsNamedByItsRoute) {
  Trace();
  TestCall call(api.service(), *FindMethod("DescribePools"), DescribePoolsRequest::default_instance(), response_);
  call.http = HttpRequest{.method = "POST", .target = "/?secret=1", .headers = {}, .body = "{}"};
  tracing->Begin(call);
  const Error refusal = Error::NotFound(ResourceType::kPool, "pool-1");
  tracing->End(call, &refusal);
  const Seen span = Spans().back();
  EXPECT_EQ(span.name, "POST /");
  EXPECT_THAT(span.attributes, Contains(Pair("http.request.method", "POST")));
  EXPECT_THAT(span.attributes, Contains(Pair("http.route", "/")));
  EXPECT_THAT(span.attributes, Contains(Pair("url.path", "/")));
  EXPECT_THAT(span.attributes, Contains(Pair("http.response.status_code", "400")));
  EXPECT_THAT(span.attributes, Contains(Pair("rpc.system", "aws-api")));
  EXPECT_THAT(span.attributes, Contains(Pair("rpc.method", "DescribePools")));
}

TEST_F(TracingTest, ContinuesTheCallersTrace) {
  Trace();
  api.CallWith({{"traceparent", kCaller}}, DescribePoolsRequest());
  const Seen span = Spans().back();
  EXPECT_EQ(span.trace, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(span.parent, "b7ad6b7169203331");
}

TEST_F(TracingTest, DoesAsTheCallerDecided) {
  Trace();
  api.CallWith({{"traceparent", kUnsampledCaller}}, DescribePoolsRequest());
  EXPECT_THAT(Spans(), IsEmpty());
}

TEST_F(TracingTest, AnUnreadableTraceparentBeginsATrace) {
  Trace();
  for (const char* wrong : {"", "x", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    EXPECT_FALSE(api.CallWith({{"traceparent", wrong}}, DescribePoolsRequest()).error);
    const Seen span = Spans().back();
    EXPECT_EQ(span.parent, std::string(16, '0')) << wrong;
  }
}

// W3C Trace Context, 3.2.
TEST_F(TracingTest, ASecondTraceparentBeginsATrace) {
  Trace();
  TestCall call(api.service(), *FindMethod("DescribePools"), DescribePoolsRequest::default_instance(), response_);
  call.headers = {{"traceparent", kCaller}};
  call.further_headers = {{"traceparent", "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-01"}};
  tracing->Begin(call);
  tracing->End(call, nullptr);
  EXPECT_EQ(Spans().back().parent, std::string(16, '0'));
}

TEST_F(TracingTest, AnUnknownOperationHasASpanOfItsOwnName) {
  Trace();
  const google::protobuf::Empty request;
  google::protobuf::Empty response;
  TestCall call(api.service(), UnknownMethod(), request, response);
  tracing->Begin(call);
  const Error refusal = Error::UnknownOperation("/smsvoice.v2.Pools/CreatPool");
  tracing->End(call, &refusal);
  const Seen span = Spans().back();
  EXPECT_EQ(span.name, "unknown");
  EXPECT_THAT(span.attributes, Contains(Pair("rpc.grpc.status_code", "12")));
}

TEST_F(TracingTest, IgnoresTheCallersDecisionIfToldSo) {
  Trace({.sampler = "always_off"});
  api.CallWith({{"traceparent", kCaller}}, DescribePoolsRequest());
  EXPECT_THAT(Spans(), IsEmpty());
}

TEST_F(TracingTest, SamplesTheShareThatWasAskedFor) {
  Trace({.sampler = "parentbased_traceidratio", .ratio = 0.1});
  api.Call<DescribePoolsRequest>("");
  int sampled = 0;
  for (int i = 0; i < 2000; ++i) {
    TestCall call(api.service(), *FindMethod("DescribePools"), DescribePoolsRequest::default_instance(), response_);
    tracing->Begin(call);
    sampled += call.span() == nullptr ? 0 : 1;
    EXPECT_EQ(call.trace_id().empty(), call.span() == nullptr);
  }
  EXPECT_GT(sampled, 100);
  EXPECT_LT(sampled, 320);
}

// Every call with values that must not get out, and all that was exported.
TEST_F(TracingTest, NoAttributeHoldsAPhoneNumber) {
  Trace();
  const std::string number = "+447700900123";
  api.Call<RequestPhoneNumberRequest>(
      "iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE");
  api.Call<CreateOptOutListRequest>("opt_out_list_name: 'Mine'");
  api.Call<PutOptedOutNumberRequest>("opt_out_list_name: 'Mine' opted_out_number: '" + number + "'");
  api.Call<DescribeOptedOutNumbersRequest>("opt_out_list_name: 'Mine' opted_out_numbers: '" + number + "'");
  api.Call<DeleteOptedOutNumberRequest>("opt_out_list_name: 'Other' opted_out_number: '" + number + "'");
  const auto spans = Spans();
  ASSERT_GT(spans.size(), 10U);
  for (const Seen& span : spans) {
    EXPECT_THAT(span.name + span.description, Not(HasSubstr("7700900123")));
    for (const auto& [name, value] : span.attributes) EXPECT_THAT(value, Not(HasSubstr("7700900123"))) << name;
  }
}

// A collector that takes nothing until it is let.
class StuckExporter final : public opentelemetry::sdk::trace::SpanExporter {
 public:
  struct Gate {
    std::mutex mutex;
    std::condition_variable moved;
    bool open = false;
    bool reached = false;
  };
  explicit StuckExporter(Gate& gate) : gate_(gate) {}

  std::unique_ptr<opentelemetry::sdk::trace::Recordable> MakeRecordable() noexcept override {
    return std::make_unique<SpanData>();
  }
  opentelemetry::sdk::common::ExportResult Export(
      const opentelemetry::nostd::span<std::unique_ptr<opentelemetry::sdk::trace::Recordable>>&) noexcept override {
    std::unique_lock lock(gate_.mutex);
    gate_.reached = true;
    gate_.moved.notify_all();
    gate_.moved.wait(lock, [this] { return gate_.open; });
    return opentelemetry::sdk::common::ExportResult::kFailure;
  }
  bool ForceFlush(std::chrono::microseconds) noexcept override { return true; }
  bool Shutdown(std::chrono::microseconds) noexcept override { return true; }

 private:
  Gate& gate_;
};

TEST_F(TracingTest, ACollectorThatHangsNeverSlowsACallAndWhatIsDroppedIsCounted) {
  StuckExporter::Gate gate;
  TracingSettings settings;
  settings.queue = 8;
  settings.batch = 4;
  tracing = std::make_unique<Tracing>(settings, std::make_unique<StuckExporter>(gate));
  const auto one = [&] {
    TestCall call(api.service(), *FindMethod("DescribePools"), DescribePoolsRequest::default_instance(), response_);
    tracing->Begin(call);
    tracing->End(call, nullptr);
  };
  for (int i = 0; i < 4; ++i) one();
  {
    std::unique_lock lock(gate.mutex);
    gate.moved.wait(lock, [&] { return gate.reached; });
  }
  for (int i = 0; i < 1000; ++i) one();  // would never end if one of them waited
  EXPECT_GE(tracing->dropped(), 1000U - 8);
  {
    const std::lock_guard lock(gate.mutex);
    gate.open = true;
  }
  gate.moved.notify_all();
  tracing->Flush();
  EXPECT_EQ(tracing->dropped(), 1004U) << "those that were exported in vain, too";
}

class OtelEnvironment : public testing::Test {
 protected:
  void Set(const char* name, const char* value) {
    setenv(name, value, 1);
    set_.push_back(name);
  }
  void TearDown() override {
    for (const char* name : set_) unsetenv(name);
  }
  std::string Refusal() {
    try {
      TracingSettings::FromEnvironment();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

  std::vector<const char*> set_;
};

TEST_F(OtelEnvironment, TracesIfThereIsACollector) {
  EXPECT_FALSE(TracingSettings::FromEnvironment().on);
  Set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");
  EXPECT_TRUE(TracingSettings::FromEnvironment().on);
  Set("OTEL_TRACES_EXPORTER", "none");
  EXPECT_FALSE(TracingSettings::FromEnvironment().on);
  Set("OTEL_TRACES_EXPORTER", "otlp");
  EXPECT_TRUE(TracingSettings::FromEnvironment().on);
  Set("OTEL_SDK_DISABLED", "true");
  EXPECT_FALSE(TracingSettings::FromEnvironment().on);
}

TEST_F(OtelEnvironment, ReadsTheStandardVariables) {
  Set("OTEL_TRACES_EXPORTER", "otlp");
  Set("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
  Set("OTEL_TRACES_SAMPLER_ARG", "0.01");
  Set("OTEL_BSP_MAX_QUEUE_SIZE", "100");
  Set("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "50");
  Set("OTEL_BSP_SCHEDULE_DELAY", "250");
  Set("OTEL_PROPAGATORS", "baggage");
  const TracingSettings settings = TracingSettings::FromEnvironment();
  EXPECT_EQ(settings.sampler, "parentbased_traceidratio");
  EXPECT_EQ(settings.ratio, 0.01);
  EXPECT_EQ(settings.queue, 100U);
  EXPECT_EQ(settings.batch, 50U);
  EXPECT_EQ(settings.delay, std::chrono::milliseconds(250));
  EXPECT_FALSE(settings.continue_traces);
}

TEST_F(OtelEnvironment, RefusesWhatItCannotDo) {
  Set("OTEL_TRACES_EXPORTER", "zipkin");
  EXPECT_EQ(Refusal(), "OTEL_TRACES_EXPORTER must be otlp or none");
  Set("OTEL_TRACES_EXPORTER", "otlp");
  Set("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
  EXPECT_THAT(Refusal(), HasSubstr("OTEL_EXPORTER_OTLP_PROTOCOL must be grpc"));
  Set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
  Set("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317");
  EXPECT_THAT(Refusal(), HasSubstr("OTEL_EXPORTER_OTLP_ENDPOINT must be a URL"));
  Set("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4317");
  Set("OTEL_TRACES_SAMPLER_ARG", "nan");
  EXPECT_THAT(Refusal(), HasSubstr("OTEL_TRACES_SAMPLER_ARG must be a share from 0 to 1"));
  Set("OTEL_TRACES_SAMPLER_ARG", "2");
  EXPECT_THAT(Refusal(), HasSubstr("OTEL_TRACES_SAMPLER_ARG must be a share from 0 to 1"));
  Set("OTEL_TRACES_SAMPLER_ARG", "1");
  Set("OTEL_BSP_MAX_QUEUE_SIZE", "many");
  EXPECT_THAT(Refusal(), HasSubstr("OTEL_BSP_MAX_QUEUE_SIZE must be"));
  Set("OTEL_BSP_MAX_QUEUE_SIZE", "10");
  Set("OTEL_TRACES_SAMPLER", "sometimes");
  EXPECT_THROW(Tracing::FromEnvironment(), std::runtime_error);
}

}  // namespace
}  // namespace poold
