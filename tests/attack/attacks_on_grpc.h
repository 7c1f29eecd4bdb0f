#pragma once

#include <string>
#include <vector>

#include "tests/attack/attack.h"

namespace poold {

// `flooders_key`: the bearer key of the one attacker who is known.
std::vector<Attack> AttacksOnGrpc(const std::string& flooders_key);

}  // namespace poold
