#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "server/base/unique_fd.h"

namespace poold {

// Two connected Unix sockets, of which one has a name of its own: who accepts the other end learns the name from
// getpeername. The name is in Linux's abstract name space, so it needs no file and goes with the socket. Nobody can
// connect to it, since it does not listen.
struct NamedPair {
  UniqueFd named;       // the end with the name
  UniqueFd other;       // its peer
  std::string address;  // the name as gRPC writes it: "unix-abstract:poold-grpc-<random>-17"
};

// Makes pairs whose names are unique. Any thread.
class NamedPairs {
 public:
  // Throws std::runtime_error if there are no random bits.
  NamedPairs();

  // Both ends do not block and are not inherited by child processes. Throws std::system_error, such as EMFILE.
  NamedPair Make();

 private:
  const std::string prefix_;
  std::atomic<std::uint64_t> next_{1};
};

}  // namespace poold
