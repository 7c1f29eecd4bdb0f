// NextTokens that we did not make. The first byte says how much of the input is the scope.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/base/page_token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const poold::PageTokens tokens("0123456789abcdef0123456789abcdef");
  if (size == 0) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view scope = all.substr(0, data[0]);
  const std::string_view text = all.substr(scope.size());

  // Nobody finds the key: what opens is what was sealed, letter by letter.
  if (const auto position = tokens.Open(scope, text); position && tokens.Seal(scope, *position) != text) std::abort();

  const std::vector<std::string> position{std::string(text.substr(0, 300)), std::string(scope)};
  const auto opened = tokens.Open(scope, tokens.Seal(scope, position));
  if (!opened || *opened != position) std::abort();
  return 0;
}
