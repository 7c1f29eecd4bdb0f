#pragma once

// One attack against a real server, and what it came to.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/attack/attack.h"
#include "tests/attack/flood.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"

namespace poold {

// Callers that the attacked server knows: the attacker knows the id of an access key, and in one attack a bearer key.
inline constexpr std::string_view kKnownKeyId = "AKIDKNOWN";
inline constexpr std::string_view kFloodersKey = "the-flooders-key";
inline constexpr std::string_view kBystandersKey = "the-bystanders-key";

// A `poold dev` to attack, which knows these callers.
class AttackedServer {
 public:
  // `poold`: the program. `open_files`: how many files it may have open (ulimit -n); 0: as many as the attacker. Throws
  // std::runtime_error if it does not start.
  explicit AttackedServer(const std::string& poold, int open_files = 0);

  pid_t pid() const { return program_.pid(); }
  const std::string& grpc_address() const { return grpc_address_; }
  const std::string& http_address() const { return http_address_; }

 private:
  const TemporaryDirectory directory_;
  Program program_;
  const std::string grpc_address_;
  const std::string http_address_;
};

struct TrialOptions {
  std::chrono::milliseconds duration{10'000};
  // All is to be as before then. If it is so earlier, the trial ends.
  std::chrono::milliseconds recovery{5'000};
  // The attack ends when the server has so much more than before, for the machine's sake.
  std::int64_t greatest_memory = std::int64_t{3} << 30;
};

struct TrialResult {
  FloodResult flood;
  std::int64_t memory = 0;             // the greatest resident memory above that before the attack, in bytes
  std::int64_t memory_afterwards = 0;  // the same after the recovery
  double cores = 0;                    // the server's processor time by the attack's
  int calls = 0;                       // of the bystander, and ...
  int failed = 0;                      // ... how many were not answered
  std::chrono::microseconds p99{0};    // of all its calls
  bool accepts = false;                // new connections during the attack
  bool serves = false;                 // a call on a new connection after the recovery
};

// Attacks the server, and watches it meanwhile.
TrialResult Try(const AttackedServer& server, const Attack& attack, const TrialOptions& options);

}  // namespace poold
