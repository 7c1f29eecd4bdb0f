#pragma once

// The calls of the benchmark over the data that tests/bench/data.sql makes: which resources there are, what a call of
// an operation asks for, and what its answer must contain.

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/bench/driver/http2.h"

namespace poold::bench {

// As in tests/bench/data.sql.
struct DataSet {
  std::int64_t accounts = 100;
  std::int64_t pools = 1000;        // of an account
  std::int64_t sender_ids = 100;    // of an account
  std::int64_t members = 100;       // of each pool that `members` asks for ...
  std::int64_t member_step = 1000;  // ... which is every so manieth
};

// What a call was about. As numbers, for they are what differs.
struct Choice {
  std::string account;
  std::int64_t pool = 0;
  std::int64_t sender_id = 0;
  std::int64_t phone_number = 0;
  std::string token;
};

class Workload {
 public:
  struct Options {
    std::string operation;  // one of Operations()
    DataSet data;
    std::string keys_file;          // a line "ACCOUNT KEY" for each account; empty: callers name their account
    std::string expect;             // instead of what the operation's answer must contain
    std::string refused;            // each call must be refused with this exception
    std::int64_t first_number = 0;  // the first phone number to associate; each is used once
    bool one_account = false;       // every call is the first account's
    std::uint64_t seed = 1;
  };

  static std::vector<std::string> Operations();

  // Throws std::invalid_argument for an unknown operation.
  explicit Workload(Options options);

  // The next call, of random resources.
  std::unique_ptr<Call> Next();

  // Of the last call.
  const Choice& choice() const { return choice_; }

 private:
  void Describe(Call& call);
  void Members(Call& call);
  void Page(Call& call);
  void Create(Call& call);
  void Associate(Call& call);
  void Update(Call& call);
  void Invalid(Call& call);

  // Below `end`.
  std::int64_t Random(std::int64_t end);
  void ChooseAccount(std::int64_t account);

  const Options options_;
  std::function<void(Call&)> fill_;
  std::mt19937_64 random_;
  std::vector<std::string> callers_;  // what each account's calls say of themselves
  std::int64_t account_ = 0;
  std::int64_t calls_ = 0;
  Choice choice_;
};

// Whether a call went well, with the answer that it must have.
bool IsRight(const Call& call);

}  // namespace poold::bench
