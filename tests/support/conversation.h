#pragma once

// A recorded conversation on a connection: what each side sent, and when. The seeds of the fuzzed guard of HTTP/2 are
// such files.
//
// A file is a row of pieces. Each begins with a byte: bit 0: the server sent it; the other bits: how many tenths of a
// second passed before it. Two bytes follow, its length (the greater first), and its bytes.

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace poold {

struct ConversationPiece {
  bool from_server;
  std::chrono::milliseconds pause;
  std::string_view bytes;
};

// A last piece that is too short is taken as it is.
inline std::vector<ConversationPiece> ReadConversation(std::string_view file) {
  std::vector<ConversationPiece> pieces;
  while (file.size() >= 3) {
    const auto kind = static_cast<std::uint8_t>(file[0]);
    const std::size_t length =
        static_cast<std::size_t>(static_cast<std::uint8_t>(file[1])) << 8 | static_cast<std::uint8_t>(file[2]);
    file.remove_prefix(3);
    pieces.push_back({(kind & 1) != 0, std::chrono::milliseconds(100) * (kind >> 1), file.substr(0, length)});
    file.remove_prefix(pieces.back().bytes.size());
  }
  return pieces;
}

}  // namespace poold
