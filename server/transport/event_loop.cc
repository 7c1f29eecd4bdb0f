#include "server/transport/event_loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <future>
#include <system_error>
#include <utility>

namespace poold {
namespace {

// Files that one round serves. With more that are ready, the others come in the next round.
constexpr int kEventsOfARound = 128;

UniqueFd MustHave(int file, const char* what) {
  if (file < 0) throw std::system_error(errno, std::generic_category(), what);
  return UniqueFd(file);
}

}  // namespace

EventLoop::EventLoop()
    : epoll_(MustHave(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(MustHave(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake_.get()}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
  thread_ = std::thread([this] { Run(); });
}

EventLoop::~EventLoop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
}

void EventLoop::Add(std::unique_ptr<Member> member) {
  {
    const std::lock_guard lock(mutex_);
    added_.push_back(std::move(member));
    ++member_count_;
  }
  Wake();
}

void EventLoop::RunAndWait(const std::function<void()>& work) {
  std::promise<void> done;
  {
    const std::lock_guard lock(mutex_);
    work_.emplace_back([&] {
      work();
      done.set_value();
    });
  }
  Wake();
  done.get_future().wait();
}

bool EventLoop::WaitUntilEmpty(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return member_count_ == 0; });
}

void EventLoop::Watch(Member& member, int file, std::uint32_t events) {
  const bool is_new = watchers_.insert_or_assign(file, &member).second;
  epoll_event event{.events = events, .data = {.fd = file}};
  if (epoll_ctl(epoll_.get(), is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, file, &event) != 0) {
    const int error = errno;
    watchers_.erase(file);
    throw std::system_error(error, std::generic_category(), "epoll_ctl");
  }
}

void EventLoop::Unwatch(int file) {
  if (watchers_.erase(file) > 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, file, nullptr);
}

void EventLoop::Remove(Member& member) {
  const auto found = members_.find(&member);
  if (found == members_.end()) return;
  removed_.push_back(std::move(found->second));
  members_.erase(found);
}

void EventLoop::Wake() const {
  const std::uint64_t one = 1;
  // It fails only when the counter is full, and then the loop is awake anyway.
  [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof(one));
}

void EventLoop::Run() {
  // OpenSSL writes to sockets without MSG_NOSIGNAL.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);

  auto next_tick = Clock::now() + kTick;
  while (true) {
    TakeNews();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) break;
    }
    Dispatch();
    if (now_ >= next_tick) {
      next_tick = now_ + kTick;
      std::vector<Member*> members;
      for (const auto& [member, owned] : members_) members.push_back(member);
      for (Member* member : members) Tell(*member, [member] { member->OnTick(); });
    }
    DestroyRemoved();
  }
  for (auto& [member, owned] : members_) removed_.push_back(std::move(owned));
  members_.clear();
  DestroyRemoved();
  const std::lock_guard lock(mutex_);
  added_.clear();
}

void EventLoop::TakeNews() {
  std::vector<std::unique_ptr<Member>> added;
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    added.swap(added_);
    work.swap(work_);
  }
  for (auto& each : added) {
    Member* const member = each.get();
    members_.emplace(member, std::move(each));
    Tell(*member, [member] { member->OnStart(); });
  }
  for (const auto& each : work) each();
  DestroyRemoved();
}

void EventLoop::Dispatch() {
  std::array<epoll_event, kEventsOfARound> events;
  const int patience = members_.empty() ? -1 : static_cast<int>(kTick.count());
  const int count = epoll_wait(epoll_.get(), events.data(), kEventsOfARound, patience);
  now_ = Clock::now();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd == wake_.get()) {
      std::uint64_t ignored = 0;
      [[maybe_unused]] const auto taken = read(wake_.get(), &ignored, sizeof(ignored));
      continue;
    }
    const auto watcher = watchers_.find(event.data.fd);  // an earlier event may have ended the watch
    if (watcher == watchers_.end()) continue;
    Member& member = *watcher->second;
    Tell(member, [&] { member.OnReady(event.data.fd, event.events); });
  }
}

void EventLoop::Tell(Member& member, const std::function<void()>& what) {
  try {
    what();
  } catch (const std::exception&) {  // no memory, or no room in the kernel
    Remove(member);
  }
}

void EventLoop::DestroyRemoved() {
  if (removed_.empty()) return;
  const std::size_t count = removed_.size();
  removed_.clear();
  const std::lock_guard lock(mutex_);
  member_count_ -= count;
  if (member_count_ == 0) changed_.notify_all();
}

}  // namespace poold
