#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

// Private to storage/: how a database url is read. What others may ask of one is in database.h.
namespace poold::storage {

// The parameters of a connection that a database url sets, by libpq's names and in libpq's order. nullopt if the url
// cannot be read.
std::optional<std::vector<std::pair<std::string, std::string>>> ParseDatabaseUrl(const std::string& url);

// Parameters of a connection in the form keyword='value', separated by spaces.
std::string ToConnectionString(const std::vector<std::pair<std::string, std::string>>& parameters);

}  // namespace poold::storage
