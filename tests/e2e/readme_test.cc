// README.md and the pages that it leads to are true: calls of grpcurl are run in their order, and what comes is
// compared with what the page shows; settings exist; files can be read.

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
#include <utility>
#include <vector>

#include "build_paths.h"
#include "server/middleware/access.h"
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

// The pages with calls of grpcurl, and the section of each that has them.
constexpr std::pair<const char*, const char*> kReadme{"README.md", "One minute with grpcurl"};
constexpr std::pair<const char*, const char*> kTour{"docs/tour/grpcurl.md", "Five minutes with grpcurl"};

// A step of a tour: commands, and what they print if the page shows it.
struct Step {
  std::string commands;
  std::string shown;  // empty if nothing is
  bool IsRefusal() const { return shown.starts_with("ERROR:"); }
};

std::vector<Step> StepsOf(const std::pair<const char*, const char*>& tour) {
  std::vector<Step> steps;
  for (const Block& block : BlocksOf(tour.first)) {
    if (block.section != tour.second) continue;
    if (block.language == "sh") {
      steps.push_back({block.text, {}});
    } else {
      steps.back().shown = block.text;
    }
  }
  return steps;
}

// Replaces what differs from run to run by its kind and the order of its first appearance, so that what is the same on
// the page must be the same in the answers.
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

// Runs the steps, and compares what they print with what is shown.
void ExpectToGoAsShown(const std::vector<Step>& steps) {
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

TEST(Readme, TourGoesAsItSays) {
  const std::vector<Step> steps = StepsOf(kTour);
  ASSERT_GT(steps.size(), 10U);
  ExpectToGoAsShown(steps);
}

TEST(Readme, MinuteWithGrpcurlGoesAsItSays) {
  const std::vector<Step> steps = StepsOf(kReadme);
  ASSERT_GT(steps.size(), 1U);
  ExpectToGoAsShown(steps);
}

TEST(Readme, HasNoCallOutsideItsTour) {
  std::vector<std::string> pages = {"README.md", "docs/running.md", "docs/api.md"};
  for (const auto& entry : fs::directory_iterator(fs::path(kSourceDir) / "docs/tour")) {
    pages.push_back("docs/tour/" + entry.path().filename().string());
  }
  for (const std::string& page : pages) {
    for (const Block& block : BlocksOf(page)) {
      if (block.section == kReadme.second || block.section == kTour.second) continue;
      EXPECT_THAT(block.text, testing::Not(HasSubstr("grpcurl"))) << "no test runs this of " << page;
    }
  }
}

// The text of a page, and of its blocks the commands of poold, over several lines where a line ends with a backslash.
std::string TextAndCommandsOf(const std::string& page) {
  std::ifstream file(fs::path(kSourceDir) / page);
  std::string text;
  bool inside = false;
  bool command = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("```")) inside = !inside;
    command = inside && (command || line.starts_with("poold "));
    if (!inside || command) text += line + "\n";
    if (!line.ends_with("\\")) command = false;
  }
  return text;
}

TEST(Readme, NamesSettingsThatExist) {
  std::string help;
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"serve"}, {"inventory", "list"}, {"inventory", "clear"}}) {
    std::vector<std::string> arguments = command;
    arguments.emplace_back("--help");
    help += RunToEnd(Poold(arguments)).output;
  }
  static const std::regex kFlag("--[a-z]+(-[a-z]+)*");
  int flags = 0;
  for (const char* page : {"README.md", "docs/running.md", "docs/access.md", "docs/api.md"}) {
    const std::string text = TextAndCommandsOf(page);
    for (std::sregex_iterator flag(text.begin(), text.end(), kFlag), end; flag != end; ++flag) {
      if (flag->str() == "--help") continue;
      EXPECT_NE(help.find("\n  " + flag->str() + " "), std::string::npos) << flag->str() << " of " << page;
      ++flags;
    }
  }
  EXPECT_GT(flags, 40);
}

// The CSV of "Numbers" is one that the program takes.
TEST(Readme, ShowsAnInventoryFileThatCanBeImported) {
  const TemporaryDirectory directory;
  for (const Block& block : BlocksOf("docs/running.md")) {
    if (block.language != "csv") continue;
    const fs::path file = directory.path() / "numbers.csv";
    std::ofstream(file) << block.text;
    const Ran ran = RunToEnd(Poold({"inventory", "import", "--data-dir", DevDataDir(), file}));
    EXPECT_EQ(ran.exit_code, 0) << ran.errors;
    EXPECT_THAT(ran.output, HasSubstr("imported 2 of 2"));
    return;
  }
  FAIL() << "docs/running.md shows no CSV";
}

TEST(Readme, ShowsAccessFilesThatAreTaken) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / "billing-secret") << "secret\n";
  const fs::path file = directory.path() / "access.yaml";
  int files = 0;
  for (const Block& block : BlocksOf("docs/access.md")) {
    if (block.language != "yaml") continue;
    std::ofstream(file) << block.text;
    EXPECT_GT(AccessFile(file).current()->certificate_count(), 0u) << block.text;
    ++files;
  }
  EXPECT_EQ(files, 2);
}

}  // namespace
}  // namespace poold
