#include "storage/embedded/embedded_postgres.h"

#include <fcntl.h>
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
#include <pqxx/pqxx>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>

#include "storage/embedded/child_process.h"
#include "storage/embedded/postgres_programs.h"
#include "storage/embedded/socket_directory.h"
#include "storage/embedded/trusted_directory.h"

namespace poold::storage {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr char kElsewhere[] = "/var/lib/poold";
constexpr std::uintmax_t kLargestLog = 64 << 20;
constexpr std::uintmax_t kQuotedLog = 64 << 10;  // where its last lines are looked for
constexpr mode_t kNotOfOwner = S_IRWXG | S_IRWXO;

// What decides which code PostgreSQL runs.
constexpr const char* kConfiguration[] = {"PG_VERSION", "postgresql.conf", "postgresql.auto.conf", "pg_hba.conf",
                                          "pg_ident.conf"};

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

// The one-owner-at-a-time rule. The kernel lets go of it when we die, so it can't go stale.
class Lock {
 public:
  explicit Lock(const TrustedDirectory& data_dir) : file_(data_dir.OpenFile("lock", O_RDWR | O_CREAT)) {
    if (flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
      const std::vector<std::string> holder = Lines(data_dir.Read("lock").value_or(""));
      Fail("the data directory " + data_dir.path().string() + " is in use" +
           (holder.empty() ? "" : " by process " + holder.front()) +
           "; stop that one first, or give this one a data directory of its own");
    }
    const std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(file_.get(), 0) != 0 || pwrite(file_.get(), pid.data(), pid.size(), 0) < 0) {
      FailWithErrno("cannot write " + (data_dir.path() / "lock").string());
    }
  }

 private:
  FileDescriptor file_;
};

// Whether `target` is as we make it for a cluster that is not in its data directory.
bool IsClusterElsewhere(const fs::path& target) {
  const std::string name = target.parent_path().filename().string();
  return target == fs::path(kElsewhere) / name / "postgres" && name.size() == 16 &&
         name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool CanEnter(const UnixUser& user, const fs::path& dir) {
  return ChildProcess({.command = {"/usr/bin/test", "-x", dir.string()}, .run_as = user}).Succeeded();
}

}  // namespace

