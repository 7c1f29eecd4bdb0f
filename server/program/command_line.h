#pragma once

// What somebody asks of the program: a command, with its arguments and those settings that it uses.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "server/base/settings.h"
#include "storage/inventory.h"
#include "storage/values/scope.h"

namespace poold {

namespace command {

struct Dev {
  Settings settings;
};
struct Serve {
  Settings settings;
};
struct Migrate {
  DatabaseSettings database;
};
struct Health {
  std::string address;  // HOST:PORT
};
struct Version {};
struct ImportNumbers {
  DatabaseSettings database;
  std::string file;
};
struct CountNumbers {
  DatabaseSettings database;
};
struct ListNumbers {
  DatabaseSettings database;
  storage::InventorySelection selection;
};
struct RemoveNumbers {
  DatabaseSettings database;
  std::string file;
};
struct ClearFictionalNumbers {
  DatabaseSettings database;
};
struct Quota {
  DatabaseSettings database;
  ApiSettings api;  // which regions there are
  storage::Scope scope;
  std::string name;                    // by the Reason of its refusal
  std::optional<std::int64_t> amount;  // nothing: the deployment's
};
struct MakeAccessKey {};
struct Seed {
  std::string address;  // HOST:PORT of the gRPC endpoint of a running `dev`
  storage::Scope scope;
};
struct ShowConfig {
  std::string text;
};

}  // namespace command

using Command = std::variant<command::Dev, command::Serve, command::Migrate, command::Health, command::Version,
                             command::ImportNumbers, command::CountNumbers, command::ListNumbers,
                             command::RemoveNumbers, command::ClearFictionalNumbers, command::Quota,
                             command::MakeAccessKey, command::Seed, command::ShowConfig>;

struct CommandLine {
  // Nothing: after --help, --version or a mistake, of which all has been said. Then the program ends with `exit_code`.
  std::optional<Command> command;
  int exit_code = 0;
  LogSettings log;
  bool shows_password = false;  // an argument has the database user's password
};

// What the command line, the environment and the file of --config say. Prints help, versions and mistakes.
CommandLine ParseCommandLine(int argc, const char* const* argv);

}  // namespace poold
