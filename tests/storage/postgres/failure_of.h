#pragma once

#include <functional>
#include <optional>

#include "storage/postgres/failure.h"

namespace poold::storage {

// The StorageFailure that the call throws, if it does.
inline std::optional<StorageFailure> FailureOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const StorageFailure& failure) {
    return failure;
  }
  return std::nullopt;
}

}  // namespace poold::storage
