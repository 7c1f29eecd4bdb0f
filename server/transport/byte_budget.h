#pragma once

// Bytes that strangers may make the program hold, counted over all connections.

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>

namespace poold {

// A number of bytes that many share. All methods may be called from any thread; none waits.
class ByteBudget {
 public:
  explicit ByteBudget(std::int64_t capacity) : capacity_(capacity) {}
  ~ByteBudget() { assert(taken() == 0); }
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  // Takes `bytes` (not negative) if that many are left; otherwise takes nothing and returns false.
  bool TryTake(std::int64_t bytes) {
    std::int64_t taken = taken_.load(std::memory_order_relaxed);
    do {
      if (bytes > capacity_ - taken) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
    return true;
  }

  // Gives back what was taken.
  void Return(std::int64_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

  std::int64_t capacity() const { return capacity_; }
  std::int64_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  const std::int64_t capacity_;
  std::atomic<std::int64_t> taken_{0};
};

// What one connection or request has taken of a budget; it gives everything back when it is destroyed. One thread at a
// time. The budget must outlive it.
class ByteShare {
 public:
  explicit ByteShare(ByteBudget& budget) : budget_(&budget) {}
  ~ByteShare() { ReturnAll(); }
  ByteShare(const ByteShare&) = delete;
  ByteShare& operator=(const ByteShare&) = delete;

  // As ByteBudget::TryTake.
  bool TryTake(std::int64_t bytes) {
    if (!budget_->TryTake(bytes)) return false;
    taken_ += bytes;
    return true;
  }

  // As TryTake, but only if the share then has no more than an eighth of what is left to the others. So whoever comes
  // later finds some: each share that takes all it can leaves eight ninths of what it found.
  bool TryTakeFairly(std::int64_t bytes) {
    const std::int64_t left = budget_->capacity() - budget_->taken();
    return bytes <= left && taken_ + bytes <= (left - bytes) / kFairPart && TryTake(bytes);
  }

  // Gives `bytes` back, at most what it has.
  void Return(std::int64_t bytes) {
    const std::int64_t returned = std::min(bytes, taken_);
    taken_ -= returned;
    budget_->Return(returned);
  }
  void ReturnAll() { Return(taken_); }

  std::int64_t taken() const { return taken_; }

 private:
  static constexpr std::int64_t kFairPart = 8;

  ByteBudget* budget_;
  std::int64_t taken_ = 0;
};

}  // namespace poold
