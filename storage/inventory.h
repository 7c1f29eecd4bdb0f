#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/postgres/transaction.h"

namespace poold::storage {

// A number that can be handed out. The inventory belongs to the deployment: all accounts and regions share it.
struct InventoryNumber {
  std::string phone_number;  // E.164 with `+`
  std::string iso_country_code;
  std::string number_type;                // "LONG_CODE", "TOLL_FREE", "TEN_DLC" or "SIMULATOR"
  std::vector<std::string> capabilities;  // sorted, no duplicates
  std::string monthly_leasing_price;      // US dollars, "1.00"
  bool fictional = false;                 // it came with the schema and reaches nobody; nobody imported it
};

// What a number must be.
struct InventoryWish {
  std::string iso_country_code;
  std::string number_type;
  std::vector<std::string> capabilities;  // at least these
  std::vector<std::string> like;          // one of these LIKE patterns; none: any number
  bool fictional = false;                 // a fictional number will do if no imported one fits
};

// A number of the inventory, and the account that has it now.
struct StockedNumber {
  InventoryNumber number;
  std::optional<std::string> held_by;
};

// Which numbers of the inventory; an empty text means any.
struct InventorySelection {
  std::string iso_country_code;
  std::string number_type;
};

// How many numbers of a country and type there are.
struct InventoryCount {
  std::string iso_country_code;
  std::string number_type;
  std::int64_t imported = 0;
  std::int64_t fictional = 0;
  std::int64_t held = 0;  // of both kinds
};

// Hands the longest-rested free number that fits to the account, imported ones before fictional ones, or nullopt if
// there is none. Numbers that other transactions are taking at the moment are passed over, so takers never wait for
// each other.
std::optional<InventoryNumber> TakeNumber(Transaction& tx, const InventoryWish& wish, std::string_view account_id);

// Takes a number back; it stays imported or fictional. Does nothing for a number that is not in the inventory.
void ReturnNumber(Transaction& tx, std::string_view phone_number, Time now);

// Adds numbers, or changes what is known of those that are there. Returns how many rows were written.
std::int64_t ImportNumbers(Transaction& tx, const std::vector<InventoryNumber>& numbers);

// Whether there is any number that is not fictional.
bool HasImportedNumbers(Transaction& tx);

// By country and type, in alphabetical order.
std::vector<InventoryCount> CountNumbers(Transaction& tx);

// The first `limit` selected numbers after `after`, in the order of the numbers; "" begins.
std::vector<StockedNumber> ListNumbers(Transaction& tx, const InventorySelection& selection, std::string_view after,
                                       int limit);

// Locks those of the numbers that are in the inventory against being handed out and given back, and returns those that
// an account has. Waits for calls that take or give back one of them at the moment.
std::vector<StockedNumber> LockNumbers(Transaction& tx, const std::vector<std::string>& phone_numbers);

// Removes those of the numbers that are in the inventory and that nobody has. Returns how many there were.
std::int64_t RemoveNumbers(Transaction& tx, const std::vector<std::string>& phone_numbers);

// Removes the fictional numbers that nobody has. Returns how many there were.
std::int64_t RemoveFictionalNumbers(Transaction& tx);

}  // namespace poold::storage
