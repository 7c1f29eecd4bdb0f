#pragma once

#include <istream>
#include <vector>

#include "storage/inventory.h"

namespace poold {

// Reads phone numbers from CSV: a header line that names the columns phone_number, iso_country_code, number_type,
// number_capabilities (joined by `|`) and monthly_leasing_price, in any order, then a number on each line. Throws
// std::runtime_error with a sentence that names the line, for the first thing that is wrong.
std::vector<InventoryNumber> ReadInventory(std::istream& file);

}  // namespace poold
