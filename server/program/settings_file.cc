#include "server/program/settings_file.h"

#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <regex>
#include <set>
#include <vector>

#include "storage/postgres/database.h"

namespace poold {
namespace {

// The app's own flags, such as --help, are no settings: they have no environment variable.
std::vector<const CLI::Option*> SettingsOf(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return !option->get_envname().empty(); });
}

// "grpc-listen"
std::string NameOf(const CLI::Option& option) { return option.get_lnames().at(0); }

// A switch, such as --trust-all-callers, has none of its own.
std::string DefaultOf(const CLI::Option& option) {
  return option.get_items_expected_max() == 0 ? "false" : option.get_default_str();
}

// What was said last; the default if nothing was.
std::string ValueOf(const CLI::Option& option) {
  return option.results().empty() ? DefaultOf(option) : option.results().back();
}

// For a cell of a Markdown table.
std::string Cell(const std::string& text) { return std::regex_replace(text, std::regex("\\|"), "\\|"); }

}  // namespace

void ReadSettingsFile(CLI::App& app, const std::string& path) try {
  const YAML::Node file = YAML::LoadFile(path);
  if (!file.IsMap()) throw CLI::ValidationError(path + " must have lines such as `grpc-listen: 127.0.0.1:50051`");
  std::set<std::string> seen;
  for (const auto& entry : file) {
    static const std::regex kName("[a-z-]{1,48}");  // anything else may be a secret in the wrong place
    std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (!std::regex_match(name, kName)) name = "this";
    const std::string where = path + ", line " + std::to_string(entry.first.Mark().line + 1) + ": ";
    CLI::Option* option = app.get_option_no_throw("--" + name);
    if (option == nullptr || option->get_envname().empty() || name == "config") {
      throw CLI::ValidationError(where + name + " is no setting that a file can have; `poold config` lists them");
    }
    if (!seen.insert(name).second) throw CLI::ValidationError(where + name + " is there twice; leave one out");
    if (!entry.second.IsScalar())
      throw CLI::ValidationError(where + name + " needs one value; quote it if it is empty");
    if (!option->results().empty()) continue;
    try {
      option->add_result(entry.second.Scalar());
      option->run_callback();
    } catch (const CLI::ParseError& wrong) {
      throw CLI::ValidationError(where + wrong.what());
    }
  }
} catch (const YAML::BadFile&) {
  throw CLI::ValidationError("--config: cannot read " + path);
} catch (const YAML::Exception& wrong) {
  throw CLI::ValidationError(path + ", line " + std::to_string(wrong.mark.line + 1) + ": it is not YAML");
}

void RefuseUnknownEnvironment(const CLI::App& app) {
  static const std::regex kOfKubernetes(
      "POOLD_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP)(_[A-Z]+)?)=.*|"
      "POOLD_([A-Z0-9_]+_)?PORT=(tcp|udp)://.*");
  std::set<std::string> known;
  for (const CLI::Option* option : SettingsOf(app)) known.insert(option->get_envname());
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string variable(*entry, std::string_view(*entry).find('='));
    if (!variable.starts_with("POOLD_") || known.contains(variable)) continue;
    if (std::regex_match(*entry, kOfKubernetes)) continue;
    throw CLI::ValidationError("the environment variable " + variable +
                               " is no setting; `poold config` lists them. Correct its name or unset it");
  }
}

std::string EffectiveSettings(const CLI::App& app) {
  YAML::Emitter yaml;
  yaml << YAML::BeginMap;
  for (const CLI::Option* option : SettingsOf(app)) {
    if (NameOf(*option) == "config") continue;
    yaml << YAML::Key << NameOf(*option) << YAML::Value << YAML::DoubleQuoted
         << (NameOf(*option) == "database-url" ? storage::WithoutPasswords(ValueOf(*option)) : ValueOf(*option));
  }
  yaml << YAML::EndMap;
  return std::string(yaml.c_str()) + "\n";
}

std::string SettingsReference(const CLI::App& app) {
  std::string text =
      "# Settings\n\n"
      "<!-- Made by `poold config --reference`; a test holds it against that. -->\n\n"
      "Each setting has a flag, an environment variable, and a name in the YAML file of `--config`: the flag without "
      "its\n"
      "dashes. A flag wins over the environment, that over the file. `poold config` prints what is in force. Anything\n"
      "that is no setting, and a value that a setting cannot have, refuses to start with a sentence that says why; in "
      "the\n"
      "environment `serve`, `migrate` and `config` look for such.\n\n"
      "| flag | environment variable | default | meaning |\n| --- | --- | --- | --- |\n";
  for (const CLI::Option* option : SettingsOf(app)) {
    const std::string value = DefaultOf(*option);
    text += "| `--" + NameOf(*option) + "` | `" + option->get_envname() + "` | " +
            (value.empty() ? "" : "`" + Cell(value) + "`") + " | " + Cell(option->get_description()) + " |\n";
  }
  text +=
      "\nTracing is set up by the standard variables of OpenTelemetry: [telemetry.md](telemetry.md). What the address "
      "of "
      "the\n"
      "database leaves open, libpq's variables say (`PGPASSWORD`, `PGSSLROOTCERT`, ...).\n";
  return text;
}

}  // namespace poold
