#include "server/transport/http_head.h"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <cctype>
#include <string>
#include <utility>

#include "server/base/limits.h"

namespace poold {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

HttpRefusal Malformed(const std::string& message, HttpStatus status = HttpStatus::bad_request) {
  return {Error::FrontEnd(Fault::kSerialization, message), status};
}

}  // namespace

void SetLimits(HttpParser& parser) {
  parser.header_limit(kHttpHeaderBytes);
  parser.body_limit(limits::kRequestBytes);
}

HttpRequest TakeHead(HttpParser& parser) {
  auto& fields = parser.get();
  HttpRequest request;
  request.method = std::string(fields.method_string());
  request.target = std::string(fields.target());
  for (const auto& field : fields) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  fields.clear();
  return request;
}

bool HasTrailers(const HttpParser& parser) { return parser.get().begin() != parser.get().end(); }

std::optional<HttpRefusal> RefusalOfFraming(const HttpParser& parser) {
  const auto& request = parser.get();
  const auto coding = request.equal_range(http::field::transfer_encoding);
  for (auto field = coding.first; field != coding.second; ++field) {
    if (field != coding.first || !beast::iequals(field->value(), "chunked")) {
      return Malformed("Transfer-Encoding must be chunked, or be left out");
    }
  }
  if (request.version() < 11) return std::nullopt;
  if (request.count(http::field::host) != 1) return Malformed("There must be one Host header");
  const auto expectation = request.find(http::field::expect);
  if (expectation != request.end() && !beast::iequals(expectation->value(), "100-continue")) {
    return Malformed("Expect must be 100-continue, or be left out", HttpStatus::expectation_failed);
  }
  return std::nullopt;
}

bool ExpectsToContinue(const HttpParser& parser) {
  const auto& request = parser.get();
  return request.version() >= 11 && request.count(http::field::expect) > 0;
}

std::optional<HttpRefusal> RefusalOfBytes(boost::system::error_code problem) {
  if (problem.category() != http::make_error_code(http::error::end_of_stream).category() ||
      problem == http::error::end_of_stream || problem == http::error::partial_message) {
    return std::nullopt;
  }
  if (problem == http::error::body_limit) {
    return Malformed("The request body may have at most " + std::to_string(limits::kRequestBytes) + " bytes",
                     HttpStatus::payload_too_large);
  }
  if (problem == http::error::header_limit) {
    return Malformed("The request's headers may have at most " + std::to_string(kHttpHeaderBytes) + " bytes",
                     HttpStatus::request_header_fields_too_large);
  }
  return Malformed("The request is not HTTP/1.1: " + problem.message());
}

}  // namespace poold
