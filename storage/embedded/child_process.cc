#include "storage/embedded/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

namespace poold::storage {
namespace {

std::optional<UnixUser> UserFrom(const passwd* entry) {
  if (entry == nullptr) {
    return std::nullopt;
  }
  UnixUser user{entry->pw_name, entry->pw_uid, entry->pw_gid, {}};
  int count = 64;
  user.groups.resize(static_cast<std::size_t>(count));
  if (getgrouplist(entry->pw_name, entry->pw_gid, user.groups.data(), &count) < 0) {
    user.groups.resize(static_cast<std::size_t>(count));
    getgrouplist(entry->pw_name, entry->pw_gid, user.groups.data(), &count);
  }
  user.groups.resize(static_cast<std::size_t>(count));
  return user;
}

// Everything the new process needs, laid out before the fork: after it, in a process that had several threads, nothing
// may allocate or lock.
struct Launch {
  std::vector<char*> argv;
  std::vector<char*> envp;
  const UnixUser* run_as;
  int output;
  int death_signal;
  pid_t parent;
  int error_pipe;
};

// Raw system calls: the C library's would try to tell the threads that the fork left behind.
bool DropPrivileges(const UnixUser& user) {
  return syscall(SYS_setgroups, user.groups.size(), user.groups.data()) == 0 &&
         syscall(SYS_setresgid, user.gid, user.gid, user.gid) == 0 &&
         syscall(SYS_setresuid, user.uid, user.uid, user.uid) == 0;
}

void CloseFrom(unsigned int first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) {
    return;
  }
  for (int fd = static_cast<int>(first); fd < 65536; ++fd) {
    close(fd);
  }
}

[[noreturn]] void FailInChild(int pipe) {
  const int error = errno;
  [[maybe_unused]] const ssize_t written = write(pipe, &error, sizeof(error));
  _exit(127);
}

[[noreturn]] void RunInChild(const Launch& launch) {
  setsid();
  const int input = open("/dev/null", O_RDWR);
  const int output = launch.output >= 0 ? launch.output : input;
  // 3 is the pipe on which a failed start is reported; whatever lies above is none of the child's business.
  int pipe = fcntl(launch.error_pipe, F_DUPFD, 10);
  const int high_output = fcntl(output, F_DUPFD, 10);
  if (input < 0 || pipe < 0 || high_output < 0 || dup2(input, 0) < 0 || dup2(high_output, 1) < 0 ||
      dup2(high_output, 2) < 0 || dup2(pipe, 3) < 0) {
    FailInChild(launch.error_pipe);
  }
  pipe = 3;
  fcntl(pipe, F_SETFD, FD_CLOEXEC);
  CloseFrom(4);

  for (int signal = 1; signal < NSIG; ++signal) {
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  umask(077);
  if (chdir("/") != 0 || (launch.run_as != nullptr && !DropPrivileges(*launch.run_as))) {
    FailInChild(pipe);
  }
  // After the change of user, which clears it. If the parent died before, nobody would tell us any more.
  if (prctl(PR_SET_PDEATHSIG, launch.death_signal) != 0) {
    FailInChild(pipe);
  }
  if (getppid() != launch.parent) {
    _exit(127);
  }
  execve(launch.argv[0], launch.argv.data(), launch.envp.data());
  FailInChild(pipe);
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) {
    pointers.push_back(string.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::optional<UnixUser> FindUser(const std::string& name) { return UserFrom(getpwnam(name.c_str())); }

std::optional<UnixUser> FindUser(uid_t uid) { return UserFrom(getpwuid(uid)); }

ChildProcess::ChildProcess(const Options& options) {
  // The keeper handles no signal of ours: those belong to threads that expect them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  keeper_ = std::thread([this, options] { Keep(options); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);

  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return started_ || ended_; });
  if (!started_) {
    lock.unlock();
    keeper_.join();
    throw std::system_error(start_error_, std::generic_category(), "cannot start " + options.command.at(0));
  }
}

ChildProcess::~ChildProcess() {
  Signal(SIGKILL);
  keeper_.join();
}

void ChildProcess::Keep(const Options& options) {
  std::vector<std::string> command = options.command;
  std::vector<std::string> environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                          "LC_ALL=C", "HOME=/"};
  if (const char* libraries = std::getenv("LD_LIBRARY_PATH"); libraries != nullptr) {
    environment.push_back(std::string("LD_LIBRARY_PATH=") + libraries);
  }
  int error_pipe[2] = {-1, -1};
  int start_error = 0;
  pid_t pid = -1;
  if (pipe2(error_pipe, O_CLOEXEC) != 0) {
    start_error = errno;
  } else {
    const Launch launch{.argv = Pointers(command),
                        .envp = Pointers(environment),
                        .run_as = options.run_as ? &*options.run_as : nullptr,
                        .output = options.output,
                        .death_signal = options.death_signal,
                        .parent = getpid(),
                        .error_pipe = error_pipe[1]};
    pid = fork();
    if (pid == 0) {
      RunInChild(launch);
    }
    if (pid < 0) {
      start_error = errno;
    }
    close(error_pipe[1]);
    if (pid > 0 && read(error_pipe[0], &start_error, sizeof(start_error)) == sizeof(start_error)) {
      waitpid(pid, nullptr, 0);
      pid = -1;
    }
    close(error_pipe[0]);
  }

  {
    const std::lock_guard lock(mutex_);
    pid_ = pid;
    start_error_ = start_error;
    started_ = pid > 0;
    ended_ = pid <= 0;
    changed_.notify_all();
  }
  if (pid <= 0) {
    return;
  }
  // First only look, then reap under the lock: until it is reaped the number is the child's, so Signal() is safe.
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  const std::lock_guard lock(mutex_);
  if (waitpid(pid, &status_, 0) != pid) {
    status_ = -1;  // SIGCHLD is ignored in this process, so nobody knows
  }
  ended_ = true;
  changed_.notify_all();
}

bool ChildProcess::Running() const {
  const std::lock_guard lock(mutex_);
  return !ended_;
}

void ChildProcess::Signal(int signal) {
  const std::lock_guard lock(mutex_);
  if (!ended_) {
    kill(pid_, signal);
  }
}

bool ChildProcess::WaitFor(std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return ended_; });
}

bool ChildProcess::Succeeded() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended_; });
  return WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
}

}  // namespace poold::storage
