#include "server/inventory_file.h"

#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include "server/aws_names.h"
#include "smsvoice/v2/common.pb.h"
#include "smsvoice/v2/phone_numbers.pb.h"

namespace poold {
namespace {

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

constexpr const char* kColumns[] = {"phone_number", "iso_country_code", "number_type", "number_capabilities",
                                    "monthly_leasing_price"};

using Line = std::map<std::string, std::string>;

InventoryNumber NumberFrom(const Line& line) {
  static const RE2 kE164("\\+[1-9][0-9]{1,18}");
  static const RE2 kCountry("[A-Z]{2}");
  static const RE2 kPrice("[0-9]{1,9}\\.[0-9]{2}");
  const auto require = [](bool right, const std::string& what) {
    if (!right) throw std::runtime_error(what);
  };
  InventoryNumber number{line.at("phone_number"), line.at("iso_country_code"), line.at("number_type"),
                         Split(line.at("number_capabilities"), '|'), line.at("monthly_leasing_price")};
  require(RE2::FullMatch(number.phone_number, kE164), "phone_number must be E.164, such as +12065550100");
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
  return number;
}

}  // namespace

std::vector<InventoryNumber> ReadInventory(std::istream& file) {
  std::vector<InventoryNumber> numbers;
  std::set<std::string> seen;
  std::vector<std::string> header;
  std::string text;
  for (int line_number = 1; std::getline(file, text); ++line_number) {
    const auto fail = [&](const std::string& what) {
      throw std::runtime_error("line " + std::to_string(line_number) + ": " + what);
    };
    const std::vector<std::string> parts = Split(text, ',');
    if (header.empty()) {
      header = parts;
      for (const char* column : kColumns) {
        if (std::ranges::count(header, column) != 1) fail(std::string("the header must name the column ") + column);
      }
      continue;
    }
    if (parts == std::vector<std::string>{""}) continue;
    if (parts.size() != header.size()) fail("has not as many values as the header has columns");
    Line line;
    for (std::size_t i = 0; i < parts.size(); ++i) line[header[i]] = parts[i];
    try {
      numbers.push_back(NumberFrom(line));
    } catch (const std::runtime_error& wrong) {
      fail(wrong.what());
    }
    if (!seen.insert(numbers.back().phone_number).second) fail("names a number for the second time");
  }
  if (header.empty()) throw std::runtime_error("the file is empty; it needs a header line");
  return numbers;
}

}  // namespace poold
