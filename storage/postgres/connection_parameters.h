#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

// Private to storage/: how its connections are made.
namespace poold::storage {

// Where to connect and how, ready for libpq. What the url sets wins over our defaults, which are: UTF-8, keepalives
// that notice a dead peer within half a minute, target_session_attrs=primary when there are several hosts, and in
// `options`
//   statement_timeout                    the backstop below; lock_timeout half of it
//   idle_in_transaction_session_timeout  5 s: a transaction of ours waits for nothing but the database
//   client_connection_check_interval     250 ms: a statement whose caller hung up ends soon (see Session::Cut)
//   default_transaction_read_only        on: outside an explicit READ WRITE transaction the server refuses writes, free
//                                        of charge. Left out when the url asks for target_session_attrs=read-write, for
//                                        which libpq takes a host with this default for a read-only one
//   plan_cache_mode              force_generic_plan: our statements are look-ups by index, whose plans don't depend on
//                                values, and planning one with unnest() anew each time takes longer than running it
//   enable_seqscan               off: such a plan lasts as long as the connection, so it must not be made for a table
//                                that is nearly empty today
//   jit                          off: for a plan that doesn't know its LIMIT it takes longer than the statement
//   TimeZone=UTC, DateStyle=ISO          these win over the url, since reading times depends on them
// Set as start-up options they cost no round trip and survive RESET.
//
// A pooler that mixes transactions of clients would refuse `options`, or drop them. Behind one (Limits::pooled) none
// are sent but the url's own, and every BEGIN sets the four limits for its transaction, in the same round trip.
// Statements outside of a transaction, those of reads, are bounded by the deadline, and in the server by what its role
// is set to.
struct ConnectionParameters {
  struct Limits {
    std::chrono::milliseconds statement{0};  // 0 is none
    std::chrono::milliseconds lock{0};
    std::chrono::milliseconds idle_in_transaction{0};
    bool refuse_writes = false;
    bool pooled = false;
  };

  // Throws StorageFailure kBug for a url that cannot be read. The message doesn't quote it: it may hold a password.
  static ConnectionParameters Parse(const std::string& url, const Limits& limits);

  // The same for each of its hosts alone. libpq would try one after the other by itself, but with no limit of time for
  // one when it is asked not to block: a host that is switched off would keep it from ever asking the next.
  std::vector<ConnectionParameters> Hosts() const;

  std::vector<std::pair<std::string, std::string>> values;
  std::string begin_settings;  // SQL for the beginning of a transaction, maybe empty
};

}  // namespace poold::storage
