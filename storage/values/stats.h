#pragma once

#include <cstdint>

namespace poold::storage {

// What a Database does at this moment (the first three), and what it has done since its construction. Read one by one:
// not a snapshot.
struct DatabaseStats {
  int open = 0;     // connections
  int in_use = 0;   // connections at work
  int waiting = 0;  // runs that wait for one

  std::uint64_t reads = 0;        // kRead runs that ended well
  std::uint64_t writes = 0;       // kWrite runs that ended well, so committed
  std::uint64_t rolled_back = 0;  // runs that ended in an exception of the body's own
  std::uint64_t failures = 0;     // runs that ended in a StorageFailure

  std::uint64_t connects = 0;
  std::uint64_t connect_failures = 0;
  std::uint64_t cuts = 0;  // connections cut off at a deadline or by a stop token

  std::uint64_t retries_serialization = 0;  // further attempts, by what ended the one before
  std::uint64_t retries_deadlock = 0;
  std::uint64_t retries_connection = 0;
  std::uint64_t retries_other = 0;  // a lock not to be had in time, a duplicate key

  std::uint64_t in_doubt_committed = 0;  // commits whose answer was lost, by what the look-up said
  std::uint64_t in_doubt_aborted = 0;
  std::uint64_t in_doubt_unknown = 0;

  // Those after a conflict with others.
  std::uint64_t retries_contended() const { return retries_serialization + retries_deadlock + retries_other; }
};

}  // namespace poold::storage
