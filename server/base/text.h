#pragma once

// Small helpers for text that came from outside. Pure functions, any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace poold {

// Unicode code points in `text`; nullopt if it is not well-formed UTF-8 (overlong forms and surrogates are not).
std::optional<std::size_t> CodePoints(std::string_view text);

// A number with three decimals: WithThousandths(12, 7) is "12.007". `thousandths`: 0 to 999.
std::string WithThousandths(std::int64_t whole, std::int64_t thousandths);

// `text` fit for a message or a log line: bytes that are not well-formed UTF-8 and control characters become '?', and
// what is longer than `max_bytes` ends, between two characters, with "..." inside that measure.
std::string Printable(std::string_view text, std::size_t max_bytes);

// Appends ` key="value"` to `text`, without the blank if that is empty. Quotes and backslashes in the value are
// escaped.
void AppendQuoted(std::string& text, std::string_view key, std::string_view value);

// `text`, well-formed UTF-8, in upper case, character by character (so "ß" stays).
std::string UpperCase(std::string_view text);

// `text` with A to Z as a to z, and all else as it is.
std::string LowerCase(std::string_view text);

// Whether `text` as a whole is as `pattern` says, in which `*` stands for any text, the empty one included, and `?` for
// any byte.
bool MatchesPattern(std::string_view pattern, std::string_view text);

}  // namespace poold
