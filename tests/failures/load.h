#pragma once

// Callers that go on while the database fails, and the account of what they were told.

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server/base/error.h"
#include "tests/support/grpc_client.h"

namespace poold {

// Callers that create pools as fast as they are answered, each in an account of its own. A creation has a client token
// and is repeated with it, as our retry policy says, until it is acknowledged: so in the end there is exactly one pool
// for each token, whatever happened in between. Methods may be called from any thread.
class Load {
 public:
  struct Options {
    std::string address;  // of the gRPC door
    int callers = 6;
    // The caller's own. Nothing: the server's default, so that refusals come from the server.
    std::optional<std::chrono::milliseconds> deadline;
  };

  // What came of all attempts so far.
  struct Tally {
    int acknowledged = 0;
    int failed = 0;                            // attempts that were refused, or ended at the caller's deadline
    int retried = 0;                           // creations that needed more than one attempt
    std::map<Fault, int> faults;               // of the refusals
    std::vector<std::string> unretryable;      // refusals that no caller would have repeated
    std::chrono::milliseconds slowest{0};      // attempt
    std::chrono::milliseconds longest_gap{0};  // between two acknowledgements, whoever got them
  };

  explicit Load(const Options& options);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Wait until so many more creations were acknowledged, or attempts failed, than when asked. False if that takes too
  // long.
  [[nodiscard]] bool WaitForMore(int acknowledged, std::chrono::seconds patience = kPatience);
  [[nodiscard]] bool WaitForFailures(int failed, std::chrono::seconds patience = kPatience);

  Tally tally() const;

  // Lets every caller finish what it is at, and ends them. Then what the service lists is compared with what it has
  // acknowledged: the pools that are missing, and those that nobody was told of.
  struct Difference {
    int lost = 0;
    int surplus = 0;
    int unfinished = 0;  // creations that were not acknowledged in the end
  };
  Difference Finish();

  static constexpr std::chrono::seconds kPatience{15};

 private:
  struct Caller {
    GrpcClient client;
    std::set<std::string> pools;  // acknowledged; of its thread until that has ended
    bool unfinished = false;
    std::thread thread;
  };

  void Work(Caller& caller, int number);
  bool Create(Caller& caller, const std::string& token);
  void Count(const std::optional<Error>& error, bool first, std::chrono::milliseconds took);
  bool Wait(int Tally::*count, int more, std::chrono::seconds patience);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Tally tally_;
  std::chrono::steady_clock::time_point last_acknowledged_ = std::chrono::steady_clock::now();
  std::optional<std::chrono::steady_clock::time_point> ended_;
  std::vector<std::unique_ptr<Caller>> callers_;
};

}  // namespace poold
