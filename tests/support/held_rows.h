#pragma once

#include <functional>
#include <pqxx/pqxx>
#include <string>

#include "tests/support/given.h"

namespace poold {

// Rows of a server's database that the test holds locked, so that calls that need them wait. One thread.
class HeldRows {
 public:
  // `select`: such as "SELECT FROM pools WHERE pool_id = 'x'"; what it finds is locked until Release, with `lock` or
  // against everything.
  HeldRows(const std::string& database_url, const std::string& select, const std::string& lock = "FOR UPDATE")
      : holder_(database_url), held_(holder_), watcher_(database_url) {
    if (held_.exec(select + " " + lock).empty()) throw std::runtime_error("found nothing to hold: " + select);
  }

  void Release() { held_.abort(); }

  // Statements that wait for these rows at this moment, or for one that does.
  int Waiting() {
    pqxx::nontransaction look(watcher_);
    return look
        .exec_params1(
            "WITH RECURSIVE waiting (pid) AS ("
            "  SELECT $1::integer"
            "  UNION SELECT activity.pid FROM pg_stat_activity AS activity"
            "    JOIN waiting ON waiting.pid = ANY(pg_blocking_pids(activity.pid)))"
            " SELECT count(*) - 1 FROM waiting",
            holder_.backendpid())
        .at(0)
        .as<int>();
  }

  // True as soon as exactly that many wait; false if it doesn't come to that within ten seconds.
  bool EventuallyWaiting(int count) {
    return Eventually([&] { return Waiting() == count; });
  }

 private:
  pqxx::connection holder_;
  pqxx::work held_;
  pqxx::connection watcher_;
};

}  // namespace poold
