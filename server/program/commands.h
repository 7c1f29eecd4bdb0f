#pragma once

#include "server/program/command_line.h"

namespace poold {

// Does what the command line asks for, and returns the program's exit code. Once, before there are other threads: it
// sets up the log and blocks the signals that end a server.
int Run(const CommandLine& line);

}  // namespace poold
