#include "storage/postgres/commit_outcome.h"

#include <optional>

#include "storage/postgres/backoff.h"

namespace poold::storage {
namespace {

using Kind = CommitOutcome::Kind;
using std::chrono::milliseconds;

// Between questions about a commit that is still under way.
constexpr milliseconds kDoubtPause{20};

// With the standbys that the server waits for with each commit, if it does.
constexpr Statement kLookUp{
    "look up commit",
    "SELECT pg_xact_status($1::xid8), coalesce(current_setting('synchronous_standby_names', true), '')"};

// A history is the server's timeline and a time; see Session::Begun.
std::string TimelineOf(const std::string& history) { return history.substr(0, history.find(' ')); }

// Why a number that is committed may be a stranger's.
std::string Since(const std::string& before, const std::string& now) {
  return "its number is committed, but the server has " +
         std::string(TimelineOf(before) == TimelineOf(now) ? "crashed" : "been replaced by another one") +
         " since, so the number may be another transaction's";
}

std::string Names(const std::string& standbys) { return "(synchronous_standby_names: " + standbys + ")"; }

// Why a commit that this server has made may be lost all the same.
std::string OnlyHere(const std::string& standbys) {
  return standbys.empty() ? "it is committed, but a commit after it, which makes sure of it, was not confirmed"
                          : "it is committed on this server, but not confirmed by a standby " + Names(standbys);
}

// One question after the other, on one connection.
class Asking {
 public:
  Asking(Connections::Lease& lease, const Session::Begun& begun, const Bounds& bounds)
      : lease_(lease), begun_(begun), bounds_(bounds) {}

  // Throws StorageFailure when the connection is of no more use.
  CommitOutcome Ask() {
    lease_.Discard();
    Session& session = lease_.Ready(bounds_);
    // Throws on a standby: it may not know yet.
    const std::string history = session.Begin().history;
    for (;;) {
      std::optional<std::string> status;
      std::string standbys;
      try {
        session.Run(kLookUp, Params(begun_.xid))[0].Read(status, standbys);
      } catch (const StorageFailure& failure) {
        if (failure.sqlstate() == "22023") return {Kind::kAborted};
        throw;
      }
      if (!status) return {Kind::kUnknown, "its number is too old for the server to know"};  // not after seconds
      if (*status == "committed") {
        if (history != begun_.history) return {Kind::kUnknown, Since(begun_.history, history)};
        known_ = OnlyHere(standbys);
        session.Run(kFollowCommits, Params());
        session.RunText("commit", "COMMIT");
        if (!session.warned()) return {Kind::kCommitted};
        throw StorageFailure(StorageFailure::Kind::kUnavailable, session.warning());
      }
      if (*status == "aborted" || history != begun_.history) return {Kind::kAborted};
      // In progress: the old server process hasn't read the COMMIT yet, or hasn't noticed that we are gone.
      known_ = standbys.empty() ? "it is still in progress"
                                : "it is still in progress, and may be waiting for a standby " + Names(standbys);
      if (!Pause(bounds_, Jitter(kDoubtPause / 2, kDoubtPause))) return {Kind::kUnknown, known_};
    }
  }

  // What the last answer said; empty if there was none.
  const std::string& known() const { return known_; }

 private:
  Connections::Lease& lease_;
  const Session::Begun& begun_;
  const Bounds& bounds_;
  std::string known_;
};

}  // namespace

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
CommitOutcome LookUpCommit(Connections::Lease& lease, const Session::Begun& begun,
                           std::chrono::steady_clock::time_point until) {
  const Bounds bounds{until, {}};
  Asking asking(lease, begun, bounds);
  for (;;) {
    try {
      return asking.Ask();
    } catch (const StorageFailure& failure) {
      if (Pause(bounds, Jitter(kDoubtPause / 2, kDoubtPause))) continue;
      return {Kind::kUnknown, asking.known().empty()
                                  ? "the database could not be asked about it: " + std::string(failure.what())
                                  : asking.known()};
    }
  }
}

}  // namespace poold::storage
