#pragma once

#include <string>

#include "storage/inventory.h"

namespace poold::storage {
class Database;
}

namespace poold {

// `poold inventory …`: each does its work on the database and says on standard output what it did. They throw
// std::runtime_error with a sentence for the person who asked; then nothing was changed. None keeps the inventory in
// memory.

// Adds the numbers of the CSV file `path` (server/program/inventory_file.h), or changes what is known of them.
void ImportInventory(storage::Database& database, const std::string& path);

// Prints how many numbers there are of each country and type.
void PrintInventoryCount(storage::Database& database);

// Prints the selected numbers as CSV that ImportInventory reads.
void PrintInventory(storage::Database& database, const storage::InventorySelection& selection);

// Removes the numbers of the CSV file `path`. Those that are not in the inventory are counted. If an account has one of
// them nothing is removed.
void RemoveInventory(storage::Database& database, const std::string& path);

// Removes the fictional numbers that no account has.
void ClearFictionalInventory(storage::Database& database);

}  // namespace poold
