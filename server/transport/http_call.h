#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/world.h"
#include "server/rpc/call.h"
#include "server/rpc/http_request.h"
#include "server/rpc/method.h"
#include "server/transport/client_certificate.h"
#include "server/transport/http_answer.h"

namespace poold {

// One call over HTTP. Lives in the coroutine of its connection, which waits for it.
class HttpCall final : private Messages, public Call {
 public:
  // `request` and `certificate` (of the connection's client) must outlive the call. `connection`: the executor of
  // the connection.
  HttpCall(const Service& service, const Method& method, const HttpRequest& request,
           const ClientCertificate& certificate, const boost::asio::any_io_executor& connection);

  std::vector<std::string_view> HeaderValues(std::string_view name) const override;
  void Read() override;
  std::size_t RequestBytes() const override { return request_.body.size(); }
  const HttpRequest* http_request() const override { return &request_; }
  std::vector<std::string> CertificateNames() const override { return certificate_.NamesAt(world().Now()); }

  // On a worker's thread, or during Pipeline::Start. Afterwards the call belongs to its connection again.
  void Finish(const Error* error) override;

  // Waits for Finish. On the connection's executor only.
  boost::asio::awaitable<HttpAnswer> Wait();

 private:
  const HttpRequest& request_;
  const ClientCertificate& certificate_;
  HttpAnswer answer_;
  boost::asio::steady_timer finished_;
  bool has_finished_ = false;
};

}  // namespace poold
