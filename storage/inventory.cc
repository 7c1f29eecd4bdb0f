#include "storage/inventory.h"

namespace poold {

std::optional<InventoryNumber> TakeNumber(Transaction& tx, const InventoryWish& wish, std::string_view account_id) {
  static constexpr Statement kTake{
      "inventory.take",
      "UPDATE inventory_numbers SET held_by = $1 WHERE phone_number = ("
      "  SELECT phone_number FROM inventory_numbers"
      "  WHERE iso_country_code = $2 AND number_type = $3 AND held_by IS NULL AND number_capabilities @> $4::text[]"
      "    AND ($5::text[] = '{}' OR phone_number LIKE ANY ($5::text[]))"
      "  ORDER BY released_at NULLS FIRST, phone_number LIMIT 1 FOR UPDATE SKIP LOCKED)"
      " RETURNING phone_number, iso_country_code, number_type, number_capabilities, monthly_leasing_price"};
  const Rows rows =
      tx.Run(kTake, Params(account_id, wish.iso_country_code, wish.number_type, wish.capabilities, wish.like));
  if (rows.empty()) return std::nullopt;
  InventoryNumber number;
  rows[0].Read(number.phone_number, number.iso_country_code, number.number_type, number.capabilities,
               number.monthly_leasing_price);
  return number;
}

void ReturnNumber(Transaction& tx, std::string_view phone_number, Time now) {
  static constexpr Statement kReturn{
      "inventory.return", "UPDATE inventory_numbers SET held_by = NULL, released_at = $2 WHERE phone_number = $1"};
  tx.Later(kReturn, Params(phone_number, now));
}

std::int64_t ImportNumbers(Transaction& tx, const std::vector<InventoryNumber>& numbers) {
  std::vector<std::string> phone_numbers;
  std::vector<std::string> countries;
  std::vector<std::string> types;
  std::vector<std::string> capabilities;
  std::vector<std::string> prices;
  for (const InventoryNumber& number : numbers) {
    phone_numbers.push_back(number.phone_number);
    countries.push_back(number.iso_country_code);
    types.push_back(number.number_type);
    std::string joined;
    for (const std::string& capability : number.capabilities) joined += (joined.empty() ? "" : "|") + capability;
    capabilities.push_back(joined);
    prices.push_back(number.monthly_leasing_price);
  }
  // Arrays of arrays must be rectangular in SQL, so the capabilities travel joined.
  static constexpr Statement kImport{
      "inventory.import",
      "INSERT INTO inventory_numbers"
      " (phone_number, iso_country_code, number_type, number_capabilities, monthly_leasing_price)"
      " SELECT phone_number, country, type, string_to_array(capabilities, '|'), price"
      " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])"
      "   AS number (phone_number, country, type, capabilities, price)"
      " ON CONFLICT ON CONSTRAINT inventory_numbers_pkey DO UPDATE SET"
      "   iso_country_code = excluded.iso_country_code, number_type = excluded.number_type,"
      "   number_capabilities = excluded.number_capabilities, monthly_leasing_price = excluded.monthly_leasing_price"};
  return tx.Run(kImport, Params(phone_numbers, countries, types, capabilities, prices)).affected();
}

}  // namespace poold
