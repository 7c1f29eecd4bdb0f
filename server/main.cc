// poold: parses the command line and does what it asks for.

#include "server/program/command_line.h"
#include "server/program/commands.h"

int main(int argc, char** argv) {
  const poold::CommandLine line = poold::ParseCommandLine(argc, argv);
  return line.command ? poold::Run(line) : line.exit_code;
}
