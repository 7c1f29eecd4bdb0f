#include "server/program/command_help.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace poold {
namespace {

constexpr std::size_t kColumn = 46;  // where descriptions begin

// Settings have an environment variable; other options belong to their command alone.
bool IsSetting(const CLI::Option& option) { return !option.get_envname().empty(); }

bool IsBelow(const CLI::App* command, const CLI::App& above) {
  const CLI::App* parent = command->get_parent();
  return parent != nullptr && (parent == &above || IsBelow(parent, above));
}

}  // namespace

std::string NameOf(const CLI::App& command) {
  if (command.get_parent() == nullptr) return {};
  const std::string above = NameOf(*command.get_parent());
  return above.empty() ? command.get_name() : above + " " + command.get_name();
}

std::string HelpOf(const CLI::App& command, const std::vector<const CLI::App*>& commands,
                   const std::function<bool(const std::string&)>& uses) {
  CLI::Formatter form;
  form.column_width(kColumn);
  form.label("SUBCOMMAND", "COMMAND");
  const std::string name = NameOf(command);
  std::string help =
      form.make_description(&command) + form.make_usage(&command, name.empty() ? "poold" : "poold " + name);
  help += form.make_positionals(&command);

  std::stringstream below;
  for (const CLI::App* other : commands) {
    if (!IsBelow(other, command)) continue;
    CLI::detail::format_help(below, NameOf(*other), other->get_description(), kColumn);
  }
  if (!below.str().empty()) help += "\nCommands:\n" + below.str();

  const auto own =
      command.get_options([](const CLI::Option* option) { return option->nonpositional() && !IsSetting(*option); });
  if (!own.empty()) help += form.make_group("Options", false, own);

  const CLI::App* program = &command;
  while (program->get_parent() != nullptr) program = program->get_parent();
  const auto settings =
      program->get_options([&](const CLI::Option* option) { return IsSetting(*option) && uses(option->get_name()); });
  if (!settings.empty()) help += form.make_group("Settings", false, settings);
  if (&command == program) help += "\n`poold COMMAND --help` lists what a command takes, and the settings it uses.\n";
  return help;
}

}  // namespace poold
