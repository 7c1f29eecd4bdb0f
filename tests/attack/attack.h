#pragma once

// What an attack is: some connections, each with a peer that decides what it sends.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace poold {

// The attacker's end of one connection. One thread.
class AttackPeer {
 public:
  virtual ~AttackPeer() = default;

  // The bytes to send next. Empty: nothing for now; it is asked again some milliseconds later.
  virtual std::string Next() = 0;
  // What the server sent.
  virtual void Receive(std::string_view bytes) { (void)bytes; }
};

enum class AttackedEndpoint { kGrpc, kHttp };

// Connections that do the same. Whoever is cut connects again at once.
struct AttackGroup {
  AttackedEndpoint endpoint;
  int connections;
  std::function<std::unique_ptr<AttackPeer>()> make_peer;
  bool reads = true;  // false: what the server sends stays unread
};

struct Attack {
  std::string name;  // a word or two, for the table and the command line: "rapid resets"
  std::vector<AttackGroup> groups;
  int open_files = 0;  // the server's limit (ulimit -n); 0: that of the machine
};

// All of them, in the order of the table in docs/security.md.
std::vector<Attack> AllAttacks();
// The one of that name. Throws std::invalid_argument if there is none.
Attack AttackNamed(std::string_view name);

}  // namespace poold
