#pragma once

// The facts of the public service model (tests/data/api-model.json), to compare the .proto files with.

#include <algorithm>
#include <cctype>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "build_paths.h"

namespace poold {

inline const nlohmann::json& ApiModel() {
  static const auto model =
      nlohmann::json::parse(std::ifstream(std::string(kSourceDir) + "/tests/data/api-model.json"));
  return model;
}

// The model's description of a type, "CreatePoolRequest" for instance.
inline const nlohmann::json& ModelShape(const std::string& name) { return ApiModel().at("shapes").at(name); }

// "PoolId" for "pool_id".
inline std::string ModelName(const std::string& field) {
  std::string name;
  bool start = true;
  for (const char c : field) {
    if (c == '_') {
      start = true;
      continue;
    }
    name += start ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    start = false;
  }
  return name;
}

}  // namespace poold
