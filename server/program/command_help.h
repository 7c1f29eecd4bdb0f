#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace poold {

// "inventory import"; empty for the program itself.
std::string NameOf(const CLI::App& command);

// The text of --help: what the command is for, its arguments, the commands below it (all of `commands` that it leads
// to), and those settings that it uses. Private to command_line.cc.
std::string HelpOf(const CLI::App& command, const std::vector<const CLI::App*>& commands,
                   const std::function<bool(const std::string&)>& uses);

}  // namespace poold
