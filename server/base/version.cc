#include "server/base/version.h"

namespace poold {

std::string_view Version() { return POOLD_VERSION; }

}  // namespace poold
