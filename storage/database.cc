#include "storage/database.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <list>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "storage/session.h"

namespace poold {
namespace {

using Clock = std::chrono::steady_clock;
using Kind = StorageFailure::Kind;
using std::chrono::milliseconds;

// A transaction of ours waits for nothing but the database, so one that idles belongs to a process that is gone or
// frozen, and must give its locks back.
constexpr milliseconds kIdleInTransaction{5000};

// Between attempts of a body: a random pause up to kRetryBase * 2^attempt, so that those who collided don't meet again.
constexpr milliseconds kRetryBase{5};
constexpr milliseconds kRetryCap{200};

// Between attempts to connect to a database that is down: about a second at the most, so that the service is back about
// a second after its database.
constexpr milliseconds kConnectBase{50};
constexpr milliseconds kConnectCap{1000};

// Between questions about a commit that is still under way.
constexpr milliseconds kDoubtPause{20};

// COMMIT itself gets this much of Database::kCommitGrace; the rest is for looking up what became of it.
constexpr milliseconds kCommitItself{500};

constexpr Statement kLookUp{"look up commit", "SELECT pg_xact_status($1::xid8)"};

milliseconds Jitter(milliseconds least, milliseconds most) {
  thread_local std::minstd_rand random(std::random_device{}());
  return milliseconds(std::uniform_int_distribution<milliseconds::rep>(least.count(), most.count())(random));
}

milliseconds Doubled(milliseconds base, milliseconds cap, int times) {
  return std::min(cap, base * (std::int64_t{1} << std::clamp(times, 0, 20)));
}

// Far enough, and safe to add to.
Clock::time_point Sane(Clock::time_point deadline) {
  return std::min(deadline, Clock::now() + std::chrono::hours(24 * 365));
}

StorageFailure Exceeded(const Bounds& bounds, const std::string& where) {
  if (bounds.stop.stop_requested()) return {Kind::kCancelled, "cancelled " + where};
  return {Kind::kDeadline, "the deadline passed " + where};
}

bool Over(const Bounds& bounds) { return bounds.stop.stop_requested() || Clock::now() >= bounds.deadline; }

}  // namespace

class Database::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        parameters_(ConnectionParameters::Parse(options_.url, {.statement = options_.statement_backstop,
                                                               .lock = options_.statement_backstop / 2,
                                                               .idle_in_transaction = kIdleInTransaction,
                                                               .refuse_writes = true,
                                                               .pooled = !options_.prepare})),
        slots_(static_cast<std::size_t>(std::max(1, options_.connections))) {
    options_.max_tries = std::max(1, options_.max_tries);
    for (Slot& slot : slots_) free_.push_back(&slot);
    watch_ = std::jthread([this](const std::stop_token& stop) { Watch(stop); });
  }

  void Run(Mode mode, const Bounds& asked, const std::function<void(Transaction&)>& body, WorkLog* log);
  Stats stats() const;
  const Options& options() const { return options_; }

 private:
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

  enum class Outcome { kCommitted, kAborted, kUnknown };

  class Lease;

  Slot& Acquire(const Bounds& bounds);
  void Release(Slot& slot);
  ConnectionParameters Parameters() const;
  std::unique_ptr<Session> Connect(const Bounds& bounds);
  bool Pause(const Bounds& bounds, milliseconds pause);
  void CountRetry(const StorageFailure& failure);
  void Watch(const std::stop_token& stop);
  bool Reschedule(Slot& slot, Clock::time_point when, Kind cut_as);
  void CutLater(Slot& slot, Clock::time_point when);
  void CutAfterGrace(Slot& slot);
  std::optional<StorageFailure> Attempt(Lease& lease, Mode mode, const Bounds& bounds,
                                        const std::function<void(Transaction&)>& body);
  void Undo(Lease& lease);
  static void RunBody(Transaction& transaction, const Transaction::State& state,
                      const std::function<void(Transaction&)>& body);
  std::optional<StorageFailure> Commit(Lease& lease, Transaction::State& state, const Session::Begun& begun,
                                       const Bounds& bounds);
  Outcome LookUp(Lease& lease, const Session::Begun& begun, Clock::time_point until);

  struct Counters {
    std::atomic<std::uint64_t> reads{0}, writes{0}, rolled_back{0}, failures{0}, connects{0}, connect_failures{0},
        cuts{0}, retries_serialization{0}, retries_deadlock{0}, retries_connection{0}, retries_other{0},
        in_doubt_committed{0}, in_doubt_aborted{0}, in_doubt_unknown{0};
  };

