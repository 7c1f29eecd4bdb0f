#pragma once

#include <functional>

#include "server/base/unique_fd.h"

namespace grpc {
class ServerBuilder;
}

namespace poold {

// Lets a server that is yet to be built take connections that somebody else has accepted, instead of listening itself.
// The function that is returned gives it one: a connected socket that does not block. Any thread may call it; before
// the server has started and after its shutdown it closes the socket.
std::function<void(UniqueFd)> AcceptOutside(grpc::ServerBuilder& builder);

}  // namespace poold
