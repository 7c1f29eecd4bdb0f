// docs/failures.md names the tests that show what it says: all of them, and none that doesn't exist.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <string>

#include "build_paths.h"

namespace poold {
namespace {

TEST(FailuresDocument, NamesEachTest) {
  std::set<std::string> named;
  static const std::regex kTest("`([A-Z][A-Za-z]+\\.[A-Z][A-Za-z]+)`");
  std::ifstream file(std::string(kSourceDir) + "/docs/failures.md");
  for (std::string line; std::getline(file, line);) {
    for (std::sregex_iterator found(line.begin(), line.end(), kTest), end; found != end; ++found) {
      named.insert((*found)[1]);
    }
  }
  named.erase("Patroni.LosesNothingThatWasAcknowledged");  // of `make failover`

  std::set<std::string> there;
  const testing::UnitTest& program = *testing::UnitTest::GetInstance();
  for (int i = 0; i < program.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *program.GetTestSuite(i);
    if (std::string(suite.name()) == "FailuresDocument") continue;
    for (int j = 0; j < suite.total_test_count(); ++j) {
      there.insert(std::string(suite.name()) + "." + suite.GetTestInfo(j)->name());
    }
  }
  EXPECT_EQ(named, there);
}

}  // namespace
}  // namespace poold
