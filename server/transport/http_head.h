#pragma once

// What the bytes before a request's body say, and what is wrong with them. Pure functions, any thread.

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <optional>

#include "server/rpc/http_request.h"
#include "server/transport/http_routes.h"

namespace poold {

using HttpParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// Bytes of a request's headers; a session token alone may have some KiB.
inline constexpr std::uint32_t kHttpHeaderBytes = 32 << 10;

// The parser of a request with these limits: of its headers, and limits::kRequestBytes of its body.
void SetLimits(HttpParser& parser);

// Takes the request without its body out of the parser, when the headers are complete: the last of these functions that
// finds any there. Taken later it could have trailers among them, which come after the body, and past a proxy that has
// judged the headers.
HttpRequest TakeHead(HttpParser& parser);

// Whether fields came after the body. Once the head has been taken and the body been read.
bool HasTrailers(const HttpParser& parser);

// What is wrong with headers on which the end of the request depends, or who it is for; nullopt if nothing. Others on
// its way could see another request in it.
std::optional<HttpRefusal> RefusalOfFraming(const HttpParser& parser);

// Whether the client waits for 100 (Continue) before it sends the body.
bool ExpectsToContinue(const HttpParser& parser);

// What there is to say about bytes that are no request; nullopt if there is nobody to tell: the connection has ended or
// run out of time.
std::optional<HttpRefusal> RefusalOfBytes(boost::system::error_code problem);

}  // namespace poold
