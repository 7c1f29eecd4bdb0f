#pragma once

#include <unistd.h>

#include <utility>

namespace poold {

// Owns an open file and closes it. One thread at a time.
class UniqueFd {
 public:
  UniqueFd() = default;
  // Takes `fd` over; -1: there is none.
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { Close(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = other.Release();
    }
    return *this;
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

  // The caller owns the file from now on.
  int Release() { return std::exchange(fd_, -1); }

  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace poold
