#include "server/telemetry/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "server/telemetry/logging.h"
#include "tests/support/api.h"

namespace poold {
namespace {

using namespace smsvoice::v2;
using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class RecordTest : public testing::Test {
 protected:
  RecordTest() {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(lines);
    sink->set_pattern("%l %v");
    spdlog::register_logger(std::make_shared<spdlog::logger>(kCallLog, sink));
  }
  ~RecordTest() override { spdlog::drop(kCallLog); }

  // The one line, without its level.
  json Line() {
    const std::string line = lines.str();
    lines.str("");
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    level = line.substr(0, line.find(' '));
    return json::parse("{" + line.substr(line.find(' ') + 1) + "}");
  }

  std::ostringstream lines;
  std::string level;
  Api api;
  DescribePoolsResponse response_;
};

TEST_F(RecordTest, EachCallIsOneLineOfJson) {
  api.service().log.format = "json";
  ASSERT_FALSE(
      api.CallWith({{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}, DescribePoolsRequest())
          .error);
  const json line = Line();
  EXPECT_EQ(level, "info");
  EXPECT_THAT(line["request_id"].get<std::string>(), MatchesRegex("[0-9a-f-]{36}"));
  EXPECT_EQ(line["account"], api.account());
  EXPECT_EQ(line["region"], "us-east-1");
  EXPECT_EQ(line["door"], "grpc");
  EXPECT_EQ(line["method"], "DescribePools");
  EXPECT_EQ(line["outcome"], "ok");
  EXPECT_GT(line["ms"], 0);
  EXPECT_FALSE(line.contains("statements"));
}

TEST_F(RecordTest, ARefusalTellsExceptionCodeAndReason) {
  api.service().log.format = "json";
  api.Call<DescribePoolsRequest>("max_results: -1");
  const json line = Line();
  EXPECT_EQ(level, "info");
  EXPECT_EQ(line["outcome"], "ValidationException");
  EXPECT_EQ(line["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(line["reason"], "INVALID_PARAMETER");
}

TEST_F(RecordTest, InTextTheSameInAnotherForm) {
  api.Call<DescribePoolsRequest>("");
  EXPECT_THAT(lines.str(), MatchesRegex("info request_id=[0-9a-f-]+ account=[0-9]+ region=us-east-1 door=grpc "
                                        "method=DescribePools outcome=ok ms=[0-9]+[.][0-9][0-9][0-9]\n"));
}

TEST_F(RecordTest, ASlowCallTellsWhereItsTimeWent) {
  api.service().log = {.format = "json", .slow_call = std::chrono::milliseconds(1)};
  TestCall call(api.service(), *FindMethod("DescribePools"), DescribePoolsRequest::default_instance(), response_);
  const auto began = call.received() - std::chrono::seconds(1);
  call.set_queued(began);
  call.set_started(began + std::chrono::milliseconds(2));
  call.work_log().statements = {
      {"begin", began, began + std::chrono::milliseconds(30), true, ""},
      {"pools.list", began, began + std::chrono::milliseconds(30), true, ""},  // in the same round trip
      {"pools.tags", began + std::chrono::milliseconds(35), began + std::chrono::milliseconds(45), true, ""},
  };
  call.work_log().attempts = {{began, began, storage::WorkLog::Outcome::kCommitted, 0, 3}};
  while (std::chrono::steady_clock::now() - call.received() < std::chrono::milliseconds(1)) {
  }
  Record(call, nullptr);
  const json line = Line();
  EXPECT_EQ(level, "warning");
  EXPECT_EQ(line["queue_ms"], 2);
  EXPECT_EQ(line["attempts"], 1);
  EXPECT_EQ(line["database_ms"], 40);
  EXPECT_EQ(line["statements"], "begin 30.000, pools.list 30.000, pools.tags 10.000");
}

TEST_F(RecordTest, ADefectIsTheLogsAndAnErrorThere) {
  api.service().log.format = "json";
  TestCall call(api.service(), *FindMethod("DescribePools"), DescribePoolsRequest::default_instance(), response_);
  const Error defect = Error::Internal("invalid input syntax: \"+447700900123\"\nand more");
  Record(call, &defect);
  const json line = Line();
  EXPECT_EQ(level, "error");
  EXPECT_EQ(line["detail"], "invalid input syntax: \"+447...\"\nand more");
}

TEST_F(RecordTest, NoLineHoldsAPhoneNumber) {
  const std::string number = "+447700900123";
  api.Call<CreateOptOutListRequest>("opt_out_list_name: 'Mine'");
  api.Call<PutOptedOutNumberRequest>("opt_out_list_name: 'Mine' opted_out_number: '" + number + "'");
  api.Call<DescribeOptedOutNumbersRequest>("opt_out_list_name: 'Mine' opted_out_numbers: '+447700900124'");
  api.Call<DescribePhoneNumbersRequest>("phone_number_ids: '" + number + "'");
  api.Call<DescribePoolsRequest>("pool_ids: '447700900125'");
  EXPECT_THAT(lines.str(), HasSubstr("method=DescribePools"));
  EXPECT_THAT(lines.str(), Not(HasSubstr("77009001")));
}

TEST(WithoutNumbers, HidesWhatCouldBeAPhoneNumber) {
  EXPECT_EQ(WithoutNumbers(""), "");
  EXPECT_EQ(WithoutNumbers("40001 at 123456"), "40001 at 123456");
  EXPECT_EQ(WithoutNumbers("Key (number)=(+447700900123) is there"), "Key (number)=(+447...) is there");
  EXPECT_EQ(WithoutNumbers("1234567"), "123...");
}

TEST(JsonString, EscapesWhatJsonCannotHold) {
  for (const std::string& text : {std::string("a\"b\\c\n\t\x01\x7f"), std::string("é – 1")}) {
    EXPECT_EQ(json::parse(JsonString(text)), text);
    EXPECT_THAT(JsonString(text), Not(HasSubstr("\n")));
  }
}

}  // namespace
}  // namespace poold
