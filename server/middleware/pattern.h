#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace poold {

// A regular expression, in RE2 syntax, that whole texts must match. Never changes; any thread.
//
// Most patterns of the API are one class of characters and how often it comes, such as "[A-Za-z0-9_]+". Of these a
// table says which ASCII characters belong to the class. RE2 needs a thousand instructions for a short text, the table
// three for each character.
class Pattern {
 public:
  // Throws std::invalid_argument with RE2's reason if the text is no such expression.
  explicit Pattern(const std::string& text);
  Pattern(Pattern&&) noexcept;
  ~Pattern();

  // Whether the text matches and is ASCII without NUL, as far as the table tells. False says nothing.
  bool MatchesByTable(std::string_view text) const {
    bool all = text.size() >= least_ && text.size() <= most_;
    for (std::size_t i = 0; all && i < text.size(); ++i) all = in_class_[static_cast<unsigned char>(text[i])];
    return all;
  }
  // Whether the text, which is UTF-8, matches.
  bool Matches(std::string_view text) const;

 private:
  std::unique_ptr<const re2::RE2> expression_;
  std::array<bool, 256> in_class_{};  // of ASCII only
  // How often the class may come. No text fits until the constructor has seen that the pattern is one class.
  std::size_t least_ = 1;
  std::size_t most_ = 0;
};

}  // namespace poold
