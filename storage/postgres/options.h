#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace poold::storage {

// How a Database connects, and how long and how often it tries.
struct DatabaseOptions {
  // postgresql://… or key=value …; what it sets wins over our own defaults (see storage/postgres/session.h). libpq's
  // environment variables (PGPASSWORD, PGSSLROOTCERT, …) work too.
  std::string url;
  // A file with the password, read anew for each connection, so that it can change; empty: what the url says.
  std::string password_file = {};
  int connections = 8;                              // at most so many at once; opened on first use
  std::chrono::milliseconds connect_timeout{2000};  // for one attempt to connect
  std::chrono::milliseconds statement_backstop{
      30000};           // the server's own limit for one statement, whatever the deadline
  bool prepare = true;  // false behind a pooler that mixes transactions of clients
  int max_tries = 5;    // how often a body is run, and connecting is tried; Bounds::tries can say otherwise

  // How long a statement may go on once the stop token is triggered, before its connection is cut. Nobody should be
  // able to spend connections by calling and hanging up; most statements end by themselves in less.
  std::chrono::milliseconds stop_grace{0};

  // Told of every statement after it ended, on the thread that ran it, with the time since it was sent; also of
  // "connect", "begin", "commit", "rollback" and the like. Must be quick and must not throw.
  std::function<void(std::string_view name, std::chrono::nanoseconds took, bool ok)> observe;
};

}  // namespace poold::storage
