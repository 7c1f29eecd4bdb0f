#include "tests/support/dev_server.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

struct DevServer {
  TemporaryDirectory directory;
  std::string data_dir = directory.path() / "data";
  Program program{Poold({"dev", "--grpc-listen", "127.0.0.1:0", "--data-dir", data_dir})};
  std::string address = ReadyAddress(program);
  std::string http_address = ReadyHttpAddress(program);
  std::string database_url = DatabaseUrlIn(data_dir);
};

const DevServer& TheServer() {
  static const DevServer server;
  return server;
}

}  // namespace

const std::string& DevAddress() { return TheServer().address; }
const std::string& DevHttpAddress() { return TheServer().http_address; }
const std::string& DevDatabaseUrl() { return TheServer().database_url; }
const std::string& DevDataDir() { return TheServer().data_dir; }

std::string DatabaseUrlIn(const std::string& data_dir) {
  std::ifstream file(std::filesystem::path(data_dir) / "database-url");
  std::string url;
  if (!std::getline(file, url)) throw std::runtime_error("there is no database url in " + data_dir);
  return url;
}

}  // namespace poold
