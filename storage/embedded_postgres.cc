#include "storage/embedded_postgres.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>

#include "storage/child_process.h"

namespace poold {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr char kDebianServers[] = "/usr/lib/postgresql";
constexpr char kElsewhere[] = "/var/lib/poold";
constexpr char kSocketTemplate[] = "/tmp/poold-socket-XXXXXX";
constexpr std::string_view kSocketFile = "/.s.PGSQL.5432";
constexpr std::size_t kLongestSocketPath = 107;  // sockaddr_un.sun_path, less its final NUL
constexpr std::uintmax_t kLargestLog = 64 << 20;

constexpr milliseconds kPoll{2};
constexpr seconds kStartLimit{120};  // recovery after a crash replays at most max_wal_size
constexpr seconds kStopLimit{30};
constexpr seconds kQuitLimit{10};

[[noreturn]] void Fail(const std::string& sentence) { throw std::runtime_error(sentence); }

[[noreturn]] void FailWithErrno(const std::string& what) { Fail(what + ": " + std::strerror(errno)); }

bool AreRoot() { return geteuid() == 0; }

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

std::optional<int> Number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

// FNV-1a: the same in every build, as names on disk must be.
std::string Hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  char hex[17];
  std::snprintf(hex, sizeof(hex), "%016llx", static_cast<unsigned long long>(hash));
  return hex;
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  std::string encoded;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      char hex[4];
      std::snprintf(hex, sizeof(hex), "%%%02X", static_cast<unsigned int>(static_cast<unsigned char>(c)));
      encoded += hex;
    }
  }
  return encoded;
}

// A file descriptor, closed at the end.
class Fd {
 public:
  Fd(const fs::path& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    if (fd_ < 0) {
      FailWithErrno("cannot open " + path.string());
    }
  }
  ~Fd() { close(fd_); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// The one-owner-at-a-time rule. The kernel lets go of it when we die, so it can't go stale.
class Lock {
 public:
  explicit Lock(const fs::path& data_dir) : file_(data_dir / "lock", O_RDWR | O_CREAT) {
    if (flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
      const std::vector<std::string> holder = Lines(ReadFile(data_dir / "lock"));
      Fail("the data directory " + data_dir.string() + " is in use" +
           (holder.empty() ? "" : " by process " + holder.front()) +
           "; stop that one first, or give this one a data directory of its own");
    }
    const std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(file_.get(), 0) != 0 || pwrite(file_.get(), pid.data(), pid.size(), 0) < 0) {
      FailWithErrno("cannot write " + (data_dir / "lock").string());
    }
  }

 private:
  Fd file_;
};

// The directory on the PATH that has PostgreSQL's programs.
std::optional<fs::path> ServerOnPath() {
  std::istringstream path(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "");
  for (std::string dir; std::getline(path, dir, ':');) {
    if (fs::exists(fs::path(dir) / "postgres") && fs::exists(fs::path(dir) / "initdb")) {
      return fs::canonical(fs::path(dir) / "postgres").parent_path();
    }
  }
  return std::nullopt;
}

// Debian keeps them off the PATH, in one directory for each major version.
std::optional<fs::path> NewestDebianServer() {
  std::optional<int> newest;
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator(kDebianServers, none)) {
    const std::optional<int> major = Number(entry.path().filename().string());
    if (major > newest && fs::exists(entry.path() / "bin/initdb")) {
      newest = major;
    }
  }
  if (!newest) {
    return std::nullopt;
  }
  return fs::path(kDebianServers) / std::to_string(*newest) / "bin";
}

// Where initdb and postgres are. A cluster needs the version that created it; otherwise the user's choice comes first.
fs::path FindServer(const fs::path& cluster) {
  const std::vector<std::string> version = Lines(ReadFile(cluster / "PG_VERSION"));
  if (!version.empty() && fs::exists(fs::path(kDebianServers) / version[0] / "bin/postgres")) {
    return fs::path(kDebianServers) / version[0] / "bin";
  }
  if (const auto server = ServerOnPath()) {
    return *server;
  }
  if (const auto server = NewestDebianServer()) {
    return *server;
  }
  Fail("PostgreSQL's server is not installed; run: apt-get install postgresql");
}

