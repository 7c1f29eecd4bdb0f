#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "server/base/settings.h"
#include "server/pipeline/pipeline.h"
#include "server/rpc/call.h"
#include "server/transport/connection_counts.h"
#include "server/transport/http_body_room.h"

namespace poold {

// What the connections of the AWS JSON endpoint share. All of it outlives them.
struct HttpEndpoint {
  const HttpSettings& settings;
  const Service& service;
  Pipeline& pipeline;
  BodyRoom& room;
};

// One connection of the AWS JSON endpoint: a request after the other, each answered before the next is read. What can
// be refused by the headers alone is refused before the body is read.
class ServedConnection {
 public:
  virtual ~ServedConnection() = default;

  // Serves it to its end. Once, on the socket's executor. The connection must live until then.
  virtual boost::asio::awaitable<void> Run() = 0;

  // Ends it as soon as it is not in the middle of a request. Any thread.
  virtual void Stop() = 0;
  // Cuts its call short. Any thread.
  virtual void Cancel() = 0;
};

// `place`: kept until the connection is gone.
std::shared_ptr<ServedConnection> ServePlain(const HttpEndpoint& endpoint, boost::asio::ip::tcp::socket socket,
                                             ConnectionCounts::Ticket place);
std::shared_ptr<ServedConnection> ServeTls(const HttpEndpoint& endpoint, boost::asio::ip::tcp::socket socket,
                                           ConnectionCounts::Ticket place, boost::asio::ssl::context& context);

}  // namespace poold
