#include "tests/support/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "build_paths.h"

extern char** environ;

namespace poold {
namespace {

constexpr std::chrono::seconds kPatience{30};

[[noreturn]] void FailWithErrno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Read and write end, not inherited by other children.
std::array<int, 2> Pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) FailWithErrno("cannot make a pipe");
  return ends;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const std::map<std::string, std::string>& more) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (text.starts_with("POOLD_")) continue;  // the settings of whoever runs the tests are not for them
    if (!more.contains(std::string(text.substr(0, text.find('='))))) environment.emplace_back(text);
  }
  for (const auto& [name, value] : more) environment.push_back(name + "=" + value);
  return environment;
}

}  // namespace

Program::Program(Options options) : name_(options.command.at(0)) {
  const auto output = Pipe();
  const auto errors = Pipe();
  std::vector<std::string> environment = Environment(options.environment);
  const std::vector<char*> argv = Pointers(options.command);
  const std::vector<char*> envp = Pointers(environment);

  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) FailWithErrno("cannot fork");
  if (pid_ == 0) {
    // Other threads may have held locks when we forked: only system calls from here on.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126);
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    dup2(output[1], STDOUT_FILENO);
    dup2(errors[1], STDERR_FILENO);
    if (!options.working_directory.empty() && chdir(options.working_directory.c_str()) != 0) _exit(126);
    execvpe(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  setpgid(pid_, pid_);  // whoever of the two is first
  close(output[1]);
  close(errors[1]);
  const int end = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (end < 0) FailWithErrno("cannot watch process " + std::to_string(pid_));
  keeper_ = std::thread([this, output, errors, end] { Keep(output[0], errors[0], end); });
}

Program::~Program() {
  Signal(SIGTERM);
  {
    std::unique_lock lock(mutex_);
    if (!WaitUntil(lock, [this] { return ended_; })) {
      if (!reaped_) kill(-pid_, SIGKILL);
    }
  }
  keeper_.join();
}

// Collects what the program writes until it is gone. What its own children write after that doesn't count: a server
// that it left behind would keep us here.
void Program::Keep(int output, int errors, int end) {
  // A pipe that has nothing more is read without waiting, also at the end.
  for (const int fd : {output, errors}) fcntl(fd, F_SETFL, O_NONBLOCK);
  bool output_open = true;
  bool errors_open = true;
  for (bool gone = false; !gone;) {
    std::array<pollfd, 3> watched = {pollfd{output_open ? output : -1, POLLIN, 0},
                                     pollfd{errors_open ? errors : -1, POLLIN, 0}, pollfd{end, POLLIN, 0}};
    if (poll(watched.data(), watched.size(), -1) < 0) continue;
    gone = watched[2].revents != 0;
    if (output_open) Append(output_, output, output_open);
    if (errors_open) Append(errors_, errors, errors_open);
  }
  int status = 0;
  {
    const std::lock_guard lock(mutex_);
    waitpid(pid_, &status, 0);
    reaped_ = true;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ended_ = true;
  }
  changed_.notify_all();
  for (const int fd : {output, errors, end}) close(fd);
}

void Program::Append(std::string& text, int fd, bool& open) {
  std::array<char, 4096> buffer;
  ssize_t count = 0;
  while ((count = read(fd, buffer.data(), buffer.size())) > 0) {
    {
      const std::lock_guard lock(mutex_);
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    changed_.notify_all();
  }
  if (count == 0 || (errno != EAGAIN && errno != EINTR)) open = false;
}

bool Program::WaitUntil(std::unique_lock<std::mutex>& lock, const std::function<bool()>& condition) {
  return changed_.wait_for(lock, kPatience, condition);
}

void Program::Fail(const std::string& what) const {
  throw std::runtime_error(name_ + " " + what + "; its output:\n" + output_ + "its errors:\n" + errors_);
}

std::string Program::WaitFor(const std::string& text, const std::function<bool(const std::string&)>& is_it) {
  std::unique_lock lock(mutex_);
  std::string line;
  const auto said = [&] {
    std::size_t at = 0;
    for (std::size_t end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
      line = text.substr(at, end - at);
      if (is_it(line)) return true;
    }
    return false;
  };
  if (!WaitUntil(lock, [&] { return said() || ended_; })) Fail("did not say what was waited for");
  if (!said()) Fail("ended (" + std::to_string(exit_code_) + ") without saying what was waited for");
  return line;
}

std::string Program::WaitForLine(const std::string& beginning) {
  return WaitFor(output_, [&](const std::string& line) { return line.starts_with(beginning); });
}

std::string Program::WaitForLog(const std::string& part) {
  return WaitFor(errors_, [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

int Program::Wait() {
  std::unique_lock lock(mutex_);
  if (!WaitUntil(lock, [this] { return ended_; })) Fail("did not end");
  return exit_code_;
}

bool Program::Running() const {
  const std::lock_guard lock(mutex_);
  return !ended_;
}

void Program::Signal(int signal) {
  const std::lock_guard lock(mutex_);
  if (!reaped_) kill(pid_, signal);
}

void Program::SignalGroup(int signal) {
  const std::lock_guard lock(mutex_);
  if (!reaped_) kill(-pid_, signal);
}

std::string Program::output() const {
  const std::lock_guard lock(mutex_);
  return output_;
}

std::string Program::errors() const {
  const std::lock_guard lock(mutex_);
  return errors_;
}

Ran RunToEnd(Program::Options options) {
  Program program(std::move(options));
  const int exit_code = program.Wait();
  return {exit_code, program.output(), program.errors()};
}

Program::Options Poold(std::vector<std::string> arguments, std::map<std::string, std::string> environment) {
  Program::Options options;
  options.command.emplace_back(kPooldBinary);
  for (std::string& argument : arguments) options.command.push_back(std::move(argument));
  options.environment = std::move(environment);
  options.environment.emplace("POOLD_HTTP_LISTEN", "127.0.0.1:0");  // many run at once; a flag wins
  return options;
}

namespace {

// "B" of "key=B" in "... key=B ...".
std::string ValueIn(const std::string& line, const std::string& key) {
  const std::size_t begin = line.find(" " + key + "=") + key.size() + 2;
  return line.substr(begin, line.find(' ', begin) - begin);
}

}  // namespace

std::string ReadyAddress(Program& poold) { return ValueIn(poold.WaitForLine("ready grpc="), "grpc"); }
std::string ReadyHttpAddress(Program& poold) { return ValueIn(poold.WaitForLine("ready grpc="), "http"); }
std::string ListeningAddress(Program& poold) { return ValueIn(poold.WaitForLog("listening grpc="), "grpc"); }
std::string ListeningHttpAddress(Program& poold) { return ValueIn(poold.WaitForLog("listening grpc="), "http"); }

}  // namespace poold