bool CanEnter(const UnixUser& user, const fs::path& dir) {
  return ChildProcess({.command = {"/usr/bin/test", "-x", dir.string()}, .run_as = user}).Succeeded();
}

void MakeDirectory(const fs::path& dir, mode_t mode, const std::optional<UnixUser>& owner = std::nullopt) {
  if (mkdir(dir.c_str(), mode) != 0 && errno != EEXIST) {
    FailWithErrno("cannot create " + dir.string());
  }
  if ((owner && lchown(dir.c_str(), owner->uid, owner->gid) != 0) || chmod(dir.c_str(), mode) != 0) {
    FailWithErrno("cannot prepare " + dir.string());
  }
}

using PgConnection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

PgResult Execute(PGconn* connection, const char* sql) { return {PQexec(connection, sql), &PQclear}; }

}  // namespace

class EmbeddedPostgres::Impl {
 public:
  explicit Impl(Options options) : options_(std::move(options)) {
    data_dir_ = PrepareDataDir();
    lock_.emplace(data_dir_);
    FindHome();
    server_ = FindServer(cluster_);
    EndLeftovers();
    PrepareSocketDir();
    if (!fs::exists(cluster_)) {
      CreateCluster();
    }
    url_ = UrlOf("poold");
    try {
      Start();
    } catch (...) {
      Stop();
      RemoveSocketDir();
      throw;
    }
  }

  ~Impl() {
    Stop();
    RemoveSocketDir();
  }

  void Kill() {
    postmaster_->Signal(SIGKILL);
    postmaster_->WaitFor(kStopLimit);
  }

  void Restart() {
    Stop();
    EndLeftovers();
    Start();
  }

  std::string UrlOf(const std::string& database) const {
    return "postgresql:///" + PercentEncode(database) + "?host=" + PercentEncode(socket_dir_.string()) +
           "&port=5432&user=poold";
  }

  const std::string& url() const { return url_; }
  const std::string& cluster_dir() const { return cluster_.native(); }
  pid_t pid() const { return postmaster_->pid(); }
  bool Running() const { return postmaster_ && postmaster_->Running(); }

 private:
  void Say(const std::string& line) const {
    if (options_.progress) {
      options_.progress(line);
    }
  }

  fs::path PrepareDataDir() const {
    const fs::path dir = fs::absolute(options_.data_dir).lexically_normal();
    std::error_code error;
    if (!fs::is_directory(dir, error)) {
      // 0711 lets the database's user pass through to its own directory, and see nothing on the way.
      if (!fs::create_directories(dir, error) || chmod(dir.c_str(), AreRoot() ? 0711 : 0700) != 0) {
        Fail("cannot create the data directory " + dir.string() + ": " + error.message());
      }
    }
    return fs::canonical(dir);
  }

  // Decides where the cluster is (or will be) and whose it is.
  void FindHome() {
    const fs::path entry = data_dir_ / "postgres";
    if (fs::is_symlink(entry) && !fs::exists(entry)) {
      fs::remove(entry);  // what it led to was removed
    }
    if (fs::exists(entry)) {
      cluster_ = fs::canonical(entry);
      home_ = cluster_.parent_path();
      TakeOwnerOfCluster();
      return;
    }
    home_ = data_dir_;
    if (AreRoot()) {
      user_ = FindUser("postgres");
      if (!user_) {
        user_ = FindUser("nobody");
      }
      if (!user_) {
        Fail("PostgreSQL can't run as root, and there is no user `postgres` to run it; run: useradd --system postgres");
      }
      if (!CanEnter(*user_, data_dir_)) {
        home_ = fs::path(kElsewhere) / Hash(data_dir_.native());
        MakeDirectory(kElsewhere, 0711);
        MakeDirectory(home_, 0711);
        fs::create_symlink(home_ / "postgres", entry);
        Say((fs::exists(home_ / "postgres") ? "taking up the data in " : "keeping the data in ") + home_.string() +
            ", since user " + user_->name + ", who runs the database, can't enter " + data_dir_.string());
      }
    }
    cluster_ = home_ / "postgres";
    if (fs::exists(cluster_)) {
      TakeOwnerOfCluster();
    }
  }

