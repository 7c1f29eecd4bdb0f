// bench_postgres DIRECTORY [SETTING=VALUE ...]: a private PostgreSQL that keeps what it commits, until standard input
// ends. Prints "ready CONNECTION-STRING".

#include <csignal>
#include <iostream>
#include <string>

#include "storage/embedded/embedded_postgres.h"

int main(int argc, char** argv) {
  std::signal(SIGINT, SIG_IGN);  // of a whole terminal: whoever started us ends us
  try {
    poold::storage::EmbeddedPostgres::Options options;
    options.data_dir = argv[1];
    for (int i = 2; i < argc; ++i) {
      const std::string setting = argv[i];
      const std::size_t equals = setting.find('=');
      options.settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
    }
    const poold::storage::EmbeddedPostgres postgres(options);
    std::cout << "ready " << postgres.url() << std::endl;
    for (std::string line; std::getline(std::cin, line);) continue;
  } catch (const std::exception& error) {
    std::cerr << "bench_postgres: " << error.what() << std::endl;
    return 1;
  }
}
