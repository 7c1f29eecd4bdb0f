// Signed requests: a method, a target, headers and a body, in the lines of the input: `METHOD TARGET`, `name: value`
// each, an empty line, the body. Whatever it is, it is taken or refused by one of three names (ValidationException: a
// header that says two things), with a text of bounded size.

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/middleware/sigv4.h"

namespace {

using namespace poold;  // NOLINT

std::string_view Line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return line;
}

HttpRequest RequestFrom(std::string_view text) {
  HttpRequest request;
  const std::string_view first = Line(text);
  request.method = std::string(first.substr(0, first.find(' ')));
  request.target = first.find(' ') == first.npos ? "" : std::string(first.substr(first.find(' ') + 1));
  for (std::string_view line = Line(text); !line.empty(); line = Line(text)) {
    const std::size_t colon = line.find(':');
    if (colon == line.npos) continue;
    std::string name(line.substr(0, colon));
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    request.headers.emplace_back(std::move(name), std::string(line.substr(colon + 1)));
  }
  request.body = std::string(text);
  return request;
}

bool IsOneOf(Fault fault, std::initializer_list<Fault> faults) {
  for (const Fault one : faults) {
    if (fault == one) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const HttpRequest request = RequestFrom({reinterpret_cast<const char*>(data), size});
  // The instant of the seeds.
  using namespace std::chrono_literals;  // NOLINT
  constexpr storage::Time now = std::chrono::sys_days(2026y / 11 / 21) + 12h + 20min + 19s;
  try {
    const auto authorization = ReadAuthorization(request);
    if (!authorization) return 0;
    CheckSignature(request, *authorization, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "sms-voice", now);
  } catch (const Error& error) {
    if (!IsOneOf(error.fault(), {Fault::kIncompleteSignature, Fault::kInvalidSignature, Fault::kInvalid})) std::abort();
    if (error.message().empty() || error.message().size() > 2048) std::abort();
  }
  return 0;
}
