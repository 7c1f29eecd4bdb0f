#pragma once

#include <functional>
#include <set>
#include <string>

#include "server/rpc/http_request.h"

namespace poold {

// Which pages in browsers may call. A page of any site can send requests to an address that its reader can reach, with
// the reader's client certificate, and to `poold dev` on the reader's own machine. Browsers say for which page they
// send a request, by the headers Origin and Sec-Fetch-Site. Programs send neither.
struct OriginRules {
  // There is no access file: whoever reaches the endpoint may do anything.
  bool callers_trusted = false;
  // Only programs of this machine reach the endpoint.
  bool on_loopback = false;
  // Origins whose pages may call, besides the endpoint's own: --http-origins.
  const std::set<std::string, std::less<>>& origins;
};

// Throws Error::AccessDenied if the request was sent for a page that may not call:
//   - Origin, if sent, must be the endpoint's own (its host and port equal Host) or in `origins`. `null` is neither.
//   - Sec-Fetch-Site, if sent, must be `same-origin` or `none`. GET and HEAD are free of this: they change nothing, no
//     other page can read their answers, and a link of another site may lead to /metrics.
//   - Where callers are trusted and one of the two is sent, Host must be an IP address, localhost, *.localhost or that
//     of an origin in `origins`. Otherwise a stranger's page could make its own name resolve to this address: then the
//     endpoint is of its own origin (DNS rebinding). On a loopback address this holds for every GET and HEAD: a browser
//     sends neither header with them to http://, and no name of a network means a loopback address.
// Throws ValidationException if one of these headers says two things. Pure; any thread.
void CheckOrigin(const HttpRequest& request, const OriginRules& rules);

}  // namespace poold
