#pragma once

#include <string>
#include <vector>

namespace poold::storage {

// One filter of a listing: what it filters by, in the API's spelling ("two-way-enabled"), and the values of which an
// item must have one. Conditions of a listing must all hold.
struct Condition {
  std::string name;
  std::vector<std::string> values;

  bool operator==(const Condition&) const = default;
};

}  // namespace poold::storage
