#include "server/program/inventory_file.h"

#include <re2/re2.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "server/base/aws_names.h"
#include "smsvoice/v2/common.pb.h"
#include "smsvoice/v2/phone_numbers.pb.h"

namespace poold {
namespace {

constexpr const char* kPhoneNumber = "phone_number";
constexpr const char* kFictional = "fictional";
constexpr const char* kHeldBy = "held_by";
constexpr const char* kColumns[] = {kPhoneNumber, "iso_country_code", "number_type", "number_capabilities",
                                    "monthly_leasing_price"};

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else if (c != '\r') {
      parts.back() += c;
    }
  }
  return parts;
}

std::string Joined(const std::vector<std::string>& parts, char separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : std::string(1, separator)) + part;
  return text;
}

}  // namespace

InventoryFile::InventoryFile(std::istream& file, Columns columns) : file_(file), columns_(columns) {
  if (!NextLine(header_)) throw std::runtime_error("the file is empty; it needs a header line");
  for (const char* column : kColumns) {
    if (columns_ == Columns::kPhoneNumber && column != kPhoneNumber) continue;
    if (std::ranges::count(header_, column) != 1) Fail(std::string("the header must name the column ") + column);
  }
  if (std::ranges::count(header_, kFictional) > 1) Fail("the header names the column fictional twice");
}

std::vector<storage::InventoryNumber> InventoryFile::Next(std::size_t limit) {
  std::vector<storage::InventoryNumber> numbers;
  for (std::vector<std::string> values; numbers.size() < limit && NextLine(values);) {
    if (values == std::vector<std::string>{""}) continue;
    if (values.size() != header_.size()) Fail("has not as many values as the header has columns");
    numbers.push_back(NumberFrom(values));
    // At most 19 digits, the first of which is no zero.
    if (!seen_.insert(std::stoull(numbers.back().phone_number.substr(1))).second) {
      Fail("names a number for the second time");
    }
  }
  return numbers;
}

bool InventoryFile::NextLine(std::vector<std::string>& values) {
  std::string text;
  if (!std::getline(file_, text)) {
    if (file_.bad()) throw std::runtime_error("the file cannot be read to its end");
    return false;
  }
  ++line_number_;
  values = Split(text, ',');
  return true;
}

storage::InventoryNumber InventoryFile::NumberFrom(const std::vector<std::string>& values) const {
  static const RE2 kE164("\\+[1-9][0-9]{1,18}");
  static const RE2 kCountry("[A-Z]{2}");
  static const RE2 kPrice("[0-9]{1,9}\\.[0-9]{2}");
  const auto require = [this](bool right, const std::string& what) {
    if (!right) Fail(what);
  };
  storage::InventoryNumber number;
  number.phone_number = *Find(values, kPhoneNumber);
  require(RE2::FullMatch(number.phone_number, kE164), "phone_number must be E.164, such as +12065550100");
  if (columns_ == Columns::kPhoneNumber) return number;

  number.iso_country_code = *Find(values, "iso_country_code");
  number.number_type = *Find(values, "number_type");
  number.capabilities = Split(*Find(values, "number_capabilities"), '|');
  number.monthly_leasing_price = *Find(values, "monthly_leasing_price");
  require(RE2::FullMatch(number.iso_country_code, kCountry), "iso_country_code must be two upper-case letters");
  require(FromAwsName<smsvoice::v2::RequestableNumberType>(number.number_type) != 0,
          "number_type must be one of " + AwsNames(*smsvoice::v2::RequestableNumberType_descriptor()));
  require(RE2::FullMatch(number.monthly_leasing_price, kPrice), "monthly_leasing_price must look like 1.00");
  std::ranges::sort(number.capabilities);
  for (const std::string& capability : number.capabilities) {
    require(FromAwsName<smsvoice::v2::NumberCapability>(capability) != 0,
            "number_capabilities must be joined by | and of " + AwsNames(*smsvoice::v2::NumberCapability_descriptor()));
  }
  require(std::ranges::adjacent_find(number.capabilities) == number.capabilities.end(),
          "number_capabilities names one twice");
  if (const std::string* fictional = Find(values, kFictional)) {
    require(*fictional == "true" || *fictional == "false", "fictional must be true or false");
    number.fictional = *fictional == "true";
  }
  return number;
}

const std::string* InventoryFile::Find(const std::vector<std::string>& values, std::string_view column) const {
  const auto found = std::ranges::find(header_, column);
  return found == header_.end() ? nullptr : &values[static_cast<std::size_t>(found - header_.begin())];
}

void InventoryFile::Fail(const std::string& what) const {
  throw std::runtime_error("line " + std::to_string(line_number_) + ": " + what);
}

void WriteInventoryHeader(std::ostream& out) {
  for (const char* column : kColumns) out << column << ',';
  out << kFictional << ',' << kHeldBy << '\n';
}

void WriteInventory(std::ostream& out, const std::vector<storage::StockedNumber>& stock) {
  for (const auto& [number, held_by] : stock) {
    out << number.phone_number << ',' << number.iso_country_code << ',' << number.number_type << ','
        << Joined(number.capabilities, '|') << ',' << number.monthly_leasing_price << ','
        << (number.fictional ? "true" : "false") << ',' << held_by.value_or("") << '\n';
  }
}

}  // namespace poold
