#include "server/transport/http_answer.h"

#include <chrono>
#include <ctime>
#include <utility>

#include "server/transport/json.h"

namespace poold {
namespace {

boost::beast::string_view AsHeaderValue(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

HttpAnswer MakeAnswer(HttpStatus status, const char* content_type, std::string body) {
  HttpAnswer answer(status, 11);
  answer.set(boost::beast::http::field::content_type, content_type);
  answer.body() = std::move(body);
  return answer;
}

HttpAnswer MakeRefusal(const Error& error, std::string_view request_id, HttpStatus status) {
  if (status == HttpStatus::unknown) status = static_cast<HttpStatus>(error.http_status());
  HttpAnswer answer = MakeAnswer(status, kAwsJsonType, ToAwsJson(error, request_id));
  answer.set("x-amzn-ErrorType", AsHeaderValue(error.exception()));
  SetRequestId(answer, request_id);
  return answer;
}

void SetRequestId(HttpAnswer& answer, std::string_view request_id) {
  answer.set("x-amzn-RequestId", AsHeaderValue(request_id));
}

std::string HttpDate(storage::Time time) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

}  // namespace poold
