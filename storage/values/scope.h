#pragma once

#include <compare>
#include <string>

namespace poold::storage {

// Where a resource lives: every resource belongs to one account and one region, and every key begins with them.
struct Scope {
  std::string account;  // 12 digits
  std::string region;   // for instance "us-east-1"

  auto operator<=>(const Scope&) const = default;
};

// Something by its id, and where it lives.
struct ScopedId {
  Scope scope;
  std::string id;

  auto operator<=>(const ScopedId&) const = default;
};

}  // namespace poold::storage