  Options options_;
  const ConnectionParameters parameters_;
  Counters counters_;
  std::atomic<std::size_t> host_{0};  // of the last connection: where the next one is tried first

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
// one, instead of another old one that died with it. Ends with the session cut if it didn't end well.
class Database::Impl::Lease {
 public:
  Lease(Impl& impl, const Bounds& bounds, WorkLog* log)
      : impl_(impl), bounds_(bounds), listeners_{&impl.options_.observe, log}, slot_(impl.Acquire(bounds)) {
    Arm();
  }
  ~Lease() {
    on_stop_.reset();
    if (slot_.session) slot_.session->set_listeners({});
    impl_.Release(slot_);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // The connection, made anew if there is none that is any good.
  Session& Ready(const Bounds& bounds) {
    if (slot_.session && (slot_.session->broken() || !slot_.session->Idle())) Discard();
    if (!slot_.session) Connect(bounds);
    slot_.session->set_listeners(listeners_);
    impl_.CutLater(slot_, bounds.deadline);
    // Stopped before there was something to cut.
    if (bounds.stop.stop_requested()) CutOnStop{*this}();
    return *slot_.session;
  }

  Session& session() { return *slot_.session; }

  void Discard() { Install(nullptr); }

  // From now on only `when` cuts.
  void Committing(Clock::time_point when) {
    on_stop_.reset();
    impl_.CutLater(slot_, when);
  }

  // Back to the bounds of the call, for the next attempt.
  void Resume() {
    if (!on_stop_) Arm();
  }

 private:
  struct CutOnStop {
    Lease& lease;
    void operator()() const { lease.impl_.CutAfterGrace(lease.slot_); }
  };

  void Connect(const Bounds& bounds) {
    const auto began = Clock::now();
    try {
      Install(impl_.Connect(bounds));
    } catch (const StorageFailure&) {
      listeners_.Tell("connect", began, false, {});
      throw;
    }
    listeners_.Tell("connect", began, true, {});
  }

  void Arm() { on_stop_ = std::make_unique<std::stop_callback<CutOnStop>>(bounds_.stop, CutOnStop{*this}); }

  void Install(std::unique_ptr<Session> session) {
    {
      const std::lock_guard lock(impl_.mutex_);
      std::swap(session, slot_.session);
      slot_.cut_at = Clock::time_point::max();
    }
    // The old one is closed here, outside the lock.
  }

  Impl& impl_;
  const Bounds& bounds_;
  const Session::Listeners listeners_;
  Slot& slot_;
  std::unique_ptr<std::stop_callback<CutOnStop>> on_stop_;
};

// --- The pool
// ---------------------------------------------------------------------------------------------------------

Database::Impl::Slot& Database::Impl::Acquire(const Bounds& bounds) {
  std::unique_lock lock(mutex_);
  if (!free_.empty()) {  // then nobody waits
    Slot& slot = *free_.back();
    free_.pop_back();
    return slot;
  }
  Waiter self;
  waiting_.push_back(&self);
  self.given.wait_until(lock, bounds.stop, bounds.deadline, [&] { return self.slot != nullptr; });
  if (self.slot != nullptr) return *self.slot;
  waiting_.remove(&self);
  throw Exceeded(bounds, "while waiting for a connection");
}

void Database::Impl::Release(Slot& slot) {
  std::unique_ptr<Session> broken;
  const std::lock_guard lock(mutex_);
  slot.cut_at = Clock::time_point::max();
  if (slot.session && (slot.session->broken() || !slot.session->Idle())) broken = std::move(slot.session);
  if (waiting_.empty()) {
    free_.insert(slot.session ? free_.end() : free_.begin(), &slot);
    return;
  }
  Waiter& first = *waiting_.front();
  waiting_.pop_front();
  first.slot = &slot;
  first.given.notify_one();
}

// With the password as it is now.
ConnectionParameters Database::Impl::Parameters() const {
  ConnectionParameters parameters = parameters_;
  if (options_.password_file.empty()) return parameters;
  std::ifstream file(options_.password_file);
  std::string password;
  if (!std::getline(file, password)) {
    throw StorageFailure(Kind::kUnavailable, "cannot read a password from " + options_.password_file);
  }
  std::erase_if(parameters.values, [](const auto& value) { return value.first == "password"; });
  parameters.values.emplace_back("password", password);
  return parameters;
}

std::unique_ptr<Session> Database::Impl::Connect(const Bounds& bounds) {
  std::unique_lock lock(mutex_);
  // A database known to be down is tried once more, and that decides. One that was fine a moment ago gets more tries:
  // it may be restarting.
  const std::uint64_t give_up_at =
      gate_.failed_ever + static_cast<std::uint64_t>(gate_.failures >= options_.max_tries ? 1 : options_.max_tries);

  for (;;) {
    while (gate_.failures > 0 && (gate_.trying || Clock::now() < gate_.not_before)) {
      if (gate_.failed_ever >= give_up_at || Clock::now() >= bounds.deadline) {
        throw StorageFailure(Kind::kUnavailable, gate_.last_error);
      }
      if (bounds.stop.stop_requested()) throw Exceeded(bounds, "while waiting for the database to come back");
      const auto until = gate_.trying ? bounds.deadline : std::min(bounds.deadline, gate_.not_before);
      gate_moved_.wait_until(lock, bounds.stop, until, [&, failed = gate_.failed_ever, trying = gate_.trying] {
        return gate_.failures == 0 || gate_.failed_ever != failed || gate_.trying != trying;
      });
    }
    if (gate_.failed_ever >= give_up_at) throw StorageFailure(Kind::kUnavailable, gate_.last_error);

    const bool alone = gate_.failures > 0;
    const int failures = gate_.failures;
    if (alone) gate_.trying = true;
    lock.unlock();

    std::unique_ptr<Session> session;
    std::optional<StorageFailure> failure;
    const auto limit = Clock::now() + options_.connect_timeout;
    try {
      session = Session::Connect(Parameters(), options_.prepare, std::min(bounds.deadline, limit), bounds.stop, host_);
      host_ = session->host();
    } catch (const StorageFailure& caught) {
      failure = caught;
    }

    lock.lock();
    if (alone) gate_.trying = false;
    gate_moved_.notify_all();
    if (session) {
      gate_.failures = 0;
      ++counters_.connects;
      return session;
    }
    // A caller's own hurry says nothing about the database.
    if (failure->kind() == Kind::kCancelled) throw *failure;
    if (failure->kind() == Kind::kDeadline && bounds.deadline < limit) throw *failure;
    ++counters_.connect_failures;
    ++gate_.failed_ever;
    gate_.failures = std::max(gate_.failures, failures + 1);  // several at once are one failure
    const milliseconds pause = Doubled(kConnectBase, kConnectCap, gate_.failures - 1);
    gate_.not_before = Clock::now() + Jitter(pause / 2, pause);
    gate_.last_error = failure->what();
  }
}

// --- Deadlines
// --------------------------------------------------------------------------------------------------------

// libpq blocks until the server answers, so somebody else has to look at the clock. This thread sleeps until the
// earliest deadline that it knows of and is woken for an earlier one only. Deadlines mostly come in order, so it wakes
// about once per deadline's length, and not at all when nothing runs.
void Database::Impl::Watch(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "db-deadlines");
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = Clock::now();
    auto next = Clock::time_point::max();
    for (Slot& slot : slots_) {
      if (slot.cut_at <= now) {
        slot.cut_at = Clock::time_point::max();
        if (slot.session) {
          slot.session->Cut(slot.cut_as);
          ++counters_.cuts;
        }
      }
      next = std::min(next, slot.cut_at);
    }
    watch_next_ = next;
    const auto sooner = [this, next] { return watch_next_ < next; };
    if (next == Clock::time_point::max()) {
      watch_sooner_.wait(lock, stop, sooner);
    } else {
      watch_sooner_.wait_until(lock, stop, next, sooner);
    }
  }
}

