#pragma once

// The World of tests: the time stands still until told, and ids are counted. Any thread.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "server/base/world.h"

namespace poold {

class FakeWorld final : public World {
 public:
  // 2024-01-01T00:00:00.000Z unless told otherwise.
  static constexpr storage::Time kStart{std::chrono::milliseconds{1704067200000}};

  // Ids begin at `first_id`; tests that share a database give each world a range of its own.
  explicit FakeWorld(std::uint64_t first_id = 1, storage::Time now = kStart)
      : now_(now.time_since_epoch().count()), next_(first_id) {}

  storage::Time Now() override { return storage::Time(std::chrono::milliseconds(now_.load())); }
  std::string NewPoolId() override { return "pool-" + Hex32(next_++); }
  std::string NewPhoneNumberId() override { return "phone-" + Hex32(next_++); }
  std::string NewRequestId() override {
    char text[37];
    std::snprintf(text, sizeof(text), "00000000-0000-4000-8000-%012llx", static_cast<unsigned long long>(next_++));
    return text;
  }

  void Set(storage::Time now) { now_ = now.time_since_epoch().count(); }
  void Advance(std::chrono::milliseconds by) { now_ += by.count(); }

 private:
  static std::string Hex32(std::uint64_t value) {
    char text[33];
    std::snprintf(text, sizeof(text), "%032llx", static_cast<unsigned long long>(value));
    return text;
  }

  std::atomic<std::chrono::milliseconds::rep> now_;
  std::atomic<std::uint64_t> next_;
};

}  // namespace poold
