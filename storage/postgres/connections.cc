#include "storage/postgres/connections.h"

#include <pthread.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <utility>

#include "storage/postgres/backoff.h"

namespace poold::storage {
namespace {

using std::chrono::milliseconds;

// A transaction of ours waits for nothing but the database, so one that idles belongs to a process that is gone or
// frozen, and must give its locks back.
constexpr milliseconds kIdleInTransaction{5000};

// Between attempts to connect to a database that is down: about a second at the most, so that the service is back about
// a second after its database.
constexpr milliseconds kConnectBase{50};
constexpr milliseconds kConnectCap{1000};

}  // namespace

Connections::Connections(const DatabaseOptions& options)
    : options_(options),
      parameters_(ConnectionParameters::Parse(options.url, {.statement = options.statement_backstop,
                                                            .lock = options.statement_backstop / 2,
                                                            .idle_in_transaction = kIdleInTransaction,
                                                            .refuse_writes = true,
                                                            .pooled = !options.prepare})),
      slots_(static_cast<std::size_t>(options.connections)) {
  for (Slot& slot : slots_) free_.push_back(&slot);
  watch_ = std::jthread([this](const std::stop_token& stop) { Watch(stop); });
}

void Connections::AddTo(DatabaseStats& stats) const {
  {
    const std::lock_guard lock(mutex_);
    for (const Slot& slot : slots_) stats.open += slot.session ? 1 : 0;
    stats.in_use = static_cast<int>(slots_.size() - free_.size());
    stats.waiting = static_cast<int>(waiting_.size());
  }
  stats.connects = connects_;
  stats.connect_failures = connect_failures_;
  stats.cuts = cuts_;
}

bool Connections::MayConnectBefore(Clock::time_point deadline) const {
  const std::lock_guard lock(mutex_);
  return std::max(Clock::now(), gate_.failures > 0 ? gate_.not_before : Clock::time_point()) <
         deadline - kLeastForAnAttempt;
}

Connections::Slot& Connections::Acquire(const Bounds& bounds) {
  std::unique_lock lock(mutex_);
  if (!free_.empty()) {  // then nobody waits
    Slot& slot = *free_.back();
    free_.pop_back();
    return slot;
  }
  Waiter self;
  waiting_.push_back(&self);
  self.given.wait_until(lock, bounds.stop, bounds.deadline, [&] { return self.slot != nullptr; });
  if (self.slot != nullptr) return *self.slot;
  waiting_.remove(&self);
  throw Exceeded(bounds, "while waiting for a connection");
}

void Connections::Release(Slot& slot) {
  std::unique_ptr<Session> broken;
  const std::lock_guard lock(mutex_);
  slot.cut_at = Clock::time_point::max();
  if (slot.session && (slot.session->broken() || !slot.session->Idle())) broken = std::move(slot.session);
  if (waiting_.empty()) {
    free_.insert(slot.session ? free_.end() : free_.begin(), &slot);
    return;
  }
  Waiter& first = *waiting_.front();
  waiting_.pop_front();
  first.slot = &slot;
  first.given.notify_one();
}

// With the password as it is now.
ConnectionParameters Connections::Parameters() const {
  ConnectionParameters parameters = parameters_;
  if (options_.password_file.empty()) return parameters;
  std::ifstream file(options_.password_file);
  std::string password;
  if (!std::getline(file, password)) {
    throw StorageFailure(Kind::kUnavailable, "cannot read a password from " + options_.password_file);
  }
  std::erase_if(parameters.values, [](const auto& value) { return value.first == "password"; });
  parameters.values.emplace_back("password", password);
  return parameters;
}

std::unique_ptr<Session> Connections::Connect(const Bounds& bounds) {
  std::unique_lock lock(mutex_);
  // A database known to be down is tried once more, and that decides. One that was fine a moment ago gets more tries:
  // it may be restarting.
  const std::uint64_t give_up_at =
      gate_.failed_ever + static_cast<std::uint64_t>(gate_.failures >= options_.max_tries ? 1 : options_.max_tries);

  const auto last_moment = bounds.deadline - kLeastForAnAttempt;
  for (;;) {
    while (gate_.failures > 0 && (gate_.trying || Clock::now() < gate_.not_before)) {
      if (gate_.failed_ever >= give_up_at || Clock::now() >= last_moment) {
        throw StorageFailure(Kind::kUnavailable, gate_.last_error);
      }
      if (bounds.stop.stop_requested()) throw Exceeded(bounds, "while waiting for the database to come back");
      const auto until = gate_.trying ? last_moment : std::min(last_moment, gate_.not_before);
      gate_moved_.wait_until(lock, bounds.stop, until, [&, failed = gate_.failed_ever, trying = gate_.trying] {
        return gate_.failures == 0 || gate_.failed_ever != failed || gate_.trying != trying;
      });
    }
    if (gate_.failed_ever >= give_up_at) throw StorageFailure(Kind::kUnavailable, gate_.last_error);

    const bool alone = gate_.failures > 0;
    const int failures = gate_.failures;
    if (alone) gate_.trying = true;
    lock.unlock();

    std::unique_ptr<Session> session;
    std::optional<StorageFailure> failure;
    const auto limit = Clock::now() + options_.connect_timeout;
    try {
      session = Session::Connect(Parameters(), options_.prepare, std::min(bounds.deadline, limit), bounds.stop, host_);
      host_ = session->host();
    } catch (const StorageFailure& caught) {
      failure = caught;
    }

    lock.lock();
    if (alone) gate_.trying = false;
    gate_moved_.notify_all();
    if (session) {
      gate_.failures = 0;
      ++connects_;
      return session;
    }
    // A caller's own hurry says nothing about the database.
    if (failure->kind() == Kind::kCancelled) throw *failure;
    if (failure->kind() == Kind::kDeadline && bounds.deadline < limit) throw *failure;
    ++connect_failures_;
    ++gate_.failed_ever;
    gate_.failures = std::max(gate_.failures, failures + 1);  // several at once are one failure
    const milliseconds pause = Doubled(kConnectBase, kConnectCap, gate_.failures - 1);
    gate_.not_before = Clock::now() + Jitter(pause / 2, pause);
    gate_.last_error = failure->what();
  }
}

// libpq blocks until the server answers, so somebody else has to look at the clock. This thread sleeps until the
// earliest deadline that it knows of and is woken for an earlier one only. Deadlines mostly come in order, so it wakes
// about once per deadline's length, and not at all when nothing runs.
void Connections::Watch(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "db-deadlines");
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = Clock::now();
    auto next = Clock::time_point::max();
    for (Slot& slot : slots_) {
      if (slot.cut_at <= now) {
        slot.cut_at = Clock::time_point::max();
        if (slot.session) {
          slot.session->Cut(slot.cut_as);
          ++cuts_;
        }
      }
      next = std::min(next, slot.cut_at);
    }
    watch_next_ = next;
    const auto sooner = [this, next] { return watch_next_ < next; };
    if (next == Clock::time_point::max()) {
      watch_sooner_.wait(lock, stop, sooner);
    } else {
      watch_sooner_.wait_until(lock, stop, next, sooner);
    }
  }
}

