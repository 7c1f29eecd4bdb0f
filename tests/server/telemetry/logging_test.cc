#include "server/telemetry/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace poold {
namespace {

using testing::HasSubstr;

// Standard error as a pipe, and the log that writes to it.
class LoggingTest : public testing::Test {
 protected:
  LoggingTest() {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    read_ = ends[0];
    std::fflush(stderr);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[1]);
    SetUpLogging(LogSettings());
  }

  ~LoggingTest() override {
    FinishLogging();
    ::dup2(usual_, STDERR_FILENO);
    ::close(usual_);
    ::close(read_);
    spdlog::set_default_logger(before_);
  }

  std::string ReadUntil(const std::string& end) const {
    std::string text;
    while (text.find(end) == text.npos) {
      char bytes[65536];
      const auto size = ::read(read_, bytes, sizeof bytes);
      if (size <= 0) break;
      text.append(bytes, static_cast<std::size_t>(size));
    }
    return text;
  }

 private:
  const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  const int usual_ = ::dup(STDERR_FILENO);
  int read_ = -1;
};

TEST_F(LoggingTest, WritesLinesInTheirOrderWithoutBeingAskedTo) {
  spdlog::info("first");
  spdlog::warn("second");
  EXPECT_THAT(ReadUntil("second\n"), testing::MatchesRegex("[^ ]+Z info first\n[^ ]+Z warning second\n"));
}

// Far more than the pipe and the log hold.
TEST_F(LoggingTest, AReaderWhoStopsHoldsNobodyUpAndIsToldHowMuchIsLost) {
  const std::string line(1000, 'x');
  for (int i = 0; i < 8 << 10; ++i) spdlog::info(line);
  EXPECT_THAT(ReadUntil("nobody read them\n"), HasSubstr(" lines of the log are lost: nobody read them\n"));
  spdlog::info("what comes later is there");
  EXPECT_THAT(ReadUntil("there\n"), HasSubstr("what comes later is there\n"));
}

}  // namespace
}  // namespace poold
