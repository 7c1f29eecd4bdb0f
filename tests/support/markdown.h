#pragma once

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "build_paths.h"

namespace poold {

// A fenced block of a document: ```language, lines, ```.
struct Block {
  std::string section;  // the last heading above it
  std::string language;
  std::string text;
};

// Those of a document of this repository, in order. `path`: from its root, such as "README.md".
inline std::vector<Block> BlocksOf(const std::string& path) {
  std::ifstream file(std::string(kSourceDir) + "/" + path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<Block> blocks;
  std::string section;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) blocks.push_back({section, line.substr(3), {}});
    } else if (inside) {
      blocks.back().text += line + "\n";
    } else if (line.starts_with("#")) {
      section = line.substr(line.find_first_not_of("# "));
    }
  }
  return blocks;
}

}  // namespace poold
