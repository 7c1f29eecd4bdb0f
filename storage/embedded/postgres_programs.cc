#include "storage/embedded/postgres_programs.h"

#include <charconv>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace poold::storage {
namespace {

namespace fs = std::filesystem;

constexpr char kDebianServers[] = "/usr/lib/postgresql";

// False as well if it is in a directory that this user may not enter.
bool HasProgram(const fs::path& directory, const char* name) {
  std::error_code none;
  return fs::exists(directory / name, none);
}

// The directory on the PATH that has PostgreSQL's programs.
std::optional<fs::path> ServerOnPath() {
  std::istringstream path(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "");
  for (std::string dir; std::getline(path, dir, ':');) {
    if (!dir.starts_with('/')) {
      continue;  // whoever made the working directory does not choose the server
    }
    if (HasProgram(dir, "postgres") && HasProgram(dir, "initdb")) {
      return fs::canonical(fs::path(dir) / "postgres").parent_path();
    }
  }
  return std::nullopt;
}

// Debian keeps them off the PATH, in one directory for each major version.
std::optional<fs::path> NewestDebianServer() {
  std::optional<int> newest;
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator(kDebianServers, none)) {
    const std::string name = entry.path().filename().string();
    int number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const auto major = error == std::errc() && end == name.data() + name.size() ? std::optional(number) : std::nullopt;
    if (major > newest && HasProgram(entry.path() / "bin", "initdb")) {
      newest = major;
    }
  }
  if (!newest) {
    return std::nullopt;
  }
  return fs::path(kDebianServers) / std::to_string(*newest) / "bin";
}

}  // namespace

std::filesystem::path FindPostgresPrograms(std::optional<int> version) {
  if (version) {
    const fs::path server = fs::path(kDebianServers) / std::to_string(*version) / "bin";
    if (HasProgram(server, "postgres")) {
      return server;
    }
  }
  if (const auto server = ServerOnPath()) {
    return *server;
  }
  if (const auto server = NewestDebianServer()) {
    return *server;
  }
  throw std::runtime_error("PostgreSQL's server is not installed; run: apt-get install postgresql");
}

}  // namespace poold::storage
