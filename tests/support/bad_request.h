#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <string_view>

namespace poold {

// A request in text form that breaks one rule, for tables of tests: the Reason and the one field that the refusal must
// name.
struct BadRequest {
  std::string name;  // of the test
  std::string request;
  std::string_view reason;
  std::string field;
};

inline void PrintTo(const BadRequest& bad, std::ostream* out) { *out << bad.request; }

// For INSTANTIATE_TEST_SUITE_P over anything with a name.
inline constexpr auto NameOfCase = [](const auto& test) { return std::string(test.param.name); };

// "text text text "
inline std::string Repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text + " ";
  return all;
}

}  // namespace poold
