#include "server/transport/http_call.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "server/transport/json.h"

namespace poold {

namespace net = boost::asio;

HttpCall::HttpCall(const Service& service, const Method& method, const HttpRequest& request,
                   const ClientCertificate& certificate, const net::any_io_executor& connection)
    : Messages(method),
      Call(service, method, *Messages::request, *Messages::response),
      request_(request),
      certificate_(certificate),
      finished_(connection, net::steady_timer::time_point::max()) {}

std::vector<std::string_view> HttpCall::HeaderValues(std::string_view name) const {
  return poold::HeaderValues(request_, name);
}

void HttpCall::Read() {
  // The paths of service Dev can be posted to without a body.
  const bool may_be_empty = method().policy.extension();
  FromAwsJson(request_.body.empty() && may_be_empty ? "{}" : request_.body, *Messages::request);
}

void HttpCall::Finish(const Error* error) {
  answer_ = error != nullptr ? MakeRefusal(*error, request_id())
                             : MakeAnswer(HttpStatus::ok, kAwsJsonType, ToAwsJson(*Messages::response));
  SetRequestId(answer_, request_id());
  net::post(finished_.get_executor(), [this] {
    has_finished_ = true;
    finished_.cancel();
  });
}

net::awaitable<HttpAnswer> HttpCall::Wait() {
  while (!has_finished_) co_await finished_.async_wait(net::as_tuple(net::use_awaitable));
  co_return std::move(answer_);
}

}  // namespace poold
