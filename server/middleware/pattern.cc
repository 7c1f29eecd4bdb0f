#include "server/middleware/pattern.h"

#include <re2/re2.h>

#include <limits>
#include <stdexcept>

namespace poold {

Pattern::Pattern(const std::string& text) : expression_(std::make_unique<re2::RE2>(text, re2::RE2::Quiet)) {
  if (!expression_->ok()) throw std::invalid_argument(expression_->error());

  // A class in brackets, "." or "\S"; then "*", "+" or "{2}".
  static const re2::RE2 kOneClass(R"((\[(?:[^\]\\]|\\.)+\]|\.|\\S)(?:([*+])|\{([0-9]{1,4})\}))");
  std::string name;
  std::string repeated;
  std::string times;
  if (!re2::RE2::FullMatch(text, kOneClass, &name, &repeated, &times)) return;
  const re2::RE2 one(name, re2::RE2::Quiet);
  if (!one.ok()) return;
  for (unsigned char c = 1; c < 0x80; ++c) {
    const char character = static_cast<char>(c);
    in_class_[c] = re2::RE2::FullMatch(re2::StringPiece(&character, 1), one);
  }
  least_ = repeated == "*" ? 0 : 1;
  most_ = std::numeric_limits<std::size_t>::max();
  if (!times.empty()) least_ = most_ = std::stoul(times);
}

Pattern::Pattern(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

bool Pattern::Matches(std::string_view text) const {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *expression_);
}

}  // namespace poold
