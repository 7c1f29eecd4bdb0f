#include "storage/inventory.h"

namespace poold::storage {
namespace {

#define NUMBER_COLUMNS \
  "phone_number, iso_country_code, number_type, number_capabilities, monthly_leasing_price, fictional"

template <typename... Further>
InventoryNumber ReadNumber(const Row& row, Further&... further) {
  InventoryNumber number;
  row.Read(number.phone_number, number.iso_country_code, number.number_type, number.capabilities,
           number.monthly_leasing_price, number.fictional, further...);
  return number;
}

std::vector<StockedNumber> ReadStock(const Rows& rows) {
  std::vector<StockedNumber> stock;
  for (const Row row : rows) {
    StockedNumber& one = stock.emplace_back();
    one.number = ReadNumber(row, one.held_by);
  }
  return stock;
}

}  // namespace

std::optional<InventoryNumber> TakeNumber(Transaction& tx, const InventoryWish& wish, std::string_view account_id) {
  static constexpr Statement kTake{
      "inventory.take",
      "UPDATE inventory_numbers SET held_by = $1 WHERE phone_number = ("
      "  SELECT phone_number FROM inventory_numbers"
      "  WHERE iso_country_code = $2 AND number_type = $3 AND held_by IS NULL"
      // false <= true: a bound of the index, where `$6 OR NOT fictional` would read past all fictional numbers.
      "    AND fictional <= $6"
      // CASE hides from the planner how few numbers these might leave: it would read and sort all that the index has of
      // the country, rather than take the first (InventoryTest.TakesANumberByOneLookAtTheIndex).
      "    AND CASE WHEN number_capabilities @> $4::text[]"
      "        THEN $5::text[] = '{}' OR phone_number LIKE ANY ($5::text[]) END"
      "  ORDER BY fictional, released_at NULLS FIRST, phone_number LIMIT 1 FOR UPDATE SKIP LOCKED)"
      " RETURNING " NUMBER_COLUMNS};
  const Rows rows = tx.Run(
      kTake, Params(account_id, wish.iso_country_code, wish.number_type, wish.capabilities, wish.like, wish.fictional));
  if (rows.empty()) return std::nullopt;
  return ReadNumber(rows[0]);
}

void ReturnNumber(Transaction& tx, std::string_view phone_number, Time now) {
  static constexpr Statement kReturn{
      "inventory.return", "UPDATE inventory_numbers SET held_by = NULL, released_at = $2 WHERE phone_number = $1"};
  tx.Later(kReturn, Params(phone_number, now));
}

std::int64_t ImportNumbers(Transaction& tx, const std::vector<InventoryNumber>& numbers) {
  if (numbers.empty()) return 0;
  // Arrays of arrays must be rectangular in SQL, so the capabilities travel joined.
  static constexpr Statement kImport{
      "inventory.import",
      "INSERT INTO inventory_numbers (" NUMBER_COLUMNS
      ")"
      " SELECT phone_number, country, type, string_to_array(capabilities, '|'), price, fictional"
      " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[])"
      "   AS number (phone_number, country, type, capabilities, price, fictional)"
      " ON CONFLICT ON CONSTRAINT inventory_numbers_pkey DO UPDATE SET"
      "   iso_country_code = excluded.iso_country_code, number_type = excluded.number_type,"
      "   number_capabilities = excluded.number_capabilities, monthly_leasing_price = excluded.monthly_leasing_price,"
      "   fictional = excluded.fictional"};
  Params columns;
  columns.AddArray(numbers, &InventoryNumber::phone_number);
  columns.AddArray(numbers, &InventoryNumber::iso_country_code);
  columns.AddArray(numbers, &InventoryNumber::number_type);
  columns.AddArray(numbers, [](const InventoryNumber& number) {
    std::string capabilities;
    for (const std::string& capability : number.capabilities) {
      capabilities += (capabilities.empty() ? "" : "|") + capability;
    }
    return capabilities;
  });
  columns.AddArray(numbers, &InventoryNumber::monthly_leasing_price);
  columns.AddArray(numbers, &InventoryNumber::fictional);
  return tx.Run(kImport, columns).affected();
}

bool HasImportedNumbers(Transaction& tx) {
  static constexpr Statement kHas{"inventory.has_imported",
                                  "SELECT EXISTS (SELECT FROM inventory_numbers WHERE NOT fictional)"};
  bool has = false;
  tx.Run(kHas)[0].Read(has);
  return has;
}

std::vector<InventoryCount> CountNumbers(Transaction& tx) {
  static constexpr Statement kCount{
      "inventory.count",
      "SELECT iso_country_code, number_type, count(*) FILTER (WHERE NOT fictional), count(*) FILTER (WHERE fictional),"
      "  count(held_by)"
      " FROM inventory_numbers GROUP BY iso_country_code, number_type ORDER BY iso_country_code, number_type"};
  std::vector<InventoryCount> counts;
  for (const Row row : tx.Run(kCount)) {
    InventoryCount& count = counts.emplace_back();
    row.Read(count.iso_country_code, count.number_type, count.imported, count.fictional, count.held);
  }
  return counts;
}

std::vector<StockedNumber> ListNumbers(Transaction& tx, const InventorySelection& selection, std::string_view after,
                                       int limit) {
  static constexpr Statement kList{"inventory.list",
                                   "SELECT " NUMBER_COLUMNS
                                   ", held_by FROM inventory_numbers"
                                   " WHERE phone_number > $1 AND ($2 = '' OR iso_country_code = $2)"
                                   " AND ($3 = '' OR number_type = $3) ORDER BY phone_number LIMIT $4"};
  return ReadStock(tx.Run(kList, Params(after, selection.iso_country_code, selection.number_type, limit)));
}

std::vector<StockedNumber> LockNumbers(Transaction& tx, const std::vector<std::string>& phone_numbers) {
  static constexpr Statement kLock{"inventory.lock", "SELECT " NUMBER_COLUMNS
                                                     ", held_by FROM inventory_numbers"
                                                     " WHERE phone_number = ANY($1::text[])"
                                                     " ORDER BY phone_number FOR UPDATE"};
  auto stock = ReadStock(tx.Run(kLock, Params(phone_numbers)));
  std::erase_if(stock, [](const StockedNumber& one) { return !one.held_by; });
  return stock;
}

std::int64_t RemoveNumbers(Transaction& tx, const std::vector<std::string>& phone_numbers) {
  static constexpr Statement kRemove{
      "inventory.remove", "DELETE FROM inventory_numbers WHERE phone_number = ANY($1::text[]) AND held_by IS NULL"};
  return tx.Run(kRemove, Params(phone_numbers)).affected();
}

std::int64_t RemoveFictionalNumbers(Transaction& tx) {
  static constexpr Statement kRemove{"inventory.remove_fictional",
                                     "DELETE FROM inventory_numbers WHERE fictional AND held_by IS NULL"};
  return tx.Run(kRemove).affected();
}

#undef NUMBER_COLUMNS

}  // namespace poold::storage
