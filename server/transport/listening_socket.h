#pragma once

#include <span>
#include <string>
#include <vector>

#include "server/base/unique_fd.h"

namespace poold {

// The sockets on which an endpoint listens. They do not block, are not inherited by child processes, and never share
// their port with another program.
class ListeningSocket {
 public:
  // `listen` is HOST:PORT; port 0 picks a free port. A name is listened on at each of its addresses; 0.0.0.0 and [::]
  // mean every address of the machine, of both families where there is IPv6. Throws std::runtime_error with a sentence
  // that names `setting` ("--grpc-listen") if the address cannot be had.
  ListeningSocket(const std::string& listen, const std::string& setting);

  // As `listen`, with the port that was picked: "127.0.0.1:50051".
  const std::string& address() const { return address_; }

  // One for each address; not empty until Close().
  std::span<const UniqueFd> sockets() const { return sockets_; }

  // Stops listening. Connections that nobody has accepted yet are reset.
  void Close() { sockets_.clear(); }

 private:
  std::vector<UniqueFd> sockets_;
  std::string address_;
};

}  // namespace poold
