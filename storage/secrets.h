#pragma once

#include <string>
#include <string_view>

#include "storage/postgres/transaction.h"

namespace poold::storage {

// What the replicas of a deployment have in common and nobody else may know. Made by the migrations.
inline constexpr std::string_view kPageTokenKey = "page-token-key";

// Throws StorageFailure kBug if there is none of that name.
std::string RequireSecret(Transaction& tx, std::string_view name);

}  // namespace poold::storage
