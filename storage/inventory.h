#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/transaction.h"

namespace poold {

// A number that can be handed out. The inventory belongs to the deployment: all accounts and regions share it.
struct InventoryNumber {
  std::string phone_number;  // E.164 with `+`
  std::string iso_country_code;
  std::string number_type;                // "LONG_CODE", "TOLL_FREE", "TEN_DLC" or "SIMULATOR"
  std::vector<std::string> capabilities;  // sorted, no duplicates
  std::string monthly_leasing_price;      // US dollars, "1.00"
};

// What a number must be.
struct InventoryWish {
  std::string iso_country_code;
  std::string number_type;
  std::vector<std::string> capabilities;  // at least these
  std::vector<std::string> like;          // one of these LIKE patterns; none: any number
};

// Hands the longest-rested free number that fits to the account, or nullopt if there is none. Numbers that other
// transactions are taking at the moment are passed over, so takers never wait for each other.
std::optional<InventoryNumber> TakeNumber(Transaction& tx, const InventoryWish& wish, std::string_view account_id);

// Takes a number back. Does nothing for a number that is not in the inventory.
void ReturnNumber(Transaction& tx, std::string_view phone_number, Time now);

// Adds numbers, or changes what is known of those that are there. Returns how many rows were written.
std::int64_t ImportNumbers(Transaction& tx, const std::vector<InventoryNumber>& numbers);

}  // namespace poold
