#include "server/transport/grpc_acceptor.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <utility>

namespace poold {
namespace {

// From a connection's begin to the client's first frames.
constexpr int kMillisecondsOfPreface = 10'000;

}  // namespace

std::function<void(UniqueFd)> AcceptOutside(grpc::ServerBuilder& builder) {
  using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  // Whatever TLS there is has been dealt with.
  std::shared_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor =
      builder.experimental().AddExternalConnectionAcceptor(Type::FROM_FD, grpc::InsecureServerCredentials());
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kMillisecondsOfPreface);
  return [acceptor = std::move(acceptor)](UniqueFd socket) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.fd = socket.Release();
    acceptor->HandleNewConnection(&connection);
  };
}

}  // namespace poold
