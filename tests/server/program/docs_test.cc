// docs/api.md says of each operation what the .proto says, and of each refusal what the table of faults says, as
// deploy/client/README.md does.

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
#include "server/base/error.h"
#include "server/rpc/method.h"

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

// The codes of a fault, as the documents write them.
std::string CodesOf(const FaultRow& row) {
  std::string codes(CodeName(row.code));
  // The one Reason with a code of its own, see Error::code().
  if (row.fault == Fault::kConflict) {
    const Error exists = Error::Conflict(reason::kResourceAlreadyExists, ResourceType::kPool, "");
    codes += "; " + std::string(CodeName(exists.code())) + " for " + exists.reason();
  }
  return codes;
}

std::string Said(Repeat repeat) {
  switch (repeat) {
    case Repeat::kNo:
      break;
    case Repeat::kYes:
      return "yes, after `RetryInfo`";
    case Repeat::kWithToken:
      return "a read: yes, after `RetryInfo`; a write: only with its token";
  }
  return "no";
}

// The table of refusals, made from the table of faults. What only the AWS JSON endpoint refuses is not in it.
std::string TableOfRefusals() {
  std::string table =
      "| exception | gRPC code | HTTP | what happened | send the same call again? |\n"
      "| --- | --- | --- | --- | --- |\n";
  for (const FaultRow& row : Faults()) {
    if (row.fault > Fault::kCompressedFlag) break;
    table += "| " + std::string(row.exception) + " | " + CodesOf(row) + " | " + std::to_string(row.http_status) +
             " | " + std::string(row.meaning) + " | " + Said(row.repeat) + " |\n";
  }
  return table;
}

std::string Document(const std::string& path) {
  std::ifstream file(std::string(kSourceDir) + "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Programs decide by these documents whether to repeat a call, and by RetryInfo, which comes of the same table.
TEST(ApiDocs, HaveTheTableOfRefusalsAsTheCodeHasIt) {
  const std::string table = TableOfRefusals();
  for (const char* path : {"docs/api.md", "deploy/client/README.md"}) {
    // Whole: the line before is the empty one, and so is the line after.
    EXPECT_THAT(Document(path), testing::HasSubstr("\n\n" + table + "\n")) << path << ": put this table there";
  }
}

// Wherever the program reads a header, by its name in the source.
TEST(ApiDocs, ListEveryHeaderThatIsRead) {
  std::set<std::string> read;
  const std::regex reading("(?:Header|HeaderOf|HeaderValues|kHeader =)[( ][^\"()]*\"([a-z0-9-]+)\"");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(kSourceDir) + "/server")) {
    if (!entry.is_regular_file()) continue;
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
