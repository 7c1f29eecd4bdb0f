#include "storage/postgres/database.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "storage/postgres/backoff.h"
#include "storage/postgres/commit_outcome.h"
#include "storage/postgres/connections.h"
#include "storage/postgres/session.h"

namespace poold::storage {
namespace {

using Clock = std::chrono::steady_clock;
using Kind = StorageFailure::Kind;
using Lease = Connections::Lease;
using std::chrono::milliseconds;

// Between runs of a body: a random pause up to kRetryBase * 2^runs, so that those who collided don't meet again. With
// the cap a process makes four attempts a second at most, on average, for each of its connections: what it adds to the
// trouble of a database whose links break is bounded, however many callers there are.
constexpr milliseconds kRetryBase{5};
constexpr milliseconds kRetryCap{500};

// COMMIT itself gets this much of Database::kCommitGrace; the rest is for looking up what became of it.
constexpr milliseconds kCommitItself{500};

// Caps the deadline at one year, so that adding to it cannot overflow.
Clock::time_point Sane(Clock::time_point deadline) {
  return std::min(deadline, Clock::now() + std::chrono::hours(24 * 365));
}

// What there must be one of, however small the number that was given.
DatabaseOptions AtLeastOne(DatabaseOptions options) {
  options.connections = std::max(1, options.connections);
  options.max_tries = std::max(1, options.max_tries);
  return options;
}

}  // namespace

class Database::Impl {
 public:
  explicit Impl(DatabaseOptions options) : options_(AtLeastOne(std::move(options))), connections_(options_) {}

  void Run(Mode mode, const Bounds& asked, const std::function<void(Transaction&)>& body, WorkLog* log);
  DatabaseStats stats() const;
  const DatabaseOptions& options() const { return options_; }

 private:
  // What came of one attempt of a body.
  struct Tried {
    std::optional<StorageFailure> failure;  // nothing: it went well
    bool connected = true;                  // else the body was not run
  };
  // What was tried so far of one Run.
  struct Count {
    int runs = 0;
    int conflicts = 0;
  };

  Tried TryOnce(Lease& lease, Mode mode, const Bounds& bounds, const std::function<void(Transaction&)>& body,
                WorkLog* log);
  bool MayTryAgain(const Tried& tried, const Bounds& bounds, const Count& count) const;
  void CountRetry(const StorageFailure& failure);
  std::optional<StorageFailure> Attempt(Lease& lease, Mode mode, const Bounds& bounds,
                                        const std::function<void(Transaction&)>& body);
  void Undo(Lease& lease);
  static void RunBody(Transaction& transaction, const Transaction::State& state,
                      const std::function<void(Transaction&)>& body);
  std::optional<StorageFailure> Commit(Lease& lease, Transaction::State& state, const Session::Begun& begun,
                                       const Bounds& bounds);

  struct Counters {
    std::atomic<std::uint64_t> reads{0}, writes{0}, rolled_back{0}, failures{0}, retries_serialization{0},
        retries_deadlock{0}, retries_connection{0}, retries_other{0}, in_doubt_committed{0}, in_doubt_aborted{0},
        in_doubt_unknown{0};
  };

  const DatabaseOptions options_;
  Counters counters_;
  Connections connections_;
};

namespace {

// One attempt for the log: with nothing said, an exception of the body ended it.
class AttemptInLog {
 public:
  explicit AttemptInLog(WorkLog* log) : log_(log) {
    if (log_ == nullptr) return;
    attempt_ = {Clock::now(), {}, WorkLog::Outcome::kRolledBack, log_->statements.size(), 0};
    log_->statements.reserve(log_->statements.size() + kUsualStatements);
  }
  ~AttemptInLog() {
    if (log_ == nullptr) return;
    attempt_.ended = Clock::now();
    attempt_.end_statement = log_->statements.size();
    log_->attempts.push_back(attempt_);
  }
  void EndedAs(WorkLog::Outcome outcome) { attempt_.outcome = outcome; }

