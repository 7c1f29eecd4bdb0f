#pragma once

// Ties each setting to its flag, its environment variable, its default, what it may be and its description. Private to
// command_line.cc.

#include <functional>
#include <string>

namespace CLI {
class App;
class Validator;
}  // namespace CLI

namespace poold {

struct Settings;

// Adds the flags of all settings. What is parsed goes to `settings`, and --config to `config_file`; both must outlive
// `app`.
void AddSettings(CLI::App& app, Settings& settings, std::string& config_file);

// Refuses a value unless it is `good`; `must` completes the sentence "--flag must ...".
CLI::Validator Must(const std::string& must, const std::function<bool(const std::string&)>& good);

CLI::Validator AnAccount();
CLI::Validator ARegion();

}  // namespace poold