  void TakeOwnerOfCluster() {
    struct stat status {};
    if (stat(cluster_.c_str(), &status) != 0) {
      FailWithErrno("cannot look at " + cluster_.string());
    }
    if (!AreRoot()) {
      if (status.st_uid != geteuid()) {
        const std::optional<UnixUser> owner = FindUser(status.st_uid);
        Fail("the database in " + cluster_.string() + " belongs to user " +
             (owner ? owner->name : std::to_string(status.st_uid)) +
             "; run as that user or as root, or choose another data directory");
      }
      return;
    }
    if (status.st_uid == 0) {
      Fail("the database in " + cluster_.string() +
           " belongs to root, but PostgreSQL can't run as root; run: chown -R " + "postgres " + cluster_.string());
    }
    user_ = FindUser(status.st_uid);
    if (!user_) {
      user_ = UnixUser{std::to_string(status.st_uid), status.st_uid, status.st_gid, {}};
    }
    if (!CanEnter(*user_, cluster_)) {
      Fail("user " + user_->name + ", who runs the database, can't enter " + cluster_.string() +
           "; open the directories above it to that user (chmod o+x), or choose another data directory");
    }
  }

  // Every process of this cluster shows this name: the postmaster among its arguments, its children in their titles.
  std::string ClusterName() const { return "poold-" + Hash(cluster_.native()); }

  struct Leftover {
    pid_t pid;
    bool postmaster;
  };

