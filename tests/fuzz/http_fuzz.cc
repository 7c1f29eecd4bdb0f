// Bytes on a connection of the AWS JSON door, which is the real one: two threads, a loopback port, and behind it the
// pipeline up to a database that isn't there. Whatever came, it answers or closes, and serves the next one.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "server/base/page_token.h"
#include "server/base/settings.h"
#include "server/base/world.h"
#include "server/middleware/known_accounts.h"
#include "server/middleware/rate_limiter.h"
#include "server/pipeline/pipeline.h"
#include "server/telemetry/metrics.h"
#include "server/transport/http.h"
#include "storage/postgres/database.h"

namespace {

using namespace poold;  // NOLINT

struct Door {
  Door() { service.page_tokens = &tokens; }

  static Settings Small() {
    Settings small;
    small.http.listen = "127.0.0.1:0";
    small.http.connections = 16;
    small.pipeline.database_connections = 1;
    small.pipeline.default_deadline = std::chrono::milliseconds(1);
    return small;
  }
  static storage::DatabaseOptions Nowhere() {
    storage::DatabaseOptions options;
    options.url = "postgresql:///poold?host=/nowhere";
    return options;
  }

  Settings settings = Small();
  RealWorld world;
  KnownAccounts known_accounts;
  RateLimiter rate_limiter;
  Metrics metrics;
  storage::Database database{Nowhere()};
  PageTokens tokens{"0123456789abcdef"};
  Service service{database, world, settings.api, known_accounts, rate_limiter, metrics};
  Pipeline pipeline{settings.pipeline, settings.api.dev};
  HttpDoor door{settings.http, service, pipeline, nullptr};
  sockaddr_in address = [this] {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(static_cast<std::uint16_t>(std::stoi(door.address().substr(door.address().rfind(':') + 1))));
    return at;
  }();
};

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::abort();
}

// Sends the bytes and nothing more, and returns what comes until the door closes. The fuzzer looks at its clock by a
// signal that interrupts whatever waits.
std::string Exchange(const Door& door, const std::uint8_t* data, std::size_t size) {
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  // Closed by a reset, so that the ports of many connections aren't kept waiting.
  const linger at_once{1, 0};
  setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  const timeval patience{5, 0};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  const auto* address = reinterpret_cast<const sockaddr*>(&door.address);
  if (TEMP_FAILURE_RETRY(connect(connection, address, sizeof(door.address))) != 0) Fail("connect");
  while (size > 0) {
    const ssize_t sent = TEMP_FAILURE_RETRY(send(connection, data, size, MSG_NOSIGNAL));
    if (sent < 0) break;  // it has closed already
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  shutdown(connection, SHUT_WR);
  std::string answer;
  char part[4096];
  ssize_t got = 0;
  while ((got = TEMP_FAILURE_RETRY(recv(connection, part, sizeof(part), 0))) > 0) {
    answer.append(part, static_cast<std::size_t>(got));
  }
  if (got < 0 && errno == EAGAIN) Fail("neither an answer nor an end");
  close(connection);
  return answer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Door door;
  const std::string answer = Exchange(door, data, size);
  if (!answer.empty() && !answer.starts_with("HTTP/1.1 ")) std::abort();
  return 0;
}
