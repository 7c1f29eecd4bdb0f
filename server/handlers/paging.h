#pragma once

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/limits.h"
#include "server/handlers/names.h"
#include "server/rpc/call.h"
#include "server/rpc/method.h"
#include "smsvoice/v2/common.pb.h"
#include "storage/sharing.h"
#include "storage/values/time.h"

namespace poold {

// Where a page of a listing begins and how long it may be. Pages follow a key that never changes and never repeats, so
// an item that exists throughout is on exactly one of them, whatever is written meanwhile.
struct Page {
  int limit = limits::kPageSize;
  // The key of the last item of the page before; empty for the first page.
  std::vector<std::string> after;
};

// Reads the page that the request asks for: its members max_results and next_token. Throws Error::Invalid
// INVALID_NEXT_TOKEN for a token that is not from this operation, account, region and selection.
Page RequirePage(const Call& call);

// Who looks at the listing of a request with an owner member.
template <class Request>
storage::Viewer ViewerOf(const Call& call, const Request& request) {
  storage::Viewer viewer = ViewerOf(call);
  viewer.shared = request.owner() == smsvoice::v2::OWNER_SHARED;
  return viewer;
}

// For a request that names what it wants to see: NotFound, of all of it, for the first name that nothing `found` is, or
// that the caller must not know of. `is(item, name)` tells whether it is; `as_given(i)` is the text by which the caller
// named it.
template <class Name, class Item, class Is, class AsGiven>
void RequireAllFound(ResourceType type, const std::vector<Name>& names, const std::vector<Item>& found, Is is,
                     AsGiven as_given) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto is_it = [&](const Item& item) {
      if constexpr (requires { item.granted; }) {
        if (!item.granted) return false;
      }
      return is(item, names[i]);
    };
    if (std::ranges::none_of(found, is_it)) throw Error::NotFound(type, as_given(static_cast<int>(i)));
  }
}

// The same for resources: then AccessDenied, if the caller may see any of them, but not by this operation.
template <class Name, class Item, class Is, class AsGiven>
void RequireAllGranted(ResourceType type, const std::vector<Name>& names, const std::vector<Item>& found, Is is,
                       AsGiven as_given) {
  RequireAllFound(type, names, found, is, as_given);
  for (const Item& item : found) {
    if (item.granted) RequireGranted(item.granted, type, {});
  }
}

// The token of the page after the one that ends with `last`.
std::string NextToken(const Call& call, const std::vector<std::string>& last);

// Parts of a position, as text and back. A token that reads right was made here, so the parts are what they were.
std::string PositionPart(storage::Time time);
storage::Time TimeFromPart(const std::string& part);

// Puts the first page.limit of `items` (which holds one more if there is one) into `response` and the token after it.
// `position` tells an item's key, `add` renders it and may take its texts.
template <class Item, class Response, class Position, class Add>
void RenderPage(const Call& call, const Page& page, std::vector<Item>&& items, Response& response, Position position,
                Add add) {
  const auto shown = std::min(items.size(), static_cast<std::size_t>(page.limit));
  if (items.size() > shown) response.set_next_token(NextToken(call, position(items[shown - 1])));
  for (std::size_t i = 0; i < shown; ++i) add(std::move(items[i]));
}

}  // namespace poold