// Under mutex_. True if Watch has to be woken, since it would look too late.
bool Connections::Reschedule(Slot& slot, Clock::time_point when, Kind cut_as) {
  slot.cut_at = when;
  slot.cut_as = cut_as;
  if (when >= watch_next_) return false;
  watch_next_ = when;
  return true;
}

void Connections::CutLater(Slot& slot, Clock::time_point when) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    wake = Reschedule(slot, when, Kind::kDeadline);
  }
  if (wake) watch_sooner_.notify_one();
}

void Connections::CutAfterGrace(Slot& slot) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (!slot.session) return;
    const auto when = Clock::now() + options_.stop_grace;
    if (when >= slot.cut_at) return;
    if (options_.stop_grace.count() == 0) {
      slot.session->Cut(Kind::kCancelled);
      ++cuts_;
      return;
    }
    wake = Reschedule(slot, when, Kind::kCancelled);
  }
  if (wake) watch_sooner_.notify_one();
}

Connections::Lease::Lease(Connections& connections, const Bounds& bounds, WorkLog* log)
    : connections_(connections),
      bounds_(bounds),
      listeners_{&connections.options_.observe, log},
      slot_(connections.Acquire(bounds)) {
  Arm();
}

Connections::Lease::~Lease() {
  on_stop_.reset();
  if (slot_.session) slot_.session->set_listeners({});
  connections_.Release(slot_);
}

Session& Connections::Lease::Ready(const Bounds& bounds) {
  if (slot_.session && (slot_.session->broken() || !slot_.session->Idle())) Discard();
  if (!slot_.session) Connect(bounds);
  slot_.session->set_listeners(listeners_);
  connections_.CutLater(slot_, bounds.deadline);
  // Stopped before there was something to cut.
  if (bounds.stop.stop_requested()) CutOnStop{*this}();
  return *slot_.session;
}

void Connections::Lease::Committing(Clock::time_point when) {
  on_stop_.reset();
  connections_.CutLater(slot_, when);
}

void Connections::Lease::Resume() {
  if (!on_stop_) Arm();
}

void Connections::Lease::Connect(const Bounds& bounds) {
  const auto began = Clock::now();
  try {
    Install(connections_.Connect(bounds));
  } catch (const StorageFailure&) {
    listeners_.Tell("connect", began, false, {});
    throw;
  }
  listeners_.Tell("connect", began, true, {});
}

void Connections::Lease::Arm() {
  on_stop_ = std::make_unique<std::stop_callback<CutOnStop>>(bounds_.stop, CutOnStop{*this});
}

void Connections::Lease::Install(std::unique_ptr<Session> session) {
  {
    const std::lock_guard lock(connections_.mutex_);
    std::swap(session, slot_.session);
    slot_.cut_at = Clock::time_point::max();
  }
  // The old one is closed here, outside the lock.
}

}  // namespace poold::storage