  // The processes of our cluster, whoever started them. By their command lines: unlike their working directories,
  // those may be read across users even by a root that lacks the right to trace.
  std::vector<Leftover> FindLeftovers() const {
    const std::string name = ClusterName();
    std::vector<Leftover> found;
    std::error_code none;
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc", none)) {
      const std::optional<int> pid = Number(entry.path().filename().string());
      if (!pid) {
        continue;
      }
      const std::string command = ReadFile(entry.path() / "cmdline");
      const std::string program = fs::path(command.substr(0, command.find('\0'))).filename().string();
      if (command.starts_with("postgres: " + name + ": ")) {
        found.push_back({*pid, false});
      } else if (program == "postgres" && command.find("cluster_name=" + name) != std::string::npos) {
        found.push_back({*pid, true});
      }
    }
    return found;
  }

  // Ends what is left of a server whose owner was killed. It was told of that death and is about to stop by itself;
  // what doesn't is pressed. We hold the lock, so no process of this cluster has another living owner.
  void EndLeftovers() {
    struct Step {
      int to_postmaster;
      int to_others;
      seconds limit;
    };
    constexpr Step kSteps[] = {{SIGINT, 0, kStopLimit}, {SIGQUIT, SIGQUIT, kQuitLimit}, {SIGKILL, SIGKILL, kQuitLimit}};
    std::vector<Leftover> leftovers = FindLeftovers();
    if (!leftovers.empty()) {
      Say("waiting for the database of an earlier run to stop");
    }
    for (const Step& step : kSteps) {
      for (const Leftover& leftover : leftovers) {
        if (const int signal = leftover.postmaster ? step.to_postmaster : step.to_others; signal != 0) {
          kill(leftover.pid, signal);
        }
      }
      const auto deadline = Clock::now() + step.limit;
      while (!leftovers.empty() && Clock::now() < deadline) {
        std::this_thread::sleep_for(kPoll);
        leftovers = FindLeftovers();
      }
    }
    if (!leftovers.empty()) {
      Fail("process " + std::to_string(leftovers.front().pid) + " of an earlier run still has the database in " +
           cluster_.string() + " and doesn't end; end it, then try again");
    }
    RemoveStalePidFile();
  }

  // PostgreSQL would refuse to start when its old number now belongs to a stranger (as after a container's restart).
  void RemoveStalePidFile() const {
    const fs::path path = cluster_ / "postmaster.pid";
    const std::vector<std::string> lines = Lines(ReadFile(path));
    const std::optional<int> pid = lines.empty() ? std::nullopt : Number(lines.front());
    if (pid && (kill(*pid, 0) == 0 || errno == EPERM)) {
      fs::remove(path);
    }
  }

  void PrepareSocketDir() {
    const fs::path preferred = home_ / "socket";
    if (fs::is_symlink(preferred)) {
      const fs::path target = fs::read_symlink(preferred);
      if (target.parent_path() == fs::path(kSocketTemplate).parent_path()) {
        std::error_code none;
        fs::remove_all(target, none);
      }
    }
    fs::remove_all(preferred);  // a stale socket with its lock file, if anything
    // libpq takes a comma for the end of a host's name.
    if (preferred.native().size() + kSocketFile.size() <= kLongestSocketPath &&
        preferred.native().find(',') == std::string::npos) {
      MakeDirectory(preferred, 0700, user_);
      socket_dir_ = preferred;
      return;
    }
    std::string name = kSocketTemplate;
    if (mkdtemp(name.data()) == nullptr) {
      FailWithErrno("cannot create a directory for the database's socket in /tmp");
    }
    socket_dir_ = name;
    MakeDirectory(socket_dir_, 0700, user_);
    fs::create_symlink(socket_dir_, preferred);
  }

  void RemoveSocketDir() const {
    std::error_code none;
    fs::remove_all(socket_dir_, none);
    fs::remove(home_ / "socket", none);
  }

  // The server writes to the file itself, through a descriptor of ours: it need not be able to reach it.
  Fd OpenLog() {
    const fs::path path = data_dir_ / "postgres.log";
    std::error_code none;
    if (fs::exists(path) && fs::file_size(path, none) > kLargestLog) {
      fs::rename(path, path.string() + ".1", none);
    }
    log_start_ = fs::exists(path) ? fs::file_size(path) : 0;
    return {path, O_WRONLY | O_CREAT | O_APPEND};
  }

  [[noreturn]] void FailWithLog(const std::string& sentence) const {
    const fs::path path = data_dir_ / "postgres.log";
    const std::string log = ReadFile(path);
    std::string text = sentence + "; the end of " + path.string() + " says:";
    const std::vector<std::string> lines = Lines(log.substr(std::min<std::size_t>(log.size(), log_start_)));
    for (std::size_t i = lines.size() > 12 ? lines.size() - 12 : 0; i < lines.size(); ++i) {
      text += "\n  " + lines[i];
    }
    Fail(text);
  }

  // initdb in a directory of another name, so that a cluster is either whole or not there.
  void CreateCluster() {
    Say("creating a database in " + cluster_.string());
    const fs::path fresh = home_ / "postgres.new";
    fs::remove_all(fresh);
    MakeDirectory(fresh, 0700, user_);
    std::vector<std::string> command = {(server_ / "initdb").string(),
                                        "-D",
                                        fresh.string(),
                                        "--username=poold",
                                        "--auth=trust",
                                        "--encoding=UTF8",
                                        "--locale=C",
                                        "--no-instructions"};
    if (!options_.durable) {
      command.emplace_back("--no-sync");
    }
    {
      const Fd log = OpenLog();
      if (!ChildProcess({.command = command, .run_as = user_, .output = log.get()}).Succeeded()) {
        FailWithLog("PostgreSQL's initdb failed");
      }
    }
    fs::rename(fresh, cluster_);
    if (options_.durable) {
      fsync(Fd(home_, O_RDONLY | O_DIRECTORY).get());
    }
  }

  // On the command line rather than in a file: always this program's and this start's, whatever lies in the cluster.
  std::vector<std::string> Command() const {
    std::vector<std::pair<std::string, std::string>> settings = {
        {"listen_addresses", ""},
        {"port", "5432"},
        {"unix_socket_directories", socket_dir_.string()},
        {"unix_socket_permissions", "0700"},
        {"cluster_name", ClusterName()},
        {"max_connections", std::to_string(options_.max_connections)},
        {"TimeZone", "UTC"},
        {"log_timezone", "UTC"},
        {"logging_collector", "off"},
        {"client_connection_check_interval", "250ms"},  // a statement whose caller is gone ends
        {"jit", "off"},                                 // our statements are small: compiling costs more than it saves
    };
    if (!options_.durable) {
      // Not synchronous_commit: a commit still reaches the kernel, so that killing the server loses nothing.
      settings.insert(settings.end(), {{"fsync", "off"}, {"full_page_writes", "off"}});
    }
    settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());

    std::vector<std::string> command = {(server_ / "postgres").string(), "-D", cluster_.string()};
    for (const auto& [name, value] : settings) {
      command.insert(command.end(), {"-c", name + "=" + value});
    }
    return command;
  }

  void Start() {
    {
      const Fd log = OpenLog();
      // SIGINT when we die: an orderly stop, so the next start needs no recovery.
      postmaster_ = std::make_unique<ChildProcess>(
          ChildProcess::Options{.command = Command(), .run_as = user_, .output = log.get(), .death_signal = SIGINT});
    }
    const auto begin = Clock::now();
    bool said = false;
    while (!IsReady() || !HasDatabase()) {
      if (postmaster_->WaitFor(kPoll)) {
        FailWithLog("PostgreSQL did not start");
      }
      const auto waited = Clock::now() - begin;
      if (waited > kStartLimit) {
        FailWithLog("PostgreSQL did not get ready within " + std::to_string(kStartLimit.count()) + " s");
      }
      if (!said && waited > seconds(2)) {
        said = true;
        Say("waiting for PostgreSQL to get ready");
      }
    }
  }

  // The eighth line of postmaster.pid is how the server itself says so (pg_ctl waits for it too): asking through the
  // socket before that would fill the log with refusals.
  bool IsReady() const {
    const std::vector<std::string> lines = Lines(ReadFile(cluster_ / "postmaster.pid"));
    return lines.size() >= 8 && Number(lines[0]) == postmaster_->pid() && lines[7].starts_with("ready");
  }

  // False when the server doesn't answer yet. Creates the database `poold` on the first start.
  bool HasDatabase() const {
    const PgConnection connection(PQconnectdb(UrlOf("postgres").c_str()), &PQfinish);
    const PgResult found = Execute(connection.get(), "SELECT 1 FROM pg_database WHERE datname = 'poold'");
    if (PQresultStatus(found.get()) != PGRES_TUPLES_OK) {
      return false;
    }
    if (PQntuples(found.get()) == 0) {
      const PgResult created = Execute(connection.get(), "CREATE DATABASE poold");
      if (PQresultStatus(created.get()) != PGRES_COMMAND_OK) {
        FailWithLog("PostgreSQL could not create the database `poold`");
      }
    }
    return true;
  }

  void Stop() {
    if (!postmaster_) {
      return;
    }
    postmaster_->Signal(SIGINT);
    if (!postmaster_->WaitFor(kStopLimit)) {
      postmaster_->Signal(SIGQUIT);
      postmaster_->WaitFor(kQuitLimit);
    }
    postmaster_.reset();  // kills what still runs
  }

  Options options_;
  fs::path data_dir_;    // canonical
  fs::path home_;        // holds the cluster and, if its path is short enough, the socket; often data_dir_
  fs::path cluster_;     // home_/postgres
  fs::path server_;      // the directory of PostgreSQL's programs
  fs::path socket_dir_;  // as clients name it
  std::string url_;
  std::optional<Lock> lock_;
  std::optional<UnixUser> user_;  // who runs the server; absent: we ourselves
  std::uintmax_t log_start_ = 0;  // how long the log was before the step that writes to it now
  std::unique_ptr<ChildProcess> postmaster_;
};

EmbeddedPostgres::EmbeddedPostgres(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

EmbeddedPostgres::~EmbeddedPostgres() = default;

const std::string& EmbeddedPostgres::url() const { return impl_->url(); }

std::string EmbeddedPostgres::UrlOf(const std::string& database) const { return impl_->UrlOf(database); }

const std::string& EmbeddedPostgres::cluster_dir() const { return impl_->cluster_dir(); }

pid_t EmbeddedPostgres::pid() const { return impl_->pid(); }

bool EmbeddedPostgres::Running() const { return impl_->Running(); }

void EmbeddedPostgres::Kill() { impl_->Kill(); }

void EmbeddedPostgres::Restart() { impl_->Restart(); }

}  // namespace poold