// Under mutex_. True if Watch has to be woken, since it would look too late.
bool Database::Impl::Reschedule(Slot& slot, Clock::time_point when, Kind cut_as) {
  slot.cut_at = when;
  slot.cut_as = cut_as;
  if (when >= watch_next_) return false;
  watch_next_ = when;
  return true;
}

void Database::Impl::CutLater(Slot& slot, Clock::time_point when) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    wake = Reschedule(slot, when, Kind::kDeadline);
  }
  if (wake) watch_sooner_.notify_one();
}

void Database::Impl::CutAfterGrace(Slot& slot) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (!slot.session) return;
    const auto when = Clock::now() + options_.stop_grace;
    if (when >= slot.cut_at) return;
    if (options_.stop_grace.count() == 0) {
      slot.session->Cut(Kind::kCancelled);
      ++counters_.cuts;
      return;
    }
    wake = Reschedule(slot, when, Kind::kCancelled);
  }
  if (wake) watch_sooner_.notify_one();
}

// False when the pause would not end in time.
bool Database::Impl::Pause(const Bounds& bounds, milliseconds pause) {
  const auto until = Clock::now() + pause;
  if (until >= bounds.deadline) return false;
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_until(lock, bounds.stop, until, [] { return false; });
  return !bounds.stop.stop_requested();
}

