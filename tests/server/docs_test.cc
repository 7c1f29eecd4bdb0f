// docs/api.md says of each operation what the .proto says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "build_paths.h"
#include "server/error.h"
#include "server/method.h"

namespace poold {
namespace {

// The rows of the table whose header's first cell is this, cells trimmed.
std::vector<std::vector<std::string>> Table(const std::string& first_cell) {
  std::ifstream file(std::string(kSourceDir) + "/docs/api.md");
  std::vector<std::vector<std::string>> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| ")) {
      inside = false;
      continue;
    }
    std::vector<std::string> cells;
    std::istringstream text(line.substr(1));
    for (std::string cell; std::getline(text, cell, '|');) {
      cells.push_back(cell.substr(1, cell.size() - 2));
    }
    if (inside && !line.starts_with("| ---")) rows.push_back(cells);
    if (cells[0] == first_cell) inside = true;
  }
  return rows;
}

std::string Furthers(const Method& method) {
  std::string text;
  const auto add = [&](smsvoice::v2::Refusal refusal, const std::string& name) {
    if (method.CanRefuseWith(refusal)) text += (text.empty() ? "" : ", ") + name;
  };
  add(smsvoice::v2::REFUSAL_CONFLICT, "Conflict");
  add(smsvoice::v2::REFUSAL_NOT_FOUND, "ResourceNotFound");
  add(smsvoice::v2::REFUSAL_QUOTA, "ServiceQuotaExceeded");
  return text.empty() ? "–" : text;
}

TEST(ApiDocs, ListEveryOperationWithItsExceptions) {
  std::vector<std::vector<std::string>> expected;
  for (const Method& method : Methods()) {
    expected.push_back({std::string(method.name), method.descriptor->service()->name(),
                        method.policy.writes() ? "yes" : "no", Furthers(method),
                        method.policy.extension() ? "yes" : "no"});
  }
  EXPECT_THAT(Table("operation"), testing::UnorderedElementsAreArray(expected));
}

TEST(ApiDocs, ListEveryExceptionWithItsHttpStatus) {
  std::set<std::pair<std::string, std::string>> expected;
  for (int fault = 0; fault <= static_cast<int>(Fault::kUnknownOperation); ++fault) {
    const FaultRow& row = RowOf(static_cast<Fault>(fault));
    expected.emplace(row.exception, std::to_string(row.http_status));
  }
  std::set<std::pair<std::string, std::string>> documented;
  for (const auto& row : Table("exception")) documented.emplace(row[0], row[2]);
  EXPECT_EQ(documented, expected);
}

// Wherever the program reads a header, by its name in the source.
TEST(ApiDocs, ListEveryHeaderThatIsRead) {
  std::set<std::string> read;
  const std::regex reading("(?:Header|HeaderOf|HeaderValues|kHeader =)[( ][^\"()]*\"([a-z0-9-]+)\"");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(kSourceDir) + "/server")) {
    std::ifstream file(entry.path());
    const std::string source{std::istreambuf_iterator<char>(file), {}};
    for (std::sregex_iterator match(source.begin(), source.end(), reading), end; match != end; ++match) {
      read.insert((*match)[1]);
    }
    if (source.find("client_metadata()") != source.npos) {
      EXPECT_EQ(entry.path().filename(), "grpc_call.cc");
    }
  }
  std::set<std::string> documented;
  for (const auto& row : Table("header")) documented.insert(row[0].substr(1, row[0].size() - 2));
  EXPECT_EQ(documented, read);
}

}  // namespace
}  // namespace poold