class EmbeddedPostgres::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        // 0711 lets the database's user pass through to its own directory, and see nothing on the way.
        data_dir_(TrustedDirectory::OpenOrMake(options_.data_dir, AreRoot() ? 0711 : 0700)) {
    lock_.emplace(data_dir_);
    FindHome();
    OpenCluster();
    const std::vector<std::string> version = Lines(ReadOfCluster("PG_VERSION"));
    server_ = FindPostgresPrograms(version.empty() ? std::nullopt : Number(version.front()));
    EndLeftovers();
    socket_dir_.emplace(Home(), user_);
    if (!cluster_dir_) {
      CreateCluster();
      OpenCluster();
    }
    url_ = UrlOf("poold");
    try {
      Start();
    } catch (...) {
      Stop();
      throw;
    }
  }

  ~Impl() { Stop(); }

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
    return "postgresql:///" + PercentEncode(database) + "?host=" + PercentEncode(socket_dir_->path().string()) +
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

  // Holds the cluster and, if its path is short enough, the socket.
  const TrustedDirectory& Home() const { return elsewhere_ ? *elsewhere_ : data_dir_; }

  // Who runs the database and owns the cluster.
  uid_t DatabaseUser() const { return user_ ? user_->uid : geteuid(); }

  // Decides where the cluster is (or will be) and, if it is new, whose it will be.
  void FindHome() {
    if (const std::optional<fs::path> target = data_dir_.LinkTarget("postgres")) {
      if (!IsClusterElsewhere(*target)) {
        Fail((data_dir_.path() / "postgres").string() +
             " is a symbolic link that poold did not make; look where it leads, then remove it");
      }
      elsewhere_ = OpenElsewhere(target->parent_path());
      if (!elsewhere_ || !elsewhere_->Find("postgres")) {
        elsewhere_.reset();  // what it led to was removed
        Remove(data_dir_, "postgres");
      }
    }
    if (AreRoot() && !elsewhere_ && !data_dir_.Find("postgres")) {
      user_ = DatabaseUserOfRoot();
      if (!CanEnter(*user_, data_dir_.path())) {
        const fs::path home = fs::path(kElsewhere) / Hash(data_dir_.path().native());
        TrustedDirectory::OpenOrMake(kElsewhere, 0711);
        elsewhere_ = TrustedDirectory::OpenOrMake(home, 0711);
        if (symlinkat((home / "postgres").c_str(), data_dir_.fd(), "postgres") != 0) {
          FailWithErrno("cannot create " + (data_dir_.path() / "postgres").string());
        }
        Say((elsewhere_->Find("postgres") ? "taking up the data in " : "keeping the data in ") + home.string() +
            ", since user " + user_->name + ", who runs the database, can't enter " + data_dir_.path().string());
      }
    }
    cluster_ = Home().path() / "postgres";
  }

  static std::optional<TrustedDirectory> OpenElsewhere(const fs::path& home) {
    return TrustedDirectory::Open(kElsewhere) ? TrustedDirectory::Open(home) : std::nullopt;
  }

  static UnixUser DatabaseUserOfRoot() {
    for (const char* name : {"postgres", "nobody"}) {
      if (std::optional<UnixUser> user = FindUser(name)) {
        return *user;
      }
    }
    Fail("PostgreSQL can't run as root, and there is no user `postgres` to run it; run: useradd --system postgres");
  }

  // Opens the cluster if there is one. Whoever could write to its configuration could make PostgreSQL run any code.
  void OpenCluster() {
    const std::optional<struct stat> status = Home().Find("postgres");
    if (!status) {
      return;
    }
    if (!S_ISDIR(status->st_mode)) {
      Fail(cluster_.string() + " is no directory; look what it is, then remove it");
    }
    TakeOwner(status->st_uid);
    if ((status->st_mode & kNotOfOwner) != 0) {
      Fail("the database in " + cluster_.string() + " is open to others than its owner, user " +
           NameOfUser(status->st_uid) + "; if you trust what is in it, run: chmod 700 " + cluster_.string());
    }
    cluster_dir_ = Home().Subdirectory("postgres", DatabaseUser());
    for (const char* name : kConfiguration) {
      if (cluster_dir_->Find(name)) {
        cluster_dir_->OpenFile(name, O_RDONLY);  // throws for a link, and for a file that others could write to
      }
    }
  }

  void TakeOwner(uid_t owner) {
    if (!AreRoot()) {
      if (owner != geteuid()) {
        Fail("the database in " + cluster_.string() + " belongs to user " + NameOfUser(owner) +
             "; run as that user, or choose another data directory");
      }
      return;
    }
    if (owner == 0) {
      Fail("the database in " + cluster_.string() +
           " belongs to root, but PostgreSQL can't run as root; run: chown -R " + "postgres " + cluster_.string());
    }
    user_ = FindUser(owner);
    if (!user_ || (user_->name != "postgres" && user_->name != "nobody")) {
      Fail("the database in " + cluster_.string() + " belongs to user " + NameOfUser(owner) +
           "; under root only databases of user postgres (or nobody) are started: run as user " + NameOfUser(owner) +
           ", or choose another data directory");
    }
    if (!CanEnter(*user_, cluster_)) {
      Fail("user " + user_->name + ", who runs the database, can't enter " + cluster_.string() +
           "; open the directories above it to that user (chmod o+x), or choose another data directory");
    }
  }

  // A small file of the cluster; empty if there is none.
  std::string ReadOfCluster(const std::string& name) const {
    return cluster_dir_ ? cluster_dir_->Read(name).value_or("") : "";
  }

  // A file or a link.
  static void Remove(const TrustedDirectory& directory, const std::string& name) {
    if (unlinkat(directory.fd(), name.c_str(), 0) != 0 && errno != ENOENT) {
      FailWithErrno("cannot remove " + (directory.path() / name).string());
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
    const std::vector<std::string> lines = Lines(ReadOfCluster("postmaster.pid"));
    const std::optional<int> pid = lines.empty() ? std::nullopt : Number(lines.front());
    if (pid && (kill(*pid, 0) == 0 || errno == EPERM)) {
      Remove(*cluster_dir_, "postmaster.pid");
    }
  }

  // The server writes to the file itself, through a descriptor of ours: it need not be able to reach it.
  FileDescriptor OpenLog() {
    FileDescriptor log = data_dir_.OpenFile("postgres.log", O_WRONLY | O_CREAT | O_APPEND);
    if (SizeOf(log) > kLargestLog && renameat(data_dir_.fd(), "postgres.log", data_dir_.fd(), "postgres.log.1") == 0) {
      log = data_dir_.OpenFile("postgres.log", O_WRONLY | O_CREAT | O_APPEND);
    }
    log_start_ = SizeOf(log);
    return log;
  }

  static std::uintmax_t SizeOf(const FileDescriptor& file) {
    struct stat status {};
    return fstat(file.get(), &status) == 0 ? static_cast<std::uintmax_t>(status.st_size) : 0;
  }

  [[noreturn]] void FailWithLog(const std::string& sentence) const {
    const std::optional<struct stat> status = data_dir_.Find("postgres.log");
    const std::uintmax_t size = status ? static_cast<std::uintmax_t>(status->st_size) : 0;
    const std::uintmax_t begin = std::max(log_start_, size - std::min(size, kQuotedLog));
    std::string text = sentence + "; the end of " + (data_dir_.path() / "postgres.log").string() + " says:";
    const std::vector<std::string> lines = Lines(data_dir_.Read("postgres.log", begin).value_or(""));
    for (std::size_t i = lines.size() > 12 ? lines.size() - 12 : 0; i < lines.size(); ++i) {
      text += "\n  " + lines[i];
    }
    Fail(text);
  }

  // initdb in a directory of another name, so that a cluster is either whole or not there.
  void CreateCluster() {
    Say("creating a database in " + cluster_.string());
    const fs::path fresh = Home().path() / "postgres.new";
    if (const std::optional<struct stat> leftover = Home().Find("postgres.new")) {
      if (!S_ISDIR(leftover->st_mode) || (leftover->st_uid != DatabaseUser() && leftover->st_uid != geteuid())) {
        Fail(fresh.string() + " is not as poold made it; look what it is, then remove it");
      }
      fs::remove_all(fresh);  // libstdc++ goes through it by descriptors, and follows no link
    }
    Home().MakeSubdirectory("postgres.new", 0700, user_);
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
      const FileDescriptor log = OpenLog();
      if (!ChildProcess({.command = command, .run_as = user_, .output = log.get()}).Succeeded()) {
        FailWithLog("PostgreSQL's initdb failed");
      }
    }
    if (renameat(Home().fd(), "postgres.new", Home().fd(), "postgres") != 0) {
      FailWithErrno("cannot rename " + fresh.string() + " to " + cluster_.string());
    }
    if (options_.durable) {
      fsync(Home().fd());
    }
  }

  // On the command line rather than in a file: always this program's and this start's, whatever lies in the cluster.
  std::vector<std::string> Command() const {
    std::vector<std::pair<std::string, std::string>> settings = {
        {"listen_addresses", ""},
        {"port", "5432"},
        {"unix_socket_directories", socket_dir_->path().string()},
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
      const FileDescriptor log = OpenLog();
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
    const std::vector<std::string> lines = Lines(ReadOfCluster("postmaster.pid"));
    return lines.size() >= 8 && Number(lines[0]) == postmaster_->pid() && lines[7].starts_with("ready");
  }

  // False when the server doesn't answer yet. Creates the database `poold` on the first start.
  bool HasDatabase() const {
    try {
      pqxx::connection connection(UrlOf("postgres"));
      pqxx::nontransaction tx(connection);
      if (tx.exec("SELECT FROM pg_database WHERE datname = 'poold'").empty()) tx.exec("CREATE DATABASE poold");
      return true;
    } catch (const pqxx::sql_error&) {
      FailWithLog("PostgreSQL could not create the database `poold`");
    } catch (const pqxx::failure&) {
      return false;
    }
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
  TrustedDirectory data_dir_;
  std::optional<TrustedDirectory> elsewhere_;    // where the cluster is, if not in data_dir_
  std::optional<TrustedDirectory> cluster_dir_;  // absent: there is none yet. Its owner is trusted less than root is
  fs::path cluster_;
  fs::path server_;  // the directory of PostgreSQL's programs
  std::optional<SocketDirectory> socket_dir_;
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

}  // namespace poold::storage