// --- Transactions
// -----------------------------------------------------------------------------------------------------

namespace {

// One attempt for the log: with nothing said, an exception of the body ended it.
class AttemptInLog {
 public:
  explicit AttemptInLog(WorkLog* log) : log_(log) {
    if (log_ != nullptr) attempt_ = {Clock::now(), {}, WorkLog::Outcome::kRolledBack, log_->statements.size(), 0};
  }
  ~AttemptInLog() {
    if (log_ == nullptr) return;
    attempt_.ended = Clock::now();
    attempt_.end_statement = log_->statements.size();
    log_->attempts.push_back(attempt_);
  }
  void EndedAs(WorkLog::Outcome outcome) { attempt_.outcome = outcome; }

 private:
  WorkLog* const log_;
  WorkLog::Attempt attempt_;
};

}  // namespace

void Database::Impl::CountRetry(const StorageFailure& failure) {
  ++(failure.kind() != Kind::kContended ? counters_.retries_connection
     : failure.sqlstate() == "40001"    ? counters_.retries_serialization
     : failure.sqlstate() == "40P01"    ? counters_.retries_deadlock
                                        : counters_.retries_other);
}

void Database::Impl::Run(Mode mode, const Bounds& asked, const std::function<void(Transaction&)>& body, WorkLog* log) {
  const Bounds bounds{Sane(asked.deadline), asked.stop, Sane(std::max(asked.deadline, asked.commit_deadline)),
                      asked.once};
  try {
    if (Over(bounds)) throw Exceeded(bounds, "before anything was done");
    Lease lease(*this, bounds, log);
    for (int attempt = 1;; ++attempt) {
      std::optional<StorageFailure> failure;
      {
        AttemptInLog in_log(log);
        try {
          failure = Attempt(lease, mode, bounds, body);
        } catch (const StorageFailure&) {
          in_log.EndedAs(WorkLog::Outcome::kFailed);
          throw;
        }
        in_log.EndedAs(failure ? WorkLog::Outcome::kFailed : WorkLog::Outcome::kCommitted);
      }
      if (!failure) break;

      const bool contended = failure->kind() == Kind::kContended;
      if ((!contended && failure->kind() != Kind::kUnavailable) || bounds.once || attempt >= options_.max_tries ||
          !Pause(bounds, Jitter(milliseconds(0), Doubled(kRetryBase, kRetryCap, attempt)))) {
        if (bounds.stop.stop_requested()) throw Exceeded(bounds, std::string("after: ") + failure->what());
        throw *failure;
      }
      CountRetry(*failure);
      lease.Resume();
    }
  } catch (const StorageFailure&) {
    ++counters_.failures;
    throw;
  } catch (...) {
    ++counters_.rolled_back;
    throw;
  }
  ++(mode == Mode::kWrite ? counters_.writes : counters_.reads);
}

// Leaves nothing open behind. When the server doesn't answer to that either, the connection goes, and the server undoes
// the transaction when it sees that.
void Database::Impl::Undo(Lease& lease) {
  if (lease.session().broken() || lease.session().Idle()) return;
  try {
    lease.session().RunText("rollback", "ROLLBACK");
  } catch (const StorageFailure&) {
    lease.Discard();
  }
}

namespace {

// Nothing can be wrong with a BEGIN but the server: a standby says so in several ways, some of which look like bugs.
StorageFailure BeginFailed(const StorageFailure& failure) {
  if (failure.kind() == Kind::kDeadline || failure.kind() == Kind::kCancelled) return failure;
  return {Kind::kUnavailable, failure.what(), failure.sqlstate()};
}

}  // namespace

