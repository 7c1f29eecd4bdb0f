#include "server/program/inventory_commands.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "server/program/inventory_file.h"
#include "storage/postgres/database.h"

namespace poold {
namespace {

constexpr std::size_t kBatch = 5000;
// So many numbers that an account has are named.
constexpr std::size_t kNamed = 10;

storage::Bounds InHalfAnHour() { return {std::chrono::steady_clock::now() + std::chrono::minutes(30), {}}; }

void Say(const std::string& line) { std::cout << line << std::endl; }

// Gives the numbers of the file to `take`, some at a time, in one transaction: all of the file counts, or nothing.
void InOneTransaction(
    storage::Database& database, const std::string& path, InventoryFile::Columns columns,
    const std::function<void(storage::Transaction&, const std::vector<storage::InventoryNumber>&)>& take,
    const std::function<void()>& begin, const std::function<void(storage::Transaction&)>& end) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  // What comes through a pipe can be read once only.
  const bool once = !std::filesystem::is_regular_file(path);
  storage::Bounds bounds = InHalfAnHour();
  if (once) bounds.tries = storage::Tries::kOne;
  database.Run(storage::Database::Mode::kWrite, bounds, [&](storage::Transaction& tx) {
    if (!once) {
      file.clear();
      file.seekg(0);
    }
    begin();
    InventoryFile numbers(file, columns);
    for (auto some = numbers.Next(kBatch); !some.empty(); some = numbers.Next(kBatch)) take(tx, some);
    end(tx);
  });
}

std::vector<std::string> PhoneNumbersOf(const std::vector<storage::InventoryNumber>& numbers) {
  std::vector<std::string> phone_numbers;
  phone_numbers.reserve(numbers.size());
  for (const storage::InventoryNumber& number : numbers) phone_numbers.push_back(number.phone_number);
  return phone_numbers;
}

// Cells in columns: texts to the left, numbers to the right.
class Table {
 public:
  explicit Table(std::size_t texts) : texts_(texts) {}

  void Add(std::vector<std::string> cells) {
    widths_.resize(std::max(widths_.size(), cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i) widths_[i] = std::max(widths_[i], cells[i].size());
    rows_.push_back(std::move(cells));
  }

  void Print() const {
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i) {
        const std::string padding(widths_[i] - row[i].size(), ' ');
        line += (i == 0 ? "" : "  ") + (i < texts_ ? row[i] + padding : padding + row[i]);
      }
      Say(line);
    }
  }

 private:
  const std::size_t texts_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
};

}  // namespace

void ImportInventory(storage::Database& database, const std::string& path) {
  std::size_t written = 0;
  InOneTransaction(
      database, path, InventoryFile::Columns::kAll,
      [&](storage::Transaction& tx, const std::vector<storage::InventoryNumber>& numbers) {
        storage::ImportNumbers(tx, numbers);
        written += numbers.size();
        if (numbers.size() == kBatch) Say("written " + std::to_string(written) + ", not committed yet");
      },
      [&] { written = 0; }, [](storage::Transaction&) {});
  Say("imported " + std::to_string(written) + " of " + std::to_string(written));
}

void PrintInventoryCount(storage::Database& database) {
  std::vector<storage::InventoryCount> counts;
  database.Run(storage::Database::Mode::kRead, InHalfAnHour(),
               [&](storage::Transaction& tx) { counts = storage::CountNumbers(tx); });
  Table table(2);
  table.Add({"country", "type", "imported", "fictional", "held"});
  storage::InventoryCount all{"all", ""};
  for (const storage::InventoryCount& count : counts) {
    all.imported += count.imported;
    all.fictional += count.fictional;
    all.held += count.held;
  }
  counts.push_back(all);
  for (const storage::InventoryCount& count : counts) {
    table.Add({count.iso_country_code, count.number_type, std::to_string(count.imported),
               std::to_string(count.fictional), std::to_string(count.held)});
  }
  table.Print();
}

void PrintInventory(storage::Database& database, const storage::InventorySelection& selection) {
  WriteInventoryHeader(std::cout);
  std::string after;
  for (std::vector<storage::StockedNumber> page;; after = page.back().number.phone_number) {
    database.Run(storage::Database::Mode::kRead, InHalfAnHour(), [&](storage::Transaction& tx) {
      page = storage::ListNumbers(tx, selection, after, static_cast<int>(kBatch));
    });
    if (page.empty()) break;
    WriteInventory(std::cout, page);
    if (!std::cout) break;
  }
  if (!std::cout.flush()) throw std::runtime_error("the list cannot be written to its end");
}

void RemoveInventory(storage::Database& database, const std::string& path) {
  std::size_t wanted = 0;
  std::int64_t removed = 0;
  std::size_t held = 0;
  std::string named;
  InOneTransaction(
      database, path, InventoryFile::Columns::kPhoneNumber,
      [&](storage::Transaction& tx, const std::vector<storage::InventoryNumber>& numbers) {
        const auto phone_numbers = PhoneNumbersOf(numbers);
        for (const auto& [number, held_by] : storage::LockNumbers(tx, phone_numbers)) {
          if (held++ < kNamed) named += "\n  " + number.phone_number + " of account " + held_by.value_or("");
        }
        removed += storage::RemoveNumbers(tx, phone_numbers);
        wanted += numbers.size();
      },
      [&] {
        wanted = held = 0;
        removed = 0;
        named.clear();
      },
      [&](storage::Transaction&) {
        if (held == 0) return;
        if (held > kNamed) named += "\n  and " + std::to_string(held - kNamed) + " more";
        throw std::runtime_error("nothing was removed, since accounts have " + std::to_string(held) +
                                 " of the numbers; they must be released first (ReleasePhoneNumber):" + named);
      });
  Say("removed " + std::to_string(removed) + " of " + std::to_string(wanted));
  const auto absent = static_cast<std::int64_t>(wanted) - removed;
  if (absent > 0) Say(std::to_string(absent) + " were not in the inventory");
}

void ClearFictionalInventory(storage::Database& database) {
  std::int64_t removed = 0;
  std::int64_t left = 0;
  database.Run(storage::Database::Mode::kWrite, InHalfAnHour(), [&](storage::Transaction& tx) {
    removed = storage::RemoveFictionalNumbers(tx);
    left = 0;
    for (const storage::InventoryCount& count : storage::CountNumbers(tx)) left += count.fictional;
  });
  Say("removed " + std::to_string(removed) + " fictional numbers");
  if (left > 0) Say(std::to_string(left) + " are held by accounts and stay");
}

}  // namespace poold
