#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace poold::storage {

// A user that a child process may run as.
struct UnixUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

// The user of that name; absent when the machine has none.
std::optional<UnixUser> FindUser(const std::string& name);
std::optional<UnixUser> FindUser(uid_t uid);

// A program started by this process, in a session of its own (so a Ctrl-C in our terminal doesn't reach it) and with
// nothing of ours but an output file: no other descriptor, no environment, no blocked signal.
//
// It never outlives this process: the kernel sends it `death_signal` when we die, however we die. The kernel ties that
// to the *thread* that forked, so each ChildProcess has a thread of its own, which lives exactly as long as the child.
//
// All methods may be called from any thread.
class ChildProcess {
 public:
  struct Options {
    std::vector<std::string> command;  // command[0] is the program's absolute path
    std::optional<UnixUser> run_as;    // absent: whoever we are. Needs root
    int output = -1;                   // takes standard output and standard error; stays the caller's; -1: /dev/null
    int death_signal = 9;              // sent to the child when this process dies
  };

  // Throws std::system_error when the program can't be started.
  explicit ChildProcess(const Options& options);
  // Kills the child (SIGKILL) if it still runs, and waits for its end.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  bool Running() const;
  // Does nothing once the child has ended, so it can't hit a stranger that got the same number.
  void Signal(int signal);
  // True as soon as the child has ended; false when it still runs after `limit`.
  bool WaitFor(std::chrono::milliseconds limit) const;
  // Waits for the end. True when the child ended of itself with status 0.
  bool Succeeded() const;

 private:
  void Keep(const Options& options);

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool started_ = false;
  bool ended_ = false;
  int start_error_ = 0;  // errno of the failed start
  int status_ = 0;       // as of waitpid
  pid_t pid_ = -1;
  std::thread keeper_;
};

}  // namespace poold::storage
