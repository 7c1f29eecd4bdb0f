// README.md says nothing that isn't so: its tour is run from the first call to the last, and what it shows is compared
// with what comes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "build_paths.h"
#include "server/access.h"
#include "tests/support/dev_server.h"
#include "tests/support/markdown.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<Block> Readme() { return BlocksOf("README.md"); }

constexpr const char* kTour = "Five minutes with grpcurl";

// A step of the tour: commands, and what they print if README.md shows it.
struct Step {
  std::string commands;
  std::string shown;  // empty if nothing is
  bool IsRefusal() const { return shown.starts_with("ERROR:"); }
};

std::vector<Step> Tour() {
  std::vector<Step> steps;
  for (const Block& block : Readme()) {
    if (block.section != kTour) continue;
    if (block.language == "sh") {
      steps.push_back({block.text, {}});
    } else {
      steps.back().shown = block.text;
    }
  }
  return steps;
}

// Replaces what differs from run to run by its kind and the order of its first appearance, so that what is the same in
// README.md must be the same in the answers.
class Names {
 public:
  std::string In(const std::string& text) {
    static const std::regex kChanging(
        "(pool|phone)-[0-9a-f]{32}|\\+1[0-9]{10}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        "|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z");
    std::string replaced;
    auto at = text.cbegin();
    for (std::sregex_iterator match(text.begin(), text.end(), kChanging), end; match != end; ++match) {
      const std::string found = match->str();
      replaced.append(at, (*match)[0].first);
      replaced += names_.emplace(found, "[" + Kind(found) + std::to_string(names_.size() + 1) + "]").first->second;
      at = (*match)[0].second;
    }
    return replaced.append(at, text.cend());
  }

 private:
  static std::string Kind(const std::string& found) {
    if (found.starts_with("p")) return found.substr(0, found.find('-')) + " ";
    if (found.starts_with("+")) return "number ";
    return found.ends_with("Z") ? "time " : "request ";
  }
  std::map<std::string, std::string> names_;
};

// White space is how the printer likes it.
std::string WithoutSpace(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
  return text;
}

TEST(Readme, TourGoesAsItSays) {
  const std::vector<Step> steps = Tour();
  ASSERT_GT(steps.size(), 10U);
  const TemporaryDirectory directory;
  const auto file = [&](const std::string& kind, std::size_t step) {
    return (directory.path() / (kind + std::to_string(step))).string();
  };

  // One shell for all steps, as a reader has, so that variables last.
  std::string script = "set -euo pipefail\n";
  for (std::size_t i = 0; i < steps.size(); ++i) {
    script += "{\n" + steps[i].commands + "} >" + file("output", i) + " 2>" + file("errors", i);
    script += steps[i].IsRefusal() ? " && exit 90\n" : "\n";
    script += "echo 'done " + std::to_string(i) + ";'\n";
  }
  Program::Options bash;
  bash.command = {"bash", "-c", script};
  const fs::path grpcurl = fs::path(kSourceDir) / "tests/e2e";
  bash.environment = {{"POOLD_ADDRESS", DevAddress()}, {"PATH", grpcurl.string() + ":" + std::getenv("PATH")}};
  Program shell(bash);
  try {  // each step has its time, not all of them together
    for (std::size_t i = 0; i < steps.size(); ++i) shell.WaitForLine("done " + std::to_string(i) + ";");
    EXPECT_EQ(shell.Wait(), 0) << shell.errors();
  } catch (const std::runtime_error& ended) {
    ADD_FAILURE() << ended.what();
  }

  Names shown_names;
  Names real_names;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    SCOPED_TRACE(step.commands);
    ASSERT_TRUE(fs::exists(file("output", i))) << "the tour came to an end before this";
    const std::string errors = ReadFile(file("errors", i));
    const std::string real = step.IsRefusal() ? errors : ReadFile(file("output", i));
    if (!step.IsRefusal()) {
      EXPECT_EQ(errors, "");
    }
    if (step.shown.empty()) continue;
    EXPECT_EQ(WithoutSpace(shown_names.In(step.shown)), WithoutSpace(real_names.In(real))) << "really, it is\n" << real;
  }
}

TEST(Readme, HasNoCallOutsideItsTour) {
  for (const Block& block : Readme()) {
    if (block.section == kTour) continue;
    EXPECT_THAT(block.text, testing::Not(HasSubstr("grpcurl"))) << "no test runs this";
  }
}

TEST(Readme, NamesSettingsThatExist) {
  const std::string readme = ReadFile(fs::path(kSourceDir) / "README.md");
  const std::string help = RunToEnd(Poold({"--help"})).output;
  const std::string after_tour = readme.substr(readme.find("\n## Settings"));
  static const std::regex kFlag("--[a-z]+(-[a-z]+)*");
  int flags = 0;
  for (std::sregex_iterator flag(after_tour.begin(), after_tour.end(), kFlag), end; flag != end; ++flag) {
    if (flag->str() == "--help") continue;
    EXPECT_NE(help.find("\n  " + flag->str() + " "), std::string::npos) << flag->str();
    ++flags;
  }
  EXPECT_GT(flags, 15);
}

// The CSV of "Numbers" is one that the program takes.
TEST(Readme, ShowsAnInventoryFileThatCanBeImported) {
  const TemporaryDirectory directory;
  for (const Block& block : Readme()) {
    if (block.language != "csv") continue;
    const fs::path file = directory.path() / "numbers.csv";
    std::ofstream(file) << block.text;
    const Ran ran = RunToEnd(Poold({"inventory", "import", "--data-dir", DevDataDir(), file}));
    EXPECT_EQ(ran.exit_code, 0) << ran.errors;
    EXPECT_THAT(ran.output, HasSubstr("imported 2 of 2"));
    return;
  }
  FAIL() << "README.md shows no CSV";
}

// The first YAML of a page is an access file.
std::string AccessFileIn(const fs::path& page) {
  std::ifstream file(page);
  std::string text;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (inside && line == "```") return text;
    if (inside) text += line + "\n";
    if (line == "```yaml") inside = true;
  }
  return "(none)";
}

TEST(Readme, ShowsAccessFilesThatAreTaken) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / "billing-secret") << "secret\n";
  const fs::path file = directory.path() / "access.yaml";
  for (const char* page : {"README.md", "docs/access.md"}) {
    std::ofstream(file) << AccessFileIn(fs::path(kSourceDir) / page);
    EXPECT_GT(AccessFile(file).current()->certificate_count(), 0u) << page;
  }
}

}  // namespace
}  // namespace poold
