#pragma once

#include <string>
#include <vector>

#include "storage/postgres/transaction.h"

namespace poold::storage {

// The tables of our schema that are there and that the connected role may not both read and write, in the order of the
// migrations that made them. schema_migrations is none of them: whoever cannot read it is told so by PostgreSQL.
std::vector<std::string> TablesWithoutGrants(Transaction& tx);

}  // namespace poold::storage
