#pragma once

#include <filesystem>
#include <optional>

namespace poold::storage {

// The directory of PostgreSQL's programs initdb and postgres. `version`: the major version that created the cluster;
// absent: there is no cluster yet. A cluster gets that version, if Debian's packages have it. Otherwise the one on the
// PATH is used; if there is none, the newest of Debian's packages, which are not on the PATH. Throws
// std::runtime_error when there is none at all.
std::filesystem::path FindPostgresPrograms(std::optional<int> version);

}  // namespace poold::storage
