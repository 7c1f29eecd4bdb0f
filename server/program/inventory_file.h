#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <ostream>
#include <string>
#include <unordered_set>
#include <vector>

#include "storage/inventory.h"

namespace poold {

// Reads phone numbers from CSV, some at a time: a header line that names the columns phone_number, iso_country_code,
// number_type, number_capabilities (joined by `|`) and monthly_leasing_price, in any order and among others, then a
// number on each line. A column `fictional`, if there is one, holds true or false. Remembers the digits of each number,
// a few dozen bytes; nothing else grows with the file.
//
// Every function throws std::runtime_error with a sentence that names the line, for the first thing that is wrong.
class InventoryFile {
 public:
  enum class Columns {
    kAll,
    kPhoneNumber  // that column is enough; only InventoryNumber::phone_number is read
  };

  // Reads the header. The stream must outlive it.
  explicit InventoryFile(std::istream& file, Columns columns = Columns::kAll);

  // The next numbers, at most `limit`; none at the end of the file.
  std::vector<storage::InventoryNumber> Next(std::size_t limit);

 private:
  // The values of the next line; false at the end.
  bool NextLine(std::vector<std::string>& values);
  storage::InventoryNumber NumberFrom(const std::vector<std::string>& values) const;
  const std::string* Find(const std::vector<std::string>& values, std::string_view column) const;
  [[noreturn]] void Fail(const std::string& what) const;

  std::istream& file_;
  const Columns columns_;
  std::vector<std::string> header_;
  int line_number_ = 0;
  std::unordered_set<std::uint64_t> seen_;
};

// The same form, with the columns fictional and held_by (an account, or empty) at the end: first the header, then the
// lines of some numbers.
void WriteInventoryHeader(std::ostream& out);
void WriteInventory(std::ostream& out, const std::vector<storage::StockedNumber>& stock);

}  // namespace poold