// The body, and what it put off but for what the commit can take along: that which cannot object to it. (The number of
// the transaction can: a commit of which it isn't known could not be looked up.)
void Database::Impl::RunBody(Transaction& transaction, const Transaction::State& state,
                             const std::function<void(Transaction&)>& body) {
  const std::size_t begin = state.waiting.size();
  try {
    body(transaction);
  } catch (...) {
    // What it put off would have been run before it threw, and might have ended it: see Transaction::Later.
    const bool only_begin = begin > 0 && state.waiting.size() == begin && state.waiting.front().name == "begin";
    if (!only_begin) {
      while (!state.failure && !state.waiting.empty()) transaction.RunWaiting();
    }
    throw;
  }
  const auto may_object = [](const Waiting& waiting) { return static_cast<bool>(waiting.then); };
  while (!state.failure && std::ranges::any_of(state.waiting, may_object)) transaction.RunWaiting();
}

// Nothing means success. Throws what ends the whole run: the body's own exceptions, and no connection.
std::optional<StorageFailure> Database::Impl::Attempt(Lease& lease, Mode mode, const Bounds& bounds,
                                                      const std::function<void(Transaction&)>& body) {
  Session& session = lease.Ready(bounds);
  const bool begins_later = mode == Mode::kWrite && session.CanBeginLater();
  const bool can_wait = mode == Mode::kRead ? session.can_wait() : begins_later;
  Transaction::State state{.session = session, .can_wait = can_wait, .waiting = {}, .failure = {}};
  Session::Begun begun;
  if (begins_later) {
    session.BeginLater(state.waiting, [&begun](const Rows& rows) { begun = Session::ReadBegun(rows); });
  } else if (mode == Mode::kWrite) {
    try {
      begun = session.Begin();
    } catch (const StorageFailure& failure) {
      lease.Discard();
      return BeginFailed(failure);
    }
  }

  Transaction transaction(state);
  try {
    RunBody(transaction, state, body);
    if (mode == Mode::kRead) transaction.RunWaiting();  // there is no commit to go with
  } catch (const StorageFailure&) {
    if (!state.failure) {  // not from this transaction: the body's own, after all
      Undo(lease);
      throw;
    }
  } catch (...) {
    Undo(lease);
    throw;
  }

  if (state.failure) {  // thrown just now, or swallowed by the body: it can't be committed either way
    if (begins_later && begun.xid.empty()) {
      lease.Discard();
      return BeginFailed(*state.failure);
    }
    Undo(lease);
    if (mode == Mode::kRead && state.failure->sqlstate() == "25006") {
      return StorageFailure(Kind::kBug, state.failure->what(), state.failure->sqlstate());
    }
    return state.failure;
  }
  if (mode == Mode::kRead) {
    if (session.Idle() || session.broken()) return std::nullopt;
    Undo(lease);
    return StorageFailure(Kind::kBug, "a read body left a transaction open");
  }
  if (!session.InTransaction() && !session.broken()) {
    lease.Discard();
    return StorageFailure(Kind::kBug, "the body ended its transaction by itself");
  }
  if (Over(bounds)) {
    Undo(lease);
    return Exceeded(bounds, "before the commit");
  }
  return Commit(lease, state, begun, bounds);
}

// Together with what still waits.
std::optional<StorageFailure> Database::Impl::Commit(Lease& lease, Transaction::State& state,
                                                     const Session::Begun& begun, const Bounds& bounds) {
  Session& session = lease.session();
  // From then on stopping is no use any more.
  const auto committing = [&] { lease.Committing(bounds.commit_deadline + kCommitItself); };
  if (state.waiting.empty()) committing();
  if (session.broken()) return Exceeded(bounds, "before the commit");  // cut a moment ago: the COMMIT wasn't sent
  state.waiting.push_back({.name = "commit", .sql = "COMMIT", .params = {}, .then = {}, .prepared = false});
  const Session::Together together = session.RunTogether(state.waiting, committing);
  std::string lost;
  if (!together.failure) {
    // With a warning: it is done here, but the wait for the standbys was called off (by statement_timeout, or by
    // somebody's pg_cancel_backend). If one of them took over now, it would never have been.
    if (!session.warned()) return std::nullopt;
    lost = "commit: not confirmed by a standby";
  } else {
    // An answer that says no, to a deferred constraint for instance, undid the transaction; one to a statement before
    // the COMMIT kept that from being run.
    if (!session.broken() && together.failure->kind() != Kind::kUnavailable) {
      Undo(lease);
      return together.failure;
    }
    lost = together.failure->what();
  }
  committing();

  switch (LookUp(lease, begun, bounds.commit_deadline + kCommitGrace)) {
    case Outcome::kCommitted:
      ++counters_.in_doubt_committed;
      return std::nullopt;
    case Outcome::kAborted:
      ++counters_.in_doubt_aborted;
      if (Over(bounds)) return Exceeded(bounds, "during the commit, which did not happen");
      return StorageFailure(Kind::kUnavailable, "not committed: " + lost);
    case Outcome::kUnknown:
      break;
  }
  ++counters_.in_doubt_unknown;
  // Not to be tried again: it may have happened.
  throw OutcomeUnknown(lost);
}

