#include "server/program/file_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "server/base/settings.h"

namespace poold {
namespace {

// What is set, as it stands on the command line: "--http-connections 4096".
std::string Named(const char* flag, int value) { return std::string(flag) + " " + std::to_string(value); }

std::int64_t FilesOfOthers(const Settings& settings) {
  return std::int64_t{kReservedFiles} + (settings.grpc.health_listen == "off" ? 0 : kFilesOfHealth) +
         settings.pipeline.database_connections;
}

[[noreturn]] void Refuse(const Settings& settings, std::int64_t needed, std::int64_t limit) {
  std::string parts;
  if (settings.grpc.connections > 0) {
    parts += Named("--grpc-connections", settings.grpc.connections) + " (" + std::to_string(kFilesOfGrpcConnection) +
             " files each), ";
  }
  if (settings.http.connections > 0 && settings.http.listen != "off") {
    parts += Named("--http-connections", settings.http.connections) + ", ";
  }
  parts += Named("--database-connections", settings.pipeline.database_connections);
  throw std::runtime_error(
      parts + " and " + std::to_string(FilesOfOthers(settings) - settings.pipeline.database_connections) +
      " files for everything else need " + std::to_string(needed) + " open files, but the process may open " +
      std::to_string(limit) + ": lower them, or raise the hard limit (ulimit -n; LimitNOFILE= of systemd)");
}

// What one address may have of `connections`, where fewer than usual can be had.
void LeaveHalfToOthers(int& per_address, int connections, int usual) {
  if (connections < usual) per_address = std::min(per_address, connections / 2);
}

}  // namespace

std::int64_t RaiseFileLimit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return kMostFiles;
  const rlim_t wanted = std::min(files.rlim_max, static_cast<rlim_t>(kMostFiles));
  if (files.rlim_cur < wanted) {
    const rlimit raised{wanted, files.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) files = raised;
  }
  return static_cast<std::int64_t>(std::min(files.rlim_cur, static_cast<rlim_t>(kMostFiles)));
}

void ShareFiles(Settings& settings, std::int64_t limit) {
  const bool has_http = settings.http.listen != "off";
  const bool sets_grpc = settings.grpc.connections > 0;
  const bool sets_http = settings.http.connections > 0;
  const std::int64_t grpc_files =
      std::int64_t{kFilesOfGrpcConnection} * (sets_grpc ? settings.grpc.connections : kFewestConnections);
  const std::int64_t http_files = has_http ? (sets_http ? settings.http.connections : kFewestConnections) : 0;
  const std::int64_t others = FilesOfOthers(settings);
  if (others + grpc_files + http_files > limit) Refuse(settings, others + grpc_files + http_files, limit);

  std::int64_t room = limit - others;
  if (sets_grpc) room -= grpc_files;
  if (sets_http) room -= http_files;
  if (!sets_grpc) {
    // Half of the room if HTTP needs a share of it, too, but all that HTTP cannot use.
    const std::int64_t for_http = sets_http || !has_http ? 0 : std::min<std::int64_t>(room / 2, kUsualHttpConnections);
    settings.grpc.connections = static_cast<int>(std::clamp<std::int64_t>((room - for_http) / kFilesOfGrpcConnection,
                                                                          kFewestConnections, kUsualGrpcConnections));
    LeaveHalfToOthers(settings.grpc.connections_per_address, settings.grpc.connections, kUsualGrpcConnections);
    room -= std::int64_t{kFilesOfGrpcConnection} * settings.grpc.connections;
  }
  if (!sets_http) {
    settings.http.connections = static_cast<int>(std::min<std::int64_t>(room, kUsualHttpConnections));
    LeaveHalfToOthers(settings.http.connections_per_address, settings.http.connections, kUsualHttpConnections);
  }
}

}  // namespace poold
