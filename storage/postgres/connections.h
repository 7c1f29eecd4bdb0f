#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "storage/postgres/bounds.h"
#include "storage/postgres/failure.h"
#include "storage/postgres/options.h"
#include "storage/postgres/session.h"
#include "storage/values/stats.h"
#include "storage/values/work_log.h"

namespace poold::storage {

// Private to storage/: the connections of a Database. At most so many; each is opened when it is first needed, lent to
// one run at a time, and cut when that one's time is over. Thread-safe; leases must end first.
class Connections {
 public:
  class Lease;

  // The options must outlive it, and ask for at least one connection and one try. Throws StorageFailure kBug for a url
  // that cannot be read.
  explicit Connections(const DatabaseOptions& options);

  // What is told of connections there.
  void AddTo(DatabaseStats& stats) const;

  // Whether the next attempt to connect can begin in time.
  bool MayConnectBefore(std::chrono::steady_clock::time_point deadline) const;

 private:
  using Clock = std::chrono::steady_clock;
  using Kind = StorageFailure::Kind;

  // A place for a connection.
  struct Slot {
    std::unique_ptr<Session> session;                     // set and read by the lease's thread; set under mutex_
    Clock::time_point cut_at = Clock::time_point::max();  // under mutex_: when Watch cuts the session ...
    Kind cut_as = Kind::kDeadline;                        // ... and what it then failed of
  };

  // A run that waits for a slot. They are handed on in the order of arrival: who has just given one back doesn't take
  // it again before those who wait.
  struct Waiter {
    Slot* slot = nullptr;  // given
    std::condition_variable_any given;
  };

  Slot& Acquire(const Bounds& bounds);
  void Release(Slot& slot);
  ConnectionParameters Parameters() const;
  std::unique_ptr<Session> Connect(const Bounds& bounds);
  void Watch(const std::stop_token& stop);
  bool Reschedule(Slot& slot, Clock::time_point when, Kind cut_as);
  void CutLater(Slot& slot, Clock::time_point when);
  void CutAfterGrace(Slot& slot);

  const DatabaseOptions& options_;
  const ConnectionParameters parameters_;
  std::atomic<std::size_t> host_{0};  // of the last connection: where the next one is tried first
  std::atomic<std::uint64_t> connects_{0}, connect_failures_{0}, cuts_{0};

  mutable std::mutex mutex_;
  std::vector<Slot> slots_;
  std::vector<Slot*> free_;  // those with a session behind those without; the last is taken first: the warmest
  std::list<Waiter*> waiting_;

  // How the last attempts to connect went; under mutex_. While the database is down, one at a time tries.
  struct {
    int failures = 0;  // in a row
    bool trying = false;
    Clock::time_point not_before;
    std::uint64_t failed_ever = 0;
    std::string last_error;
  } gate_;
  std::condition_variable_any gate_moved_;

  std::condition_variable_any watch_sooner_;
  Clock::time_point watch_next_ = Clock::time_point::max();  // when Watch will look by itself
  std::jthread watch_;                                       // last: ends before the rest goes
};

// A slot for the time of one Run, all its attempts included: after a lost connection the next attempt then has a new
// one, instead of another old one that died with it. Ends with the session cut if it didn't end well. One thread uses
// it.
class Connections::Lease {
 public:
  // Waits for a slot. Throws StorageFailure kDeadline or kCancelled. Bounds and log must outlive it.
  Lease(Connections& connections, const Bounds& bounds, WorkLog* log);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // The connection, made anew if there is none that is any good, and cut at this deadline; unless a commit is under
  // way, also a while (stop_grace) after the lease's own stop token was triggered. Throws StorageFailure when none is
  // to be had.
  Session& Ready(const Bounds& bounds);

  // The same again.
  Session& session() { return *slot_.session; }

  // Closes the connection; the next Ready makes a new one.
  void Discard() { Install(nullptr); }

  // From now on only `when` cuts.
  void Committing(Clock::time_point when);

  // Back to the bounds of the call, for the next attempt.
  void Resume();

 private:
  struct CutOnStop {
    Lease& lease;
    void operator()() const { lease.connections_.CutAfterGrace(lease.slot_); }
  };

  void Connect(const Bounds& bounds);
  void Arm();
  void Install(std::unique_ptr<Session> session);

  Connections& connections_;
  const Bounds& bounds_;
  const Session::Listeners listeners_;
  Slot& slot_;
  std::unique_ptr<std::stop_callback<CutOnStop>> on_stop_;
};

}  // namespace poold::storage
