#include "server/transport/http_origin.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "server/base/error.h"
#include "server/base/text.h"
#include "server/rpc/header.h"

namespace poold {
namespace {

constexpr std::string_view kHttps = "https://";
constexpr std::string_view kHttp = "http://";

// A host and its port, in lower case. An IPv6 address is without its brackets.
struct Authority {
  std::string host;
  std::string port;

  bool operator==(const Authority&) const = default;
};

// Of "127.0.0.1:8080", "[::1]" and the like. The host is empty if the text is none of them.
Authority AuthorityIn(std::string_view text, std::string_view default_port) {
  const bool brackets = text.starts_with('[');
  const std::size_t end = std::min(text.find(brackets ? ']' : ':'), text.size());
  if (brackets && end == text.size()) return {};
  const std::string_view host = brackets ? text.substr(1, end - 1) : text.substr(0, end);
  std::string_view port = text.substr(brackets ? end + 1 : end);
  if (!port.empty() && port.front() != ':') return {};
  if (!port.empty()) port.remove_prefix(1);
  return {LowerCase(host), std::string(port.empty() ? default_port : port)};
}

// Of "https://console.example"; nullopt of what is no origin of the web.
std::optional<std::string_view> DefaultPortOf(std::string_view origin) {
  if (origin.starts_with(kHttps)) return "443";
  return origin.starts_with(kHttp) ? std::optional<std::string_view>("80") : std::nullopt;
}
Authority AuthorityOf(std::string_view origin, std::string_view default_port) {
  return AuthorityIn(origin.substr(origin.find("//") + 2), default_port);
}

bool IsIpAddress(const std::string& host) {
  in6_addr ignored{};
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1 || inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

// A stranger cannot make these names resolve to an address of their choice.
bool IsBeyondRebinding(const std::string& host) {
  return IsIpAddress(host) || host == "localhost" || host.ends_with(".localhost");
}

// Whether `authority` is that of an allowed origin whose scheme has this default port.
bool IsAllowed(const Authority& authority, std::string_view default_port, const OriginRules& rules) {
  return std::ranges::any_of(rules.origins, [&](const std::string& allowed) {
    const std::string origin = LowerCase(allowed);
    return DefaultPortOf(origin) == default_port && AuthorityOf(origin, default_port) == authority;
  });
}

void RequireKnownOrigin(std::string_view text, std::string_view host, const OriginRules& rules) {
  const std::string origin = LowerCase(text);
  if (const auto port = DefaultPortOf(origin)) {
    const Authority authority = AuthorityOf(origin, *port);
    if (!authority.host.empty() && authority == AuthorityIn(host, *port)) return;
    if (IsAllowed(authority, *port, rules)) return;
  }
  throw Error::AccessDenied("Pages of other sites may not call: Origin must be that of Host, or in --http-origins");
}

void RequireKnownHost(std::string_view host, const OriginRules& rules) {
  if (IsBeyondRebinding(AuthorityIn(host, {}).host)) return;
  for (const std::string_view port : {"80", "443"}) {
    if (IsAllowed(AuthorityIn(host, port), port, rules)) return;
  }
  throw Error::AccessDenied(
      "Pages may not call under this name: Host must be an IP address, localhost, or in --http-origins");
}

}  // namespace

void CheckOrigin(const HttpRequest& request, const OriginRules& rules) {
  const auto origin = HeaderOf(request, "origin");
  const auto site = HeaderOf(request, "sec-fetch-site");
  const auto named = HeaderOf(request, "host");
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const bool may_be_a_page = origin || site || (reads && rules.on_loopback && named);
  if (!may_be_a_page) return;
  const std::string_view host = named.value_or("");
  if (origin) RequireKnownOrigin(*origin, host, rules);
  if (site && !reads && *site != "same-origin" && *site != "none") {
    throw Error::AccessDenied("Pages of other sites may not call: Sec-Fetch-Site must be same-origin or none");
  }
  if (rules.callers_trusted) RequireKnownHost(host, rules);
}

}  // namespace poold