// What became of a transaction whose COMMIT went unanswered, asked on a new connection until it is known or `until`.
//
// After a failover the new server may not have our transaction: it was lost with the old one. Either our xid lies in
// its future (SQLSTATE 22023), then the transaction is not in the database, so aborted; or the new server has given the
// number to a transaction of its own. `aborted` and `in progress` then still mean that ours is not in the database:
// had it been replicated, the number would be taken and committed. Only `committed` may speak of a stranger, so it
// counts in the same history only. After a crash it is the same: the numbers of transactions that had not reached the
// disk are given out again, to our own look-ups for instance. Elsewhere the truth is not to be had from the xid:
// unknown.
//
// A server process that is ended while its commit waits for a standby leaves the transaction committed, but on this
// server alone. So `committed` counts when a commit of our own after it has been answered.
//
// All of that holds behind a pooler, too: each question is asked inside a transaction, so of one server, which tells
// its history with it.
Database::Impl::Outcome Database::Impl::LookUp(Lease& lease, const Session::Begun& begun, Clock::time_point until) {
  const Bounds bounds{until, {}};
  for (;;) {
    try {
      lease.Discard();
      Session& session = lease.Ready(bounds);
      // Throws on a standby: it may not know yet.
      const bool same_history = session.Begin().history == begun.history;
      for (;;) {
        std::optional<std::string> status;
        try {
          session.Run(kLookUp, Params(begun.xid))[0].Read(status);
        } catch (const StorageFailure& failure) {
          if (failure.sqlstate() == "22023") return Outcome::kAborted;
          throw;
        }
        if (!status) return Outcome::kUnknown;  // too long ago for the server to know: cannot be after seconds
        if (*status == "committed") {
          if (!same_history) return Outcome::kUnknown;
          session.Run(kFollowCommits, Params());
          session.RunText("commit", "COMMIT");
          if (!session.warned()) return Outcome::kCommitted;
          throw StorageFailure(Kind::kUnavailable, "not confirmed by a standby");
        }
        if (*status == "aborted" || !same_history) return Outcome::kAborted;
        // In progress: the old server process hasn't read the COMMIT yet, or hasn't noticed that we are gone.
        if (!Pause(bounds, Jitter(kDoubtPause / 2, kDoubtPause))) return Outcome::kUnknown;
      }
    } catch (const StorageFailure&) {
      if (!Pause(bounds, Jitter(kDoubtPause / 2, kDoubtPause))) return Outcome::kUnknown;
    }
  }
}

Database::Stats Database::Impl::stats() const {
  Stats stats;
  {
    const std::lock_guard lock(mutex_);
    for (const Slot& slot : slots_) stats.open += slot.session ? 1 : 0;
    stats.in_use = static_cast<int>(slots_.size() - free_.size());
    stats.waiting = static_cast<int>(waiting_.size());
  }
  stats.reads = counters_.reads;
  stats.writes = counters_.writes;
  stats.failures = counters_.failures;
  stats.connects = counters_.connects;
  stats.connect_failures = counters_.connect_failures;
  stats.cuts = counters_.cuts;
  stats.rolled_back = counters_.rolled_back;
  stats.retries_serialization = counters_.retries_serialization;
  stats.retries_deadlock = counters_.retries_deadlock;
  stats.retries_connection = counters_.retries_connection;
  stats.retries_other = counters_.retries_other;
  stats.in_doubt_committed = counters_.in_doubt_committed;
  stats.in_doubt_aborted = counters_.in_doubt_aborted;
  stats.in_doubt_unknown = counters_.in_doubt_unknown;
  return stats;
}

Database::Database(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Database::~Database() = default;

void Database::Run(Mode mode, const Bounds& bounds, const std::function<void(Transaction&)>& body, WorkLog* log) {
  impl_->Run(mode, bounds, body, log);
}

int Database::connections() const { return std::max(1, impl_->options().connections); }

Database::Stats Database::stats() const { return impl_->stats(); }

}  // namespace poold
