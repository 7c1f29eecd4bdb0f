#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "storage/postgres/transaction.h"

// Private to storage/: statements that go to the server together and come back together, by libpq's pipeline mode.
struct pg_conn;    // libpq's PGconn
struct pg_result;  // libpq's PGresult

namespace poold::storage {

// The statements that one connection has prepared.
class PreparedStatements {
 public:
  struct Entry {
    std::string name;
    enum class State { kNew, kSent, kKnown } state = State::kNew;  // to the server
    bool ran = false;                                              // well, at least once
  };

  // The statement's entry, made if there is room (256 texts, half of them composed ones); else nullptr: it is to be
  // sent as text each time. Stays valid.
  Entry* Of(const Statement& statement);

 private:
  std::map<std::string, Entry, std::less<>> entries_;  // by SQL
};

// One of the statements of a round trip. Views of what the caller keeps.
struct Step {
  Statement statement;
  const Params& params;
  PreparedStatements::Entry* prepared = nullptr;  // nullptr: as text
  // The answers of those before it are wanted as soon as they are there, and not only when all are.
  bool after_answers = false;
};

struct ClearPgResult {
  void operator()(pg_result* result) const;
};
using PgResult = std::unique_ptr<pg_result, ClearPgResult>;

// Whether it is what a statement that succeeded is answered.
bool IsGood(const PgResult& result);

// What became of the steps of a round trip.
enum class RoundTripEnd {
  kAnswered,  // each was answered well
  kFailed,    // the server refused one and ran none of those after it
  kLost       // the connection went, or is in disorder: it can only be closed
};

// Sends the steps at once, and passes on the answers, in order, until one says no: that is the last. Blocks until the
// server has answered everything or the socket is shut down. On a connection that neither runs anything nor is in
// pipeline mode, which is how it is left unless it is lost.
RoundTripEnd SendTogether(pg_conn* connection, std::span<const Step> steps,
                          const std::function<void(std::size_t step, PgResult answer)>& answered);

}  // namespace poold::storage
