#pragma once

// Real programs as child processes: `poold` above all.

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace poold {

// A program that runs beside the test, with its output and errors collected. It has a process group of its own, as a
// program that a shell starts, and ends when the test program does. All methods but the constructor may be called from
// any thread; everything that waits does so for half a minute at most and then throws std::runtime_error with what the
// program said.
class Program {
 public:
  struct Options {
    std::vector<std::string> command;                // command[0] is looked up in PATH if it has no slash
    std::map<std::string, std::string> environment;  // besides ours, less what begins with POOLD_
    std::string working_directory;                   // empty: ours
  };

  explicit Program(Options options);
  // Asks a program that still runs to stop (SIGTERM), and kills it if that takes too long.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }

  // The first line of its output that begins so. Throws as soon as the program ended without it.
  std::string WaitForLine(const std::string& beginning);
  // The first line of its errors (where logs go) that has this in it. Throws likewise.
  std::string WaitForLog(const std::string& part);

  // Waits for the end. The exit code; 128 + the signal's number when a signal ended it.
  int Wait();
  bool Running() const;

  void Signal(int signal);
  // To its whole process group, as Ctrl-C in a terminal does with SIGINT.
  void SignalGroup(int signal);

  // What it has written so far.
  std::string output() const;
  std::string errors() const;

 private:
  void Keep(int output, int errors, int end);
  void Append(std::string& text, int fd, bool& open);
  std::string WaitFor(const std::string& text, const std::function<bool(const std::string&)>& is_it);
  bool WaitUntil(std::unique_lock<std::mutex>& lock, const std::function<bool()>& condition);
  [[noreturn]] void Fail(const std::string& what) const;

  const std::string name_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string output_;
  std::string errors_;
  bool ended_ = false;  // and everything that it wrote is in output_ and errors_
  bool reaped_ = false;
  int exit_code_ = 0;
  pid_t pid_ = -1;
  std::thread keeper_;
};

// What a program came to that ran to its end.
struct Ran {
  int exit_code;
  std::string output;
  std::string errors;
};
Ran RunToEnd(Program::Options options);

// The program under test: `poold ARGUMENTS ...`.
Program::Options Poold(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {});

// The addresses of the doors of a started `poold dev` or `poold serve`, such as "127.0.0.1:40123": as soon as it is
// ready, or as soon as it listens, which it does before its database is usable.
std::string ReadyAddress(Program& poold);
std::string ReadyHttpAddress(Program& poold);
std::string ListeningAddress(Program& poold);
std::string ListeningHttpAddress(Program& poold);

}  // namespace poold
