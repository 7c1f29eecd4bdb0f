#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

#include "server/base/unique_fd.h"

namespace poold {

// One thread that serves many files: it waits until some are ready (epoll, level-triggered) and tells the members that
// watch them. Nothing on it may block.
class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;

  // What a loop serves, and owns. All its functions, the destructor included, run on the loop's thread. A member that
  // throws is removed.
  class Member {
   public:
    virtual ~Member() = default;
    // Comes first. A member watches its files here.
    virtual void OnStart() = 0;
    // `file` is ready for `events` (EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR). It may turn out not to be.
    virtual void OnReady(int file, std::uint32_t events) = 0;
    // Every kTick, or somewhat later: to look at time limits.
    virtual void OnTick() {}
  };

  static constexpr std::chrono::milliseconds kTick{250};

  // Throws std::system_error if there are no files left for it.
  EventLoop();
  // Ends the thread. Members that are left are destroyed.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Any thread. The loop owns the member and starts it soon.
  void Add(std::unique_ptr<Member> member);
  // Any thread. Runs `work` on the loop's thread soon, and waits until it has run. Not from the loop's thread.
  void RunAndWait(const std::function<void()>& work);
  // Any thread but the loop's. Waits until there is no member, at most so long; says whether there is none.
  bool WaitUntilEmpty(std::chrono::milliseconds limit);

  // The following are for members only.

  // Tells `member` from now on when `file` is ready for `events`; EPOLLHUP and EPOLLERR are always among them. Of a
  // file that is watched already, it changes the events. Throws std::system_error.
  void Watch(Member& member, int file, std::uint32_t events);
  // Must come before a watched file is closed. Of a file that isn't watched: does nothing.
  void Unwatch(int file);
  // Destroys `member` once the events at hand are done with. Again is harmless.
  void Remove(Member& member);
  // The time at which the events at hand were fetched.
  Clock::time_point now() const { return now_; }
  // Memory for anything, which holds what was put there until the member's function returns.
  std::span<std::byte> scratch() { return *scratch_; }

  // As much as is moved from one socket to another at a time.
  static constexpr std::size_t kScratch = 32 << 10;

 private:
  void Run();
  void TakeNews();
  void Dispatch();
  void Tell(Member& member, const std::function<void()>& what);
  void DestroyRemoved();
  void Wake() const;

  const UniqueFd epoll_;
  const UniqueFd wake_;
  const std::unique_ptr<std::array<std::byte, kScratch>> scratch_ = std::make_unique<std::array<std::byte, kScratch>>();

  // On the loop's thread only.
  Clock::time_point now_ = Clock::now();
  std::unordered_map<int, Member*> watchers_;  // by file
  std::map<Member*, std::unique_ptr<Member>> members_;
  std::vector<std::unique_ptr<Member>> removed_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Member>> added_;
  std::vector<std::function<void()>> work_;
  std::size_t member_count_ = 0;  // those in added_ too
  bool stopping_ = false;

  std::thread thread_;  // last: it uses everything else
};

}  // namespace poold