 private:
  static constexpr std::size_t kUsualStatements = 16;  // of a call that writes

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

// An exception of the body's own passes through, and so does an OutcomeUnknown.
Database::Impl::Tried Database::Impl::TryOnce(Lease& lease, Mode mode, const Bounds& bounds,
                                              const std::function<void(Transaction&)>& body, WorkLog* log) {
  AttemptInLog in_log(log);
  try {
    lease.Ready(bounds);
  } catch (const StorageFailure& failure) {
    in_log.EndedAs(WorkLog::Outcome::kFailed);
    return {failure, false};
  }
  try {
    Tried tried{Attempt(lease, mode, bounds, body)};
    in_log.EndedAs(tried.failure ? WorkLog::Outcome::kFailed : WorkLog::Outcome::kCommitted);
    return tried;
  } catch (const StorageFailure&) {
    in_log.EndedAs(WorkLog::Outcome::kFailed);
    throw;
  }
}

// Each attempt that failed so has left nothing behind.
bool Database::Impl::MayTryAgain(const Tried& tried, const Bounds& bounds, const Count& count) const {
  const bool until_deadline = bounds.tries == Tries::kUntilDeadline;
  if (!tried.connected) {  // Connections has tried several times
    return until_deadline && tried.failure->kind() == Kind::kUnavailable &&
           connections_.MayConnectBefore(bounds.deadline);
  }
  if (bounds.tries == Tries::kOne) return false;
  if (tried.failure->kind() == Kind::kContended) return count.conflicts < options_.max_tries;
  if (tried.failure->kind() != Kind::kUnavailable) return false;
  return count.runs < options_.max_tries || (until_deadline && IsLostLink(*tried.failure));
}

namespace {

// False if there is no time for another run afterwards, or if it was called off.
bool PauseAfter(int runs, const Bounds& bounds) {
  const auto left = std::chrono::floor<milliseconds>(bounds.deadline - Clock::now()) - kLeastForAnAttempt;
  if (left <= milliseconds(0)) return false;
  return Pause(bounds, Jitter(milliseconds(0), std::min(left, Doubled(kRetryBase, kRetryCap, runs))));
}

}  // namespace

void Database::Impl::Run(Mode mode, const Bounds& asked, const std::function<void(Transaction&)>& body, WorkLog* log) {
  const Bounds bounds{Sane(asked.deadline), asked.stop, Sane(std::max(asked.deadline, asked.commit_deadline)),
                      asked.tries};
  try {
    if (Over(bounds)) throw Exceeded(bounds, "before anything was done");
    std::optional<Lease> lease;
    Count count;
    for (;;) {
      if (!lease) lease.emplace(connections_, bounds, log);
      const Tried tried = TryOnce(*lease, mode, bounds, body, log);
      if (!tried.failure) break;

      count.runs += tried.connected ? 1 : 0;
      count.conflicts += tried.failure->kind() == Kind::kContended ? 1 : 0;
      const bool again = MayTryAgain(tried, bounds, count);
      // Others may need the connection more, or have one that is well.
      if (again && (!tried.connected || count.runs >= options_.max_tries)) lease.reset();
      if (!again || (tried.connected && !PauseAfter(count.runs, bounds))) {
        if (bounds.stop.stop_requested()) throw Exceeded(bounds, std::string("after: ") + tried.failure->what());
        throw *tried.failure;
      }
      if (tried.connected) CountRetry(*tried.failure);
      if (lease) lease->Resume();
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

// Runs the body, then the deferred statements whose answer may end the transaction. The others are sent with COMMIT.
// (The statement that asks for the transaction's number is one of the former: without the number, what became of a
// COMMIT could not be looked up.)
void Database::Impl::RunBody(Transaction& transaction, const Transaction::State& state,
                             const std::function<void(Transaction&)>& body) {
  const std::size_t begin = state.waiting.size();
  try {
    body(transaction);
  } catch (...) {
    // What it put off would have been run before it threw, and might have ended it: see Transaction::Later.
    const bool only_begin =
        begin > 0 && state.waiting.size() == begin && state.waiting.front().statement.name == "begin";
    if (!only_begin) {
      while (!state.failure && !state.waiting.empty()) transaction.RunWaiting();
    }
    throw;
  }
  const auto may_object = [](const Waiting& waiting) { return static_cast<bool>(waiting.then); };
  while (!state.failure && std::ranges::any_of(state.waiting, may_object)) transaction.RunWaiting();
}

// On a connection that is ready. Nothing means success. Throws what ends the whole run.
std::optional<StorageFailure> Database::Impl::Attempt(Lease& lease, Mode mode, const Bounds& bounds,
                                                      const std::function<void(Transaction&)>& body) {
  Session& session = lease.session();
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
  state.waiting.push_back({.statement = {"commit", "COMMIT"}, .prepared = false});
  const Session::Together together = session.RunTogether(state.waiting, committing);
  std::string lost;
  if (!together.failure) {
    // With a warning: it is done here, but the wait for the standbys was called off (by statement_timeout, or by
    // somebody's pg_cancel_backend). If one of them took over now, it would never have been.
    if (!session.warned()) return std::nullopt;
    lost = "commit: the server answered with a warning: " + session.warning();
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

  const CommitOutcome outcome = LookUpCommit(lease, begun, bounds.commit_deadline + kCommitGrace);
  switch (outcome.kind) {
    case CommitOutcome::Kind::kCommitted:
      ++counters_.in_doubt_committed;
      return std::nullopt;
    case CommitOutcome::Kind::kAborted:
      ++counters_.in_doubt_aborted;
      if (Over(bounds)) return Exceeded(bounds, "during the commit, which did not happen");
      return StorageFailure(Kind::kUnavailable, "not committed: " + lost,
                            together.failure ? together.failure->sqlstate() : "");
    case CommitOutcome::Kind::kUnknown:
      break;
  }
  ++counters_.in_doubt_unknown;
  // Not to be tried again: it may have happened.
  throw OutcomeUnknown(lost + "; " + outcome.known);
}

DatabaseStats Database::Impl::stats() const {
  DatabaseStats stats;
  connections_.AddTo(stats);
  stats.reads = counters_.reads;
  stats.writes = counters_.writes;
  stats.failures = counters_.failures;
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

Database::Database(DatabaseOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Database::~Database() = default;

void Database::Run(Mode mode, const Bounds& bounds, const std::function<void(Transaction&)>& body, WorkLog* log) {
  impl_->Run(mode, bounds, body, log);
}

int Database::connections() const { return impl_->options().connections; }

DatabaseStats Database::stats() const { return impl_->stats(); }

}  // namespace poold::storage
