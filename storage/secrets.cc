#include "storage/secrets.h"

#include "storage/postgres/failure.h"

namespace poold::storage {

std::string RequireSecret(Transaction& tx, std::string_view name) {
  static constexpr Statement kFind{"secrets.find", "SELECT value FROM secrets WHERE name = $1"};
  const Rows rows = tx.Run(kFind, Params(name));
  if (rows.empty()) throw StorageFailure(StorageFailure::Kind::kBug, "no secret called " + std::string(name));
  std::string value;
  rows[0].Read(value);
  return value;
}

}  // namespace poold::storage
