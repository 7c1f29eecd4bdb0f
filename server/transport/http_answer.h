#pragma once

// What the answers of the AWS JSON endpoint consist of. Pure functions, any thread.

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/base/world.h"

namespace poold {

using HttpStatus = boost::beast::http::status;
using HttpAnswer = boost::beast::http::response<boost::beast::http::string_body>;

// The media type of AWS JSON.
inline constexpr const char* kAwsJsonType = "application/x-amz-json-1.0";

// An answer without the headers that depend on the connection: Date, Connection, Content-Length.
HttpAnswer MakeAnswer(HttpStatus status, const char* content_type, std::string body);

// The same of a refusal. `status`: another one than the error's own, where HTTP has one for the case.
HttpAnswer MakeRefusal(const Error& error, std::string_view request_id, HttpStatus status = HttpStatus::unknown);

// Names the request that is answered: x-amzn-RequestId.
void SetRequestId(HttpAnswer& answer, std::string_view request_id);

// A time as the header Date has it: "Sun, 06 Nov 1994 08:49:37 GMT". AWS SDKs take the difference of their clocks from
// it when a signature is too old.
std::string HttpDate(storage::Time time);

}  // namespace poold
