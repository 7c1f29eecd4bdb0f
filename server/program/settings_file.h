#pragma once

// Settings from a file (--config), and settings shown: as `poold config` prints them and as docs/settings.md lists
// them. Private to command_line.cc.

#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace poold {

// Gives the values in the YAML file to those settings of `app`, already parsed, that neither a flag nor an environment
// variable has set. `setting: value`, a line each, the setting's name that of its flag without the dashes. Throws
// CLI::ParseError with the name of what is no setting, is there twice, or has a value that it cannot have.
void ReadSettingsFile(CLI::App& app, const std::string& path);

// Refuses an environment variable that begins with POOLD_ and is no setting: it is one that is misspelt. Those that
// Kubernetes makes of a service of that name don't count. Throws CLI::ParseError.
void RefuseUnknownEnvironment(const CLI::App& app);

// Every setting with its value and where that is from, in the form of a settings file. Passwords are hidden.
std::string EffectiveSettings(const CLI::App& app);

// docs/settings.md.
std::string SettingsReference(const CLI::App& app);

}  // namespace poold
