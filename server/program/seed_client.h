#pragma once

#include <string>

#include "storage/values/scope.h"

namespace poold {

// Has the `poold dev` at `address` (HOST:PORT) load its demonstration account into this account and region, and says on
// standard output what it made. Throws std::runtime_error, with a sentence for the person who asked, if it can't.
void Seed(const std::string& address, const storage::Scope& scope);

}  // namespace poold
