#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace poold::storage {

// What Database::Run did for a call, and when: for whoever accounts for the call's time. Several runs may write one
// log, one after the other. Used by one thread at a time.
struct WorkLog {
  using Clock = std::chrono::steady_clock;

  // A statement by its name, or "connect", "begin", "commit", "rollback" and the like. Never its values. Those that
  // went together in one round trip began at the same moment; the server sends their answers together.
  struct Statement {
    std::string_view name;  // constant text
    Clock::time_point began;
    Clock::time_point ended;
    bool ok;
    std::string sqlstate;  // of one that failed, if the server said one
  };

  enum class Outcome {
    kCommitted,   // or, of one that only read, ended well
    kRolledBack,  // by an exception of the body: a refusal, for instance
    kFailed       // by the database; perhaps there is another attempt
  };

  // One attempt of a body. Its statements are [first_statement, end_statement) below.
  struct Attempt {
    Clock::time_point began;
    Clock::time_point ended;
    Outcome outcome;
    std::size_t first_statement;
    std::size_t end_statement;
  };

  static constexpr std::size_t kMostStatements = 256;  // of a log; what follows is only counted

  std::vector<Attempt> attempts;
  std::vector<Statement> statements;
  std::size_t statements_left_out = 0;

  void Add(Statement statement) {
    if (statements.size() < kMostStatements) {
      statements.push_back(std::move(statement));
    } else {
      ++statements_left_out;
    }
  }
};

}  // namespace poold::storage
