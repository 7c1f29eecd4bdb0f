#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace poold::storage {

// A private PostgreSQL, for `poold dev` and for the tests: makes the cluster when there is none (initdb), starts it,
// stops it. The object owns the server: one object, one server, and none left when the object or the process is gone.
//
// What lies where:
//   DATA_DIR/lock          held (flock) by the one owner
//   DATA_DIR/postgres      the cluster
//   DATA_DIR/postgres.log  what the server says
//   DATA_DIR/socket        the directory of its socket
//
// PostgreSQL refuses to run as root. Under root it runs as user `postgres`, or `nobody` if there is no such user. Where
// that user can't get to DATA_DIR (below /root, say), cluster and socket live in /var/lib/poold/<hash of DATA_DIR>, and
// DATA_DIR/postgres is a symbolic link to the cluster. Removing DATA_DIR then leaves the data there, and the next start
// in the same place takes them up again. A socket's path holds 107 bytes: when DATA_DIR is too deep for it, or has a
// comma in its name, DATA_DIR/socket is a symbolic link to a directory in /tmp.
//
// DATA_DIR may have been prepared by somebody else, so it is refused unless it belongs to this process's user or to
// root and nobody else can write to it, and so is what lies in it. No other symbolic link than the two above is
// followed. The cluster must be its owner's alone (0700), and its configuration files nobody else's: what they say is
// run. Nothing is removed but what this class makes. Under root the user of the database is not trusted: nothing is
// done by a link of that user.
//
// Which PostgreSQL: an existing cluster gets the version that created it, if Debian's packages have that version.
// Otherwise the one on the PATH is used; if there is none, the newest of Debian's packages, which are not on the PATH.
//
// The server listens on its unix socket only, in a directory that nobody else may enter (0700); whoever gets in is
// trusted. Nothing that was committed is lost, whatever is killed (unless `durable` is off and the machine goes down).
//
// Threads: one at a time, but url() and Running() may be called from any. Safe to create and destroy in any thread.
class EmbeddedPostgres {
 public:
  struct Options {
    // Created if absent. May be relative to the working directory.
    std::string data_dir;
    // False: nothing is flushed to disk. For tests, whose data need to survive the server but not the machine.
    bool durable = true;
    int max_connections = 100;
    // Gets one line for each slow step, such as creating the cluster. May be empty. Must not throw.
    std::function<void(const std::string&)> progress;
    // Further settings, as in postgresql.conf; they win over ours and over the file.
    std::vector<std::pair<std::string, std::string>> settings;
  };

  // Returns when the server answers and the database `poold` is there: on an existing cluster within about a quarter of
  // a second, for a new one in a second or two, after a crash when recovery is done. Ends what an earlier owner that
  // was killed may have left running. Throws std::runtime_error with a sentence that says what to do: DATA_DIR is in
  // use, PostgreSQL isn't installed, the server doesn't start (with the last lines of its log).
  explicit EmbeddedPostgres(Options options);
  // Stops the server: rolls back what is open, writes everything out. If that takes too long, kills it.
  ~EmbeddedPostgres();
  EmbeddedPostgres(const EmbeddedPostgres&) = delete;
  EmbeddedPostgres& operator=(const EmbeddedPostgres&) = delete;

  // A libpq connection string for the database `poold` as its superuser `poold`. The same after Restart().
  const std::string& url() const;
  // The same for another database of this server.
  std::string UrlOf(const std::string& database) const;
  // The cluster's real directory, absolute.
  const std::string& cluster_dir() const;
  // The server's process; meaningless when it isn't running.
  pid_t pid() const;
  // False when the server has ended, by whatever cause. It isn't started again by itself.
  bool Running() const;

  // For tests: ends the server as a crash would (SIGKILL), and returns when it is gone.
  void Kill();
  // For tests: stops the server if it runs, and starts it again. Throws as the constructor does.
  void Restart();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace poold::storage
