#pragma once

// Statements about several things at once: `FROM unnest($1::text[], ...) WITH ORDINALITY`. Private to storage/.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "storage/postgres/transaction.h"
#include "storage/values/scope.h"

namespace poold::storage {

// $1 to $3: accounts, regions and ids.
inline Params ColumnsOf(const std::vector<ScopedId>& things) {
  return Params::Columns(
      things, [](const ScopedId& thing) { return std::tie(thing.scope.account, thing.scope.region, thing.id); });
}

// What was found for each of the things that were asked for, in their order. `read` reads a row, and the ordinality of
// what it was found for.
template <typename T, typename Read>
std::vector<std::optional<T>> ByNumber(const Rows& rows, std::size_t asked, const Read& read) {
  std::vector<std::optional<T>> found(asked);
  for (const Row row : rows) {
    std::int64_t number = 0;  // from 1
    T thing = read(row, number);
    found.at(static_cast<std::size_t>(number) - 1) = std::move(thing);
  }
  return found;
}

}  // namespace poold::storage
