#pragma once

// What only the outside can decide: the time, and ids that nobody can guess. Everything else a handler does follows
// from its inputs. Tests use FakeWorld (tests/support/fake_world.h).

#include <chrono>
#include <string>

#include "storage/values/time.h"

namespace poold {

// Any thread may call any function of it, at any time.
class World {
 public:
  virtual ~World() = default;

  virtual storage::Time Now() = 0;
  // "pool-" and 32 lower-case hex digits (128 random bits).
  virtual std::string NewPoolId() = 0;
  // "phone-" and 32 lower-case hex digits.
  virtual std::string NewPhoneNumberId() = 0;
  // A UUID, version 4, lower case.
  virtual std::string NewRequestId() = 0;
};

// The clock of the system and random bits of the kernel (getrandom), fetched in blocks per thread.
// The ids throw std::system_error should the kernel give none.
class RealWorld final : public World {
 public:
  storage::Time Now() override;
  std::string NewPoolId() override;
  std::string NewPhoneNumberId() override;
  std::string NewRequestId() override;
};

}  // namespace poold
